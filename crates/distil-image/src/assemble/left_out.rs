//! What packages ship and the image has not, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use distil_tree::TreePath;

use distil_definition::Policy;
use distil_definition::recipe::LayerRecipe;
use distil_tree::Patterns;

use super::Assembly;

/// A file or link that a package ships and the image has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it would be.
    pub path: TreePath,
    /// The package.
    pub package: Arc<str>,
    /// Its bytes; none of a link.
    pub size: u64,
    /// Why it is not there.
    pub reason: Omission,
}

/// Why a file is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Omission {
    /// No image has such files.
    Policy {
        /// The policy's own reason.
        why: &'static str,
    },
    /// A definition drops it.
    Dropped {
        /// The definition.
        definition: Arc<str>,
        /// The pattern that says so.
        pattern: Arc<str>,
    },
    /// A definition takes some other files of the package.
    NotTaken {
        /// The definition.
        definition: Arc<str>,
    },
    /// It is a script, and what would run it is not in the image.
    DeadScript {
        /// The interpreter.
        interpreter: TreePath,
    },
}

impl fmt::Display for Omission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy { why } => f.write_str(why),
            Self::Dropped { definition, .. } => write!(f, "dropped by definition `{definition}`"),
            Self::NotTaken { .. } => f.write_str("of packages that are taken in part"),
            Self::DeadScript { .. } => f.write_str("scripts whose interpreter is not in the image"),
        }
    }
}

/// A number of files and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Files, links counted, too.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

impl Assembly {
    /// What was left out, by the reason in words.
    pub fn left_out_by_reason(&self) -> BTreeMap<String, Amount> {
        let mut amounts: BTreeMap<String, Amount> = BTreeMap::new();
        for one in &self.left_out {
            let amount = amounts.entry(one.reason.to_string()).or_default();
            amount.add(one.size);
        }
        amounts
    }
}

/// Which of a package's files a layer takes.
pub(super) struct Selection<'a> {
    /// None in a `dev`.
    pub(super) policy: Option<&'static Policy>,
    pub(super) layer: &'a LayerRecipe,
    /// The package.
    pub(super) package: &'a str,
    /// The patterns of a package that is taken in part.
    pub(super) only: Option<&'a Patterns>,
}

impl Selection<'_> {
    /// Why the file at this path is left out; none if it is taken.
    pub(super) fn omits(&self, path: &str) -> Option<Omission> {
        let definition = || Arc::from(self.layer.definition.as_str());
        let holds = |place: &usize| {
            let mut recovered = self.layer.recovered.iter();
            !recovered.any(|(below, keep)| place < below && keep.any(path))
        };
        let drops = self.layer.drop.matching(path);
        if let Some(place) = drops.iter().find(|place| holds(place)) {
            let pattern = self.layer.drop.texts().get(*place);
            return Some(Omission::Dropped {
                definition: definition(),
                pattern: pattern.map_or("", String::as_str).into(),
            });
        }
        if let Some(only) = self.only {
            let definition = definition();
            let is_taken = only.any(path) || self.is_licence(path);
            return (!is_taken).then_some(Omission::NotTaken { definition });
        }
        let why = self.policy?.drops(path)?;
        (!self.layer.keep.any(path)).then_some(Omission::Policy { why })
    }

    /// Whether it is the package's licence, or the link that leads to it: that comes with any part
    /// of a package.
    fn is_licence(&self, path: &str) -> bool {
        let rest = path.strip_prefix("/usr/share/doc/");
        let rest = rest.and_then(|rest| rest.strip_prefix(self.package));
        matches!(rest, Some("" | "/copyright"))
    }
}
