//! Artifacts: manifests of what is not an image, such as a signature or an SBOM.

use std::collections::BTreeMap;
use std::sync::Arc;

use distil_store::Digest;

use crate::blob::DescribedBlob;
use crate::canonical;
use crate::descriptor::sorted;
use crate::document::Document;
use crate::invalid::InvalidImage;
use crate::spec::{self, Descriptor, ImageManifest, MediaType};

/// The configuration of an artifact that has none, and the only layer of one that has none (OCI
/// image specification, "Guidance for an Empty Descriptor").
const EMPTY: &[u8] = b"{}";

/// A manifest whose configuration is not an image's: blobs of any type, often about another
/// manifest, its subject (OCI image specification 1.1, "Guidelines for Artifact Usage").
///
/// One that was read keeps the very bytes of its manifest. Clones share everything.
#[derive(Debug, Clone)]
pub struct Artifact {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    manifest: Document,
    artifact_type: MediaType,
    config: DescribedBlob,
    blobs: Vec<DescribedBlob>,
    annotations: BTreeMap<String, String>,
    subject: Option<Descriptor>,
}

impl Artifact {
    /// An artifact of this type and these blobs, with its manifest in canonical JSON.
    ///
    /// It has the empty configuration, and without blobs the empty one.
    ///
    /// # Errors
    /// When the manifest cannot be made.
    pub fn new(
        artifact_type: MediaType,
        blobs: Vec<DescribedBlob>,
        subject: Option<Descriptor>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, InvalidImage> {
        let empty = || DescribedBlob::of_bytes(MediaType::EmptyJSON, EMPTY);
        let blobs = match blobs.is_empty() {
            true => vec![empty()],
            false => blobs,
        };
        let layers: Vec<Descriptor> = blobs.iter().map(|blob| blob.descriptor().clone()).collect();
        let mut manifest = spec::ImageManifestBuilder::default()
            .schema_version(spec::SCHEMA_VERSION)
            .media_type(MediaType::ImageManifest)
            .artifact_type(artifact_type)
            .config(empty().descriptor().clone())
            .layers(layers)
            .build()
            .map_err(InvalidImage::Incomplete)?;
        manifest.set_subject(subject);
        if !annotations.is_empty() {
            manifest.set_annotations(Some(annotations.into_iter().collect()));
        }
        let bytes = canonical::to_json(&manifest).map_err(InvalidImage::Json)?;
        let document = Document::new(MediaType::ImageManifest, bytes);
        Ok(Self::from_document(document, &manifest, empty(), blobs))
    }

    /// An artifact with a configuration, whose type is its own, with its manifest in canonical JSON:
    /// how artifacts were before there was a field for their type.
    ///
    /// # Errors
    /// When the manifest cannot be made.
    pub fn of_config(
        config: DescribedBlob,
        blobs: Vec<DescribedBlob>,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, InvalidImage> {
        let layers: Vec<Descriptor> = blobs.iter().map(|blob| blob.descriptor().clone()).collect();
        let mut manifest = spec::ImageManifestBuilder::default()
            .schema_version(spec::SCHEMA_VERSION)
            .media_type(MediaType::ImageManifest)
            .config(config.descriptor().clone())
            .layers(layers)
            .build()
            .map_err(InvalidImage::Incomplete)?;
        if !annotations.is_empty() {
            manifest.set_annotations(Some(annotations.into_iter().collect()));
        }
        let bytes = canonical::to_json(&manifest).map_err(InvalidImage::Json)?;
        let document = Document::new(MediaType::ImageManifest, bytes);
        Ok(Self::from_document(document, &manifest, config, blobs))
    }

    /// An artifact of a document as it was made or found, with what it says.
    pub(crate) fn from_document(
        document: Document,
        manifest: &ImageManifest,
        config: DescribedBlob,
        blobs: Vec<DescribedBlob>,
    ) -> Self {
        let artifact_type = manifest.artifact_type().as_ref();
        let parts = Parts {
            artifact_type: artifact_type
                .unwrap_or(manifest.config().media_type())
                .clone(),
            annotations: sorted(manifest.annotations().as_ref()),
            subject: manifest.subject().clone(),
            manifest: document,
            config,
            blobs,
        };
        Self {
            parts: Arc::new(parts),
        }
    }

    /// What the artifact is. Where the manifest does not say, the type of its configuration, as
    /// registries list it (OCI distribution specification, "Listing Referrers").
    pub fn artifact_type(&self) -> &MediaType {
        &self.parts.artifact_type
    }

    /// The configuration, which most artifacts have none of: `{}`.
    pub fn config(&self) -> &DescribedBlob {
        &self.parts.config
    }

    /// The blobs, which the manifest calls layers.
    pub fn blobs(&self) -> &[DescribedBlob] {
        &self.parts.blobs
    }

    /// The manifest's annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.parts.annotations
    }

    /// The manifest that the artifact is about.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.parts.subject.as_ref()
    }

    /// The manifest's digest.
    pub fn digest(&self) -> Digest {
        self.parts.manifest.digest()
    }

    /// The manifest.
    pub fn manifest_bytes(&self) -> &[u8] {
        self.parts.manifest.bytes()
    }

    /// The manifest's media type.
    pub fn manifest_media_type(&self) -> &MediaType {
        self.parts.manifest.media_type()
    }

    pub(crate) fn manifest(&self) -> &Document {
        &self.parts.manifest
    }

    /// The descriptor that stands for the artifact in an index or a list of referrers: with the
    /// artifact's type.
    pub fn descriptor(&self) -> Descriptor {
        let mut descriptor = self.parts.manifest.descriptor();
        descriptor.set_artifact_type(Some(self.parts.artifact_type.clone()));
        descriptor
    }
}

impl PartialEq for Artifact {
    /// Artifacts are equal when their manifests are.
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}
