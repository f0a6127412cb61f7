//! Chooses packages as apt does: depth first, the first alternative that fits.
//!
//! apt's `MarkInstall` marks a package and then goes through its dependencies, `Pre-Depends`
//! before `Depends` and each in the order of the field. A dependency that a marked package
//! satisfies is met; for another one the first alternative is marked, with all that it needs,
//! before the next dependency is looked at. What is marked stays, even if another alternative
//! comes along later: `gnupg | gpg` is `gnupg`, although that brings `gpg`.
//!
//! There is no going back: where the first alternatives do not go together, the walk ends, and
//! the choice is the [search](super::search)'s. A second walk within what that has found then
//! decides what of it is needed.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use crate::index::IndexError;

use super::roots::Root;
use super::universe::{PackageId, Universe};

/// Walks from `roots` through their dependencies, among all packages.
///
/// None where that does not lead to a solution, whether or not there is one.
pub(super) fn walk(
    universe: &Universe<'_>,
    roots: &[Root],
) -> Result<Option<BTreeSet<PackageId>>, IndexError> {
    let mut walk = Walk::new(universe, None);
    let complete = walk.all(roots)?;
    complete
        .then(|| needed(universe, roots, &walk.marked))
        .transpose()
}

/// What a walk from `roots` meets among `chosen`, a solution.
pub(super) fn walk_within(
    universe: &Universe<'_>,
    roots: &[Root],
    chosen: BTreeSet<PackageId>,
) -> Result<BTreeSet<PackageId>, IndexError> {
    let mut walk = Walk::new(universe, Some(&chosen));
    match walk.all(roots)? {
        true => needed(universe, roots, &walk.marked),
        // A solution lacks nothing.
        false => Ok(chosen),
    }
}

struct Walk<'a> {
    universe: &'a Universe<'a>,
    within: Option<&'a BTreeSet<PackageId>>,
    marked: BTreeSet<PackageId>,
    /// One version of each name.
    names: HashMap<String, PackageId>,
    /// What the marked packages exclude.
    excluded: BTreeSet<PackageId>,
}

/// The dependencies of a package that are still to be looked at, the next one last.
type Open = Vec<Vec<PackageId>>;

impl<'a> Walk<'a> {
    fn new(universe: &'a Universe<'a>, within: Option<&'a BTreeSet<PackageId>>) -> Self {
        Self {
            universe,
            within,
            marked: BTreeSet::new(),
            names: HashMap::new(),
            excluded: BTreeSet::new(),
        }
    }

    /// Whether everything that is needed could be marked.
    fn all(&mut self, roots: &[Root]) -> Result<bool, IndexError> {
        // What is asked for by name is there before anything is chosen.
        let (named, open): (Vec<&Root>, Vec<&Root>) =
            roots.iter().partition(|root| self.names_one(root));
        for root in &named {
            if !self.is_met(&root.satisfying) && self.mark_first(&root.satisfying)?.is_none() {
                return Ok(false);
            }
        }
        for root in &named {
            let marked = root.satisfying.iter().find(|id| self.marked.contains(id));
            if let Some(id) = marked.copied()
                && !self.follow(id)?
            {
                return Ok(false);
            }
        }
        for root in open {
            if self.is_met(&root.satisfying) {
                continue;
            }
            match self.mark_first(&root.satisfying)? {
                Some(id) if self.follow(id)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Whether only versions of one package satisfy a root.
    fn names_one(&self, root: &Root) -> bool {
        let name = |id: &PackageId| self.universe.package(*id).name.clone();
        let mut names = root.satisfying.iter().map(name);
        let first = names.next();
        names.all(|name| Some(name) == first)
    }

    /// Marks what a marked package needs. The stack is our own: chains of dependencies are as
    /// long as an index makes them.
    fn follow(&mut self, id: PackageId) -> Result<bool, IndexError> {
        let mut stack: Vec<Open> = vec![self.open(id)?];
        while let Some(open) = stack.last_mut() {
            let Some(satisfying) = open.pop() else {
                stack.pop();
                continue;
            };
            if self.is_met(&satisfying) {
                continue;
            }
            match self.mark_first(&satisfying)? {
                Some(id) => stack.push(self.open(id)?),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn open(&self, id: PackageId) -> Result<Open, IndexError> {
        let mut open = dependencies(self.universe, id)?;
        open.reverse();
        Ok(open)
    }

    fn is_met(&self, satisfying: &[PackageId]) -> bool {
        satisfying.iter().any(|id| self.marked.contains(id))
    }

    /// Marks the first of these packages that fits to those marked already.
    fn mark_first(&mut self, satisfying: &[PackageId]) -> Result<Option<PackageId>, IndexError> {
        for &id in satisfying {
            if self.mark(id)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn mark(&mut self, id: PackageId) -> Result<bool, IndexError> {
        if self.within.is_some_and(|within| !within.contains(&id)) || self.excluded.contains(&id) {
            return Ok(false);
        }
        let package: Rc<_> = self.universe.package(id);
        if self.names.contains_key(&package.name) {
            return Ok(false);
        }
        let excluded = self.universe.excluded(&package)?;
        if excluded.keys().any(|other| self.marked.contains(other)) {
            return Ok(false);
        }
        // As apt has it: a package one of whose dependencies nothing can meet is no candidate.
        if dependencies(self.universe, id)?.iter().any(Vec::is_empty) {
            return Ok(false);
        }
        self.marked.insert(id);
        self.names.insert(package.name.clone(), id);
        self.excluded.extend(excluded.into_keys());
        Ok(true)
    }
}

/// The packages that satisfy each dependency of a package, without those that it satisfies
/// itself.
fn dependencies(universe: &Universe<'_>, id: PackageId) -> Result<Vec<Vec<PackageId>>, IndexError> {
    let mut all = Vec::new();
    for (_, group) in universe.dependencies(&universe.package(id)) {
        let satisfying = universe.satisfying(&group)?;
        if !satisfying.contains(&id) {
            all.push(satisfying);
        }
    }
    Ok(all)
}

/// The packages of `marked` that a root or one of these packages asks for: each relation asks
/// for the most preferred of those that satisfy it.
fn needed(
    universe: &Universe<'_>,
    roots: &[Root],
    marked: &BTreeSet<PackageId>,
) -> Result<BTreeSet<PackageId>, IndexError> {
    let first = |satisfying: &[PackageId]| {
        let mut there = satisfying.iter().filter(|id| marked.contains(id));
        there.next().copied()
    };
    let mut needed = BTreeSet::new();
    let mut open: Vec<PackageId> = roots.iter().filter_map(|r| first(&r.satisfying)).collect();
    while let Some(id) = open.pop() {
        if needed.insert(id) {
            let dependencies = dependencies(universe, id)?;
            open.extend(dependencies.iter().filter_map(|all| first(all)));
        }
    }
    Ok(needed)
}
