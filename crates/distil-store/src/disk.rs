//! What a store is on disk: where its files are, how they get there, and which of them are in use.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{Access, access};
use tempfile::NamedTempFile;

use crate::descriptors::OpenBlobs;
use crate::digest::Digest;
use crate::error::StoreError;
use crate::key::Key;
use crate::lease::{self, Lease};
use crate::plain;
use crate::unfinished::ScratchDirectory;

/// The files of a store, and what this process knows of them.
#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    write: Place,
    open_blobs: OpenBlobs,
    /// Whether something lies with the lease since it may not be put in its place.
    has_own: AtomicBool,
    damaged: AtomicU64,
    written: AtomicU64,
}

/// Where things are written.
#[derive(Debug)]
enum Place {
    /// Into the store.
    Own(Lease),
    /// Elsewhere, since the store may only be read.
    Elsewhere(ScratchDirectory),
}

impl Disk {
    /// Makes the directories that the store lacks, and removes what processes left that were killed.
    pub(crate) fn open(root: PathBuf) -> Result<Self, StoreError> {
        let write = match prepare(&root) {
            Ok(lease) => Place::Own(lease),
            Err(error) if error.is_refusal() && root.join("blobs").is_dir() => {
                let elsewhere = std::env::temp_dir();
                let scratch = ScratchDirectory::new();
                Place::Elsewhere(scratch.map_err(StoreError::io("write to", &elsewhere))?)
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            root,
            write,
            open_blobs: OpenBlobs::new(),
            has_own: AtomicBool::new(false),
            damaged: AtomicU64::new(0),
            written: AtomicU64::new(0),
        })
    }

    /// The directory of the store.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the store may not be written.
    pub(crate) fn is_read_only(&self) -> bool {
        matches!(self.write, Place::Elsewhere(_))
    }

    /// How many damaged files were found.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    /// How many bytes were put into the store.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// The blobs of this process that are open to be read at positions.
    pub(crate) fn open_blobs(&self) -> &OpenBlobs {
        &self.open_blobs
    }

    pub(crate) fn note_damage(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of this process's lease.
    pub(crate) fn lease(&self) -> Option<u64> {
        match &self.write {
            Place::Own(lease) => Some(lease.number),
            Place::Elsewhere(_) => None,
        }
    }

    /// The directory for what is being written.
    pub(crate) fn writing_folder(&self) -> &Path {
        match &self.write {
            Place::Own(lease) => &lease.folder,
            Place::Elsewhere(folder) => folder.path(),
        }
    }

    /// The directory that what is written belongs to.
    fn home(&self) -> &Path {
        match &self.write {
            Place::Own(_) => &self.root,
            Place::Elsewhere(folder) => folder.path(),
        }
    }

    /// The directories where something may be, the likeliest first.
    pub(crate) fn homes(&self) -> impl Iterator<Item = &Path> {
        let elsewhere = match &self.write {
            Place::Own(lease) => {
                Some(lease.folder.as_path()).filter(|_| self.has_own.load(Ordering::Relaxed))
            }
            Place::Elsewhere(folder) => Some(folder.path()),
        };
        elsewhere.into_iter().chain([self.root()])
    }

    pub(crate) fn new_file(&self) -> Result<NamedTempFile, StoreError> {
        let folder = self.writing_folder();
        // With the permissions of new files: others may be meant to read them.
        let file = tempfile::Builder::new().make_in(folder, |path| {
            let mut options = File::options();
            options.read(true).write(true).create_new(true).open(path)
        });
        file.map_err(StoreError::io("write to", folder))
    }

    /// Where a blob is that can be read, and its size; it is marked as used.
    pub(crate) fn find(&self, digest: &Digest) -> Option<(PathBuf, u64)> {
        self.homes().find_map(|home| {
            let path = blob_path(home, digest);
            let size = self.use_file(&path)?;
            Some((path, size))
        })
    }

    /// The size of a file, which is marked as used; none if it is not there or may not be read.
    fn use_file(&self, path: &Path) -> Option<u64> {
        let metadata = || plain::metadata(path).filter(|_| access(path, Access::READ_OK).is_ok());
        let found = metadata()?;
        let Some(number) = self.lease() else {
            return Some(found.len());
        };
        if stamp(&found) == number {
            return Some(found.len());
        }
        // What is not marked may be taken away any moment, but for the moment of this lock.
        let mut lock = lease::shared(self.root()).ok()?;
        let found = metadata()?;
        let newest = lock.newest();
        if !(number..=newest).contains(&stamp(&found))
            && let Ok(file) = plain::open(path)
        {
            mark(&file, newest.max(number));
        }
        Some(found.len())
    }

    /// Puts a blob in its place, marked as used; the path that it has then.
    ///
    /// Another process may use the one that was there before, and this mark takes the place of
    /// its own.
    pub(crate) fn place(
        &self,
        file: NamedTempFile,
        digest: &Digest,
    ) -> Result<PathBuf, StoreError> {
        let path = |home: &Path| blob_path(home, digest);
        let Some(number) = self.lease() else {
            return self.persist(file, path);
        };
        let mut lock = lease::shared(self.root())?;
        mark(file.as_file(), lock.newest().max(number));
        self.persist(file, path)
    }

    /// Removes a damaged file that was read, but not what another process made anew in its place.
    pub(crate) fn remove_damaged(&self, path: &Path, read: &File) -> Result<(), StoreError> {
        if self.is_read_only() {
            // What is made anew goes elsewhere then, and is found first.
            let _ = fs::remove_file(path);
            return Ok(());
        }
        let failed = || StoreError::io("remove", path);
        let _lock = lease::exclusive(self.root())?;
        let of = |found: &fs::Metadata| (found.dev(), found.ino());
        let read = of(&read.metadata().map_err(failed())?);
        let removed = match fs::symlink_metadata(path) {
            Ok(there) if of(&there) != read => return Ok(()),
            Ok(_) => fs::remove_file(path),
            Err(error) => Err(error),
        };
        match removed {
            // Somebody else found it, too.
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed()(error)),
            _ => Ok(()),
        }
    }

