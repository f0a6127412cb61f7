//! From descriptors to images: reads documents where blobs are found, each of them once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use distil_store::Digest;

use crate::artifact::Artifact;
use crate::blob::{BlobSource, Blobs, DescribedBlob, FoundBlob};
use crate::descriptor::{
    self, Kind, digest_name, is_config, is_foreign_layer, is_layer, media_type_name,
};
use crate::document::Document;
use crate::document_error::DocumentError;
use crate::image::{Config, Image};
use crate::index::{ImageIndex, IndexSource, Manifest};
use crate::invalid::InvalidImage;
use crate::json;
use crate::layer::Layer;
use crate::schema;
use crate::spec::{self, Descriptor, ImageManifest, MediaType};
use crate::verified::Verified;

/// The largest manifest, index or configuration: 4 MiB, what registries take for a manifest
/// (OCI distribution specification, "Pushing Manifests").
pub(crate) const MAX_DOCUMENT: u64 = 4 << 20;

/// More than an index has of images and their attestations, and an `index.json` of names.
pub(crate) const MAX_ENTRIES: usize = 1024;

/// How many bytes the documents of one image or index may have together: 256 times 64 KiB, which is
/// more than any manifest and its configuration have. What is made of them takes up to forty times
/// as much memory.
const MAX_DOCUMENTS: u64 = 16 << 20;

/// Reads what `descriptor` points to: a manifest of an image with its configuration, the manifest
/// of an artifact, or an index without what it refers to.
pub(crate) fn open(
    blobs: Arc<dyn Blobs>,
    descriptor: &Descriptor,
) -> Result<Manifest, DocumentError> {
    Reader::new(blobs).read(descriptor)
}

