//! Images as OCI describes them: the model, its layers and their compression, and the transports
//! that images are read from and written to.
//!
//! One vocabulary carries everything: an [`Image`], an [`ImageIndex`] of images for several
//! platforms, an [`Artifact`] that is something else, and [`Manifest`] for any of them, which is
//! what a name points to. All are values; [`mutate`] makes new ones of them, and [`validate`] says
//! whether they are what they should be. [`transport`] reads and writes them. The structures of the
//! specification come from `oci-spec` and are at hand as [`spec`].

mod ambiguous;
pub mod artifact;
mod blob;
pub mod canonical;
pub mod compression;
pub mod decompress;
mod descriptor;
mod document;
mod document_error;
pub mod healthcheck;
pub mod image;
pub mod index;
mod invalid;
mod json;
pub mod layer;
pub mod layer_writer;
mod members;
pub mod mutate;
mod nearest;
mod piece_pool;
mod pieces;
pub mod platform;
mod reader;
pub mod reference;
mod schema;
pub mod transport;
pub mod validate;
mod verified;

pub use ambiguous::AmbiguousKey;
pub use artifact::Artifact;
pub use blob::{BlobSource, DescribedBlob};
pub use compression::Compression;
pub use decompress::decompress;
pub use document_error::DocumentError;
pub use healthcheck::Healthcheck;
pub use image::Image;
pub use index::{ImageIndex, Manifest};
pub use invalid::InvalidImage;
pub use layer::Layer;
pub use layer_writer::{LayerFacts, LayerWriter};
pub use oci_spec::image as spec;
pub use platform::Platform;
pub use reference::Reference;
pub use transport::{Location, Opened, Registries, TransportError, WriteOptions};
