//! The files of a directory that locks are vendored in.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use distil_debian::fetch::{InvalidMirror, Mirror};
use distil_lock::ArchiveFile;
use distil_store::Digest;
use distil_store::unfinished::UnfinishedFile;

/// Where the locks are, below the directory.
pub(crate) const LOCKS: &str = "locks";

/// Why a directory cannot be filled or checked.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// A file cannot be written.
    #[error("failed to write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or directory cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The definition has no lock.
    #[error("`{image}` has no lock, which says what it needs")]
    Unlocked {
        /// The image, as it was asked for.
        image: String,
    },
    /// Two locks have the same file name.
    #[error("two locks are called `{name}`, and a directory has one of a name")]
    Name {
        /// The name.
        name: String,
    },
    /// There is no lock in the directory.
    #[error("`{}` has no locks in it, and is not a directory that `distil vendor` filled", directory.display())]
    NoLocks {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory is none that addresses can name.
    #[error(transparent)]
    Directory(#[from] InvalidMirror),
}

/// How a file is.
pub(crate) enum FileState {
    /// As it should be.
    Whole,
    /// It is not there.
    Missing,
    /// It is another one than it should be; how.
    Damaged(String),
}

/// How the file of a package is, which is read as a whole.
pub(crate) fn state(directory: &Path, file: &ArchiveFile) -> Result<FileState, VendorError> {
    let path = directory.join(&file.path);
    let failed = |source| VendorError::Read {
        path: path.clone(),
        source,
    };
    let opened = match File::open(&path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileState::Missing),
        Err(error) => return Err(failed(error)),
    };
    let found = opened.metadata().map_err(failed)?;
    if !found.is_file() {
        return Ok(FileState::Damaged("is not a regular file".to_owned()));
    }
    if found.len() != file.size {
        return Ok(FileState::Damaged(format!(
            "has {} bytes instead of {}",
            found.len(),
            file.size
        )));
    }
    let mut opened = opened.take(file.size.saturating_add(1));
    let (digest, _) = Digest::of_reader(&mut opened).map_err(failed)?;
    Ok(match digest == file.sha256 {
        true => FileState::Whole,
        false => FileState::Damaged(format!("is {digest} instead of {}", file.sha256)),
    })
}

/// How the copy of a file with a digest is, which is read as a whole, and how many bytes it has.
pub(crate) fn copy_state(
    directory: &Path,
    name: &str,
    digest: &Digest,
) -> Result<(FileState, u64), VendorError> {
    let path = directory.join(name);
    let failed = |source| VendorError::Read {
        path: path.clone(),
        source,
    };
    let mut opened = match File::open(&path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((FileState::Missing, 0));
        }
        Err(error) => return Err(failed(error)),
    };
    if !opened.metadata().map_err(failed)?.is_file() {
        let problem = "is not a regular file".to_owned();
        return Ok((FileState::Damaged(problem), 0));
    }
    let (found, size) = Digest::of_reader(&mut opened).map_err(failed)?;
    let state = match found == *digest {
        true => FileState::Whole,
        false => FileState::Damaged(format!("is {found} instead of {digest}")),
    };
    Ok((state, size))
}

/// Writes a file whole, and the directories that it lies in.
pub(crate) fn put(directory: &Path, path: &str, bytes: &mut impl Read) -> Result<(), VendorError> {
    let path = directory.join(path);
    let failed = |source| VendorError::Write {
        path: path.clone(),
        source,
    };
    let parent = path.parent().unwrap_or(directory);
    fs::create_dir_all(parent).map_err(failed)?;
    let mut file = UnfinishedFile::new_in(parent).map_err(failed)?;
    io::copy(bytes, file.file()).map_err(failed)?;
    file.file().sync_all().map_err(failed)?;
    file.finish(&path).map_err(failed)
}

/// The locks of a directory, sorted by name.
pub(crate) fn locks(directory: &Path) -> Result<Vec<PathBuf>, VendorError> {
    let place = directory.join(LOCKS);
    let none = || VendorError::NoLocks {
        directory: directory.to_owned(),
    };
    let failed = |source| VendorError::Read {
        path: place.clone(),
        source,
    };
    let entries = match fs::read_dir(&place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(none()),
        Err(error) => return Err(failed(error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(failed)?;
    // An unfinished file of a run that was killed is not a lock.
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "lock")
    });
    paths.sort_unstable();
    match paths.is_empty() {
        true => Err(none()),
        false => Ok(paths),
    }
}

/// The packages below a directory, by their paths in it.
pub(crate) fn packages_in(directory: &Path) -> Result<Vec<String>, VendorError> {
    let mut found = Vec::new();
    let mut open = vec![directory.join("pool")];
    while let Some(place) = open.pop() {
        let failed = |source| VendorError::Read {
            path: place.clone(),
            source,
        };
        let entries = match fs::read_dir(&place) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            if entry.file_type().map_err(failed)?.is_dir() {
                open.push(path);
            } else if let Ok(below) = path.strip_prefix(directory) {
                found.push(below.display().to_string());
            }
        }
    }
    Ok(found)
}

/// The directory as a mirror.
pub(crate) fn mirror(directory: &Path) -> Result<Mirror, VendorError> {
    let absolute = std::path::absolute(directory).map_err(|source| VendorError::Read {
        path: directory.to_owned(),
        source,
    })?;
    Ok(format!("file:{}", absolute.display()).parse()?)
}
