//! What is attached to an image in a registry or a layout, in the forms that others look for.
//!
//! A referrer is an artifact whose subject is the image (OCI distribution specification 1.1, "Pushing
//! Manifests with Subject"); the registry lists it, or else the list is under a tag. BuildKit puts such
//! artifacts into the index that has the image. Cosign up to version 2 looks under tags that are made
//! of the image's digest.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use distil_oci::reference::{RegistryReference, Repository};
use distil_oci::spec::{Descriptor, MediaType};
use distil_oci::transport::{self, WriteOptions};
use distil_oci::{
    Artifact, DescribedBlob, DocumentError, ImageIndex, InvalidImage, Location, Manifest,
    Registries, TransportError, mutate,
};
use distil_store::Digest;
use serde_json::{Value, json};

use crate::bundle;
use crate::dsse;
use crate::simple_signing;
use crate::statement::Statement;

/// Annotations of a bundle's manifest, by which cosign 3 chooses among referrers.
const BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
pub(crate) const BUNDLE_PREDICATE: &str = "dev.sigstore.bundle.predicateType";

/// The media type of an envelope under cosign's tag.
pub(crate) const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

/// The annotation of such an envelope, of which type its statement is.
const PREDICATE: &str = "predicateType";

/// What ends the tags of signatures and of attestations.
pub(crate) const SIGNATURES: &str = "sig";
pub(crate) const ATTESTATIONS: &str = "att";

/// The artifact of a bundle, about an image.
///
/// # Errors
/// If its manifest cannot be made.
pub fn bundle(
    subject: Descriptor,
    bytes: Vec<u8>,
    predicate_type: &str,
) -> Result<Artifact, InvalidImage> {
    let annotations = [
        (BUNDLE_CONTENT, "dsse-envelope"),
        (BUNDLE_PREDICATE, predicate_type),
    ];
    let annotations = annotations.map(|(key, value)| (key.to_owned(), value.to_owned()));
    document(subject, bundle::MEDIA_TYPE, bytes, annotations.into())
}

/// The artifact of a document, such as a bill of materials, about an image.
///
/// # Errors
/// If its manifest cannot be made.
pub fn document(
    subject: Descriptor,
    media_type: &str,
    bytes: Vec<u8>,
    annotations: BTreeMap<String, String>,
) -> Result<Artifact, InvalidImage> {
    let media_type = MediaType::from(media_type);
    let blob = DescribedBlob::of_bytes(media_type.clone(), bytes);
    Artifact::new(media_type, vec![blob], Some(plain(subject)), annotations)
}

/// The annotation by which others choose among statements.
pub(crate) const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

/// The type of what BuildKit puts into an index (BuildKit 0.32).
const ATTESTATION_MANIFEST: &str = "application/vnd.docker.attestation.manifest.v1+json";

/// A document about an image, as a referrer: a bill of materials has a media type of its own, and what
/// is always part of a statement has the statement's.
///
/// # Errors
/// If its manifest cannot be made.
pub fn said(
    subject: Descriptor,
    digest: Digest,
    (predicate_type, predicate): (&str, &Value),
    media_type: Option<&str>,
) -> Result<Artifact, InvalidImage> {
    let annotations = BTreeMap::from([(PREDICATE_TYPE.to_owned(), predicate_type.to_owned())]);
    let (media_type, bytes) = match media_type {
        Some(media_type) => (media_type, predicate.to_string().into_bytes()),
        None => {
            let statement = Statement::new(digest, None, predicate_type, predicate.clone());
            (dsse::STATEMENT, statement.to_bytes())
        }
    };
    document(subject, media_type, bytes, annotations)
}

/// An index with statements about one of its images in it, as BuildKit writes them (BuildKit,
/// `docs/attestations/attestation-storage.md`, and `subject` and `artifactType` since version 0.32).
///
/// # Errors
/// If the index has too many entries.
pub fn within<'a>(
    index: &ImageIndex,
    subject: Descriptor,
    digest: Digest,
    documents: impl IntoIterator<Item = (&'a str, &'a Value)>,
) -> Result<ImageIndex, DocumentError> {
    let blob = |(predicate_type, predicate): (&str, &Value)| {
        let statement = Statement::new(digest, None, predicate_type, predicate.clone());
        DescribedBlob::of_bytes(MediaType::from(dsse::STATEMENT), statement.to_bytes())
            .with_annotations([(PREDICATE_TYPE.to_owned(), predicate_type.to_owned())])
    };
    let artifact = Artifact::new(
        MediaType::from(ATTESTATION_MANIFEST),
        documents.into_iter().map(blob).collect(),
        Some(plain(subject)),
        BTreeMap::new(),
    );
    mutate::append_attestation(index, artifact.map_err(DocumentError::Image)?)
}

