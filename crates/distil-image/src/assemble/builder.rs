//! The tree of an image while it is being made, layer by layer.

use distil_definition::recipe::Position;
use distil_tree::{Entry, Kind, Metadata, Origin, Tree, TreePath};

use super::error::AssembleError;
use crate::whiteout::is_whiteout;

/// A tree that grows layer by layer, the lowest first.
#[derive(Debug)]
pub(super) struct TreeBuilder {
    /// The tree so far.
    pub(super) tree: Tree,
    /// The number of the layer that entries are put into.
    pub(super) layer: usize,
    /// The newest time of any file so far, which what is made of them gets.
    newest: i64,
    /// The time that they get instead, where one is given.
    epoch: Option<i64>,
}

impl TreeBuilder {
    /// An empty tree. `epoch` is the time that what is made here gets, instead of the newest of
    /// the packages' files.
    pub(super) fn new(epoch: Option<i64>) -> Self {
        Self {
            tree: Tree::new(),
            layer: 0,
            newest: 0,
            epoch,
        }
    }

    /// The time of what is made here, in seconds since 1970.
    pub(super) fn made(&self) -> i64 {
        self.epoch.unwrap_or(self.newest)
    }

    /// Takes note of the time of a package's file.
    pub(super) fn note_time(&mut self, mtime: i64) {
        self.newest = self.newest.max(mtime);
    }

    /// Puts an entry into the current layer; where it is, once links on the way are followed.
    pub(super) fn insert(
        &mut self,
        path: &TreePath,
        kind: Kind,
        meta: Metadata,
        origin: Origin,
    ) -> Result<TreePath, AssembleError> {
        if is_whiteout(path) {
            return Err(AssembleError::Whiteout {
                origin: origin.to_string(),
                path: path.clone(),
                position: Position::default(),
            });
        }
        let entry = Entry {
            kind,
            meta,
            origin: origin.clone(),
            layer: self.layer,
        };
        let failed = |source| AssembleError::Insert {
            origin: origin.to_string(),
            source,
        };
        self.tree.insert(path, entry).map_err(failed)
    }
}
