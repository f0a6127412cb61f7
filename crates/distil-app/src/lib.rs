//! Applications of other package managers as files of an image: what a lock file pins, which of its
//! archives fits the image, and what installing it makes. Nothing is executed, and nothing is
//! fetched here: texts and archives in, data and files out.

mod address;
pub mod java;
pub mod node;
pub mod program;
pub mod python;
mod sink;

pub use sink::FileSink;
