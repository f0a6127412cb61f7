//! Why parts make no image.

use distil_store::Digest;

use crate::healthcheck::InvalidHealthcheck;
use crate::platform::Platform;

/// The parts do not make an image or an index.
#[derive(Debug, thiserror::Error)]
pub enum InvalidImage {
    /// The configuration lists another number of diff IDs.
    #[error(
        "the number of layers in the manifest, {layers}, is not that of diff IDs in the configuration, {diff_ids}"
    )]
    LayerCount {
        /// Layers in the manifest.
        layers: usize,
        /// Diff IDs in the configuration.
        diff_ids: usize,
    },
    /// A layer has another diff ID than the configuration says.
    #[error("layer {number} has the diff ID `{layer}`, but the configuration says `{config}`")]
    DiffId {
        /// The layer's place, the lowest being 1.
        number: usize,
        /// The layer's diff ID.
        layer: Digest,
        /// What the configuration says.
        config: String,
    },
    /// The history tells of another number of layers.
    #[error("the number of layers, {layers}, is not that of steps in the history, {steps}")]
    History {
        /// Layers in the manifest.
        layers: usize,
        /// Steps of the history that made a layer.
        steps: usize,
    },
    /// An image does not begin with the layers of the one that it should be built on.
    #[error("the image does not begin with the layers of the old base")]
    NotTheBase,
    /// The health check cannot be written, or not be used.
    #[error(transparent)]
    Healthcheck(#[from] InvalidHealthcheck),
    /// A layer with a media type that is not OCI's.
    #[error("`{0}` cannot be the media type of a layer beside those of OCI")]
    MediaType(String),
    /// An index without images.
    #[error("the index has no images")]
    EmptyIndex,
    /// An index with two images for one platform.
    #[error("two images are both for `{0}`")]
    SamePlatform(Platform),
    /// A document lacks a field.
    #[error("the image's documents are incomplete")]
    Incomplete(#[source] oci_spec::OciSpecError),
    /// A document could not be written as JSON.
    #[error("the image's documents cannot be written as JSON")]
    Json(#[source] serde_json::Error),
}
