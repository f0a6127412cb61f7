//! What is asked of the solver, and what it answers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::package::{BinaryPackage, RelationField};
use crate::relation::Alternatives;
use crate::version::Version;

/// What is to be solved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// What has to be there. Where one of these relations is to a real package, it means that
    /// package and not those that provide its name; a dependency can be met by both.
    pub install: Vec<Alternatives>,
    /// Packages that have to be there in exactly these versions: those of the image that this
    /// one is made from.
    pub pinned: Vec<(String, Version)>,
    /// Names of real and virtual packages. A dependency of which any alternative names one of
    /// them is left out before solving.
    pub without: BTreeSet<String>,
}

/// Packages that together satisfy a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Solution {
    /// The packages, sorted by name.
    pub packages: Vec<Selected>,
    /// The dependencies of these packages that were left out because of
    /// [`Request::without`], sorted by package, and then as the package has them.
    pub omitted: Vec<Omitted>,
}

/// A package of a solution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selected {
    /// The package.
    pub package: BinaryPackage,
    /// Why it is in the solution, sorted; never empty.
    pub reasons: Vec<Reason>,
}

/// Why a package is in a solution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It was requested, by this part of the request.
    Requested(Alternatives),
    /// Its version is pinned by the request.
    Pinned,
    /// Another package of the solution depends on it.
    DependsOn {
        /// The name of the other package.
        by: String,
        /// The field of the dependency.
        field: RelationField,
        /// The dependency.
        relation: Alternatives,
    },
}

/// A dependency that was left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Omitted {
    /// The name of the package that has the dependency.
    pub package: String,
    /// The dependency's field.
    pub field: RelationField,
    /// The dependency.
    pub relation: Alternatives,
    /// The entry of [`Request::without`] that it names.
    pub without: String,
}
