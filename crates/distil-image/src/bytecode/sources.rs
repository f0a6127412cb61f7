//! Which sources of an image are compiled.

use distil_bytecode::exchange::MAX_SOURCE;
use distil_bytecode::{PythonVersion, cached_path};
use distil_tree::{Kind, Metadata, Origin, Tree, TreePath};

use super::compiler::PythonSource;

/// Directories from which nobody imports.
const OTHERS: [&str; 4] = ["etc", "usr/share/doc", "usr/share/man", "usr/share/info"];

/// A source, and where its compiled file goes.
pub(super) struct Found {
    pub(super) source: PythonSource,
    /// Its owner, mode and time.
    pub(super) meta: Metadata,
    /// Where the compiled file goes.
    pub(super) cached: TreePath,
}

/// The sources of a tree that have no compiled file yet. One that came with what another machine left
/// beside its source is as good as none: that would not be found valid.
pub(super) fn find(tree: &Tree, version: PythonVersion) -> Vec<Found> {
    let own = format!("usr/lib/python{version}");
    let others: Vec<TreePath> = OTHERS.iter().map(|path| TreePath::of(path)).collect();
    let mut found = Vec::new();
    for (path, entry) in tree.iter() {
        let Some(name) = path.as_str().filter(|name| name.ends_with(".py")) else {
            continue;
        };
        if others.iter().any(|other| path.is_within(other)) || is_of_another(name, &own) {
            continue;
        }
        let Some(cached) = cached_path(name, version) else {
            continue;
        };
        let cached = TreePath::of(&cached);
        let is_there = tree
            .get(&cached)
            .is_some_and(|entry| matches!(entry.origin, Origin::Compiled(_) | Origin::Package(_)));
        if is_there {
            continue;
        }
        let Some((place, target)) = tree.follow(path) else {
            continue;
        };
        let Kind::File(node) = &target.kind else {
            continue;
        };
        if node.content.size() > MAX_SOURCE {
            continue;
        }
        // What is the user's, or configuration, may be mounted over in a container.
        let is_checked = match &target.origin {
            Origin::Package(_) => place.is_within(&TreePath::of("etc")),
            Origin::Bundle(one) => one.kind != "wheel",
            Origin::Generated(_) | Origin::Definition(_) | Origin::Compiled(_) => true,
        };
        found.push(Found {
            source: PythonSource {
                path: path.clone(),
                content: node.content.clone(),
                origin: entry.origin.clone(),
                is_checked,
            },
            meta: target.meta,
            cached,
        });
    }
    found
}

/// Whether a path is in the standard library of another version.
fn is_of_another(path: &str, own: &str) -> bool {
    let mut parts = path.splitn(4, '/');
    let (usr, lib, library) = (parts.next(), parts.next(), parts.next());
    let (Some("usr"), Some("lib"), Some(library)) = (usr, lib, library) else {
        return false;
    };
    let version = library.strip_prefix("python");
    version.is_some_and(|version| version.contains('.')) && !own.ends_with(&format!("/{library}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_other_versions() {
        let own = "usr/lib/python3.13";
        assert!(is_of_another("usr/lib/python3.11/os.py", own));
        for path in [
            "usr/lib/python3.13/os.py",
            "usr/lib/python3/dist-packages/a.py",
            "app/python3.11/a.py",
        ] {
            assert!(!is_of_another(path, own), "{path}");
        }
    }
}
