//! Which algorithms are strong enough, and which signatures can be judged at all.

use super::algorithm::{HashAlgorithm, KeyAlgorithm};
use super::error::Reason;
use super::key::{Material, PublicKey, rsa_bits};
use super::signature::Signature;

/// How far another machine's clock may be ahead of ours, in seconds.
pub(super) const CLOCK_SKEW: i64 = 30 * 60;

/// apt's least (`APT::Key::Assert-Pubkey-Algo`), and the most that is verified: larger ones are
/// slow to verify and not stronger in practice.
const MIN_RSA_BITS: usize = 2048;
const MAX_RSA_BITS: usize = 8192;

/// Refuses hashes for which two texts with the same value can be made, or nearly so, and those
/// that are not computed here.
pub(super) fn check_hash(signature: &Signature) -> Result<(), Reason> {
    if signature.hash.is_weak() {
        let hash = signature.hash.to_string();
        return Err(Reason::WeakHash { hash });
    }
    match signature.hash.digest() {
        Some(_) => Ok(()),
        None => Err(Reason::Unsupported {
            why: "its hash is none of SHA-256, SHA-384 and SHA-512",
        }),
    }
}

/// Refuses keys that are, or soon will be, within reach of breaking, and those that are not
/// verified here.
pub(super) fn check_key(key: &PublicKey) -> Result<(), Reason> {
    let weak = |what: String| Err(Reason::WeakKey { what });
    match &key.material {
        Material::Rsa { modulus, .. } => match rsa_bits(modulus) {
            MIN_RSA_BITS..=MAX_RSA_BITS => Ok(()),
            bits @ ..MIN_RSA_BITS => weak(format!("RSA of {bits} bits")),
            _ => Err(Reason::Unsupported {
                why: "its key is RSA of more than 8192 bits",
            }),
        },
        Material::P256(_) | Material::P384(_) | Material::Ed25519(_) => Ok(()),
        Material::Unsupported if key.algorithm == KeyAlgorithm::DSA => weak("DSA".to_owned()),
        Material::Unsupported => Err(Reason::Unsupported {
            why: "its key is none of RSA, Ed25519, and ECDSA with P-256 or P-384",
        }),
    }
}

/// Refuses combinations of a curve and a hash that are not verified here. GnuPG and others choose
/// for each curve the hash of its own size.
pub(super) fn check_pair(key: &PublicKey, hash: HashAlgorithm) -> Result<(), Reason> {
    let fits = match &key.material {
        Material::P256(_) => hash == HashAlgorithm::SHA256,
        Material::P384(_) => hash == HashAlgorithm::SHA384,
        Material::Rsa { .. } | Material::Ed25519(_) | Material::Unsupported => true,
    };
    match fits {
        true => Ok(()),
        false => Err(Reason::Unsupported {
            why: "its curve does not go with its hash",
        }),
    }
}

/// Refuses what RFC 9580 tells to refuse whatever the key: versions that do not protect their
/// metadata, and critical parts that are not understood.
pub(super) fn check_form(signature: &Signature) -> Result<(), Reason> {
    let unsupported = |why| Err(Reason::Unsupported { why });
    if !matches!(signature.version, 4 | 6) {
        return unsupported("its version is obsolete");
    }
    if signature.hashed.created.is_none() {
        return unsupported("it does not say when it was made");
    }
    if signature.hashed.has_unknown_critical {
        return unsupported("it has a critical part that is not understood");
    }
    Ok(())
}
