//! Indexes, and what a name can point to: an image, an index or an artifact.
//!
//! An index that was read is its document; what it refers to is read when it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use distil_store::Digest;

use crate::artifact::Artifact;
use crate::blob::DescribedBlob;
use crate::canonical;
use crate::descriptor::{
    self, Kind, is_config, is_foreign_layer, is_image, is_layer, media_type_name, sha256, sorted,
};
use crate::document::Document;
use crate::document_error::DocumentError;
use crate::image::Image;
use crate::invalid::InvalidImage;
use crate::layer::Layer;
use crate::platform::Platform;
use crate::spec::{self, Descriptor, MediaType};

/// How deep indexes may lie in indexes. The specification allows them, and hardly anybody has any.
const MAX_DEPTH: usize = 4;

/// Where an index that was read finds what it refers to. `None` stands for what is not there:
/// Docker saves whole indexes with some of their images.
pub(crate) trait IndexSource: Send + Sync {
    /// The image or the artifact of this entry, or the index.
    fn manifest(&self, entry: &Descriptor) -> Result<Option<Manifest>, DocumentError>;

    /// The same as an artifact if it is an image: its blobs are not looked into, so it need not be
    /// one that this crate understands.
    fn artifact(&self, entry: &Descriptor) -> Result<Option<Artifact>, DocumentError>;

    /// The bytes of this entry, whatever they are.
    fn blob(&self, entry: &Descriptor) -> Result<Option<DescribedBlob>, DocumentError>;
}

/// An index: entries that are images for several platforms, and others (OCI image specification,
/// "Image Index").
///
/// One that was read keeps the very bytes of its document, and every entry, whether it is an image
/// or not. Clones share everything.
#[derive(Clone)]
pub struct ImageIndex {
    parts: Arc<Parts>,
}