/// A descriptor as a subject: what it is, and nothing that is only said of it where it is listed.
fn plain(descriptor: Descriptor) -> Descriptor {
    Descriptor::new(
        descriptor.media_type().clone(),
        descriptor.size(),
        descriptor.digest().clone(),
    )
}

/// Puts an artifact to what it is about, by its digest: into a repository or a layout.
///
/// # Errors
/// If the registry does not take it, or the layout cannot be written.
pub fn put(
    artifact: &Artifact,
    place: &Location,
    registries: &Registries,
) -> Result<(), TransportError> {
    let location = match place {
        Location::Registry(reference) => {
            let repository = reference.repository().clone();
            Location::Registry(RegistryReference::of_digest(repository, artifact.digest()))
        }
        Location::Oci { path, .. } => Location::Oci {
            path: path.clone(),
            tag: None,
        },
        other => other.clone(),
    };
    let manifest = Manifest::Artifact(artifact.clone());
    transport::write(&manifest, &location, &WriteOptions::new(registries))
}

/// Whether something can be attached at a place: in a registry or a layout. Of archives, engines read
/// those alone that have one entry.
pub fn is_possible_at(place: &Location) -> bool {
    matches!(place, Location::Registry(_) | Location::Oci { .. })
}

/// One of cosign's tags of an image, and what is under it.
pub(crate) struct Tagged {
    location: Location,
    /// The blobs under it.
    pub(crate) blobs: Vec<DescribedBlob>,
}

/// Why a tag of cosign's cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TagError {
    /// The registry failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Something else has the tag.
    #[error("`{location}` is an image, and no list of signatures")]
    Image {
        /// The tag.
        location: Location,
    },
    /// Its manifest cannot be made.
    #[error(transparent)]
    Invalid(#[from] InvalidImage),
}

impl Tagged {
    /// What is under the tag of an image; nothing if it is not there.
    pub(crate) fn find(
        repository: &Repository,
        digest: Digest,
        suffix: &str,
        registries: &Registries,
    ) -> Result<Self, TagError> {
        let tag = simple_signing::tag(digest, suffix);
        let location = Location::Registry(RegistryReference::of_tag(repository.clone(), tag));
        let blobs = match transport::open(&location, registries) {
            Ok(opened) => match opened.artifact() {
                Some(artifact) => artifact.blobs().to_vec(),
                None => return Err(TagError::Image { location }),
            },
            Err(error) if error.is_missing() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { location, blobs })
    }

    /// Adds a blob to those under the tag. Two that do so at once may lose one of the two: the
    /// form has no way around that.
    pub(crate) fn add(
        mut self,
        blob: DescribedBlob,
        registries: &Registries,
    ) -> Result<(), TagError> {
        self.blobs.push(blob);
        // What older readers want: a configuration that looks like an image's.
        let layers: Vec<String> = self
            .blobs
            .iter()
            .map(|one| one.digest().to_string())
            .collect();
        let config = json!({
            "architecture": "",
            "os": "",
            "config": {},
            "history": vec![json!({}); layers.len()],
            "rootfs": {"type": "layers", "diff_ids": layers},
        });
        let config = config.to_string().into_bytes();
        let config = DescribedBlob::of_bytes(MediaType::ImageConfig, config);
        let artifact = Artifact::of_config(config, self.blobs, BTreeMap::new())?;
        let manifest = Manifest::Artifact(artifact);
        let options = WriteOptions::new(registries);
        Ok(transport::write(&manifest, &self.location, &options)?)
    }
}

/// A signature of a payload, as it is under cosign's tag.
pub(crate) fn signed_payload(payload: Vec<u8>, signature: &[u8]) -> DescribedBlob {
    let media_type = MediaType::from(simple_signing::MEDIA_TYPE);
    let signature = BASE64_STANDARD.encode(signature);
    DescribedBlob::of_bytes(media_type, payload)
        .with_annotations([(simple_signing::SIGNATURE.to_owned(), signature)])
}

/// An envelope, as it is under cosign's tag.
pub(crate) fn envelope(bytes: Vec<u8>, predicate_type: &str) -> DescribedBlob {
    // Cosign looks for the annotation of signatures there, too, and wants it empty.
    DescribedBlob::of_bytes(MediaType::from(ENVELOPE), bytes).with_annotations([
        (simple_signing::SIGNATURE.to_owned(), String::new()),
        (PREDICATE.to_owned(), predicate_type.to_owned()),
    ])
}
