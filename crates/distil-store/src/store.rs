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
//! directory and is gone with the process. The same happens to single files where a part of the store is
//! another user's; what that user has and this one may not read is not there.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::blob::{Blob, BlobWriter};
use crate::digest::Digest;
use crate::disk::{Disk, key_path};
use crate::error::StoreError;
use crate::key::Key;
use crate::plain;

/// The most bytes of a key's file.
pub(crate) const MAX_KEY: u64 = 256;

/// A content-addressed store in a directory.
///
/// Cheap to clone; any number of threads and processes may use one directory at once.
#[derive(Debug, Clone)]
pub struct Store {
    disk: Arc<Disk>,
}

impl Store {
    /// Opens the store in `root`, makes the directories that it lacks, and removes what processes
    /// left that were killed.
    ///
    /// # Errors
    /// If there is none and none can be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let disk = Arc::new(Disk::open(root.into())?);
        Ok(Self { disk })
    }

    /// What the store is on disk.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The directory of the store.
    pub fn root(&self) -> &Path {
        self.disk.root()
    }

    /// Whether the store may not be written, so that what is made is lost with the process.
    pub fn is_read_only(&self) -> bool {
        self.disk.is_read_only()
    }

    /// How many damaged files were found, and taken out.
    pub fn damaged(&self) -> u64 {
        self.disk.damaged()
    }

    /// How many bytes this process has put into the store.
    pub fn written(&self) -> u64 {
        self.disk.written()
    }

    /// Begins a new blob.
    pub fn create(&self) -> Result<BlobWriter, StoreError> {
        BlobWriter::new(&self.disk)
    }

    /// Puts `bytes` in the store.
    pub fn put(&self, bytes: &[u8]) -> Result<Blob, StoreError> {
        let mut writer = self.create()?;
        writer
            .write_all(bytes)
            .map_err(StoreError::io("write to", self.disk.writing_folder()))?;
        writer.commit()
    }

    /// The blob with this digest, if the store has it. Nobody takes it away before this process
    /// has ended.
    ///
    /// Its bytes are not read here: whoever takes them from outside the process's own work
    /// checks them, with [`Blob::verify`] or while reading.
    pub fn get(&self, digest: &Digest) -> Option<Blob> {
        let (path, size) = self.disk.find(digest)?;
        Some(Blob::new(&self.disk, *digest, size, path))
    }

    /// The blob that was recorded for `key`, if the store has it.
    pub fn lookup(&self, key: &Key) -> Option<Blob> {
        self.disk.homes().find_map(|home| {
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
        let mut file = self.disk.new_file()?;
        file.write_all(key.record(&blob.digest()).as_bytes())
            .map_err(StoreError::io("write to", self.disk.writing_folder()))?;
        self.disk
            .persist(file, |home| key_path(home, key))
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
        assert_eq!(files_in(store.disk().writing_folder()), 1);
    }

    #[test]
    fn a_blob_that_is_not_committed_leaves_nothing() {
        let (_folder, store) = store();
        let mut writer = store.create().unwrap();
        writer.write_all(b"half").unwrap();
        drop(writer);
        assert_eq!(files_in(store.disk().writing_folder()), 1);
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
        store.disk().remove_damaged(blob.path(), &read).unwrap();
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
    fn what_a_killed_process_left_goes() {
        let (folder, store) = store();
        let root = folder.path().join("store");
        let mut writer = store.create().unwrap();
        writer.write_all(b"half").unwrap();
        let left = store.disk().writing_folder().to_owned();
        // As a kill does: the lock goes, the files stay.
        let copy = left.with_file_name("7");
        fs::create_dir(&copy).unwrap();
        fs::write(copy.join("held"), "").unwrap();
        fs::write(copy.join(".tmpX"), "half").unwrap();
        let second = Store::open(&root).unwrap();
        assert!(!copy.exists(), "what nobody holds stays");
        assert!(left.exists(), "what another holds goes");
        assert!(second.disk().lease() > store.disk().lease());
    }

    #[test]
    fn numbers_grow_whatever_is_written() {
        let (folder, store) = store();
        let root = folder.path().join("store");
        for text in ["", "rubbish", "-1", "99999999999999999999999", "\u{0}"] {
            fs::write(root.join("lock"), text).unwrap();
            let next = Store::open(&root).unwrap();
            assert!(next.disk().lease() > store.disk().lease(), "{text}");
        }
    }
}
