//! Paths in a container's root, before it is one: no link in an image leads a mount anywhere else
//! than it leads the container (openat2(2), `RESOLVE_IN_ROOT`).

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2};
use rustix::io::Errno;

/// The most that is read of `/etc/passwd` and its like.
const MAX_TEXT: u64 = 4 << 20;

/// What a mount point is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File,
}

/// An open root, and whether mount points may be made in it.
#[derive(Debug)]
pub(crate) struct RootDirectory {
    open: OwnedFd,
    can_make: bool,
}

impl RootDirectory {
    /// Opens a directory of the host as a root.
    pub(crate) fn open(path: impl rustix::path::Arg, can_make: bool) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = openat(CWD, path, flags, Mode::empty())?;
        Ok(Self { open, can_make })
    }

    /// The same root, in which mount points may be made.
    pub(crate) fn for_making(&self) -> Result<Self, Errno> {
        Ok(Self {
            open: rustix::io::fcntl_dupfd_cloexec(&self.open, 3)?,
            can_make: true,
        })
    }

    /// The root itself.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.open.as_fd()
    }

    /// What is at a path, if something is.
    pub(crate) fn find(&self, path: &str) -> Result<OwnedFd, Errno> {
        self.open_in(path, OFlags::PATH)
    }

    /// A file at a path, to read.
    pub(crate) fn read(&self, path: &str) -> Result<OwnedFd, Errno> {
        self.open_in(path, OFlags::RDONLY | OFlags::NONBLOCK)
    }

    /// A text file at a path; nothing if there is none.
    pub(crate) fn text(&self, path: &str) -> io::Result<String> {
        let file = match self.read(path) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(String::new()),
            other => File::from(other?),
        };
        if !file.metadata()?.is_file() {
            return Ok(String::new());
        }
        let mut bytes = Vec::new();
        file.take(MAX_TEXT).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn open_in(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        // The kernel gives up if something is renamed meanwhile.
        let mut tries = 0;
        loop {
            match openat2(
                &self.open,
                path,
                flags,
                Mode::empty(),
                ResolveFlags::IN_ROOT,
            ) {
                Err(Errno::AGAIN) if tries < 16 => tries += 1,
                result => return result,
            }
        }
    }

    /// What is at a path, of that kind; it is made if it is not there and may be made.
    pub(crate) fn mount_point(&self, path: &str, kind: Kind) -> Result<OwnedFd, Errno> {
        let found = match self.find(path) {
            Err(Errno::NOENT) if self.can_make => {
                self.make(path, kind)?;
                self.find(path)?
            }
            other => other?,
        };
        let is_directory = file_type(found.as_fd())? == FileType::Directory;
        match (kind, is_directory) {
            (Kind::Directory, false) => Err(Errno::NOTDIR),
            (Kind::File, true) => Err(Errno::ISDIR),
            _ => Ok(found),
        }
    }

    fn make(&self, path: &str, kind: Kind) -> Result<(), Errno> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let Some((name, directories)) = parts.split_last() else {
            return Ok(());
        };
        let mut parent = self.find("/")?;
        let mut place = String::new();
        for directory in directories {
            place = format!("{place}/{directory}");
            parent = match self.find(&place) {
                Err(Errno::NOENT) => {
                    mkdirat(&parent, *directory, Mode::from_raw_mode(0o755))?;
                    self.find(&place)?
                }
                other => other?,
            };
        }
        match kind {
            Kind::Directory => mkdirat(&parent, *name, Mode::from_raw_mode(0o755)),
            Kind::File => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let mode = Mode::from_raw_mode(0o644);
                openat(&parent, *name, flags | OFlags::NOFOLLOW, mode).map(drop)
            }
        }
    }
}

/// What an open file is.
pub(crate) fn file_type(file: BorrowedFd<'_>) -> Result<FileType, Errno> {
    Ok(FileType::from_raw_mode(fstat(file)?.st_mode))
}

/// A path for an open file, for calls that take paths; it leads there for as long as the file is open.
pub(crate) fn path_of(file: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_stay_in_the_root() {
        let outside = tempfile::tempdir().unwrap();
        let inside = tempfile::tempdir().unwrap();
        symlink(outside.path(), inside.path().join("out")).unwrap();
        symlink("../../../../..", inside.path().join("up")).unwrap();
        let root = RootDirectory::open(inside.path(), true).unwrap();
        // The link leads to a path in the root, which is not there.
        assert!(root.mount_point("/out/new", Kind::Directory).is_err());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        root.mount_point("/up/new/deep", Kind::File).unwrap();
        assert!(inside.path().join("new/deep").is_file());
    }

    #[test]
    fn kinds_have_to_fit() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("file"), "").unwrap();
        let root = RootDirectory::open(directory.path(), false).unwrap();
        let of = |path, kind| root.mount_point(path, kind).unwrap_err();
        assert_eq!(of("/file", Kind::Directory), Errno::NOTDIR);
        assert_eq!(of("/", Kind::File), Errno::ISDIR);
        assert_eq!(of("/new", Kind::File), Errno::NOENT);
    }
}
