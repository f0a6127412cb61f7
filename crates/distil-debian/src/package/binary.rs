//! What a binary package is.

use std::fmt;

use distil_store::Digest;
use serde::{Deserialize, Serialize};

use crate::relation::{Alternatives, Provided, Relation, Relations};
use crate::version::Version;

/// A binary package of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinaryPackage {
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub version: Version,
    /// Debian's name of the architecture, or `all`.
    pub architecture: String,
    /// The source package that this one was built from.
    pub source: SourceReference,
    /// `Depends`.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub depends: Relations,
    /// `Pre-Depends`.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub pre_depends: Relations,
    /// `Provides`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provides: Vec<Provided>,
    /// `Conflicts`.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub conflicts: Relations,
    /// `Breaks`.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub breaks: Relations,
    /// `Replaces`.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub replaces: Relations,
    /// `Multi-Arch`.
    #[serde(default)]
    pub multi_arch: MultiArch,
    /// `Priority`.
    #[serde(default)]
    pub priority: Priority,
    /// Whether the package is `Essential: yes`.
    #[serde(default)]
    pub essential: bool,
    /// `Section`, empty where there is none.
    #[serde(default)]
    pub section: String,
    /// `Installed-Size`: an estimate of the unpacked size, in KiB.
    #[serde(default)]
    pub installed_size_kib: u64,
    /// The path of the `.deb` below the archive's root: relative, without `.` and `..`.
    pub filename: String,
    /// The size of the `.deb` in bytes.
    pub size: u64,
    /// The SHA-256 digest of the `.deb`.
    pub sha256: Digest,
    /// Which of the index's pockets it came from: a place in
    /// [`PackageIndex::pockets`](crate::index::PackageIndex::pockets).
    #[serde(default)]
    pub pocket: u16,
}

/// A source package and its version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceReference {
    /// The source package's name.
    pub name: String,
    /// The source package's version, which can differ from the binary package's.
    pub version: Version,
}

impl fmt::Display for SourceReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.version)
    }
}

/// How a package can stand beside, or in for, the same package of another architecture
/// (deb-control(5), `Multi-Arch`).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum MultiArch {
    /// It cannot.
    #[default]
    No,
    /// It can be installed for several architectures at once.
    Same,
    /// It satisfies relations of packages of other architectures.
    Foreign,
    /// It satisfies relations with `:any` of packages of other architectures.
    Allowed,
}

impl MultiArch {
    /// The value as the field has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Same => "same",
            Self::Foreign => "foreign",
            Self::Allowed => "allowed",
        }
    }
}

/// How important a package is to a system (Debian Policy §2.5), the most important first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Needed for a system to work at all.
    Required,
    /// Expected on any Unix.
    Important,
    /// Installed unless told otherwise.
    Standard,
    /// All the rest.
    #[default]
    Optional,
    /// The obsolete `extra`, and values that Debian Policy does not know.
    Extra,
}

impl Priority {
    /// The value as the field has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Important => "important",
            Self::Standard => "standard",
            Self::Optional => "optional",
            Self::Extra => "extra",
        }
    }
}

/// The fields in which a package names others, as errors and reasons name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RelationField {
    /// `Depends`
    Depends,
    /// `Pre-Depends`
    #[serde(rename = "Pre-Depends")]
    PreDepends,
    /// `Conflicts`
    Conflicts,
    /// `Breaks`
    Breaks,
}

impl RelationField {
    /// The field's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Depends => "Depends",
            Self::PreDepends => "Pre-Depends",
            Self::Conflicts => "Conflicts",
            Self::Breaks => "Breaks",
        }
    }
}

impl fmt::Display for RelationField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl BinaryPackage {
    /// The relations that have to hold for the package to work, with the field of each:
    /// `Pre-Depends`, then `Depends`.
    pub fn dependencies(&self) -> impl Iterator<Item = (RelationField, &Alternatives)> {
        let pre = self.pre_depends.iter();
        pre.map(|group| (RelationField::PreDepends, group))
            .chain(self.depends.iter().map(|g| (RelationField::Depends, g)))
    }

    /// The packages that cannot be installed beside this one, with the field of each.
    pub fn exclusions(&self) -> impl Iterator<Item = (RelationField, &Relation)> {
        let conflicts = self.conflicts.iter().flatten();
        let breaks = self.breaks.iter().flatten();
        conflicts
            .map(|relation| (RelationField::Conflicts, relation))
            .chain(breaks.map(|relation| (RelationField::Breaks, relation)))
    }
}
