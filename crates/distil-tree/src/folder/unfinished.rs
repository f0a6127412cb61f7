//! A root file system that appears whole or not at all: written under another name beside its
//! final one, `.NAME.` and six letters, then renamed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use distil_store::unfinished::{Discard, Unfinished};
use rustix::fs::{AtFlags, Dir, FileType, Mode};
use rustix::fs::{chmodat, fchmod, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::below::{Below, FOLDER};
use crate::path::TreePath;

/// The most bytes of a name that the temporary one repeats, so that it is no longer than allowed.
const MAX_REPEATED: usize = 200;

/// A directory under its temporary name; held by what is open, whatever becomes of paths.
#[derive(Debug)]
struct Temporary {
    parent: OwnedFd,
    name: OsString,
    folder: OwnedFd,
}

impl Discard for Temporary {
    fn discard(&self) {
        if clear(self.folder.as_fd()).is_ok() {
            let _ = unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR);
        }
    }
}

/// A directory that is being filled.
#[derive(Debug)]
pub(super) struct UnfinishedFolder(Unfinished<Temporary>);

impl UnfinishedFolder {
    /// An empty directory in `parent`, which is the directory at `path`, that only this user may enter
    /// and that is to be called `name`.
    pub(super) fn new_in(parent: OwnedFd, path: &Path, name: &OsStr) -> io::Result<Self> {
        let repeated = &name.as_bytes()[..name.len().min(MAX_REPEATED)];
        let prefix = [b".", repeated, b"."].concat();
        let mut builder = tempfile::Builder::new();
        builder.prefix(OsStr::from_bytes(&prefix)).rand_bytes(6);
        let make = || {
            // Only the name is made by `tempfile`; the directory is made in the open parent.
            let made = builder.make_in(path, |path| {
                let name = path.file_name().unwrap_or_default().to_owned();
                let folder = make_folder(parent.as_fd(), name.as_bytes())?;
                Ok((name, folder))
            })?;
            let ((name, folder), kept) = made.into_parts();
            // What `tempfile` removes are files.
            kept.keep().map_err(|error| error.error)?;
            Ok(Temporary {
                parent,
                name,
                folder,
            })
        };
        Unfinished::begin(make).map(Self)
    }

    /// The directory, open.
    pub(super) fn folder(&self) -> BorrowedFd<'_> {
        self.0.get().folder.as_fd()
    }

    /// Does something to a name in the directory, unless the directory is being discarded.
    pub(super) fn change<T>(&self, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.0.change(change)
    }

    /// Gives the directory its name.
    ///
    /// # Errors
    /// Also when there is something of this name other than an empty directory.
    pub(super) fn finish(self, name: &OsStr) -> io::Result<()> {
        self.0.finish(|made| {
            let parent = &made.parent;
            Ok(renameat(parent, &made.name, parent, name)?)
        })
    }
}

/// Makes a directory that its owner, and nobody else, may use, whatever the umask.
pub(super) fn make_folder(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    mkdirat(parent, name, Mode::RWXU)?;
    let open = || {
        let folder = match openat(parent, name, FOLDER, Mode::empty()) {
            // A umask may take even the owner's permissions.
            Err(Errno::ACCESS) => {
                chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
                openat(parent, name, FOLDER, Mode::empty())?
            }
            other => other?,
        };
        fchmod(&folder, Mode::RWXU)?;
        Ok(folder)
    };
    open().inspect_err(|_| {
        let _ = unlinkat(parent, name, AtFlags::REMOVEDIR);
    })
}

/// Removes a directory with everything in it, also what its owner may not write to at the moment. No
/// link is followed; a link in its place is not removed.
///
/// # Errors
/// If something cannot be removed, for instance since it is another user's.
pub fn remove(path: &Path) -> io::Result<()> {
    // A mode may forbid even opening it.
    if rustix::fs::lstat(path).map(|status| FileType::from_raw_mode(status.st_mode))?
        == FileType::Directory
    {
        rustix::fs::chmod(path, Mode::RWXU)?;
    }
    let folder = openat(rustix::fs::CWD, path, FOLDER, Mode::empty())?;
    clear(folder.as_fd())?;
    Ok(rustix::fs::rmdir(path)?)
}

/// Removes everything in a directory, also what its owner may not write to at the moment.
///
/// Neither recursive nor with a directory open for every level: trees may be thousands deep.
fn clear(root: BorrowedFd<'_>) -> io::Result<()> {
    fchmod(root, Mode::RWXU)?;
    let mut below = Below::new(root);
    let mut todo = vec![TreePath::ROOT];
    while let Some(path) = todo.last().cloned() {
        let folder = below.folder(&path)?;
        let inner = clear_files(folder, &path)?;
        if !inner.is_empty() {
            // They are gone when this directory's turn comes again.
            todo.extend(inner);
            continue;
        }
        todo.pop();
        if !path.is_root() {
            let (parent, name) = below.parent(&path)?;
            unlinkat(parent, name, AtFlags::REMOVEDIR)?;
        }
    }
    Ok(())
}

/// Removes what lies in a directory and is none, and gives the paths of the directories in it.
fn clear_files(folder: BorrowedFd<'_>, path: &TreePath) -> io::Result<Vec<TreePath>> {
    let mut inner = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let status = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(status.st_mode) == FileType::Directory {
            chmodat(folder, name, Mode::RWXU, AtFlags::empty())?;
            inner.push(path.join(name.to_bytes()));
        } else {
            unlinkat(folder, name, AtFlags::empty())?;
        }
    }
    Ok(inner)
}
