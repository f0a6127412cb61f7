//! Reading one file of this machine whole: a definition, a keyring, a certificate.
//!
//! Its name may lead to anything, and to something else a moment later. So it is opened first,
//! without waiting for anybody should it be a FIFO, and then it is looked at what was opened.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

/// How a file is opened.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// How a directory on the way to a file is opened.
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A file was not read. The messages follow the file's name.
#[derive(Debug, thiserror::Error)]
pub enum ReadFileError {
    /// There is none of this name.
    #[error("does not exist")]
    Missing,
    /// It is a directory.
    #[error("is a directory, and a file is asked for")]
    Directory,
    /// It is a device, a FIFO or a socket.
    #[error("is not a regular file")]
    Special,
    /// It has more bytes than it may have.
    #[error("is larger than {limit} bytes")]
    TooLarge {
        /// How many it may have.
        limit: u64,
    },
    /// It lies outside of the directory that it must be in.
    #[error("lies outside the directory that it must be in")]
    Outside,
    /// The machine refused it.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl From<Errno> for ReadFileError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT => Self::Missing,
            errno => Self::Io(errno.into()),
        }
    }
}

/// The bytes of a regular file, of which there may be `limit`. Links are followed.
///
/// # Errors
/// If it is not a regular file, is too large, or cannot be read.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, ReadFileError> {
    read_opened(openat(CWD, path, FILE, Mode::empty())?, limit)
}

/// As [`read_file`], for a file in a directory or below it. `path` is relative to `directory`.
/// Links are followed as long as the file that they lead to lies there.
///
/// # Errors
/// As [`read_file`], and if the file lies elsewhere, also if that became so meanwhile.
pub fn read_file_within(
    directory: &Path,
    path: &Path,
    limit: u64,
) -> Result<Vec<u8>, ReadFileError> {
    if path.as_os_str().is_empty() {
        return Err(ReadFileError::Missing);
    }
    let real = canonical(&directory.join(path))?;
    let directory = canonical(directory)?;
    let Ok(inner) = real.strip_prefix(&directory) else {
        return Err(ReadFileError::Outside);
    };
    // The way is without links now. Whoever puts one into it meanwhile is not followed.
    let mut at = openat(CWD, &directory, DIRECTORY, Mode::empty())?;
    let mut names = inner.components().peekable();
    while let Some(name) = names.next() {
        let Component::Normal(name) = name else {
            return Err(ReadFileError::Outside);
        };
        let kind = match names.peek() {
            Some(_) => DIRECTORY,
            None => FILE,
        };
        at = openat(&at, name, kind.union(OFlags::NOFOLLOW), Mode::empty())?;
    }
    read_opened(at, limit)
}

fn canonical(path: &Path) -> Result<PathBuf, ReadFileError> {
    path.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadFileError::Missing,
        _ => ReadFileError::Io(error),
    })
}

fn read_opened(file: OwnedFd, limit: u64) -> Result<Vec<u8>, ReadFileError> {
    let status = fstat(&file)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(ReadFileError::Directory),
        _ => return Err(ReadFileError::Special),
    }
    let size = u64::try_from(status.st_size).unwrap_or(0);
    let mut bytes = Vec::new();
    if size <= limit {
        // One more byte tells of a file that grew.
        File::from(file).take(limit + 1).read_to_end(&mut bytes)?;
    }
    match size > limit || bytes.len() as u64 > limit {
        true => Err(ReadFileError::TooLarge { limit }),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_file(&path, 5).unwrap(), b"12345");
        let said = |path: &Path| read_file(path, 4).unwrap_err().to_string();
        assert_eq!(said(&path), "is larger than 4 bytes");
        assert_eq!(said(&directory.path().join("gone")), "does not exist");
        assert!(said(directory.path()).starts_with("is a directory"));
        assert_eq!(said(Path::new("/dev/zero")), "is not a regular file");
        // Nobody writes into it, and nobody waits.
        let fifo = directory.path().join("fifo");
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(CWD, &fifo, mode).unwrap();
        assert_eq!(said(&fifo), "is not a regular file");
    }

    #[test]
    fn links_are_followed_within_the_directory_alone() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir_all(inner.join("below")).unwrap();
        fs::write(outer.path().join("secret"), "secret").unwrap();
        fs::write(inner.join("below/file"), "own").unwrap();
        symlink("below/../below/file", inner.join("link")).unwrap();
        symlink(inner.join("below"), inner.join("absolute")).unwrap();
        symlink("../secret", inner.join("out")).unwrap();
        symlink("..", inner.join("up")).unwrap();
        let read = |path: &str| read_file_within(&inner, Path::new(path), 100);
        for path in ["below/file", "link", "absolute/file", "up/inner/link"] {
            assert_eq!(read(path).unwrap(), b"own", "{path}");
        }
        for path in [
            "out",
            "up/secret",
            "../secret",
            "below/../../secret",
            "/etc/passwd",
        ] {
            let error = read(path).unwrap_err();
            assert!(matches!(error, ReadFileError::Outside), "{path}: {error}");
        }
        assert!(matches!(read("gone").unwrap_err(), ReadFileError::Missing));
        assert!(matches!(read("").unwrap_err(), ReadFileError::Missing));
        assert!(matches!(read(".").unwrap_err(), ReadFileError::Directory));
    }

    #[test]
    fn a_link_that_is_swapped_meanwhile_lets_nothing_in() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::write(outer.path().join("secret"), "secret").unwrap();
        fs::write(inner.join("file"), "own").unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for target in ["../secret", "file"] {
                        symlink(target, inner.join("new")).unwrap();
                        fs::rename(inner.join("new"), inner.join("link")).unwrap();
                    }
                }
            });
            for _ in 0..2000 {
                if let Ok(bytes) = read_file_within(&inner, Path::new("link"), 100) {
                    assert_eq!(bytes, b"own");
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
