//! Public keys: `SubjectPublicKeyInfo` in PEM (RFC 5280, 4.1.2.7; RFC 5480; RFC 8410).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use distil_store::Digest;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use super::pem::Pem;
use super::{Algorithm, KeyError};

/// The algorithms' object identifiers.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Others, by their names for messages.
const OTHERS: [(&str, &str); 8] = [
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.3.101.113", "Ed448"),
    ("1.3.101.110", "X25519"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("1.3.132.0.34", "ECDSA P-384"),
    ("1.3.132.0.35", "ECDSA P-521"),
];

/// What a key of either kind begins with, as a `SubjectPublicKeyInfo` in DER.
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const ED_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The kind of key that an algorithm identifier names.
pub(super) fn algorithm(identifier: &AlgorithmIdentifierRef<'_>) -> Result<Algorithm, KeyError> {
    let curve = identifier
        .parameters
        .and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
    match (identifier.oid, curve) {
        (EC, Some(P256)) => Ok(Algorithm::EcdsaP256),
        (ED, _) => Ok(Algorithm::Ed25519),
        (EC, curve) => Err(KeyError::Algorithm {
            algorithm: match curve {
                Some(curve) => name(curve),
                None => "ECDSA on a curve of its own".to_owned(),
            },
        }),
        (other, _) => Err(KeyError::Algorithm {
            algorithm: name(other),
        }),
    }
}

fn name(oid: ObjectIdentifier) -> String {
    let oid = oid.to_string();
    let known = OTHERS.iter().find(|(known, _)| *known == oid);
    known.map_or_else(
        || format!("the algorithm {oid}"),
        |(_, name)| (*name).to_owned(),
    )
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    /// The point, as its algorithm writes it.
    point: Vec<u8>,
}

impl PublicKey {
    /// Reads a key in PEM.
    ///
    /// # Errors
    /// If it is no public key, or of a kind that is not used.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let pem = Pem::read(text)?;
        match pem.label.as_str() {
            "PUBLIC KEY" => Self::from_der(&pem.bytes),
            "PRIVATE KEY" => Err(KeyError::IsPrivate),
            _ if pem.is_encrypted() => Err(KeyError::IsPrivate),
            _ => Err(match pem.refusal() {
                KeyError::NotPkcs8 { .. } | KeyError::EncryptedPkcs8 => KeyError::IsPrivate,
                other => other,
            }),
        }
    }

    /// Reads a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// As [`PublicKey::from_pem`].
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let damaged = |problem| KeyError::Damaged { problem };
        let info = SubjectPublicKeyInfoRef::from_der(der)
            .map_err(|_| damaged("it is no `SubjectPublicKeyInfo`"))?;
        let algorithm = algorithm(&info.algorithm)?;
        let point = info.subject_public_key.as_bytes();
        let point = point.ok_or(damaged("its bits are no bytes"))?;
        Self::of_point(algorithm, point)
    }

    /// A key of its point.
    pub(super) fn of_point(algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyError> {
        let is_point = match algorithm {
            // Uncompressed (SEC 1, 2.3.3), as OpenSSL and Go write it.
            Algorithm::EcdsaP256 => point.len() == 65 && point.first() == Some(&4),
            Algorithm::Ed25519 => point.len() == 32,
        };
        match is_point {
            true => Ok(Self {
                algorithm,
                point: point.to_vec(),
            }),
            false => Err(KeyError::Damaged {
                problem: "its point has another length than points of its kind",
            }),
        }
    }

    /// Its kind.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `SubjectPublicKeyInfo` in DER.
    pub fn to_der(&self) -> Vec<u8> {
        let prefix: &[u8] = match self.algorithm {
            Algorithm::EcdsaP256 => &P256_PREFIX,
            Algorithm::Ed25519 => &ED_PREFIX,
        };
        [prefix, &self.point].concat()
    }

    /// The key in PEM.
    pub fn to_pem(&self) -> String {
        let text = BASE64_STANDARD.encode(self.to_der());
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            pem += line;
            pem.push('\n');
            rest = after;
        }
        pem + "-----END PUBLIC KEY-----\n"
    }

    /// The digest of the key in DER, by which people compare keys.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.to_der())
    }

    /// The same as cosign names keys in bundles: in base64.
    pub fn hint(&self) -> String {
        BASE64_STANDARD.encode(self.fingerprint().as_bytes())
    }

    /// Whether a signature is this key's, of this message.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let result = match self.algorithm {
            Algorithm::EcdsaP256 => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point);
                key.verify(message, signature)
            }
            Algorithm::Ed25519 => {
                UnparsedPublicKey::new(&ED25519, &self.point).verify(message, signature)
            }
        };
        result.is_ok()
    }
}
