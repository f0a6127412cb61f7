//! The content-addressed store, and the digests that everything is named by.
//!
//! It knows nothing of what it holds: packages, indexes and layers are bytes to it.

mod blob;
mod descriptors;
mod digest;
mod disk;
mod error;
mod follow;
mod key;
mod lease;
mod nearest;
pub mod parallel;
mod plain;
mod read_at;
mod store;
pub mod unfinished;
mod upkeep;

pub use blob::{Blob, BlobWriter};
pub use descriptors::{descriptor_limit, raise_descriptor_limit};
pub use digest::{Digest, Hasher, HashingReader, HashingWriter, InvalidDigest};
pub use error::StoreError;
pub use follow::Follower;
pub use key::{Key, KeyBuilder};
pub use lease::has_no_locks;
pub use nearest::nearest;
pub use read_at::ReadAt;
pub use store::Store;
pub use upkeep::{Amount, Checked, Pruned, Usage};
