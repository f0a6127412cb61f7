//! Where the stanzas of an index are in its text.

use crate::index::{IndexError, scan};
use crate::package::PackageError;
use crate::relation;

/// The places of stanzas and of the names that they provide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
    pub(super) provides: Vec<Provide>,
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

/// A place in a text that is known by other means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) start: u32,
    pub(super) length: u32,
}

impl Slice {
    /// The same place in a text that has `length` more bytes in front.
    fn moved_by(self, length: u32) -> Self {
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

/// What a table in bytes ends with: the length of the text before it, and how many entries and
/// provided names it has.
const FOOTER: usize = 3 * 8;
const ENTRY: usize = 8 + 5 * 4;
const PROVIDE: usize = 8 + 4 * 4;

impl Table {
    /// Finds the stanzas of a text of at most 4 GiB.
    pub(super) fn of(text: &str, architecture: &str) -> Result<Self, scan::Problem> {
        let mut table = Self::default();
        table.find(text, 0, 1, architecture)?;
        Ok(table)
    }

    /// Adds the stanzas of a text that starts at `place` and `line` of a larger one, in its order,
    /// but for those that are neither of `architecture` nor of `all`: a flat archive has all
    /// architectures in one file.
    pub(super) fn find(
        &mut self,
        text: &str,
        place: u32,
        line: u64,
        architecture: &str,
    ) -> Result<(), scan::Problem> {
        scan::stanzas(text, line, |stanza| {
            if stanza.architecture != architecture && stanza.architecture != "all" {
                return Ok(());
            }
            let name = slice_of(text, stanza.package).moved_by(place);
            self.entries.push(Entry {
                hash: hash(stanza.package),
                start: place.saturating_add(stanza.start),
                end: place.saturating_add(stanza.end),
                line: u32::try_from(stanza.line).unwrap_or(u32::MAX),
                name,
            });
            let mut previous = "";
            relation::provided_names(stanza.provides.unwrap_or(""), |virtual_name| {
                // A name provided in several versions mostly stands there in a row.
                if virtual_name != previous {
                    previous = virtual_name;
                    self.provides.push(Provide {
                        hash: hash(virtual_name),
                        virtual_name: slice_of(text, virtual_name).moved_by(place),
                        provider: name,
                    });
                }
            })
            .map_err(|source| PackageError::Relation {
                field: "Provides",
                source,
            })
        })
    }

    /// How many stanzas it has.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds the table of a text that is put behind the `length` bytes of this one's.
    pub(super) fn append(&mut self, part: Self, length: usize) -> Result<(), IndexError> {
        let too_large = || IndexError::Unusable {
            pocket: String::new(),
            problem: "is larger than 4 GiB",
        };
        let by = u32::try_from(length).map_err(|_| too_large())?;
        let last = part.entries.last().map_or(0, |entry| entry.end);
        by.checked_add(last).ok_or_else(too_large)?;
        self.entries.extend(part.entries.iter().map(|entry| Entry {
            start: by.saturating_add(entry.start),
            end: by.saturating_add(entry.end),
            name: entry.name.moved_by(by),
            ..*entry
        }));
        self.provides
            .extend(part.provides.iter().map(|provide| Provide {
                virtual_name: provide.virtual_name.moved_by(by),
                provider: provide.provider.moved_by(by),
                ..*provide
            }));
        Ok(())
    }

    /// Puts the table into the order in which it is searched.
    pub(super) fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.hash);
        self.provides.sort_by_key(|provide| provide.hash);
    }

    /// What comes behind a text of `length` bytes.
    pub(super) fn to_bytes(&self, length: usize) -> Vec<u8> {
        let size = self.entries.len() * ENTRY + self.provides.len() * PROVIDE + FOOTER;
        let mut bytes = Vec::with_capacity(size);
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
        } in &self.entries
        {
            row(*hash, &[*start, *end, *line, name.start, name.length]);
        }
        for provide in &self.provides {
            let (name, provider) = (provide.virtual_name, provide.provider);
            let words = [name.start, name.length, provider.start, provider.length];
            row(provide.hash, &words);
        }
        for number in [length, self.entries.len(), self.provides.len()] {
            bytes.extend_from_slice(&(number as u64).to_le_bytes());
        }
        bytes
    }

    /// Takes the table from the end of `bytes`, where [`Table::to_bytes`] put it; none if what is
    /// there is none.
    pub(super) fn split_off(bytes: &mut Vec<u8>) -> Option<Self> {
        let numbers = bytes.len().checked_sub(FOOTER)?;
        let number = |at: usize| {
            let bytes = bytes.get(numbers + 8 * at..)?.first_chunk()?;
            usize::try_from(u64::from_le_bytes(*bytes)).ok()
        };
        let (length, entries, provides) = (number(0)?, number(1)?, number(2)?);
        let (first, second) = (entries.checked_mul(ENTRY)?, provides.checked_mul(PROVIDE)?);
        if length.checked_add(first)?.checked_add(second)? != numbers {
            return None;
        }
        let rows = bytes.get(length..numbers)?;
        let (first, second) = rows.split_at_checked(first)?;
        let table = Self {
            entries: first.chunks_exact(ENTRY).map(entry).collect(),
            provides: second.chunks_exact(PROVIDE).map(provide).collect(),
        };
        bytes.truncate(length);
        Some(table)
    }
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

/// Where `part` lies in `text`, of which it is a part, and which is at most 4 GiB long.
fn slice_of(text: &str, part: &str) -> Slice {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    Slice {
        start: u32::try_from(start).unwrap_or(u32::MAX),
        length: u32::try_from(part.len()).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::testing::packages_file;

    #[test]
    fn a_table_comes_back_from_its_bytes() {
        let text = packages_file("a 1; Provides: v, w\nb 1; Architecture: all\nc 1; Provides: v");
        let mut table = Table::of(&text, "amd64").ok().unwrap();
        table.sort();
        let mut bytes = [text.as_bytes(), &table.to_bytes(text.len())].concat();
        assert_eq!(Table::split_off(&mut bytes), Some(table));
        assert_eq!(bytes, text.as_bytes());
    }

    proptest! {
        #[test]
        fn other_bytes_are_no_table(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let before = bytes.clone();
            // The chance that they are one is nil.
            prop_assert_eq!(Table::split_off(&mut bytes), None);
            prop_assert_eq!(bytes, before);
        }

        #[test]
        fn no_footer_leads_astray(numbers in proptest::array::uniform3(0_u64..8), more in 0_usize..300) {
            let mut bytes = vec![7; more];
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            if let Some(table) = Table::split_off(&mut bytes) {
                prop_assert_eq!(table.to_bytes(bytes.len()).len() + bytes.len(), more + FOOTER);
            }
        }
    }
}
