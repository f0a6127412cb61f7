//! Signatures by keys that come as `SubjectPublicKeyInfo` (RFC 5280, 4.1.2.7), and hash functions by
//! their names.

use ring::digest::{self, Digest};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoRef;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A hash function of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HashFunction {
    Sha256,
    Sha384,
    Sha512,
}

impl HashFunction {
    /// By its identifier (NIST's register).
    pub(super) fn of(identifier: ObjectIdentifier) -> Option<Self> {
        [
            ("2.16.840.1.101.3.4.2.1", Self::Sha256),
            ("2.16.840.1.101.3.4.2.2", Self::Sha384),
            ("2.16.840.1.101.3.4.2.3", Self::Sha512),
        ]
        .iter()
        .find(|(known, _)| identifier.to_string() == *known)
        .map(|(_, function)| *function)
    }

    /// The one that a signature algorithm has in its identifier (RFC 5758, 3.2; RFC 8017, A.2.4).
    pub(super) fn of_signatures(identifier: ObjectIdentifier) -> Option<Self> {
        [
            ("1.2.840.10045.4.3.2", Self::Sha256),
            ("1.2.840.10045.4.3.3", Self::Sha384),
            ("1.2.840.10045.4.3.4", Self::Sha512),
            ("1.2.840.113549.1.1.11", Self::Sha256),
            ("1.2.840.113549.1.1.12", Self::Sha384),
            ("1.2.840.113549.1.1.13", Self::Sha512),
        ]
        .iter()
        .find(|(known, _)| identifier.to_string() == *known)
        .map(|(_, function)| *function)
    }

    /// By its name in entries of logs: of Rekor 1 and 2.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "sha256" | "SHA2_256" => Some(Self::Sha256),
            "sha384" | "SHA2_384" => Some(Self::Sha384),
            "sha512" | "SHA2_512" => Some(Self::Sha512),
            _ => None,
        }
    }

    pub(super) fn digest(self, bytes: &[u8]) -> Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }
}

/// Whether a signature is by a key, with the hash function that Sigstore's registry of algorithms
/// pairs with it (sigstore/architecture-docs, `algorithm-registry.md`). Other keys verify nothing.
pub(super) fn verifies(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    verifies_by(key, None, message, signature)
}

/// The same with a hash function that was named. Ed25519 has its own.
pub(super) fn verifies_by(
    key: &[u8],
    function: Option<HashFunction>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    use HashFunction::{Sha256, Sha384, Sha512};
    let Ok(info) = SubjectPublicKeyInfoRef::from_der(key) else {
        return false;
    };
    let parameters = info.algorithm.parameters;
    let curve = parameters.and_then(|one| one.decode_as::<ObjectIdentifier>().ok());
    let algorithm: &dyn VerificationAlgorithm = match (info.algorithm.oid, curve, function) {
        (EC, Some(P256), None | Some(Sha256)) => &ECDSA_P256_SHA256_ASN1,
        (EC, Some(P256), Some(Sha384)) => &ECDSA_P256_SHA384_ASN1,
        (EC, Some(P384), Some(Sha256)) => &ECDSA_P384_SHA256_ASN1,
        (EC, Some(P384), None | Some(Sha384)) => &ECDSA_P384_SHA384_ASN1,
        (ED, None, _) => &ED25519,
        (RSA, _, None | Some(Sha256)) => &RSA_PKCS1_2048_8192_SHA256,
        (RSA, _, Some(Sha384)) => &RSA_PKCS1_2048_8192_SHA384,
        (RSA, _, Some(Sha512)) => &RSA_PKCS1_2048_8192_SHA512,
        _ => return false,
    };
    let Some(point) = info.subject_public_key.as_bytes() else {
        return false;
    };
    let key = UnparsedPublicKey::new(algorithm, point);
    key.verify(message, signature).is_ok()
}
