//! Public keys (RFC 9580, section 5.5.2).

use ring::digest;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::algorithm::{HashAlgorithm, KeyAlgorithm};
use super::fingerprint::Fingerprint;
use super::octets::{self, Octets};

/// A primary key or a subkey, by its packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    pub(super) version: u8,
    /// When it was made, in Unix seconds.
    pub(super) created: u32,
    pub(super) algorithm: KeyAlgorithm,
    pub(super) material: Material,
    pub(super) fingerprint: Fingerprint,
    /// What signatures on the key, and fingerprints, are over (section 5.2.4).
    pub(super) hashed: Vec<u8>,
}

/// The numbers that a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Material {
    Rsa {
        /// Without zeros in front, as the exponent.
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// A point on the curve, uncompressed (section 11.2.1).
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519([u8; 32]),
    /// Of an algorithm or a curve that is not verified.
    Unsupported,
}

/// A signature's own numbers (section 5.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Values {
    Rsa(Vec<u8>),
    /// Two numbers without zeros in front: ECDSA's, or those of the older way to write EdDSA.
    Pair(Vec<u8>, Vec<u8>),
    Ed25519([u8; 64]),
    /// Of an algorithm that is not verified.
    Unsupported,
}

impl PublicKey {
    /// Reads the body of a packet. `None` if it is none of version 4 or 6 (older ones are not safe,
    /// section 5.5.2.1), or damaged.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut octets = Octets::new(body);
        let version = octets.u8()?;
        let created = octets.u32()?;
        let algorithm = KeyAlgorithm::of(octets.u8()?);
        let mut hashed;
        match version {
            4 => {
                hashed = vec![0x99];
                hashed.extend(u16::try_from(body.len()).ok()?.to_be_bytes());
            }
            6 => {
                let length = usize::try_from(octets.u32()?).ok()?;
                octets = Octets::new(octets.take(length).filter(|_| octets.is_empty())?);
                hashed = vec![0x9B];
                hashed.extend(u32::try_from(body.len()).ok()?.to_be_bytes());
            }
            _ => return None,
        }
        hashed.extend(body);
        let fingerprint = match version {
            // The RFC's choice (section 5.5.4): it names a key, and proves nothing.
            4 => digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &hashed),
            _ => digest::digest(&digest::SHA256, &hashed),
        };
        Some(Self {
            version,
            created,
            algorithm,
            material: material(algorithm, &mut octets)?,
            fingerprint: Fingerprint::new(fingerprint.as_ref()),
            hashed,
        })
    }

    /// The key ID, which older signatures name their maker by (section 5.5.4).
    pub(super) fn id(&self) -> &[u8] {
        let bytes = self.fingerprint.as_bytes();
        let id = match self.version {
            4 => bytes.get(bytes.len() - 8..),
            _ => bytes.get(..8),
        };
        id.unwrap_or_default()
    }

    /// Whether the values are this key's signature on a message with this hash.
    pub(super) fn verifies(&self, hash: HashAlgorithm, message: &[u8], values: &Values) -> bool {
        match (&self.material, values) {
            (Material::Rsa { modulus, exponent }, Values::Rsa(signature)) => {
                let Some(parameters) = rsa(hash) else {
                    return false;
                };
                // PKCS #1 wants as many bytes as the modulus has.
                let key = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                padded(signature, modulus.len())
                    .is_some_and(|signature| key.verify(parameters, message, &signature).is_ok())
            }
            (Material::P256(point), Values::Pair(r, s)) => {
                hash == HashAlgorithm::SHA256
                    && verifies(&ECDSA_P256_SHA256_FIXED, point, message, (r, s), 32)
            }
            (Material::P384(point), Values::Pair(r, s)) => {
                hash == HashAlgorithm::SHA384
                    && verifies(&ECDSA_P384_SHA384_FIXED, point, message, (r, s), 48)
            }
            // What is signed is the hash (section 5.2.3.3).
            (Material::Ed25519(key), values) => {
                let Some(algorithm) = hash.digest() else {
                    return false;
                };
                let hash = digest::digest(algorithm, message);
                match (self.algorithm, values) {
                    (KeyAlgorithm::EDDSA_LEGACY, Values::Pair(r, s)) => {
                        verifies(&ED25519, key, hash.as_ref(), (r, s), 32)
                    }
                    (KeyAlgorithm::ED25519, Values::Ed25519(signature)) => {
                        let key = UnparsedPublicKey::new(&ED25519, key);
                        key.verify(hash.as_ref(), signature).is_ok()
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

impl Values {
    /// Reads what a signature by a key of this algorithm ends with.
    pub(super) fn parse(algorithm: KeyAlgorithm, octets: &mut Octets<'_>) -> Option<Self> {
        let values = match algorithm {
            _ if algorithm.is_rsa() => Self::Rsa(octets.integer()?.to_vec()),
            KeyAlgorithm::ECDSA | KeyAlgorithm::EDDSA_LEGACY => {
                let first = octets.integer()?.to_vec();
                Self::Pair(first, octets.integer()?.to_vec())
            }
            KeyAlgorithm::ED25519 => Self::Ed25519(octets.array()?),
            _ => {
                octets.rest();
                Self::Unsupported
            }
        };
        octets.is_empty().then_some(values)
    }
}

/// The object identifiers of curves (section 9.2).
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2B, 0x81, 0x04, 0x00, 0x22];
const ED25519_LEGACY: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0xDA, 0x47, 0x0F, 0x01];

fn material(algorithm: KeyAlgorithm, octets: &mut Octets<'_>) -> Option<Material> {
    let material = match algorithm {
        _ if algorithm.is_rsa() => Material::Rsa {
            modulus: octets.integer()?.to_vec(),
            exponent: octets.integer()?.to_vec(),
        },
        KeyAlgorithm::ED25519 => Material::Ed25519(octets.array()?),
        KeyAlgorithm::ECDSA | KeyAlgorithm::EDDSA_LEGACY => {
            let length = octets.u8()?;
            let curve = octets.take(length.into())?;
            let point = octets.integer()?;
            match (algorithm, curve) {
                (KeyAlgorithm::ECDSA, P256) => Material::P256(point.to_vec()),
                (KeyAlgorithm::ECDSA, P384) => Material::P384(point.to_vec()),
                // A byte says that the point is written as Ed25519 does (section 5.5.5.5).
                (KeyAlgorithm::EDDSA_LEGACY, ED25519_LEGACY) => {
                    Material::Ed25519(point.strip_prefix(&[0x40])?.try_into().ok()?)
                }
                _ => Material::Unsupported,
            }
        }
        _ => {
            octets.rest();
            Material::Unsupported
        }
    };
    octets.is_empty().then_some(material)
}

/// RSA with PKCS #1 v1.5 (section 5.2.3.1).
fn rsa(hash: HashAlgorithm) -> Option<&'static RsaParameters> {
    match hash {
        HashAlgorithm::SHA256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        HashAlgorithm::SHA384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        HashAlgorithm::SHA512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}

/// Whether two numbers, each padded to `size` bytes, are a signature.
fn verifies(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    (first, second): (&[u8], &[u8]),
    size: usize,
) -> bool {
    let (Some(mut signature), Some(second)) = (padded(first, size), padded(second, size)) else {
        return false;
    };
    signature.extend(second);
    let key = UnparsedPublicKey::new(algorithm, key);
    key.verify(message, &signature).is_ok()
}

/// A number with zeros in front; `None` if it is larger.
fn padded(number: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut padded = vec![0; size.checked_sub(number.len())?];
    padded.extend(number);
    Some(padded)
}

/// How many bits the modulus of an RSA key has.
pub(super) fn rsa_bits(modulus: &[u8]) -> usize {
    octets::bits(modulus)
}
