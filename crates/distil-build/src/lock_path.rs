//! The file of a lock: read as a whole, written whole or not at all.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use distil_lock::file::{LockFile, MAX_LOCK};
use distil_store::unfinished::UnfinishedFile;
use distil_tree::{ReadFileError, read_file};

use crate::lock_error::LockError;

/// A lock as it is on disk, and as it was when it was read.
#[derive(Debug, Clone)]
pub struct LockPath {
    /// The file.
    pub path: PathBuf,
    /// Its text; none if there is no such file.
    text: Option<String>,
}

impl LockPath {
    /// Looks for a lock.
    ///
    /// # Errors
    /// If there is something that cannot be read.
    pub fn find(path: &Path) -> Result<Self, LockError> {
        let path = path.to_owned();
        let text = text(&path)?;
        Ok(Self { path, text })
    }

    /// Whether there was such a file.
    pub fn exists(&self) -> bool {
        self.text.is_some()
    }

    /// The lock, if there is one.
    ///
    /// # Errors
    /// If it is not valid.
    pub fn lock(&self) -> Result<Option<LockFile>, LockError> {
        let origin = self.path.display().to_string();
        let read = |text: &String| LockFile::read(text, &origin);
        Ok(self.text.as_ref().map(read).transpose()?)
    }
}

fn text(path: &Path) -> Result<Option<String>, LockError> {
    let bytes = match read_file(path, MAX_LOCK) {
        Ok(bytes) => bytes,
        Err(ReadFileError::Missing) => return Ok(None),
        Err(source) => {
            let path = path.to_owned();
            return Err(LockError::Read { path, source });
        }
    };
    let not_utf8 = |_| LockError::NotUtf8 {
        path: path.to_owned(),
    };
    String::from_utf8(bytes).map(Some).map_err(not_utf8)
}

/// Puts a lock in the place of the one that was found: whole, and only if nobody has changed the
/// file since.
///
/// # Errors
/// If somebody has, or it cannot be written; then the file is as it was.
pub fn write_lock(old: &LockPath, new: &LockFile) -> Result<(), LockError> {
    let path = &old.path;
    let failed = |source| LockError::Write {
        path: path.clone(),
        source,
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = UnfinishedFile::new_in(directory).map_err(failed)?;
    file.file()
        .write_all(new.to_text().as_bytes())
        .map_err(failed)?;
    file.file().sync_all().map_err(failed)?;
    // Of two processes the second one sees what the first has written. A file system without such
    // locks leaves a moment between looking and writing.
    let guard = File::open(directory).map_err(failed)?;
    let _ = guard.lock();
    if text(path)? != old.text {
        return Err(LockError::Concurrent { path: path.clone() });
    }
    file.finish(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use distil_lock::file::{Formats, LockFile};
    use distil_oci::Compression;

    use super::*;

    fn lock(suite: &str) -> LockFile {
        LockFile {
            schema_version: 1,
            suite: suite.to_owned(),
            formats: Formats::new(1, 1, Compression::default()),
            definitions: Vec::new(),
            archives: Vec::new(),
            files: Vec::new(),
            downloads: Vec::new(),
            platforms: Vec::new(),
        }
    }

    #[test]
    fn of_two_that_begin_with_the_same_file_the_second_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.lock");
        let (first, second) = (
            LockPath::find(&path).unwrap(),
            LockPath::find(&path).unwrap(),
        );
        assert!(!first.exists());
        write_lock(&first, &lock("trixie")).unwrap();
        let refused = write_lock(&second, &lock("forky"));
        assert!(matches!(refused, Err(LockError::Concurrent { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), lock("trixie").to_text());
        // Nothing but the lock is left there.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let found = LockPath::find(&path).unwrap();
        write_lock(&found, &lock("forky")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), lock("forky").to_text());
    }
}
