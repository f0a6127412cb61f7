//! Where the stanzas of an index are in its text, and the names in it.
//!
//! ```text
//! 5 numbers   the lengths of the text and of the names, and how many rows of each kind there are
//! rows        a stanza each, sorted by the hash of the package's name
//! rows        a provided name each, sorted by its hash
//! rows        a block of the text each, in its order: where it ends, and its SHA-256
//! names       one after another
//! ```
//!
//! Numbers are little-endian. Rows are looked at where they are: to open a table costs nothing but
//! reading it.

use std::ops::Range;

use distil_store::Digest;

/// The places of stanzas, the names of packages and those that they provide, and the digests of
/// the text's blocks.
#[derive(Clone, PartialEq, Eq)]
pub struct Table {
    bytes: Vec<u8>,
    /// How long the text is.
    length: u64,
    entries: Range<usize>,
    provides: Range<usize>,
    blocks: Range<usize>,
    names: Range<usize>,
}

/// A stanza, and the package's name in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Of the name. Sorting by names would take longer than all the rest.
    pub(super) hash: u64,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The line, counted from 1, where it starts in the text that the archive has.
    pub(super) line: u32,
    pub(super) name: Slice,
}

/// A place among the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) start: u32,
    pub(super) length: u32,
}

impl Slice {
    /// The same place where there are `length` more bytes in front.
    pub(super) fn moved_by(self, length: u32) -> Self {
        Self {
            start: length.saturating_add(self.start),
            ..self
        }
    }
}

/// A provided name in a stanza.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Provide {
    /// Of the provided name.
    pub(super) hash: u64,
    pub(super) virtual_name: Slice,
    pub(super) provider: Slice,
}

/// Whole stanzas of the text that are read and verified together: from where the block before ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) end: u32,
    pub(super) digest: Digest,
}

const HEADER: usize = 5 * 8;
const ENTRY: usize = 8 + 5 * 4;
const PROVIDE: usize = 8 + 4 * 4;
const BLOCK: usize = 4 + 32;

impl Table {
    /// Of a text of `length` bytes; the rows are sorted.
    pub(super) fn of(
        length: usize,
        entries: &[Entry],
        provides: &[Provide],
        blocks: &[Block],
        names: &str,
    ) -> Self {
        let rows = entries.len() * ENTRY + provides.len() * PROVIDE + blocks.len() * BLOCK;
        let mut bytes = Vec::with_capacity(HEADER + rows + names.len());
        let counts = [entries.len(), provides.len(), blocks.len()];
        for number in [length, names.len()].into_iter().chain(counts) {
            bytes.extend_from_slice(&(number as u64).to_le_bytes());
        }
        let mut row = |hash: u64, words: &[u32]| {
            bytes.extend_from_slice(&hash.to_le_bytes());
            for word in words {
                bytes.extend_from_slice(&word.to_le_bytes());
            }
        };
        for Entry {
            hash,
            start,
            end,
            line,
            name,
        } in entries
        {
            row(*hash, &[*start, *end, *line, name.start, name.length]);
        }
        for provide in provides {
            let (name, provider) = (provide.virtual_name, provide.provider);
            let words = [name.start, name.length, provider.start, provider.length];
            row(provide.hash, &words);
        }
        for block in blocks {
            bytes.extend_from_slice(&block.end.to_le_bytes());
            bytes.extend_from_slice(block.digest.as_bytes());
        }
        bytes.extend_from_slice(names.as_bytes());
        let entries = HEADER..HEADER + counts[0] * ENTRY;
        let provides = entries.end..entries.end + counts[1] * PROVIDE;
        let blocks = provides.end..provides.end + counts[2] * BLOCK;
        Self {
            length: length as u64,
            names: blocks.end..bytes.len(),
            entries,
            provides,
            blocks,
            bytes,
        }
    }

