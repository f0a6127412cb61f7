//! Values of the file that are one string there.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use distil_debian::package::RelationField;
use distil_debian::relation::Provided;
use distil_debian::solve::{Omitted, Reason};
use serde::{Deserialize, Serialize};

/// A value is not spelled as it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct InvalidPart {
    text: String,
    expected: &'static str,
}

fn invalid(text: &str, expected: &'static str) -> InvalidPart {
    let text = text.chars().take(200).collect();
    InvalidPart { text, expected }
}

/// A time in seconds since 1970, written as RFC 3339 in UTC: `2025-11-14T08:22:10Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(
    /// The seconds; never less than none.
    pub i64,
);

/// Why a package is in an image: `requested libpq5`, `python3 Depends libc6 (>= 2.38)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrittenReason(
    /// The reason.
    pub Reason,
);

/// A dependency of a package: `base-passwd Depends libdebconfclient0 (>= 0.145)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrittenDependency {
    /// The package.
    pub package: String,
    /// The field of the dependency.
    pub field: RelationField,
    /// The dependency.
    pub relation: distil_debian::relation::Alternatives,
}

/// The value of a `Provides` field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProvidedList(
    /// What is provided.
    pub Vec<Provided>,
);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = u64::try_from(self.0).unwrap_or_default();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        humantime::format_rfc3339_seconds(time).fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidPart;

    fn from_str(text: &str) -> Result<Self, InvalidPart> {
        let wrong = || invalid(text, "a time such as `2025-11-14T08:22:10Z`");
        let time = humantime::parse_rfc3339(text).map_err(|_| wrong())?;
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let seconds = since.map_err(|_| wrong())?.as_secs();
        Ok(Self(i64::try_from(seconds).map_err(|_| wrong())?))
    }
}

impl WrittenDependency {
    /// The dependency that was left out.
    pub fn of(omitted: &Omitted) -> Self {
        Self {
            package: omitted.package.clone(),
            field: omitted.field,
            relation: omitted.relation.clone(),
        }
    }
}

impl fmt::Display for WrittenDependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.package, self.field, self.relation)
    }
}

impl FromStr for WrittenDependency {
    type Err = InvalidPart;

    fn from_str(text: &str) -> Result<Self, InvalidPart> {
        let wrong = || invalid(text, "a dependency such as `curl Depends libc6 (>= 2.38)`");
        let mut words = text.splitn(3, ' ');
        let (Some(package), Some(field), Some(relation)) =
            (words.next(), words.next(), words.next())
        else {
            return Err(wrong());
        };
        let field = match field {
            "Depends" => RelationField::Depends,
            "Pre-Depends" => RelationField::PreDepends,
            _ => return Err(wrong()),
        };
        Ok(Self {
            package: package.to_owned(),
            field,
            relation: relation.parse().map_err(|_| wrong())?,
        })
    }
}

/// How a reason begins that a definition gives. No package's name stands before a field's so.
const REQUESTED: &str = "requested ";
const PINNED: &str = "pinned";

impl fmt::Display for WrittenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Requested(relation) => write!(f, "{REQUESTED}{relation}"),
            Reason::Pinned => f.write_str(PINNED),
            Reason::DependsOn {
                by,
                field,
                relation,
            } => write!(f, "{by} {field} {relation}"),
        }
    }
}

impl FromStr for WrittenReason {
    type Err = InvalidPart;

    fn from_str(text: &str) -> Result<Self, InvalidPart> {
        let wrong = || {
            let expected = "a reason such as `requested curl` or `curl Depends libc6 (>= 2.38)`";
            invalid(text, expected)
        };
        if let Ok(dependency) = text.parse::<WrittenDependency>() {
            return Ok(Self(Reason::DependsOn {
                by: dependency.package,
                field: dependency.field,
                relation: dependency.relation,
            }));
        }
        if text == PINNED {
            return Ok(Self(Reason::Pinned));
        }
        let relation = text.strip_prefix(REQUESTED).ok_or_else(wrong)?;
        let relation = relation.parse().map_err(|_| wrong())?;
        Ok(Self(Reason::Requested(relation)))
    }
}

impl fmt::Display for ProvidedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, one) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{one}")?;
        }
        Ok(())
    }
}

impl FromStr for ProvidedList {
    type Err = InvalidPart;

    fn from_str(text: &str) -> Result<Self, InvalidPart> {
        let parsed = Provided::parse_list(text);
        let parsed = parsed.map_err(|_| invalid(text, "a list such as `awk, editor (= 2)`"))?;
        Ok(Self(parsed))
    }
}

/// Writes and reads a type as the string that it displays as.
macro_rules! serde_as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

serde_as_text!(Timestamp, WrittenReason, WrittenDependency, ProvidedList);
