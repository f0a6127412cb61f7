//! A plain root file system in a directory of the machine, out and in.
//!
//! Neither the tree that is written nor the directory that is read is trusted: every file is reached
//! from an open directory part by part (openat(2) with `O_NOFOLLOW`), so no symbolic link is followed
//! in either direction, whatever it leads to.

mod below;
mod error;
mod read;
#[cfg(test)]
mod tests;
mod unfinished;
mod write;

pub use error::{FolderError, Part};
pub use read::{Found, FoundKind, Limits, read, read_selected};
pub use unfinished::remove;
pub use write::{Written, write};