    /// Takes what [`Table::as_bytes`] gave; none if it is not as long as it says.
    ///
    /// Nothing else is checked: a table of other bytes answers what nobody can foresee, and these
    /// are to be known by their digest.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(*bytes.get(8 * at..)?.first_chunk()?));
        let size = |at: usize| usize::try_from(number(at)?).ok();
        let part = |start: usize, count: usize, row: usize| {
            Some(start..start.checked_add(count.checked_mul(row)?)?)
        };
        let entries = part(HEADER, size(2)?, ENTRY)?;
        let provides = part(entries.end, size(3)?, PROVIDE)?;
        let blocks = part(provides.end, size(4)?, BLOCK)?;
        let names = part(blocks.end, size(1)?, 1)?;
        (names.end == bytes.len()).then_some(())?;
        Some(Self {
            length: number(0)?,
            entries,
            provides,
            blocks,
            names,
            bytes,
        })
    }

    /// What the store keeps of it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of packages.
    pub fn packages(&self) -> usize {
        self.entries.len() / ENTRY
    }

    /// How long the text is that it is the table of.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    fn text(&self, slice: Slice) -> &str {
        // `u32` always fits into the `usize` of the machines that this runs on.
        let (start, length) = (slice.start as usize, slice.length as usize);
        let names = self.part(&self.names);
        let name = names.get(start..).and_then(|rest| rest.get(..length));
        std::str::from_utf8(name.unwrap_or_default()).unwrap_or_default()
    }

    /// The names of the packages, one for each stanza.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let rows = self.part(&self.entries).chunks_exact(ENTRY);
        rows.map(|row| self.name_of(&entry(row)))
    }

    /// The provided names, one for each stanza that provides it.
    pub(super) fn virtual_names(&self) -> impl Iterator<Item = &str> {
        let rows = self.part(&self.provides).chunks_exact(PROVIDE);
        rows.map(|row| self.text(provide(row).virtual_name))
    }

    pub(super) fn name_of(&self, entry: &Entry) -> &str {
        self.text(entry.name)
    }

    /// The stanzas of the packages of this name.
    pub(super) fn entries_named(&self, name: &str) -> impl Iterator<Item = Entry> {
        let found = equal::<ENTRY>(self.part(&self.entries), hash(name));
        let found = found.chunks_exact(ENTRY).map(entry);
        found.filter(move |entry| self.name_of(entry) == name)
    }

    /// The names of the packages that provide this name.
    pub(super) fn providers(&self, virtual_name: &str) -> impl Iterator<Item = &str> {
        let found = equal::<PROVIDE>(self.part(&self.provides), hash(virtual_name));
        let found = found.chunks_exact(PROVIDE).map(provide);
        found
            .filter(move |provide| self.text(provide.virtual_name) == virtual_name)
            .map(|provide| self.text(provide.provider))
    }

    /// The block that has the byte at `place`, and where it starts.
    pub(super) fn block_at(&self, place: u32) -> Option<(u32, Block)> {
        let rows = self.part(&self.blocks);
        let end = |row: &[u8]| u32::from_le_bytes(row.first_chunk().copied().unwrap_or_default());
        let at = partition_point::<BLOCK>(rows, |row| end(row) <= place);
        let row = rows.get(at * BLOCK..)?;
        let (_, digest) = row.split_first_chunk::<4>()?;
        let before = at.checked_sub(1).and_then(|at| rows.get(at * BLOCK..));
        let block = Block {
            end: end(row),
            digest: Digest::from_bytes(*digest.first_chunk()?),
        };
        Some((before.map_or(0, end), block))
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table of {} packages", self.packages())
    }
}

/// How many rows of `N` bytes come before the first that `is_before` says no of.
fn partition_point<const N: usize>(rows: &[u8], is_before: impl Fn(&[u8]) -> bool) -> usize {
    rows.as_chunks::<N>()
        .0
        .partition_point(|row| is_before(row))
}

/// The rows of `N` bytes that begin with a hash.
fn equal<const N: usize>(rows: &[u8], wanted: u64) -> &[u8] {
    let hash = |row: &[u8]| u64::from_le_bytes(row.first_chunk().copied().unwrap_or_default());
    let start = partition_point::<N>(rows, |row| hash(row) < wanted);
    let rows = rows.get(start * N..).unwrap_or_default();
    let found = rows.chunks_exact(N).take_while(|row| hash(row) == wanted);
    rows.get(..found.count() * N).unwrap_or_default()
}

