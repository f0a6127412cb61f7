//! Why a Node.js application cannot be installed.

use distil_app::node::{NodeLockError, TarballError};
use distil_bundle::BundleError;
use distil_debian::fetch::FetchError;
use distil_definition::recipe::Position;
use distil_net::InvalidUrl;
use distil_store::StoreError;

use crate::causes::causes;

/// Why a Node.js application cannot be installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
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
        problem: NodeLockError,
    },
    /// Nobody says which registry has a package.
    #[error(
        "`{from}` of definition `{definition}` has no address of `{package}`, and no registry is named; say \
         `registry:` beside `lock:`, set `npm_config_registry`, or name it in `.npmrc`{position}"
    )]
    NoRegistry {
        /// The definition.
        definition: String,
        /// The lock file.
        from: String,
        /// The package with its version.
        package: String,
        /// The position of the lock file's name.
        position: Position,
    },
    /// The address of a package is none.
    #[error(
        "`{from}` of definition `{definition}` names an address that cannot be asked: {problem}{position}"
    )]
    Address {
        /// The definition.
        definition: String,
        /// The lock file.
        from: String,
        /// The position of the lock file's name.
        position: Position,
        /// Why. Its message is part of this one.
        problem: InvalidUrl,
    },
    /// A package cannot be had.
    #[error("failed to fetch `{package}` of definition `{definition}`{position}")]
    Fetch {
        /// The definition.
        definition: String,
        /// The package with its version.
        package: String,
        /// The position of the lock file's name.
        position: Position,
        /// Why.
        source: FetchError,
    },
    /// What came is not what the lock names.
    #[error(
        "`{package}` of definition `{definition}` is not what `{from}` names: `{url}` has something else than `{integrity}`{position}"
    )]
    Integrity {
        /// The definition.
        definition: String,
        /// The lock file.
        from: String,
        /// The package with its version.
        package: String,
        /// The address, without anything secret.
        url: String,
        /// The digest of the lock.
        integrity: String,
        /// The position of the lock file's name.
        position: Position,
    },
    /// A package cannot be unpacked.
    #[error(
        "`{package}` of definition `{definition}` {}{position}",
        causes(problem)
    )]
    Tarball {
        /// The definition.
        definition: String,
        /// The package with its version.
        package: String,
        /// The position of the lock file's name.
        position: Position,
        /// Why. Its message is part of this one.
        problem: TarballError,
    },
    /// The files of a package cannot be kept.
    #[error("failed to install `{package}`")]
    Bundle {
        /// The package with its version.
        package: String,
        /// Why.
        source: BundleError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
