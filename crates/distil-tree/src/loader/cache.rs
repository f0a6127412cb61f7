//! `/etc/ld.so.cache` (glibc's `sysdeps/generic/dl-cache.h`, the format since 2.2).

use crate::path::{MAX_LENGTH, TreePath};
use crate::tree::Tree;

/// The most entries that are read.
const MAX_ENTRIES: usize = 100_000;

/// The most bytes that are read.
const MAX_SIZE: u64 = 16 << 20;

/// `DL_CACHE_HWCAP_EXTENSION`: the entry is for the level that the lower half names by its number.
const HAS_LEVEL: u32 = 1 << 30;

/// `dl_cache_hwcap_isa_level_mask`: bits of the upper half that say nothing of the directory.
const ISA_LEVEL: u32 = 0x3ff;

/// `cache_extension_magic`.
const EXTENSION: usize = 0xeaa4_2174;

/// `cache_extension_tag_glibc_hwcaps`.
const LEVELS: usize = 1;

/// A line of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cached {
    /// The name that is asked for.
    pub(super) name: Vec<u8>,
    /// The file that answers.
    pub(super) path: Vec<u8>,
    /// What a machine has to have for it.
    pub(super) wanted: Wanted,
}

/// What an entry of the cache wants of a machine (`hwcap`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Any machine has it.
    Nothing,
    /// A level, by its name. Of one that is not named nobody has a machine.
    Level(Vec<u8>),
    /// Capabilities of glibc's before 2.37, by their bits.
    Features(u64),
}

/// The entries of a tree's cache, in their order. A cache that cannot be read counts as none, as it
/// does for the loader.
pub(super) fn read(tree: &Tree) -> Vec<Cached> {
    let entry = tree.follow(&TreePath::of("etc/ld.so.cache"));
    let bytes = entry.and_then(|(_, entry)| entry.file()?.content.read(MAX_SIZE).ok());
    bytes.and_then(|bytes| parse(&bytes)).unwrap_or_default()
}

/// A number at a place, as the machine has it whose cache this is.
fn word(bytes: &[u8], at: usize, is_little: bool) -> Option<usize> {
    let word = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    let number = match is_little {
        true => u32::from_le_bytes(word),
        false => u32::from_be_bytes(word),
    };
    usize::try_from(number).ok()
}

fn string(bytes: &[u8], at: usize) -> Option<Vec<u8>> {
    let rest = bytes.get(at..)?;
    let end = memchr::memchr(0, rest)?;
    (end <= MAX_LENGTH).then(|| rest[..end].to_vec())
}

fn parse(bytes: &[u8]) -> Option<Vec<Cached>> {
    let start = memchr::memmem::find(bytes, b"glibc-ld.so.cache1.1")?;
    let bytes = &bytes[start..];
    let fits = |is_little: &bool| {
        let count = word(bytes, 20, *is_little);
        count.is_some_and(|count| count <= MAX_ENTRIES && 48 + count * 24 <= bytes.len())
    };
    let is_little = [true, false].into_iter().find(fits)?;
    let count = word(bytes, 20, is_little)?;
    let levels = levels(bytes, is_little).unwrap_or_default();
    let mut entries = Vec::new();
    for number in 0..count {
        let at = 48 + number * 24;
        let (low, high) = match is_little {
            true => (at + 16, at + 20),
            false => (at + 20, at + 16),
        };
        let (low, high) = (word(bytes, low, is_little)?, word(bytes, high, is_little)?);
        let flags = u32::try_from(high).ok()?;
        let wanted = match (low, flags) {
            (0, 0) => Wanted::Nothing,
            _ if flags & !ISA_LEVEL == HAS_LEVEL => {
                Wanted::Level(levels.get(low).cloned().unwrap_or_default())
            }
            _ => Wanted::Features(u64::from(flags) << 32 | u64::try_from(low).ok()?),
        };
        entries.push(Cached {
            name: string(bytes, word(bytes, at + 4, is_little)?)?,
            path: string(bytes, word(bytes, at + 8, is_little)?)?,
            wanted,
        });
    }
    Some(entries)
}

/// The names of levels, which stand in an extension behind the strings.
fn levels(bytes: &[u8], is_little: bool) -> Option<Vec<Vec<u8>>> {
    let at = word(bytes, 32, is_little).filter(|at| *at != 0)?;
    if word(bytes, at, is_little)? != EXTENSION {
        return None;
    }
    let sections = word(bytes, at + 4, is_little)?.min(64);
    let section = (0..sections)
        .map(|number| at + 8 + number * 16)
        .find(|section| word(bytes, *section, is_little) == Some(LEVELS))?;
    let (offset, size) = (
        word(bytes, section + 8, is_little)?,
        word(bytes, section + 12, is_little)?,
    );
    let places = (0..size.min(4096) / 4).map(|number| offset.checked_add(number * 4));
    places
        .map(|place| string(bytes, word(bytes, place?, is_little)?))
        .collect()
}
