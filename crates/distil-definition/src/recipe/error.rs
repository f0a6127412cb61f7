//! Why a definition makes no image.

use std::path::PathBuf;

use super::position::Position;
use crate::catalogue::UnknownDefinition;
use crate::harmless::harmless_lines;
use crate::parse::DefinitionError;

/// Why a definition makes no image.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// There is no such definition in the catalogue.
    #[error(transparent)]
    Unknown(#[from] UnknownDefinition),
    /// The `from` of a definition is not in the catalogue.
    #[error("{unknown}{position}")]
    UnknownFrom {
        /// What was asked for.
        unknown: UnknownDefinition,
        /// The position of the value in the definition.
        position: Position,
    },
    /// A definition cannot be read.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The image cannot be made from the suite.
    #[error(transparent)]
    Suite(#[from] UnsuitableSuite),
    /// A file cannot be read.
    #[error("`{}` {problem}{position}", harmless_lines(&path.display().to_string()))]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// The position where it is named.
        position: Position,
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
    #[error("`{key}` of definition `{definition}`: {problem}{position}")]
    Value {
        /// The definition.
        definition: String,
        /// The key.
        key: &'static str,
        /// What is wrong.
        problem: String,
        /// The position of the value in the definition.
        position: Position,
    },
}

impl RecipeError {
    /// The same, with the position where the file is named.
    pub(super) fn at(self, position: Position) -> Self {
        match self {
            Self::File { path, problem, .. } => Self::File {
                path,
                problem,
                position,
            },
            other => other,
        }
    }
}

/// The image cannot be made from the suite that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` cannot be made from {suite}{}{position}",
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
    /// The position of its suites.
    pub position: Position,
}
