//! Virtual environments of Python (PEP 405), and whether they lead to one.

use std::collections::BTreeSet;

use distil_inspect::MAX_DOCUMENT;
use distil_tree::{Kind, Tree, TreePath};

/// The programs of a virtual environment that are its Python.
const PROGRAMS: [&str; 2] = ["python", "python3"];

/// The name of the file that makes a directory a virtual environment.
pub(crate) const CONFIGURATION: &[u8] = b"pyvenv.cfg";

/// The program by which a virtual environment is used, a link most often.
pub(crate) fn program(tree: &Tree, root: &TreePath) -> Option<TreePath> {
    let bin = root.join("bin");
    let mut programs = PROGRAMS.iter().map(|name| bin.join(name));
    programs.find(|path| tree.get(path).is_some())
}

/// The link that leads out of a virtual environment: `python` is a link to `python3` beside it, or
/// the other way around.
pub(crate) fn way_out(tree: &Tree, program: &TreePath) -> TreePath {
    let mut here = program.clone();
    // There are `python`, `python3` and `python3.13`.
    for _ in 0..3 {
        let target = match tree.get(&here).map(|entry| &entry.kind) {
            Some(Kind::Symlink(target)) if !target.contains(&b'/') => target,
            _ => break,
        };
        let beside = here.parent().map(|bin| bin.join(target));
        match beside.filter(|path| tree.get(path).is_some()) {
            Some(next) => here = next,
            None => break,
        }
    }
    here
}

/// Whether a path leads to a program.
pub(crate) fn is_alive(tree: &Tree, program: &TreePath) -> bool {
    let found = tree.follow(program);
    found.is_some_and(|(_, entry)| entry.is_executable())
}

/// A value of the `pyvenv.cfg` in a directory.
pub(crate) fn value(tree: &Tree, root: &TreePath, wanted: &str) -> Option<String> {
    let file = tree.get(&root.join(CONFIGURATION))?.file()?;
    let text = file.content.read(MAX_DOCUMENT).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == wanted).then(|| value.trim().to_owned())
    })
}

/// The roots of those whose Python is not in the image.
pub(crate) fn dead(tree: &Tree) -> BTreeSet<TreePath> {
    let configurations = tree.iter().map(|(path, _)| path);
    let configurations = configurations.filter(|path| path.name() == Some(CONFIGURATION));
    let roots = configurations.filter_map(TreePath::parent);
    let is_dead =
        |root: &TreePath| program(tree, root).is_some_and(|program| !is_alive(tree, &program));
    roots.filter(is_dead).collect()
}
