//! A certificate ("public key" in GnuPG's words): a primary key, its user IDs and subkeys, and the
//! signatures that hold them together (RFC 9580, section 10.1).

use std::sync::OnceLock;

use super::error::Signer;
use super::fingerprint::Fingerprint;
use super::key::PublicKey;
use super::packets::{RawPacket, Tag};
use super::signature::{Kind, Signature};

mod bindings;
mod parts;

use bindings::Bindings;
pub(super) use bindings::KeyState;
pub(super) use parts::KeyIndex;
use parts::{Parts, Subkey};

/// An OpenPGP certificate whose keys may sign.
#[derive(Debug)]
pub struct Certificate {
    fingerprint: Fingerprint,
    user_ids: Vec<String>,
    parts: Parts,
    /// What the self-signatures say, each checked once, when a signature first asks.
    bindings: OnceLock<Bindings>,
}

impl Certificate {
    pub(super) fn new(parts: Parts) -> Self {
        let user_ids = parts
            .users
            .iter()
            .map(|(id, _)| {
                let text = String::from_utf8_lossy(id);
                text.chars()
                    .take(200)
                    .flat_map(char::escape_debug)
                    .collect()
            })
            .collect();
        Self {
            fingerprint: parts.primary.fingerprint.clone(),
            user_ids,
            parts,
            bindings: OnceLock::new(),
        }
    }

    /// The fingerprint of the primary key.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The fingerprints of the primary key and of the subkeys, whatever they may be used for.
    pub fn key_fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.keys().map(|(_, key)| key.fingerprint.clone())
    }

    /// The user IDs in the order of the file, control characters escaped. None of them is checked.
    pub fn user_ids(&self) -> &[String] {
        &self.user_ids
    }

    /// The same certificate with what `other`, a copy of it, knows beside: a revocation that one
    /// copy has counts for both.
    pub(super) fn merged(&self, other: &Self) -> Self {
        let mut parts = self.parts.clone();
        let add = other.parts.clone();
        parts.unreadable_revocation |= add.unreadable_revocation;
        append_new(&mut parts.signatures, add.signatures);
        for (id, signatures) in add.users {
            match parts.users.iter_mut().find(|(have, _)| *have == id) {
                Some((_, have)) => append_new(have, signatures),
                None => parts.users.push((id, signatures)),
            }
        }
        for subkey in add.subkeys {
            let mut subkeys = parts.subkeys.iter_mut();
            match subkeys.find(|have| have.key.fingerprint == subkey.key.fingerprint) {
                Some(have) => {
                    have.unreadable_revocation |= subkey.unreadable_revocation;
                    append_new(&mut have.signatures, subkey.signatures);
                }
                None => parts.subkeys.push(subkey),
            }
        }
        Self::new(parts)
    }

    /// The primary key and the subkeys, each with its place.
    pub(super) fn keys(&self) -> impl Iterator<Item = (KeyIndex, &PublicKey)> {
        let subkeys = self.parts.subkeys.iter().enumerate();
        std::iter::once((KeyIndex::Primary, &self.parts.primary))
            .chain(subkeys.map(|(i, subkey)| (KeyIndex::Subkey(i), &subkey.key)))
    }

    /// Whether the key may sign, as the certificate's own signatures say at the time `now`.
    pub(super) fn key_state(&self, key: KeyIndex, now: i64) -> KeyState {
        self.bindings
            .get_or_init(|| Bindings::check(&self.parts))
            .key_state(&self.parts, key, now)
    }

    pub(super) fn signer(&self, key: &PublicKey) -> Signer {
        Signer {
            certificate: self.fingerprint.clone(),
            key: key.fingerprint.clone(),
            user_id: self.user_ids.first().cloned().unwrap_or_default(),
        }
    }
}

fn append_new(have: &mut Vec<Signature>, add: Vec<Signature>) {
    for signature in add {
        if !have.contains(&signature) {
            have.push(signature);
        }
    }
}

/// Puts packets together into certificates. What is not understood is left out, but a revocation
/// that is not understood is remembered.
pub(super) struct Assembler {
    done: Vec<Parts>,
    current: Option<Parts>,
    place: Place,
}

/// What the next signature belongs to.
enum Place {
    Primary,
    User,
    Subkey,
    /// Something that is not understood.
    Unknown,
}

impl Assembler {
    pub(super) fn new() -> Self {
        Self {
            done: Vec::new(),
            current: None,
            place: Place::Unknown,
        }
    }

    pub(super) fn push(&mut self, packet: RawPacket<'_>) {
        match packet.tag {
            Tag::PublicKey => {
                self.done.extend(self.current.take());
                self.current = PublicKey::parse(packet.body).map(Parts::of);
                self.place = Place::Primary;
            }
            Tag::UserId => {
                self.place = Place::Unknown;
                if let Some(parts) = &mut self.current {
                    parts.users.push((packet.body.to_vec(), Vec::new()));
                    self.place = Place::User;
                }
            }
            Tag::PublicSubkey => {
                self.place = Place::Unknown;
                if let (Some(parts), Some(key)) = (&mut self.current, PublicKey::parse(packet.body))
                {
                    parts.subkeys.push(Subkey {
                        key,
                        signatures: Vec::new(),
                        unreadable_revocation: false,
                    });
                    self.place = Place::Subkey;
                }
            }
            Tag::Signature => self.signature(packet),
            // GnuPG's own notes, and packets that mean nothing (RFC 9580, sections 5.8, 5.10, 5.14).
            Tag::Trust | Tag::Marker | Tag::Padding => {}
            // User attributes (pictures), and what is yet to come.
            _ => self.place = Place::Unknown,
        }
    }

    fn signature(&mut self, packet: RawPacket<'_>) {
        let Some(parts) = &mut self.current else {
            return;
        };
        let mut revocation = Kind::KEY_REVOCATION;
        let mut unreadable = &mut parts.unreadable_revocation;
        // What is on something unknown may yet be a misplaced revocation.
        let mut signatures = &mut parts.signatures;
        match self.place {
            Place::Primary | Place::Unknown => {}
            Place::User => {
                if let Some((_, on_user)) = parts.users.last_mut() {
                    signatures = on_user;
                }
            }
            Place::Subkey => {
                if let Some(subkey) = parts.subkeys.last_mut() {
                    revocation = Kind::SUBKEY_REVOCATION;
                    unreadable = &mut subkey.unreadable_revocation;
                    signatures = &mut subkey.signatures;
                }
            }
        }
        match Signature::parse(packet.body) {
            Some(signature) => signatures.push(signature),
            None => *unreadable |= claims(packet.body, revocation),
        }
    }

    pub(super) fn finish(mut self) -> impl Iterator<Item = Certificate> {
        self.done.extend(self.current.take());
        self.done.into_iter().map(Certificate::new)
    }
}

/// Whether the body of a signature packet has this type in the place where versions 4 and 6 have it.
fn claims(body: &[u8], kind: Kind) -> bool {
    matches!(body, [4 | 6, claimed, ..] if *claimed == kind.number())
}
