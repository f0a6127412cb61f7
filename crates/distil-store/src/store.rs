//! Files named by the digest of what they hold, and keys that lead to them.
//!
//! ```text
//! ROOT/blobs/ab/ab12…     a file; its name is the SHA-256 of its content
//! ROOT/keys/KIND/ab/ab…   the digest of a blob that was made of the inputs the key names, the
//!                         key's own, and one over both
//! ROOT/tmp/N/             files that the process with lease N is writing; a store of its own of
//!                         what it may not put in its place
//! ROOT/lock               the number of the newest lease
//! ```
//!
//! Whatever is written goes to `tmp` first and is then renamed to its place, so that a file
//! in `blobs` or `keys` is whole or absent, whoever else is at work and whenever a process is
//! killed. Nothing here waits for the disk: a file that a power cut damaged has the wrong
//! digest, is found when it is used, and is made again.
//!
//! A store that may not be written is read all the same; what is made then goes to a temporary
//! folder and is gone with the process. The same happens to single files where a part of the store is
//! another user's; what that user has and this one may not read is not there.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{Access, access};
use tempfile::NamedTempFile;

use crate::blob::{Blob, BlobWriter};
use crate::descriptors::OpenBlobs;
use crate::digest::{Digest, HashingWriter};
use crate::error::StoreError;
use crate::key::Key;
use crate::lease::{self, Lease};
use crate::plain;
use crate::unfinished::ScratchDirectory;

/// The most bytes of a key's file.
pub(crate) const MAX_KEY: u64 = 256;

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
                has_own: AtomicBool::new(false),
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
            Place::Own(lease) => {
                Some(lease.folder.as_path()).filter(|_| self.shared.has_own.load(Ordering::Relaxed))
            }
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

    /// The blob that was recorded for `key`, if the store has it.
    pub fn lookup(&self, key: &Key) -> Option<Blob> {
        self.homes().find_map(|home| {
            let mut text = String::new();
            plain::open(&key_path(home, key))
                .ok()?
                .take(MAX_KEY)
                .read_to_string(&mut text)
                .ok()?;
            self.get(&key.read(&text)?)
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
        file.write_all(key.record(&blob.digest).as_bytes())
            .map_err(StoreError::io("write to", self.writing_folder()))?;
        self.persist(file, |home| key_path(home, key)).map(drop)
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
    fn persist(
        &self,
        file: NamedTempFile,
        path: impl Fn(&Path) -> PathBuf,
    ) -> Result<PathBuf, StoreError> {
        let size = file.as_file().metadata().map_or(0, |found| found.len());
        self.shared.written.fetch_add(size, Ordering::Relaxed);
        let place = path(self.home());
        let (error, file) = match persist(file, &place) {
            Ok(()) => return Ok(place),
            Err(failed) => failed,
        };
        match &self.shared.write {
            Place::Own(lease) if error.is_refusal() => {
                let place = path(&lease.folder);
                persist(file, &place).map_err(|(error, _)| error)?;
                self.shared.has_own.store(true, Ordering::Relaxed);
                Ok(place)
            }
            _ => Err(error),
        }
    }
}

/// Gives a file its place, for which folders are made, and what is no file makes way.
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

/// Makes a folder of the store. What is in its place, and is no folder, makes way; but a link that
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

/// Makes the folders of a store, and takes a lease.
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

fn key_path(home: &Path, key: &Key) -> PathBuf {
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
    use crate::plain::tests::for_each_oddity;

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
    fn a_key_that_was_led_elsewhere_leads_nowhere() {
        let (_folder, store) = store();
        let key = Key::new("test", &[b"x"]);
        let (blob, other) = (store.put(b"value").unwrap(), store.put(b"other").unwrap());
        store.record(&key, &blob).unwrap();
        let path = key_path(store.root(), &key);
        let text = fs::read_to_string(&path).unwrap();
        let led = text.replace(&blob.digest().hex(), &other.digest().hex());
        fs::write(&path, led).unwrap();
        assert!(store.lookup(&key).is_none());
        store.record(&key, &blob).unwrap();
        assert_eq!(store.lookup(&key).unwrap().digest(), blob.digest());
    }

    #[test]
    fn what_is_no_file_is_no_key_and_no_blob_and_makes_way() {
        let (_folder, store) = store();
        let key = Key::new("test", &[b"x"]);
        let blob = store.put(b"value").unwrap();
        store.record(&key, &blob).unwrap();
        for_each_oddity(&key_path(store.root(), &key), |kind| {
            assert!(store.lookup(&key).is_none(), "{kind}");
            store.record(&key, &blob).unwrap();
            assert!(store.lookup(&key).is_some(), "{kind}");
        });
        store.record(&key, &blob).unwrap();
        for_each_oddity(blob.path(), |kind| {
            assert!(store.lookup(&key).is_none(), "{kind}");
            blob.open().unwrap_err();
            let blob = store.put(b"value").unwrap();
            assert_eq!(blob.read(5).unwrap().unwrap(), b"value", "{kind}");
        });
        for name in ["blobs", "keys", "tmp"] {
            let root = store.root().with_file_name(name);
            fs::create_dir_all(&root).unwrap();
            fs::write(root.join(name), "").unwrap();
            Store::open(&root).unwrap().put(b"value").unwrap();
        }
    }

    #[test]
    fn what_is_no_file_is_no_lock_and_no_lease() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store");
        let open = || Store::open(&root).unwrap();
        drop(open());
        let left = root.join("tmp/1000");
        for place in [root.join("lock"), left.clone(), left.join("held")] {
            for_each_oddity(&place, |kind| {
                let next = open();
                next.put(b"value").unwrap();
                assert_eq!(next.prune(0).unwrap().left.entries, 0, "{kind}");
            });
        }
    }

    #[test]
    fn what_may_not_be_put_in_its_place_is_found_by_this_process() {
        let (_folder, store) = store();
        // As another user's folder is to one who is not root.
        let digest = Digest::of(b"value");
        let refused =
            || StoreError::io("write", store.root())(io::ErrorKind::PermissionDenied.into());
        assert!(refused().is_refusal());
        let Place::Own(lease) = &store.shared.write else {
            panic!("it can be written");
        };
        let file = store.new_file().unwrap();
        fs::write(file.path(), b"value").unwrap();
        persist(file, &blob_path(&lease.folder, &digest))
            .map_err(|(error, _)| error)
            .unwrap();
        assert!(store.get(&digest).is_none());
        store.shared.has_own.store(true, Ordering::Relaxed);
        assert_eq!(
            store.get(&digest).unwrap().read(5).unwrap().unwrap(),
            b"value"
        );
        let other = Store::open(store.root()).unwrap();
        assert!(other.get(&digest).is_none());
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
