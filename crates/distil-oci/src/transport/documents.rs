//! From an index to images: follows descriptors through the blobs of a layout or an archive.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;

use distil_store::Digest;
use serde::de::DeserializeOwned;

use crate::image::{Content, Document, Image, ImageIndex};
use crate::layer::{BlobSource, Layer, Verified};
use crate::spec::{self, Descriptor, ImageConfiguration, MediaType};
use crate::transport::error::Problem;

/// The largest manifest, index or configuration: 4 MiB, what registries take for a manifest
/// (OCI distribution specification, "Pushing Manifests").
pub(crate) const MAX_DOCUMENT: u64 = 4 << 20;

/// More platforms than there are.
const MAX_IMAGES: usize = 256;

/// More than an index has of images and their attestations, and an `index.json` of names.
pub(crate) const MAX_ENTRIES: usize = 1024;

/// How many bytes the documents of one image or index may have together: 256 times 64 KiB, which is
/// more than any manifest and its configuration have. What is made of them takes up to forty times
/// as much memory.
const MAX_DOCUMENTS: u64 = 16 << 20;

/// Annotation of containerd's: the full name of an image in an `index.json`.
pub(crate) const ANNOTATION_IMAGE_NAME: &str = "io.containerd.image.name";
/// Annotation of BuildKit's: what kind of manifest an entry of an index is, if not an image.
const ANNOTATION_REFERENCE_TYPE: &str = "vnd.docker.reference.type";

pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";

/// A place where blobs are found by their digests.
pub(crate) trait Blobs {
    /// The blob that a descriptor with this digest points to; `None` if it is not there.
    fn find(&self, digest: Digest, descriptor: &Descriptor) -> Result<Option<Blob>, Problem>;
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
pub(crate) enum Kind {
    Index,
    Manifest,
    Other,
}

pub(crate) fn kind(descriptor: &Descriptor) -> Kind {
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
    Reader::new(blobs).content(descriptor)
}

/// The image of an `index.json`, or of an index in it, that has the configuration `config`; `None`
/// if it is not there as a whole.
///
/// Of the other images the manifests are read, each once, and nothing of them is kept: there may be
/// any number of images.
pub(crate) fn with_config(
    blobs: &dyn Blobs,
    index: &spec::ImageIndex,
    config: Digest,
) -> Result<Option<Image>, Problem> {
    let mut seen = BTreeSet::new();
    for entry in index.manifests() {
        let image = match kind(entry) {
            Kind::Manifest => having(blobs, entry, config, &mut seen),
            Kind::Index if seen.insert(sha256(entry)?) => {
                let inner = match Reader::new(blobs).index_document(entry) {
                    Ok((_, inner)) => inner,
                    // An index that was not saved.
                    Err(Problem::MissingBlob(_)) => continue,
                    Err(problem) => return Err(problem),
                };
                let mut manifests = inner
                    .manifests()
                    .iter()
                    .filter(|entry| kind(entry) == Kind::Manifest);
                manifests
                    .find_map(|entry| having(blobs, entry, config, &mut seen).transpose())
                    .transpose()
            }
            Kind::Index | Kind::Other => continue,
        };
        if let Some(image) = image? {
            return Ok(Some(image));
        }
    }
    Ok(None)
}

/// The image of this manifest, if it has the configuration `config`, is whole, and was not `seen`.
fn having(
    blobs: &dyn Blobs,
    descriptor: &Descriptor,
    config: Digest,
    seen: &mut BTreeSet<Digest>,
) -> Result<Option<Image>, Problem> {
    if !seen.insert(sha256(descriptor)?) {
        return Ok(None);
    }
    let mut reader = Reader::new(blobs);
    let image = reader
        .manifest(descriptor)
        .and_then(|(document, manifest)| {
            if sha256(manifest.config())? != config {
                return Ok(None);
            }
            reader.image_of(document, &manifest).map(Some)
        });
    match image {
        // Attestations, and images for other platforms that were not saved.
        Err(Problem::MediaType(_) | Problem::MissingBlob(_)) => Ok(None),
        image => image,
    }
}

/// A digest, and the media type under which it is named: both are part of an image.
type Key = (Digest, String);

/// Reads images, and keeps what was read: a document is read once however often it is named.
struct Reader<'a> {
    blobs: &'a dyn Blobs,
    images: BTreeMap<Key, Image>,
    configs: BTreeMap<Key, (Document, Arc<ImageConfiguration>)>,
    /// How many bytes of documents may still be read.
    left: u64,
}

impl<'a> Reader<'a> {
    fn new(blobs: &'a dyn Blobs) -> Self {
        Self {
            blobs,
            images: BTreeMap::new(),
            configs: BTreeMap::new(),
            left: MAX_DOCUMENTS,
        }
    }

    fn content(&mut self, descriptor: &Descriptor) -> Result<Content, Problem> {
        match kind(descriptor) {
            Kind::Manifest => self.image(descriptor).map(Content::Image),
            Kind::Index => self.index(descriptor).map(Content::Index),
            Kind::Other => Err(Problem::MediaType(media_type_name(descriptor))),
        }
    }

