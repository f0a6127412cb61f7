//! Relations between packages: `libc6 (>= 2.36), awk | mawk:any`.
//!
//! The syntax is that of Debian Policy §7.1, with the architecture qualifiers of multi-arch and
//! the build profiles of the Debian wiki's BuildProfileSpec. A little more is accepted, because
//! archives hold it: missing or doubled commas at the ends, white space anywhere between two
//! tokens, and the obsolete operators `<` and `>`, which mean `<=` and `>=`.
//!
//! Relations are also written by users in image definitions, so an error knows the place in
//! the text ([`RelationError::offset`]).

mod parse;
mod parts;
#[cfg(test)]
mod tests;

use std::str::FromStr;

pub use parse::{RelationError, RelationProblem};
pub(crate) use parse::{is_package_name, provided_names};
pub use parts::{Alternatives, Operator, Provided, Qualifier, Relation, Relations, Restriction};

impl Relation {
    /// A relation to any version of `name`.
    ///
    /// # Errors
    /// When `name` is not a package's name.
    pub fn to_any_version(name: &str) -> Result<Self, RelationError> {
        parse::package_name(name).map(|name| Self {
            name: name.to_owned(),
            qualifier: None,
            version: None,
            architectures: Vec::new(),
            profiles: Vec::new(),
        })
    }
}

impl Provided {
    /// Parses the value of a `Provides` field.
    ///
    /// # Errors
    /// When the text is not a list of packages, or holds alternatives or an operator other
    /// than `=`.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, RelationError> {
        parse::provides(text)
    }
}

impl FromStr for Relation {
    type Err = RelationError;

    fn from_str(text: &str) -> Result<Self, RelationError> {
        parse::relation(text)
    }
}

impl FromStr for Alternatives {
    type Err = RelationError;

    fn from_str(text: &str) -> Result<Self, RelationError> {
        parse::alternatives(text)
    }
}

impl FromStr for Relations {
    type Err = RelationError;

    fn from_str(text: &str) -> Result<Self, RelationError> {
        parse::relations(text)
    }
}

impl FromStr for Provided {
    type Err = RelationError;

    fn from_str(text: &str) -> Result<Self, RelationError> {
        parse::provided(text)
    }
}

/// Writes and reads a type as the text that it displays as.
macro_rules! serde_as_text {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

serde_as_text!(Relation, Alternatives, Relations, Provided);
