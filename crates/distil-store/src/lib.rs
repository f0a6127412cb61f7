//! The content-addressed store, and the digests that everything is named by.
//!
//! It knows nothing of what it holds: packages, indexes and layers are bytes to it.

mod digest;
mod store;

pub use digest::{Digest, Hasher, HashingReader, HashingWriter, InvalidDigest};
pub use store::{Blob, BlobWriter, Key, Store, StoreError};
