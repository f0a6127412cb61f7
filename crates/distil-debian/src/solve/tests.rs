mod cuts;
mod examples;
mod explanations;
mod properties;

use super::*;
use crate::package::BinaryPackage;
use crate::relation::{Alternatives, Relation};

/// A request for `install`, a list of relations as in a `Depends` field.
fn request(install: &str) -> Request {
    let relations: crate::relation::Relations =
        install.parse().unwrap_or_else(|error| panic!("{error}"));
    Request {
        install: relations.0,
        ..Request::default()
    }
}

impl Request {
    fn pinned(mut self, name: &str, version: &str) -> Self {
        let version = version.parse().unwrap_or_else(|error| panic!("{error}"));
        self.pinned.push((name.to_owned(), version));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.without.insert(name.to_owned());
        self
    }
}

/// The names and versions of a solution's packages.
fn names(solution: &Solution) -> String {
    let packages = solution.packages.iter();
    let each = packages.map(|p| format!("{} {}", p.package.name, p.package.version));
    each.collect::<Vec<_>>().join(", ")
}

/// The names and versions of the packages that satisfy a request, or why there are none.
fn solved(index: &PackageIndex, request: &Request) -> String {
    match solve(index, request) {
        Ok(solution) => names(&solution),
        Err(error) => error.to_string(),
    }
}
