//! A table while the stanzas of a text are being found.

use distil_store::Digest;

use crate::index::error::IndexError;
use crate::index::scan;
use crate::index::table::{Block, Entry, Provide, Slice, Table, hash};
use crate::package::PackageError;
use crate::relation;

/// What becomes a [`Table`].
#[derive(Debug, Default)]
pub(super) struct Draft {
    entries: Vec<Entry>,
    provides: Vec<Provide>,
    blocks: Vec<Block>,
    /// The names that the others say the places of.
    names: String,
}

impl Draft {
    /// Finds the stanzas of a text of at most 4 GiB.
    pub(super) fn of(text: &str, architecture: &str) -> Result<Self, scan::Problem> {
        let mut draft = Self::default();
        draft.find(text, 0, 1, architecture)?;
        Ok(draft)
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
            let name = self.name(stanza.package);
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
                    let virtual_name = self.name(virtual_name);
                    self.provides.push(Provide {
                        hash: hash(previous),
                        virtual_name,
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

    /// Keeps a name: all of them together are smaller than the text.
    fn name(&mut self, name: &str) -> Slice {
        let slice = Slice {
            start: u32::try_from(self.names.len()).unwrap_or(u32::MAX),
            length: u32::try_from(name.len()).unwrap_or(0),
        };
        self.names.push_str(name);
        slice
    }

    /// Adds a block of the text, which follows the last one.
    pub(super) fn block(&mut self, end: u32, digest: Digest) {
        self.blocks.push(Block { end, digest });
    }

    /// Adds the draft of a text of `more` bytes that is put behind the `length` bytes of this
    /// one's.
    pub(super) fn append(
        &mut self,
        part: Self,
        length: usize,
        more: usize,
    ) -> Result<(), IndexError> {
        let by = u32::try_from(length).ok();
        let by =
            by.filter(|by| u32::try_from(more).is_ok_and(|more| by.checked_add(more).is_some()));
        let names = u32::try_from(self.names.len().saturating_add(part.names.len()));
        let (Some(by), Ok(_)) = (by, names) else {
            return Err(IndexError::Unusable {
                pocket: String::new(),
                problem: "is larger than 4 GiB",
            });
        };
        let names = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.entries.extend(part.entries.iter().map(|entry| Entry {
            start: by.saturating_add(entry.start),
            end: by.saturating_add(entry.end),
            name: entry.name.moved_by(names),
            ..*entry
        }));
        self.provides
            .extend(part.provides.iter().map(|provide| Provide {
                virtual_name: provide.virtual_name.moved_by(names),
                provider: provide.provider.moved_by(names),
                ..*provide
            }));
        self.blocks.extend(part.blocks.iter().map(|block| Block {
            end: by.saturating_add(block.end),
            ..*block
        }));
        self.names.push_str(&part.names);
        Ok(())
    }

    /// The table of a text of `length` bytes.
    pub(super) fn finish(mut self, length: usize) -> Table {
        self.entries.sort_by_key(|entry| entry.hash);
        self.provides.sort_by_key(|provide| provide.hash);
        Table::of(
            length,
            &self.entries,
            &self.provides,
            &self.blocks,
            &self.names,
        )
    }
}