/// The image of an `index.json`, or of an index in it, that has the configuration `config`; `None`
/// if it is not there as a whole.
///
/// Of the other images the manifests are read, each once, and nothing of them is kept: there may be
/// any number of images.
pub(crate) fn with_config(
    blobs: &Arc<dyn Blobs>,
    index: &spec::ImageIndex,
    config: Digest,
) -> Result<Option<Image>, DocumentError> {
    let mut seen = BTreeSet::new();
    for entry in index.manifests() {
        let image = match descriptor::kind(entry) {
            Kind::Manifest => having(blobs, entry, config, &mut seen),
            Kind::Index if seen.insert(sha256(entry)?) => {
                let inner = match Reader::new(Arc::clone(blobs)).index_document(entry) {
                    Ok((_, inner)) => inner,
                    // An index that was not saved.
                    Err(DocumentError::MissingBlob(_)) => continue,
                    Err(problem) => return Err(problem),
                };
                let mut manifests = inner
                    .manifests()
                    .iter()
                    .filter(|entry| descriptor::kind(entry) == Kind::Manifest);
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
    blobs: &Arc<dyn Blobs>,
    descriptor: &Descriptor,
    config: Digest,
    seen: &mut BTreeSet<Digest>,
) -> Result<Option<Image>, DocumentError> {
    if !seen.insert(sha256(descriptor)?) {
        return Ok(None);
    }
    let reader = Reader::new(Arc::clone(blobs));
    let image = reader
        .manifest_document(descriptor)
        .and_then(|(document, manifest)| {
            if sha256(manifest.config())? != config {
                return Ok(None);
            }
            reader.image_of(document, &manifest).map(Some)
        });
    match image {
        // Attestations, and images for other platforms that were not saved.
        Err(DocumentError::NotAnImage(_) | DocumentError::MissingBlob(_)) => Ok(None),
        image => image,
    }
}

/// A digest, and the media type under which it is named: both are part of an image.
type Key = (Digest, String);

/// Reads documents, and keeps what was read. Clones share it.
#[derive(Clone)]
pub(crate) struct Reader {
    blobs: Arc<dyn Blobs>,
    kept: Arc<Mutex<Kept>>,
}

struct Kept {
    documents: BTreeMap<Key, Document>,
    images: BTreeMap<Key, Image>,
    configs: BTreeMap<Key, Config>,
    /// How many bytes of documents may still be read.
    left: u64,
}

impl Reader {
    fn new(blobs: Arc<dyn Blobs>) -> Self {
        let kept = Kept {
            documents: BTreeMap::new(),
            images: BTreeMap::new(),
            configs: BTreeMap::new(),
            left: MAX_DOCUMENTS,
        };
        Self {
            blobs,
            kept: Arc::new(Mutex::new(kept)),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, descriptor: &Descriptor) -> Result<Manifest, DocumentError> {
        match descriptor::kind(descriptor) {
            Kind::Manifest => self.image_or_artifact(descriptor),
            Kind::Index => self.index(descriptor).map(Manifest::Index),
            Kind::Other => Err(DocumentError::NotAnImage(media_type_name(descriptor))),
        }
    }

    fn index(&self, descriptor: &Descriptor) -> Result<ImageIndex, DocumentError> {
        let (document, index) = self.index_document(descriptor)?;
        let source: Arc<dyn IndexSource> = Arc::new(self.clone());
        let known = BTreeMap::new();
        Ok(ImageIndex::from_document(
            document,
            index,
            known,
            Some(source),
        ))
    }

    fn index_document(
        &self,
        descriptor: &Descriptor,
    ) -> Result<(Document, spec::ImageIndex), DocumentError> {
        let (document, name) = self.document(descriptor, "index")?;
        let index = parse_index(&name, document.bytes())?;
        check_media_type(&name, descriptor, index.media_type().as_ref())?;
        Ok((document, index))
    }

    fn image_or_artifact(&self, descriptor: &Descriptor) -> Result<Manifest, DocumentError> {
        let key = self.key(descriptor)?;
        if let Some(image) = self.kept().images.get(&key) {
            return Ok(Manifest::Image(image.clone()));
        }
        let (document, manifest) = self.manifest_document(descriptor)?;
        if !is_image(&manifest) {
            let artifact = self.artifact_of(document, &manifest)?;
            return Ok(Manifest::Artifact(artifact));
        }
        let image = self.image_of(document, &manifest)?;
        self.kept().images.insert(key, image.clone());
        Ok(Manifest::Image(image))
    }

    fn manifest_document(
        &self,
        descriptor: &Descriptor,
    ) -> Result<(Document, ImageManifest), DocumentError> {
        let (document, name) = self.document(descriptor, "manifest")?;
        let manifest: ImageManifest = json::parse(&name, &schema::MANIFEST, document.bytes())?;
        check_media_type(&name, descriptor, manifest.media_type().as_ref())?;
        Ok((document, manifest))
    }

    /// The image of a manifest that was read.
    fn image_of(
        &self,
        document: Document,
        manifest: &ImageManifest,
    ) -> Result<Image, DocumentError> {
        if !is_config(manifest.config().media_type()) {
            return Err(DocumentError::NotAnImage(media_type_name(
                manifest.config(),
            )));
        }
        let config = self.config(manifest.config())?;
        let diff_ids = config.diff_ids()?;
        if diff_ids.len() != manifest.layers().len() {
            return Err(DocumentError::Image(InvalidImage::LayerCount {
                layers: manifest.layers().len(),
                diff_ids: diff_ids.len(),
            }));
        }
        let layers = manifest
            .layers()
            .iter()
            .zip(diff_ids)
            .map(|(descriptor, diff_id)| self.layer(descriptor, diff_id))
            .collect::<Result<_, _>>()?;
        Image::from_documents(document, manifest, config, layers).map_err(DocumentError::Image)
    }

    fn layer(&self, descriptor: &Descriptor, diff_id: Digest) -> Result<Layer, DocumentError> {
        let media_type = descriptor.media_type();
        if is_foreign_layer(media_type) {
            return Err(DocumentError::ForeignLayer {
                digest: digest_name(descriptor),
                media_type: media_type_name(descriptor),
            });
        }
        if !is_layer(media_type) {
            return Err(DocumentError::LayerMediaType(media_type_name(descriptor)));
        }
        let (digest, blob) = self.find(descriptor)?;
        Ok(Layer::from_parts(
            media_type.clone(),
            digest,
            descriptor.size(),
            diff_id,
            blob.source,
        ))
    }

    /// What is not an image, or shall not be looked at as one.
    fn artifact_of(
        &self,
        document: Document,
        manifest: &ImageManifest,
    ) -> Result<Artifact, DocumentError> {
        let config = self.described(manifest.config())?;
        let blobs = manifest.layers().iter().map(|layer| self.described(layer));
        let blobs = blobs.collect::<Result<_, _>>()?;
        Ok(Artifact::from_document(document, manifest, config, blobs))
    }

    fn described(&self, descriptor: &Descriptor) -> Result<DescribedBlob, DocumentError> {
        let found = match self.find(descriptor) {
            // It is somewhere else, and not passed on.
            Err(DocumentError::MissingBlob(digest))
                if is_foreign_layer(descriptor.media_type()) =>
            {
                let source: Arc<dyn BlobSource> = Arc::new(Elsewhere);
                (digest, source)
            }
            found => found.map(|(digest, blob)| (digest, blob.source))?,
        };
        Ok(DescribedBlob::found(descriptor.clone(), found.0, found.1))
    }

    fn config(&self, descriptor: &Descriptor) -> Result<Config, DocumentError> {
        let key = self.key(descriptor)?;
        if let Some(config) = self.kept().configs.get(&key) {
            return Ok(config.clone());
        }
        let (document, name) = self.document(descriptor, "configuration")?;
        let config = Config::read(&name, document)?;
        self.kept().configs.insert(key, config.clone());
        Ok(config)
    }

    /// What a document is kept under. Its size has to be as every descriptor says, also if it is
    /// kept already.
    fn key(&self, descriptor: &Descriptor) -> Result<Key, DocumentError> {
        let (digest, _) = self.find(descriptor)?;
        Ok((digest, descriptor.media_type().to_string()))
    }

    /// The blob that a descriptor points to, of the size that it says.
    fn find(&self, descriptor: &Descriptor) -> Result<(Digest, FoundBlob), DocumentError> {
        let digest = sha256(descriptor)?;
        let found = self.blobs.find(digest, descriptor);
        let blob = found
            .map_err(|source| DocumentError::Blob { digest, source })?
            .ok_or(DocumentError::MissingBlob(digest))?;
        if blob.size != descriptor.size() {
            return Err(DocumentError::BlobSize {
                digest,
                expected: descriptor.size(),
                found: blob.size,
            });
        }
        Ok((digest, blob))
    }

    /// A document, verified, and what messages call it.
    fn document(
        &self,
        descriptor: &Descriptor,
        kind: &str,
    ) -> Result<(Document, String), DocumentError> {
        let (digest, blob) = self.find(descriptor)?;
        let name = format!("the {kind} `{digest}`");
        let key = (digest, descriptor.media_type().to_string());
        if let Some(document) = self.kept().documents.get(&key) {
            return Ok((document.clone(), name));
        }
        if blob.size > MAX_DOCUMENT {
            return Err(DocumentError::TooLarge {
                document: name,
                limit: MAX_DOCUMENT,
            });
        }
        {
            let mut kept = self.kept();
            let Some(left) = kept.left.checked_sub(blob.size) else {
                return Err(DocumentError::TooLarge {
                    document: "the sum of the image's documents".to_owned(),
                    limit: MAX_DOCUMENTS,
                });
            };
            kept.left = left;
        }
        let mut bytes = Vec::new();
        blob.source
            .open()
            .and_then(|source| {
                Verified::new(source, digest, Some(blob.size)).read_to_end(&mut bytes)
            })
            .map_err(|source| DocumentError::Blob { digest, source })?;
        let document = Document::new(descriptor.media_type().clone(), bytes);
        self.kept().documents.insert(key, document.clone());
        Ok((document, name))
    }
}

/// `None` instead of an error where the very blob that is asked for is not there.
fn if_there<T>(
    descriptor: &Descriptor,
    result: Result<T, DocumentError>,
) -> Result<Option<T>, DocumentError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(DocumentError::MissingBlob(digest))
            if descriptor::sha256(descriptor) == Some(digest) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl IndexSource for Reader {
    fn manifest(&self, entry: &Descriptor) -> Result<Option<Manifest>, DocumentError> {
        if_there(entry, self.read(entry))
    }

    fn artifact(&self, entry: &Descriptor) -> Result<Option<Artifact>, DocumentError> {
        let read = self
            .manifest_document(entry)
            .and_then(|(document, manifest)| self.artifact_of(document, &manifest));
        if_there(entry, read)
    }

    fn blob(&self, entry: &Descriptor) -> Result<Option<DescribedBlob>, DocumentError> {
        if_there(entry, self.described(entry))
    }
}

/// A layer that is only where its URLs say.
struct Elsewhere;

impl BlobSource for Elsewhere {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Whether a manifest is an image's: by its configuration, unless it has layers and none of them
/// could be a file system's, as older attestations of BuildKit's.
fn is_image(manifest: &ImageManifest) -> bool {
    let could_be =
        |layer: &Descriptor| is_layer(layer.media_type()) || is_foreign_layer(layer.media_type());
    let layers = manifest.layers();
    is_config(manifest.config().media_type()) && (layers.is_empty() || layers.iter().any(could_be))
}

/// Refuses a document that is of two types (OCI image specification, `mediaType`: it "MUST match").
fn check_media_type(
    name: &str,
    descriptor: &Descriptor,
    own: Option<&MediaType>,
) -> Result<(), DocumentError> {
    match own {
        Some(own) if own != descriptor.media_type() => Err(DocumentError::OtherMediaType {
            document: name.to_owned(),
            own: own.as_ref().chars().take(120).collect(),
            referred: media_type_name(descriptor),
        }),
        _ => Ok(()),
    }
}

/// Reads an index; `document` is what messages call it.
pub(crate) fn parse_index(document: &str, bytes: &[u8]) -> Result<spec::ImageIndex, DocumentError> {
    let index: spec::ImageIndex = json::parse(document, &schema::INDEX, bytes)?;
    if index.manifests().len() > MAX_ENTRIES {
        return Err(DocumentError::TooManyEntries {
            index: document.to_owned(),
            limit: MAX_ENTRIES,
        });
    }
    Ok(index)
}

fn sha256(descriptor: &Descriptor) -> Result<Digest, DocumentError> {
    descriptor::sha256(descriptor)
        .ok_or_else(|| DocumentError::DigestAlgorithm(digest_name(descriptor)))
}

#[cfg(test)]
mod tests;
