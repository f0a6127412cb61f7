//! The definitions that ship with distil.

use crate::format::Definition;
use crate::harmless::shown;
use crate::parse::{DefinitionError, parse};

/// The definitions that ship with distil, parsed when they are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Catalogue;

/// The files of the catalogue, by name.
const FILES: &[(&str, &str)] = &[
    ("base", include_str!("../images/base.yaml")),
    ("base-nossl", include_str!("../images/base-nossl.yaml")),
    ("cc", include_str!("../images/cc.yaml")),
    ("java-base", include_str!("../images/java-base.yaml")),
    ("java17", include_str!("../images/java17.yaml")),
    ("java21", include_str!("../images/java21.yaml")),
    ("java25", include_str!("../images/java25.yaml")),
    ("nodejs", include_str!("../images/nodejs.yaml")),
    ("python3", include_str!("../images/python3.yaml")),
    ("static", include_str!("../images/static.yaml")),
];

/// The catalogue has no such definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no image `{}` in the catalogue", shown(name))]
pub struct UnknownDefinition {
    /// What was asked for.
    pub name: String,
    /// Names like it, the nearest first.
    pub nearest: Vec<String>,
}

impl Catalogue {
    /// The names of all definitions, sorted.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|(name, _)| *name)
    }

    /// The definition with this name.
    ///
    /// # Errors
    /// If there is none, with the names that are like it.
    pub fn get(self, name: &str) -> Result<Definition, CatalogueError> {
        Ok(parse(self.text(name)?, name)?)
    }

    /// The text of the definition with this name.
    ///
    /// # Errors
    /// If there is none, with the names that are like it.
    pub fn text(self, name: &str) -> Result<&'static str, UnknownDefinition> {
        let found = FILES.iter().find(|(known, _)| *known == name);
        let (_, text) = found.ok_or_else(|| UnknownDefinition {
            name: name.to_owned(),
            nearest: distil_store::nearest(name, self.names(), 3),
        })?;
        Ok(text)
    }
}

/// A definition of the catalogue cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// There is none of this name.
    #[error(transparent)]
    Unknown(#[from] UnknownDefinition),
    /// It cannot be read.
    #[error(transparent)]
    Malformed(#[from] DefinitionError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_of_the_catalogue_is_one() {
        for name in Catalogue.names() {
            let definition = Catalogue.get(name).unwrap();
            assert_eq!(definition.name, name);
            assert!(!definition.description.is_empty(), "{name}");
            if let Some(from) = definition.from {
                Catalogue.get(&from).unwrap();
            }
        }
    }

    #[test]
    fn a_mistyped_name_gets_the_nearest() {
        let CatalogueError::Unknown(error) = Catalogue.get("pyton3").unwrap_err() else {
            panic!()
        };
        assert_eq!(error.nearest, ["python3"]);
    }
}
