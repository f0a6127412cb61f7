//! Why a Python application cannot be installed.

use distil_app::python::lock::LockError;
use distil_app::python::wheel::WheelError;
use distil_app::python::{Name, NoWheel};
use distil_bundle::BundleError;
use distil_debian::fetch::FetchError;
use distil_definition::recipe::Position;
use distil_store::StoreError;
use distil_tree::TreePath;

use crate::causes::causes;

/// Why a Python application cannot be installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PythonError {
    /// The image has no Python.
    #[error(
        "`{from}` of definition `{definition}` is of a Python application, and the image has no Python{position}"
    )]
    NoPython {
        /// The definition.
        definition: String,
        /// The lock file.
        from: String,
        /// The position of the lock file's name.
        position: Position,
    },
    /// The lock cannot be used.
    #[error("`{from}` of definition `{definition}` {}{position}", causes(problem))]
    Lock {
        /// The definition.
        definition: String,
        /// The lock file.
        from: String,
        /// The position of the lock file's name.
        position: Position,
        /// Why. Its message is part of this one.
        problem: LockError,
    },
    /// No wheel of a distribution fits.
    #[error("`{from}` of definition `{definition}`: {}{position}", causes(problem))]
    NoWheel {
        /// The definition.
        definition: String,
        /// The lock file.
        from: String,
        /// The position of the lock file's name.
        position: Position,
        /// Why. Its message is part of this one.
        problem: NoWheel,
    },
    /// No index has a file of a distribution with a digest of the lock.
    #[error("`{from}` of definition `{definition}`: no file of `{name}` {version} that the lock names by its digest is in {}{position}", asked.join(" or "))]
    NotIndexed {
        /// The definition.
        definition: String,
        /// The lock file.
        from: String,
        /// The distribution.
        name: Name,
        /// Its version.
        version: String,
        /// The indexes that were asked.
        asked: Vec<String>,
        /// The position of the lock file's name.
        position: Position,
        /// What went wrong at the last of them, if anything did.
        source: Option<FetchError>,
    },
    /// A wheel cannot be had.
    #[error("failed to fetch `{file}` of definition `{definition}`{position}")]
    Fetch {
        /// The definition.
        definition: String,
        /// The wheel.
        file: String,
        /// The position of the lock file's name.
        position: Position,
        /// Why.
        source: FetchError,
    },
    /// A wheel of this machine lies elsewhere than it may.
    #[error(
        "`{from}` of definition `{definition}` names `{path}`, which does not lie beside the definition or below{position}"
    )]
    Outside {
        /// The definition.
        definition: String,
        /// The lock file.
        from: String,
        /// The wheel's path in it.
        path: String,
        /// The position of the lock file's name.
        position: Position,
    },
    /// A wheel cannot be installed.
    #[error("`{file}` of definition `{definition}` {}{position}", causes(problem))]
    Wheel {
        /// The definition.
        definition: String,
        /// The wheel.
        file: String,
        /// The position of the lock file's name.
        position: Position,
        /// Why. Its message is part of this one.
        problem: WheelError,
    },
    /// The files of a wheel cannot be kept.
    #[error("failed to install `{file}`")]
    Bundle {
        /// The wheel.
        file: String,
        /// Why.
        source: BundleError,
    },
    /// Two wheels have one path with different bytes.
    #[error(
        "`{one}` and `{other}` of definition `{definition}` both install `{path}`, with different contents{position}"
    )]
    Conflict {
        /// The definition.
        definition: String,
        /// The path.
        path: TreePath,
        /// One wheel.
        one: String,
        /// The other.
        other: String,
        /// The position of the lock file's name.
        position: Position,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
