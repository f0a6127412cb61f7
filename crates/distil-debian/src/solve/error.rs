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
    #[error(
        "there is no package `{name}` in {pockets}{}",
        not_looked_at(elsewhere),
        pockets = listed(.pockets, "or")
    )]
    Unknown {
        /// The name of the (first) alternative.
        name: String,
        /// Names that are like it, the most alike first.
        nearest: Vec<String>,
        /// The pockets that were searched.
        pockets: Vec<String>,
        /// Components of the archive that have it and are not looked at, such as `non-free`,
        /// each with its suite. Empty where nobody asked.
        elsewhere: Vec<Elsewhere>,
    },
    /// A requested package is of another architecture than all others.
    #[error(
        "`{relation}` is requested, and the packages of the image are for {architecture}: leave \
         the architecture out, or build the image for that platform"
    )]
    OtherArchitecture {
        /// The part of the request.
        relation: Alternatives,
        /// The architecture of the index.
        architecture: String,
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
        only = Offers { name, offers: available, pockets }
    )]
    PinnedMissing {
        /// The package.
        name: String,
        /// The version it is pinned to.
        version: Version,
        /// The packages of that name that there are.
        available: Vec<Offer>,
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

/// A component of a suite.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elsewhere {
    /// The component, such as `non-free`.
    pub component: String,
    /// The suite.
    pub pocket: String,
}

fn not_looked_at(elsewhere: &[Elsewhere]) -> String {
    let places: Vec<String> = elsewhere
        .iter()
        .map(|place| format!("`{}` of {}", place.component, place.pocket))
        .collect();
    match places.as_slice() {
        [] => String::new(),
        places => format!(
            ": it is in {}, and images are made of `main` alone, which is what Debian itself is",
            places.join(" and in ")
        ),
    }
}

impl SolveError {
    /// The pocket whose index turned out to be damaged in the store, if that is why.
    pub fn damaged(&self) -> Option<&str> {
        match self {
            Self::Index(IndexError::Damaged { pocket, .. }) => Some(pocket),
            _ => None,
        }
    }
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
    /// Nothing: this is what there is by the names in the relation; a name without any is not
    /// there at all.
    Nothing(Vec<(String, Vec<Offer>)>),
}

/// A package of a certain name, real or provided, that does not satisfy a relation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offer {
    /// A package that has the name.
    Real {
        /// Its version.
        version: Version,
        /// The name of its pocket.
        pocket: String,
    },
    /// A package that provides the name.
    Provided {
        /// The version that is provided.
        version: Option<Version>,
        /// The package that provides it.
        by: String,
    },
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real { version, pocket } => write!(f, "{version} in {pocket}"),
            Self::Provided {
                version: Some(version),
                by,
            } => write!(f, "{version} provided by `{by}`"),
            Self::Provided { version: None, by } => {
                write!(f, "one without version provided by `{by}`")
            }
        }
    }
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
                let verb = match (field, package.is_one()) {
                    (RelationField::PreDepends, true) => "pre-depends",
                    (RelationField::PreDepends, false) => "pre-depend",
                    (_, true) => "depends",
                    (_, false) => "depend",
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
                let verb = match (field, package.is_one()) {
                    (RelationField::Breaks, true) => "breaks",
                    (RelationField::Breaks, false) => "break",
                    (_, true) => "conflicts with",
                    (_, false) => "conflict with",
                };
                write!(f, "{package} {verb} `{relation}`")?;
                if relation.name != other.name {
                    let verb = if other.is_one() {
                        "provides"
                    } else {
                        "provide"
                    };
                    return write!(f, ", which {other} {verb}");
                }
                match &other.versions[..] {
                    [] => Ok(()),
                    versions => write!(f, ", such as {}", versions_listed(versions)),
                }
            }
        }
    }
}

impl Subject {
    /// Whether this is one package rather than several versions of it.
    fn is_one(&self) -> bool {
        self.versions.len() < 2
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
                write!(
                    f,
                    ", which {verb}{} can satisfy",
                    listed(&quoted(names), "or")
                )
            }
            Self::Nothing(names) => {
                for (at, (name, offers)) in names.iter().enumerate() {
                    f.write_str(if at == 0 { ", but " } else { ", and " })?;
                    let offers = Offers {
                        name,
                        offers,
                        pockets,
                    };
                    write!(f, "{offers}")?;
                }
                Ok(())
            }
        }
    }
}

/// What there is of a name: `only `libfoo` 1.0 is in trixie`.
struct Offers<'a> {
    name: &'a str,
    offers: &'a [Offer],
    pockets: &'a [String],
}

impl fmt::Display for Offers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.offers {
            [] => write!(f, "no `{name}` is in {}", listed(self.pockets, "or")),
            [Offer::Real { version, pocket }] => {
                write!(f, "only `{name}` {version} is in {pocket}")
            }
            offers => {
                let each: Vec<String> = offers.iter().map(Offer::to_string).collect();
                write!(f, "of `{name}` there is only {}", listed(&each, "and"))
            }
        }
    }
}

fn versions_listed(versions: &[Version]) -> String {
    let texts: Vec<String> = versions.iter().map(Version::to_string).collect();
    listed(&texts, "and")
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
