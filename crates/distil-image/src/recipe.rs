//! A definition made plain: its ancestors looked up, its overlays applied for one suite and
//! architecture, its variables filled in, its files read. What comes after knows no YAML.

mod lower;
mod source;
mod variables;

use std::collections::BTreeMap;

use distil_debian::relation::Alternatives;
use distil_debian::suite::Suite;
use distil_tree::TreePath;

use crate::architecture::Architecture;
use crate::definition::{Accounts, Config};
use crate::pattern::Patterns;

pub use lower::{RecipeError, Target, lower};
pub use source::Source;
pub use variables::{UnknownVariable, expand};

/// Which of a definition's images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// The image itself.
    #[default]
    Latest,
    /// The image for the user `nonroot`.
    Nonroot,
    /// The image with busybox.
    Debug,
    /// The image with busybox for the user `nonroot`.
    DebugNonroot,
}

/// There is no such variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no variant `{name}`; the variants are {}", Variant::ALL.map(|v| format!("`{}`", v.name())).join(", "))]
pub struct UnknownVariant {
    /// What was asked for.
    pub name: String,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Latest, Self::Nonroot, Self::Debug, Self::DebugNonroot];

    /// Its name, which is the image's tag.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Nonroot => "nonroot",
            Self::Debug => "debug",
            Self::DebugNonroot => "debug-nonroot",
        }
    }

    /// The variant with this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<Self, UnknownVariant> {
        let found = Self::ALL.into_iter().find(|variant| variant.name() == name);
        found.ok_or_else(|| UnknownVariant {
            name: name.to_owned(),
        })
    }

    /// Whether it has busybox.
    pub fn is_debug(self) -> bool {
        matches!(self, Self::Debug | Self::DebugNonroot)
    }

    /// Whether its user is `nonroot`.
    pub fn is_nonroot(self) -> bool {
        matches!(self, Self::Nonroot | Self::DebugNonroot)
    }
}

/// All that is needed to make one image, but for the packages.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The definition's name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Which of its images.
    pub variant: Variant,
    /// The release of Debian.
    pub suite: Suite,
    /// The architecture.
    pub architecture: Architecture,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerRecipe>,
    /// How a container runs.
    pub config: Config,
}

/// What one layer is made of.
#[derive(Debug, Clone)]
pub struct LayerRecipe {
    /// The definition's name.
    pub definition: String,
    /// The packages that it asks for.
    pub packages: Vec<PackageRequest>,
    /// Relations that this definition leaves out, with the reasons.
    pub without: BTreeMap<String, String>,
    /// Files that it leaves out.
    pub drop: Patterns,
    /// Files that it keeps against the default policy.
    pub keep: Patterns,
    /// Libraries that may be missing, with the reasons.
    pub excuse: BTreeMap<String, String>,
    /// Symbolic links.
    pub links: Vec<(TreePath, String)>,
    /// Folders.
    pub directories: Vec<Addition>,
    /// Files with their bytes.
    pub files: Vec<(Addition, Vec<u8>)>,
    /// All accounts so far, those of the layers below first.
    pub accounts: Accounts,
    /// Certificates that are trusted beside Debian's: a name and a PEM text.
    pub certificates: Vec<(String, String)>,
    /// Whether it is the layer with busybox.
    pub is_debug: bool,
    /// Whether an entry that has no effect is an error. In the user's own definitions it is:
    /// it was written for a reason. In the catalogue's it is not: Debian may drop a file any
    /// day, and that must not break everybody's builds.
    pub is_strict: bool,
}

/// A package that a definition asks for.
#[derive(Debug, Clone)]
pub struct PackageRequest {
    /// The relation, reduced to the architecture.
    pub relation: Alternatives,
    /// The files that are taken; all if there is no pattern.
    pub only: Patterns,
    /// Files that go elsewhere.
    pub moved: BTreeMap<TreePath, TreePath>,
}

/// The place, owner and mode of a folder or file that a definition adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Its path.
    pub path: TreePath,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Its mode.
    pub mode: u32,
}
