//! What goes wrong with a root file system in a directory.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::path::{PathError, Printable, TreePath};

/// Why a root file system could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The directory to write has something in it.
    #[error("`{}` is not empty, so nothing is written into it; name a new directory", .0.display())]
    NotEmpty(PathBuf),
    /// Something else is where a directory is needed.
    #[error("`{}` is not a directory", .0.display())]
    NotAFolder(PathBuf),
    /// The directory to write is a symbolic link.
    #[error("`{}` is a symbolic link; name the directory that it leads to", .0.display())]
    Link(PathBuf),
    /// The directory to write is a file system of its own, which cannot be replaced.
    #[error("`{}` is a mount point, which cannot be replaced; name a new directory in it", .0.display())]
    MountPoint(PathBuf),
    /// The directory to write is named by `.`, `..` or `/`.
    #[error("`{}` has no name of its own; name a new directory", .0.display())]
    NoName(PathBuf),
    /// The directory that the one to write belongs into is missing.
    #[error("`{}` does not exist; make it first", .0.display())]
    NoParent(PathBuf),
    /// [`discard_unfinished`](distil_store::unfinished::discard_unfinished) was called meanwhile.
    #[error("the program was interrupted before `{}` was written", .0.display())]
    Interrupted(PathBuf),
    /// The machine refused something about the directory as a whole.
    #[error("failed to {action} `{}`", path.display())]
    Place {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file of the tree has no bytes to write, such as when its package was cut off meanwhile.
    #[error("failed to read the content of `{path}` of the image")]
    Content {
        /// The file.
        path: TreePath,
        /// Why it failed.
        source: io::Error,
    },
    /// An entry of the tree could not be written.
    #[error("failed to write {what}`{path}` of the image to `{}`", place.display())]
    Write {
        /// What of the entry, when it is not the entry itself.
        what: Part,
        /// The entry.
        path: TreePath,
        /// The directory.
        place: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something in the directory could not be read.
    #[error("failed to {action} `{path}` in `{}`", place.display())]
    Read {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: TreePath,
        /// The directory.
        place: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something in the directory has a path that no tree can have.
    #[error("the path `/{}` in `{}` {source}", Printable(path), place.display())]
    Path {
        /// The path, relative to the directory.
        path: Vec<u8>,
        /// The directory.
        place: PathBuf,
        /// What is wrong with it.
        source: PathError,
    },
    /// The directory has more in it than the limits allow.
    #[error("`{}` has more than {limit} {what}", place.display())]
    Limit {
        /// The directory.
        place: PathBuf,
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
}

/// What of an entry is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The entry itself with its content or target.
    Itself,
    /// Its owner and group.
    Owner,
    /// Its permissions.
    Mode,
    /// Its modification time.
    Time,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Itself => "",
            Self::Owner => "the owner of ",
            Self::Mode => "the mode of ",
            Self::Time => "the time of ",
        })
    }
}