    pub(crate) fn place_of(&self, digest: &Digest) -> PathBuf {
        blob_path(self.home(), digest)
    }

    /// Puts a file where it belongs, or where only this process finds it, if another user's part of
    /// the store is in the way.
    pub(crate) fn persist(
        &self,
        file: NamedTempFile,
        path: impl Fn(&Path) -> PathBuf,
    ) -> Result<PathBuf, StoreError> {
        let size = file.as_file().metadata().map_or(0, |found| found.len());
        self.written.fetch_add(size, Ordering::Relaxed);
        let place = path(self.home());
        let (error, file) = match persist(file, &place) {
            Ok(()) => return Ok(place),
            Err(failed) => failed,
        };
        match &self.write {
            Place::Own(lease) if error.is_refusal() => {
                let place = path(&lease.folder);
                persist(file, &place).map_err(|(error, _)| error)?;
                self.has_own.store(true, Ordering::Relaxed);
                Ok(place)
            }
            _ => Err(error),
        }
    }
}

/// Gives a file its place, for which directories are made, and what is not a file makes way.
fn persist(file: NamedTempFile, path: &Path) -> Result<(), (StoreError, NamedTempFile)> {
    let file = match file.persist(path) {
        Ok(_) => return Ok(()),
        Err(error) => match error.error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::AlreadyExists => error.file,
            _ => return Err((StoreError::io("write", path)(error.error), error.file)),
        },
    };
    let make_way = || {
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        plain::clear_way(path).map_err(StoreError::io("remove", path))
    };
    if let Err(error) = make_way() {
        return Err((error, file));
    }
    let placed = file.persist(path);
    placed
        .map(drop)
        .map_err(|error| (StoreError::io("write", path)(error.error), error.file))
}

/// Makes a directory of the store. What is in its place, and is not a directory, makes way; but a link that
/// leads to one is the user's, who has the store elsewhere.
fn make_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    let failed = || StoreError::io("create", folder);
    match fs::create_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(folder).map_err(StoreError::io("remove", folder))?;
            fs::create_dir_all(folder).map_err(failed())
        }
        made => made.map_err(failed()),
    }
}

/// Marks a file as used by all processes with leases up to this one. Nobody but its owner may do
/// that to a file; then it is not known to be in use.
///
/// With the number of the newest lease, under the lock without which nobody takes another: with
/// one's own, the mark of a process with a higher number would be lost, and with this one's end
/// the file.
fn mark(file: &File, newest: u64) {
    let _ = file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(newest));
}

/// Makes the directories of a store, and takes a lease.
fn prepare(root: &Path) -> Result<Lease, StoreError> {
    for folder in ["blobs", "keys", "tmp"] {
        make_folder(&root.join(folder))?;
    }
    Lease::take(root)
}

fn blob_path(home: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    home.join("blobs").join(&hex[..2]).join(hex)
}

pub(crate) fn key_path(home: &Path, key: &Key) -> PathBuf {
    let hex = key.digest.hex();
    let folder = home.join("keys").join(key.kind);
    folder.join(&hex[..2]).join(hex)
}

/// The number of the lease that used a file last.
pub(crate) fn stamp(metadata: &fs::Metadata) -> u64 {
    let modified = metadata.modified().ok();
    let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_put_in_its_place_is_found_by_this_process() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path().to_owned()).unwrap();
        // As another user's directory is to one who is not root.
        let digest = Digest::of(b"value");
        let Place::Own(lease) = &disk.write else {
            panic!("it can be written");
        };
        let file = disk.new_file().unwrap();
        fs::write(file.path(), b"value").unwrap();
        persist(file, &blob_path(&lease.folder, &digest))
            .map_err(|(error, _)| error)
            .unwrap();
        assert!(disk.find(&digest).is_none());
        disk.has_own.store(true, Ordering::Relaxed);
        let (path, size) = disk.find(&digest).unwrap();
        assert_eq!((fs::read(path).unwrap(), size), (b"value".to_vec(), 5));
        let other = Disk::open(folder.path().to_owned()).unwrap();
        assert!(other.find(&digest).is_none());
    }
}