struct Parts {
    document: Document,
    entries: Vec<Descriptor>,
    annotations: BTreeMap<String, String>,
    subject: Option<Descriptor>,
    artifact_type: Option<MediaType>,
    /// What entries refer to and was made here.
    known: BTreeMap<Digest, Manifest>,
    /// Where the rest is.
    source: Option<Arc<dyn IndexSource>>,
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
        if images.is_empty() {
            return Err(InvalidImage::EmptyIndex);
        }
        let mut platforms = BTreeSet::new();
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
            index.set_annotations(Some(annotations.into_iter().collect()));
        }
        let bytes = canonical::to_json(&index).map_err(InvalidImage::Json)?;
        let document = Document::new(MediaType::ImageIndex, bytes);
        let known = images
            .into_iter()
            .map(|image| (image.digest(), image.into()));
        Ok(Self::from_document(document, index, known.collect(), None))
    }

    /// An index of a document as it was made or found, with what it says.
    pub(crate) fn from_document(
        document: Document,
        index: spec::ImageIndex,
        known: BTreeMap<Digest, Manifest>,
        source: Option<Arc<dyn IndexSource>>,
    ) -> Self {
        let parts = Parts {
            document,
            annotations: sorted(index.annotations().as_ref()),
            subject: index.subject().clone(),
            artifact_type: index.artifact_type().clone(),
            entries: index.manifests().clone(),
            known,
            source,
        };
        Self {
            parts: Arc::new(parts),
        }
    }

    /// The same entries, and where they are, under another document that may have more of them.
    pub(crate) fn with_document(
        &self,
        document: Document,
        index: spec::ImageIndex,
        more: impl IntoIterator<Item = Manifest>,
    ) -> Self {
        let mut known = self.parts.known.clone();
        known.extend(more.into_iter().map(|one| (one.digest(), one)));
        Self::from_document(document, index, known, self.parts.source.clone())
    }

    /// What the index refers to, in its order: images, and also attestations, artifacts, other
    /// indexes, and what nobody knows.
    pub fn entries(&self) -> &[Descriptor] {
        &self.parts.entries
    }

    /// The entries that are images, as far as the index tells.
    pub fn image_entries(&self) -> impl Iterator<Item = &Descriptor> {
        self.parts.entries.iter().filter(|entry| is_image(entry))
    }

    /// Reads what an entry refers to, if it is a manifest or an index: `None` if it is something
    /// else, or is not there.
    ///
    /// # Errors
    /// When it is neither an image nor an artifact that can be understood.
    pub fn manifest(&self, entry: &Descriptor) -> Result<Option<Manifest>, DocumentError> {
        if let Some(known) = sha256(entry).and_then(|digest| self.parts.known.get(&digest)) {
            return Ok(Some(known.clone()));
        }
        match (&self.parts.source, descriptor::kind(entry)) {
            (Some(source), Kind::Manifest | Kind::Index) => source.manifest(entry),
            _ => Ok(None),
        }
    }

    /// Reads the image of an entry; `None` if it is not an image, or is not there.
    fn image(&self, entry: &Descriptor) -> Result<Option<Image>, DocumentError> {
        Ok(match self.manifest(entry)? {
            Some(Manifest::Image(image)) => Some(image),
            _ => None,
        })
    }

    /// Whether what an entry refers to is there.
    fn is_there(&self, entry: &Descriptor) -> Result<bool, DocumentError> {
        if sha256(entry).is_some_and(|digest| self.parts.known.contains_key(&digest)) {
            return Ok(true);
        }
        match &self.parts.source {
            Some(source) => Ok(source.blob(entry)?.is_some()),
            None => Ok(false),
        }
    }

    /// Refuses an index with others in it: some engines look for images in those, and some do not.
    fn check_flat(&self) -> Result<(), DocumentError> {
        let is_index = |entry: &Descriptor| descriptor::kind(entry) == Kind::Index;
        match self.parts.entries.iter().any(is_index) {
            true => Err(DocumentError::NestedIndex),
            false => Ok(()),
        }
    }

    /// Reads all images that are there, in the index's order; at least one.
    ///
    /// # Errors
    /// When one cannot be read, when there is none, and when an entry is an index itself.
    pub fn images(&self) -> Result<Vec<Image>, DocumentError> {
        self.check_flat()?;
        let mut images = Vec::new();
        for entry in self.image_entries() {
            images.extend(self.image(entry)?);
        }
        match images.is_empty() {
            true => Err(self.no_image()),
            false => Ok(images),
        }
    }

    /// Why there is no image at all: none is listed, or none of those is there.
    fn no_image(&self) -> DocumentError {
        match self.image_entries().find_map(sha256) {
            Some(digest) => DocumentError::MissingBlob(digest),
            None => DocumentError::Image(InvalidImage::EmptyIndex),
        }
    }

    /// Reads the first image for `platform`, and no other one if the index tells the platforms of
    /// its entries, as nearly all do; `None` if there is none.
    ///
    /// # Errors
    /// When one that has to be read cannot be, and when an entry is an index itself.
    pub fn image_for(&self, platform: &Platform) -> Result<Option<Image>, DocumentError> {
        self.check_flat()?;
        let is_for = |entry: &&Descriptor| descriptor::platform(entry).as_ref() == Some(platform);
        for entry in self.image_entries().filter(is_for) {
            if let Some(image) = self.image(entry)? {
                return Ok(Some(image));
            }
        }
        let is_untold = |entry: &&Descriptor| entry.platform().is_none();
        for entry in self.image_entries().filter(is_untold) {
            if let Some(image) = self.image(entry)?
                && image.platform() == *platform
            {
                return Ok(Some(image));
            }
        }
        Ok(None)
    }

    /// Reads the image for this machine, else the first that is there.
    ///
    /// # Errors
    /// When it cannot be read, and when there is none.
    pub fn image_for_host(&self) -> Result<Image, DocumentError> {
        if let Some(image) = self.image_for(&Platform::host())? {
            return Ok(image);
        }
        for entry in self.image_entries() {
            if let Some(image) = self.image(entry)? {
                return Ok(image);
            }
        }
        Err(self.no_image())
    }

    /// The platforms of the images that are there, in the index's order. Only the images whose
    /// platform the index does not tell are read.
    ///
    /// # Errors
    /// When one of those cannot be read.
    pub fn platforms(&self) -> Result<Vec<Platform>, DocumentError> {
        let mut platforms = Vec::new();
        for entry in self.image_entries() {
            let platform = match descriptor::platform(entry) {
                Some(platform) => self.is_there(entry)?.then_some(platform),
                None => self.image(entry)?.map(|image| image.platform()),
            };
            platforms.extend(platform);
        }
        Ok(platforms)
    }

    /// The index's annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.parts.annotations
    }

    /// What the index is about, if it is about another manifest.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.parts.subject.as_ref()
    }

    /// What the index is, if it is an artifact.
    pub fn artifact_type(&self) -> Option<&MediaType> {
        self.parts.artifact_type.as_ref()
    }

    /// The index's digest.
    pub fn digest(&self) -> Digest {
        self.parts.document.digest()
    }

    /// The index's document.
    pub fn bytes(&self) -> &[u8] {
        self.parts.document.bytes()
    }

    /// The index's media type: OCI's, unless it was read and is Docker's.
    pub fn media_type(&self) -> &MediaType {
        self.parts.document.media_type()
    }

    /// The descriptor that stands for the index.
    pub fn descriptor(&self) -> Descriptor {
        self.parts.document.descriptor()
    }

    /// Adds all blobs of the index, and of whatever it refers to, to `blobs`.
    fn collect(&self, contents: &mut Contents, depth: usize) -> Result<(), DocumentError> {
        if depth > MAX_DEPTH {
            return Err(DocumentError::TooDeep(MAX_DEPTH));
        }
        for entry in &self.parts.entries {
            let digest = sha256(entry)
                .ok_or_else(|| DocumentError::DigestAlgorithm(descriptor::digest_name(entry)))?;
            // What is named often is followed once.
            if contents.has_manifest(digest) || contents.blobs.contains_key(&digest) {
                continue;
            }
            if let Some(known) = self.parts.known.get(&digest) {
                known.collect(contents, depth + 1)?;
                continue;
            }
            let Some(source) = &self.parts.source else {
                continue;
            };
            match descriptor::kind(entry) {
                Kind::Manifest => {
                    if let Some(artifact) = source.artifact(entry)? {
                        Manifest::Artifact(artifact).collect(contents, depth + 1)?;
                    }
                }
                Kind::Index => {
                    if let Some(index) = source.manifest(entry)? {
                        index.collect(contents, depth + 1)?;
                    }
                }
                Kind::Other => {
                    if let Some(blob) = source.blob(entry)? {
                        contents.blobs.insert(digest, blob);
                    }
                }
            }
        }
        contents.add_manifest(self.parts.document.blob());
        Ok(())
    }
}

