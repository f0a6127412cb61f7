//! Images as OCI describes them: the model, its layers and their compression, and the transports
//! that images are read from and written to.
//!
//! One type, [`Image`], stands for an image wherever it lives; [`Content`] is what a name can
//! point to: an image, or an [`ImageIndex`] of one image a platform. [`transport`] reads and writes
//! them. The structures of the specification come from `oci-spec` and are at hand as [`spec`].

pub mod canonical;
pub mod compression;
pub mod decompress;
pub mod healthcheck;
pub mod image;
pub mod layer;
pub mod layer_writer;
mod members;
mod nearest;
mod piece_pool;
mod pieces;
pub mod platform;
pub mod reference;
pub mod transport;

pub use compression::Compression;
pub use decompress::decompress;
pub use healthcheck::Healthcheck;
pub use image::{Content, Image, ImageIndex, InvalidImage};
pub use layer::{BlobSource, Layer};
pub use layer_writer::{LayerFacts, LayerWriter};
pub use oci_spec::image as spec;
pub use platform::Platform;
pub use reference::Reference;
pub use transport::{Location, TransportError, WriteOptions};
