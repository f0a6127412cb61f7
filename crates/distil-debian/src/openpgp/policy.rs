//! Which algorithms are strong enough, and which signatures can be judged at all.

use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureVersion, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{EcdsaPublicParams, EddsaLegacyPublicParams, KeyDetails, PublicParams};

use super::error::Reason;

/// How far another machine's clock may be ahead of ours, in seconds.
pub(super) const CLOCK_SKEW: i64 = 30 * 60;

const MIN_RSA_BITS: u16 = 2048;

/// Refuses hashes for which two texts with the same value can be made, or nearly so: those that
/// apt's policy for `sqv` (`default-sequoia.config` of apt 3.0) refuses since February 2026.
pub(super) fn check_hash(signature: &Signature) -> Result<(), Reason> {
    match signature.hash_alg() {
        Some(
            HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512,
        ) => Ok(()),
        Some(hash) => Err(Reason::WeakHash {
            hash: hash.to_string(),
        }),
        None => Err(Reason::Unsupported {
            why: "its version is unknown",
        }),
    }
}

/// Refuses keys that are, or soon will be, within reach of breaking.
pub(super) fn check_key(key: &impl KeyDetails) -> Result<(), Reason> {
    let what = match key.public_params() {
        PublicParams::RSA(rsa) => {
            // The first number is the modulus, as an MPI: two bytes with its length in bits, …
            let mut bytes = Vec::new();
            let bits = match (rsa.to_writer(&mut bytes), bytes.first_chunk()) {
                (Ok(()), Some(&length)) => u16::from_be_bytes(length),
                _ => 0,
            };
            if bits >= MIN_RSA_BITS {
                return Ok(());
            }
            format!("RSA of {bits} bits")
        }
        PublicParams::ECDSA(EcdsaPublicParams::Unsupported { .. })
        | PublicParams::EdDSALegacy(EddsaLegacyPublicParams::Unsupported { .. })
        | PublicParams::Unknown { .. } => {
            let why = "the algorithm of its key is not supported";
            return Err(Reason::Unsupported { why });
        }
        PublicParams::ECDSA(_)
        | PublicParams::EdDSALegacy(_)
        | PublicParams::Ed25519(_)
        | PublicParams::Ed448(_) => return Ok(()),
        PublicParams::DSA(_) => "DSA".to_owned(),
        _ => format!("{:?}", key.algorithm()),
    };
    Err(Reason::WeakKey { what })
}

/// Refuses what RFC 9580 tells to refuse whatever the key: versions that do not protect their
/// metadata, and critical parts that are not understood.
pub(super) fn check_form(signature: &Signature) -> Result<(), Reason> {
    let unsupported = |why| Err(Reason::Unsupported { why });
    if !matches!(
        signature.version(),
        SignatureVersion::V4 | SignatureVersion::V6
    ) {
        return unsupported("its version is obsolete or unknown");
    }
    if signature.created().is_none() {
        return unsupported("it does not say when it was made");
    }
    let Some(config) = signature.config() else {
        return unsupported("its version is unknown");
    };
    let opaque = |data: &SubpacketData| {
        matches!(
            data,
            SubpacketData::Other(..) | SubpacketData::Experimental(..) | SubpacketData::Notation(_)
        )
    };
    if config
        .hashed_subpackets()
        .any(|part| part.is_critical && opaque(&part.data))
    {
        return unsupported("it has a critical part that is not understood");
    }
    Ok(())
}
