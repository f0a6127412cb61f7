//! Java applications: from their jars to the files of an image, for the Java that it has.

mod error;
mod fetch;

pub use error::JavaError;
pub use fetch::fetch_jars;
