//! A program alone: which of its files go into an image, and which libraries it needs of a
//! distribution.
//!
//! Libraries that a program has with it, by a run path that begins with `$ORIGIN` (ld.so(8)), go with
//! it and keep their places relative to one another. What else it needs is named, for whoever knows
//! packages.

mod error;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use distil_tree::elf::Abi;

pub use error::ProgramError;

/// A program, its own libraries, and what they need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The machine that it is for.
    pub abi: Abi,
    /// Whether it needs a loader, and so a C library.
    pub is_dynamic: bool,
    /// Its name: that of its file.
    pub name: String,
    /// Its files: itself first, then its own libraries.
    pub files: Vec<ProgramFile>,
    /// The libraries that no file of its own is, by soname, with the files that need them.
    pub needs: BTreeMap<String, BTreeSet<String>>,
}

/// A file of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFile {
    /// Where it is on this machine.
    pub place: PathBuf,
    /// Its path relative to the directory that all of the program's files are in.
    pub path: String,
}
