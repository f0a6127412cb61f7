//! Images and indexes of images: immutable values with their documents made up once.

use std::collections::BTreeMap;
use std::sync::Arc;

use distil_store::Digest;

use crate::canonical;
use crate::healthcheck::{Healthcheck, InvalidHealthcheck};
use crate::layer::{Layer, descriptor};
use crate::platform::Platform;
use crate::spec::{self, Descriptor, ImageConfiguration, MediaType};

/// An image: a configuration and the layers of a file system.
///
/// An image that was read keeps the very bytes of its documents, so its digest is the original one
/// wherever it is written to. Clones share everything.
#[derive(Debug, Clone)]
pub struct Image {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    manifest: Document,
    config: Document,
    parsed: Arc<ImageConfiguration>,
    layers: Vec<Layer>,
    annotations: BTreeMap<String, String>,
}

/// A JSON document that is content of its own. Clones share the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    media_type: MediaType,
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl Document {
    pub(crate) fn new(media_type: MediaType, bytes: Vec<u8>) -> Self {
        Self {
            digest: Digest::of(&bytes),
            bytes: bytes.into(),
            media_type,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn descriptor(&self) -> Descriptor {
        descriptor(self.media_type.clone(), self.digest, self.size())
    }
}

impl Image {
    /// An image of OCI's own media types, with its documents in canonical JSON.
    ///
    /// `annotations` are the manifest's.
    ///
    /// # Errors
    /// When the configuration does not list the diff IDs of exactly these layers, or has a history
    /// of another number of layers, or a layer has a media type that is not OCI's: engines refuse
    /// manifests that mix them.
    pub fn new(
        config: ImageConfiguration,
        layers: Vec<Layer>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, InvalidImage> {
        Self::with_healthcheck(config, None, layers, annotations)
    }

    /// As [`Image::new`], and with the health check that the types of `oci-spec` have no place for.
    ///
    /// # Errors
    /// As [`Image::new`], and when a time of the health check is one that Docker refuses.
    pub fn with_healthcheck(
        config: ImageConfiguration,
        healthcheck: Option<&Healthcheck>,
        layers: Vec<Layer>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, InvalidImage> {
        check_history(&config, layers.len())?;
        let foreign = layers.iter().find(|layer| !is_ours(layer.media_type()));
        if let Some(layer) = foreign {
            return Err(InvalidImage::MediaType(layer.media_type().to_string()));
        }
        let mut document = serde_json::to_value(&config).map_err(InvalidImage::Json)?;
        if let Some(healthcheck) = healthcheck {
            healthcheck.put_into(&mut document)?;
        }
        let config_bytes = canonical::to_json(&document).map_err(InvalidImage::Json)?;
        Self::with_config(config_bytes, config, layers, annotations)
    }

    /// An image that was made before, of the configuration's bytes.
    ///
    /// # Errors
    /// When the bytes are no configuration, or one of other layers.
    pub fn of_config(
        config: Vec<u8>,
        layers: Vec<Layer>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, InvalidImage> {
        let parsed = serde_json::from_slice(&config).map_err(InvalidImage::Json)?;
        Self::with_config(config, parsed, layers, annotations)
    }

    /// An image with a manifest of our own, around the bytes of a configuration that was made or
    /// found.
    pub(crate) fn with_config(
        config_bytes: Vec<u8>,
        config: ImageConfiguration,
        layers: Vec<Layer>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, InvalidImage> {
        let config_document = Document::new(MediaType::ImageConfig, config_bytes);
        let mut manifest = spec::ImageManifestBuilder::default()
            .schema_version(spec::SCHEMA_VERSION)
            .media_type(MediaType::ImageManifest)
            .config(config_document.descriptor())
            .layers(layers.iter().map(Layer::descriptor).collect::<Vec<_>>())
            .build()
            .map_err(InvalidImage::Incomplete)?;
        if !annotations.is_empty() {
            manifest.set_annotations(Some(annotations.clone().into_iter().collect()));
        }
        let manifest_bytes = canonical::to_json(&manifest).map_err(InvalidImage::Json)?;
        let manifest_document = Document::new(MediaType::ImageManifest, manifest_bytes);
        let config = (config_document, Arc::new(config));
        Self::from_documents(manifest_document, config, layers, annotations)
    }

    /// An image that was read, with the documents as they were found. The configuration, which
    /// several images may share, comes with what it says.
    pub(crate) fn from_documents(
        manifest: Document,
        (config, parsed): (Document, Arc<ImageConfiguration>),
        layers: Vec<Layer>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, InvalidImage> {
        let diff_ids = parsed.rootfs().diff_ids();
        if diff_ids.len() != layers.len() {
            return Err(InvalidImage::LayerCount {
                layers: layers.len(),
                diff_ids: diff_ids.len(),
            });
        }
        for (number, (layer, diff_id)) in layers.iter().zip(diff_ids).enumerate() {
            if layer.diff_id().to_string() != *diff_id {
                return Err(InvalidImage::DiffId {
                    number: number + 1,
                    layer: layer.diff_id(),
                    config: diff_id.chars().take(80).collect(),
                });
            }
        }
        let parts = Parts {
            manifest,
            config,
            parsed,
            layers,
            annotations,
        };
        Ok(Self {
            parts: Arc::new(parts),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &ImageConfiguration {
        &self.parts.parsed
    }

    /// The configuration's health check, which [`Image::config`] has no place for; `None` also if
    /// it cannot be understood. Of its fields, those that can be are given.
    pub fn healthcheck(&self) -> Option<Healthcheck> {
        Healthcheck::of_config(self.config_bytes())
    }

    /// The layers, the lowest first.
    pub fn layers(&self) -> &[Layer] {
        &self.parts.layers
    }

    /// The manifest's annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.parts.annotations
    }

    /// The platform that the configuration names.
    pub fn platform(&self) -> Platform {
        Platform::from(self.config())
    }

    /// The manifest's digest, by which the image is named.
    pub fn digest(&self) -> Digest {
        self.parts.manifest.digest
    }

    /// The manifest.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.parts.manifest.bytes
    }

    /// The manifest's media type: OCI's, unless the image was read and is Docker's.
    pub fn manifest_media_type(&self) -> &MediaType {
        &self.parts.manifest.media_type
    }

    /// The configuration's document.
    pub fn config_bytes(&self) -> &[u8] {
        &self.parts.config.bytes
    }

    /// The configuration's digest, which Docker calls the image's ID.
    pub fn config_digest(&self) -> Digest {
        self.parts.config.digest
    }

    /// The number of bytes to store or transfer: manifest, configuration and layers as compressed,
    /// a layer that occurs twice counted once.
    pub fn size(&self) -> u64 {
        let layers: BTreeMap<Digest, u64> = self
            .parts
            .layers
            .iter()
            .map(|layer| (layer.digest(), layer.size()))
            .collect();
        layers.values().fold(
            self.parts.manifest.size() + self.parts.config.size(),
            |sum, size| sum.saturating_add(*size),
        )
    }

    /// The descriptor that stands for the image in an index, with its platform.
    pub fn descriptor(&self) -> Descriptor {
        let mut descriptor = self.parts.manifest.descriptor();
        descriptor.set_platform(Some(self.platform().to_spec()));
        descriptor
    }
}

/// Whether a layer of this media type can be in a manifest of OCI's.
fn is_ours(media_type: &MediaType) -> bool {
    use MediaType::{ImageLayer, ImageLayerGzip, ImageLayerZstd};
    matches!(media_type, ImageLayer | ImageLayerGzip | ImageLayerZstd)
}

/// The history need not be there, but has to tell of every layer if it is.
///
/// Asked of images that are made, not of those that are read: other builders are careless here,
/// and no engine minds.
fn check_history(config: &ImageConfiguration, layers: usize) -> Result<(), InvalidImage> {
    let Some(history) = config.history() else {
        return Ok(());
    };
    let steps = history
        .iter()
        .filter(|step| step.empty_layer() != Some(true))
        .count();
    if steps == layers {
        Ok(())
    } else {
        Err(InvalidImage::History { layers, steps })
    }
}

impl PartialEq for Image {
    /// Images are equal when their manifests are.
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

/// An index: one image for each of several platforms.
#[derive(Debug, Clone)]
pub struct ImageIndex {
    document: Document,
    images: Vec<Image>,
    annotations: BTreeMap<String, String>,
    others: usize,
}

impl ImageIndex {
    /// An index of these images, in this order, in canonical JSON.
    ///
    /// # Errors
    /// When there are no images, or two of one platform.
    pub fn new(
        images: Vec<Image>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, InvalidImage> {
        let mut platforms = std::collections::BTreeSet::new();
        for image in &images {
            if !platforms.insert(image.platform()) {
                return Err(InvalidImage::SamePlatform(image.platform()));
            }
        }
        let mut index = spec::ImageIndexBuilder::default()
            .schema_version(spec::SCHEMA_VERSION)
            .media_type(MediaType::ImageIndex)
            .manifests(images.iter().map(Image::descriptor).collect::<Vec<_>>())
            .build()
            .map_err(InvalidImage::Incomplete)?;
        if !annotations.is_empty() {
            index.set_annotations(Some(annotations.clone().into_iter().collect()));
        }
        let bytes = canonical::to_json(&index).map_err(InvalidImage::Json)?;
        let document = Document::new(MediaType::ImageIndex, bytes);
        Self::from_document(document, images, annotations, 0)
    }

    /// An index that was read, as it was found. `others` is the number of its entries that are no
    /// images, such as attestations.
    pub(crate) fn from_document(
        document: Document,
        images: Vec<Image>,
        annotations: BTreeMap<String, String>,
        others: usize,
    ) -> Result<Self, InvalidImage> {
        if images.is_empty() {
            return Err(InvalidImage::EmptyIndex);
        }
        Ok(Self {
            document,
            images,
            annotations,
            others,
        })
    }

    /// The images, in the index's order; never empty.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// The index's annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// The index's digest.
    pub fn digest(&self) -> Digest {
        self.document.digest
    }

    /// The index's document.
    pub fn bytes(&self) -> &[u8] {
        &self.document.bytes
    }

    /// The index's media type: OCI's, unless it was read and is Docker's.
    pub fn media_type(&self) -> &MediaType {
        &self.document.media_type
    }

    /// How many entries of the index are no images and were not read, such as attestations.
    pub fn others(&self) -> usize {
        self.others
    }

    /// The descriptor that stands for the index.
    pub fn descriptor(&self) -> Descriptor {
        self.document.descriptor()
    }
}

/// What a name points to: an image, or an index of one image a platform.
#[derive(Debug, Clone)]
pub enum Content {
    /// One image.
    Image(Image),
    /// Images of several platforms.
    Index(ImageIndex),
}

impl Content {
    /// One image as it is, several as an index with `annotations`.
    ///
    /// # Errors
    /// When there are no images, or two of one platform.
    pub fn of(
        mut images: Vec<Image>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, InvalidImage> {
        match (images.len(), images.pop()) {
            (1, Some(image)) => Ok(Self::Image(image)),
            (_, last) => {
                images.extend(last);
                ImageIndex::new(images, annotations).map(Self::Index)
            }
        }
    }

    /// The digest that names the content: the manifest's or the index's.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Image(image) => image.digest(),
            Self::Index(index) => index.digest(),
        }
    }

    /// The images, at least one.
    pub fn images(&self) -> &[Image] {
        match self {
            Self::Image(image) => std::slice::from_ref(image),
            Self::Index(index) => index.images(),
        }
    }

    /// The image for `platform`.
    pub fn for_platform(&self, platform: &Platform) -> Option<&Image> {
        self.images()
            .iter()
            .find(|image| image.platform() == *platform)
    }

    /// The image for this machine, else the first.
    pub fn for_host(&self) -> Option<&Image> {
        self.for_platform(&Platform::host())
            .or_else(|| self.images().first())
    }

    /// The descriptor that stands for the content.
    pub fn descriptor(&self) -> Descriptor {
        match self {
            Self::Image(image) => image.descriptor(),
            Self::Index(index) => index.descriptor(),
        }
    }
}

impl From<Image> for Content {
    fn from(image: Image) -> Self {
        Self::Image(image)
    }
}

impl From<ImageIndex> for Content {
    fn from(index: ImageIndex) -> Self {
        Self::Index(index)
    }
}

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
