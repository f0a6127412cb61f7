//! Takes out of a solution what is not needed.
//!
//! The search never adds a package without a need, but a later decision can meet the same need:
//! `a` needs `b | c` and `b` is taken, then `d` needs `c`, and now `b` is there for nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::index::IndexError;

use super::Root;
use super::universe::{PackageId, Universe};

/// A smallest part of `chosen` that still satisfies `roots`: no package, and no set of packages
/// that only need each other, could be taken out of it.
///
/// What is nobody's first choice goes first, then what is less preferred.
pub(super) fn minimal(
    universe: &Universe<'_>,
    roots: &[Root],
    chosen: Vec<PackageId>,
) -> Result<BTreeSet<PackageId>, IndexError> {
    let mut kept: BTreeSet<PackageId> = chosen.into_iter().collect();
    let mut needs = Needs::default();
    for root in roots {
        needs.first_choices.extend(root.satisfying.first());
        needs.of_root.push(within(&root.satisfying, &kept));
    }
    for &id in &kept {
        let mut groups = Vec::new();
        for (_, group) in universe.dependencies(&universe.package(id)) {
            let satisfying = universe.satisfying(&group)?;
            if !satisfying.contains(&id) {
                needs.first_choices.extend(satisfying.first());
                groups.push(within(&satisfying, &kept));
            }
        }
        needs.of_package.insert(id, groups);
    }
    let indispensable = needs.indispensable();
    let mut doubtful: Vec<PackageId> = kept.difference(&indispensable).copied().collect();
    doubtful.sort_by_cached_key(|id| {
        let first_choice = needs.first_choices.contains(id);
        (first_choice, Reverse(universe.preference(*id)))
    });
    for id in doubtful {
        if let Some(rest) = needs.without(id, &kept) {
            kept = rest;
        }
    }
    Ok(kept)
}

fn within(satisfying: &[PackageId], kept: &BTreeSet<PackageId>) -> Vec<PackageId> {
    let mut within = satisfying.to_vec();
    within.retain(|id| kept.contains(id));
    within
}

/// Who needs one of which packages.
#[derive(Default)]
struct Needs {
    of_root: Vec<Vec<PackageId>>,
    of_package: BTreeMap<PackageId, Vec<Vec<PackageId>>>,
    first_choices: BTreeSet<PackageId>,
}

impl Needs {
    fn of(&self, id: PackageId) -> &[Vec<PackageId>] {
        self.of_package.get(&id).map_or(&[], |groups| &groups[..])
    }

    /// What is needed whatever else is taken out.
    fn indispensable(&self) -> BTreeSet<PackageId> {
        let mut found = BTreeSet::new();
        let only = |group: &Vec<PackageId>| match group[..] {
            [one] => Some(one),
            _ => None,
        };
        let mut open: Vec<PackageId> = self.of_root.iter().filter_map(only).collect();
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(self.of(id).iter().filter_map(only));
            }
        }
        found
    }

    /// What is left of `kept` without `id` and without the packages that then lack something;
    /// none where the roots would lack something.
    fn without(&self, id: PackageId, kept: &BTreeSet<PackageId>) -> Option<BTreeSet<PackageId>> {
        let mut rest = kept.clone();
        rest.remove(&id);
        let met = |group: &Vec<PackageId>, rest: &BTreeSet<PackageId>| {
            group.iter().any(|id| rest.contains(id))
        };
        loop {
            let lacking: Vec<PackageId> = rest
                .iter()
                .copied()
                .filter(|id| !self.of(*id).iter().all(|group| met(group, &rest)))
                .collect();
            if lacking.is_empty() {
                break;
            }
            for id in lacking {
                rest.remove(&id);
            }
        }
        self.of_root
            .iter()
            .all(|group| met(group, &rest))
            .then_some(rest)
    }
}