    fn index(&mut self, descriptor: &Descriptor) -> Result<ImageIndex, Problem> {
        let (document, index) = self.index_document(descriptor)?;
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
                    if self.blobs.find(digest, entry)?.is_none() {
                        others += 1;
                        missing = Some(digest);
                        continue;
                    }
                    images.push(self.image(entry)?);
                }
            }
        }
        if let (true, Some(digest)) = (images.is_empty(), missing) {
            return Err(Problem::MissingBlob(digest));
        }
        let annotations = sorted(index.annotations().as_ref());
        ImageIndex::from_document(document, images, annotations, others).map_err(Problem::Image)
    }

    fn index_document(
        &mut self,
        descriptor: &Descriptor,
    ) -> Result<(Document, spec::ImageIndex), Problem> {
        let (document, name) = self.document(descriptor, "index")?;
        let index = parse_index(&name, document.bytes())?;
        Ok((document, index))
    }

    fn image(&mut self, descriptor: &Descriptor) -> Result<Image, Problem> {
        let key = self.key(descriptor)?;
        if let Some(image) = self.images.get(&key) {
            return Ok(image.clone());
        }
        let (document, manifest) = self.manifest(descriptor)?;
        let image = self.image_of(document, &manifest)?;
        self.images.insert(key, image.clone());
        Ok(image)
    }

    fn manifest(
        &mut self,
        descriptor: &Descriptor,
    ) -> Result<(Document, spec::ImageManifest), Problem> {
        let (document, name) = self.document(descriptor, "manifest")?;
        let manifest = parse(&name, document.bytes())?;
        Ok((document, manifest))
    }

    /// The image of a manifest that was read.
    fn image_of(
        &mut self,
        document: Document,
        manifest: &spec::ImageManifest,
    ) -> Result<Image, Problem> {
        let config_type = manifest.config().media_type();
        if !matches!(config_type, MediaType::ImageConfig) && config_type.as_ref() != DOCKER_CONFIG {
            return Err(Problem::MediaType(media_type_name(manifest.config())));
        }
        let config = self.config(manifest.config())?;
        let diff_ids = diff_ids(&config.1)?;
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
            .map(|(descriptor, diff_id)| layer(self.blobs, descriptor, diff_id))
            .collect::<Result<_, _>>()?;
        let annotations = sorted(manifest.annotations().as_ref());
        Image::from_documents(document, config, layers, annotations).map_err(Problem::Image)
    }

    fn config(
        &mut self,
        descriptor: &Descriptor,
    ) -> Result<(Document, Arc<ImageConfiguration>), Problem> {
        let key = self.key(descriptor)?;
        if let Some(config) = self.configs.get(&key) {
            return Ok(config.clone());
        }
        let (document, name) = self.document(descriptor, "configuration")?;
        let parsed = Arc::new(parse_config(&name, document.bytes())?);
        let config = (document, parsed);
        self.configs.insert(key, config.clone());
        Ok(config)
    }

    /// What a document is kept under. Its size has to be as every descriptor says, also if it is
    /// kept already.
    fn key(&self, descriptor: &Descriptor) -> Result<Key, Problem> {
        let (digest, _) = find(self.blobs, descriptor)?;
        Ok((digest, descriptor.media_type().to_string()))
    }

    /// A document, verified, and what messages call it.
    fn document(
        &mut self,
        descriptor: &Descriptor,
        kind: &str,
    ) -> Result<(Document, String), Problem> {
        let (digest, blob) = find(self.blobs, descriptor)?;
        let name = format!("the {kind} `{digest}`");
        if blob.size > MAX_DOCUMENT {
            return Err(Problem::TooLarge {
                what: name,
                limit: MAX_DOCUMENT,
            });
        }
        let Some(left) = self.left.checked_sub(blob.size) else {
            return Err(Problem::TooLarge {
                what: "the sum of the image's documents".to_owned(),
                limit: MAX_DOCUMENTS,
            });
        };
        self.left = left;
        let mut bytes = Vec::new();
        blob.source
            .open()
            .and_then(|source| {
                Verified::new(source, digest, Some(blob.size)).read_to_end(&mut bytes)
            })
            .map_err(|source| Problem::Blob { digest, source })?;
        let media_type = descriptor.media_type().clone();
        Ok((Document::new(media_type, bytes), name))
    }
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
    let blob = blobs
        .find(digest, descriptor)?
        .ok_or(Problem::MissingBlob(digest))?;
    if blob.size != descriptor.size() {
        return Err(Problem::BlobSize {
            digest,
            expected: descriptor.size(),
            found: blob.size,
        });
    }
    Ok((digest, blob))
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

/// Reads an index; `document` is what messages call it.
pub(crate) fn parse_index(document: &str, bytes: &[u8]) -> Result<spec::ImageIndex, Problem> {
    let index: spec::ImageIndex = parse(document, bytes)?;
    if index.manifests().len() > MAX_ENTRIES {
        return Err(Problem::TooManyEntries {
            index: document.to_owned(),
            limit: MAX_ENTRIES,
        });
    }
    Ok(index)
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

#[cfg(test)]
mod tests;
