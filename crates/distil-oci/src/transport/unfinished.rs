//! Files and folders that appear whole or not at all: written under another name beside the place
//! where they belong, then renamed.
//!
//! What is not finished is removed when it is dropped. A process that is about to end without
//! unwinding calls [`discard_unfinished`]; what even that misses (a kill, a power cut) is
//! recognised by its name, `.distil-*.tmp`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

const PREFIX: &str = ".distil-";
const SUFFIX: &str = ".tmp";

/// What this process has begun and not finished.
static UNFINISHED: Mutex<Unfinished> = Mutex::new(Unfinished {
    paths: BTreeSet::new(),
    discarded: false,
});

struct Unfinished {
    paths: BTreeSet<PathBuf>,
    /// Nothing more is begun.
    discarded: bool,
}

/// Removes the files that writers of this process have begun and not finished, and lets none begin
/// any more: for the handler of an interrupt, in a program that then ends at once.
pub fn discard_unfinished() {
    let mut unfinished = lock();
    unfinished.discarded = true;
    for path in &unfinished.paths {
        let _ = match path.is_dir() {
            true => fs::remove_dir_all(path),
            false => fs::remove_file(path),
        };
    }
}

fn lock() -> MutexGuard<'static, Unfinished> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A path that is listed as unfinished for as long as this lives.
#[derive(Debug)]
struct Listed(PathBuf);

impl Listed {
    /// Makes something, and lists the path of it before anything can come between.
    fn made<T>(
        make: impl FnOnce() -> io::Result<T>,
        path: impl FnOnce(&T) -> &Path,
    ) -> io::Result<(T, Self)> {
        let mut unfinished = lock();
        if unfinished.discarded {
            return Err(io::Error::other("the program was interrupted"));
        }
        let made = make()?;
        // The current folder may be another one when the handler runs.
        let path = path(&made);
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        unfinished.paths.insert(path.clone());
        Ok((made, Self(path)))
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        lock().paths.remove(&self.0);
    }
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct UnfinishedFile {
    // In this order, so that the file is gone before it is not listed any more.
    file: NamedTempFile<File>,
    _listed: Listed,
}

impl UnfinishedFile {
    /// An empty file in `folder`, with the permissions that new files have.
    pub(crate) fn new_in(folder: &Path) -> io::Result<Self> {
        let make = || builder().make_in(or_here(folder), |path| File::create_new(path));
        let (file, listed) = Listed::made(make, NamedTempFile::path)?;
        Ok(Self {
            file,
            _listed: listed,
        })
    }

    /// The file, to write to.
    pub(crate) fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Gives the file its name, in place of what may be there.
    pub(crate) fn finish(self, path: &Path) -> io::Result<()> {
        self.file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// A folder that is being filled.
#[derive(Debug)]
pub(crate) struct UnfinishedFolder {
    path: PathBuf,
    finished: bool,
    _listed: Listed,
}

impl UnfinishedFolder {
    /// An empty folder in `parent`, with the permissions that new folders have.
    pub(crate) fn new_in(parent: &Path) -> io::Result<Self> {
        let make = || {
            let made = builder().make_in(or_here(parent), |path| fs::create_dir(path))?;
            made.into_temp_path().keep().map_err(|error| error.error)
        };
        let (path, listed) = Listed::made(make, PathBuf::as_path)?;
        Ok(Self {
            path,
            finished: false,
            _listed: listed,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// Also when there is something at `path` other than an empty folder.
    pub(crate) fn finish(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for UnfinishedFolder {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Makes names for what is unfinished.
///
/// The files and folders are made by the standard library rather than by `tempfile`: they get the
/// permissions that any new ones get, and errors do not tell of a temporary name.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// The parent of a bare file name is the empty path, which means this folder.
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    fn names(folder: &Path) -> Vec<String> {
        let name =
            |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(folder).unwrap().map(name).collect()
    }

    #[test]
    fn an_unfinished_file_is_recognised_by_its_name_and_removed_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = UnfinishedFile::new_in(folder.path()).unwrap();
        file.file().write_all(b"x").unwrap();
        let name = names(folder.path()).remove(0);
        assert!(
            name.starts_with(".distil-") && name.ends_with(".tmp"),
            "{name}"
        );
        drop(file);
        assert!(names(folder.path()).is_empty());
        let sub = UnfinishedFolder::new_in(folder.path()).unwrap();
        fs::write(sub.path().join("x"), "x").unwrap();
        drop(sub);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_finished_file_replaces_the_old_one_and_has_usual_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let (target, usual) = (folder.path().join("x"), folder.path().join("usual"));
        fs::write(&target, "old").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o400)).unwrap();
        fs::write(&usual, "").unwrap();
        let mut file = UnfinishedFile::new_in(folder.path()).unwrap();
        file.file().write_all(b"new").unwrap();
        file.finish(&target).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&target), mode(&usual));
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn a_finished_folder_does_not_replace_a_full_one() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x");
        for expected in [true, false] {
            let sub = UnfinishedFolder::new_in(folder.path()).unwrap();
            fs::write(sub.path().join("y"), "").unwrap();
            assert_eq!(sub.finish(&target).is_ok(), expected);
        }
        assert_eq!(names(folder.path()), ["x"]);
        assert_eq!(names(&target), ["y"]);
    }
}
