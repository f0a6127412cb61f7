//! The tree of an image while it is being made, layer by layer.

use distil_definition::recipe::Position;
use distil_tree::{Entry, Kind, Metadata, Origin, Tree, TreePath};

use super::error::AssembleError;
use crate::whiteout::is_whiteout;

/// The time of what has none of its own: the second day of 1980, which ZIP archives can tell in any time
/// zone (APPNOTE.TXT 4.4.6). Python and others refuse to pack files that are older.
const UNDATED: i64 = 315_619_200;

/// A tree that grows layer by layer, the lowest first.
#[derive(Debug)]
pub(super) struct TreeBuilder {
    /// The tree so far.
    pub(super) tree: Tree,
    /// The number of the layer that entries are put into.
    pub(super) layer: usize,
    /// The newest time of a package's file in the layer, which what is made of them gets.
    newest: Option<i64>,
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
            newest: None,
            epoch,
        }
    }

    /// Begins a layer on top of those so far.
    pub(super) fn begin(&mut self, layer: usize) {
        self.layer = layer;
        self.newest = None;
    }

    /// Ends a layer. Its directories get a time of their own: that of a package would change whatever else
    /// lies in them with each of its versions, since layers have the directories above their files.
    pub(super) fn end(&mut self) {
        let directories = self.tree.iter_mut();
        let own = directories.filter(|(_, entry)| entry.layer == self.layer);
        for (_, entry) in own.filter(|(_, entry)| entry.is_directory()) {
            entry.meta.mtime = UNDATED;
        }
    }

    /// The time of what is made here of packages' files, in seconds since 1970. Those of lower layers do not
    /// count: a new version of one of them would make each layer anew that is above it.
    pub(super) fn made(&self) -> i64 {
        self.epoch.or(self.newest).unwrap_or(UNDATED)
    }

    /// The time of what is made of no package: files of the definition's own.
    pub(super) fn own(&self) -> i64 {
        self.epoch.unwrap_or(UNDATED)
    }

    /// The time that what is made here has to have, where one is given.
    pub(super) fn epoch(&self) -> Option<i64> {
        self.epoch
    }

    /// Takes note of the time of a package's file.
    pub(super) fn note_time(&mut self, mtime: i64) {
        self.newest = self.newest.max(Some(mtime));
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
