//! The file system of an image, with what is to be told of how it came about.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use distil_bundle::Provenance;
use distil_definition::Accounts;
use distil_lock::LockedPackage;
use distil_tree::{Tree, TreePath};

use crate::layer_tree::LayerTree;

/// An image's file system, with what is to be told of how it came about.
#[derive(Debug)]
pub struct Assembly {
    /// The tree, as a container sees it.
    pub tree: Tree,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerTree>,
    /// All packages that it has files of, the lowest layer first, by name.
    pub packages: Vec<InstalledPackage>,
    /// What packages ship and the image has not.
    pub left_out: Vec<LeftOut>,
    /// What it has that no package ships, the lowest layer first.
    pub bundles: Vec<PlacedBundle>,
    /// Its users and groups.
    pub accounts: Accounts,
}

/// Files of the image that no Debian package ships and that came as one thing.
#[derive(Debug, Clone)]
pub struct PlacedBundle {
    /// The definition that brings them.
    pub definition: String,
    /// The layer that they are in.
    pub layer: usize,
    /// Where they are in the image.
    pub to: TreePath,
    /// Where they are from, and which software they are.
    pub provenance: Provenance,
    /// How many entries were put into the image.
    pub files: u64,
    /// The bytes of the files among them.
    pub size: u64,
}

/// A package of the image.
#[derive(Debug, Clone)]
pub struct InstalledPackage {
    /// The package and the reasons why it is there.
    pub locked: LockedPackage,
    /// Whose archive it is from, where that is not Debian's.
    pub vendor: Option<String>,
    /// The layer that it belongs to.
    pub layer: usize,
    /// The text of its control file.
    pub control: String,
    /// Where its files are in the tree, but for those that were left out.
    pub files: Vec<TreePath>,
    /// The bytes of its files in the tree.
    pub size: u64,
    /// Files of it that were left out.
    pub left_out: Amount,
    /// The maintainer scripts that it has.
    pub scripts: Vec<String>,
    /// Why nothing is missing though they do not run, where that is known.
    pub scripts_covered: Option<String>,
    /// What they would have done, and nobody did.
    pub undone: Vec<Undone>,
}

/// Something that a script would have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The script, or the file that declares it.
    pub script: String,
    /// The line in it; 0 where that is not known.
    pub line: usize,
    /// What it is, in words: "adds the user `redis`".
    pub what: String,
}

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
    /// It is a link, and what it leads to is left out.
    Dangling {
        /// What that is.
        target: TreePath,
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
            Self::Dangling { .. } => f.write_str("links to what is left out"),
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
    /// Counts a file of so many bytes.
    pub(crate) fn add(&mut self, bytes: u64) {
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
