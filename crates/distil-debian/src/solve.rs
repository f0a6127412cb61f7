//! Solving: which packages of an index together satisfy a request.
//!
//! Dependencies have Debian's whole meaning (Debian Policy §7): `Depends` and `Pre-Depends` are
//! followed, `Conflicts` and `Breaks` kept, versions, alternatives, virtual packages and
//! multi-arch qualifiers respected, for a root of one architecture. Recommended packages are
//! not taken, and neither are essential ones that nothing depends on.
//!
//! Where there is a choice, the first alternative wins over the later ones, the real package
//! over those that provide its name, a provider of a more important priority over the others,
//! then the one whose name comes first; of a package's versions the best candidate of
//! [`PackageIndex::candidates`]. Nothing is in a solution that could be taken out of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::index::PackageIndex;
use crate::package::{BinaryPackage, RelationField};
use crate::relation::Alternatives;
use crate::version::Version;

mod error;
mod explain;
mod minimal;
mod reasons;
mod search;
#[cfg(test)]
mod tests;
mod universe;

use explain::{explain, offers};
use minimal::minimal;
use search::{Found, search};
use universe::{PackageId, Universe};

pub use error::{Explanation, Fact, Offer, Satisfiers, SolveError, Subject};

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

/// Finds the packages that satisfy `request`.
///
/// A pure function: the result depends on the set of the index's packages and on the request's
/// sets alone, not on any order.
///
/// # Errors
/// When there is no solution, when the request names a package that is not there, or when a
/// stanza of the index is wrong.
pub fn solve(index: &PackageIndex, request: &Request) -> Result<Solution, SolveError> {
    let universe = Universe::new(index, &request.without);
    let pins = pinned_roots(&universe, request)?;
    let requests = requested_roots(&universe, request)?;
    let roots: Vec<Root> = pins.iter().chain(&requests).cloned().collect();
    let core = match search(&universe, &roots)? {
        Found::Solution(chosen) => {
            let kept = minimal(&universe, &roots, chosen)?;
            return Ok(reasons::solution(&universe, &roots, &kept)?);
        }
        Found::Contradiction(core) => core,
    };
    if pins.is_empty() {
        let explanation = explain(&universe, &roots, core)?;
        return Err(SolveError::Unsatisfiable(explanation));
    }
    Err(match search(&universe, &requests)? {
        Found::Solution(_) => SolveError::PinConflict(explain(&universe, &roots, core)?),
        Found::Contradiction(core) => {
            SolveError::Unsatisfiable(explain(&universe, &requests, core)?)
        }
    })
}

/// Something that a solution has to have, and the packages of which one would do.
#[derive(Debug, Clone)]
struct Root {
    /// Never [`Reason::DependsOn`].
    reason: Reason,
    /// In the order of preference.
    satisfying: Vec<PackageId>,
}

fn pinned_roots(universe: &Universe<'_>, request: &Request) -> Result<Vec<Root>, SolveError> {
    let mut pins: Vec<&(String, Version)> = request.pinned.iter().collect();
    pins.sort();
    pins.dedup();
    let mut roots = Vec::new();
    for (name, version) in pins {
        let mut satisfying = universe.candidates(name)?.to_vec();
        satisfying.retain(|id| universe.package(*id).version == *version);
        if satisfying.is_empty() {
            return Err(SolveError::PinnedMissing {
                name: name.clone(),
                version: version.clone(),
                available: offers(universe, name)?,
                pockets: pocket_names(universe),
            });
        }
        roots.push(Root {
            reason: Reason::Pinned,
            satisfying,
        });
    }
    Ok(roots)
}

fn requested_roots(universe: &Universe<'_>, request: &Request) -> Result<Vec<Root>, SolveError> {
    let mut groups: Vec<Alternatives> = request
        .install
        .iter()
        .filter_map(|group| universe.reduced(group))
        .collect();
    // The order of the search, and so of its choices: what leaves none comes first.
    groups.sort_by_cached_key(|group| (group.as_slice().len(), group.to_string()));
    groups.dedup_by_key(|group| group.to_string());
    let mut roots = Vec::new();
    for group in &groups {
        if let Some(name) = universe.left_out(group) {
            return Err(SolveError::RequestedWithout {
                relation: group.clone(),
                name: name.to_owned(),
            });
        }
        let satisfying = universe.requested(group)?;
        check_names(universe, request, &groups, group, &satisfying)?;
        roots.push(Root {
            reason: Reason::Requested(group.clone()),
            satisfying,
        });
    }
    Ok(roots)
}

/// Refuses a request for a package that is not there, or that is virtual and leaves a choice
/// that somebody else should make.
fn check_names(
    universe: &Universe<'_>,
    request: &Request,
    groups: &[Alternatives],
    group: &Alternatives,
    satisfying: &[PackageId],
) -> Result<(), SolveError> {
    let index = universe.index();
    if group
        .iter()
        .any(|relation| index.has_package(&relation.name))
    {
        return Ok(());
    }
    let name = group
        .iter()
        .map(|relation| relation.name.as_str())
        .find(|name| !index.providers(name).is_empty());
    let Some(name) = name else {
        let name = group.iter().next().map_or("", |relation| &relation.name);
        return Err(SolveError::Unknown {
            name: name.to_owned(),
            nearest: index.nearest(name, 3),
            pockets: pocket_names(universe),
        });
    };
    let providers: BTreeSet<String> = satisfying
        .iter()
        .map(|id| universe.package(*id).name.clone())
        .collect();
    let chosen = |provider: &String| {
        request.pinned.iter().any(|(name, _)| name == provider)
            || groups.iter().any(|group| group.names(provider))
    };
    if providers.len() > 1 && !providers.iter().any(chosen) {
        return Err(SolveError::Virtual {
            name: name.to_owned(),
            providers: providers.into_iter().collect(),
        });
    }
    Ok(())
}

fn pocket_names(universe: &Universe<'_>) -> Vec<String> {
    let pockets = universe.index().pockets().iter();
    pockets.map(|pocket| pocket.name.clone()).collect()
}
