//! Signing images in registries and layouts, and what is said of them.
//!
//! A signature is over digests alone: of what a name leads to, and of each image of an index, because
//! Podman and skopeo verify the image of their platform. What a key has signed already is not signed
//! again.

use distil_oci::reference::{RegistryReference, Repository};
use distil_oci::spec::Descriptor;
use distil_oci::transport;
use distil_oci::{InvalidImage, Location, Manifest, Registries, TransportError};
use distil_store::Digest;
use serde_json::{Value, json};

use crate::attach::{self, ATTESTATIONS, SIGNATURES, TagError, Tagged};
use crate::bundle::Bundle;
use crate::dsse::{self, Envelope};
use crate::key::{KeyError, PrivateKey};
use crate::simple_signing::Payload;
use crate::statement::{self, Statement};
use crate::verify::{self, Candidate, Form};

/// Why something was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key does not sign.
    #[error("failed to sign with the key")]
    Key(#[source] KeyError),
    /// The registry failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// What is under a tag cannot be added to.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// A manifest cannot be made.
    #[error(transparent)]
    Invalid(#[from] InvalidImage),
}

/// How signatures are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forms {
    /// As bundles in referrers: cosign 3.
    pub bundle: bool,
    /// Under tags: cosign up to version 2, skopeo, Podman.
    pub tag: bool,
}

/// Who signs, where.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The key.
    pub key: &'a PrivateKey,
    /// How registries are reached.
    pub registries: &'a Registries,
    /// The program that signs, with its version, as signatures name it.
    pub creator: &'a str,
    /// The forms to write.
    pub forms: Forms,
}

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The digest of the manifest.
    pub digest: Digest,
    /// Of which type the statement is.
    pub predicate_type: String,
    /// In which form.
    pub form: Form,
    /// Whether it was signed already.
    pub was_there: bool,
}

/// The manifests that a name leads to: itself, and the images of an index.
pub fn manifests(manifest: &Manifest) -> Vec<Descriptor> {
    let mut found = vec![manifest.descriptor()];
    if let Manifest::Index(index) = manifest {
        found.extend(index.image_entries().cloned());
    }
    found
}

