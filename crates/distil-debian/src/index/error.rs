//! What can be wrong with an index.

use crate::control::ControlError;
use crate::package::PackageError;

/// Why an index cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The text is not a control file.
    #[error("the package index is malformed")]
    Control(#[from] ControlError),
    /// Writing the condensed index failed.
    #[error("failed to write the condensed package index")]
    Write(#[source] std::io::Error),
    /// What the store has of an index is not what was put there. It is to be made anew.
    #[error("the package index of `{pocket}` is damaged in the store")]
    Damaged {
        /// The pocket's name.
        pocket: String,
        /// How that was found.
        source: std::io::Error,
    },
    /// A package's stanza is wrong.
    #[error("the stanza of `{package}` at line {line} of the package index{of} is wrong", of = of_pocket(.pocket))]
    Package {
        /// The package's name, or nothing where the stanza has none.
        package: String,
        /// The line where the stanza starts, counted from 1.
        line: u64,
        /// The pocket's name, where it is known.
        pocket: Option<String>,
        /// Why.
        source: PackageError,
    },
    /// The index is larger than 4 GiB, or is not UTF-8, or there are more than 65,535 of them.
    #[error("the package index of `{pocket}` {problem}")]
    Unusable {
        /// The pocket's name.
        pocket: String,
        /// What is wrong.
        problem: &'static str,
    },
}

fn of_pocket(pocket: &Option<String>) -> String {
    pocket
        .as_ref()
        .map_or_else(String::new, |name| format!(" of `{name}`"))
}
