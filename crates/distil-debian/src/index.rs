//! The packages of an archive: the `Packages` files of all its suites together, for one
//! architecture.
//!
//! An index keeps the text and the places of its stanzas. A stanza is parsed when it is asked
//! for: of some 70,000 packages a solution looks at a few hundred. [`condense`] makes the text
//! half as large, and finds every stanza, once, before it is kept.

mod blocks;
mod condense;
mod nearest;
pub use nearest::nearest;
mod scan;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::control::{ControlError, Paragraph};
use crate::package::{BinaryPackage, PackageError};
use table::{Slice, Table, hash};

pub use condense::{Condensed, condense};

/// Where packages come from: one `Packages` file of one suite.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pocket {
    /// What messages call it: `trixie-security`.
    pub name: String,
    /// The higher, the more its packages are preferred. Among pockets of the same priority the
    /// highest version is. As apt's pin priorities, of which 500 is the usual one.
    pub priority: i32,
}

/// Why an index cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The text is not a control file.
    #[error("the package index is malformed")]
    Control(#[from] ControlError),
    /// Writing the condensed index failed.
    #[error("failed to write the condensed package index")]
    Write(#[source] std::io::Error),
    /// A package's stanza is wrong.
    #[error("the stanza of `{package}` at line {line} of the package index{of} is wrong", of = of_pocket(.pocket))]
    Package {
        /// The package's name, or nothing where the stanza has none.
        package: String,
        /// The line where the stanza starts, counted from 1.
        line: u64,
        /// The pocket's name, where it is known.
        pocket: Option<String>,
        /// Why.
        source: PackageError,
    },
    /// The index is larger than 4 GiB, or is not UTF-8, or there are more than 65,535 of them.
    #[error("the package index of `{pocket}` {problem}")]
    Unusable {
        /// The pocket's name.
        pocket: String,
        /// What is wrong.
        problem: &'static str,
    },
}

fn of_pocket(pocket: &Option<String>) -> String {
    pocket
        .as_ref()
        .map_or_else(String::new, |name| format!(" of `{name}`"))
}

/// The packages of one architecture from all pockets.
///
/// What an index answers depends on the set of its pockets and packages alone, not on the order
/// in which they were added or stand in the text.
#[derive(Debug, Clone)]
pub struct PackageIndex {
    architecture: String,
    pockets: Vec<Pocket>,
    texts: Vec<String>,
    /// Sorted by [`hash`].
    entries: Vec<Entry>,
    /// Sorted by [`hash`].
    provides: Vec<Provide>,
}

/// A stanza of one of the texts.
#[derive(Debug, Clone, Copy)]
struct Entry {
    place: table::Entry,
    pocket: u16,
}

/// A provided name in a stanza of one of the texts.
#[derive(Debug, Clone, Copy)]
struct Provide {
    place: table::Provide,
    pocket: u16,
}

impl PackageIndex {
    /// An index without packages for Debian's architecture `architecture`, such as `amd64`.
    pub fn new(architecture: &str) -> Self {
        Self {
            architecture: architecture.to_owned(),
            pockets: Vec::new(),
            texts: Vec::new(),
            entries: Vec::new(),
            provides: Vec::new(),
        }
    }

    /// The architecture that the index is for.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The pockets, in the order in which they were added.
    pub fn pockets(&self) -> &[Pocket] {
        &self.pockets
    }

    /// How many stanzas the index has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the index has no stanza.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a `Packages` file, condensed or as the archive has it.
    ///
    /// Stanzas of other architectures than the index's and `all` are left out: a flat archive
    /// has all architectures in one file.
    ///
    /// # Errors
    /// When the text is not an index. Stanzas are checked as far as finding them needs it.
    pub fn add(&mut self, text: Vec<u8>, pocket: Pocket) -> Result<(), IndexError> {
        let unusable = |problem| IndexError::Unusable {
            pocket: pocket.name.clone(),
            problem,
        };
        if u32::try_from(text.len()).is_err() {
            return Err(unusable("is larger than 4 GiB"));
        }
        let text = String::from_utf8(text).map_err(|_| unusable("is not UTF-8"))?;
        let table = Table::of(&text, &self.architecture)
            .map_err(|problem| problem.in_pocket(Some(&pocket.name)))?;
        self.add_condensed(Condensed { text, table }, pocket)
    }

    /// Adds what [`condense`] made for the index's architecture.
    ///
    /// # Errors
    /// When the index has as many as it can have.
    pub fn add_condensed(
        &mut self,
        condensed: Condensed,
        pocket: Pocket,
    ) -> Result<(), IndexError> {
        let number = u16::try_from(self.pockets.len()).map_err(|_| IndexError::Unusable {
            pocket: pocket.name.clone(),
            problem: "is one too many: 65,536 are the most",
        })?;
        let Condensed { text, table } = condensed;
        self.pockets.push(pocket);
        self.texts.push(text);
        self.entries.extend(table.entries.iter().map(|place| Entry {
            place: *place,
            pocket: number,
        }));
        self.provides
            .extend(table.provides.iter().map(|place| Provide {
                place: *place,
                pocket: number,
            }));
        // Stable, since that one is fast where there are sorted parts.
        self.entries.sort_by_key(|entry| entry.place.hash);
        self.provides.sort_by_key(|provide| provide.place.hash);
        Ok(())
    }

    fn slice(&self, pocket: u16, slice: Slice) -> &str {
        self.texts
            .get(usize::from(pocket))
            .and_then(|text| text.get(range(slice.start, slice.start.saturating_add(slice.length))))
            .unwrap_or("")
    }

    fn name_of(&self, entry: &Entry) -> &str {
        self.slice(entry.pocket, entry.place.name)
    }

    fn virtual_name_of(&self, provide: &Provide) -> &str {
        self.slice(provide.pocket, provide.place.virtual_name)
    }

    /// The names of all real packages, sorted.
    pub fn package_names(&self) -> Vec<&str> {
        sorted(self.entries.iter().map(|entry| self.name_of(entry)))
    }

    /// The names of all packages that others provide, sorted. Some are real ones, too.
    pub fn virtual_names(&self) -> Vec<&str> {
        sorted(self.provides.iter().map(|p| self.virtual_name_of(p)))
    }

    /// Whether there is a real package of this name.
    pub fn has_package(&self, name: &str) -> bool {
        self.entries_named(name).next().is_some()
    }

    /// The packages called `name`, the best first: by the priority of their pocket, then by
    /// version, then by the name of the pocket and the digest.
    ///
    /// A package that several pockets have (same version, same digest) is there once, from the
    /// best of them. Two packages of one version that differ in their digest are two.
    ///
    /// # Errors
    /// When a stanza is wrong.
    pub fn candidates(&self, name: &str) -> Result<Vec<BinaryPackage>, IndexError> {
        let mut packages = Vec::new();
        for entry in self.entries_named(name) {
            packages.push(self.parse(entry)?);
        }
        packages.sort_by(|a: &BinaryPackage, b| {
            let pocket = |package: &BinaryPackage| self.pocket(package.pocket);
            Reverse(pocket(a).1)
                .cmp(&Reverse(pocket(b).1))
                .then_with(|| b.version.cmp(&a.version))
                .then_with(|| pocket(a).0.cmp(pocket(b).0))
                .then_with(|| a.sha256.cmp(&b.sha256))
                .then_with(|| a.filename.cmp(&b.filename))
        });
        let mut seen = BTreeSet::new();
        packages.retain(|package| seen.insert((package.sha256, package.version.clone())));
        Ok(packages)
    }

    /// The names of the real packages that provide `virtual_name` in some version, sorted.
    /// `virtual_name` itself is not among them.
    pub fn providers(&self, virtual_name: &str) -> Vec<&str> {
        let wanted = hash(virtual_name);
        let start = self.provides.partition_point(|p| p.place.hash < wanted);
        let end = self.provides.partition_point(|p| p.place.hash <= wanted);
        let found = self.provides.get(start..end).unwrap_or_default().iter();
        sorted(
            found
                .filter(|provide| self.virtual_name_of(provide) == virtual_name)
                .map(|provide| self.slice(provide.pocket, provide.place.provider))
                .filter(|provider| *provider != virtual_name),
        )
    }

    /// Real and virtual packages whose names are like `name`, the most alike first, at most
    /// `limit`; for messages.
    pub fn nearest(&self, name: &str, limit: usize) -> Vec<String> {
        let real = self.entries.iter().map(|entry| self.name_of(entry));
        let provided = self.provides.iter().map(|p| self.virtual_name_of(p));
        nearest::nearest(name, real.chain(provided), limit)
    }

    /// A pocket's name and priority.
    fn pocket(&self, number: u16) -> (&str, i32) {
        self.pockets
            .get(usize::from(number))
            .map_or(("", 0), |pocket| (&pocket.name, pocket.priority))
    }

    fn entries_named(&self, name: &str) -> impl Iterator<Item = &Entry> {
        let wanted = hash(name);
        let start = self
            .entries
            .partition_point(|entry| entry.place.hash < wanted);
        let found = self.entries.get(start..).unwrap_or_default().iter();
        found
            .take_while(move |entry| entry.place.hash == wanted)
            .filter(move |entry| self.name_of(entry) == name)
    }

    fn parse(&self, entry: &Entry) -> Result<BinaryPackage, IndexError> {
        let text = self
            .texts
            .get(usize::from(entry.pocket))
            .map_or("", |t| t.as_str());
        let stanza = text
            .get(range(entry.place.start, entry.place.end))
            .unwrap_or("");
        let line = u64::from(entry.place.line);
        let paragraph =
            Paragraph::parse(stanza).map_err(|error| error.moved_by(line.saturating_sub(1)))?;
        BinaryPackage::from_paragraph(&paragraph, entry.pocket).map_err(|source| {
            IndexError::Package {
                package: self.name_of(entry).to_owned(),
                line,
                pocket: Some(self.pocket(entry.pocket).0.to_owned()),
                source,
            }
        })
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// `u32` always fits into the `usize` of the machines that this runs on.
fn range(start: u32, end: u32) -> Range<usize> {
    start as usize..end as usize
}
