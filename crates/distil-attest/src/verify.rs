//! Verifying what is signed of an image: by which key or identity, of which digest, under which name.
//!
//! Nothing counts that is not verified: what cannot be read, is of another digest, names another
//! repository or is by another signatory is told as rejected, and an image without a signature of its own
//! is an error.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use distil_oci::reference::{Reference, Repository};
use distil_oci::transport;
use distil_oci::{DescribedBlob, Location, Manifest, Registries, TransportError};
use distil_store::Digest;
use serde_json::Value;

use crate::attach::{ATTESTATIONS, ENVELOPE, SIGNATURES, TagError, Tagged};
use crate::bundle::{Bundle, BundleError, MAX_BUNDLE};
use crate::dsse::{self, Envelope, EnvelopeError};
use crate::key::PublicKey;
use crate::keyless::{Identity, Signed, Trust, annotations};
use crate::simple_signing::{self, MAX_PAYLOAD, Payload};
use crate::statement::{self, Statement};

/// The most signatures of an image that are looked at.
const MAX_CANDIDATES: usize = 256;

/// Where a signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// In a bundle that is a referrer.
    Referrer,
    /// Under a tag of cosign's.
    Tag,
}

/// Which signatures count.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The keys; one of them is enough.
    pub keys: &'a [PublicKey],
    /// Whose certificates count as well. Without, no signature by a certificate does.
    pub trust: Option<&'a Trust>,
    /// The repository that signatures must name, if they name one. Without, only those count that
    /// name none.
    pub identity: Option<&'a Repository>,
}

/// Something that claims to be signed of an image.
#[derive(Debug, Clone, Copy)]
pub enum Candidate<'a> {
    /// A Sigstore bundle.
    Bundle(&'a DescribedBlob),
    /// An envelope under a tag.
    Envelope(&'a DescribedBlob),
    /// A payload under a tag, whose signature is an annotation.
    Payload(&'a DescribedBlob),
}

/// Who has signed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signatory {
    /// The key of the policy with this number.
    Key(usize),
    /// The holder of a certificate.
    Certified(Identity),
}

/// What is signed by a signatory of the policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// Where it is.
    pub form: Form,
    /// The digest of what has the signature.
    pub blob: Digest,
    /// Of which type the statement is; [`statement::SIGNATURE`] for a signature of the image.
    pub predicate_type: String,
    /// Who has signed it.
    pub by: Signatory,
    /// The name that was signed; none if it names none.
    pub name: Option<String>,
    /// What was signed, byte by byte.
    pub payload: Vec<u8>,
}

impl Verified {
    /// Whether it is a signature of the image, and not something that is said of it.
    pub fn is_signature(&self) -> bool {
        self.predicate_type == statement::SIGNATURE
    }
}

/// Why something does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// It cannot be read from the registry.
    #[error("it cannot be read: {problem}")]
    Unreadable {
        /// Why.
        problem: String,
    },
    /// It is no bundle that can be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// It is no envelope by one of the keys.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// No key has made the signature.
    #[error("it is signed by none of the keys")]
    Key,
    /// It is signed by a key, and the policy has none.
    #[error("it is signed by a key, and no key is given")]
    NoKey,
    /// There is no signature where one should be.
    #[error("it has no signature")]
    Unsigned,
    /// What is signed is of no known format.
    #[error("what it signs is {what}")]
    Payload {
        /// What that is.
        what: &'static str,
    },
    /// It is about another digest.
    #[error("it is about another image: it names another digest")]
    OtherDigest,
    /// It is about an image of that name elsewhere.
    #[error("it was made for `{name}`")]
    OtherName {
        /// The name.
        name: String,
    },
}

/// Something that does not count, and why.
#[derive(Debug)]
pub struct Rejected {
    /// Where it is.
    pub form: Form,
    /// Its digest, if it has one.
    pub blob: Option<Digest>,
    /// Why.
    pub why: Rejection,
}

/// What is signed of a manifest.
#[derive(Debug)]
pub struct Verification {
    /// The manifest.
    pub digest: Digest,
    /// What counts.
    pub verified: Vec<Verified>,
    /// What does not.
    pub rejected: Vec<Rejected>,
}

