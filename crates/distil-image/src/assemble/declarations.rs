//! What packages declare in files below a directory, package by package.

use distil_debian::deb::{EntryKind, PackageFile};
use distil_maintscript::{Declared, MAX_INPUT};
use distil_tree::TreePath;

use super::input::LayerInput;
use super::inventory::UndoneByPackage;
use crate::assembly::Undone;
use crate::merged_usr::folded;

/// What the packages of a layer declare in the files of a directory, in their order, each with
/// the package's name. What cannot be read is undone.
pub(super) fn declarations<T>(
    input: &LayerInput<'_>,
    directory: &str,
    parse: impl Fn(&str) -> Declared<T>,
) -> (Vec<(String, T)>, UndoneByPackage) {
    let (mut items, mut undone) = (Vec::new(), UndoneByPackage::new());
    for (package, file) in input.unpacked() {
        let name = &package.name;
        for (path, text) in texts(file, directory) {
            let declared = parse(&text);
            items.extend(declared.items.into_iter().map(|item| (name.clone(), item)));
            let problems = declared.problems.into_iter().map(|problem| Undone {
                script: path.to_string(),
                line: problem.line,
                what: format!("`{}` {}", problem.text, problem.reason),
            });
            undone.entry(name.clone()).or_default().extend(problems);
        }
    }
    (items, undone)
}

/// The files of a package that lie in a directory and end in `.conf`, sorted by path.
fn texts(file: &PackageFile, directory: &str) -> Vec<(TreePath, String)> {
    let directory = TreePath::of(directory);
    let mut texts = Vec::new();
    for entry in &file.package.entries {
        let path = folded(&entry.path);
        let is_it = path.parent().as_ref() == Some(&directory)
            && path.name().is_some_and(|name| name.ends_with(b".conf"))
            && matches!(entry.kind, EntryKind::File { .. });
        if !is_it {
            continue;
        }
        let bytes = file.content(entry).and_then(|one| one.head(MAX_INPUT).ok());
        if let Some(bytes) = bytes {
            texts.push((path, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    texts.sort_by(|(a, _), (b, _)| a.cmp(b));
    texts
}
