//! From an index to images: follows descriptors through the blobs of a layout or an archive.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use distil_store::Digest;
use serde::de::DeserializeOwned;

use crate::image::{Content, Image, ImageIndex};
use crate::layer::{BlobSource, Layer, Verified};
use crate::spec::{self, Descriptor, MediaType};
use crate::transport::error::Problem;

/// The largest manifest, index or configuration: 4 MiB, what registries take for a manifest
/// (OCI distribution specification, "Pushing Manifests").
pub(crate) const MAX_DOCUMENT: u64 = 4 << 20;

/// More platforms than there are.
const MAX_IMAGES: usize = 256;

/// Annotation of containerd's: the full name of an image in an `index.json`.
pub(crate) const ANNOTATION_IMAGE_NAME: &str = "io.containerd.image.name";
/// Annotation of BuildKit's: what kind of manifest an entry of an index is, if not an image.
const ANNOTATION_REFERENCE_TYPE: &str = "vnd.docker.reference.type";

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";

/// A place where blobs are found by their digests.
pub(crate) trait Blobs {
    /// The blob; `None` if it is not there.
    fn find(&self, digest: Digest) -> Result<Option<Blob>, Problem>;
}

/// A blob that was found, not yet verified.
pub(crate) struct Blob {
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its bytes.
    pub(crate) source: Arc<dyn BlobSource>,
}

/// What a descriptor of an index points to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Index,
    Manifest,
    Other,
}

fn kind(descriptor: &Descriptor) -> Kind {
    match descriptor.media_type() {
        MediaType::ImageManifest => Kind::Manifest,
        MediaType::ImageIndex => Kind::Index,
        MediaType::Other(name) if name == DOCKER_MANIFEST => Kind::Manifest,
        MediaType::Other(name) if name == DOCKER_INDEX => Kind::Index,
        _ => Kind::Other,
    }
}

/// The entry of an `index.json` that `wanted` names: by the tag, or by the full name. Without a
/// name there has to be one image only.
pub(crate) fn choose<'a>(
    index: &'a spec::ImageIndex,
    wanted: Option<&str>,
) -> Result<&'a Descriptor, Problem> {
    let entries = index
        .manifests()
        .iter()
        .filter(|descriptor| kind(descriptor) != Kind::Other && !is_attachment(descriptor));
    let names = |descriptor: &Descriptor| {
        [spec::ANNOTATION_REF_NAME, ANNOTATION_IMAGE_NAME]
            .into_iter()
            .filter_map(|key| Some(descriptor.annotations().as_ref()?.get(key)?.clone()))
            .collect::<Vec<_>>()
    };
    let full = wanted
        .and_then(|wanted| wanted.parse::<crate::Reference>().ok())
        .map(|reference| reference.full());
    let is_wanted = |descriptor: &Descriptor| {
        wanted.is_none_or(|wanted| {
            names(descriptor)
                .iter()
                .any(|name| name == wanted || Some(name) == full.as_ref())
        })
    };
    // The same image may be listed once a name.
    let mut found: BTreeMap<&str, &Descriptor> = BTreeMap::new();
    for descriptor in entries.clone().filter(|descriptor| is_wanted(descriptor)) {
        found
            .entry(descriptor.digest().as_ref())
            .or_insert(descriptor);
    }
    let known = |descriptors: &mut dyn Iterator<Item = &Descriptor>| {
        let mut known: Vec<String> = descriptors
            .filter_map(|descriptor| names(descriptor).into_iter().next())
            .collect();
        known.sort();
        known.dedup();
        known
    };
    match (found.len(), found.first_key_value(), wanted) {
        (1, Some((_, descriptor)), _) => Ok(descriptor),
        (0, _, Some(wanted)) => Err(Problem::UnknownName {
            wanted: wanted.to_owned(),
            known: known(&mut entries.clone()),
        }),
        (0, _, None) => Err(Problem::Empty),
        _ => Err(Problem::SeveralImages {
            known: known(&mut found.values().copied()),
        }),
    }
}

/// Reads the image or the index that `descriptor` points to.
pub(crate) fn content(blobs: &dyn Blobs, descriptor: &Descriptor) -> Result<Content, Problem> {
    match kind(descriptor) {
        Kind::Manifest => image(blobs, descriptor).map(Content::Image),
        Kind::Index => index(blobs, descriptor).map(Content::Index),
        Kind::Other => Err(Problem::MediaType(media_type_name(descriptor))),
    }
}

