//! Writing a tree into a directory of the machine.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distil_store::unfinished::is_discarded;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::fs::{UTIME_OMIT, chownat, fchmod, fchown, futimens, linkat, openat};
use rustix::fs::{fstat, statat, symlinkat, utimensat};
use rustix::io::Errno;

use super::below::{Below, FOLDER};
use super::error::{FolderError, Part};
use super::unfinished::{UnfinishedFolder, make_folder};
use crate::path::TreePath;
use crate::tree::{Entry, FileNode, Kind, Metadata, Tree};

/// How a file is made: anew, and not through a link.
const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Bytes of a file that are in memory at a time.
const BUFFER: usize = 128 << 10;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Files; all hard links of one are one.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether owners are the tree's. Only root may give files away; for everybody else they are
    /// the user's own.
    pub owners_kept: bool,
}

/// Writes a tree into the directory `place`, which must not exist yet or be empty.
///
/// It appears whole or not at all: until all is written, it has another name in the same parent
/// directory, and nobody else may enter it. Modes are the tree's whatever the umask, and so are the
/// modification times; entries that share a file become hard links, with the metadata of the first
/// of them. A root that the tree does not have gets mode 0755 and the newest time of the tree.
///
/// # Errors
/// [`FolderError`]; the directory is as it was then, and nothing stays beside it.
pub fn write(tree: &Tree, place: &Path) -> Result<Written, FolderError> {
    write_whole(tree, place).map_err(|error| match is_discarded() {
        true => FolderError::Interrupted(place.to_owned()),
        false => error,
    })
}

fn write_whole(tree: &Tree, place: &Path) -> Result<Written, FolderError> {
    let Some(name) = place.file_name() else {
        return Err(FolderError::NoName(place.to_owned()));
    };
    let parent_path = match place.parent() {
        // The parent of a bare name is the empty path, which means this directory.
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let parent = open_parent(parent_path)?;
    check_target(parent.as_fd(), name.as_bytes(), place)?;
    let unfinished = UnfinishedFolder::new_in(parent, parent_path, name);
    let unfinished = unfinished.map_err(failed("make a directory in", parent_path))?;
    let root = rustix::process::geteuid().is_root();
    let mut writer = Writer {
        unfinished: &unfinished,
        below: Below::new(unfinished.folder()),
        place,
        root,
        first_names: HashMap::new(),
        buffer: vec![0; BUFFER],
        written: Written {
            files: 0,
            bytes: 0,
            owners_kept: root,
        },
    };
    writer.entries(tree)?;
    writer.seal_folders(tree)?;
    let written = writer.written;
    unfinished
        .finish(name)
        .map_err(|source| match Errno::from_io_error(&source) {
            Some(Errno::NOTEMPTY | Errno::EXIST) => FolderError::NotEmpty(place.to_owned()),
            Some(Errno::NOTDIR) => FolderError::NotAFolder(place.to_owned()),
            Some(Errno::BUSY | Errno::XDEV) => FolderError::MountPoint(place.to_owned()),
            _ => failed("give the finished directory the name", place)(source),
        })?;
    Ok(written)
}

fn open_parent(path: &Path) -> Result<OwnedFd, FolderError> {
    // The user's own word may lead through links.
    let flags = FOLDER.difference(OFlags::NOFOLLOW);
    openat(CWD, path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT => FolderError::NoParent(path.to_owned()),
        Errno::NOTDIR => FolderError::NotAFolder(path.to_owned()),
        _ => failed("open", path)(errno.into()),
    })
}

/// Refuses a target that could not be replaced, before anything is written.
fn check_target(parent: BorrowedFd<'_>, name: &[u8], place: &Path) -> Result<(), FolderError> {
    let read = |errno: Errno| failed("read", place)(errno.into());
    let status = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) => status,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(read(errno)),
    };
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => {}
        FileType::Symlink => return Err(FolderError::Link(place.to_owned())),
        _ => return Err(FolderError::NotAFolder(place.to_owned())),
    }
    let folder = openat(parent, name, FOLDER, Mode::empty()).map_err(read)?;
    for entry in Dir::read_from(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            return Err(FolderError::NotEmpty(place.to_owned()));
        }
    }
    // A mount from the same file system is found out by renaming only.
    match fstat(parent).map_err(read)?.st_dev == status.st_dev {
        true => Ok(()),
        false => Err(FolderError::MountPoint(place.to_owned())),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path: PathBuf = path.to_owned();
    move |source| FolderError::Place {
        action,
        path,
        source,
    }
}

struct Writer<'a> {
    unfinished: &'a UnfinishedFolder,
    below: Below<'a>,
    place: &'a Path,
    /// Whether owners are set.
    root: bool,
    first_names: HashMap<*const FileNode, &'a TreePath>,
    buffer: Vec<u8>,
    written: Written,
}

impl<'a> Writer<'a> {
    /// Everything; directories without their metadata, which forbids writing into some of them, and
    /// which writing into others would change.
    fn entries(&mut self, tree: &'a Tree) -> Result<(), FolderError> {
        for (path, entry) in tree.iter() {
            match &entry.kind {
                Kind::Directory if path.is_root() => {}
                Kind::Directory => self.folder(path)?,
                Kind::File(node) => self.file(path, entry, node)?,
                Kind::Symlink(target) => self.symlink(path, entry, target)?,
            }
        }
        Ok(())
    }

