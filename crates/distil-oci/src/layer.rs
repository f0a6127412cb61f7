//! Layers of images.

use std::fmt;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::Arc;

use distil_store::Digest;

use crate::blob::DescribedBlob;
pub use crate::blob::{BlobSource, BytesBlob, FileBlob, FileRange};
use crate::compression::Compression;
use crate::decompress::{decompress, decompress_on};
use crate::descriptor::descriptor;
use crate::layer_writer::LayerFacts;
pub use crate::pieces::{Piece, PiecesBlob};
use crate::spec::{Descriptor, MediaType};
use crate::verified::Verified;

/// The smallest layer that threads are started for, in bytes as it is stored.
const WORTH_THREADS: u64 = 2 << 20;

/// The most threads that unpack one layer.
const MAX_THREADS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

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

    /// The layer as any other blob, such as one of an artifact.
    pub fn blob(&self) -> DescribedBlob {
        let source = Arc::clone(&self.source);
        DescribedBlob::new(self.media_type.clone(), self.digest, self.size, source)
    }

    /// The same layer under another media type, which says the same in other words.
    pub(crate) fn named(&self, media_type: MediaType) -> Self {
        Self {
            media_type,
            ..self.clone()
        }
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
        let tar = decompress(self.open()?, limit)?;
        Ok(Box::new(Verified::new(tar, self.diff_id, None)))
    }

    /// The same, unpacked on several threads if it is large enough to be worth it.
    pub fn tar_on(&self, threads: NonZeroUsize, limit: u64) -> io::Result<Box<dyn Read + Send>> {
        if self.size < WORTH_THREADS {
            return self.tar(limit);
        }
        // More could not be kept busy: one thread makes digests of what they unpack.
        let threads = threads.min(MAX_THREADS);
        let tar = decompress_on(threads, self.open()?, limit)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut reader: impl Read) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        match reader.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(error.to_string()),
        }
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
