//! An interpreter out of packages alone, where the image's own is for another machine than this.

use std::sync::Arc;

use distil_debian::deb::{EntryKind, PackageFile};
use distil_lock::Contents;
use distil_tree::{Digests, Entry, FileNode, Kind, Metadata, Origin, Tree, TreePath};

use super::error::BytecodeError;
use super::interpreter::Interpreter;
use crate::merged_usr::{folded, is_merged_directory, merged_links};

impl Interpreter {
    /// The Python of a version out of packages; none if they do not have it.
    ///
    /// # Errors
    /// If files that it needs are not in them.
    pub fn of_packages(contents: &Contents, version: &str) -> Result<Option<Self>, BytecodeError> {
        let mut tree = Tree::new();
        for (path, target) in merged_links() {
            put(
                &mut tree,
                &path,
                Kind::symlink(target),
                &Origin::Generated("link".into()),
            );
        }
        for (name, package) in contents.packages() {
            add(&mut tree, name, package);
        }
        Self::of_program(&tree, &TreePath::of(&format!("usr/bin/python{version}")))
    }
}

fn add(tree: &mut Tree, name: &str, package: &PackageFile) {
    let origin = Origin::Package(name.into());
    for entry in &package.package.entries {
        let path = folded(&entry.path);
        let kind = match &entry.kind {
            EntryKind::Symlink(target) => Kind::symlink(target),
            EntryKind::Directory => continue,
            EntryKind::File { .. } | EntryKind::HardLink(_) => match package.content(entry) {
                Some(content) => Kind::File(Arc::new(FileNode::new(content, Digests::default()))),
                None => continue,
            },
        };
        if !is_merged_directory(&path) {
            put(tree, &path, kind, &origin);
        }
    }
}

/// What contradicts something else is not an interpreter's.
fn put(tree: &mut Tree, path: &TreePath, kind: Kind, origin: &Origin) {
    let entry = Entry {
        kind,
        meta: Metadata::root(0o755, 0),
        origin: origin.clone(),
        layer: 0,
    };
    let _ = tree.insert(path, entry);
}
