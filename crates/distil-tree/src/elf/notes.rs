//! Notes: what a file says of the libraries that it loads with dlopen(3), of which the dynamic
//! section knows nothing (uapi-group.org, "ELF package metadata: dlopen").

use object::Endianness;
use object::endian::Endian;
use object::read::ReadRef;

/// The type of a note with the owner `FDO` that has a JSON text about dlopen(3).
const DLOPEN: u32 = 0x407c_0c0a;

/// The most bytes of a segment of notes that are looked at.
const MAX_NOTES: u64 = 1 << 20;

/// Adds the texts about dlopen(3) of a segment of notes. Notes change nothing of how a file is
/// loaded, so those that are damaged are passed over.
pub(super) fn dlopen<'a>(
    data: impl ReadRef<'a>,
    offset: u64,
    size: u64,
    endian: Endianness,
    found: &mut Vec<Vec<u8>>,
) {
    let Ok(mut rest) = data.read_bytes_at(offset, size.min(MAX_NOTES)) else {
        return;
    };
    while let Some((header, after)) = rest.split_at_checked(12) {
        let word = |at: usize| -> usize {
            let bytes = header[at..at + 4].try_into().unwrap_or_default();
            let number = match endian.is_little_endian() {
                true => u32::from_le_bytes(bytes),
                false => u32::from_be_bytes(bytes),
            };
            usize::try_from(number).unwrap_or(usize::MAX)
        };
        let (name_size, text_size, kind) = (word(0), word(4), word(8));
        let Some(name) = after.get(..name_size) else {
            return;
        };
        let Some(after) = after.get(name_size.next_multiple_of(4)..) else {
            return;
        };
        let Some(text) = after.get(..text_size) else {
            return;
        };
        if kind == DLOPEN as usize && name == b"FDO\0" && found.len() < 256 {
            let end = text
                .iter()
                .position(|&byte| byte == 0)
                .unwrap_or(text.len());
            found.push(text[..end].to_vec());
        }
        rest = after
            .get(text_size.next_multiple_of(4)..)
            .unwrap_or_default();
    }
}
