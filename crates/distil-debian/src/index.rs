//! The packages of an archive: the `Packages` files of all its suites together, for one
//! architecture.
//!
//! An index keeps the text of each file and a [`Table`] of the places of its stanzas and of all
//! names in it. A stanza is read and parsed when it is asked for: of some 70,000 packages a
//! solution looks at a few hundred. [`condense`] makes the text half as large, and finds every
//! stanza, once, before it is kept.
//!
//! A text in the store stays there. It is cut into blocks of whole stanzas, whose digests are in
//! the table: what is read of it is verified, and what is not needs not be. So nothing but a
//! stanza can turn out to be damaged, and then [`IndexError::Damaged`] says so.

mod blocks;
mod condense;
mod draft;
mod error;
mod rule;
mod scan;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod text;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::control::{ControlError, Paragraph};
use crate::package::BinaryPackage;
use table::Entry;

pub use condense::{Condensed, condense};
pub use error::IndexError;
pub use rule::PocketRule;
pub use table::Table;
pub use text::Text;

/// Where packages come from: one `Packages` file of one suite.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pocket {
    /// What messages call it: `trixie-security`.
    pub name: String,
    /// The higher, the more its packages are preferred. Among pockets of the same priority the
    /// highest version is. As apt's pin priorities, of which 500 is the usual one.
    pub priority: i32,
}

/// The packages of one architecture from all pockets.
///
/// What an index answers depends on the set of its pockets and packages alone, not on the order
/// in which they were added or stand in the text.
#[derive(Debug, Clone)]
pub struct PackageIndex {
    architecture: String,
    pockets: Vec<Pocket>,
    /// What each pocket has. They are few, and each is searched by itself.
    files: Vec<Arc<Condensed>>,
    /// What a pocket may provide, by its name; those that are not there may provide all.
    rules: BTreeMap<String, PocketRule>,
    /// Packages that are the only ones of their names, by these.
    held: BTreeMap<String, BinaryPackage>,
}

impl PackageIndex {
    /// An index without packages for Debian's architecture `architecture`, such as `amd64`.
    pub fn new(architecture: &str) -> Self {
        Self {
            architecture: architecture.to_owned(),
            pockets: Vec::new(),
            files: Vec::new(),
            rules: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }

    /// Makes a package the only one of its name, whatever the pockets have, as `apt-mark hold` does:
    /// a lock holds its packages so while others are updated. They may be in no pocket any more.
    ///
    /// Its priority is that of the best package that the pockets have of its name, since only they
    /// know it. `suite` is the pocket that it was in; one that the index does not have is added.
    ///
    /// The answer is whether a pocket has it still; its place there is taken then.
    ///
    /// # Errors
    /// When a stanza is wrong, or damaged in the store.
    pub fn hold(&mut self, mut package: BinaryPackage, suite: &str) -> Result<bool, IndexError> {
        let known = self.candidates(&package.name)?;
        if let Some(same) = known.iter().find(|one| one.sha256 == package.sha256) {
            self.held.insert(package.name, same.clone());
            return Ok(true);
        }
        if let Some(best) = known.first() {
            package.priority = best.priority;
        }
        let place = self.pockets.iter().position(|one| one.name == suite);
        let place = match place {
            Some(place) => place,
            None => {
                let pocket = Pocket {
                    name: suite.to_owned(),
                    priority: 500,
                };
                self.add(Vec::new(), pocket)?;
                self.pockets.len() - 1
            }
        };
        package.pocket = u16::try_from(place).unwrap_or(u16::MAX);
        self.held.insert(package.name.clone(), package);
        Ok(false)
    }

    /// Says what the pockets of a name may provide. It holds for what is asked from now on.
    pub fn set_rule(&mut self, pocket: &str, rule: PocketRule) {
        self.rules.insert(pocket.to_owned(), rule);
    }

    /// The packages called `name` that the pockets of the name `pocket` have, whatever they may
    /// provide, the highest version first.
    ///
    /// # Errors
    /// When a stanza is wrong, or damaged in the store.
    pub fn in_pocket(&self, pocket: &str, name: &str) -> Result<Vec<BinaryPackage>, IndexError> {
        let mut packages = Vec::new();
        for (number, file) in (0..=u16::MAX).zip(&self.files) {
            if self.pocket(number).0 == pocket {
                for entry in file.table.entries_named(name) {
                    packages.push(self.parse(&entry, file, number)?);
                }
            }
        }
        packages.sort_by(|a, b| b.version.cmp(&a.version));
        Ok(packages)
    }

    /// The pockets that have packages of a name and may not provide them.
    pub fn withholding(&self, name: &str) -> Vec<&str> {
        let files = (0..=u16::MAX).zip(&self.files);
        let withholding = files.filter(|(pocket, file)| {
            file.table.entries_named(name).next().is_some() && !self.may_provide(*pocket, name)
        });
        sorted(withholding.map(|(pocket, _)| self.pocket(pocket).0))
    }

    /// Whether a pocket may provide the packages of a name.
    fn may_provide(&self, pocket: u16, name: &str) -> bool {
        match self.rules.get(self.pocket(pocket).0) {
            None => true,
            Some(rule) => rule.admits(name, || self.is_in_free_pocket(name)),
        }
    }

    /// Whether a pocket that may provide all has packages of a name.
    fn is_in_free_pocket(&self, name: &str) -> bool {
        let mut files = (0..=u16::MAX).zip(&self.files);
        files.any(|(pocket, file)| {
            !self.rules.contains_key(self.pocket(pocket).0)
                && file.table.entries_named(name).next().is_some()
        })
    }

    /// The priority of a pocket's packages of a name.
    fn priority(&self, pocket: u16, name: &str) -> i32 {
        let (pocket, priority) = self.pocket(pocket);
        let rule = self.rules.get(pocket);
        rule.map_or(priority, |rule| rule.priority(name, priority))
    }

    /// The architecture that the index is for.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The pockets, in the order in which they were added.
    pub fn pockets(&self) -> &[Pocket] {
        &self.pockets
    }

    /// The names of the pockets in that order, each once: a suite is one for each of its components.
    pub fn pocket_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for pocket in &self.pockets {
            if !names.contains(&pocket.name) {
                names.push(pocket.name.clone());
            }
        }
        names
    }

