//! Blobs: where their bytes are, what a descriptor says of them, and places that have many.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use distil_store::Digest;

use crate::descriptor::descriptor;
use crate::spec::{Descriptor, MediaType};
use crate::verified::Verified;

/// Where the bytes of a blob are; it can be opened any number of times, from any thread.
pub trait BlobSource: Send + Sync {
    /// A reader from the first byte on.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;
}

/// A blob that is a file of its own.
#[derive(Debug, Clone)]
pub struct FileBlob(pub PathBuf);

impl BlobSource for FileBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(&self.0)?))
    }
}

/// A blob in memory.
#[derive(Debug, Clone)]
pub struct BytesBlob(pub Arc<[u8]>);

impl BlobSource for BytesBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(Arc::clone(&self.0))))
    }
}

/// A blob that is part of an open file, such as an entry of an archive.
#[derive(Debug, Clone)]
pub struct FileRange {
    /// The file. Readers keep places of their own, so it can be shared.
    pub file: Arc<File>,
    /// Where the blob begins, in bytes.
    pub offset: u64,
    /// How many bytes it has.
    pub len: u64,
}

impl BlobSource for FileRange {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(FileRangeReader(self.clone())))
    }
}

/// Reads what is left of a range.
struct FileRangeReader(FileRange);

impl Read for FileRangeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.0.len).map_or(buffer.len(), |len| len.min(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.0.file.read_at(&mut buffer[..wanted], self.0.offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.0.offset += count as u64;
        self.0.len -= count as u64;
        Ok(count)
    }
}

/// A blob with the descriptor that says what it is: a part of an artifact, or what else a manifest
/// or an index refers to that this crate does not look into.
#[derive(Clone)]
pub struct DescribedBlob {
    descriptor: Descriptor,
    digest: Digest,
    source: Arc<dyn BlobSource>,
}

impl DescribedBlob {
    /// A blob of this media type, digest and size.
    pub fn new(
        media_type: MediaType,
        digest: Digest,
        size: u64,
        source: Arc<dyn BlobSource>,
    ) -> Self {
        Self {
            descriptor: descriptor(media_type, digest, size),
            digest,
            source,
        }
    }

    /// A blob in memory.
    pub fn of_bytes(media_type: MediaType, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        Self::new(media_type, digest, size, Arc::new(BytesBlob(bytes)))
    }

    /// A blob that a document refers to by `descriptor`, whose digest is `digest`.
    pub(crate) fn found(
        descriptor: Descriptor,
        digest: Digest,
        source: Arc<dyn BlobSource>,
    ) -> Self {
        Self {
            descriptor,
            digest,
            source,
        }
    }

    /// The same with annotations of its descriptor, such as the title of a file in an artifact.
    pub fn with_annotations(
        mut self,
        annotations: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let annotations: std::collections::HashMap<_, _> = annotations.into_iter().collect();
        self.descriptor
            .set_annotations((!annotations.is_empty()).then_some(annotations));
        self
    }

    /// What refers to it: media type, digest, size, annotations.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The digest of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The number of its bytes.
    pub fn size(&self) -> u64 {
        self.descriptor.size()
    }

    /// Its bytes. The reader compares digest and size when it gives the last one, and fails on a
    /// difference, so a blob is only to be trusted once it was read to its end.
    ///
    /// # Errors
    /// When the source cannot be opened.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Verified::new(
            self.source.open()?,
            self.digest,
            Some(self.size()),
        )))
    }

    /// All of its bytes, verified.
    ///
    /// # Errors
    /// When there are more than `limit`, or the bytes are not the expected ones.
    pub fn read(&self, limit: u64) -> io::Result<Vec<u8>> {
        if self.size() > limit {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("`{}` is larger than {limit} bytes", self.digest),
            ));
        }
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl fmt::Debug for DescribedBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DescribedBlob")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}

/// A place where blobs are found by their descriptors: a layout, an archive, a repository.
pub(crate) trait Blobs: Send + Sync {
    /// The blob that `descriptor`, whose digest is `digest`, points to; `None` if it is not there.
    ///
    /// # Errors
    /// What is wrong with the place, or with what is at the blob's.
    fn find(&self, digest: Digest, descriptor: &Descriptor) -> io::Result<Option<FoundBlob>>;
}

/// A blob that was found, not yet verified.
pub(crate) struct FoundBlob {
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its bytes.
    pub(crate) source: Arc<dyn BlobSource>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn read(mut reader: impl Read) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        match reader.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_range_of_a_file_is_read_by_several_at_once() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let range = |offset, len| FileRange {
            file: Arc::new(file.try_clone().unwrap()),
            offset,
            len,
        };
        let middle = range(2, 5);
        let (mut one, two) = (middle.open().unwrap(), middle.open().unwrap());
        let mut first = [0; 1];
        one.read_exact(&mut first).unwrap();
        assert_eq!(read(two), Ok(b"23456".to_vec()));
        assert_eq!(read(one), Ok(b"3456".to_vec()));
        assert_eq!(read(range(3, 0).open().unwrap()), Ok(Vec::new()));
        // A file that became shorter since its entries were listed.
        assert!(read(range(8, 5).open().unwrap()).is_err());
    }
}