/// Why an image does not count as signed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The registry failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A tag of cosign's cannot be used.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// There are more signatures than are looked at.
    #[error("`{digest}` has more than {limit} signatures and attestations")]
    TooMany {
        /// The manifest.
        digest: Digest,
        /// How many are looked at.
        limit: usize,
    },
    /// No signature counts.
    #[error("`{digest}` in `{place}` has no signature by {}{}", by_whom(*keys, name.as_deref()), listed(rejected))]
    Unsigned {
        /// The manifest.
        digest: Digest,
        /// Where it is: a repository or a layout.
        place: String,
        /// By how many keys it could have been signed.
        keys: usize,
        /// By whose certificate it could have been signed: a name or a pattern.
        name: Option<String>,
        /// What does not count.
        rejected: Vec<Rejected>,
    },
}

fn by_whom(keys: usize, name: Option<&str>) -> String {
    let keys = match keys {
        0 => None,
        1 => Some("the key".to_owned()),
        count => Some(format!("one of the {count} keys")),
    };
    let name = name.map(|name| format!("`{name}`"));
    let all: Vec<String> = keys.into_iter().chain(name).collect();
    match all.is_empty() {
        true => "anyone who is trusted".to_owned(),
        false => all.join(" or "),
    }
}

/// The first of what does not count, for a message.
fn listed(rejected: &[Rejected]) -> String {
    const SHOWN: usize = 8;
    let mut text = String::new();
    for one in rejected.iter().take(SHOWN) {
        let form = match one.form {
            Form::Referrer => "referrer",
            Form::Tag => "tag",
        };
        let blob = one.blob.map(|digest| format!(" {digest}"));
        text += &format!("\n  {form}{}: {}", blob.unwrap_or_default(), one.why);
    }
    if rejected.len() > SHOWN {
        text += &format!("\n  and {} more", rejected.len() - SHOWN);
    }
    text
}

/// Verifies a manifest in a registry or a layout.
///
/// # Errors
/// If no signature of it counts, or the registry does not say.
pub fn verify(
    place: &Location,
    digest: Digest,
    policy: Policy<'_>,
    registries: &Registries,
) -> Result<Verification, VerifyError> {
    let found = statements(place, digest, policy, registries)?;
    match found.verified.iter().any(Verified::is_signature) {
        true => Ok(found),
        false => Err(VerifyError::Unsigned {
            digest,
            place: match place {
                Location::Registry(reference) => reference.repository().to_string(),
                other => other.to_string(),
            },
            keys: policy.keys.len(),
            name: policy.trust.map(|trust| trust.name.to_string()),
            rejected: found.rejected,
        }),
    }
}

/// What signatories say of a manifest, whether or not one of them has signed it: what is said of the image of
/// a platform is, where its index has the signature.
///
/// # Errors
/// If the registry does not say.
pub fn statements(
    place: &Location,
    digest: Digest,
    policy: Policy<'_>,
    registries: &Registries,
) -> Result<Verification, VerifyError> {
    let mut found = Found::default();
    for (descriptor, manifest) in transport::attached(place, digest, registries)? {
        let listed = descriptor.digest().as_ref().parse().ok();
        match manifest {
            Ok(Manifest::Artifact(artifact))
                if Bundle::is_bundle(artifact.artifact_type().as_ref()) =>
            {
                for blob in artifact.blobs() {
                    found.look(policy, Candidate::Bundle(blob), digest);
                }
            }
            Ok(_) => {}
            Err(error) => found.rejected.push(Rejected {
                form: Form::Referrer,
                blob: listed,
                why: Rejection::Unreadable {
                    problem: error.problem().to_string(),
                },
            }),
        }
        found.check(digest)?;
    }
    if let Location::Registry(reference) = place {
        let repository = reference.repository();
        let signatures = Tagged::find(repository, digest, SIGNATURES, registries)?;
        for blob in &signatures.blobs {
            found.look(policy, Candidate::Payload(blob), digest);
            found.check(digest)?;
        }
        let attestations = Tagged::find(repository, digest, ATTESTATIONS, registries)?;
        for blob in &attestations.blobs {
            found.look(policy, Candidate::Envelope(blob), digest);
            found.check(digest)?;
        }
    }
    let Found { verified, rejected } = found;
    Ok(Verification {
        digest,
        verified,
        rejected,
    })
}

