//! The solution with its reasons, and the questions that it answers.

use std::collections::{BTreeMap, BTreeSet};

use crate::index::IndexError;
use crate::package::BinaryPackage;

use super::roots::Root;
use super::solution::{Reason, Selected, Solution};
use super::universe::{PackageId, Universe};

/// Makes a solution of the packages `kept`.
///
/// Of several packages that satisfy the same relation, the most preferred one is the one that
/// is there because of it.
pub(super) fn solution(
    universe: &Universe<'_>,
    roots: &[Root],
    kept: &BTreeSet<PackageId>,
) -> Result<Solution, IndexError> {
    let mut reasons: BTreeMap<PackageId, Vec<Reason>> =
        kept.iter().map(|id| (*id, Vec::new())).collect();
    let mut credit = |satisfying: &[PackageId], reason: Reason| {
        let first = satisfying.iter().find(|id| kept.contains(id));
        if let Some(reasons) = first.and_then(|id| reasons.get_mut(id)) {
            reasons.push(reason);
        }
    };
    for root in roots {
        credit(&root.satisfying, root.reason.clone());
    }
    let mut omitted = Vec::new();
    for id in kept {
        let package = universe.package(*id);
        omitted.extend(universe.omitted(&package));
        for (field, relation) in universe.dependencies(&package) {
            let satisfying = universe.satisfying(&relation)?;
            if !satisfying.contains(id) {
                let by = package.name.clone();
                let reason = Reason::DependsOn {
                    by,
                    field,
                    relation,
                };
                credit(&satisfying, reason);
            }
        }
    }
    let mut packages: Vec<Selected> = reasons
        .into_iter()
        .map(|(id, mut reasons)| {
            reasons.sort();
            reasons.dedup();
            Selected {
                package: BinaryPackage::clone(&universe.package(id)),
                reasons,
            }
        })
        .collect();
    packages.sort_by(|a, b| a.package.name.cmp(&b.package.name));
    omitted.sort_by(|a, b| a.package.cmp(&b.package));
    Ok(Solution { packages, omitted })
}

impl Solution {
    /// The package called `name`.
    pub fn get(&self, name: &str) -> Option<&Selected> {
        self.packages
            .binary_search_by(|selected| selected.package.name.as_str().cmp(name))
            .ok()
            .and_then(|at| self.packages.get(at))
    }

    /// Why the package `name` is in the solution: a shortest chain of packages, from one that
    /// was requested or is pinned to `name`, each with the reason that it is there for. Empty
    /// where the package is not in the solution.
    pub fn why(&self, name: &str) -> Vec<(&BinaryPackage, &Reason)> {
        let depths = self.depths();
        let mut chain = Vec::new();
        let mut next = Some(name);
        while let Some((selected, depth)) =
            next.and_then(|name| Some((self.get(name)?, *depths.get(name)?)))
        {
            // The reasons are sorted: requested, pinned, then those that depend on it by name.
            let reason = selected.reasons.iter().find(|reason| match reason {
                Reason::DependsOn { by, .. } => depths
                    .get(by.as_str())
                    .is_some_and(|before| before + 1 == depth),
                _ => true,
            });
            let Some(reason) = reason else { break };
            chain.push((&selected.package, reason));
            next = match reason {
                Reason::DependsOn { by, .. } => Some(by),
                _ => None,
            };
        }
        chain.reverse();
        chain
    }

    /// How many dependencies lead from what was requested or is pinned to each package.
    fn depths(&self) -> BTreeMap<&str, usize> {
        // Who is there because of whom.
        let mut dependencies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut level: Vec<&str> = Vec::new();
        for selected in &self.packages {
            let name = selected.package.name.as_str();
            for reason in &selected.reasons {
                match reason {
                    Reason::DependsOn { by, .. } => dependencies.entry(by).or_default().push(name),
                    _ => level.push(name),
                }
            }
        }
        let mut depths = BTreeMap::new();
        let mut depth = 0;
        while !level.is_empty() {
            level.retain(|name| !depths.contains_key(name));
            depths.extend(level.iter().map(|name| (*name, depth)));
            let next = level.iter().filter_map(|name| dependencies.get(name));
            level = next.flatten().copied().collect();
            depth += 1;
        }
        depths
    }
}
