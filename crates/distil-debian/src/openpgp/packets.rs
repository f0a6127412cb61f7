//! The sequence of packets that OpenPGP data is (RFC 9580, section 4.2).
//!
//! Packets are cut apart here and their bodies parsed one at a time, so that one that cannot be
//! understood does not swallow those after it.

use super::octets::Octets;

/// The largest message, signature or keyring that is read: 16 MiB. Debian's largest `InRelease`
/// has 190 kB.
pub const MAX_BYTES: usize = 16 << 20;

/// What a packet is (section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Signature,
    SecretKey,
    PublicKey,
    Marker,
    Trust,
    UserId,
    PublicSubkey,
    Padding,
    /// One that means nothing here.
    Other,
}

impl Tag {
    fn of(number: u8) -> Self {
        match number {
            2 => Self::Signature,
            5 => Self::SecretKey,
            6 => Self::PublicKey,
            10 => Self::Marker,
            12 => Self::Trust,
            13 => Self::UserId,
            14 => Self::PublicSubkey,
            21 => Self::Padding,
            _ => Self::Other,
        }
    }
}

/// A packet whose body was not looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawPacket<'a> {
    pub(super) tag: Tag,
    pub(super) body: &'a [u8],
}

/// The packets do not follow each other as they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameError {
    pub(super) offset: usize,
    pub(super) why: &'static str,
}

/// Cuts binary OpenPGP data into its packets. After an error there is nothing more.
pub(super) fn packets(bytes: &[u8]) -> impl Iterator<Item = Result<RawPacket<'_>, FrameError>> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let remaining = rest.take().filter(|remaining| !remaining.is_empty())?;
        let mut octets = Octets::new(remaining);
        let result = packet(&mut octets).map_err(|why| FrameError {
            offset: bytes.len() - remaining.len(),
            why,
        });
        Some(result.inspect(|_| rest = Some(octets.rest())))
    })
}

const NO_PACKET: &str = "what should be an OpenPGP packet is none";
/// The other ways to give a length are for data that is encrypted or compressed on the fly
/// (section 4.2.1.4).
const NO_LENGTH: &str = "a packet has no fixed length";
const CUT_SHORT: &str = "the last packet is cut short";

fn packet<'a>(octets: &mut Octets<'a>) -> Result<RawPacket<'a>, &'static str> {
    let first = octets.u8().ok_or(NO_PACKET)?;
    let (tag, length) = match first >> 6 {
        0b11 => (first & 0x3F, length(octets)?),
        // The format of old: the tag, and how many bytes the length has.
        0b10 => {
            let length = match first & 0b11 {
                0 => octets.u8().map(u32::from),
                1 => octets.u16().map(u32::from),
                2 => octets.u32(),
                _ => return Err(NO_LENGTH),
            };
            ((first >> 2) & 0x0F, length.ok_or(NO_PACKET)?)
        }
        _ => return Err(NO_PACKET),
    };
    let length = usize::try_from(length).map_err(|_| "a packet is too long")?;
    let body = octets.take(length).ok_or(CUT_SHORT)?;
    let tag = Tag::of(tag);
    Ok(RawPacket { tag, body })
}

/// The length of a packet in the present format: one, two or five bytes.
fn length(octets: &mut Octets<'_>) -> Result<u32, &'static str> {
    let first = octets.u8().ok_or(NO_PACKET)?;
    match first {
        0..192 => Ok(first.into()),
        192..224 => {
            let second = octets.u8().ok_or(NO_PACKET)?;
            Ok((u32::from(first) - 192) * 256 + u32::from(second) + 192)
        }
        224..255 => Err(NO_LENGTH),
        255 => octets.u32().ok_or(NO_PACKET),
    }
}
