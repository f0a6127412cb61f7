//! The packets of a certificate.

use super::super::key::PublicKey;
use super::super::signature::Signature;

/// The packets of a certificate, nothing of them checked.
#[derive(Debug, Clone)]
pub(in super::super) struct Parts {
    pub(super) primary: PublicKey,
    pub(super) signatures: Vec<Signature>,
    /// User IDs, by their bytes, with the signatures on them.
    pub(super) users: Vec<(Vec<u8>, Vec<Signature>)>,
    pub(super) subkeys: Vec<Subkey>,
    /// A revocation of the primary key that could not be read.
    pub(super) unreadable_revocation: bool,
}

impl Parts {
    /// A certificate of a primary key alone.
    pub(super) fn of(primary: PublicKey) -> Self {
        Self {
            primary,
            signatures: Vec::new(),
            users: Vec::new(),
            subkeys: Vec::new(),
            unreadable_revocation: false,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Subkey {
    pub(super) key: PublicKey,
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
