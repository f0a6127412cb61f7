//! Why a request has no solution, in Debian's words.

use std::fmt;

use crate::index::IndexError;
use crate::package::RelationField;
use crate::relation::{Alternatives, Relation};
use crate::version::Version;

/// Why there is no solution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// A stanza of the index is wrong.
    #[error("failed to read the package index")]
    Index(#[from] IndexError),
    /// The index has none of the packages of a requested alternative, real or virtual.
    #[error("there is no package `{name}` in {pockets}", pockets = listed(.pockets, "and"))]
    Unknown {
        /// The name of the (first) alternative.
        name: String,
        /// Names that are like it, the most alike first.
        nearest: Vec<String>,
        /// The pockets that were searched.
        pockets: Vec<String>,
    },
    /// A requested package is a virtual one, several packages provide it, and the request names
    /// none of these.
    #[error(
        "`{name}` is a virtual package, and one of those that provide it has to be chosen: {providers}",
        providers = listed(&quoted(.providers), "or")
    )]
    Virtual {
        /// The name.
        name: String,
        /// The packages that provide it, sorted.
        providers: Vec<String>,
    },
    /// A requested package is among those to do without.
    #[error("`{relation}` is requested, but `{name}` is to be left out")]
    RequestedWithout {
        /// The part of the request.
        relation: Alternatives,
        /// The entry of [`Request::without`](super::Request::without).
        name: String,
    },
    /// The index does not have a package in the version that it is pinned to.
    #[error(
        "`{name}` is pinned to {version}, but {only}",
        only = Available { name, versions: available, pockets }
    )]
    PinnedMissing {
        /// The package.
        name: String,
        /// The version it is pinned to.
        version: Version,
        /// The versions that there are, each with its pocket.
        available: Vec<(Version, String)>,
        /// The pockets that were searched.
        pockets: Vec<String>,
    },
    /// There would be a solution if no version was pinned.
    #[error("the request does not fit the versions that are pinned:\n{0}")]
    PinConflict(Explanation),
    /// There is no solution.
    #[error("the request cannot be satisfied:\n{0}")]
    Unsatisfiable(Explanation),
}

/// Facts that exclude each other, as few as possible, in the order in which they are best read:
/// each line of the text is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The facts: from what was requested to what is missing or excluded.
    pub facts: Vec<Fact>,
    /// The pockets that were searched.
    pub pockets: Vec<String>,
}

/// One step of an [`Explanation`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A package is pinned.
    Pinned {
        /// The package.
        name: String,
        /// Its version.
        version: Version,
    },
    /// Something is requested.
    Requested {
        /// The part of the request.
        relation: Alternatives,
        /// What could satisfy it.
        by: Satisfiers,
    },
    /// A package depends on something.
    Depends {
        /// The package.
        package: Subject,
        /// The field of the dependency.
        field: RelationField,
        /// The dependency.
        relation: Alternatives,
        /// What could satisfy it.
        by: Satisfiers,
    },
    /// A package cannot stand beside another.
    Excludes {
        /// The package.
        package: Subject,
        /// `Conflicts` or `Breaks`.
        field: RelationField,
        /// The relation that excludes the other package.
        relation: Relation,
        /// The other package.
        other: Subject,
    },
}

/// A package, and which of its versions a [`Fact`] is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The package's name.
    pub name: String,
    /// The versions, the best first; empty where the index has only one.
    pub versions: Vec<Version>,
}

/// What can satisfy a relation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Satisfiers {
    /// The packages that the relation names.
    Named,
    /// These packages, of which the relation names at least one only by what it provides.
    Providers(Vec<String>),
    /// Nothing: these are the versions that there are of what the relation names, each with its
    /// pocket; a name without versions is not there at all.
    Nothing(Vec<(String, Vec<(Version, String)>)>),
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fact) in self.facts.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            f.write_str("  ")?;
            fact.write(f, &self.pockets)?;
        }
        Ok(())
    }
}

impl Fact {
    fn write(&self, f: &mut fmt::Formatter<'_>, pockets: &[String]) -> fmt::Result {
        match self {
            Self::Pinned { name, version } => write!(f, "`{name}` is pinned to {version}"),
            Self::Requested { relation, by } => {
                write!(f, "`{relation}` is requested")?;
                by.write(f, pockets)
            }
            Self::Depends {
                package,
                field,
                relation,
                by,
            } => {
                let verb = match field {
                    RelationField::PreDepends => "pre-depends",
                    _ => "depends",
                };
                write!(f, "{package} {verb} on `{relation}`")?;
                by.write(f, pockets)
            }
            Self::Excludes {
                package,
                field,
                relation,
                other,
            } => {
                let verb = match field {
                    RelationField::Breaks => "breaks",
                    _ => "conflicts with",
                };
                write!(f, "{package} {verb} `{relation}`")?;
                if relation.name != other.name {
                    return write!(f, ", which {other} provides");
                }
                match &other.versions[..] {
                    [] => Ok(()),
                    versions => write!(f, ", that is {}", versions_listed(versions)),
                }
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name)?;
        if self.versions.is_empty() {
            return Ok(());
        }
        write!(f, " {}", versions_listed(&self.versions))
    }
}

impl Satisfiers {
    fn write(&self, f: &mut fmt::Formatter<'_>, pockets: &[String]) -> fmt::Result {
        match self {
            Self::Named => Ok(()),
            Self::Providers(names) => {
                let verb = if names.len() == 1 { "only " } else { "" };
                write!(f, ", which {verb}{} can satisfy", listed(&quoted(names), "or"))
            }
            Self::Nothing(names) => {
                for (at, (name, versions)) in names.iter().enumerate() {
                    f.write_str(if at == 0 { ", but " } else { ", and " })?;
                    let only = Available {
                        name,
                        versions,
                        pockets,
                    };
                    write!(f, "{only}")?;
                }
                Ok(())
            }
        }
    }
}

/// `only `libfoo` 1.0 is in trixie`, or `no `libfoo` is in trixie and trixie-security`.
struct Available<'a> {
    name: &'a str,
    versions: &'a [(Version, String)],
    pockets: &'a [String],
}

impl fmt::Display for Available<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.versions {
            [] => write!(f, "no `{name}` is in {}", listed(self.pockets, "or")),
            [(version, pocket)] => write!(f, "only `{name}` {version} is in {pocket}"),
            many => {
                let each: Vec<String> = many
                    .iter()
                    .map(|(version, pocket)| format!("{version} (in {pocket})"))
                    .collect();
                write!(f, "of `{name}` there are only {}", listed(&each, "and"))
            }
        }
    }
}

fn versions_listed(versions: &[Version]) -> String {
    let texts: Vec<String> = versions.iter().map(Version::to_string).collect();
    listed(&texts, "or")
}

fn quoted(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("`{name}`")).collect()
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[String], and: &str) -> String {
    match names {
        [] => "the index".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} {and} {last}", most.join(", ")),
    }
}