/// A hash and some numbers.
fn row<const N: usize>(bytes: &[u8]) -> (u64, [u32; N]) {
    let (hash, rest) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
    let mut numbers = [0; N];
    for (number, word) in numbers.iter_mut().zip(rest.chunks_exact(4)) {
        *number = u32::from_le_bytes(word.try_into().unwrap_or_default());
    }
    (u64::from_le_bytes(*hash), numbers)
}

fn entry(bytes: &[u8]) -> Entry {
    let (hash, [start, end, line, name, length]) = row(bytes);
    let name = Slice {
        start: name,
        length,
    };
    Entry {
        hash,
        start,
        end,
        line,
        name,
    }
}

fn provide(bytes: &[u8]) -> Provide {
    let (hash, [name, name_length, provider, provider_length]) = row(bytes);
    Provide {
        hash,
        virtual_name: Slice {
            start: name,
            length: name_length,
        },
        provider: Slice {
            start: provider,
            length: provider_length,
        },
    }
}

/// FNV-1a of 64 bits. Names whose hashes collide are still told apart.
pub(super) fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::draft::Draft;
    use crate::index::testing::packages_file;

    fn table() -> Table {
        let text = packages_file("a 1; Provides: v, w\nb 1; Architecture: all\nc 1; Provides: v");
        let mut draft = Draft::of(&text, "amd64").ok().unwrap();
        draft.block(100, Digest::of("one"));
        draft.block(u32::try_from(text.len()).unwrap(), Digest::of("two"));
        draft.finish(text.len())
    }

    /// Asks all that can be asked.
    fn ask(table: &Table) {
        let names: Vec<&str> = table.names().chain(table.virtual_names()).collect();
        assert!(names.len() >= table.packages());
        for name in names.into_iter().chain(["", "a", "v"]) {
            for entry in table.entries_named(name) {
                table.block_at(entry.start);
            }
            table.providers(name).count();
        }
        table.block_at(0);
        table.block_at(u32::MAX);
    }

    #[test]
    fn a_table_comes_back_from_its_bytes() {
        let table = table();
        assert_eq!(Table::from_bytes(table.as_bytes().to_vec()), Some(table));
    }

    #[test]
    fn a_block_is_found_by_any_of_its_bytes() {
        let table = table();
        let end = u32::try_from(table.length()).unwrap();
        let of = |place| {
            table
                .block_at(place)
                .map(|(start, block)| (start, block.end))
        };
        assert_eq!([of(0), of(99)], [Some((0, 100)); 2]);
        assert_eq!([of(100), of(end - 1)], [Some((100, end)); 2]);
        assert_eq!(of(end), None);
        let (_, block) = table.block_at(100).unwrap();
        assert_eq!(block.digest, Digest::of("two"));
    }

    proptest! {
        #[test]
        fn other_bytes_are_no_table(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            // The chance that they are one is nil.
            prop_assert_eq!(Table::from_bytes(bytes), None);
        }

        #[test]
        fn no_header_leads_astray(numbers in proptest::array::uniform5(0_u64..8), more in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            let rows = numbers[2] * 28 + numbers[3] * 24 + numbers[4] * 36 + numbers[1];
            let is_one = rows == more.len() as u64;
            bytes.extend(&more);
            prop_assert_eq!(Table::from_bytes(bytes.clone()).is_some(), is_one);
            bytes.resize(HEADER + usize::try_from(rows).unwrap(), 7);
            ask(&Table::from_bytes(bytes).unwrap());
        }

        #[test]
        fn a_changed_table_answers_something(at in any::<proptest::sample::Index>(), to: u8) {
            let mut bytes = table().as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = to;
            if let Some(table) = Table::from_bytes(bytes) {
                ask(&table);
            }
        }
    }
}
