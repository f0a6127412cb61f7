//! What a store holds, and how it is kept small and whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::disk::stamp;
use crate::error::StoreError;
use crate::key;
use crate::lease;
use crate::parallel;
use crate::plain;
use crate::store::{MAX_KEY, Store};

/// So many files are taken away before others get at the store's lock.
const BATCH: usize = 64;

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// What was made, by the kind of its key. What several keys name counts for one of them.
    pub kinds: BTreeMap<String, Amount>,
    /// What was downloaded, or is left of what was made: no key names it.
    pub unnamed: Amount,
    /// What processes are writing.
    pub unfinished: Amount,
}

/// A number of files, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub entries: u64,
    /// How many bytes.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes += bytes;
    }
}

impl Usage {
    /// All together.
    pub fn total(&self) -> Amount {
        let all = self.kinds.values().chain([&self.unnamed, &self.unfinished]);
        all.fold(Amount::default(), |sum, one| Amount {
            entries: sum.entries + one.entries,
            bytes: sum.bytes + one.bytes,
        })
    }
}

/// What was taken away, and what is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// What was taken away.
    pub removed: Amount,
    /// What stays though it had to go, since running builds may need it.
    pub in_use: Amount,
    /// What is left in all.
    pub left: Amount,
}

/// What became of a check of all files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// What was read.
    pub read: Amount,
    /// What was damaged, or something else than a file, and was taken away.
    pub damaged: Vec<Digest>,
    /// Keys that led nowhere, or elsewhere than they were meant to, and were taken away.
    pub dead_keys: u64,
}

/// A blob on disk.
struct Found {
    digest: Digest,
    path: PathBuf,
    bytes: u64,
    stamp: u64,
}

