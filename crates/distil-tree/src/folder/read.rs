//! Reading a root file system out of a directory, which may be hostile.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::fs::{fstat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::below::{Below, FOLDER};
use super::error::FolderError;
use crate::path::TreePath;
use crate::tree::Metadata;

/// The most bytes of paths that are known and not visited yet: they are kept to be sorted.
const MAX_NAMES: u64 = 64 << 20;

/// How a file is opened: not through a link, and without waiting for anybody should it have become
/// a FIFO meanwhile.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// What a directory may ask of its reader. Paths are never longer than
/// [`MAX_LENGTH`](crate::MAX_LENGTH).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of files that are read.
    pub size: u64,
    /// Entries, the root left out.
    pub entries: u64,
}

impl Default for Limits {
    /// As for archives: 8 GiB and a million entries.
    fn default() -> Self {
        Self {
            size: 8 << 30,
            entries: 1_000_000,
        }
    }
}

/// Something in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it lies.
    pub path: TreePath,
    /// What it is.
    pub kind: FoundKind,
    /// Its owner, mode and time, the time rounded down to seconds.
    pub meta: Metadata,
    /// Device and inode of a file that has more names than one, here or elsewhere: two names with
    /// the same ones are hard links of each other.
    pub inode: Option<(u64, u64)>,
}

/// What something in a directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundKind {
    /// A directory.
    Directory,
    /// A file with this many bytes.
    File(u64),
    /// A symbolic link with its target.
    Symlink(Vec<u8>),
    /// A character device, block device, FIFO or socket, by its word.
    Special(&'static str),
}

/// Calls `visit` with everything in the directory `place`, the root first, in the order of
/// [`TreePath`]: a directory comes before what it holds. Files come with a reader of as many bytes as
/// they have; what is not read of it is skipped.
///
/// Symbolic links are not followed, except in `place` itself. Other file systems that are mounted
/// in it are part of it. Nothing but directories and files is opened. A directory that is changed
/// meanwhile gives an error or a mixture, never something from elsewhere.
///
/// # Errors
/// What `visit` returns, and [`FolderError`] for what cannot be read, by its path, and for more
/// than the limits allow. Readers return such errors within an [`io::Error`].
pub fn read<E: From<FolderError>>(
    place: &Path,
    limits: Limits,
    visit: impl FnMut(Found, Option<&mut dyn Read>) -> Result<(), E>,
) -> Result<(), E> {
    read_selected(place, limits, &|_| true, visit)
}

/// As [`read`], of what `select` admits by its path. What it does not admit is not looked at, and of
/// a directory nothing below it; it does not count against the limits.
///
/// # Errors
/// As [`read`].
pub fn read_selected<E: From<FolderError>>(
    place: &Path,
    limits: Limits,
    select: &dyn Fn(&TreePath) -> bool,
    mut visit: impl FnMut(Found, Option<&mut dyn Read>) -> Result<(), E>,
) -> Result<(), E> {
    let root = open_root(place)?;
    let mut walk = Walk {
        place,
        limits,
        select,
        below: Below::new(root.as_fd()),
        pending: BTreeSet::new(),
        names: 0,
        entries: 0,
    };
    let mut size_left = limits.size;
    let status = fstat(&root).map_err(|errno| place_failed(place, errno))?;
    let kind = FoundKind::Directory;
    visit(found(TreePath::ROOT, kind, &status), None)?;
    walk.list(&TreePath::ROOT)?;
    while let Some(key) = walk.pending.pop_first() {
        walk.names -= key.len() as u64;
        let path = walk.path(&key)?;
        if key.ends_with(b"/") {
            walk.list(&path)?;
            continue;
        }
        let (found, file) = walk.look_at(path)?;
        let (FoundKind::File(size), Some(file)) = (&found.kind, file) else {
            visit(found, None)?;
            continue;
        };
        let mut reader = FileReader {
            file,
            left: *size,
            size_left: &mut size_left,
            limits,
            path: found.path.clone(),
            place,
        };
        visit(found, Some(&mut reader))?;
    }
    Ok(())
}

fn open_root(place: &Path) -> Result<OwnedFd, FolderError> {
    let flags = FOLDER.difference(OFlags::NOFOLLOW);
    openat(CWD, place, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOTDIR => FolderError::NotAFolder(place.to_owned()),
        _ => place_failed(place, errno),
    })
}

fn place_failed(place: &Path, errno: Errno) -> FolderError {
    FolderError::Place {
        action: "read",
        path: place.to_owned(),
        source: errno.into(),
    }
}

fn found(path: TreePath, kind: FoundKind, status: &Stat) -> Found {
    let shared = matches!(kind, FoundKind::File(_)) && status.st_nlink > 1;
    Found {
        path,
        kind,
        meta: Metadata {
            mode: status.st_mode & 0o7777,
            uid: status.st_uid,
            gid: status.st_gid,
            mtime: status.st_mtime,
        },
        inode: shared.then_some((status.st_dev, status.st_ino)),
    }
}

