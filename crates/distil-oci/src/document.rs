//! JSON documents that are content of their own.

use std::sync::Arc;

use distil_store::Digest;

use crate::blob::DescribedBlob;
use crate::descriptor::descriptor;
use crate::spec::{Descriptor, MediaType};

/// A manifest, an index or a configuration, as it was made or found. Clones share the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    media_type: MediaType,
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl Document {
    pub(crate) fn new(media_type: MediaType, bytes: Vec<u8>) -> Self {
        Self {
            digest: Digest::of(&bytes),
            bytes: bytes.into(),
            media_type,
        }
    }

    pub(crate) fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn descriptor(&self) -> Descriptor {
        descriptor(self.media_type.clone(), self.digest, self.size())
    }

    /// The document as any other blob.
    pub(crate) fn blob(&self) -> DescribedBlob {
        DescribedBlob::of_bytes(self.media_type.clone(), Arc::clone(&self.bytes))
    }
}
