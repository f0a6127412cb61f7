//! Why a definition makes no image.

use std::path::PathBuf;

use super::place::Place;
use crate::catalogue::UnknownDefinition;
use crate::parse::DefinitionError;

/// Why a definition makes no image.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// There is no such definition in the catalogue.
    #[error(transparent)]
    Unknown(#[from] UnknownDefinition),
    /// The `from` of a definition is not in the catalogue.
    #[error("{unknown}{place}")]
    UnknownFrom {
        /// What was asked for.
        unknown: UnknownDefinition,
        /// Where it stands.
        place: Place,
    },
    /// A definition cannot be read.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The image cannot be made from the suite.
    #[error(transparent)]
    Suite(#[from] UnsuitableSuite),
    /// A file cannot be read.
    #[error("`{}` {problem}{place}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// Where it is named.
        place: Place,
    },
    /// Definitions stand on one another in a circle, or too many of them.
    #[error("the `from` of `{name}` never ends: {}", chain.join(" → "))]
    Endless {
        /// The first of them.
        name: String,
        /// All of them.
        chain: Vec<String>,
    },
    /// A part of a definition is wrong.
    #[error("`{key}` of definition `{definition}`: {problem}{place}")]
    Value {
        /// The definition.
        definition: String,
        /// The key.
        key: &'static str,
        /// What is wrong.
        problem: String,
        /// Where it stands.
        place: Place,
    },
}

impl RecipeError {
    /// The same, with the place where the file is named.
    pub(super) fn at(self, place: Place) -> Self {
        match self {
            Self::File { path, problem, .. } => Self::File {
                path,
                problem,
                place,
            },
            other => other,
        }
    }
}

/// The image cannot be made from the suite that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` cannot be made from {suite}{}{place}",
    below.as_ref().map(|below| format!(", because `{below}`, which it stands on, cannot")).unwrap_or_default()
)]
pub struct UnsuitableSuite {
    /// The definition that was asked for.
    pub name: String,
    /// The suite's code name.
    pub suite: &'static str,
    /// The definition that it stands on and that says so; none if it says so itself.
    pub below: Option<String>,
    /// The suites that it can be made from.
    pub suites: Vec<&'static str>,
    /// Where its suites stand.
    pub place: Place,
}
