//! Why a bundle cannot be made.

use std::io;
use std::path::PathBuf;

use distil_tree::folder::FolderError;
use distil_tree::tar::ReadError;
use distil_tree::zip::ZipError;

/// Why an archive is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is something else than its name, or its `format`, says.
    #[error("it should be {expected}, and its first bytes are those of {found}")]
    Mismatch {
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A tar archive cannot be read.
    #[error(transparent)]
    Tar(#[from] ReadError),
    /// A zip archive cannot be read.
    #[error("the zip archive cannot be read: {0}")]
    Zip(#[from] ZipError),
    /// An entry is not what a bundle can have.
    #[error("`{path}` in it {problem}")]
    Entry {
        /// The entry, as it can be shown.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is more in it than the limits allow.
    #[error("it has more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// What is in it cannot be written.
    #[error("failed to write its contents to the store")]
    Write(#[source] io::Error),
}

/// Why a directory cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// Something in it cannot be read.
    #[error(transparent)]
    Folder(FolderError),
    /// There is more in it than the limits allow.
    #[error("`{}` has more than {limit} {what}; leave some out by `exclude`", place.display())]
    Limit {
        /// The directory.
        place: PathBuf,
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// A file of patterns cannot be used.
    #[error("`{}`: {problem}", path.display())]
    Ignore {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Something in it cannot be part of an image.
    #[error("`{path}` in `{}` {problem}", place.display())]
    Entry {
        /// The path in the directory.
        path: String,
        /// The directory.
        place: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file is not what it was when it was listed.
    #[error("`{path}` in `{}` changed while the image was made; build it again", place.display())]
    Changed {
        /// The path in the directory.
        path: String,
        /// The directory.
        place: PathBuf,
    },
    /// It cannot be written to the store.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl From<FolderError> for ListingError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Limit { place, what, limit } => Self::Limit { place, what, limit },
            other => Self::Folder(other),
        }
    }
}
