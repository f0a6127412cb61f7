//! The files of a store.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use crate::digest::{Digest, HashingWriter};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::follow::{Followed, Follower};
use crate::plain;
use crate::read_at::ReadAt;

/// A file of the store, known by its digest. It is opened when it is read.
#[derive(Debug, Clone)]
pub struct Blob {
    disk: Arc<Disk>,
    digest: Digest,
    size: u64,
    path: PathBuf,
}

impl Blob {
    pub(crate) fn new(disk: &Arc<Disk>, digest: Digest, size: u64, path: PathBuf) -> Self {
        Self {
            disk: Arc::clone(disk),
            digest,
            size,
            path,
        }
    }

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
        plain::open(&self.path).map_err(StoreError::io("open", &self.path))
    }

    /// Opens the file if its bytes still have its digest; a damaged file is taken out of the
    /// store, and the answer is none.
    pub fn verify(&self) -> Result<Option<File>, StoreError> {
        // What is read at positions later is opened anew, and so is what has been verified.
        self.disk.open_blobs().forget(&self.digest);
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
        let mut bytes = Vec::with_capacity(usize::try_from(self.size.min(limit)).unwrap_or(0));
        let file = self.open()?;
        (&file)
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(StoreError::io("read", &self.path))?;
        if bytes.len() as u64 > limit || Digest::of(&bytes) != self.digest {
            self.discard(&file)?;
            return Ok(None);
        }
        Ok(Some(bytes))
    }

    /// Takes the file out of the store that was read, and whose bytes turned out to be others than
    /// it is named after.
    fn discard(&self, read: &File) -> Result<(), StoreError> {
        self.disk.open_blobs().forget(&self.digest);
        self.disk.note_damage();
        self.disk.remove_damaged(&self.path, read)
    }
}

/// Reads the bytes that are in the store, without a look at their digest. Few blobs are kept open,
/// however many there are.
impl ReadAt for Blob {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let open = || self.open().map_err(io::Error::other);
        let file = self.disk.open_blobs().get(&self.digest, open)?;
        ReadAt::read_at(&*file, buffer, offset)
    }

    fn identity(&self) -> Option<Digest> {
        Some(self.digest)
    }
}

/// A blob that is being written. Dropped without a commit, it leaves nothing.
pub struct BlobWriter {
    disk: Arc<Disk>,
    output: HashingWriter<BufWriter<NamedTempFile>>,
    followed: Option<Followed>,
}

impl BlobWriter {
    pub(crate) fn new(disk: &Arc<Disk>) -> Result<Self, StoreError> {
        let output = BufWriter::with_capacity(1 << 16, disk.new_file()?);
        Ok(Self {
            disk: Arc::clone(disk),
            output: HashingWriter::new(output),
            followed: None,
        })
    }

    /// The digest of what was written so far.
    pub fn digest(&self) -> Digest {
        self.output.digest()
    }

    /// The number of bytes written so far.
    pub fn written(&self) -> u64 {
        self.output.written()
    }

    /// A reader of what is written, while it is. The one that followed before, if any, gets no more.
    ///
    /// # Errors
    /// If the file cannot be shared with it.
    pub fn follow(&mut self) -> Result<Follower, StoreError> {
        let file = self.output.get_ref().get_ref().as_file().try_clone();
        let file = file.map_err(StoreError::io("read", self.disk.writing_folder()))?;
        let (followed, follower) = Followed::new(file, self.in_the_file());
        self.followed = Some(followed);
        Ok(follower)
    }

    /// How many bytes have left the buffer.
    fn in_the_file(&self) -> u64 {
        self.output.written() - self.output.get_ref().buffer().len() as u64
    }

    /// Puts the blob in its place.
    pub fn commit(self) -> Result<Blob, StoreError> {
        let (digest, size) = (self.output.digest(), self.output.written());
        let disk = self.disk;
        let file = self.output.into_inner().into_inner();
        let file = file.map_err(|error| {
            StoreError::io("write to", disk.writing_folder())(error.into_error())
        })?;
        let path = disk.place(file, &digest)?;
        if let Some(followed) = self.followed {
            followed.complete(size);
        }
        Ok(Blob {
            disk,
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
        let count = self.output.write(buffer)?;
        if let Some(followed) = &self.followed {
            followed.advance(self.in_the_file());
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()?;
        if let Some(followed) = &self.followed {
            followed.advance(self.in_the_file());
        }
        Ok(())
    }
}
