//! Lock files of Python's tools: which distributions an application has, in which version, and
//! which files of them may be taken.

mod distribution;
mod error;
mod project;
mod pylock;
mod requirements;
mod uv;

use std::collections::BTreeSet;

pub use distribution::{Artifact, ArtifactPlace, Distribution, file_name};
pub use error::LockError;
pub use project::outdated;

use super::environment::Environment;
use super::name::Name;

/// The largest lock file that is read, in bytes; the largest of real projects have some megabytes.
pub const MAX_LOCK: u64 = 32 << 20;

/// What of a project is wanted beside its own dependencies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Dependency groups (PEP 735).
    pub groups: BTreeSet<Name>,
    /// Extras of the project.
    pub extras: BTreeSet<Name>,
    /// The member of a workspace; needed only where there are several.
    pub member: Option<Name>,
}

/// A lock file that was read.
#[derive(Debug, Clone)]
pub enum LockFile {
    /// `uv.lock`.
    Uv(uv::UvLock),
    /// `pylock.toml` (PEP 751).
    Pylock(pylock::Pylock),
    /// `requirements.txt` with hashes, as `pip-compile --generate-hashes` and `uv export` write it.
    Requirements(requirements::Requirements),
}

impl LockFile {
    /// Reads a lock file, whose name says of which kind it is: `uv.lock`, `pylock.toml`,
    /// `pylock.NAME.toml`, and `*.txt`.
    ///
    /// # Errors
    /// If it is of none of these, or is not what its name says.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, LockError> {
        if file_name == "uv.lock" {
            return uv::UvLock::parse(text).map(Self::Uv);
        }
        let is_pylock = file_name.strip_prefix("pylock.").is_some_and(|rest| {
            rest == "toml"
                || rest
                    .strip_suffix(".toml")
                    .is_some_and(|name| !name.contains('.'))
        });
        if is_pylock {
            return pylock::Pylock::parse(text).map(Self::Pylock);
        }
        if file_name.ends_with(".txt") || file_name.ends_with(".in") {
            return requirements::Requirements::parse(text).map(Self::Requirements);
        }
        Err(LockError::Unknown)
    }

    /// The distributions that are wanted for a Python, by name.
    ///
    /// # Errors
    /// If what is selected is not in the lock, the lock is not for this Python, or it has
    /// something that cannot be installed from it.
    pub fn select(
        &self,
        selection: &Selection,
        environment: &Environment,
    ) -> Result<Vec<Distribution>, LockError> {
        let mut found = match self {
            Self::Uv(lock) => lock.select(selection, environment)?,
            Self::Pylock(lock) => lock.select(selection, environment)?,
            Self::Requirements(lock) => lock.select(selection, environment)?,
        };
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// The indexes that the lock names, in the order in which they are asked, for what it gives no
    /// address of.
    pub fn indexes(&self) -> &[String] {
        match self {
            Self::Requirements(lock) => &lock.indexes,
            Self::Uv(_) | Self::Pylock(_) => &[],
        }
    }
}

/// Refuses a name that is not among those that there are.
fn known<'a>(
    kind: &'static str,
    wanted: &BTreeSet<Name>,
    known: impl Iterator<Item = &'a Name> + Clone,
) -> Result<(), LockError> {
    for one in wanted {
        if !known.clone().any(|name| name == one) {
            return Err(LockError::NoSuch {
                kind,
                name: one.clone(),
                known: known.cloned().collect(),
            });
        }
    }
    Ok(())
}
