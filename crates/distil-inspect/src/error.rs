//! Why an image cannot be read.

use std::io;

use distil_tree::TreePath;
use distil_tree::folder::FolderError;
use distil_tree::tar::ReadError;

/// Why a layer, or a root file system in its place, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The bytes cannot be had.
    #[error("failed to read the layer")]
    Open(#[source] io::Error),
    /// It is not an archive, or one that cannot be read without doubt.
    #[error(transparent)]
    Tar(#[from] ReadError),
    /// A member has a name that leads out of the image, or something that no file can have.
    #[error("`{name}` in the layer {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A member lies in another one of the same layer that is not a directory, or is a hard link to
    /// one that is not there: no engine applies such a layer.
    #[error("`{path}` in the layer {problem}")]
    Contradiction {
        /// The member.
        path: TreePath,
        /// What is wrong with it.
        problem: String,
    },
    /// There is more than is read.
    #[error("the image has more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is read.
        limit: u64,
    },
    /// A directory of this machine cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The file for what is kept cannot be written.
    #[error("failed to write a temporary file")]
    Keep(#[source] io::Error),
}

/// Layers that contradict one another, so that no engine applies them.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A hard link leads nowhere.
    #[error(
        "layer {layer} of the image cannot be applied: `{path}` is a hard link to `{target}`, which {problem}"
    )]
    HardLink {
        /// Which, counted from 1.
        layer: usize,
        /// The link.
        path: TreePath,
        /// Where it leads.
        target: TreePath,
        /// What is wrong.
        problem: &'static str,
    },
}

/// Why an image cannot be read as a whole.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// One of its layers cannot be read.
    #[error("failed to read layer {layer} of the image, {digest}")]
    Layer {
        /// Which, counted from 1.
        layer: usize,
        /// Its digest.
        digest: String,
        /// Why.
        source: LayerError,
    },
    /// A root file system in a directory cannot be read.
    #[error(transparent)]
    Root(LayerError),
    /// The layers do not fit together.
    #[error(transparent)]
    Merge(#[from] MergeError),
}