    /// How many stanzas the index has.
    pub fn len(&self) -> usize {
        self.tables().map(Table::packages).sum()
    }

    /// Whether the index has no stanza.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
        let condensed = Condensed::of(text, &self.architecture)
            .map_err(|problem| problem.in_pocket(Some(&pocket.name)))?;
        self.add_condensed(condensed, pocket)
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
        if u16::try_from(self.pockets.len()).is_err() {
            return Err(IndexError::Unusable {
                pocket: pocket.name,
                problem: "is one too many: 65,536 are the most",
            });
        }
        self.pockets.push(pocket);
        self.files.push(Arc::new(condensed));
        Ok(())
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        self.files.iter().map(|file| &file.table)
    }

    /// The names of all real packages, sorted.
    pub fn package_names(&self) -> Vec<&str> {
        sorted(self.tables().flat_map(Table::names))
    }

    /// The names of all packages that others provide, sorted. Some are real ones, too.
    pub fn virtual_names(&self) -> Vec<&str> {
        sorted(self.tables().flat_map(Table::virtual_names))
    }

    /// Whether there is a real package of this name.
    pub fn has_package(&self, name: &str) -> bool {
        let mut files = (0..=u16::MAX).zip(&self.files);
        self.held.contains_key(name)
            || files.any(|(pocket, file)| {
                file.table.entries_named(name).next().is_some() && self.may_provide(pocket, name)
            })
    }

    /// The packages called `name`, the best first: by the priority of their pocket, then by
    /// version, then by the name of the pocket and the digest.
    ///
    /// A package that several pockets have (same version, same digest) is there once, from the
    /// best of them. Two packages of one version that differ in their digest are two.
    ///
    /// # Errors
    /// When a stanza is wrong, or damaged in the store.
    pub fn candidates(&self, name: &str) -> Result<Vec<BinaryPackage>, IndexError> {
        if let Some(held) = self.held.get(name) {
            return Ok(vec![held.clone()]);
        }
        let mut packages = Vec::new();
        // As many as there are numbers, as `add_condensed` sees to.
        for (pocket, file) in (0..=u16::MAX).zip(&self.files) {
            if !self.rules.is_empty() && !self.may_provide(pocket, name) {
                continue;
            }
            for entry in file.table.entries_named(name) {
                packages.push(self.parse(&entry, file, pocket)?);
            }
        }
        packages.sort_by(|a: &BinaryPackage, b| {
            let pocket = |package: &BinaryPackage| self.pocket(package.pocket);
            let priority = |package: &BinaryPackage| Reverse(self.priority(package.pocket, name));
            priority(a)
                .cmp(&priority(b))
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
        let providers = self
            .tables()
            .flat_map(|table| table.providers(virtual_name));
        let provides = |one: &&BinaryPackage| one.provides.iter().any(|p| p.name == virtual_name);
        let held = self.held.values().filter(provides);
        let providers = providers.chain(held.map(|one| one.name.as_str()));
        sorted(providers.filter(|provider| *provider != virtual_name))
    }

    /// Real and virtual packages whose names are like `name`, the most alike first, at most
    /// `limit`; for messages.
    pub fn nearest(&self, name: &str, limit: usize) -> Vec<String> {
        let real = self.tables().flat_map(Table::names);
        let provided = self.tables().flat_map(Table::virtual_names);
        distil_store::nearest(name, real.chain(provided), limit)
    }

    /// A pocket's name and priority.
    fn pocket(&self, number: u16) -> (&str, i32) {
        self.pockets
            .get(usize::from(number))
            .map_or(("", 0), |pocket| (&pocket.name, pocket.priority))
    }

    fn parse(
        &self,
        entry: &Entry,
        file: &Condensed,
        pocket: u16,
    ) -> Result<BinaryPackage, IndexError> {
        let of = || self.pocket(pocket).0.to_owned();
        let damaged = |source| IndexError::Damaged {
            pocket: of(),
            source,
        };
        let stanza = file.text.stanza(entry, &file.table).map_err(damaged)?;
        let line = u64::from(entry.line);
        let moved = |error: ControlError| error.moved_by(line.saturating_sub(1));
        let stanza =
            std::str::from_utf8(&stanza).map_err(|_| moved(ControlError::NotUtf8 { line: 1 }))?;
        let paragraph = Paragraph::parse(stanza).map_err(moved)?;
        BinaryPackage::from_paragraph(&paragraph, pocket).map_err(|source| IndexError::Package {
            package: file.table.name_of(entry).to_owned(),
            line,
            pocket: Some(of()),
            source,
        })
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}
