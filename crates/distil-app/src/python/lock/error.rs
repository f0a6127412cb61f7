//! What can be wrong with a lock file.

use super::super::marker::MarkerError;
use super::super::name::{Name, NameError};
use super::super::requirement::RequirementError;

/// Why a lock file cannot be used. The messages follow the file's name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Its name is not one of a lock file.
    #[error(
        "is not called like a lock file: `uv.lock`, `pylock.toml`, `pylock.NAME.toml` or `*.txt`"
    )]
    Unknown,
    /// It is not TOML, or lacks what the format has.
    #[error("is not valid: {0}")]
    Toml(String),
    /// A version of the format that this program does not know.
    #[error("has version {found} of its format, and {known} is read")]
    Version {
        /// The version.
        found: String,
        /// The version that is read.
        known: &'static str,
    },
    /// A name is none.
    #[error("is not valid")]
    Name(#[from] NameError),
    /// A marker is none.
    #[error("is not valid")]
    Marker(#[from] MarkerError),
    /// A list of versions is none.
    #[error("is not valid")]
    Specifiers(#[from] RequirementError),
    /// A line of `requirements.txt` is wrong.
    #[error("line {line} is not valid")]
    Line {
        /// Which, from 1 on.
        line: usize,
        /// Why.
        source: RequirementError,
    },
    /// A line of `requirements.txt` is something else than a pinned distribution with its hashes.
    #[error("line {line}: {what}")]
    Unusable {
        /// Which, from 1 on.
        line: usize,
        /// What it is, and what to do.
        what: String,
    },
    /// A file of a distribution has no SHA-256.
    #[error(
        "has no SHA-256 of `{file}` of `{name}`, and nothing is installed without one; write the lock anew with hashes"
    )]
    NoHash {
        /// The distribution.
        name: Name,
        /// The file.
        file: String,
    },
    /// What is to be a SHA-256 is none.
    #[error("has no valid SHA-256 of `{file}` of `{name}`")]
    BadHash {
        /// The distribution.
        name: Name,
        /// The file.
        file: String,
    },
    /// The lock is for other Pythons.
    #[error("is for Python {wanted}, and the image has {version}")]
    Python {
        /// The versions that it is for.
        wanted: String,
        /// The version that there is.
        version: String,
    },
    /// A distribution is for other Pythons.
    #[error("pins `{name}`, which is for Python {wanted}, and the image has {version}")]
    DistributionPython {
        /// The distribution.
        name: Name,
        /// The versions that it is for.
        wanted: String,
        /// The version that there is.
        version: String,
    },
    /// It is for none of the image's kind.
    #[error("was made for other environments alone: {0}")]
    Environments(String),
    /// A group or extra is not there.
    #[error("has no {kind} `{name}`{}", listed(known))]
    NoSuch {
        /// `extra`, `dependency group` or `project`.
        kind: &'static str,
        /// Which.
        name: Name,
        /// Those that there are.
        known: Vec<Name>,
    },
    /// A format without groups and extras is asked for some.
    #[error(
        "has no groups and extras: what they bring is chosen when the file is written, with `uv export --extra` or `pip-compile --extra`"
    )]
    NoSelection,
    /// A workspace has several projects.
    #[error("is of a workspace with several projects; name one of them as `project`{}", listed(.0))]
    Workspace(Vec<Name>),
    /// The lock has no project.
    #[error("has no project: no package of it is `virtual`, `editable` or a `directory`")]
    NoProject,
    /// A dependency is on something that the lock does not pin.
    #[error("is incomplete: `{needed}` of `{name}` is not pinned in it; write the lock anew")]
    Incomplete {
        /// Who needs it.
        name: Name,
        /// What is needed.
        needed: Name,
    },
    /// Two versions of one distribution are wanted.
    #[error("wants both version {one} and {other} of `{name}` for this environment")]
    Twice {
        /// The distribution.
        name: Name,
        /// One version.
        one: String,
        /// The other.
        other: String,
    },
    /// A distribution is not from an archive that can be verified.
    #[error(
        "pins `{name}` to {what}, which is not an archive with a digest; build a wheel of it (`python3 -m build --wheel`) and name that, or its directory as `find-links`"
    )]
    Source {
        /// The distribution.
        name: Name,
        /// What it is pinned to, without credentials.
        what: String,
    },
    /// There are more distributions or files than any application has.
    #[error("has more than {0} packages")]
    TooMany(usize),
}

fn listed(names: &[Name]) -> String {
    match names {
        [] => String::new(),
        names => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!(": it has {}", names.join(", "))
        }
    }
}

impl LockError {
    /// What TOML's reader says, in one line, with the line of the file.
    pub(super) fn toml(text: &str, error: &toml::de::Error) -> Self {
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        let line = error.span().map(|span| {
            let before = text.as_bytes().get(..span.start).unwrap_or_default();
            before.iter().filter(|&&byte| byte == b'\n').count() + 1
        });
        Self::Toml(match line {
            Some(line) => format!("line {line}: {message}"),
            None => message,
        })
    }
}
