//! Files named by the digest of what they hold, and keys that lead to them.
//!
//! ```text
//! ROOT/blobs/ab/ab12…     a file; its name is the SHA-256 of its content
//! ROOT/keys/KIND/ab/ab…   the digest of a blob that was made of the inputs the key names, and
//!                         the key's own
//! ROOT/tmp/N/             files that the process with lease N is writing
//! ROOT/lock               the number of the newest lease
//! ```
//!
//! Whatever is written goes to `tmp` first and is then renamed to its place, so that a file
//! in `blobs` or `keys` is whole or absent, whoever else is at work and whenever a process is
//! killed. Nothing here waits for the disk: a file that a power cut damaged has the wrong
//! digest, is found when it is used, and is made again.
//!
//! A store that may not be written is read all the same; what is made then goes to a temporary
//! folder and is gone with the process.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use crate::blob::{Blob, BlobWriter};
use crate::descriptors::OpenBlobs;
use crate::digest::{Digest, HashingWriter};
use crate::error::StoreError;
use crate::key::Key;
use crate::lease::{self, Lease};
use crate::unfinished::ScratchDirectory;

/// A content-addressed store in a folder.
///
/// Cheap to clone; any number of threads and processes may use one folder at once.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    write: Place,
    open_blobs: OpenBlobs,
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

