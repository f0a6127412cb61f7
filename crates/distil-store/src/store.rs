//! Files named by the digest of what they hold, and keys that lead to them.
//!
//! ```text
//! ROOT/blobs/ab/ab12…     a file; its name is the SHA-256 of its content
//! ROOT/keys/KIND/ab/ab…   the digest of a blob that was made of the inputs the key names
//! ROOT/tmp/               files that are being written
//! ```
//!
//! Whatever is written goes to `tmp` first and is then renamed to its place, so that a file
//! in `blobs` or `keys` is whole or absent, whoever else is at work and whenever a process is
//! killed. Nothing here waits for the disk: a file that a power cut damaged has the wrong
//! digest, is found when it is used, and is made again.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::digest::{Digest, Hasher, HashingWriter};

/// A content-addressed store in a folder.
///
/// Cheap to clone; any number of threads and processes may use one folder at once.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// What went wrong in a store, and where.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder of the store could not be read or written.
    #[error("failed to {action} `{}` in the store", path.display())]
    Io {
        /// What was being done, as an infinitive.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes written are not the ones that were announced.
    #[error("expected {expected} but the bytes have {actual}")]
    WrongDigest {
        /// The digest that was announced.
        expected: Digest,
        /// The digest of what came.
        actual: Digest,
    },
}

impl StoreError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

impl Store {
    /// Opens the store in `root`, and makes the folders that it lacks.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let store = Self { root: root.into() };
        for folder in ["blobs", "keys", "tmp"] {
            let folder = store.root.join(folder);
            fs::create_dir_all(&folder).map_err(StoreError::io("create", &folder))?;
        }
        Ok(store)
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Begins a new blob.
    pub fn create(&self) -> Result<BlobWriter, StoreError> {
        let folder = self.root.join("tmp");
        let file = NamedTempFile::new_in(&folder).map_err(StoreError::io("write to", &folder))?;
        let output = HashingWriter::new(BufWriter::with_capacity(1 << 16, file));
        Ok(BlobWriter {
            store: self.clone(),
            output,
        })
    }

    /// Puts `bytes` in the store.
    pub fn put(&self, bytes: &[u8]) -> Result<Blob, StoreError> {
        let mut writer = self.create()?;
        writer
            .write_all(bytes)
            .map_err(StoreError::io("write to", &self.root.join("tmp")))?;
        writer.commit()
    }

    /// The blob with this digest, if the store has it.
    ///
    /// Its bytes are not read here: whoever takes them from outside the process's own work
    /// checks them, with [`Blob::verify`] or while reading.
    pub fn get(&self, digest: &Digest) -> Option<Blob> {
        let path = self.blob_path(digest);
        let size = fs::metadata(&path)
            .ok()
            .filter(fs::Metadata::is_file)?
            .len();
        Some(Blob {
            digest: *digest,
            size,
            path,
        })
    }

    /// The blob that was recorded for `key`, if the store has it.
    pub fn lookup(&self, key: &Key) -> Option<Blob> {
        let mut text = String::new();
        File::open(self.key_path(key))
            .ok()?
            .take(128)
            .read_to_string(&mut text)
            .ok()?;
        self.get(&text.trim_end().parse().ok()?)
    }

    /// Remembers that `blob` is what the inputs of `key` give.
    pub fn record(&self, key: &Key, blob: &Blob) -> Result<(), StoreError> {
        let folder = self.root.join("tmp");
        let mut file =
            NamedTempFile::new_in(&folder).map_err(StoreError::io("write to", &folder))?;
        writeln!(file, "{}", blob.digest).map_err(StoreError::io("write to", &folder))?;
        persist(file, &self.key_path(key))
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join("blobs").join(&hex[..2]).join(hex)
    }

    fn key_path(&self, key: &Key) -> PathBuf {
        let hex = key.digest.hex();
        self.root
            .join("keys")
            .join(key.kind)
            .join(&hex[..2])
            .join(hex)
    }
}

fn persist(file: NamedTempFile, path: &Path) -> Result<(), StoreError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(StoreError::io("create", folder))?;
    }
    match file.persist(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(StoreError::io("write", path)(error.error)),
    }
}

/// A file of the store.
#[derive(Debug, Clone)]
pub struct Blob {
    digest: Digest,
    size: u64,
    path: PathBuf,
}