fn index(blobs: &dyn Blobs, descriptor: &Descriptor) -> Result<ImageIndex, Problem> {
    let (bytes, name) = document(blobs, descriptor, "index")?;
    let index: spec::ImageIndex = parse(&name, &bytes)?;
    let mut images = Vec::new();
    let mut others = 0;
    let mut missing = None;
    for entry in index.manifests() {
        match kind(entry) {
            _ if is_attachment(entry) => others += 1,
            Kind::Other => others += 1,
            Kind::Index => return Err(Problem::NestedIndex),
            Kind::Manifest if images.len() == MAX_IMAGES => {
                return Err(Problem::TooManyImages(MAX_IMAGES));
            }
            Kind::Manifest => {
                let digest = sha256(entry)?;
                // Docker saves the whole index with the images of the wanted platforms only.
                if blobs.find(digest)?.is_none() {
                    others += 1;
                    missing = Some(digest);
                    continue;
                }
                images.push(image(blobs, entry)?);
            }
        }
    }
    if let (true, Some(digest)) = (images.is_empty(), missing) {
        return Err(Problem::MissingBlob(digest));
    }
    let annotations = sorted(index.annotations().as_ref());
    let media_type = descriptor.media_type().clone();
    ImageIndex::from_document(media_type, bytes, images, annotations, others)
        .map_err(Problem::Image)
}

fn image(blobs: &dyn Blobs, descriptor: &Descriptor) -> Result<Image, Problem> {
    let (bytes, name) = document(blobs, descriptor, "manifest")?;
    let manifest: spec::ImageManifest = parse(&name, &bytes)?;
    let config_type = manifest.config().media_type();
    if !matches!(config_type, MediaType::ImageConfig) && config_type.as_ref() != DOCKER_CONFIG {
        return Err(Problem::MediaType(media_type_name(manifest.config())));
    }
    let (config_bytes, name) = document(blobs, manifest.config(), "configuration")?;
    let config = parse_config(&name, &config_bytes)?;
    let diff_ids = diff_ids(&config)?;
    if diff_ids.len() != manifest.layers().len() {
        return Err(Problem::Image(crate::InvalidImage::LayerCount {
            layers: manifest.layers().len(),
            diff_ids: diff_ids.len(),
        }));
    }
    let layers = manifest
        .layers()
        .iter()
        .zip(diff_ids)
        .map(|(descriptor, diff_id)| layer(blobs, descriptor, diff_id))
        .collect::<Result<_, _>>()?;
    Image::from_documents(
        (descriptor.media_type().clone(), bytes),
        (config_type.clone(), config_bytes),
        config,
        layers,
        sorted(manifest.annotations().as_ref()),
    )
    .map_err(Problem::Image)
}

fn layer(blobs: &dyn Blobs, descriptor: &Descriptor, diff_id: Digest) -> Result<Layer, Problem> {
    let media_type = descriptor.media_type();
    let is_layer = match media_type {
        MediaType::ImageLayer | MediaType::ImageLayerGzip | MediaType::ImageLayerZstd => true,
        MediaType::ImageLayerNonDistributable
        | MediaType::ImageLayerNonDistributableGzip
        | MediaType::ImageLayerNonDistributableZstd => return Err(foreign(descriptor)),
        other if other.as_ref().starts_with(DOCKER_FOREIGN) => return Err(foreign(descriptor)),
        other => other
            .as_ref()
            .strip_prefix(DOCKER_LAYER)
            .is_some_and(|compression| matches!(compression, "" | ".gzip" | ".zstd")),
    };
    if !is_layer {
        return Err(Problem::LayerMediaType(media_type_name(descriptor)));
    }
    let (digest, blob) = find(blobs, descriptor)?;
    Ok(Layer::from_parts(
        media_type.clone(),
        digest,
        descriptor.size(),
        diff_id,
        blob.source,
    ))
}

/// The blob that a descriptor points to, of the size that it says.
fn find(blobs: &dyn Blobs, descriptor: &Descriptor) -> Result<(Digest, Blob), Problem> {
    let digest = sha256(descriptor)?;
    let blob = blobs.find(digest)?.ok_or(Problem::MissingBlob(digest))?;
    if blob.size != descriptor.size() {
        return Err(Problem::BlobSize {
            digest,
            expected: descriptor.size(),
            found: blob.size,
        });
    }
    Ok((digest, blob))
}

