//! A timestamp authority (RFC 3161; RFC 5652, 5; RFC 5816).

use ring::digest::{SHA256, digest};

use super::certificate::{ECDSA_SHA256, Key, name};
use super::der::{explicit, generalized, identifier, integer, octets, sequence, set, tlv};

const SHA_256: &str = "2.16.840.1.101.3.4.2.1";
const INFO: &str = "1.2.840.113549.1.9.16.1.4";

/// A response with a token for a signature: by a key, in the name of the issuer of a certificate.
pub(super) fn response(
    signature: &[u8],
    time: u64,
    by: &Key,
    issuer: &str,
    serial: u64,
    certificate: &[u8],
) -> Vec<u8> {
    let hashed = |bytes: &[u8]| octets(digest(&SHA256, bytes).as_ref());
    let algorithm = sequence(&[identifier(SHA_256)]);
    let info = sequence(&[
        integer(1),
        identifier("1.3.6.1.4.1.57264.2"),
        sequence(&[algorithm.clone(), hashed(signature)]),
        integer(7),
        generalized(time),
    ]);
    let attribute = |kind: &str, value: Vec<u8>| sequence(&[identifier(kind), set(&[value])]);
    // The certificate by its digest, so that no other one is taken for it.
    let shown = sequence(&[sequence(&[sequence(&[hashed(certificate)])])]);
    // In the order of DER for sets: by their bytes.
    let mut attributes = vec![
        attribute("1.2.840.113549.1.9.3", identifier(INFO)),
        attribute("1.2.840.113549.1.9.4", hashed(&info)),
        attribute("1.2.840.113549.1.9.16.2.47", shown),
    ];
    attributes.sort();
    let signed = by.sign(&set(&attributes));
    let signer = sequence(&[
        integer(1),
        sequence(&[name(issuer), integer(serial)]),
        algorithm.clone(),
        tlv(0xa0, &attributes.concat()),
        sequence(&[identifier(ECDSA_SHA256)]),
        octets(&signed),
    ]);
    let data = sequence(&[
        integer(3),
        set(&[algorithm]),
        sequence(&[identifier(INFO), explicit(0, &octets(&info))]),
        tlv(0xa0, certificate),
        set(&[signer]),
    ]);
    let token = sequence(&[identifier("1.2.840.113549.1.7.2"), explicit(0, &data)]);
    sequence(&[sequence(&[integer(0)]), token])
}
