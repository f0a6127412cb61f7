//! The content-addressed store, and the digests that everything is named by.

mod digest;

pub use digest::{Digest, Hasher, HashingReader, HashingWriter, InvalidDigest};
