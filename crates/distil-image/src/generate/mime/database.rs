//! What all descriptions together say of types.

use std::collections::{BTreeMap, BTreeSet};

use super::description::{Magic, Match, Pattern, Said};

/// The pattern and the value that say that those of other databases do not hold.
const NO_PATTERNS: &str = "__NOGLOBS__";
const NO_MAGIC: &[u8] = b"__NOMAGIC__";

/// The types, and how they are known.
#[derive(Debug, Default)]
pub(super) struct Database {
    pub(super) types: BTreeSet<String>,
    /// Types by their other names.
    pub(super) aliases: BTreeMap<String, String>,
    /// What each type is a kind of.
    pub(super) parents: BTreeMap<String, Vec<String>>,
    /// Types by patterns, with the weight.
    pub(super) patterns: BTreeMap<String, Vec<(Pattern, String)>>,
    magics: Vec<(Magic, String)>,
    without_magics: Vec<(Magic, String)>,
    /// Types by namespaces and names of root elements.
    pub(super) roots: BTreeMap<(String, String), String>,
    pub(super) icons: BTreeMap<String, String>,
    pub(super) generic_icons: BTreeMap<String, String>,
}

impl Database {
    /// Adds something that is said of a type.
    pub(super) fn add(&mut self, mime: String, said: Said) {
        match said {
            Said::Known => drop(self.types.insert(mime)),
            Said::Pattern(pattern) => self.add_pattern(pattern, mime),
            Said::NoPatterns => {
                let pattern = Pattern {
                    text: NO_PATTERNS.to_owned(),
                    weight: 0,
                    is_case_sensitive: false,
                };
                self.add_pattern(pattern, mime);
            }
            Said::Magic(magic) => self.magics.push((magic, mime)),
            Said::NoMagic => {
                let value = Match {
                    start: 0,
                    length: 1,
                    word: 1,
                    value: NO_MAGIC.to_vec(),
                    mask: None,
                    matches: Vec::new(),
                };
                let magic = Magic {
                    priority: 0,
                    matches: vec![value],
                };
                self.without_magics.push((magic, mime));
            }
            Said::Alias(alias) => drop(self.aliases.insert(alias, mime)),
            Said::Parent(parent) => self.parents.entry(mime).or_default().push(parent),
            Said::Root { namespace, name } => drop(self.roots.insert((namespace, name), mime)),
            Said::Icon(icon) => drop(self.icons.insert(mime, icon)),
            Said::GenericIcon(icon) => drop(self.generic_icons.insert(mime, icon)),
        }
    }

    fn add_pattern(&mut self, pattern: Pattern, mime: String) {
        let of_text = self.patterns.entry(pattern.text.clone()).or_default();
        of_text.push((pattern, mime));
    }

    /// The rules about content in the order in which they are tried.
    pub(super) fn magics(&self) -> Vec<&(Magic, String)> {
        let mut magics: Vec<&(Magic, String)> = self.magics.iter().collect();
        magics.sort_by(|(a, x), (b, y)| {
            let by_name = || x.split_once('/').cmp(&y.split_once('/'));
            b.priority.cmp(&a.priority).then_with(by_name)
        });
        self.without_magics.iter().chain(magics).collect()
    }
}
