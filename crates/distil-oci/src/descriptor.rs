//! Descriptors (OCI image specification, "Content Descriptors"), and what their media types mean.

use std::collections::{BTreeMap, HashMap};

use distil_store::Digest;

use crate::platform::Platform;
use crate::spec::{Descriptor, MediaType};

/// Annotation of BuildKit's: what kind of manifest an entry of an index is, if not an image.
pub(crate) const ANNOTATION_REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// The same: which entry it is about.
pub(crate) const ANNOTATION_REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";
/// Annotation of containerd's: the full name of an image in an `index.json`.
pub(crate) const ANNOTATION_IMAGE_NAME: &str = "io.containerd.image.name";

pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";

/// A descriptor of the specification for content with this digest.
pub(crate) fn descriptor(media_type: MediaType, digest: Digest, size: u64) -> Descriptor {
    Descriptor::new(media_type, size, spec_digest(digest))
}

fn spec_digest(digest: Digest) -> crate::spec::Digest {
    use std::str::FromStr as _;
    // A SHA-256 digest always has the form that the other type demands.
    crate::spec::Digest::from(
        crate::spec::Sha256Digest::from_str(&digest.hex()).expect("a SHA-256 digest"),
    )
}

/// The digest of what a descriptor points to; `None` if it is by another algorithm than SHA-256.
pub(crate) fn sha256(descriptor: &Descriptor) -> Option<Digest> {
    descriptor.digest().as_ref().parse().ok()
}

/// What a descriptor says that it points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An index of manifests.
    Index,
    /// The manifest of an image or an artifact.
    Manifest,
    /// Something else, which is not looked into.
    Other,
}

/// What `descriptor` points to, by its media type.
pub(crate) fn kind(descriptor: &Descriptor) -> Kind {
    match descriptor.media_type() {
        MediaType::ImageManifest => Kind::Manifest,
        MediaType::ImageIndex => Kind::Index,
        MediaType::Other(name) if name == DOCKER_MANIFEST => Kind::Manifest,
        MediaType::Other(name) if name == DOCKER_INDEX => Kind::Index,
        _ => Kind::Other,
    }
}

/// Whether an entry of an index is about another one, such as an attestation of BuildKit's: it is
/// for an unknown platform, or says what it is and names none.
///
/// One with a platform is an image whatever its annotations say, since not all engines ask these.
pub(crate) fn is_attachment(descriptor: &Descriptor) -> bool {
    let annotated = descriptor
        .annotations()
        .as_ref()
        .is_some_and(|annotations| annotations.contains_key(ANNOTATION_REFERENCE_TYPE));
    match descriptor.platform() {
        Some(platform) => platform.os().to_string() == "unknown",
        None => annotated,
    }
}

/// Whether an entry of an index is an image, as far as the index tells.
pub(crate) fn is_image(descriptor: &Descriptor) -> bool {
    kind(descriptor) == Kind::Manifest && !is_attachment(descriptor)
}

/// The platform that an entry of an index is for, if the index says so.
pub(crate) fn platform(descriptor: &Descriptor) -> Option<Platform> {
    descriptor.platform().as_ref().map(Platform::from)
}

/// Whether this is the media type of an image's configuration.
pub(crate) fn is_config(media_type: &MediaType) -> bool {
    matches!(media_type, MediaType::ImageConfig) || media_type.as_ref() == DOCKER_CONFIG
}

/// Whether this is the media type of a file system's layer that is passed on as any other.
pub(crate) fn is_layer(media_type: &MediaType) -> bool {
    match media_type {
        MediaType::ImageLayer | MediaType::ImageLayerGzip | MediaType::ImageLayerZstd => true,
        other => other
            .as_ref()
            .strip_prefix(DOCKER_LAYER)
            .is_some_and(|compression| matches!(compression, "" | ".gzip" | ".zstd")),
    }
}

/// Whether this is the media type of a layer that must not be passed on, or is somewhere else
/// (OCI image specification, "Non-Distributable Layers").
pub(crate) fn is_foreign_layer(media_type: &MediaType) -> bool {
    matches!(
        media_type,
        MediaType::ImageLayerNonDistributable
            | MediaType::ImageLayerNonDistributableGzip
            | MediaType::ImageLayerNonDistributableZstd
    ) || media_type.as_ref().starts_with(DOCKER_FOREIGN)
}

/// The media type of a layer in a manifest of OCI's, or of Docker's: no manifest may mix them.
///
/// `None` if `media_type` is not a layer's that could be renamed.
pub(crate) fn layer_type_in(manifest: &MediaType, media_type: &MediaType) -> Option<MediaType> {
    let in_docker = manifest.as_ref() == DOCKER_MANIFEST;
    let suffix = match media_type {
        MediaType::ImageLayer => "",
        MediaType::ImageLayerGzip => ".gzip",
        MediaType::ImageLayerZstd => ".zstd",
        other => match other.as_ref().strip_prefix(DOCKER_LAYER)? {
            known @ ("" | ".gzip" | ".zstd") => known,
            _ => return None,
        },
    };
    Some(match (in_docker, suffix) {
        (true, suffix) => MediaType::Other(format!("{DOCKER_LAYER}{suffix}")),
        (false, ".gzip") => MediaType::ImageLayerGzip,
        (false, ".zstd") => MediaType::ImageLayerZstd,
        (false, _) => MediaType::ImageLayer,
    })
}

/// Annotations in their order.
pub(crate) fn sorted(annotations: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    annotations
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// A media type for messages, which may come from anywhere.
pub(crate) fn media_type_name(descriptor: &Descriptor) -> String {
    descriptor.media_type().as_ref().chars().take(120).collect()
}

/// A digest for messages, which may be of any algorithm and length.
pub(crate) fn digest_name(descriptor: &Descriptor) -> String {
    descriptor.digest().as_ref().chars().take(80).collect()
}
