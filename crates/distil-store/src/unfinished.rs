//! What appears whole or not at all: written under another name beside its final one, then renamed.
//!
//! What is not finished is removed when it is dropped. A process that is about to end without
//! unwinding calls [`discard_unfinished`], which removes everything that is listed here, whichever
//! crate began it; what even that misses (a kill, a power cut) is recognised by its name,
//! `.distil-*.tmp` for [`UnfinishedFile`] and [`UnfinishedDirectory`].

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::{NamedTempFile, TempPath};

const PREFIX: &str = ".distil-";
const SUFFIX: &str = ".tmp";

/// What this process has begun and not finished, by a number.
static LISTED: Mutex<List> = Mutex::new(List {
    unfinished: BTreeMap::new(),
    next: 0,
    discarded: false,
});

struct List {
    unfinished: BTreeMap<u64, Arc<dyn Discard>>,
    next: u64,
    /// Nothing more is begun, and nothing is changed in what was.
    discarded: bool,
}

fn list() -> MutexGuard<'static, List> {
    LISTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes everything that this process has begun and not finished, and lets nothing begin any
/// more: for the handler of a signal, in a program that then ends at once.
pub fn discard_unfinished() {
    let mut list = list();
    list.discarded = true;
    for unfinished in list.unfinished.values() {
        unfinished.discard();
    }
}

/// Whether that has happened. What fails then fails for this reason, whatever it says: directories
/// vanish under those who write into them.
pub fn is_discarded() -> bool {
    list().discarded
}

fn interrupted() -> io::Error {
    io::Error::other("the program was interrupted")
}

/// Something on disk that is removed if it is not finished.
pub trait Discard: Send + Sync {
    /// Removes it. Nobody can be told of an error: what stays is recognised by its name.
    fn discard(&self);
}

/// Something that is listed as unfinished for as long as this lives; dropped, it is removed.
pub struct Unfinished<T: Discard> {
    number: u64,
    value: Arc<T>,
}

impl<T: Discard + 'static> Unfinished<T> {
    /// Makes something, and lists it before anything can come between.
    ///
    /// # Errors
    /// Those of `make`, and one after [`discard_unfinished`].
    pub fn begin(make: impl FnOnce() -> io::Result<T>) -> io::Result<Self> {
        let mut list = list();
        if list.discarded {
            return Err(interrupted());
        }
        let value = Arc::new(make()?);
        let number = list.next;
        list.next += 1;
        list.unfinished.insert(number, value.clone());
        Ok(Self { number, value })
    }

    /// What was made.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// Changes something about it, unless it is being discarded: nothing new appears behind the
    /// back of what removes it.
    ///
    /// # Errors
    /// Those of `change`, and one after [`discard_unfinished`].
    pub fn change<R>(&self, change: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        let list = list();
        if list.discarded {
            return Err(interrupted());
        }
        change()
    }

    /// Puts it where it belongs; if that succeeds, it is not removed any more.
    ///
    /// # Errors
    /// Those of `place`, and one after [`discard_unfinished`]; then it is removed.
    pub fn finish<R>(self, place: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        let mut list = list();
        let placed = match list.discarded {
            true => Err(interrupted()),
            false => place(&self.value),
        };
        if placed.is_ok() {
            list.unfinished.remove(&self.number);
        }
        // Dropping takes the lock itself.
        drop(list);
        placed
    }
}

impl<T: Discard> Drop for Unfinished<T> {
    fn drop(&mut self) {
        let mut list = list();
        if list.unfinished.remove(&self.number).is_some() {
            self.value.discard();
        }
    }
}

impl<T: Discard + fmt::Debug> fmt::Debug for Unfinished<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unfinished").field(&self.value).finish()
    }
}

/// A file or directory, by its path.
#[derive(Debug)]
struct AtPath(PathBuf);

