//! Where the numbers of keys come from.

use pgp::crypto::ed25519::{Mode, SecretKey as Ed25519};
use pgp::crypto::eddsa_legacy;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::PubKeyInner;
use pgp::types::{KeyVersion, PlainSecretParams, PublicParams, SecretParams, Timestamp};
use sha2::{Digest, Sha256};

use super::KeyAlgorithm;

/// RSA keys that were made once: the public numbers, an empty line, the secret ones, as they
/// stand in a secret-key packet (RFC 9580 §5.5.3), in hexadecimal.
const RSA_1024: &str = include_str!("rsa-1024.hex");
const RSA_2048: &str = include_str!("rsa-2048.hex");

/// The public and secret parts of the key that this seed gives in this role.
pub(super) fn material(
    algorithm: KeyAlgorithm,
    seed: u64,
    role: &str,
    created: u64,
) -> (PubKeyInner, SecretParams) {
    let (number, public, secret) = match algorithm {
        KeyAlgorithm::Ed25519 => ed25519(seed, role),
        KeyAlgorithm::Rsa1024 => rsa(RSA_1024),
        KeyAlgorithm::Rsa2048 => rsa(RSA_2048),
    };
    let public =
        PubKeyInner::new(KeyVersion::V4, number, timestamp(created), None, public).unwrap();
    (public, secret)
}

pub(super) fn timestamp(seconds: u64) -> Timestamp {
    Timestamp::from_secs(u32::try_from(seconds).unwrap())
}

type Parts = (PublicKeyAlgorithm, PublicParams, SecretParams);

fn ed25519(seed: u64, role: &str) -> Parts {
    let bytes: [u8; 32] = Sha256::digest(format!("distil-fixture {role} {seed}")).into();
    let secret = Ed25519::try_from_bytes(bytes, Mode::EdDSALegacy).unwrap();
    let public = PublicParams::EdDSALegacy((&secret).into());
    let secret = PlainSecretParams::EdDSALegacy(eddsa_legacy::SecretKey::Ed25519(secret));
    (
        PublicKeyAlgorithm::EdDSALegacy,
        public,
        SecretParams::Plain(secret),
    )
}

fn rsa(hex: &str) -> Parts {
    let (public, secret) = hex.split_once("\n\n").unwrap();
    let algorithm = PublicKeyAlgorithm::RSA;
    let public = bytes(public);
    let public = PublicParams::try_from_reader(algorithm, Some(public.len()), &public[..]).unwrap();
    let secret =
        SecretParams::from_slice(&bytes(secret), KeyVersion::V4, algorithm, &public).unwrap();
    (algorithm, public, secret)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
