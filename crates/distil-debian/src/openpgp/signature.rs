//! Signature packets (RFC 9580, section 5.2), and what each kind of them signs (section 5.2.4).

use ring::digest;

use super::algorithm::{HashAlgorithm, KeyAlgorithm};
use super::key::{PublicKey, Values};
use super::octets::Octets;
use super::subpackets::Subpackets;

/// What a signature is on, and what it says of it (section 5.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(u8);

impl Kind {
    pub(super) const BINARY: Self = Self(0x00);
    pub(super) const TEXT: Self = Self(0x01);
    pub(super) const CERTIFICATION_REVOCATION: Self = Self(0x30);
    pub(super) const SUBKEY_BINDING: Self = Self(0x18);
    pub(super) const PRIMARY_KEY_BINDING: Self = Self(0x19);
    pub(super) const DIRECT_KEY: Self = Self(0x1F);
    pub(super) const KEY_REVOCATION: Self = Self(0x20);
    pub(super) const SUBKEY_REVOCATION: Self = Self(0x28);

    /// Whether it certifies a user ID: generic, persona, casual or positive.
    pub(super) fn is_certification(self) -> bool {
        matches!(self.0, 0x10..=0x13)
    }

    pub(super) fn number(self) -> u8 {
        self.0
    }
}

/// A signature, nothing of it checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) version: u8,
    pub(super) kind: Kind,
    pub(super) algorithm: KeyAlgorithm,
    pub(super) hash: HashAlgorithm,
    /// What its maker says of it, and signed.
    pub(super) hashed: Subpackets,
    /// What others may have changed.
    pub(super) unhashed: Subpackets,
    /// The part of the packet that is signed with the data.
    signed: Vec<u8>,
    /// The first bytes of the hash.
    left: [u8; 2],
    /// Of version 6 alone.
    salt: Vec<u8>,
    values: Values,
}