impl Blob {
    /// The SHA-256 of the content.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file for reading.
    pub fn open(&self) -> Result<File, StoreError> {
        File::open(&self.path).map_err(StoreError::io("open", &self.path))
    }

    /// Opens the file if its bytes still have its digest; a damaged file is taken out of the
    /// store, and the answer is none.
    pub fn verify(&self) -> Result<Option<File>, StoreError> {
        let mut file = self.open()?;
        let read = StoreError::io("read", &self.path);
        let (digest, _) = Digest::of_reader(&mut file).map_err(read)?;
        if digest != self.digest {
            fs::remove_file(&self.path).map_err(StoreError::io("remove", &self.path))?;
            return Ok(None);
        }
        file.seek(SeekFrom::Start(0))
            .map_err(StoreError::io("read", &self.path))?;
        Ok(Some(file))
    }
}

/// A blob that is being written. Dropped without a commit, it leaves nothing.
pub struct BlobWriter {
    store: Store,
    output: HashingWriter<BufWriter<NamedTempFile>>,
}

impl BlobWriter {
    /// The digest of what was written so far.
    pub fn digest(&self) -> Digest {
        self.output.digest()
    }

    /// The number of bytes written so far.
    pub fn written(&self) -> u64 {
        self.output.written()
    }

    /// Puts the blob in its place.
    pub fn commit(self) -> Result<Blob, StoreError> {
        let (digest, size) = (self.output.digest(), self.output.written());
        let file = self.output.into_inner().into_inner();
        let tmp = self.store.root.join("tmp");
        let file = file.map_err(|error| StoreError::io("write to", &tmp)(error.into_error()))?;
        let path = self.store.blob_path(&digest);
        persist(file, &path)?;
        Ok(Blob { digest, size, path })
    }

    /// Puts the blob in its place if it has the digest that was announced for it.
    pub fn commit_as(self, expected: &Digest) -> Result<Blob, StoreError> {
        let actual = self.digest();
        if actual != *expected {
            return Err(StoreError::WrongDigest {
                expected: *expected,
                actual,
            });
        }
        self.commit()
    }
}

impl Write for BlobWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.output.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Names something that was made, by all that it was made of.
///
/// Two keys are equal only if their kinds and all their inputs are, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    kind: &'static str,
    digest: Digest,
}

impl Key {
    /// A key of `kind` (a word; it names a folder) for these inputs.
    ///
    /// One input should be the version of the code that makes the value.
    pub fn new(kind: &'static str, inputs: &[&[u8]]) -> Self {
        let mut hasher = Hasher::default();
        for input in inputs {
            // The length keeps `ab`,`c` apart from `a`,`bc`.
            hasher.update(&(input.len() as u64).to_le_bytes());
            hasher.update(input);
        }
        Self {
            kind,
            digest: hasher.finish(),
        }
    }
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
        assert_eq!(files_in(&store.root().join("tmp")), 0);
    }

    #[test]
    fn a_blob_that_is_not_committed_leaves_nothing() {
        let (_folder, store) = store();
        let mut writer = store.create().unwrap();
        writer.write_all(b"half").unwrap();
        drop(writer);
        assert_eq!(files_in(&store.root().join("tmp")), 0);
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
    fn damage_is_found_and_removed() {
        let (_folder, store) = store();
        let blob = store.put(b"content").unwrap();
        assert!(blob.verify().unwrap().is_some());
        fs::write(blob.path(), b"c0ntent").unwrap();
        assert!(blob.verify().unwrap().is_none());
        assert!(store.get(&blob.digest()).is_none());
    }

    #[test]
    fn a_key_leads_to_its_blob_alone() {
        let (_folder, store) = store();
        let blob = store.put(b"value").unwrap();
        let key = Key::new("test", &[b"ab", b"c"]);
        assert!(store.lookup(&key).is_none());
        store.record(&key, &blob).unwrap();
        assert_eq!(store.lookup(&key).unwrap().digest(), blob.digest());
        assert!(store.lookup(&Key::new("test", &[b"a", b"bc"])).is_none());
        assert!(store.lookup(&Key::new("other", &[b"ab", b"c"])).is_none());
    }

    #[test]
    fn a_damaged_key_leads_nowhere() {
        let (_folder, store) = store();
        let key = Key::new("test", &[b"x"]);
        store.record(&key, &store.put(b"value").unwrap()).unwrap();
        fs::write(store.key_path(&key), b"sha256:").unwrap();
        assert!(store.lookup(&key).is_none());
    }
}