/// The bytes of a document, verified, and what messages call it.
fn document(
    blobs: &dyn Blobs,
    descriptor: &Descriptor,
    kind: &str,
) -> Result<(Vec<u8>, String), Problem> {
    let (digest, blob) = find(blobs, descriptor)?;
    let name = format!("the {kind} `{digest}`");
    if blob.size > MAX_DOCUMENT {
        return Err(Problem::TooLarge {
            what: name,
            limit: MAX_DOCUMENT,
        });
    }
    let mut bytes = Vec::new();
    blob.source
        .open()
        .and_then(|source| Verified::new(source, digest, Some(blob.size)).read_to_end(&mut bytes))
        .map_err(|source| Problem::Blob { digest, source })?;
    Ok((bytes, name))
}

/// Reads a document that no descriptor points to, such as `index.json`.
pub(crate) fn small_document(source: &dyn BlobSource, name: &str) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    source
        .open()
        .and_then(|source| source.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes))
        .map_err(Problem::file("read", name))?;
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Err(Problem::TooLarge {
            what: format!("`{name}`"),
            limit: MAX_DOCUMENT,
        });
    }
    Ok(bytes)
}

/// Reads a configuration. What are sets in the document, in no order, becomes sorted lists.
pub(crate) fn parse_config(name: &str, bytes: &[u8]) -> Result<spec::ImageConfiguration, Problem> {
    let mut config: spec::ImageConfiguration = parse(name, bytes)?;
    if let Some(mut execution) = config.config().clone() {
        let sorted = |set: &Option<Vec<String>>| {
            set.clone().map(|mut list| {
                list.sort();
                list
            })
        };
        execution.set_exposed_ports(sorted(execution.exposed_ports()));
        execution.set_volumes(sorted(execution.volumes()));
        config.set_config(Some(execution));
    }
    Ok(config)
}

/// The diff IDs that a configuration lists.
pub(crate) fn diff_ids(config: &spec::ImageConfiguration) -> Result<Vec<Digest>, Problem> {
    config
        .rootfs()
        .diff_ids()
        .iter()
        .map(|text| {
            text.parse()
                .map_err(|_| Problem::DigestAlgorithm(text.chars().take(80).collect()))
        })
        .collect()
}

/// Reads JSON; `document` is what messages call it.
pub(crate) fn parse<T: DeserializeOwned>(document: &str, bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|source| Problem::Json {
        document: document.to_owned(),
        source,
    })
}

/// Whether an entry of an index is about another one: an attestation of BuildKit's.
fn is_attachment(descriptor: &Descriptor) -> bool {
    let annotated = descriptor
        .annotations()
        .as_ref()
        .is_some_and(|annotations| annotations.contains_key(ANNOTATION_REFERENCE_TYPE));
    let nowhere = descriptor
        .platform()
        .as_ref()
        .is_some_and(|platform| platform.os().to_string() == "unknown");
    annotated || nowhere
}

fn sha256(descriptor: &Descriptor) -> Result<Digest, Problem> {
    let text: &str = descriptor.digest().as_ref();
    text.parse()
        .map_err(|_| Problem::DigestAlgorithm(text.chars().take(80).collect()))
}

fn foreign(descriptor: &Descriptor) -> Problem {
    Problem::ForeignLayer {
        digest: descriptor.digest().as_ref().chars().take(80).collect(),
        media_type: media_type_name(descriptor),
    }
}

fn media_type_name(descriptor: &Descriptor) -> String {
    descriptor.media_type().as_ref().chars().take(120).collect()
}

fn sorted(
    annotations: Option<&std::collections::HashMap<String, String>>,
) -> BTreeMap<String, String> {
    annotations
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Refuses the `oci-layout` file of a version that is not known.
pub(crate) fn check_layout(bytes: &[u8]) -> Result<(), Problem> {
    let layout: spec::OciLayout = parse("`oci-layout`", bytes)?;
    match layout.image_layout_version().as_str() {
        "1.0.0" => Ok(()),
        other => Err(Problem::LayoutVersion(other.chars().take(80).collect())),
    }
}
