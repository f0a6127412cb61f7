//! The search itself: the universe as a problem of `resolvo`, a SAT solver for packages.
//!
//! A package's name is resolvo's name, a candidate its solvable. What a group of alternatives
//! means is written out as a union of version sets, each a list of candidates of one name; what
//! a package excludes becomes one constraint a name, listing the candidates that may stay. So
//! all of Debian's rules are in [`Universe`], and none here.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::rc::Rc;

use resolvo::conflict::{ConflictCause, ConflictEdge, ConflictNode};
use resolvo::{
    Candidates, Condition, ConditionId, ConditionalRequirement, Dependencies, DependencyProvider,
    Interner, KnownDependencies, NameId, Problem, Requirement, SolvableId, Solver, SolverCache,
    StringId, UnsolvableOrCancelled, VersionSetId, VersionSetUnionId,
};

use crate::index::IndexError;

use super::roots::Root;
use super::universe::{PackageId, Universe};

/// What a search found.
pub(super) enum Found {
    /// The packages of a solution.
    Solution(Vec<PackageId>),
    /// Facts that no choice of packages agrees with.
    Contradiction(Core),
}

/// Facts that no choice of packages agrees with, beside the one that of packages of one name
/// only one can be there. Sorted, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Core {
    /// The places of roots.
    pub(super) roots: Vec<usize>,
    /// A package and those of which it needs one.
    pub(super) needs: Vec<(PackageId, Vec<PackageId>)>,
    /// A package and one that it excludes.
    pub(super) excludes: Vec<(PackageId, PackageId)>,
}

/// Searches for packages that satisfy `roots`.
pub(super) fn search(universe: &Universe<'_>, roots: &[Root]) -> Result<Found, IndexError> {
    let provider = Provider {
        universe,
        interned: RefCell::default(),
        failure: RefCell::new(None),
    };
    let mut requirements: Vec<ConditionalRequirement> = Vec::new();
    for root in roots {
        let requirement = provider.require(&root.satisfying);
        if !requirements.contains(&requirement.into()) {
            requirements.push(requirement.into());
        }
    }
    let mut solver = Solver::new(provider);
    let outcome = solver.solve(Problem::new().requirements(requirements));
    match outcome {
        Ok(solvables) => Ok(Found::Solution(
            solvables.into_iter().map(package_id).collect(),
        )),
        Err(UnsolvableOrCancelled::Unsolvable(conflict)) => {
            let graph = conflict.graph(&solver);
            let mut core = Core::default();
            for edge in graph.graph.raw_edges() {
                let node = |at| graph.graph.node_weight(at).copied();
                match (node(edge.source()), edge.weight, node(edge.target())) {
                    (Some(ConflictNode::Root), ConflictEdge::Requires(requirement), _) => {
                        let members = solver.provider().members(requirement);
                        let matching = roots.iter().enumerate();
                        core.roots.extend(
                            matching
                                .filter(|(_, root)| root.satisfying == members)
                                .map(|(at, _)| at),
                        );
                    }
                    (Some(ConflictNode::Solvable(by)), ConflictEdge::Requires(requirement), _) => {
                        let members = solver.provider().members(requirement);
                        core.needs.push((package_id(by), members));
                    }
                    (
                        Some(ConflictNode::Solvable(by)),
                        ConflictEdge::Conflict(ConflictCause::Constrains(_)),
                        Some(ConflictNode::Solvable(other)),
                    ) => core.excludes.push((package_id(by), package_id(other))),
                    _ => {}
                }
            }
            core.roots.sort_unstable();
            core.roots.dedup();
            core.needs.sort();
            core.needs.dedup();
            core.excludes.sort();
            core.excludes.dedup();
            Ok(Found::Contradiction(core))
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => {
            match solver.provider().failure.borrow_mut().take() {
                Some(error) => Err(error),
                // Nothing else cancels.
                None => Ok(Found::Contradiction(Core::default())),
            }
        }
    }
}

fn package_id(solvable: SolvableId) -> PackageId {
    PackageId(solvable.into_raw())
}

fn solvable_id(package: PackageId) -> SolvableId {
    SolvableId::from_raw(package.0)
}

/// What resolvo asks for packages.
struct Provider<'u> {
    universe: &'u Universe<'u>,
    interned: RefCell<Interned>,
    /// Why a stanza could not be read; the search is cancelled then.
    failure: RefCell<Option<IndexError>>,
}

/// Names, version sets and unions by their numbers, and their numbers.
#[derive(Default)]
struct Interned {
    names: Vec<Rc<str>>,
    name_ids: HashMap<Rc<str>, NameId>,
    sets: Vec<Set>,
    set_ids: HashMap<Set, VersionSetId>,
    unions: Vec<Rc<[VersionSetId]>>,
    union_ids: HashMap<Rc<[VersionSetId]>, VersionSetUnionId>,
}

/// Some of the candidates of a name.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Set {
    name: NameId,
    members: Rc<[PackageId]>,
}

/// There are fewer than 2³² of anything: each comes from some bytes of an index of 4 GiB.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Interned {
    fn name(&mut self, name: &str) -> NameId {
        if let Some(id) = self.name_ids.get(name) {
            return *id;
        }
        let id = NameId::from_raw(number(self.names.len()));
        let name: Rc<str> = name.into();
        self.names.push(Rc::clone(&name));
        self.name_ids.insert(name, id);
        id
    }

    fn set(&mut self, set: Set) -> VersionSetId {
        if let Some(id) = self.set_ids.get(&set) {
            return *id;
        }
        let id = VersionSetId(number(self.sets.len()));
        self.sets.push(set.clone());
        self.set_ids.insert(set, id);
        id
    }

    fn union(&mut self, sets: Vec<VersionSetId>) -> VersionSetUnionId {
        let sets: Rc<[VersionSetId]> = sets.into();
        if let Some(id) = self.union_ids.get(&sets) {
            return *id;
        }
        let id = VersionSetUnionId(number(self.unions.len()));
        self.unions.push(Rc::clone(&sets));
        self.union_ids.insert(sets, id);
        id
    }
}

