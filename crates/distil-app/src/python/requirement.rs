//! Dependency specifiers: `uvicorn[standard]>=0.30,<1 ; python_version >= "3.9"` (PEP 508, now
//! packaging.python.org, "Dependency specifiers").

use std::collections::BTreeSet;
use std::str::FromStr;

use distil_tree::Printable;
use pep440_rs::VersionSpecifiers;

use super::marker::{Marker, MarkerError};
use super::name::{Name, NameError};

/// A dependency on a distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// Which.
    pub name: Name,
    /// With which extras.
    pub extras: BTreeSet<Name>,
    /// In which versions, or from where.
    pub source: RequirementSource,
    /// For which Pythons and machines.
    pub marker: Option<Marker>,
}

/// What a dependency says of the version.
#[derive(Debug, Clone, PartialEq)]
pub enum RequirementSource {
    /// Some versions; all if it says nothing.
    Versions(VersionSpecifiers),
    /// What is at an address.
    Url(String),
}

/// Why a text is not a dependency specifier.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RequirementError {
    /// The name or an extra is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The marker is none.
    #[error(transparent)]
    Marker(#[from] MarkerError),
    /// The versions are none.
    #[error("`{}` is not a list of versions: {reason}", Printable(.text.as_bytes()))]
    Versions {
        /// What is not one.
        text: String,
        /// Why, in one line.
        reason: String,
    },
    /// The extras have no end.
    #[error("the extras of `{0}` have no `]`")]
    Extras(Name),
}

impl Requirement {
    /// Reads a dependency specifier.
    ///
    /// # Errors
    /// If it is not one.
    pub fn parse(text: &str) -> Result<Self, RequirementError> {
        let text = text.trim();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let name = match name.is_empty() {
            true => Name::parse(text)?,
            false => Name::parse(name)?,
        };
        let mut rest = rest.trim_start();
        let mut extras = BTreeSet::new();
        if let Some(inner) = rest.strip_prefix('[') {
            let (list, after) = inner
                .split_once(']')
                .ok_or_else(|| RequirementError::Extras(name.clone()))?;
            for extra in list.split(',').map(str::trim).filter(|one| !one.is_empty()) {
                extras.insert(Name::parse(extra)?);
            }
            rest = after.trim_start();
        }
        let (source, marker) = match rest.strip_prefix('@') {
            // An address may have a `;` in it; a marker stands behind a space.
            Some(url) => {
                let url = url.trim();
                let end = url.find([' ', '\t']).unwrap_or(url.len());
                let (url, after) = url.split_at(end);
                (
                    RequirementSource::Url(url.to_owned()),
                    after.trim().strip_prefix(';'),
                )
            }
            None => {
                let (versions, marker) = match rest.split_once(';') {
                    Some((versions, marker)) => (versions, Some(marker)),
                    None => (rest, None),
                };
                let versions = versions.trim();
                let inner = versions
                    .strip_prefix('(')
                    .and_then(|one| one.strip_suffix(')'));
                (
                    RequirementSource::Versions(specifiers(inner.unwrap_or(versions))?),
                    marker,
                )
            }
        };
        Ok(Self {
            name,
            extras,
            source,
            marker: marker.map(Marker::parse).transpose()?,
        })
    }

    /// The one version that it accepts, of `==1.2.3`.
    pub fn pinned(&self) -> Option<String> {
        let RequirementSource::Versions(versions) = &self.source else {
            return None;
        };
        let [only] = versions.iter().collect::<Vec<_>>()[..] else {
            return None;
        };
        let is_exact = matches!(
            only.operator(),
            pep440_rs::Operator::Equal | pep440_rs::Operator::ExactEqual
        );
        is_exact.then(|| only.version().to_string())
    }
}

/// Reads a list of versions; all where nothing is said.
pub(crate) fn specifiers(text: &str) -> Result<VersionSpecifiers, RequirementError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(VersionSpecifiers::empty());
    }
    VersionSpecifiers::from_str(text).map_err(|error| RequirementError::Versions {
        text: text.chars().take(200).collect(),
        reason: error
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_requirement() {
        let one =
            Requirement::parse("Uvicorn[Standard, http2] >=0.30,<1 ; python_version >= '3.9'");
        let one = one.unwrap();
        assert_eq!(one.name.as_str(), "uvicorn");
        assert_eq!(one.extras.len(), 2);
        assert!(one.marker.is_some());
        assert_eq!(one.pinned(), None);
        assert_eq!(
            Requirement::parse("x==1.0.0").unwrap().pinned().unwrap(),
            "1.0.0"
        );
        let url =
            Requirement::parse("x @ https://example.org/x;y.whl ; os_name == 'posix'").unwrap();
        assert_eq!(
            url.source,
            RequirementSource::Url("https://example.org/x;y.whl".to_owned())
        );
        assert!(url.marker.is_some());
        assert!(Requirement::parse("x (>=1)").is_ok());
        let said = ["", "=1", "x[", "x>>1", "x==1;", "x; a", "[a]"]
            .map(|text| Requirement::parse(text).unwrap_err().to_string());
        insta::assert_snapshot!(said.join("\n"));
    }
}
