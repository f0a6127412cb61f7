//! What a signature says of itself, of its maker and of the key that it is on (RFC 9580,
//! section 5.2.3.7): the parts that matter to who only verifies.

use super::octets::Octets;
use super::signature::Signature;

/// The subpackets of one area. Where something is said twice, the first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subpackets {
    /// When the signature was made, in Unix seconds.
    pub(super) created: Option<u32>,
    /// How many seconds later the signature expires; 0 for never.
    pub(super) lifetime: Option<u32>,
    /// How many seconds after its making the key expires; 0 for never.
    pub(super) key_lifetime: Option<u32>,
    /// Whether the key may sign data; `None` without key flags.
    pub(super) may_sign: Option<bool>,
    /// Fingerprints of keys that may revoke this one (section 5.2.3.23).
    pub(super) revokers: Vec<Vec<u8>>,
    pub(super) issuer_ids: Vec<[u8; 8]>,
    pub(super) issuer_fingerprints: Vec<Vec<u8>>,
    /// Signatures within this one.
    pub(super) embedded: Vec<Signature>,
    /// Whether a part is critical that is not understood.
    pub(super) has_unknown_critical: bool,
}

impl Subpackets {
    /// Reads an area of a signature of this version; `None` if it is damaged.
    pub(super) fn parse(area: &[u8], version: u8, may_embed: bool) -> Option<Self> {
        let mut found = Self::default();
        let mut octets = Octets::new(area);
        while !octets.is_empty() {
            let length = length(&mut octets)?;
            let mut part = Octets::new(octets.take(length)?);
            let kind = part.u8()?;
            found.take(kind & 0x7F, kind & 0x80 != 0, &mut part, version, may_embed)?;
        }
        Some(found)
    }

    /// What signatures before version 4 say.
    pub(super) fn obsolete(created: u32, issuer: [u8; 8]) -> Self {
        Self {
            created: Some(created),
            issuer_ids: vec![issuer],
            ..Self::default()
        }
    }

    fn take(
        &mut self,
        kind: u8,
        is_critical: bool,
        part: &mut Octets<'_>,
        version: u8,
        may_embed: bool,
    ) -> Option<()> {
        match kind {
            2 => first(&mut self.created, part.u32()?),
            3 => first(&mut self.lifetime, part.u32()?),
            9 => first(&mut self.key_lifetime, part.u32()?),
            // A class, an algorithm, and the fingerprint.
            12 => {
                part.take(2)?;
                self.revokers.push(part.rest().to_vec());
            }
            16 => self.issuer_ids.push(part.array()?),
            27 => {
                let flags = part.rest();
                let may_sign = flags.first().is_some_and(|flags| flags & 0x02 != 0);
                first(&mut self.may_sign, may_sign);
            }
            32 => {
                let body = part.rest();
                if may_embed {
                    self.embedded.extend(Signature::parse_embedded(body));
                }
            }
            // It names a key of the signature's own version (section 5.2.3.35).
            33 => {
                part.u8().filter(|of| *of == version)?;
                self.issuer_fingerprints.push(part.rest().to_vec());
            }
            // Properties and preferences, which are understood and do not matter here.
            4..=7 | 11 | 21..=26 | 28..=31 | 34 | 35 | 39 => {
                part.rest();
            }
            // Notations, none of which is known, and what is yet to come.
            _ => {
                part.rest();
                self.has_unknown_critical |= is_critical;
            }
        }
        part.is_empty().then_some(())
    }
}

/// The length of a subpacket: one, two or five bytes.
fn length(octets: &mut Octets<'_>) -> Option<usize> {
    let first = octets.u8()?;
    let length = match first {
        0..192 => first.into(),
        192..255 => (u32::from(first) - 192) * 256 + u32::from(octets.u8()?) + 192,
        255 => octets.u32()?,
    };
    usize::try_from(length).ok()
}

fn first<T>(slot: &mut Option<T>, value: T) {
    if slot.is_none() {
        *slot = Some(value);
    }
}
