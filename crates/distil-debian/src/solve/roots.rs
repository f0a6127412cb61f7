//! What a request asks for, and the packages that each part of it means.

use std::collections::BTreeSet;

use crate::relation::{Alternatives, Qualifier, Relation};
use crate::version::Version;

use super::error::SolveError;
use super::offers::offers;
use super::solution::{Reason, Request};
use super::universe::{PackageId, Universe};

/// Something that a solution has to have, and the packages of which one would do.
#[derive(Debug, Clone)]
pub(super) struct Root {
    /// Never [`Reason::DependsOn`].
    pub(super) reason: Reason,
    /// In the order of preference.
    pub(super) satisfying: Vec<PackageId>,
}

pub(super) fn pinned_roots(
    universe: &Universe<'_>,
    request: &Request,
) -> Result<Vec<Root>, SolveError> {
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

pub(super) fn requested_roots(
    universe: &Universe<'_>,
    request: &Request,
) -> Result<Vec<Root>, SolveError> {
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
    let is_other = |relation: &Relation| match &relation.qualifier {
        Some(Qualifier::Architecture(name)) => name != "all" && name != index.architecture(),
        _ => false,
    };
    if satisfying.is_empty() && group.iter().any(is_other) {
        return Err(SolveError::OtherArchitecture {
            relation: group.clone(),
            architecture: index.architecture().to_owned(),
        });
    }
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
            elsewhere: Vec::new(),
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
    universe.index().pocket_names()
}
