//! Reading a `.deb` as a stream: `ar`, in it `control.tar` and `data.tar` (deb(5)).
//!
//! The bytes are not trusted until the last one was read and the digest agrees with the
//! archive's index, and nothing is ever unpacked to a directory: what goes on from here are
//! [`Package`]s, whose files lie end to end in one file of the store.

mod ar;
mod contents;
mod decompress;
mod error;
mod local;
mod read;
#[cfg(test)]
mod tests;

pub use contents::{EntryKind, Package, PackageEntry, PackageFile};
pub use decompress::FEWEST_SHARED_BYTES;
pub use error::{DebError, Expected};
pub use local::LocalPackageError;
pub use read::unpack;