    fn folder(&mut self, path: &TreePath) -> Result<(), FolderError> {
        let failed = write_failed(Part::Itself, path, self.place);
        let (parent, name) = self.below.parent(path).map_err(failed)?;
        let made = self.unfinished.change(|| make_folder(parent, name));
        made.map(drop).map_err(failed)
    }

    fn symlink(
        &mut self,
        path: &TreePath,
        entry: &Entry,
        target: &[u8],
    ) -> Result<(), FolderError> {
        let place = self.place;
        let failed = |part| write_failed(part, path, place);
        let (parent, name) = self.below.parent(path).map_err(failed(Part::Itself))?;
        let make = || Ok(symlinkat(target, parent, name)?);
        self.unfinished.change(make).map_err(failed(Part::Itself))?;
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        if self.root {
            let (user, group) = owner(&entry.meta).map_err(failed(Part::Owner))?;
            chownat(parent, name, user, group, flags)
                .map_err(|errno| failed(Part::Owner)(errno.into()))?;
        }
        utimensat(parent, name, &times(&entry.meta), flags)
            .map_err(|errno| failed(Part::Time)(errno.into()))
    }

    fn file(
        &mut self,
        path: &'a TreePath,
        entry: &Entry,
        node: &Arc<FileNode>,
    ) -> Result<(), FolderError> {
        let failed = write_failed(Part::Itself, path, self.place);
        if let Some(&first) = self.first_names.get(&Arc::as_ptr(node)) {
            return self.hard_link(path, first).map_err(failed);
        }
        // One count means that no other entry can share the bytes.
        if Arc::strong_count(node) > 1 {
            self.first_names.insert(Arc::as_ptr(node), path);
        }
        let (parent, name) = self.below.parent(path).map_err(failed)?;
        let make = || Ok(openat(parent, name, NEW_FILE, Mode::RUSR | Mode::WUSR)?);
        let made = self.unfinished.change(make).map_err(failed)?;
        let mut file = File::from(made);
        let mut reader = node.content.reader();
        loop {
            let count = match reader.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    let path = path.clone();
                    return Err(FolderError::Content { path, source });
                }
            };
            // A large file is no reason to go on after an interrupt.
            self.unfinished.change(|| Ok(())).map_err(failed)?;
            file.write_all(&self.buffer[..count]).map_err(failed)?;
            self.written.bytes += count as u64;
        }
        self.written.files += 1;
        self.describe(file.as_fd(), path, &entry.meta)
    }

    fn hard_link(&mut self, path: &TreePath, first: &TreePath) -> io::Result<()> {
        let mut other = Below::new(self.unfinished.folder());
        let (first_parent, first_name) = other.parent(first)?;
        let (parent, name) = self.below.parent(path)?;
        let flags = AtFlags::empty();
        self.unfinished
            .change(|| Ok(linkat(first_parent, first_name, parent, name, flags)?))
    }

    /// Gives the directories their metadata, the deepest first, the root last.
    fn seal_folders(&mut self, tree: &Tree) -> Result<(), FolderError> {
        let place = self.place;
        for (path, entry) in tree.iter().rev() {
            if !entry.is_directory() || path.is_root() {
                continue;
            }
            let failed = write_failed(Part::Mode, path, place);
            let (parent, name) = self.below.parent(path).map_err(failed)?;
            let folder = openat(parent, name, FOLDER, Mode::empty());
            let folder = folder.map_err(|errno| failed(errno.into()))?;
            self.describe(folder.as_fd(), path, &entry.meta)?;
        }
        let root = tree.get(&TreePath::ROOT).map(|entry| entry.meta);
        let newest = || tree.iter().map(|(_, entry)| entry.meta.mtime).max();
        let root = root.unwrap_or_else(|| Metadata::root(0o755, newest().unwrap_or(0)));
        self.describe(self.unfinished.folder(), &TreePath::ROOT, &root)
    }

    /// Sets owner, mode and time of what is open.
    fn describe(
        &self,
        open: BorrowedFd<'_>,
        path: &TreePath,
        meta: &Metadata,
    ) -> Result<(), FolderError> {
        let failed = |part| write_failed(part, path, self.place);
        if self.root {
            let (user, group) = owner(meta).map_err(failed(Part::Owner))?;
            fchown(open, user, group).map_err(|errno| failed(Part::Owner)(errno.into()))?;
        }
        // After the owner, whose change takes the setuid and setgid bits away; chown(2).
        let mode = Mode::from_raw_mode(meta.mode & 0o7777);
        let chmod = || Ok(fchmod(open, mode)?);
        // A mode may forbid to remove what lies in a directory.
        self.unfinished.change(chmod).map_err(failed(Part::Mode))?;
        futimens(open, &times(meta)).map_err(|errno| failed(Part::Time)(errno.into()))
    }
}

fn write_failed<'e>(
    what: Part,
    path: &'e TreePath,
    place: &'e Path,
) -> impl Fn(io::Error) -> FolderError + Copy + 'e {
    move |source| FolderError::Write {
        what,
        path: path.clone(),
        place: place.to_owned(),
        source,
    }
}

/// The owner's numbers; the largest would mean "as it is" to chown(2).
fn owner(meta: &Metadata) -> io::Result<(Option<Uid>, Option<Gid>)> {
    if meta.uid == u32::MAX || meta.gid == u32::MAX {
        let message = format!("{}:{} is not an owner", meta.uid, meta.gid);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let (user, group) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
    Ok((Some(user), Some(group)))
}

fn times(meta: &Metadata) -> Timestamps {
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    Timestamps {
        last_access: time(0, UTIME_OMIT),
        last_modification: time(meta.mtime, 0),
    }
}
