//! Directories that are reached from an open one, part by part.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};

use crate::path::TreePath;

/// How a directory is opened: never through a link, and never something else, which may hang.
pub(super) const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// The directories below an open one.
///
/// One of them stays open beside the root, so a deep tree needs no more open files than a flat one.
pub(super) struct Below<'a> {
    root: BorrowedFd<'a>,
    here: Option<(TreePath, OwnedFd)>,
}

impl<'a> Below<'a> {
    pub(super) fn new(root: BorrowedFd<'a>) -> Self {
        Self { root, here: None }
    }

    /// The directory at `path`, opened without following a link on the way.
    pub(super) fn folder(&mut self, path: &TreePath) -> io::Result<BorrowedFd<'_>> {
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

    /// The directory that holds `path`, and the name in it.
    pub(super) fn parent<'p>(
        &mut self,
        path: &'p TreePath,
    ) -> io::Result<(BorrowedFd<'_>, &'p [u8])> {
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
            "it is not a name of a file",
        )),
        _ => Ok(part),
    }
}
