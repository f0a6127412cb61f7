//! Sigstore bundles, version 0.3, and of those signed by a certificate also 0.1 and 0.2: a signed
//! envelope with what it takes to verify it (sigstore/protobuf-specs, `sigstore_bundle.proto`). Cosign 3
//! attaches them to images as referrers.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::dsse::Envelope;
use crate::key::PublicKey;
use crate::keyless::{Identity, KeylessError, Trust};

/// The media type of bundles.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What all bundles' media types begin with.
const FAMILY: &str = "application/vnd.dev.sigstore.bundle";

/// The media types of versions before, and of the first form of 0.3. The first one needs no proof of
/// inclusion in a log.
const OLDER: [&str; 3] = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
];

/// The largest bundle that is read: the bill of materials of a large image is in one.
pub const MAX_BUNDLE: u64 = 64 << 20;

/// A bundle of an envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    envelope: Envelope,
    material: Material,
}

/// How a bundle is to be verified.
#[derive(Debug, Clone, PartialEq)]
enum Material {
    /// By a key that the verifier has.
    Key,
    /// By a certificate that a service has made for an identity.
    Certificate {
        /// What the bundle has for it.
        material: Value,
        /// Whether its version needs proofs that a log has the signature.
        proof: bool,
    },
}

/// Why a bundle cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It is no JSON of a bundle.
    #[error("it is no Sigstore bundle: {problem}")]
    Json {
        /// Why.
        problem: String,
    },
    /// It is of another version.
    #[error("it is a bundle of the type `{media_type}`; version 0.3 can be read")]
    Version {
        /// Its type.
        media_type: String,
    },
    /// It signs a file by its digest, and makes no statement.
    #[error("it has a signature of a file, and no signed statement about an image")]
    MessageSignature,
    /// It does not say how it is verified.
    #[error("it has neither a key nor a certificate to be verified by")]
    NoMaterial,
    /// It is verified by a certificate.
    #[error("it is signed by a certificate (keyless), and there is no trust root to verify it by")]
    Keyless,
    /// It is signed by a certificate that does not count.
    #[error(transparent)]
    Certificate(#[from] KeylessError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: String,
    verification_material: Value,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<Value>,
}

impl Bundle {
    /// A bundle of an envelope that a key has signed.
    pub fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            material: Material::Key,
        }
    }

    /// Whether a media type is that of a bundle, of any version.
    pub fn is_bundle(media_type: &str) -> bool {
        media_type.starts_with(FAMILY)
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// If it is none, or none with a signed statement.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| BundleError::Json {
                problem: error.to_string(),
            })?;
        let has = |key: &str| document.verification_material.get(key).is_some();
        let is_certified = has("certificate") || has("x509CertificateChain");
        let is_older = is_certified && OLDER.contains(&document.media_type.as_str());
        if document.media_type != MEDIA_TYPE && !is_older {
            let media_type = document.media_type.chars().take(100).collect();
            return Err(BundleError::Version { media_type });
        }
        let Some(envelope) = document.dsse_envelope else {
            return Err(match document.message_signature {
                Some(_) => BundleError::MessageSignature,
                None => BundleError::Json {
                    problem: "it has no envelope".to_owned(),
                },
            });
        };
        let forms = ["publicKey", "certificate", "x509CertificateChain"];
        let material = match forms.map(has) {
            [true, false, false] => Material::Key,
            [false, true, false] | [false, false, true] => Material::Certificate {
                material: document.verification_material,
                proof: document.media_type != OLDER[0],
            },
            _ => return Err(BundleError::NoMaterial),
        };
        Ok(Self { envelope, material })
    }

    /// The bundle as it is written: JSON with sorted keys.
    pub fn to_bytes(&self, key: &PublicKey) -> Vec<u8> {
        let document = json!({
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": key.hint()}},
            "dsseEnvelope": self.envelope,
        });
        document.to_string().into_bytes()
    }

    /// Whether a certificate is what it is verified by.
    pub fn is_certified(&self) -> bool {
        matches!(self.material, Material::Certificate { .. })
    }

    /// The envelope, if a key is what it is verified by.
    ///
    /// # Errors
    /// If it is a certificate.
    pub fn envelope(&self) -> Result<&Envelope, BundleError> {
        match self.material {
            Material::Key => Ok(&self.envelope),
            Material::Certificate { .. } => Err(BundleError::Keyless),
        }
    }

    /// Who has signed the envelope by a certificate, and its payload.
    ///
    /// # Errors
    /// If it is signed in another way, or the certificate, its signature or its entry in a log is not
    /// what the trust asks for.
    pub fn verify_keyless(&self, trust: &Trust) -> Result<(Identity, Vec<u8>), BundleError> {
        let Material::Certificate { material, proof } = &self.material else {
            return Err(BundleError::NoMaterial);
        };
        Ok(self.envelope.verify_keyless(trust, material, *proof)?)
    }

    /// The type of the payload, which nobody has verified.
    pub fn payload_type(&self) -> &str {
        self.envelope.payload_type()
    }
}
