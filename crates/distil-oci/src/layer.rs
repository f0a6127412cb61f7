//! Layers, and where their bytes come from.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use distil_store::{Digest, Hasher};

use crate::compression::Compression;
use crate::layer_writer::LayerFacts;
pub use crate::pieces::{Piece, PiecesBlob};
use crate::spec::{Descriptor, MediaType};

/// The smallest layer that threads are started for, in bytes as it is stored.
const WORTH_THREADS: u64 = 2 << 20;

/// The most threads that unpack one layer.
const MAX_THREADS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

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

/// One layer of an image: what the manifest says of it, and where its bytes are.
#[derive(Clone)]
pub struct Layer {
    media_type: MediaType,
    digest: Digest,
    size: u64,
    diff_id: Digest,
    source: Arc<dyn BlobSource>,
}

impl Layer {
    /// The layer that a [`crate::LayerWriter`] with `compression` made `facts` of.
    pub fn new(compression: Compression, facts: &LayerFacts, source: Arc<dyn BlobSource>) -> Self {
        Self::from_parts(
            compression.media_type(),
            facts.digest,
            facts.size,
            facts.diff_id,
            source,
        )
    }

    /// A layer of which somebody else's manifest tells.
    pub fn from_parts(
        media_type: MediaType,
        digest: Digest,
        size: u64,
        diff_id: Digest,
        source: Arc<dyn BlobSource>,
    ) -> Self {
        Self {
            media_type,
            digest,
            size,
            diff_id,
            source,
        }
    }

    /// The media type, which says the compression.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The digest of the bytes as they are stored.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The number of bytes as they are stored.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digest of the tar stream.
    pub fn diff_id(&self) -> Digest {
        self.diff_id
    }

    /// The descriptor that stands for the layer in a manifest.
    pub fn descriptor(&self) -> Descriptor {
        descriptor(self.media_type.clone(), self.digest, self.size)
    }