impl Store {
    /// Counts what the store holds.
    ///
    /// # Errors
    /// If its directories cannot be read.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::default();
        let mut blobs: BTreeMap<Digest, u64> = self
            .blobs()?
            .into_iter()
            .map(|blob| (blob.digest, blob.bytes))
            .collect();
        for (kind, _, named) in self.keys()? {
            let amount = usage.kinds.entry(kind).or_default();
            if let Some(bytes) = named.and_then(|digest| blobs.remove(&digest)) {
                amount.add(bytes);
            }
        }
        for bytes in blobs.into_values() {
            usage.unnamed.add(bytes);
        }
        for folder in children(&self.root().join("tmp"))? {
            for (_, metadata) in children(&folder.0)?.iter().filter(|one| one.1.len() > 0) {
                usage.unfinished.add(metadata.len());
            }
        }
        Ok(usage)
    }

    /// Takes away what was used the longest time ago until at most `limit` bytes are left, but
    /// nothing that a running build may need. What this process itself used may go.
    ///
    /// # Errors
    /// If the store cannot be read or written, or has no locks.
    pub fn prune(&self, limit: u64) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        if self.is_read_only() {
            let source = io::ErrorKind::ReadOnlyFilesystem.into();
            return Err(StoreError::io("remove from", self.root())(source));
        }
        let newest = lease::exclusive(self.root())?.newest();
        let mut blobs = self.blobs()?;
        for blob in &mut blobs {
            pruned.left.add(blob.bytes);
            // A time that is no lease's number: nobody that is known used it.
            if blob.stamp > newest {
                blob.stamp = 0;
            }
        }
        blobs.sort_by_key(|blob| (blob.stamp, blob.digest));
        for batch in blobs.chunks(BATCH) {
            if pruned.left.bytes <= limit {
                break;
            }
            let mut lock = lease::exclusive(self.root())?;
            if !lock.is_real {
                let path = self.root().to_owned();
                return Err(StoreError::NoLocks { path });
            }
            let living = lease::lowest_living(self.root(), self.disk().lease())?;
            let newest = lock.newest();
            for blob in batch {
                if pruned.left.bytes <= limit {
                    break;
                }
                // Somebody may have used it since.
                let Ok(metadata) = fs::metadata(&blob.path) else {
                    continue;
                };
                let last = stamp(&metadata);
                if living.is_some_and(|lowest| (lowest..=newest).contains(&last)) {
                    pruned.in_use.add(blob.bytes);
                    continue;
                }
                match fs::remove_file(&blob.path) {
                    Ok(()) => {
                        pruned.removed.add(blob.bytes);
                        pruned.left.entries -= 1;
                        pruned.left.bytes -= blob.bytes;
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(StoreError::io("remove", &blob.path)(error)),
                }
            }
        }
        if pruned.removed.entries > 0 {
            self.sweep_keys()?;
        }
        Ok(pruned)
    }

    /// Reads every blob, and takes away those whose bytes are not what their names say, the keys that
    /// lead nowhere, and what has the name of one of both and is not a file.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn check(&self, threads: NonZeroUsize) -> Result<Checked, StoreError> {
        let blobs = self.blobs()?;
        let outcomes = parallel::try_map(&blobs, threads, |blob| check(self, blob))?;
        let mut checked = Checked::default();
        for (blob, outcome) in blobs.iter().zip(outcomes) {
            match outcome {
                Some(true) => checked.read.add(blob.bytes),
                Some(false) => {
                    checked.read.add(blob.bytes);
                    checked.damaged.push(blob.digest);
                }
                None => {}
            }
        }
        for (digest, path) in self.oddities()? {
            if plain::clear_way(&path).map_err(StoreError::io("remove", &path))? {
                self.disk().note_damage();
                checked.damaged.push(digest);
            }
        }
        checked.damaged.sort();
        checked.dead_keys = self.sweep_keys()?;
        Ok(checked)
    }

    /// Removes keys of blobs that are gone, and what is not a key.
    fn sweep_keys(&self) -> Result<u64, StoreError> {
        let blobs: BTreeSet<Digest> = self.blobs()?.into_iter().map(|blob| blob.digest).collect();
        let mut removed = 0;
        for (_, path, named) in self.keys()? {
            // One that was made since is found by its own look.
            let is_there = named
                .is_some_and(|blob| blobs.contains(&blob) || self.disk().place_of(&blob).exists());
            let gone =
                || plain::clear_way(&path).is_ok_and(|odd| odd) || fs::remove_file(&path).is_ok();
            if !is_there && gone() {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// All blobs. What else lies in their directories is not the store's.
    fn blobs(&self) -> Result<Vec<Found>, StoreError> {
        let mut found = Vec::new();
        self.each_of_blobs(|digest, path, metadata| {
            if metadata.is_file() {
                found.push(Found {
                    digest,
                    path,
                    bytes: metadata.len(),
                    stamp: stamp(metadata),
                });
            }
        })?;
        Ok(found)
    }

    /// What has the name of a blob and is not a file.
    fn oddities(&self) -> Result<Vec<(Digest, PathBuf)>, StoreError> {
        let mut found = Vec::new();
        self.each_of_blobs(|digest, path, metadata| {
            if !metadata.is_file() {
                found.push((digest, path));
            }
        })?;
        Ok(found)
    }

    fn each_of_blobs(
        &self,
        mut take: impl FnMut(Digest, PathBuf, &fs::Metadata),
    ) -> Result<(), StoreError> {
        for (folder, _) in children(&self.root().join("blobs"))? {
            for (path, metadata) in children(&folder)? {
                if let Some(digest) = named_by(&path) {
                    take(digest, path, &metadata);
                }
            }
        }
        Ok(())
    }

    /// All keys: kind, file, and the blob that each names.
    fn keys(&self) -> Result<Vec<(String, PathBuf, Option<Digest>)>, StoreError> {
        let mut found = Vec::new();
        for (kind, _) in children(&self.root().join("keys"))? {
            let name = kind.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            for (folder, _) in children(&kind)? {
                for (path, _) in children(&folder)? {
                    // What else lies there is not the store's.
                    let Some(key) = named_by(&path) else {
                        continue;
                    };
                    let named = text_of(&path).and_then(|text| key::read(&name, &key, &text));
                    found.push((name.clone(), path, named));
                }
            }
        }
        Ok(found)
    }
}

/// The digest that a file is named by.
fn named_by(path: &Path) -> Option<Digest> {
    Digest::from_hex(path.file_name()?.to_str()?).ok()
}

/// What is written in a key's file.
fn text_of(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = plain::open(path).ok()?;
    file.take(MAX_KEY).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Whether a blob's bytes are right; none if it is gone.
fn check(store: &Store, blob: &Found) -> Result<Option<bool>, StoreError> {
    let failed = || StoreError::io("read", &blob.path);
    let mut file = match plain::open(&blob.path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed()(error)),
    };
    let (digest, _) = Digest::of_reader(&mut file).map_err(failed())?;
    if digest == blob.digest {
        return Ok(Some(true));
    }
    store.disk().note_damage();
    store.disk().remove_damaged(&blob.path, &file)?;
    Ok(Some(false))
}

/// What is in a directory, with what is known of each; nothing of a directory that is gone, or of
/// something that is not a directory.
fn children(folder: &Path) -> Result<Vec<(PathBuf, fs::Metadata)>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(StoreError::io("read", folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read", folder))?;
        // Others may remove it at any moment.
        if let Ok(metadata) = entry.metadata() {
            found.push((entry.path(), metadata));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn has(store: &Store, bytes: &[u8]) -> bool {
        store.disk().place_of(&Digest::of(bytes)).exists()
    }

    fn put(root: &Path, bytes: &[u8]) {
        let store = Store::open(root).unwrap();
        let blob = store.put(bytes).unwrap();
        store.record(&Key::new("test", &[bytes]), &blob).unwrap();
    }

    #[test]
    fn the_longest_unused_goes_first_whatever_the_clock_says() {
        let folder = folder();
        for bytes in [b"first", b"secnd", b"third"] {
            put(folder.path(), bytes);
        }
        // Used again, so that it is not the longest unused any more.
        let user = Store::open(folder.path()).unwrap();
        assert!(user.get(&Digest::of(b"first")).is_some());
        drop(user);
        let store = Store::open(folder.path()).unwrap();
        let pruned = store.prune(10).unwrap();
        assert_eq!((pruned.removed.entries, pruned.left.bytes), (1, 10));
        assert!(has(&store, b"first") && !has(&store, b"secnd") && has(&store, b"third"));
        // The key went with what it names.
        assert_eq!(store.keys().unwrap().len(), 2);
    }

    #[test]
    fn what_a_running_process_used_stays() {
        let folder = folder();
        for bytes in [b"first", b"secnd"] {
            put(folder.path(), bytes);
        }
        let running = Store::open(folder.path()).unwrap();
        assert!(running.get(&Digest::of(b"first")).is_some());
        running.put(b"fresh").unwrap();
        let store = Store::open(folder.path()).unwrap();
        let pruned = store.prune(0).unwrap();
        assert_eq!((pruned.removed.entries, pruned.in_use.entries), (1, 2));
        assert!(has(&store, b"first") && has(&store, b"fresh") && !has(&store, b"secnd"));
        drop(running);
        assert_eq!(store.prune(0).unwrap().left, Amount::default());
        assert!(store.keys().unwrap().is_empty());
    }

    #[test]
    fn what_several_use_stays_until_the_last_has_ended() {
        let folder = folder();
        let open = || Store::open(folder.path()).unwrap();
        put(folder.path(), b"value");
        let (older, newer) = (open(), open());
        assert!(newer.get(&Digest::of(b"value")).is_some());
        newer.put(b"other").unwrap();
        // The older one's use comes later, and ends sooner.
        assert!(older.get(&Digest::of(b"value")).is_some());
        older.put(b"other").unwrap();
        drop(older);
        let pruned = open().prune(0).unwrap();
        assert_eq!((pruned.removed.entries, pruned.in_use.entries), (0, 2));
        drop(newer);
        assert_eq!(open().prune(0).unwrap().left, Amount::default());
    }

    #[test]
    fn what_is_there_is_counted_and_foreign_files_stay() {
        let folder = folder();
        put(folder.path(), b"value");
        let store = Store::open(folder.path()).unwrap();
        store.put(b"download").unwrap();
        let foreign = folder.path().join("blobs/ab/README");
        fs::create_dir_all(foreign.parent().unwrap()).unwrap();
        fs::write(&foreign, "not ours").unwrap();
        let usage = store.usage().unwrap();
        assert_eq!(
            usage.kinds["test"],
            Amount {
                entries: 1,
                bytes: 5
            }
        );
        assert_eq!(
            usage.unnamed,
            Amount {
                entries: 1,
                bytes: 8
            }
        );
        assert_eq!(usage.total().bytes, 13);
        store.prune(0).unwrap();
        assert!(foreign.exists());
    }

    #[test]
    fn damage_is_found_without_being_used() {
        let folder = folder();
        put(folder.path(), b"value");
        put(folder.path(), b"other");
        let store = Store::open(folder.path()).unwrap();
        let two = NonZeroUsize::new(2).unwrap();
        assert!(store.check(two).unwrap().damaged.is_empty());
        fs::write(store.disk().place_of(&Digest::of(b"value")), b"valu3").unwrap();
        let checked = store.check(two).unwrap();
        assert_eq!(checked.damaged, [Digest::of(b"value")]);
        assert_eq!((checked.read.entries, checked.dead_keys), (2, 1));
        assert!(store.lookup(&Key::new("test", &[b"value"])).is_none());
        assert!(store.lookup(&Key::new("test", &[b"other"])).is_some());
    }

    #[test]
    fn what_a_running_process_used_stays_whatever_the_lock_says() {
        // More than a file's time can hold, on some file systems and on all.
        for number in [
            "4294967296",
            "9223372036854775807",
            "18446744073709551615",
            "0",
            "",
        ] {
            let folder = folder();
            put(folder.path(), b"value");
            let running = Store::open(folder.path()).unwrap();
            fs::write(folder.path().join("lock"), number).unwrap();
            assert!(running.get(&Digest::of(b"value")).is_some());
            running.put(b"other").unwrap();
            let pruned = Store::open(folder.path()).unwrap().prune(0).unwrap();
            assert_eq!(pruned.in_use.entries, 2, "{number}");
            assert!(running.get(&Digest::of(b"value")).is_some(), "{number}");
        }
    }

    #[test]
    fn what_is_no_file_is_found_and_a_key_that_leads_elsewhere() {
        let folder = folder();
        let threads = NonZeroUsize::MIN;
        put(folder.path(), b"value");
        put(folder.path(), b"other");
        let store = Store::open(folder.path()).unwrap();
        let path = |store: &Store| store.keys().unwrap().remove(0).1;
        let key = path(&store);
        crate::plain::tests::for_each_oddity(&key, |kind| {
            let checked = store.check(threads).unwrap();
            assert_eq!((checked.dead_keys, checked.damaged.len()), (1, 0), "{kind}");
            assert!(fs::symlink_metadata(&key).is_err(), "{kind}");
        });
        let digest = Digest::of(b"value");
        crate::plain::tests::for_each_oddity(&store.disk().place_of(&digest), |kind| {
            assert_eq!(store.check(threads).unwrap().damaged, [digest], "{kind}");
            assert!(store.check(threads).unwrap().damaged.is_empty(), "{kind}");
        });
        put(folder.path(), b"value");
        put(folder.path(), b"other");
        let key = path(&store);
        let text = fs::read_to_string(&key).unwrap();
        let (value, other) = (digest.hex(), Digest::of(b"other").hex());
        let led = match text.contains(&value) {
            true => text.replace(&value, &other),
            false => text.replace(&other, &value),
        };
        fs::write(&key, led).unwrap();
        let checked = store.check(threads).unwrap();
        assert_eq!((checked.dead_keys, checked.damaged.len()), (1, 0));
        assert_eq!(store.check(threads).unwrap().dead_keys, 0);
    }
}