impl Signature {
    /// Reads the body of a packet; `None` if it is damaged or of an unknown version.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        Self::parse_with(body, true)
    }

    /// The signature in a subpacket of another (section 5.2.3.34), which has none in it again.
    pub(super) fn parse_embedded(body: &[u8]) -> Option<Self> {
        Self::parse_with(body, false)
    }

    fn parse_with(body: &[u8], may_embed: bool) -> Option<Self> {
        let mut octets = Octets::new(body);
        let version = octets.u8()?;
        if matches!(version, 2 | 3) {
            return Self::parse_obsolete(version, &mut octets);
        }
        let kind = Kind(octets.u8()?);
        let algorithm = KeyAlgorithm::of(octets.u8()?);
        let hash = HashAlgorithm::of(octets.u8()?);
        let hashed = area(version, &mut octets)?;
        let signed = body.get(..head(version)? + hashed.len())?.to_vec();
        let unhashed = area(version, &mut octets)?;
        let left = octets.array()?;
        let salt = match version {
            6 => {
                let length = octets.u8()?;
                octets.take(length.into())?.to_vec()
            }
            _ => Vec::new(),
        };
        let values = Values::parse(algorithm, &mut octets)?;
        Some(Self {
            version,
            kind,
            algorithm,
            hash,
            hashed: Subpackets::parse(hashed, version, may_embed)?,
            unhashed: Subpackets::parse(unhashed, version, may_embed)?,
            signed,
            left,
            salt,
            values,
        })
    }

    /// Signatures before version 4 (section 5.2.2) protect nothing that they say of themselves, so
    /// that they are recognised, to be refused by name.
    fn parse_obsolete(version: u8, octets: &mut Octets<'_>) -> Option<Self> {
        octets.u8().filter(|length| *length == 5)?;
        let kind = Kind(octets.u8()?);
        let created = octets.u32()?;
        let issuer = octets.array()?;
        let algorithm = KeyAlgorithm::of(octets.u8()?);
        let hash = HashAlgorithm::of(octets.u8()?);
        Some(Self {
            version,
            kind,
            algorithm,
            hash,
            hashed: Subpackets::obsolete(created, issuer),
            unhashed: Subpackets::default(),
            signed: Vec::new(),
            left: octets.array()?,
            salt: Vec::new(),
            values: Values::Unsupported,
        })
    }

    /// The key IDs that it names as its maker's, and the fingerprints.
    pub(super) fn issuers(&self) -> impl Iterator<Item = &[u8]> {
        let both = || [&self.hashed, &self.unhashed].into_iter();
        let fingerprints = both().flat_map(|area| area.issuer_fingerprints.iter());
        let ids = both().flat_map(|area| area.issuer_ids.iter());
        fingerprints
            .map(Vec::as_slice)
            .chain(ids.map(<[u8; 8]>::as_slice))
    }

    /// Whether it names this key as its maker.
    pub(super) fn names(&self, key: &PublicKey) -> bool {
        self.issuers()
            .any(|issuer| issuer == key.fingerprint.as_bytes() || issuer == key.id())
    }

    /// When it was made, in Unix seconds; 0 if it does not say.
    pub(super) fn created(&self) -> i64 {
        self.hashed.created.unwrap_or_default().into()
    }

    /// When it expires, in Unix seconds; `None` for never.
    pub(super) fn expires(&self) -> Option<i64> {
        let lifetime = self.hashed.lifetime.filter(|lifetime| *lifetime > 0)?;
        Some(self.created() + i64::from(lifetime))
    }

    /// Whether the key made this signature on a text or a file.
    pub(super) fn is_on_data(&self, by: &PublicKey, data: &[u8]) -> bool {
        match self.kind {
            Kind::BINARY => self.verifies(by, &[data]),
            // Lines are signed as if they ended in CR and LF.
            Kind::TEXT => {
                let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
                let lines = lines
                    .iter()
                    .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
                let text = lines.collect::<Vec<_>>().join(&b"\r\n"[..]);
                self.verifies(by, &[&text])
            }
            _ => false,
        }
    }

    /// Whether the key made this signature on itself: directly, or to revoke it.
    pub(super) fn is_on_key(&self, key: &PublicKey) -> bool {
        matches!(self.kind, Kind::DIRECT_KEY | Kind::KEY_REVOCATION)
            && self.verifies(key, &[&key.hashed])
    }

    /// Whether the key made this signature on itself together with a user ID.
    pub(super) fn is_on_user(&self, key: &PublicKey, user: &[u8]) -> bool {
        let Ok(length) = u32::try_from(user.len()) else {
            return false;
        };
        let head = [&[0xB4][..], &length.to_be_bytes()].concat();
        (self.kind.is_certification() || self.kind == Kind::CERTIFICATION_REVOCATION)
            && self.verifies(key, &[&key.hashed, &head, user])
    }

    /// Whether the primary key made this signature on a subkey: to bind it, or to revoke it.
    pub(super) fn is_on_subkey(&self, primary: &PublicKey, subkey: &PublicKey) -> bool {
        matches!(self.kind, Kind::SUBKEY_BINDING | Kind::SUBKEY_REVOCATION)
            && self.verifies(primary, &[&primary.hashed, &subkey.hashed])
    }

    /// Whether the subkey made this signature to claim its primary key.
    pub(super) fn is_back_signature(&self, primary: &PublicKey, subkey: &PublicKey) -> bool {
        self.kind == Kind::PRIMARY_KEY_BINDING
            && self.verifies(subkey, &[&primary.hashed, &subkey.hashed])
    }

    /// Whether the key made this signature on these parts, one after another (section 5.2.4).
    fn verifies(&self, by: &PublicKey, parts: &[&[u8]]) -> bool {
        // A key of version 6 makes signatures of that version, and nobody else does.
        let fits = match self.version {
            4 => by.version == 4,
            6 => by.version == 6 && self.hash.salt() == Some(self.salt.len()),
            _ => false,
        };
        let Some(algorithm) = self.hash.digest().filter(|_| fits) else {
            return false;
        };
        let Ok(length) = u32::try_from(self.signed.len()) else {
            return false;
        };
        let mut message = self.salt.clone();
        for part in parts {
            message.extend_from_slice(part);
        }
        message.extend_from_slice(&self.signed);
        message.extend_from_slice(&[self.version, 0xFF]);
        message.extend_from_slice(&length.to_be_bytes());
        // Most that is not by this key ends here (section 5.2.3).
        digest::digest(algorithm, &message).as_ref().first_chunk() == Some(&self.left)
            && by.verifies(self.hash, &message, &self.values)
    }
}

/// How many bytes there are before the first subpacket; `None` for versions that are not known.
fn head(version: u8) -> Option<usize> {
    match version {
        4 => Some(6),
        6 => Some(8),
        _ => None,
    }
}

fn area<'a>(version: u8, octets: &mut Octets<'a>) -> Option<&'a [u8]> {
    let length = match version {
        4 => octets.u16()?.into(),
        6 => usize::try_from(octets.u32()?).ok()?,
        _ => return None,
    };
    octets.take(length)
}
