//! Licences where scanners look for them.
//!
//! Debian lets the directory of a package's documentation be a link to that of another package of its
//! source (Debian Policy §12.3, §12.5). Trivy reads the files of layers one by one and follows no
//! link, and so would see no licence of such a package.

use std::sync::Arc;

use distil_tree::{Entry, FileNode, Kind, Metadata, Origin, Tree, TreePath};

use super::builder::TreeBuilder;
use super::error::AssembleError;
use super::inventory::Inventory;

/// Where packages' directories of documentation are.
const DOCUMENTATION: &str = "usr/share/doc";

/// Gives every package whose licence is there by a link only a copy of its own.
pub(super) fn copy_linked(
    builder: &mut TreeBuilder,
    inventory: &mut Inventory,
) -> Result<(), AssembleError> {
    for package in &mut inventory.packages {
        let name: Arc<str> = package.locked.name.as_str().into();
        let folder = TreePath::of(DOCUMENTATION).join(name.as_bytes());
        let copyright = folder.join("copyright");
        let is_own = |entry: &Entry| entry.file().is_some();
        if builder.tree.get(&copyright).is_some_and(is_own) {
            continue;
        }
        let Some((_, there)) = builder.tree.follow(&copyright) else {
            continue;
        };
        let (meta, Some(node)) = (there.meta, there.file()) else {
            continue;
        };
        // Of a node of its own: a hard link would be of no more use than the other one.
        let copy = Kind::File(Arc::new(FileNode::new(
            node.content.clone(),
            node.digests(),
        )));
        let mut entries = vec![(copyright, copy, meta)];
        if let Some(link) = link_at(&builder.tree, &folder) {
            entries.extend(rest_behind(&builder.tree, &folder));
            builder.tree.remove(&folder);
            let origin = Origin::Package(name.clone());
            let meta = Metadata::root(0o755, link.mtime);
            builder.insert(&folder, Kind::Directory, meta, origin)?;
            package.files.retain(|file| *file != folder);
        }
        for (path, kind, meta) in entries {
            let origin = Origin::Package(name.clone());
            let placed = builder.insert(&path, kind, meta, origin)?;
            package.files.retain(|file| *file != placed);
            package.files.push(placed);
        }
        package.files.sort();
    }
    Ok(())
}

/// The link at a path, if one is there.
fn link_at(tree: &Tree, path: &TreePath) -> Option<Metadata> {
    let entry = tree.get(path)?;
    matches!(entry.kind, Kind::Symlink(_)).then_some(entry.meta)
}

/// Links to what else a linked directory has: documentation that a definition keeps.
fn rest_behind(tree: &Tree, folder: &TreePath) -> Vec<(TreePath, Kind, Metadata)> {
    let Ok(behind) = tree.resolve(folder) else {
        return Vec::new();
    };
    let children = tree.children(&behind).filter_map(|(path, entry)| {
        let name = path.name().filter(|name| *name != b"copyright")?;
        let meta = Metadata::root(0o777, entry.meta.mtime);
        let target = [b"/", path.as_bytes()].concat();
        Some((folder.join(name), Kind::symlink(target), meta))
    });
    children.collect()
}
