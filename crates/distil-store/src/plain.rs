//! Files of the store, and what may lie in their place.
//!
//! A store is a directory that other programs can reach. What has the name of one of its files and
//! is something else (a directory, a FIFO, a link) is nobody's: it is never followed, never waited
//! for, and gives way when the file is made.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a plain file to be read; anything else is not there.
///
/// # Errors
/// What the system reports, and [`io::ErrorKind::NotFound`] for what is not a plain file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true))
}

/// As [`open()`], with these options.
pub(crate) fn open_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // Without waiting for the other end of a FIFO, and through no link.
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
    options.custom_flags(flags.bits().cast_signed());
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if is_there(path) && metadata(path).is_none() => {
            return Err(io::Error::new(io::ErrorKind::NotFound, error));
        }
        Err(error) => return Err(error),
    };
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

/// What is known of a plain file; none if it is not there or something else.
pub(crate) fn metadata(path: &Path) -> Option<Metadata> {
    let found = fs::symlink_metadata(path).ok();
    found.filter(Metadata::is_file)
}

/// Whether there is anything.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Removes what has the name of a file of the store and is none; whether there was something.
///
/// # Errors
/// What the system reports.
pub(crate) fn clear_way(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(false),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).map(|()| true),
        Ok(_) => fs::remove_file(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// Puts something at `path` in place of what is there, for every kind of thing that is no
    /// file, and has `act` see it.
    pub(crate) fn for_each_oddity(path: &Path, mut act: impl FnMut(&str)) {
        let outside = tempfile::tempdir().unwrap();
        let target = outside.path().join("target");
        let clear = || {
            let _ = fs::remove_file(path);
            let _ = fs::remove_dir_all(path);
        };
        for kind in [
            "fifo",
            "directory",
            "full directory",
            "socket",
            "link",
            "dangling",
        ] {
            clear();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match kind {
                "fifo" => {
                    let mode = rustix::fs::Mode::from_raw_mode(0o644);
                    let kind = rustix::fs::FileType::Fifo;
                    rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
                }
                "directory" => fs::create_dir(path).unwrap(),
                "full directory" => fs::create_dir_all(path.join("a/b")).unwrap(),
                "socket" => drop(UnixListener::bind(path).unwrap()),
                _ => {
                    if kind == "link" {
                        fs::write(&target, "not the store's").unwrap();
                    }
                    std::os::unix::fs::symlink(&target, path).unwrap();
                }
            }
            act(kind);
            let behind = fs::read(&target).ok();
            let expected = (kind == "link").then(|| b"not the store's".to_vec());
            assert_eq!(behind, expected, "{kind}");
            let _ = fs::remove_file(&target);
        }
        clear();
    }

    #[test]
    fn what_is_no_file_is_not_there_and_gives_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for_each_oddity(&path, |kind| {
            let error = open(&path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{kind}");
            assert!(metadata(&path).is_none(), "{kind}");
            assert!(clear_way(&path).unwrap(), "{kind}");
            assert!(!is_there(&path), "{kind}");
        });
        fs::write(&path, "x").unwrap();
        assert!(!clear_way(&path).unwrap());
        assert_eq!(io::read_to_string(open(&path).unwrap()).unwrap(), "x");
    }
}