#[derive(Default)]
struct Found {
    verified: Vec<Verified>,
    rejected: Vec<Rejected>,
}

impl Found {
    fn look(&mut self, policy: Policy<'_>, candidate: Candidate<'_>, digest: Digest) {
        match policy.verify(candidate, digest) {
            Ok(verified) => self.verified.push(verified),
            Err(why) => self.rejected.push(Rejected {
                form: candidate.form(),
                blob: Some(candidate.blob().digest()),
                why,
            }),
        }
    }

    fn check(&self, digest: Digest) -> Result<(), VerifyError> {
        match self.verified.len() + self.rejected.len() > MAX_CANDIDATES {
            true => Err(VerifyError::TooMany {
                digest,
                limit: MAX_CANDIDATES,
            }),
            false => Ok(()),
        }
    }
}

impl<'a> Candidate<'a> {
    fn form(self) -> Form {
        match self {
            Self::Bundle(_) => Form::Referrer,
            Self::Envelope(_) | Self::Payload(_) => Form::Tag,
        }
    }

    fn blob(self) -> &'a DescribedBlob {
        match self {
            Self::Bundle(blob) | Self::Envelope(blob) | Self::Payload(blob) => blob,
        }
    }

    /// The bytes, which are what their digest says.
    fn bytes(self) -> Result<Vec<u8>, Rejection> {
        let limit = match self {
            Self::Payload(_) => MAX_PAYLOAD,
            Self::Bundle(_) | Self::Envelope(_) => MAX_BUNDLE,
        };
        let bytes = self.blob().read(limit);
        bytes.map_err(|error| Rejection::Unreadable {
            problem: error.to_string(),
        })
    }
}

