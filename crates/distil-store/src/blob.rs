//! The files of a store.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread::Builder;

use tempfile::NamedTempFile;

use crate::digest::{Digest, Hasher, HashingWriter};
use crate::error::StoreError;
use crate::store::Store;

/// A file of the store.
#[derive(Debug, Clone)]
pub struct Blob {
    pub(crate) store: Store,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) path: PathBuf,
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
        let read = || StoreError::io("read", &self.path);
        let (digest, _) = Digest::of_reader(&mut file).map_err(read())?;
        if digest != self.digest {
            self.discard(&file)?;
            return Ok(None);
        }
        file.seek(SeekFrom::Start(0)).map_err(read())?;
        Ok(Some(file))
    }

    /// All bytes if they are at most `limit` and still have their digest; a damaged file is taken
    /// out of the store, and the answer is none.
    pub fn read(&self, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let file = self.open()?;
        let read = match usize::try_from(self.size) {
            Ok(size) if size >= LARGE && self.size <= limit => {
                // If no thread can be started, or for the error that it meets again.
                read_in_parts(&file, size).or_else(|_| {
                    (&file).rewind()?;
                    read_whole(&file, self.size, limit.saturating_add(1))
                })
            }
            _ => read_whole(&file, self.size.min(limit), limit.saturating_add(1)),
        };
        let (bytes, digest) = read.map_err(StoreError::io("read", &self.path))?;
        if bytes.len() as u64 > limit || digest != self.digest {
            self.discard(&file)?;
            return Ok(None);
        }
        Ok(Some(bytes))
    }

    /// Takes the file out of the store that was read, and whose bytes turned out to be others than
    /// it is named after.
    fn discard(&self, read: &File) -> Result<(), StoreError> {
        self.store.note_damage();
        self.store.remove_damaged(&self.path, read)
    }
}

/// As much of a large file is read before it is hashed.
const PART: usize = 1 << 20;

/// How many parts may wait to be hashed.
const WAITING: usize = 4;

/// Files of this size and more are read in parts.
const LARGE: usize = 4 * PART;

/// At most `most` bytes of a file, which has some `size`, and their digest.
fn read_whole(file: &File, size: u64, most: u64) -> io::Result<(Vec<u8>, Digest)> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(most).read_to_end(&mut bytes)?;
    let digest = Digest::of(&bytes);
    Ok((bytes, digest))
}

/// The first `size` bytes of a file and their digest: one part is read while the one before is
/// hashed, either of which takes as long as the other.
fn read_in_parts(mut file: &File, size: usize) -> io::Result<(Vec<u8>, Digest)> {
    let mut bytes = vec![0; size];
    let mut read = 0;
    let digest = std::thread::scope(|scope| {
        let (sender, parts) = sync_channel::<&[u8]>(WAITING);
        let hash = move || {
            let mut hasher = Hasher::default();
            parts.iter().for_each(|part| hasher.update(part));
            hasher.finish()
        };
        let thread = Builder::new().spawn_scoped(scope, hash)?;
        for part in bytes.chunks_mut(PART) {
            let mut filled = 0;
            while let Some(rest) = part.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match file.read(rest) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            read += filled;
            let (part, rest) = part.split_at(filled);
            if sender.send(part).is_err() || !rest.is_empty() {
                break;
            }
        }
        drop(sender);
        match thread.join() {
            Ok(digest) => Ok(digest),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    bytes.truncate(read);
    Ok((bytes, digest))
}

/// A blob that is being written. Dropped without a commit, it leaves nothing.
pub struct BlobWriter {
    pub(crate) store: Store,
    pub(crate) output: HashingWriter<BufWriter<NamedTempFile>>,
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
        let store = self.store;
        let file = self.output.into_inner().into_inner();
        let file = file.map_err(|error| {
            StoreError::io("write to", store.writing_folder())(error.into_error())
        })?;
        let path = store.place_of(&digest);
        store.place(file, &path)?;
        Ok(Blob {
            store,
            digest,
            size,
            path,
        })
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn parts_are_the_whole() {
        for size in [0, 1, PART, PART + 1, 6 * PART + 5] {
            let mut file = tempfile::tempfile().unwrap();
            let content: Vec<u8> = (0..size).map(|at| (at / 7) as u8).collect();
            file.write_all(&content).unwrap();
            let whole = (content.clone(), Digest::of(&content));
            file.rewind().unwrap();
            assert!(read_in_parts(&file, size).unwrap() == whole, "{size}");
            file.rewind().unwrap();
            let more = size as u64 + 1;
            assert!(read_whole(&file, more, more).unwrap() == whole, "{size}");
            // A file that became shorter is what is left of it.
            file.rewind().unwrap();
            assert!(read_in_parts(&file, size + 2 * PART).unwrap() == whole);
        }
    }
}
