//! Why apt's configuration cannot be followed.

use std::path::PathBuf;

/// A file of apt's configuration, or one that it names, cannot be used.
///
/// No message has a value of the configuration in it, since a proxy's may have a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AptError {
    /// A file is not in apt's syntax.
    #[error("failed to read apt's configuration in `{}`, line {line}: {problem}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// A file cannot be read.
    #[error("failed to read apt's configuration in `{}`: {problem}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        problem: String,
    },
    /// An option has a value that cannot be followed.
    #[error("apt's option `{option}` in `{}` {problem}", file.display())]
    Option {
        /// The option, as it is written.
        option: String,
        /// The file that sets it.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
}
