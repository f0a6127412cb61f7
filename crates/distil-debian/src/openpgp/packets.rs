//! The frame of OpenPGP data: ASCII armour, and the sequence of packets within
//! (RFC 9580, sections 4.2 and 6).
//!
//! Packets are cut apart here and their bodies parsed one at a time, so that one that cannot be
//! understood does not swallow those after it.

use std::io::{self, Read};

use pgp::armor::{BlockType, Dearmor, DearmorOptions};
use pgp::packet::{PacketHeader, Signature};
use pgp::types::{PacketLength, Tag};

/// The largest message, signature or keyring that is read: 16 MiB. Debian's largest `InRelease`
/// has 190 kB.
pub const MAX_BYTES: usize = 16 << 20;

/// A packet whose body was not looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawPacket<'a> {
    pub(super) header: PacketHeader,
    pub(super) body: &'a [u8],
}

/// The packets do not follow each other as they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameError {
    pub(super) offset: usize,
    pub(super) why: &'static str,
}

impl RawPacket<'_> {
    pub(super) fn tag(&self) -> Tag {
        self.header.tag()
    }

    pub(super) fn signature(&self) -> Option<Signature> {
        Signature::try_from_reader(self.header, self.body).ok()
    }
}

/// Cuts binary OpenPGP data into its packets. After an error there is nothing more.
pub(super) fn packets(bytes: &[u8]) -> impl Iterator<Item = Result<RawPacket<'_>, FrameError>> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let remaining = rest.take().filter(|remaining| !remaining.is_empty())?;
        let result = first_packet(remaining).map_err(|why| FrameError {
            offset: bytes.len() - remaining.len(),
            why,
        });
        Some(result.map(|(packet, after)| {
            rest = Some(after);
            packet
        }))
    })
}

fn first_packet(bytes: &[u8]) -> Result<(RawPacket<'_>, &[u8]), &'static str> {
    let mut body = bytes;
    let header = PacketHeader::try_from_reader(&mut body)
        .map_err(|_| "what should be an OpenPGP packet is none")?;
    // The other ways to give a length are for data that is encrypted or compressed on the fly
    // (section 4.2.1.4).
    let PacketLength::Fixed(length) = header.packet_length() else {
        return Err("a packet has no fixed length");
    };
    let length = usize::try_from(length).map_err(|_| "a packet is too long")?;
    let (body, after) = body
        .split_at_checked(length)
        .ok_or("the last packet is cut short")?;
    Ok((RawPacket { header, body }, after))
}

/// Decodes one armoured block, from its `-----BEGIN` to its `-----END` line. A checksum in it is
/// passed over, as RFC 9580 demands (section 6.1).
pub(super) fn dearmour(block: &[u8], kind: BlockType) -> io::Result<Vec<u8>> {
    // The text alone: the crate's errors carry backtraces.
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let limit = block.len().saturating_add(1);
    let mut dearmor = Dearmor::with_options(block, DearmorOptions::new().set_limit(limit));
    dearmor.read_header().map_err(|e| invalid(e.to_string()))?;
    if dearmor.typ != Some(kind) {
        return Err(invalid("it is a block of another kind".to_owned()));
    }
    let mut bytes = Vec::new();
    let read = dearmor.read_to_end(&mut bytes);
    read.map_err(|e| invalid(e.to_string()))?;
    Ok(bytes)
}
