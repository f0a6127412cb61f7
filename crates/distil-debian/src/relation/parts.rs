//! What relations consist of, and how they are written.

use std::fmt;

use crate::version::Version;

/// How a relation compares versions (Debian Policy §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// `<<`
    StrictlyEarlier,
    /// `<=`, and the obsolete `<`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`, and the obsolete `>`
    LaterOrEqual,
    /// `>>`
    StrictlyLater,
}

impl Operator {
    /// Whether `left` stands in this relation to `right`.
    pub fn holds(self, left: &Version, right: &Version) -> bool {
        let order = left.cmp(right);
        match self {
            Self::StrictlyEarlier => order.is_lt(),
            Self::EarlierOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::LaterOrEqual => order.is_ge(),
            Self::StrictlyLater => order.is_gt(),
        }
    }

    /// The operator as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StrictlyEarlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::StrictlyLater => ">>",
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What follows the colon after a package's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qualifier {
    /// `:any`: a package of any architecture, if it is `Multi-Arch: allowed`.
    Any,
    /// `:amd64` and the like: a package of exactly this architecture.
    Architecture(String),
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Architecture(name) => f.write_str(name),
        }
    }
}

/// An architecture in a relation's `[…]`, or a build profile in its `<…>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Restriction {
    /// Whether it is preceded by `!`.
    pub negated: bool,
    /// The architecture (perhaps a wildcard such as `linux-any`) or the profile.
    pub name: String,
}

impl fmt::Display for Restriction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negated { "!" } else { "" };
        write!(f, "{sign}{}", self.name)
    }
}

/// One package, perhaps of certain versions: `libc6:amd64 (>= 2.36)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relation {
    /// The name of a real or a virtual package.
    pub name: String,
    /// The architecture qualifier.
    pub qualifier: Option<Qualifier>,
    /// The versions that are meant; all where there is none.
    pub version: Option<(Operator, Version)>,
    /// The architectures that the relation is for (`[…]`); all where there are none.
    pub architectures: Vec<Restriction>,
    /// The build profiles that the relation is for: each inner list is one `<…>`.
    pub profiles: Vec<Vec<Restriction>>,
}

impl Relation {
    /// Whether the relation counts on `architecture`, with no build profile active.
    ///
    /// Wildcards are those of Debian Policy §11.1, for architectures whose kernel is Linux.
    pub fn applies_to(&self, architecture: &str) -> bool {
        let listed = |restriction: &Restriction| {
            architecture_matches(&restriction.name, architecture) != restriction.negated
        };
        // A list is either all positive (one has to match) or all negated (all have to hold).
        let on_architecture = match self.architectures.first() {
            None => true,
            Some(first) if first.negated => self.architectures.iter().all(listed),
            Some(_) => self.architectures.iter().any(listed),
        };
        let in_profile = self.profiles.is_empty()
            || self
                .profiles
                .iter()
                .any(|terms| terms.iter().all(|term| term.negated));
        on_architecture && in_profile
    }

    /// Whether a package with this `version` is among those meant. The name is not looked at.
    pub fn admits(&self, version: &Version) -> bool {
        self.version
            .as_ref()
            .is_none_or(|(operator, wanted)| operator.holds(version, wanted))
    }
}

/// Whether the architecture, or the wildcard, `pattern` stands for `architecture`.
fn architecture_matches(pattern: &str, architecture: &str) -> bool {
    let cpu = match architecture {
        "armel" | "armhf" => "arm",
        "x32" => "amd64",
        other => other,
    };
    match pattern {
        "any" | "linux-any" => true,
        _ if pattern == architecture => true,
        _ => pattern
            .strip_prefix("any-")
            .or_else(|| pattern.strip_prefix("linux-"))
            .is_some_and(|wanted| wanted == cpu),
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(qualifier) = &self.qualifier {
            write!(f, ":{qualifier}")?;
        }
        if let Some((operator, version)) = &self.version {
            write!(f, " ({operator} {version})")?;
        }
        if !self.architectures.is_empty() {
            f.write_str(" [")?;
            write_separated(f, &self.architectures, " ")?;
            f.write_str("]")?;
        }
        for terms in &self.profiles {
            f.write_str(" <")?;
            write_separated(f, terms, " ")?;
            f.write_str(">")?;
        }
        Ok(())
    }
}

/// Relations of which one has to hold: `mawk | gawk | awk`. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alternatives(pub(super) Vec<Relation>);

impl Alternatives {
    /// Alternatives from relations in the order of preference; none for no relations.
    pub fn new(relations: Vec<Relation>) -> Option<Self> {
        (!relations.is_empty()).then_some(Self(relations))
    }

    /// The relations, the preferred one first.
    pub fn iter(&self) -> std::slice::Iter<'_, Relation> {
        self.0.iter()
    }

    /// The relations, the preferred one first.
    pub fn as_slice(&self) -> &[Relation] {
        &self.0
    }

    /// Whether one of the relations is to the package `name`.
    pub fn names(&self, name: &str) -> bool {
        self.0.iter().any(|relation| relation.name == name)
    }

    /// What is left on `architecture` with no build profile active, see
    /// [`Relation::applies_to`].
    pub fn reduced_to(&self, architecture: &str) -> Option<Self> {
        Self::new(
            self.0
                .iter()
                .filter(|relation| relation.applies_to(architecture))
                .cloned()
                .collect(),
        )
    }
}

impl From<Relation> for Alternatives {
    fn from(relation: Relation) -> Self {
        Self(vec![relation])
    }
}

impl<'a> IntoIterator for &'a Alternatives {
    type Item = &'a Relation;
    type IntoIter = std::slice::Iter<'a, Relation>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Alternatives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_separated(f, &self.0, " | ")
    }
}

/// A field's whole value: alternatives that all have to hold, or packages that all are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relations(pub Vec<Alternatives>);

impl Relations {
    /// The groups of alternatives, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Alternatives> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Relations {
    type Item = &'a Alternatives;
    type IntoIter = std::slice::Iter<'a, Alternatives>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Relations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_separated(f, &self.0, ", ")
    }
}

/// A virtual package that a package stands for: an entry of `Provides` (Debian Policy §7.5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Provided {
    /// The name of the virtual package.
    pub name: String,
    /// The architecture qualifier.
    pub qualifier: Option<Qualifier>,
    /// The version in which it is provided. Without one, no relation with a version is met.
    pub version: Option<Version>,
}

impl fmt::Display for Provided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(qualifier) = &self.qualifier {
            write!(f, ":{qualifier}")?;
        }
        if let Some(version) = &self.version {
            write!(f, " (= {version})")?;
        }
        Ok(())
    }
}

fn write_separated(
    f: &mut fmt::Formatter<'_>,
    items: &[impl fmt::Display],
    separator: &str,
) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}
