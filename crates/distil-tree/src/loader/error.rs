//! What keeps a loader from knowing.

use crate::elf::ElfError;
use crate::path::TreePath;

/// Something of the tree keeps the loader from knowing.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// A file cannot be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file.
        path: TreePath,
        /// Why.
        source: std::io::Error,
    },
    /// A file begins like ELF and is none.
    #[error("`{path}` cannot be read")]
    Elf {
        /// The file.
        path: TreePath,
        /// Why.
        source: ElfError,
    },
}