impl Signer<'_> {
    /// Signs what a name in a registry or a layout leads to, and the images in it. Layouts have no
    /// tags of cosign's.
    ///
    /// # Errors
    /// If the registry does not give or take what is needed.
    pub fn sign(&self, manifest: &Manifest, place: &Location) -> Result<Vec<Signed>, SignError> {
        let mut signed = Vec::new();
        for descriptor in manifests(manifest) {
            if self.forms.bundle {
                let predicate = (statement::SIGNATURE, json!({}));
                signed.extend(self.state(place, &descriptor, predicate, true)?);
            }
            if let (true, Location::Registry(reference)) = (self.forms.tag, place) {
                signed.extend(self.sign_under_tag(reference, &descriptor)?);
            }
        }
        Ok(signed)
    }

    /// Signs a statement about a manifest, and attaches it, in the forms that were asked for.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn attest(
        &self,
        place: &Location,
        descriptor: &Descriptor,
        predicate_type: &str,
        predicate: Value,
    ) -> Result<Vec<Signed>, SignError> {
        let mut signed = Vec::new();
        if self.forms.bundle {
            let predicate = (predicate_type, predicate.clone());
            signed.extend(self.state(place, descriptor, predicate, false)?);
        }
        if let (true, Location::Registry(reference)) = (self.forms.tag, place) {
            let repository = reference.repository();
            let Some(digest) = digest(descriptor) else {
                return Ok(signed);
            };
            let found = Tagged::find(repository, digest, ATTESTATIONS, self.registries)?;
            let statement = Statement::new(digest, None, predicate_type, predicate);
            let payload = statement.to_bytes();
            let candidates = found.blobs.iter().map(Candidate::Envelope);
            let was_there = self.has(candidates, Some(repository), digest, &payload);
            if !was_there {
                let envelope = self.envelope(&payload)?;
                let bytes = json!(envelope).to_string().into_bytes();
                found.add(attach::envelope(bytes, predicate_type), self.registries)?;
            }
            signed.push(Signed {
                digest,
                predicate_type: predicate_type.to_owned(),
                form: Form::Tag,
                was_there,
            });
        }
        Ok(signed)
    }

    /// Attaches a bundle of a statement. Cosign's signatures name no repository, and are not
    /// about a place; one that `is_bound` names it, so that nobody uses it elsewhere unnoticed. One in
    /// a layout names none, since nobody knows where that goes.
    fn state(
        &self,
        place: &Location,
        descriptor: &Descriptor,
        (predicate_type, predicate): (&str, Value),
        is_bound: bool,
    ) -> Result<Option<Signed>, SignError> {
        let Some(digest) = digest(descriptor) else {
            return Ok(None);
        };
        let repository = match place {
            Location::Registry(reference) => Some(reference.repository()),
            _ => None,
        };
        let name = repository.filter(|_| is_bound).map(ToString::to_string);
        let statement = Statement::new(digest, name.as_deref(), predicate_type, predicate);
        let payload = statement.to_bytes();
        let attached = transport::attached(place, digest, self.registries)?;
        let artifacts = attached.iter().filter_map(|(_, found)| match found {
            Ok(Manifest::Artifact(artifact)) => Some(artifact),
            _ => None,
        });
        let bundles = artifacts
            .filter(|artifact| Bundle::is_bundle(artifact.artifact_type().as_ref()))
            .flat_map(|artifact| artifact.blobs());
        let was_there = self.has(bundles.map(Candidate::Bundle), repository, digest, &payload);
        if !was_there {
            let envelope = self.envelope(&payload)?;
            let bytes = Bundle::new(envelope).to_bytes(self.key.public());
            let artifact = attach::bundle(descriptor.clone(), bytes, predicate_type)?;
            attach::put(&artifact, place, self.registries)?;
        }
        Ok(Some(Signed {
            digest,
            predicate_type: predicate_type.to_owned(),
            form: Form::Referrer,
            was_there,
        }))
    }

    fn sign_under_tag(
        &self,
        reference: &RegistryReference,
        descriptor: &Descriptor,
    ) -> Result<Option<Signed>, SignError> {
        let repository = reference.repository();
        let Some(digest) = digest(descriptor) else {
            return Ok(None);
        };
        let found = Tagged::find(repository, digest, SIGNATURES, self.registries)?;
        // By its tag, since skopeo's and Podman's default is that the tag is the one that was
        // signed; a repository is what cosign and we compare.
        let name = match reference.tag() {
            Some(tag) => format!("{repository}:{tag}"),
            None => repository.to_string(),
        };
        let payload = Payload {
            digest,
            reference: name,
        };
        let payload = payload.to_bytes(self.creator);
        let candidates = found.blobs.iter().map(Candidate::Payload);
        let was_there = self.has(candidates, Some(repository), digest, &payload);
        if !was_there {
            let signature = self.key.sign(&payload).map_err(SignError::Key)?;
            let blob = attach::signed_payload(payload, &signature);
            found.add(blob, self.registries)?;
        }
        Ok(Some(Signed {
            digest,
            predicate_type: statement::SIGNATURE.to_owned(),
            form: Form::Tag,
            was_there,
        }))
    }

    fn envelope(&self, payload: &[u8]) -> Result<Envelope, SignError> {
        Envelope::sign(self.key, dsse::STATEMENT, payload).map_err(SignError::Key)
    }

    /// Whether one of these is the key's own signature of the very same payload.
    fn has<'a>(
        &self,
        candidates: impl Iterator<Item = Candidate<'a>>,
        repository: Option<&Repository>,
        digest: Digest,
        payload: &[u8],
    ) -> bool {
        let keys = [self.key.public().clone()];
        let policy = verify::Policy {
            keys: &keys,
            trust: None,
            identity: repository,
        };
        candidates
            .filter_map(|candidate| policy.verify(candidate, digest).ok())
            .any(|found| found.payload == payload)
    }
}

/// The digest of what a descriptor leads to, if it is one that is known.
fn digest(descriptor: &Descriptor) -> Option<Digest> {
    descriptor.digest().as_ref().parse().ok()
}