impl fmt::Debug for ImageIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageIndex")
            .field("digest", &self.digest())
            .field("entries", &self.parts.entries.len())
            .finish_non_exhaustive()
    }
}

impl PartialEq for ImageIndex {
    /// Indexes are equal when their documents are.
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

/// All that a copy of a manifest has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contents {
    /// Manifests and indexes, what they refer to before them.
    pub(crate) manifests: Vec<DescribedBlob>,
    /// Everything else, by its digest.
    pub(crate) blobs: BTreeMap<Digest, DescribedBlob>,
}

impl Contents {
    /// With those of another manifest after them.
    pub(crate) fn extend(&mut self, other: Self) {
        for one in other.manifests {
            self.add_manifest(one);
        }
        self.blobs.extend(other.blobs);
    }

    fn add_manifest(&mut self, document: DescribedBlob) {
        if !self.has_manifest(document.digest()) {
            self.manifests.push(document);
        }
    }

    fn has_manifest(&self, digest: Digest) -> bool {
        self.manifests.iter().any(|one| one.digest() == digest)
    }
}

/// What a name points to (OCI distribution specification, "Definitions", *Manifest*).
#[derive(Debug, Clone, PartialEq)]
pub enum Manifest {
    /// An image.
    Image(Image),
    /// Images for several platforms, and what goes with them.
    Index(ImageIndex),
    /// Something else, such as a signature.
    Artifact(Artifact),
}

impl Manifest {
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

    fn document(&self) -> &Document {
        match self {
            Self::Image(image) => image.manifest(),
            Self::Index(index) => &index.parts.document,
            Self::Artifact(artifact) => artifact.manifest(),
        }
    }

    /// Its document, as it is put into a registry.
    pub(crate) fn blob(&self) -> DescribedBlob {
        self.document().blob()
    }

    /// The digest that names it.
    pub fn digest(&self) -> Digest {
        self.document().digest()
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.document().bytes()
    }

    /// Its media type.
    pub fn media_type(&self) -> &MediaType {
        self.document().media_type()
    }

    /// The descriptor that stands for it: with its platform or its artifact type.
    pub fn descriptor(&self) -> Descriptor {
        match self {
            Self::Image(image) => image.descriptor(),
            Self::Index(index) => index.descriptor(),
            Self::Artifact(artifact) => artifact.descriptor(),
        }
    }

