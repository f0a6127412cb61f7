//! The content-addressed store, and the digests that everything is named by.
//!
//! It knows nothing of what it holds: packages, indexes and layers are bytes to it.

mod blob;
mod digest;
mod error;
mod follow;
mod key;
mod lease;
pub mod parallel;
mod store;
pub mod unfinished;
mod upkeep;

pub use blob::{Blob, BlobWriter};
pub use digest::{Digest, Hasher, HashingReader, HashingWriter, InvalidDigest};
pub use error::StoreError;
pub use follow::Follower;
pub use key::{Key, KeyBuilder};
pub use store::Store;
pub use upkeep::{Amount, Checked, Pruned, Usage};