impl Provider<'_> {
    /// The requirement of one of `packages`, which are in the order of preference.
    fn require(&self, packages: &[PackageId]) -> Requirement {
        let mut interned = self.interned.borrow_mut();
        let package = |id: &PackageId| self.universe.package(*id);
        let mut sets = Vec::new();
        // A set is tried in the order of its numbers, see `sort_candidates`: `x (= 1) | x (= 2)`
        // takes two.
        for members in packages.chunk_by(|a, b| a < b && package(a).name == package(b).name) {
            let Some(first) = members.first() else {
                continue;
            };
            let name = interned.name(&package(first).name);
            sets.push(interned.set(Set {
                name,
                members: members.into(),
            }));
        }
        match sets[..] {
            // No package has an empty name: a set of none, which nothing satisfies.
            [] => {
                let name = interned.name("");
                let members = Rc::default();
                Requirement::Single(interned.set(Set { name, members }))
            }
            [one] => Requirement::Single(one),
            _ => Requirement::Union(interned.union(sets)),
        }
    }

    /// What was given to [`Provider::require`] for this requirement.
    fn members(&self, requirement: Requirement) -> Vec<PackageId> {
        match requirement {
            Requirement::Single(set) => self.set(set).members.to_vec(),
            Requirement::Union(union) => self
                .version_sets_in_union(union)
                .flat_map(|set| self.set(set).members.to_vec())
                .collect(),
        }
    }

    fn set(&self, id: VersionSetId) -> Set {
        self.interned.borrow().sets[id.0 as usize].clone()
    }

    fn known_dependencies(&self, id: PackageId) -> Result<KnownDependencies, IndexError> {
        let package = self.universe.package(id);
        let mut requirements: Vec<ConditionalRequirement> = Vec::new();
        for (_, group) in self.universe.dependencies(&package) {
            let satisfying = self.universe.satisfying(&group)?;
            // A package can satisfy its own dependency.
            if !satisfying.contains(&id) {
                let requirement = self.require(&satisfying).into();
                if !requirements.contains(&requirement) {
                    requirements.push(requirement);
                }
            }
        }
        let mut by_name: BTreeMap<String, Vec<PackageId>> = BTreeMap::new();
        for excluded in self.universe.excluded(&package)?.into_keys() {
            let name = self.universe.package(excluded).name.clone();
            by_name.entry(name).or_default().push(excluded);
        }
        let mut constrains = Vec::new();
        for (name, excluded) in by_name {
            let candidates = self.universe.candidates(&name)?;
            let rest = candidates.iter().filter(|id| !excluded.contains(id));
            let members = rest.copied().collect();
            let mut interned = self.interned.borrow_mut();
            let name = interned.name(&name);
            constrains.push(interned.set(Set { name, members }));
        }
        Ok(KnownDependencies {
            requirements,
            constrains,
        })
    }

    /// Keeps an error, for which the search is then cancelled.
    fn keep_failure<T: Default>(&self, result: Result<T, IndexError>) -> T {
        result.unwrap_or_else(|error| {
            self.failure.borrow_mut().get_or_insert(error);
            T::default()
        })
    }
}

impl Interner for Provider<'_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        let package = self.universe.package(package_id(solvable));
        format!("{} {}", package.name, package.version)
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        Rc::clone(&self.interned.borrow().names[name.into_raw() as usize])
    }

    fn display_version_set(&self, version_set: VersionSetId) -> impl Display + '_ {
        format!("{:?}", self.set(version_set).members)
    }

    fn display_string(&self, _: StringId) -> impl Display + '_ {
        ""
    }

    fn version_set_name(&self, version_set: VersionSetId) -> NameId {
        self.set(version_set).name
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        let package = self.universe.package(package_id(solvable));
        self.interned.borrow_mut().name(&package.name)
    }

    fn version_sets_in_union(
        &self,
        union: VersionSetUnionId,
    ) -> impl Iterator<Item = VersionSetId> {
        let sets = Rc::clone(&self.interned.borrow().unions[union.0 as usize]);
        (0..sets.len()).map(move |at| sets[at])
    }

    fn resolve_condition(&self, _: ConditionId) -> Condition {
        // No requirement is made with a condition.
        Condition::Requirement(VersionSetId(0))
    }
}

impl DependencyProvider for Provider<'_> {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        version_set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        let set = self.set(version_set);
        candidates
            .iter()
            .copied()
            .filter(|id| set.members.contains(&package_id(*id)) != inverse)
            .collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        let name = Rc::clone(&self.interned.borrow().names[name.into_raw() as usize]);
        let candidates = self.universe.candidates(&name);
        let candidates = self.keep_failure(candidates.map(|ids| ids.to_vec()));
        Some(Candidates {
            candidates: candidates.into_iter().map(solvable_id).collect(),
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, solvables: &mut [SolvableId]) {
        // Those of one name are numbered in the order of preference.
        solvables.sort_unstable_by_key(|solvable| solvable.into_raw());
    }

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        let known = self.known_dependencies(package_id(solvable));
        Dependencies::Known(self.keep_failure(known))
    }

    fn should_cancel_with_value(&self) -> Option<Box<dyn Any>> {
        let failed = self.failure.borrow().is_some();
        failed.then(|| Box::new(()) as Box<dyn Any>)
    }
}
