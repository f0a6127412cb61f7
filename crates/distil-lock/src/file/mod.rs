//! The file of a lock: all variants and platforms of one definition, made for reading diffs.
//!
//! ```text
//! locks ─► LockFile ─► text ─► LockFile ─► lock
//!    (assemble)  (write)  (read)    (lock)
//! ```
//!
//! The file is YAML, written in one way only: an entry a line, lists sorted, and what the writer
//! would not write is rejected by the reader. So a change of one thing changes the lines of that
//! thing alone, and two people who lock the same get the same bytes.

mod assemble;
mod fit;
mod format;
mod lines;
mod part;
mod read;
mod write;

pub use assemble::{PlatformLocks, lock};
pub use fit::{Change, Misfit, changes, decides_packages};
pub use format::{
    ArchiveState, Codec, DefinitionOrigin, DefinitionState, DownloadState, FileState, Formats,
    LeftOut, LockFile, PackageLock, PlatformLock, SCHEMA_VERSION, VariantName,
};
pub use part::{ProvidedList, Timestamp, WrittenDependency, WrittenReason};
pub use read::{InvalidLock, MAX_LOCK, schema};
