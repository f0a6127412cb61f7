//! Why there are no packages for a recipe.

use distil_debian::solve::SolveError;
use distil_definition::recipe::Position;
use distil_oci::Platform;

/// Why there are no packages for a recipe.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is no solution.
    #[error("failed to find packages for `{definition}`")]
    Unsolvable {
        /// The definition.
        definition: String,
        /// Why.
        source: SolveError,
    },
    /// What a `dev` is to have does not go together.
    #[error("failed to find packages for `{definition}` beside those of the image itself")]
    UnsolvableDev {
        /// The image.
        definition: String,
        /// Why.
        source: SolveError,
    },
    /// There is no compiler for the platform, or another tool of every `dev`.
    #[error(
        "`{definition}` cannot be made for {platform}: there is no package `{tool}`, which every \
         `:dev` has, in {}", pockets.join(", ")
    )]
    NoTool {
        /// The image.
        definition: String,
        /// The platform.
        platform: Platform,
        /// The tool's package.
        tool: String,
        /// The pockets that were searched.
        pockets: Vec<String>,
    },
    /// A suite that an entry names does not have the package.
    #[error(
        "`{entry}` of definition `{definition}`: {}{position}",
        match known {
            true => format!("`{suite}` has no package of this name"),
            false => format!("there is no suite `{suite}`; the suites are {}", pockets.join(", ")),
        }
    )]
    NotInSuite {
        /// The definition.
        definition: String,
        /// The entry.
        entry: String,
        /// The suite.
        suite: String,
        /// Whether packages are taken from a suite of this name.
        known: bool,
        /// The suites that packages are taken from.
        pockets: Vec<String>,
        /// The position of the entry.
        position: Position,
    },
    /// A package is in an archive that may not provide it.
    #[error(
        "there is a package `{name}`, which `{definition}` asks for, in `{archive}` alone, and \
         `packages` of that archive's entry does not name it"
    )]
    Withheld {
        /// The definition.
        definition: String,
        /// The package.
        name: String,
        /// The archive.
        archive: String,
    },
    /// An entry of `without` leaves nothing out.
    #[error(
        "`without: {name}` of definition `{definition}` leaves nothing out: no package of the \
         image asks for it{position}"
    )]
    UselessWithout {
        /// The definition.
        definition: String,
        /// The entry.
        name: String,
        /// The position of the entry.
        position: Position,
    },
}

impl ResolveError {
    /// The pocket whose index turned out to be damaged in the store, if that is why.
    pub fn damaged(&self) -> Option<&str> {
        match self {
            Self::Unsolvable { source, .. } | Self::UnsolvableDev { source, .. } => {
                source.damaged()
            }
            Self::Withheld { .. }
            | Self::NoTool { .. }
            | Self::NotInSuite { .. }
            | Self::UselessWithout { .. } => None,
        }
    }
}