    /// The bytes as they are stored.
    ///
    /// The reader compares digest and size when it gives its last byte, and fails on a difference,
    /// so a layer is only to be trusted once it was read to its end.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Verified::new(
            self.source.open()?,
            self.digest,
            Some(self.size),
        )))
    }

    /// The tar stream, of at most `limit` bytes.
    ///
    /// As with [`Layer::open`], the diff ID is compared at the end of the stream; a reader of tar
    /// archives that stops at the end-of-archive blocks has to read on to make sure.
    pub fn tar(&self, limit: u64) -> io::Result<Box<dyn Read + Send>> {
        let tar = crate::decompress(self.open()?, limit)?;
        Ok(Box::new(Verified::new(tar, self.diff_id, None)))
    }

    /// The same, unpacked on several threads if it is large enough to be worth it.
    pub fn tar_on(&self, threads: NonZeroUsize, limit: u64) -> io::Result<Box<dyn Read + Send>> {
        if self.size < WORTH_THREADS {
            return self.tar(limit);
        }
        // More could not be kept busy: one thread makes digests of what they unpack.
        let threads = threads.min(MAX_THREADS);
        let tar = crate::decompress::decompress_on(threads, self.open()?, limit)?;
        Ok(Box::new(Verified::new(tar, self.diff_id, None)))
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer")
            .field("media_type", &self.media_type.as_ref())
            .field("digest", &self.digest)
            .field("size", &self.size)
            .field("diff_id", &self.diff_id)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Layer {
    /// Two layers are equal when a manifest would say the same of them, wherever the bytes are.
    fn eq(&self, other: &Self) -> bool {
        self.media_type == other.media_type
            && self.digest == other.digest
            && self.size == other.size
            && self.diff_id == other.diff_id
    }
}

/// A descriptor of the specification for content with this digest.
pub(crate) fn descriptor(media_type: MediaType, digest: Digest, size: u64) -> Descriptor {
    Descriptor::new(media_type, size, spec_digest(digest))
}

fn spec_digest(digest: Digest) -> crate::spec::Digest {
    use std::str::FromStr as _;
    // A SHA-256 digest always has the form that the other type demands.
    crate::spec::Digest::from(
        crate::spec::Sha256Digest::from_str(&digest.hex()).expect("a SHA-256 digest"),
    )
}

/// Hands bytes on, and fails instead of ending when they were not the expected ones.
pub(crate) struct Verified<R> {
    inner: R,
    hasher: Hasher,
    read: u64,
    digest: Digest,
    size: Option<u64>,
    done: bool,
}

impl<R: Read> Verified<R> {
    /// Expects content with this digest and, where it is known, this many bytes.
    pub(crate) fn new(inner: R, digest: Digest, size: Option<u64>) -> Self {
        Self {
            inner,
            hasher: Hasher::default(),
            read: 0,
            digest,
            size,
            done: false,
        }
    }

    fn check(&mut self) -> io::Result<()> {
        if let Some(size) = self.size.filter(|size| *size != self.read) {
            return Err(wrong(format!(
                "the content of `{}` is {} bytes long instead of {size}",
                self.digest, self.read
            )));
        }
        let found = self.hasher.clone().finish();
        if found != self.digest {
            return Err(wrong(format!(
                "the content of `{}` has the digest `{found}`",
                self.digest
            )));
        }
        self.done = true;
        Ok(())
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.read += count as u64;
        if let Some(size) = self.size.filter(|size| self.read > *size) {
            return Err(wrong(format!(
                "the content of `{}` is longer than {size} bytes",
                self.digest
            )));
        }
        if count == 0 && !self.done {
            self.check()?;
        }
        Ok(count)
    }
}

fn wrong(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
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
    fn content_is_given_only_if_it_is_the_expected_one() {
        let digest = Digest::of("content");
        let verified = |bytes: &'static [u8], size| read(Verified::new(bytes, digest, size));
        assert_eq!(verified(b"content", Some(7)), Ok(b"content".to_vec()));
        assert_eq!(verified(b"content", None), Ok(b"content".to_vec()));
        insta::assert_snapshot!(verified(b"conten", Some(7)).unwrap_err(), @"the content of `sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73` is 6 bytes long instead of 7");
        insta::assert_snapshot!(verified(b"contents", Some(7)).unwrap_err(), @"the content of `sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73` is longer than 7 bytes");
        insta::assert_snapshot!(verified(b"Content", Some(7)).unwrap_err(), @"the content of `sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73` has the digest `sha256:47bd29075f8b8019f0beec6d86beda7c9bf67aaf05053dcbe0b3bcb63968517f`");
    }

    #[test]
    fn the_end_is_reached_again_and_again() {
        let mut reader = Verified::new(&b"content"[..], Digest::of("content"), Some(7));
        let mut bytes = [0; 100];
        assert_eq!(reader.read(&mut []).unwrap(), 0);
        assert_eq!(reader.read(&mut bytes).unwrap(), 7);
        assert_eq!(reader.read(&mut bytes).unwrap(), 0);
        assert_eq!(reader.read(&mut bytes).unwrap(), 0);
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

    #[test]
    fn the_tar_stream_is_compared_with_the_diff_id() {
        let tar = b"not really";
        let packed: Arc<[u8]> = zstd::encode_all(&tar[..], 1).unwrap().into();
        let layer = |diff_id| {
            let (digest, size) = (Digest::of(&packed), packed.len() as u64);
            let source = Arc::new(BytesBlob(Arc::clone(&packed)));
            Layer::from_parts(MediaType::ImageLayerZstd, digest, size, diff_id, source)
        };
        assert_eq!(
            read(layer(Digest::of(tar)).tar(10).unwrap()),
            Ok(tar.to_vec())
        );
        assert!(read(layer(Digest::of(tar)).tar(9).unwrap()).is_err());
        assert!(read(layer(Digest::of("other")).tar(10).unwrap()).is_err());
    }
}
