//! What goes wrong in a store.

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;

/// What went wrong in a store, and where.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory of the store could not be read or written.
    #[error("failed to {action} `{}` in the store", path.display())]
    Io {
        /// What was being done, as an infinitive.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes written are not the ones that were announced.
    #[error("expected {expected} but the bytes have {actual}")]
    WrongDigest {
        /// The digest that was announced.
        expected: Digest,
        /// The digest of what came.
        actual: Digest,
    },
    /// Nothing can be taken away, since nobody can know what others need.
    #[error(
        "the file system of `{}` has no locks, so what running builds need cannot be told",
        path.display()
    )]
    NoLocks {
        /// The store.
        path: PathBuf,
    },
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Whether the store may be read and not be written.
    pub(crate) fn is_refusal(&self) -> bool {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem)
            }
            _ => false,
        }
    }
}
