//! Why the bytes of a `.deb` are not a package.

use std::io;

use distil_store::Digest;
use distil_tree::tar::ReadError;

use super::ar::ArError;

/// What the archive's index says of a package's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Their number.
    pub size: u64,
    /// Their digest.
    pub digest: Digest,
}

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    /// It is not what the index announced.
    #[error(
        "it has {} bytes with {}, and the archive's index names {} with {}",
        actual.size, actual.digest, expected.size, expected.digest
    )]
    Digest {
        /// What the index says.
        expected: Expected,
        /// What came.
        actual: Expected,
    },
    /// The outer archive is damaged.
    #[error("it is damaged")]
    Ar {
        /// How.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A tar archive in it is damaged or refused.
    #[error("its `{member}` cannot be read")]
    Tar {
        /// Which.
        member: String,
        /// Why.
        source: ReadError,
    },
    /// Members of the package are missing, unknown, in the wrong order or there twice.
    #[error("{0}")]
    Format(String),
    /// Something that it ships is refused.
    #[error("`{path}` in it {problem}")]
    Entry {
        /// The path as it is written, made printable.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Its bytes could not be kept.
    #[error("its files could not be written to the store")]
    Write(#[source] io::Error),
}

impl From<ArError> for DebError {
    fn from(source: ArError) -> Self {
        Self::Ar {
            source: source.into(),
        }
    }
}
