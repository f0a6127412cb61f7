//! What can be wrong with a wheel.

use std::io;

use distil_tree::zip::ZipError;
use distil_tree::{PathError, Printable, TreePath};

use super::super::tag::WheelNameError;

/// Why a wheel cannot be installed. The messages follow its file name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WheelError {
    /// Its file name is none of a wheel.
    #[error("is not called like a wheel")]
    Name(#[from] WheelNameError),
    /// It is not a zip archive that can be read.
    #[error("cannot be read")]
    Zip(#[from] ZipError),
    /// Its bytes, or those that are made of it, cannot be read or written.
    #[error("cannot be unpacked")]
    Io(#[from] io::Error),
    /// A file in it has a path that leads out of the directory.
    #[error("has a file `{}`, whose path {problem}", Printable(.name))]
    Path {
        /// The path as the wheel has it.
        name: Vec<u8>,
        /// What is wrong with it.
        problem: PathError,
    },
    /// Two of its files would be one.
    #[error("installs `{0}` twice, from different files")]
    Twice(TreePath),
    /// It lacks a file that every wheel has.
    #[error("lacks the file `{0}`")]
    Lacks(String),
    /// It has no `.dist-info` directory, or several.
    #[error("has {0} directories called `*.dist-info`, and one is expected")]
    DistInfo(usize),
    /// What it says of itself is not what its name says.
    #[error("says that it is `{found}`, and its name says `{expected}`")]
    Other {
        /// By its metadata.
        found: String,
        /// By its name.
        expected: String,
    },
    /// It is of a newer version of the format.
    #[error("has version {0} of the wheel format, and 1 is read")]
    Version(String),
    /// A part of it is too large.
    #[error("is too large: {0}")]
    TooLarge(String),
    /// A text in it is not what it should be.
    #[error("has a `{file}` that is not valid: {what}")]
    Text {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// A file is not what `RECORD` says.
    #[error("has a file `{}` that differs from its digest in `RECORD`", .0.escape_debug())]
    Record(String),
    /// A directory below `.data` that the format does not know.
    #[error("has files for `{}`, which is none of `purelib`, `platlib`, `headers`, `scripts` and `data`", .0.escape_debug())]
    Scheme(String),
}