impl Discard for AtPath {
    fn discard(&self) {
        let _ = match self.0.is_dir() {
            true => fs::remove_dir_all(&self.0),
            false => fs::remove_file(&self.0),
        };
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct UnfinishedFile {
    file: File,
    path: Unfinished<AtPath>,
}

impl UnfinishedFile {
    /// An empty file in `directory`, with the permissions that new files have.
    ///
    /// # Errors
    /// What the system reports, and one after [`discard_unfinished`].
    pub fn new_in(directory: &Path) -> io::Result<Self> {
        let mut opened = None;
        let path = Unfinished::begin(|| {
            let made = builder().make_in(or_here(directory), |path| File::create_new(path))?;
            let (file, path) = made.keep().map_err(|error| error.error)?;
            opened = Some(file);
            Ok(AtPath(absolute(path)))
        })?;
        let file = opened.ok_or_else(interrupted)?;
        Ok(Self { file, path })
    }

    /// The file, to write to.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives the file its name, in place of what may be there.
    ///
    /// # Errors
    /// What the system reports, and one after [`discard_unfinished`].
    pub fn finish(self, path: &Path) -> io::Result<()> {
        self.path.finish(|made| fs::rename(&made.0, path))
    }
}

/// A directory that is being filled.
#[derive(Debug)]
pub struct UnfinishedDirectory(Unfinished<AtPath>);

impl UnfinishedDirectory {
    /// An empty directory in `parent`, with the permissions that new directories have.
    ///
    /// # Errors
    /// What the system reports, and one after [`discard_unfinished`].
    pub fn new_in(parent: &Path) -> io::Result<Self> {
        let make = || {
            let made = builder().make_in(or_here(parent), |path| fs::create_dir(path))?;
            Ok(AtPath(absolute(kept(made)?)))
        };
        Unfinished::begin(make).map(Self)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0.get().0
    }

    /// Gives the directory its name.
    ///
    /// # Errors
    /// Also when there is something at `path` other than an empty directory.
    pub fn finish(self, path: &Path) -> io::Result<()> {
        self.0.finish(|made| fs::rename(&made.0, path))
    }
}

/// A directory for what is of use to this process alone, in the system's temporary directory.
#[derive(Debug)]
pub struct ScratchDirectory(Unfinished<AtPath>);

impl ScratchDirectory {
    /// An empty directory that only this user may enter.
    ///
    /// # Errors
    /// What the system reports, and one after [`discard_unfinished`].
    pub fn new() -> io::Result<Self> {
        let make = || {
            let made = tempfile::Builder::new().prefix("distil-").tempdir()?;
            Ok(AtPath(absolute(made.keep())))
        };
        Unfinished::begin(make).map(Self)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0.get().0
    }
}

/// Makes names for what is unfinished.
///
/// The files and directories are made by the standard library rather than by `tempfile`: they get
/// the permissions that any new ones get, and errors do not tell of a temporary name.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

fn kept(made: NamedTempFile<()>) -> io::Result<PathBuf> {
    let path: TempPath = made.into_temp_path();
    path.keep().map_err(|error| error.error)
}

/// The current directory may be another one when what is listed is removed.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// The parent of a bare file name is the empty path, which means the current directory.
fn or_here(directory: &Path) -> &Path {
    match directory.as_os_str().is_empty() {
        true => Path::new("."),
        false => directory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    fn names(directory: &Path) -> Vec<String> {
        let name =
            |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(directory).unwrap().map(name).collect()
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
        let sub = UnfinishedDirectory::new_in(folder.path()).unwrap();
        fs::write(sub.path().join("x"), "x").unwrap();
        drop(sub);
        assert!(names(folder.path()).is_empty());
        let scratch = ScratchDirectory::new().unwrap();
        let path = scratch.path().to_owned();
        fs::write(path.join("x"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
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
    fn a_finished_directory_does_not_replace_a_full_one() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x");
        for expected in [true, false] {
            let sub = UnfinishedDirectory::new_in(folder.path()).unwrap();
            fs::write(sub.path().join("y"), "").unwrap();
            assert_eq!(sub.finish(&target).is_ok(), expected);
        }
        assert_eq!(names(folder.path()), ["x"]);
        assert_eq!(names(&target), ["y"]);
    }
}
