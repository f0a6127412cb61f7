//! Python applications: from their lock files to the wheels that fit the packages of an image, and to
//! the files of these.
//!
//! Which Python an image has, and which C library, its packages say. So wheels are chosen when those
//! are known, and fetched and unpacked as packages are: once, several at a time, by their digests.

mod choose;
mod error;
mod fetch;
mod index;

pub use choose::{ChosenWheel, wheels};
pub use error::PythonError;
pub use fetch::{fetch_wheel_files, fetch_wheels};
pub use index::Indexes;
