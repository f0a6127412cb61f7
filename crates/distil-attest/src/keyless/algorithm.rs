//! Signatures by keys that come as `SubjectPublicKeyInfo` (RFC 5280, 4.1.2.7).

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256,
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

/// Whether a signature is by a key, with the hash function that Sigstore's registry of algorithms
/// pairs with it (sigstore/architecture-docs, `algorithm-registry.md`). Other keys verify nothing.
pub(super) fn verifies(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(info) = SubjectPublicKeyInfoRef::from_der(key) else {
        return false;
    };
    let parameters = info.algorithm.parameters;
    let curve = parameters.and_then(|one| one.decode_as::<ObjectIdentifier>().ok());
    let algorithm: &dyn VerificationAlgorithm = match (info.algorithm.oid, curve) {
        (EC, Some(P256)) => &ECDSA_P256_SHA256_ASN1,
        (EC, Some(P384)) => &ECDSA_P384_SHA384_ASN1,
        (ED, None) => &ED25519,
        (RSA, _) => &RSA_PKCS1_2048_8192_SHA256,
        _ => return false,
    };
    let Some(point) = info.subject_public_key.as_bytes() else {
        return false;
    };
    let key = UnparsedPublicKey::new(algorithm, point);
    key.verify(message, signature).is_ok()
}
