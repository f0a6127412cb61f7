//! Why a file could not be had from a mirror.

use std::io;

use distil_net::NetError;
use distil_store::StoreError;

/// Why a file could not be had from an address.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The mirror did not give it.
    #[error(transparent)]
    Net(NetError),
    /// Nothing is at this path of a `file:` mirror.
    #[error("`{address}` does not exist")]
    Missing {
        /// What was asked for.
        address: String,
    },
    /// A file of a `file:` mirror cannot be read.
    #[error("failed to read `{address}`")]
    Read {
        /// What was asked for.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// What came is not what a signed file announced.
    #[error("`{address}` {problem}")]
    Content {
        /// What was asked for.
        address: String,
        /// How it differs.
        problem: String,
    },
    /// What came could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What came could not be written.
    #[error("failed to write a download to the store")]
    Write(#[source] io::Error),
}

impl FetchError {
    /// Whether the mirror said that it does not have the file.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Missing { .. } => true,
            Self::Net(error) => error.is_missing(),
            _ => false,
        }
    }

    /// Whether trying elsewhere is of no use, since the fault is on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Store(_) | Self::Write(_) => true,
            Self::Net(error) => error.is_local(),
            _ => false,
        }
    }
}