    /// Its annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Image(image) => image.annotations(),
            Self::Index(index) => index.annotations(),
            Self::Artifact(artifact) => artifact.annotations(),
        }
    }

    /// The manifest that it is about, if it is about another one.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Image(image) => image.subject(),
            Self::Index(index) => index.subject(),
            Self::Artifact(artifact) => artifact.subject(),
        }
    }

    /// Reads its images, at least one.
    ///
    /// # Errors
    /// When one cannot be read, and when there is none.
    pub fn images(&self) -> Result<Vec<Image>, DocumentError> {
        match self {
            Self::Image(image) => Ok(vec![image.clone()]),
            Self::Index(index) => index.images(),
            Self::Artifact(artifact) => Err(not_an_image(artifact)),
        }
    }

    /// Reads the image for `platform`.
    ///
    /// # Errors
    /// When it cannot be read, and when there is none.
    pub fn image_for(&self, platform: &Platform) -> Result<Image, DocumentError> {
        let found = match self {
            Self::Image(image) => (image.platform() == *platform).then(|| image.clone()),
            Self::Index(index) => index.image_for(platform)?,
            Self::Artifact(artifact) => return Err(not_an_image(artifact)),
        };
        match found {
            Some(image) => Ok(image),
            None => Err(DocumentError::NoPlatform {
                wanted: platform.clone(),
                known: self.platforms()?,
            }),
        }
    }

    /// Reads the image for this machine, else the first.
    ///
    /// # Errors
    /// When it cannot be read, and when there is none.
    pub fn image_for_host(&self) -> Result<Image, DocumentError> {
        match self {
            Self::Image(image) => Ok(image.clone()),
            Self::Index(index) => index.image_for_host(),
            Self::Artifact(artifact) => Err(not_an_image(artifact)),
        }
    }

    /// The platforms that there are images for.
    ///
    /// # Errors
    /// When an image whose platform an index does not tell cannot be read.
    pub fn platforms(&self) -> Result<Vec<Platform>, DocumentError> {
        match self {
            Self::Image(image) => Ok(vec![image.platform()]),
            Self::Index(index) => index.platforms(),
            Self::Artifact(_) => Ok(Vec::new()),
        }
    }

    /// All blobs that a copy of it has, itself among them, by their digests: documents, layers, and
    /// whatever else an index refers to. Entries of an index that are not there stay so; layers that
    /// must not be passed on are left out.
    ///
    /// # Errors
    /// When a document that leads to others cannot be read, or a blob is missing.
    pub fn blobs(&self) -> Result<BTreeMap<Digest, DescribedBlob>, DocumentError> {
        let Contents {
            manifests,
            mut blobs,
        } = self.contents()?;
        blobs.extend(manifests.into_iter().map(|one| (one.digest(), one)));
        Ok(blobs)
    }

    /// As [`Manifest::blobs`], with the manifests apart and in the order in which they can be pushed.
    pub(crate) fn contents(&self) -> Result<Contents, DocumentError> {
        let mut contents = Contents::default();
        self.collect(&mut contents, 0)?;
        Ok(contents)
    }

    fn collect(&self, contents: &mut Contents, depth: usize) -> Result<(), DocumentError> {
        if let Self::Index(index) = self {
            return index.collect(contents, depth);
        }
        contents.add_manifest(self.document().blob());
        let mut add = |blob: DescribedBlob| {
            contents.blobs.insert(blob.digest(), blob);
        };
        match self {
            Self::Image(image) => {
                add(image.config_document().document.blob());
                image.layers().iter().map(Layer::blob).for_each(add);
            }
            Self::Artifact(artifact) => {
                add(artifact.config().clone());
                let passed_on =
                    |blob: &&DescribedBlob| !is_foreign_layer(blob.descriptor().media_type());
                let parts = artifact.blobs().iter().filter(passed_on);
                parts.cloned().for_each(add);
            }
            Self::Index(_) => {}
        }
        Ok(())
    }
}

fn not_an_image(artifact: &Artifact) -> DocumentError {
    let is_blamed = |blob: &&DescribedBlob| {
        is_config(artifact.config().descriptor().media_type())
            && !is_layer(blob.descriptor().media_type())
    };
    match artifact.blobs().iter().find(is_blamed) {
        Some(blob) => DocumentError::LayerMediaType(media_type_name(blob.descriptor())),
        None => {
            let name = artifact.artifact_type().as_ref().chars().take(120);
            DocumentError::NotAnImage(name.collect())
        }
    }
}

impl From<Image> for Manifest {
    fn from(image: Image) -> Self {
        Self::Image(image)
    }
}

impl From<ImageIndex> for Manifest {
    fn from(index: ImageIndex) -> Self {
        Self::Index(index)
    }
}

impl From<Artifact> for Manifest {
    fn from(artifact: Artifact) -> Self {
        Self::Artifact(artifact)
    }
}
