//! Values of a definition with the positions that they are written at.

use std::collections::BTreeMap;
use std::ops::Deref;

use distil_tree::{PatternError, Patterns};

use super::position::Position;

/// Why an entry is there: relations that are left out, libraries that may be missing and files
/// that are allowed all need a reason.
#[derive(Debug, Clone)]
pub struct Reason {
    /// The reason as it is written.
    pub text: String,
    /// The position of the entry.
    pub position: Position,
}

/// Patterns of a definition, each with its position.
#[derive(Debug, Clone)]
pub struct WrittenPatterns {
    patterns: Patterns,
    /// As many as there are patterns.
    positions: Vec<Position>,
}

impl WrittenPatterns {
    /// No patterns.
    pub fn none() -> Self {
        Self {
            patterns: Patterns::none(),
            positions: Vec::new(),
        }
    }

    /// Reads patterns, each of which begins at the root.
    ///
    /// # Errors
    /// If one of them is none.
    pub(super) fn new(written: Vec<(String, Position)>) -> Result<Self, PatternError> {
        let (texts, positions): (Vec<String>, _) = written.into_iter().unzip();
        let patterns = Patterns::new(&texts)?;
        Ok(Self {
            patterns,
            positions,
        })
    }

    /// All patterns of several lists.
    pub(super) fn all<'a>(lists: impl IntoIterator<Item = &'a Self>) -> Result<Self, PatternError> {
        let lists = lists.into_iter();
        let entries = lists.flat_map(|list| list.iter());
        Self::new(
            entries
                .map(|(text, position)| (text.to_owned(), position.clone()))
                .collect(),
        )
    }

    /// The patterns as they are meant, with variables filled in, and their positions.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Position)> {
        let texts = self.patterns.texts().iter().map(String::as_str);
        texts.zip(&self.positions)
    }
}

impl Deref for WrittenPatterns {
    type Target = Patterns;

    fn deref(&self) -> &Patterns {
        &self.patterns
    }
}

/// The positions of what a recipe's configuration says.
#[derive(Debug, Clone, Default)]
pub struct ConfigPositions {
    /// The program of the entrypoint.
    pub entrypoint: Position,
    /// The program of the command, or its first argument.
    pub cmd: Position,
    /// The program of the health check.
    pub healthcheck: Position,
    /// The user.
    pub user: Position,
    /// The working directory.
    pub workdir: Position,
    /// The values of environment variables, by name.
    pub env: BTreeMap<String, Position>,
    /// The values of labels, by name.
    pub labels: BTreeMap<String, Position>,
}
