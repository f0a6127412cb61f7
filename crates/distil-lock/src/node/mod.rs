//! Node.js applications: from their lock files to the files of the packages that the platform needs.

mod error;
mod fetch;

pub use error::NodeError;
pub use fetch::{NodePackages, fetch_archives, fetch_packages};
