//! Node.js: from npm's or pnpm's lock to the packages that `npm ci --omit=dev --ignore-scripts`, or pnpm's
//! equivalent, would place, and where.

mod any;
mod error;
mod integrity;
mod lock;
mod manifest;
mod npmrc;
mod pnpm;
mod select;
mod selection;
mod tarball;
mod target;

pub use any::NodeLock;
pub use error::NodeLockError;
pub use integrity::{Integrity, IntegrityError};
pub use lock::PackageLock;
pub use manifest::PackageManifest;
pub use npmrc::Npmrc;
pub use pnpm::PnpmLock;
pub use selection::{BinLink, NodeLink, NodePackage, NodePackageSource, NodeSelection};
pub use tarball::{TarballError, unpack};
pub use target::NodeTarget;
