//! Names of Python's distributions, extras and dependency groups.

use std::fmt;

use distil_tree::Printable;

/// The longest name; the longest of PyPI have less than a hundred characters.
const MAX_NAME: usize = 256;

/// A normalised name: lower case, with single hyphens (PEP 503, "Normalized Names"; PEP 685 and 735
/// for extras and groups). `Flask_SQLAlchemy` and `flask-sqlalchemy` are one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a name (PEP 508: letters, digits, `.`, `_` and `-`, the first and the last a letter or digit)", Printable(.0.as_bytes()))]
pub struct NameError(String);

impl Name {
    /// Reads a name as people and metadata write it.
    ///
    /// # Errors
    /// If it has characters that no name has.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError(text.chars().take(MAX_NAME).collect());
        let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_name = text.len() <= MAX_NAME
            && is_edge(text.chars().next())
            && is_edge(text.chars().next_back())
            && text.chars().all(is_inner);
        if !is_name {
            return Err(wrong());
        }
        let mut name = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '.' | '_' | '-' if name.ends_with('-') => {}
                '.' | '_' | '-' => name.push('-'),
                other => name.push(other.to_ascii_lowercase()),
            }
        }
        Ok(Self(name))
    }

    /// The normalised text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        for text in ["flask-sqlalchemy", "Flask_SQLAlchemy", "FLASK.-_SQLAlchemy"] {
            assert_eq!(Name::parse(text).unwrap().as_str(), "flask-sqlalchemy");
        }
        for text in ["", "-x", "x-", "a b", "../x", "é", "a/b", "x\n"] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
    }
}
