//! Node.js: from `package-lock.json` to the packages that `npm ci --omit=dev --ignore-scripts` would
//! place, and where.

mod error;
mod integrity;
mod lock;
mod select;
mod tarball;

pub use error::NodeLockError;
pub use integrity::{Integrity, IntegrityError};
pub use lock::PackageLock;
pub use select::{BinLink, NodePackage, NodePackageSource, NodeTarget};
pub use tarball::{TarballError, unpack};
