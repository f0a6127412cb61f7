//! Why a lock cannot be made or used.

use std::io;
use std::path::PathBuf;

use distil_lock::ContentsError;
use distil_lock::file::{Change, InvalidLock, Misfit, Timestamp};
use distil_tree::ReadFileError;

/// Why a lock cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file is not a lock.
    #[error(transparent)]
    Invalid(#[from] InvalidLock),
    /// The file cannot be read.
    #[error("the lock `{}` {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ReadFileError,
    },
    /// The file is not UTF-8.
    #[error("the lock `{}` is not UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("failed to write the lock `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process changed the file while this one made a new one from the old.
    #[error("the lock `{}` was changed by another process meanwhile", path.display())]
    Concurrent {
        /// The file.
        path: PathBuf,
    },
    /// There is no lock.
    #[error("there is no lock of `{definition}`: `{}` does not exist", path.display())]
    Missing {
        /// The definition, as it was asked for.
        definition: String,
        /// Where the lock would be.
        path: PathBuf,
    },
    /// An image of the catalogue has no lock beside it.
    #[error("`{image}` is of the catalogue, and has no lock beside it")]
    NoPath {
        /// The image, as it was asked for.
        image: String,
    },
    /// The lock does not have the packages of the image.
    #[error("`{lock}` does not fit `{definition}`: {misfit}")]
    Misfit {
        /// The lock.
        lock: String,
        /// The definition, as it was asked for.
        definition: String,
        /// Why.
        misfit: Misfit,
    },
    /// The definition changed, and the lock is to fit exactly.
    #[error("`{lock}` does not fit `{definition}`: {change}")]
    Changed {
        /// The lock.
        lock: String,
        /// The definition, as it was asked for.
        definition: String,
        /// What changed.
        change: Change,
    },
    /// Layers are to be compressed in another way than the lock says, and it is to fit exactly.
    #[error("`{lock}` is for layers compressed by {locked}, not by {asked}")]
    Compression {
        /// The lock.
        lock: String,
        /// The codec and level of the lock.
        locked: String,
        /// Those that are asked for.
        asked: String,
    },
    /// The lock names a format that this program does not make, so that the bytes would be others.
    #[error(
        "`{lock}` is for version {locked} of the format `{format}`, and this distil makes version \
         {known}"
    )]
    Format {
        /// The lock.
        lock: String,
        /// What the number is of.
        format: &'static str,
        /// The lock's number.
        locked: u32,
        /// The number that this program makes.
        known: u32,
    },
    /// A package of the lock cannot be had.
    #[error("failed to get a package of `{lock}`")]
    Package {
        /// The lock.
        lock: String,
        /// Which, and why.
        source: ContentsError,
    },
    /// The archive is older than it was when the lock was made.
    #[error(
        "the Release of `{suite}` is dated {date}, and `{lock}` was made from one of {locked}: the \
         mirror is out of date, or something keeps newer packages away"
    )]
    Older {
        /// The lock.
        lock: String,
        /// The suite.
        suite: String,
        /// The `Date` of the Release.
        date: Timestamp,
        /// The `Date` of the lock's.
        locked: Timestamp,
    },
    /// The archive changed between two platforms.
    #[error("the archive changed while its packages were chosen: `{suite}` has a new Release")]
    Moving {
        /// The suite.
        suite: String,
    },
    /// A package is to be updated that is not there.
    #[error("`{lock}` has no package `{name}`")]
    Unknown {
        /// The lock.
        lock: String,
        /// The package.
        name: String,
        /// Packages with similar names, the most similar first.
        nearest: Vec<String>,
    },
}