impl Policy<'_> {
    /// Whether a candidate counts for a manifest.
    ///
    /// # Errors
    /// If it does not.
    pub fn verify(&self, candidate: Candidate<'_>, digest: Digest) -> Result<Verified, Rejection> {
        match candidate {
            Candidate::Payload(blob) => self.payload(candidate, blob, digest),
            Candidate::Bundle(blob) => {
                let bundle = Bundle::parse(&candidate.bytes()?)?;
                let (by, payload) = match self.trust.filter(|_| bundle.is_certified()) {
                    Some(trust) => {
                        let (identity, payload) = bundle.verify_keyless(trust)?;
                        (Signatory::Certified(identity), payload)
                    }
                    None => self.signer(bundle.envelope()?)?,
                };
                let kind = bundle.payload_type();
                self.statement(by, kind, payload, candidate.form(), blob, digest)
            }
            Candidate::Envelope(blob) => {
                if blob.descriptor().media_type().as_ref() != ENVELOPE {
                    let what = "of another media type than envelopes";
                    return Err(Rejection::Payload { what });
                }
                let envelope: Envelope =
                    serde_json::from_slice(&candidate.bytes()?).map_err(|_| {
                        let what = "no envelope of DSSE";
                        Rejection::Payload { what }
                    })?;
                let (by, payload) = match self.certified(blob)? {
                    Some((trust, material)) => {
                        let (identity, payload) = envelope
                            .verify_keyless(trust, &material, false)
                            .map_err(BundleError::from)?;
                        (Signatory::Certified(identity), payload)
                    }
                    None => self.signer(&envelope)?,
                };
                let kind = envelope.payload_type();
                self.statement(by, kind, payload, candidate.form(), blob, digest)
            }
        }
    }

    /// What is signed in an envelope, if it is a statement about the manifest.
    fn statement(
        &self,
        by: Signatory,
        payload_type: &str,
        payload: Vec<u8>,
        form: Form,
        blob: &DescribedBlob,
        digest: Digest,
    ) -> Result<Verified, Rejection> {
        // The type is signed, too: what is no statement must not be taken for one.
        if payload_type != dsse::STATEMENT {
            let what = "no in-toto statement";
            return Err(Rejection::Payload { what });
        }
        let statement = Statement::parse(&payload).ok_or(Rejection::Payload {
            what: "no in-toto statement of a known version",
        })?;
        let name = statement.name_of(digest).ok_or(Rejection::OtherDigest)?;
        // Others put names of their own into statements that are no signatures.
        let is_signature = statement.predicate_type() == statement::SIGNATURE;
        let name = (is_signature && !name.is_empty()).then(|| name.to_owned());
        Ok(Verified {
            form,
            blob: blob.digest(),
            predicate_type: statement.predicate_type().to_owned(),
            by,
            name: self.named(name)?,
            payload,
        })
    }

    /// The key that has signed an envelope, and the payload.
    fn signer(&self, envelope: &Envelope) -> Result<(Signatory, Vec<u8>), Rejection> {
        let mut last = Rejection::Key;
        for (number, key) in self.keys.iter().enumerate() {
            match envelope.verify(key) {
                Ok(payload) => return Ok((Signatory::Key(number), payload)),
                Err(error) => last = error.into(),
            }
        }
        Err(match self.keys.len() {
            0 => Rejection::NoKey,
            1 => last,
            _ => Rejection::Key,
        })
    }

    fn payload(
        &self,
        candidate: Candidate<'_>,
        blob: &DescribedBlob,
        digest: Digest,
    ) -> Result<Verified, Rejection> {
        let descriptor = blob.descriptor();
        if descriptor.media_type().as_ref() != simple_signing::MEDIA_TYPE {
            let what = "of another media type than signatures";
            return Err(Rejection::Payload { what });
        }
        let annotations = descriptor.annotations().as_ref();
        let signature = annotations.and_then(|all| all.get(simple_signing::SIGNATURE));
        let signature = signature.ok_or(Rejection::Unsigned)?;
        let signature = BASE64_STANDARD
            .decode(signature)
            .map_err(|_| Rejection::Unsigned)?;
        let certified = self.certified(blob)?;
        let bytes = candidate.bytes()?;
        let by = match certified {
            Some((trust, material)) => {
                let signed = Signed {
                    message: &bytes,
                    signature: &signature,
                    payload: &bytes,
                };
                let identity = trust.verify(&material, false, signed);
                Signatory::Certified(identity.map_err(BundleError::from)?)
            }
            None if self.keys.is_empty() => return Err(Rejection::NoKey),
            None => {
                let mut keys = self.keys.iter();
                let key = keys.position(|key| key.verify(&bytes, &signature));
                Signatory::Key(key.ok_or(Rejection::Key)?)
            }
        };
        let what = "no signature of an image";
        let payload = Payload::parse(&bytes).ok_or(Rejection::Payload { what })?;
        if payload.digest != digest {
            return Err(Rejection::OtherDigest);
        }
        Ok(Verified {
            form: candidate.form(),
            blob: blob.digest(),
            predicate_type: statement::SIGNATURE.to_owned(),
            by,
            name: self.named(Some(payload.reference))?,
            payload: bytes,
        })
    }

    /// Who is trusted and what verifies a blob under a tag, if a certificate has signed it.
    fn certified(&self, blob: &DescribedBlob) -> Result<Option<(&Trust, Value)>, BundleError> {
        let annotations = blob.descriptor().annotations().as_ref();
        let is_certified = |all: &&HashMap<_, _>| all.contains_key(annotations::CERTIFICATE);
        let Some(annotations) = annotations.filter(is_certified) else {
            return Ok(None);
        };
        let trust = self.trust.ok_or(BundleError::Keyless)?;
        Ok(Some((trust, annotations::material(annotations)?)))
    }

    /// The name that was signed, if it is that of the policy's repository.
    fn named(&self, name: Option<String>) -> Result<Option<String>, Rejection> {
        let Some(name) = name else { return Ok(None) };
        let reference = name.parse::<Reference>();
        let is_meant = |reference: Reference| self.identity == Some(reference.repository());
        match reference.is_ok_and(is_meant) {
            true => Ok(Some(name)),
            false => Err(Rejection::OtherName {
                name: name.chars().take(200).collect(),
            }),
        }
    }
}
