//! Licences where scanners look for them.
//!
//! Debian lets the folder of a package's documentation be a link to that of another package of its
//! source (Debian Policy §12.3, §12.5). Trivy reads the files of layers one by one and follows no
//! link, and so would see no licence of such a package.

use std::sync::Arc;

use distil_tree::{Entry, FileNode, Kind, Metadata, Origin, TreePath};

use super::{AssembleError, Assembling};

/// Where packages' folders of documentation are.
const DOCUMENTATION: &str = "usr/share/doc";

impl Assembling<'_> {
    /// Gives every package whose licence is there by a link only a copy of its own.
    pub(super) fn copy_linked_licences(&mut self, number: usize) -> Result<(), AssembleError> {
        for place in 0..self.packages.len() {
            let name: Arc<str> = self.packages[place].locked.name.as_str().into();
            let folder = TreePath::of(DOCUMENTATION).join(name.as_bytes());
            let copyright = folder.join("copyright");
            let is_own = |entry: &Entry| entry.file().is_some();
            if self.tree.get(&copyright).is_some_and(is_own) {
                continue;
            }
            let Some((_, there)) = self.tree.follow(&copyright) else {
                continue;
            };
            let (meta, Some(node)) = (there.meta, there.file()) else {
                continue;
            };
            // Of a node of its own: a hard link would be of no more use than the other one.
            let copy = Kind::File(Arc::new(FileNode::new(node.content.clone(), node.md5)));
            let mut entries = vec![(copyright, copy, meta)];
            if let Some(link) = self.link_at(&folder) {
                entries.extend(self.rest_behind(&folder));
                self.tree.remove(&folder);
                let origin = Origin::Package(name.clone());
                let meta = Metadata::root(0o755, link.mtime);
                self.insert(&folder, Kind::Directory, meta, origin, number)?;
                self.packages[place].files.retain(|file| *file != folder);
            }
            for (path, kind, meta) in entries {
                let origin = Origin::Package(name.clone());
                let placed = self.insert(&path, kind, meta, origin, number)?;
                let files = &mut self.packages[place].files;
                files.retain(|file| *file != placed);
                files.push(placed);
            }
            self.packages[place].files.sort();
        }
        Ok(())
    }

    /// The link at a path, if one is there.
    fn link_at(&self, path: &TreePath) -> Option<Metadata> {
        let entry = self.tree.get(path)?;
        matches!(entry.kind, Kind::Symlink(_)).then_some(entry.meta)
    }

    /// Links to what else a linked folder has: documentation that a definition keeps.
    fn rest_behind(&self, folder: &TreePath) -> Vec<(TreePath, Kind, Metadata)> {
        let Ok(behind) = self.tree.resolve(folder) else {
            return Vec::new();
        };
        let children = self.tree.children(&behind).filter_map(|(path, entry)| {
            let name = path.name().filter(|name| *name != b"copyright")?;
            let meta = Metadata::root(0o777, entry.meta.mtime);
            let target = [b"/", path.as_bytes()].concat();
            Some((folder.join(name), Kind::symlink(target), meta))
        });
        children.collect()
    }
}
