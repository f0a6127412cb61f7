//! What rules look at: a file system, and how a container of it is run.

use distil_inspect::{ContainerConfig, Filesystem};
use distil_tree::{Entry, Tree, TreePath};

/// An image as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What a container sees.
    pub filesystem: &'a Filesystem,
    /// How it runs.
    pub config: &'a ContainerConfig,
    /// Programs that are the image's runtime, beside what its configuration leads to.
    pub runtimes: &'a [TreePath],
}

impl<'a> Subject<'a> {
    pub(crate) fn tree(&self) -> &'a Tree {
        &self.filesystem.tree
    }

    /// What an absolute path leads to. Relative ones begin at the directory that the process starts
    /// in.
    pub(crate) fn follow(&self, path: &str) -> Option<(TreePath, &'a Entry)> {
        self.config.follow(self.tree(), path)
    }
}
