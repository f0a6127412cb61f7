//! The packets of a certificate.

use pgp::packet::{PublicKey, PublicSubkey, Signature, UserId};
use pgp::types::KeyDetails;

/// The packets of a certificate, nothing of them checked.
#[derive(Debug, Clone)]
pub(in super::super) struct Parts {
    pub(super) primary: PublicKey,
    pub(super) signatures: Vec<Signature>,
    pub(super) users: Vec<(UserId, Vec<Signature>)>,
    pub(super) subkeys: Vec<Subkey>,
    /// A revocation of the primary key that could not be read.
    pub(super) unreadable_revocation: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Subkey {
    pub(super) key: PublicSubkey,
    pub(super) signatures: Vec<Signature>,
    pub(super) unreadable_revocation: bool,
}

/// One of the keys of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum KeyIndex {
    Primary,
    /// By the order in the certificate.
    Subkey(usize),
}

/// Whether a signature names a key as its maker.
pub(super) fn names(signature: &Signature, key: &impl KeyDetails) -> bool {
    let by_id = signature.issuer_key_id();
    let by_fingerprint = signature.issuer_fingerprint();
    by_fingerprint.iter().any(|f| **f == key.fingerprint())
        || by_id.iter().any(|id| **id == key.legacy_key_id())
}
