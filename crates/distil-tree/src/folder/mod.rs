//! A plain root file system in a folder of the machine, out and in.
//!
//! Neither the tree that is written nor the folder that is read is trusted: every file is reached
//! from an open folder part by part (openat(2) with `O_NOFOLLOW`), so no symbolic link is followed
//! in either direction, whatever it leads to.

mod read;
#[cfg(test)]
mod tests;
mod unfinished;
mod write;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, openat};

pub use read::{Found, FoundKind, Limits, read};
pub use unfinished::discard_unfinished;
pub use write::{Written, write};

use crate::path::{PathError, Printable, TreePath};

/// How a folder is opened: never through a link, and never something else, which may hang.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Why a root file system could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder to write has something in it.
    #[error("`{}` is not empty, so nothing is written into it; name a new folder", .0.display())]
    NotEmpty(PathBuf),
    /// Something else is where a folder is needed.
    #[error("`{}` is no folder", .0.display())]
    NotAFolder(PathBuf),
    /// The folder to write is a symbolic link.
    #[error("`{}` is a symbolic link; name the folder that it leads to", .0.display())]
    Link(PathBuf),
    /// The folder to write is a file system of its own, which cannot be replaced.
    #[error("`{}` is a mount point, which cannot be replaced; name a new folder in it", .0.display())]
    MountPoint(PathBuf),
    /// The folder to write is named by `.`, `..` or `/`.
    #[error("`{}` has no name of its own; name a new folder", .0.display())]
    NoName(PathBuf),
    /// The folder that the one to write belongs into is missing.
    #[error("`{}` does not exist; make it first", .0.display())]
    NoParent(PathBuf),
    /// [`discard_unfinished`] was called meanwhile.
    #[error("the program was interrupted before `{}` was written", .0.display())]
    Interrupted(PathBuf),
    /// The machine refused something about the folder as a whole.
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
        /// The folder.
        place: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something in the folder could not be read.
    #[error("failed to {action} `{path}` in `{}`", place.display())]
    Read {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: TreePath,
        /// The folder.
        place: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something in the folder has a path that no tree can have.
    #[error("the path `/{}` in `{}` {source}", Printable(path), place.display())]
    Path {
        /// The path, relative to the folder.
        path: Vec<u8>,
        /// The folder.
        place: PathBuf,
        /// What is wrong with it.
        source: PathError,
    },
    /// The folder has more in it than the limits allow.
    #[error("`{}` has more than {limit} {what}", place.display())]
    Limit {
        /// The folder.
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

/// The folders below an open one.
///
/// One of them stays open beside the root, so a deep tree needs no more open files than a flat one.
struct Below<'a> {
    root: BorrowedFd<'a>,
    here: Option<(TreePath, OwnedFd)>,
}

impl<'a> Below<'a> {
    fn new(root: BorrowedFd<'a>) -> Self {
        Self { root, here: None }
    }

    /// The folder at `path`, opened without following a link on the way.
    fn folder(&mut self, path: &TreePath) -> io::Result<BorrowedFd<'_>> {
        let (known, mut folder) = match self.here.take() {
            Some((known, folder)) if path.is_within(&known) => (known, Some(folder)),
            _ => (TreePath::ROOT, None),
        };
        let rest = path.strip_prefix(&known).unwrap_or_default();
        for part in rest.split(|&byte| byte == b'/').filter(|p| !p.is_empty()) {
            let parent = folder.as_ref().map_or(self.root, AsFd::as_fd);
            folder = Some(openat(parent, name(part)?, FOLDER, Mode::empty())?);
        }
        match folder {
            Some(folder) => Ok(self.here.insert((path.clone(), folder)).1.as_fd()),
            None => Ok(self.root),
        }
    }

    /// The folder that holds `path`, and the name in it.
    fn parent<'p>(&mut self, path: &'p TreePath) -> io::Result<(BorrowedFd<'_>, &'p [u8])> {
        let name = name(path.name().unwrap_or_default())?;
        let parent = path.parent().unwrap_or_default();
        Ok((self.folder(&parent)?, name))
    }
}

/// The name, if it is one: [`TreePath::join`] takes any bytes.
fn name(part: &[u8]) -> io::Result<&[u8]> {
    match part {
        b"" | b"." | b".." => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no name of a file",
        )),
        _ => Ok(part),
    }
}
