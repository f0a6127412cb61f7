//! The versions of CPython whose compiled files are known.

use std::fmt;

/// The minor version of a CPython 3.
///
/// Code objects have the same fields in all of them (CPython, `Python/marshal.c`, `w_complex_object`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PythonVersion {
    minor: u8,
}

/// A version whose compiled files are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the compiled files of Python {version} are not known; those of Python 3.{} to 3.{} are",
    PythonVersion::FIRST,
    PythonVersion::LAST
)]
pub struct UnknownPython {
    /// As it was given.
    pub version: String,
}

impl PythonVersion {
    const FIRST: u8 = 11;
    const LAST: u8 = 14;

    /// The version of a name such as `3.13`.
    ///
    /// # Errors
    /// If it is none whose compiled files are known.
    pub fn parse(version: &str) -> Result<Self, UnknownPython> {
        let minor = version.strip_prefix("3.").filter(|minor| minor.len() <= 3);
        let minor = minor.and_then(|minor| minor.parse().ok());
        let known = minor.filter(|minor| (Self::FIRST..=Self::LAST).contains(minor));
        known
            .map(|minor| Self { minor })
            .ok_or_else(|| UnknownPython {
                version: version.to_owned(),
            })
    }

    /// What its compiled files have in their names (PEP 3147, `sys.implementation.cache_tag`).
    pub fn cache_tag(self) -> String {
        format!("cpython-3{}", self.minor)
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}", self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_are_known() {
        let version = PythonVersion::parse("3.13").unwrap();
        assert_eq!(version.cache_tag(), "cpython-313");
        assert_eq!(version.to_string(), "3.13");
        for unknown in ["3.10", "3.15", "3", "2.7", "3.013x", "3.-1", ""] {
            assert!(PythonVersion::parse(unknown).is_err(), "{unknown}");
        }
    }
}
