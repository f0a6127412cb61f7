//! Images: immutable values with their documents made up once.

use std::collections::BTreeMap;
use std::sync::Arc;

use distil_store::Digest;

use crate::canonical;
use crate::descriptor::{is_layer, sorted};
use crate::document::Document;
use crate::document_error::DocumentError;
use crate::healthcheck::Healthcheck;
use crate::invalid::InvalidImage;
use crate::json;
use crate::layer::Layer;
use crate::platform::Platform;
use crate::schema;
use crate::spec::{self, Descriptor, ImageConfiguration, ImageManifest, MediaType};

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
    config: Config,
    layers: Vec<Layer>,
    annotations: BTreeMap<String, String>,
    subject: Option<Descriptor>,
}

/// The document of a configuration, and what it says: several images may share them.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) document: Document,
    pub(crate) parsed: Arc<ImageConfiguration>,
}

impl Config {
    /// Reads a configuration; messages call it `name`. What are sets in the document, in no order,
    /// becomes sorted lists.
    pub(crate) fn read(name: &str, document: Document) -> Result<Self, DocumentError> {
        let mut parsed: ImageConfiguration = json::parse(name, &schema::CONFIG, document.bytes())?;
        if let Some(mut execution) = parsed.config().clone() {
            let sorted = |set: &Option<Vec<String>>| {
                set.clone().map(|mut list| {
                    list.sort();
                    list
                })
            };
            execution.set_exposed_ports(sorted(execution.exposed_ports()));
            execution.set_volumes(sorted(execution.volumes()));
            parsed.set_config(Some(execution));
        }
        Ok(Self {
            document,
            parsed: Arc::new(parsed),
        })
    }

    /// The diff IDs that it lists.
    pub(crate) fn diff_ids(&self) -> Result<Vec<Digest>, DocumentError> {
        let diff_ids = self.parsed.rootfs().diff_ids().iter();
        diff_ids
            .map(|text| {
                let short = || text.chars().take(80).collect();
                text.parse()
                    .map_err(|_| DocumentError::DigestAlgorithm(short()))
            })
            .collect()
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
        let config = Config {
            document: Document::new(MediaType::ImageConfig, config_bytes),
            parsed: Arc::new(config),
        };
        Self::with_config(config, layers, annotations)
    }

    /// An image that was made before, of the configuration's bytes.
    ///
    /// # Errors
    /// When the bytes are no configuration, or one of other layers.
    pub fn of_config(
        config: Vec<u8>,
        layers: Vec<Layer>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, DocumentError> {
        let document = Document::new(MediaType::ImageConfig, config);
        let config = Config::read("the configuration", document)?;
        Self::with_config(config, layers, annotations).map_err(DocumentError::Image)
    }

    /// An image with a manifest of our own, around a configuration that was made or found.
    pub(crate) fn with_config(
        config: Config,
        layers: Vec<Layer>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, InvalidImage> {
        let mut manifest = spec::ImageManifestBuilder::default()
            .schema_version(spec::SCHEMA_VERSION)
            .media_type(MediaType::ImageManifest)
            .config(config.document.descriptor())
            .layers(layers.iter().map(Layer::descriptor).collect::<Vec<_>>())
            .build()
            .map_err(InvalidImage::Incomplete)?;
        if !annotations.is_empty() {
            manifest.set_annotations(Some(annotations.into_iter().collect()));
        }
        let bytes = canonical::to_json(&manifest).map_err(InvalidImage::Json)?;
        let document = Document::new(MediaType::ImageManifest, bytes);
        Self::from_documents(document, &manifest, config, layers)
    }

    /// An image of documents as they were made or found, the manifest with what it says.
    pub(crate) fn from_documents(
        document: Document,
        manifest: &ImageManifest,
        config: Config,
        layers: Vec<Layer>,
    ) -> Result<Self, InvalidImage> {
        let diff_ids = config.parsed.rootfs().diff_ids();
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
            manifest: document,
            config,
            layers,
            annotations: sorted(manifest.annotations().as_ref()),
            subject: manifest.subject().clone(),
        };
        Ok(Self {
            parts: Arc::new(parts),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &ImageConfiguration {
        &self.parts.config.parsed
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

    /// What the image is about, if it is about another manifest (OCI image specification, "Image
    /// Manifest Property Descriptions", `subject`).
    pub fn subject(&self) -> Option<&Descriptor> {
        self.parts.subject.as_ref()
    }

    /// The platform that the configuration names.
    pub fn platform(&self) -> Platform {
        Platform::from(self.config())
    }

    /// The manifest's digest, by which the image is named.
    pub fn digest(&self) -> Digest {
        self.parts.manifest.digest()
    }

    /// The manifest.
    pub fn manifest_bytes(&self) -> &[u8] {
        self.parts.manifest.bytes()
    }

    /// The manifest's media type: OCI's, unless the image was read and is Docker's.
    pub fn manifest_media_type(&self) -> &MediaType {
        self.parts.manifest.media_type()
    }

    /// The configuration's document.
    pub fn config_bytes(&self) -> &[u8] {
        self.parts.config.document.bytes()
    }

    /// The configuration's digest, which Docker calls the image's ID.
    pub fn config_digest(&self) -> Digest {
        self.parts.config.document.digest()
    }

    pub(crate) fn manifest(&self) -> &Document {
        &self.parts.manifest
    }

    pub(crate) fn config_document(&self) -> &Config {
        &self.parts.config
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
            self.parts.manifest.size() + self.parts.config.document.size(),
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
    is_layer(media_type) && !matches!(media_type, MediaType::Other(_))
}

/// The history need not be there, but has to tell of every layer if it is.
///
/// Asked of images that are made, not of those that are read: other builders are careless here,
/// and no engine minds.
pub(crate) fn check_history(
    config: &ImageConfiguration,
    layers: usize,
) -> Result<(), InvalidImage> {
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