impl Store {
    /// Opens the store in `root`, makes the folders that it lacks, and removes what processes
    /// left that were killed.
    ///
    /// # Errors
    /// If there is none and none can be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        let write = match prepare(&root) {
            Ok(lease) => Place::Own(lease),
            Err(error) if error.is_refusal() && root.join("blobs").is_dir() => {
                let elsewhere = std::env::temp_dir();
                Place::Elsewhere(
                    ScratchDirectory::new().map_err(StoreError::io("write to", &elsewhere))?,
                )
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                root,
                write,
                open_blobs: OpenBlobs::new(),
                damaged: AtomicU64::new(0),
                written: AtomicU64::new(0),
            }),
        })
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// Whether the store may not be written, so that what is made is lost with the process.
    pub fn is_read_only(&self) -> bool {
        matches!(self.shared.write, Place::Elsewhere(_))
    }

    /// How many damaged files were found, and taken out.
    pub fn damaged(&self) -> u64 {
        self.shared.damaged.load(Ordering::Relaxed)
    }

    /// How many bytes this process has put into the store.
    pub fn written(&self) -> u64 {
        self.shared.written.load(Ordering::Relaxed)
    }

    /// The blobs of this process that are open to be read at positions.
    pub(crate) fn open_blobs(&self) -> &OpenBlobs {
        &self.shared.open_blobs
    }

    pub(crate) fn note_damage(&self) {
        self.shared.damaged.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of this process's lease.
    pub(crate) fn lease(&self) -> Option<u64> {
        match &self.shared.write {
            Place::Own(lease) => Some(lease.number),
            Place::Elsewhere(_) => None,
        }
    }

    /// The folder for what is being written.
    pub(crate) fn writing_folder(&self) -> &Path {
        match &self.shared.write {
            Place::Own(lease) => &lease.folder,
            Place::Elsewhere(folder) => folder.path(),
        }
    }

    /// The folder that what is written belongs to.
    fn home(&self) -> &Path {
        match &self.shared.write {
            Place::Own(_) => &self.shared.root,
            Place::Elsewhere(folder) => folder.path(),
        }
    }

    /// The folders where something may be, the likeliest first.
    fn homes(&self) -> impl Iterator<Item = &Path> {
        let elsewhere = match &self.shared.write {
            Place::Own(_) => None,
            Place::Elsewhere(folder) => Some(folder.path()),
        };
        elsewhere.into_iter().chain([self.root()])
    }

    /// Begins a new blob.
    pub fn create(&self) -> Result<BlobWriter, StoreError> {
        let output = BufWriter::with_capacity(1 << 16, self.new_file()?);
        Ok(BlobWriter {
            store: self.clone(),
            output: HashingWriter::new(output),
            followed: None,
        })
    }

    fn new_file(&self) -> Result<NamedTempFile, StoreError> {
        let folder = self.writing_folder();
        // With the permissions of new files: others may be meant to read them.
        let file = tempfile::Builder::new().make_in(folder, |path| {
            let mut options = File::options();
            options.read(true).write(true).create_new(true).open(path)
        });
        file.map_err(StoreError::io("write to", folder))
    }

    /// Puts `bytes` in the store.
    pub fn put(&self, bytes: &[u8]) -> Result<Blob, StoreError> {
        let mut writer = self.create()?;
        writer
            .write_all(bytes)
            .map_err(StoreError::io("write to", self.writing_folder()))?;
        writer.commit()
    }

    /// The blob with this digest, if the store has it. Nobody takes it away before this process
    /// has ended.
    ///
    /// Its bytes are not read here: whoever takes them from outside the process's own work
    /// checks them, with [`Blob::verify`] or while reading.
    pub fn get(&self, digest: &Digest) -> Option<Blob> {
        let path = self.homes().map(|home| blob_path(home, digest));
        let (path, size) = path
            .map(|path| (self.use_file(&path), path))
            .find_map(|(size, path)| Some((path, size?)))?;
        Some(Blob {
            store: self.clone(),
            digest: *digest,
            size,
            path,
        })
    }

    /// The size of a file, which is marked as used; none if it is not there.
    fn use_file(&self, path: &Path) -> Option<u64> {
        let metadata = || fs::metadata(path).ok().filter(fs::Metadata::is_file);
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
            && let Ok(file) = File::open(path)
        {
            mark(&file, newest.max(number));
        }
        Some(found.len())
    }

    /// Puts a blob in its place, marked as used.
    ///
    /// Another process may use the one that was there before, and this mark takes the place of
    /// its own.
    pub(crate) fn place(&self, file: NamedTempFile, path: &Path) -> Result<(), StoreError> {
        let Some(number) = self.lease() else {
            return self.persist(file, path);
        };
        let mut lock = lease::shared(self.root())?;
        mark(file.as_file(), lock.newest().max(number));
        self.persist(file, path)
    }

    /// The blob that was recorded for `key`, if the store has it.
    pub fn lookup(&self, key: &Key) -> Option<Blob> {
        self.homes().find_map(|home| {
            let mut text = String::new();
            File::open(key_path(home, key))
                .ok()?
                .take(256)
                .read_to_string(&mut text)
                .ok()?;
            let (blob, own) = parse_key(&text)?;
            // A file that was moved here, or whose text was changed, says nothing of this key.
            (own == key.digest).then(|| self.get(&blob))?
        })
    }

    /// The bytes that were recorded for `key`, if the store has them, undamaged and no more
    /// than `limit`.
    pub fn value(&self, key: &Key, limit: u64) -> Option<Vec<u8>> {
        self.lookup(key)?.read(limit).ok()?
    }

    /// Remembers that `blob` is what the inputs of `key` give.
    pub fn record(&self, key: &Key, blob: &Blob) -> Result<(), StoreError> {
        let mut file = self.new_file()?;
        writeln!(file, "{} {}", blob.digest, key.digest)
            .map_err(StoreError::io("write to", self.writing_folder()))?;
        self.persist(file, &key_path(self.home(), key))
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
        let removed = match fs::metadata(path) {
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

    fn persist(&self, file: NamedTempFile, path: &Path) -> Result<(), StoreError> {
        let size = file.as_file().metadata().map_or(0, |found| found.len());
        self.shared.written.fetch_add(size, Ordering::Relaxed);
        let file = match file.persist(path) {
            Ok(_) => return Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::NotFound => error.file,
            Err(error) => return Err(StoreError::io("write", path)(error.error)),
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(StoreError::io("create", folder))?;
        }
        file.persist(path)
            .map(drop)
            .map_err(|error| StoreError::io("write", path)(error.error))
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

/// Makes the folders of a store, and takes a lease.
fn prepare(root: &Path) -> Result<Lease, StoreError> {
    for folder in ["blobs", "keys", "tmp"] {
        let folder = root.join(folder);
        if !folder.is_dir() {
            fs::create_dir_all(&folder).map_err(StoreError::io("create", &folder))?;
        }
    }
    Lease::take(root)
}

fn blob_path(home: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    home.join("blobs").join(&hex[..2]).join(hex)
}

fn key_path(home: &Path, key: &Key) -> PathBuf {
    let hex = key.digest.hex();
    let folder = home.join("keys").join(key.kind);
    folder.join(&hex[..2]).join(hex)
}

/// The blob that a key's file names, and the key.
pub(crate) fn parse_key(text: &str) -> Option<(Digest, Digest)> {
    let (blob, key) = text.trim_end().split_once(' ')?;
    Some((blob.parse().ok()?, key.parse().ok()?))
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

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store")).unwrap();
        (folder, store)
    }

    fn files_in(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_is_put_can_be_got() {
        let (_folder, store) = store();
        let blob = store.put(b"hello").unwrap();
        assert_eq!(blob.digest(), Digest::of(b"hello"));
        let again = store.get(&blob.digest()).unwrap();
        assert_eq!(
            (again.size(), fs::read(again.path()).unwrap()),
            (5, b"hello".to_vec())
        );
        assert!(store.get(&Digest::of(b"other")).is_none());
        // The lock of the lease alone.
        assert_eq!(files_in(store.writing_folder()), 1);
    }

    #[test]
    fn a_blob_that_is_not_committed_leaves_nothing() {
        let (_folder, store) = store();
        let mut writer = store.create().unwrap();
        writer.write_all(b"half").unwrap();
        drop(writer);
        assert_eq!(files_in(store.writing_folder()), 1);
        assert_eq!(files_in(&store.root().join("blobs")), 0);
    }

    #[test]
    fn a_wrong_digest_is_refused() {
        let (_folder, store) = store();
        let mut writer = store.create().unwrap();
        writer.write_all(b"evil").unwrap();
        let error = writer.commit_as(&Digest::of(b"good")).unwrap_err();
        assert!(matches!(error, StoreError::WrongDigest { .. }));
        assert!(store.get(&Digest::of(b"evil")).is_none());
    }

    #[test]
    fn damage_is_found_removed_and_counted() {
        let (_folder, store) = store();
        let blob = store.put(b"content").unwrap();
        assert!(blob.verify().unwrap().is_some());
        assert_eq!(blob.read(7).unwrap().unwrap(), b"content");
        fs::write(blob.path(), b"c0ntent").unwrap();
        assert!(blob.verify().unwrap().is_none());
        assert!(store.get(&blob.digest()).is_none());
        let blob = store.put(b"content").unwrap();
        fs::write(blob.path(), b"c0ntent").unwrap();
        assert!(blob.read(100).unwrap().is_none());
        assert!(store.get(&blob.digest()).is_none());
        assert_eq!(store.damaged(), 2);
    }

    #[test]
    fn what_another_made_anew_is_not_taken_for_damage() {
        let (folder, store) = store();
        let blob = store.put(b"content").unwrap();
        fs::write(blob.path(), b"c0ntent").unwrap();
        let read = blob.open().unwrap();
        let other = Store::open(folder.path().join("store")).unwrap();
        other.put(b"content").unwrap();
        store.remove_damaged(blob.path(), &read).unwrap();
        assert_eq!(blob.read(7).unwrap().unwrap(), b"content");
    }

    #[test]
    fn a_key_leads_to_its_blob_alone() {
        let (_folder, store) = store();
        let blob = store.put(b"value").unwrap();
        let key = Key::new("test", &[b"ab", b"c"]);
        assert!(store.lookup(&key).is_none());
        store.record(&key, &blob).unwrap();
        assert_eq!(store.lookup(&key).unwrap().digest(), blob.digest());
        assert_eq!(store.value(&key, 5).unwrap(), b"value");
        assert!(store.lookup(&Key::new("test", &[b"a", b"bc"])).is_none());
        assert!(store.lookup(&Key::new("other", &[b"ab", b"c"])).is_none());
    }

    #[test]
    fn a_damaged_or_foreign_key_leads_nowhere() {
        let (_folder, store) = store();
        let key = Key::new("test", &[b"x"]);
        let other = Key::new("test", &[b"y"]);
        let path = |key: &Key| key_path(store.root(), key);
        store.record(&key, &store.put(b"value").unwrap()).unwrap();
        store.record(&other, &store.put(b"other").unwrap()).unwrap();
        fs::copy(path(&other), path(&key)).unwrap();
        assert!(store.lookup(&key).is_none());
        fs::write(path(&key), b"sha256:").unwrap();
        assert!(store.lookup(&key).is_none());
    }

    #[test]
    fn what_a_killed_process_left_goes() {
        let (folder, store) = store();
        let root = folder.path().join("store");
        let mut writer = store.create().unwrap();
        writer.write_all(b"half").unwrap();
        let left = store.writing_folder().to_owned();
        // As a kill does: the lock goes, the files stay.
        let copy = left.with_file_name("7");
        fs::create_dir(&copy).unwrap();
        fs::write(copy.join("held"), "").unwrap();
        fs::write(copy.join(".tmpX"), "half").unwrap();
        let second = Store::open(&root).unwrap();
        assert!(!copy.exists(), "what nobody holds stays");
        assert!(left.exists(), "what another holds goes");
        assert!(second.lease() > store.lease());
    }

    #[test]
    fn numbers_grow_whatever_is_written() {
        let (folder, store) = store();
        let root = folder.path().join("store");
        for text in ["", "rubbish", "-1", "99999999999999999999999", "\u{0}"] {
            fs::write(root.join("lock"), text).unwrap();
            let next = Store::open(&root).unwrap();
            assert!(next.lease() > store.lease(), "{text}");
        }
    }
}