struct Walk<'a> {
    place: &'a Path,
    limits: Limits,
    select: &'a dyn Fn(&TreePath) -> bool,
    below: Below<'a>,
    /// The paths that are to be visited, and those of directories that are to be listed, with a slash
    /// behind them: `a/` comes after `a-b` and before `a/b`, as in a tree.
    pending: BTreeSet<Vec<u8>>,
    /// Bytes of what is pending.
    names: u64,
    /// How many entries were found.
    entries: u64,
}

impl Walk<'_> {
    /// Takes down what lies in a directory.
    fn list(&mut self, path: &TreePath) -> Result<(), FolderError> {
        let failed = read_failed("list the directory", path, self.place);
        let failed_by = |errno: Errno| failed(errno.into());
        let folder = self.below.folder(path).map_err(&failed)?;
        for entry in Dir::read_from(folder).map_err(failed_by)? {
            let entry = entry.map_err(failed_by)?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let found = path.join(name);
            if !(self.select)(&found) {
                continue;
            }
            self.entries += 1;
            self.within(self.entries, "entries", self.limits.entries)?;
            self.add(found.as_bytes().to_vec())?;
        }
        Ok(())
    }

    fn add(&mut self, key: Vec<u8>) -> Result<(), FolderError> {
        self.names += key.len() as u64;
        self.within(self.names, "bytes of names", MAX_NAMES)?;
        self.pending.insert(key);
        Ok(())
    }

    /// What lies at a path, with its bytes if it is a file. A directory is to be listed later.
    fn look_at(&mut self, path: TreePath) -> Result<(Found, Option<File>), FolderError> {
        let failed = read_failed("read", &path, self.place);
        let (parent, name) = self.below.parent(&path).map_err(&failed)?;
        let status = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
        let status = status.map_err(|errno| failed(errno.into()))?;
        let mut file = None;
        let kind = match FileType::from_raw_mode(status.st_mode) {
            FileType::Directory => FoundKind::Directory,
            FileType::RegularFile => {
                let opened = openat(parent, name, FILE, Mode::empty());
                let opened = opened.map_err(|errno| failed(errno.into()))?;
                let now = fstat(&opened).map_err(|errno| failed(errno.into()))?;
                if (now.st_dev, now.st_ino) != (status.st_dev, status.st_ino) {
                    return Err(failed(io::Error::other("it was replaced meanwhile")));
                }
                file = Some(File::from(opened));
                FoundKind::File(u64::try_from(status.st_size).unwrap_or(0))
            }
            FileType::Symlink => {
                let target = readlinkat(parent, name, Vec::new());
                let target = target.map_err(|errno| failed(errno.into()))?;
                FoundKind::Symlink(target.into_bytes())
            }
            FileType::CharacterDevice => FoundKind::Special("character device"),
            FileType::BlockDevice => FoundKind::Special("block device"),
            FileType::Fifo => FoundKind::Special("FIFO"),
            FileType::Socket => FoundKind::Special("socket"),
            _ => FoundKind::Special("file of an unknown type"),
        };
        if kind == FoundKind::Directory {
            self.add([path.as_bytes(), b"/"].concat())?;
        }
        Ok((found(path, kind, &status), file))
    }

    fn path(&self, key: &[u8]) -> Result<TreePath, FolderError> {
        TreePath::from_archive(key).map_err(|source| FolderError::Path {
            path: key.to_vec(),
            place: self.place.to_owned(),
            source,
        })
    }

    fn within(&self, count: u64, what: &'static str, limit: u64) -> Result<(), FolderError> {
        match count > limit {
            true => Err(exceeded(self.place, what, limit)),
            false => Ok(()),
        }
    }
}

fn exceeded(place: &Path, what: &'static str, limit: u64) -> FolderError {
    FolderError::Limit {
        place: place.to_owned(),
        what,
        limit,
    }
}

fn read_failed<'e>(
    action: &'static str,
    path: &'e TreePath,
    place: &'e Path,
) -> impl Fn(io::Error) -> FolderError + Copy + 'e {
    move |source| FolderError::Read {
        action,
        path: path.clone(),
        place: place.to_owned(),
        source,
    }
}

/// Reads as many bytes of a file as it had when it was found.
struct FileReader<'a> {
    file: File,
    left: u64,
    size_left: &'a mut u64,
    limits: Limits,
    path: TreePath,
    place: &'a Path,
}

impl Read for FileReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let allowed = usize::try_from(*self.size_left).unwrap_or(usize::MAX);
        if allowed == 0 {
            let error = exceeded(self.place, "bytes in files", self.limits.size);
            return Err(io::Error::other(error));
        }
        let count = match self.file.read(&mut buffer[..wanted.min(allowed)]) {
            Ok(0) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it became shorter meanwhile",
            )),
            other => other,
        };
        let failed = read_failed("read", &self.path, self.place);
        let count = count.map_err(|error| io::Error::new(error.kind(), failed(error)))?;
        self.left -= count as u64;
        *self.size_left -= count as u64;
        Ok(count)
    }
}
