//! Turns a contradiction that the search found into facts that a person can follow.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::index::IndexError;
use crate::package::{BinaryPackage, RelationField};
use crate::relation::{Alternatives, Relation};

use super::error::{Explanation, Fact, Satisfiers, Subject};
use super::offers::{offers, provided_offers};
use super::roots::Root;
use super::search::Core;
use super::solution::Reason;
use super::universe::{PackageId, Universe};

/// How many steps are spent on finding out which facts can be left out. A contradiction in a
/// real archive takes a few hundred; the bound is for archives that mean ill.
const STEPS: usize = 20_000;

/// Of how many facts some are left out at most. The proof is as deep as there are facts.
const MAX_FACTS: usize = 200;

/// Explains why no packages satisfy `roots`.
pub(super) fn explain(
    universe: &Universe<'_>,
    roots: &[Root],
    core: Core,
) -> Result<Explanation, IndexError> {
    let mut explanation = Explanation {
        facts: Vec::new(),
        pockets: universe.index().pocket_names(),
    };
    let core = smaller(universe, roots, core);
    let mut writer = Writer {
        universe,
        facts: Vec::new(),
    };
    for &at in &core.roots {
        if let Some(root) = roots.get(at) {
            writer.root(root)?;
        }
    }
    for (id, needed) in in_reading_order(universe, roots, &core) {
        writer.need(id, needed)?;
    }
    for (id, other) in &core.excludes {
        writer.exclusion(*id, *other)?;
    }
    explanation.facts = writer.facts;
    Ok(explanation)
}

/// The needs of a core from the roots on, breadth first.
fn in_reading_order<'c>(
    universe: &Universe<'_>,
    roots: &[Root],
    core: &'c Core,
) -> Vec<(PackageId, &'c [PackageId])> {
    let mut open: VecDeque<PackageId> = core
        .roots
        .iter()
        .filter_map(|at| roots.get(*at))
        .flat_map(|root| root.satisfying.iter().copied())
        .collect();
    let mut seen = BTreeSet::new();
    let mut ordered = Vec::new();
    while let Some(id) = open.pop_front() {
        if !seen.insert(id) {
            continue;
        }
        for (by, needed) in &core.needs {
            if *by == id {
                ordered.push((id, &needed[..]));
                open.extend(needed);
            }
        }
    }
    // Packages that only differ in their version follow each other, and become one fact.
    let mut first_seen: BTreeMap<String, usize> = BTreeMap::new();
    for (at, (id, _)) in ordered.iter().enumerate() {
        let name = universe.package(*id).name.clone();
        first_seen.entry(name).or_insert(at);
    }
    ordered.sort_by_key(|(id, _)| first_seen.get(&universe.package(*id).name).copied());
    ordered
}

/// Leaves out of a core what is not needed for the contradiction.
fn smaller(universe: &Universe<'_>, roots: &[Root], mut core: Core) -> Core {
    if core.roots.len() + core.needs.len() + core.excludes.len() > MAX_FACTS {
        return core;
    }
    let mut steps = STEPS;
    let mut contradicts = |core: &Core| Proof::new(universe, roots, core, &mut steps).contradicts();
    /// Leaves out those of a list's facts that the rest contradicts without.
    macro_rules! shrink {
        ($list:ident) => {
            for at in (0..core.$list.len()).rev() {
                let fact = core.$list.remove(at);
                if !contradicts(&core) {
                    core.$list.insert(at, fact);
                }
            }
        };
    }
    shrink!(excludes);
    shrink!(needs);
    shrink!(roots);
    core
}

/// A search for packages that agree with a core, in steps that are counted.
struct Proof<'a> {
    roots: Vec<&'a [PackageId]>,
    needs: BTreeMap<PackageId, Vec<&'a [PackageId]>>,
    excludes: BTreeSet<(PackageId, PackageId)>,
    names: BTreeMap<PackageId, String>,
    steps: &'a mut usize,
}

impl<'a> Proof<'a> {
    fn new(
        universe: &Universe<'_>,
        roots: &'a [Root],
        core: &'a Core,
        steps: &'a mut usize,
    ) -> Self {
        let mut proof = Self {
            roots: Vec::new(),
            needs: BTreeMap::new(),
            excludes: core.excludes.iter().copied().collect(),
            names: BTreeMap::new(),
            steps,
        };
        for root in core.roots.iter().filter_map(|at| roots.get(*at)) {
            proof.roots.push(&root.satisfying);
        }
        for (id, needed) in &core.needs {
            proof.needs.entry(*id).or_default().push(needed);
        }
        let lists = proof.roots.iter().chain(proof.needs.values().flatten());
        for id in lists.flat_map(|list| list.iter()) {
            let name = || universe.package(*id).name.clone();
            proof.names.entry(*id).or_insert_with(name);
        }
        proof
    }

    /// Whether no packages agree with the core. False where that was not found out.
    fn contradicts(&mut self) -> bool {
        let open = self.roots.clone();
        self.fails(&mut Vec::new(), open)
    }

    /// Whether `chosen` cannot be completed so that each list in `open` has a chosen package.
    fn fails(&mut self, chosen: &mut Vec<PackageId>, mut open: Vec<&'a [PackageId]>) -> bool {
        open.retain(|list| !list.iter().any(|id| chosen.contains(id)));
        // The list with the least choice first.
        let choices = |list: &[PackageId]| list.iter().filter(|id| self.fits(**id, chosen)).count();
        let Some(list) = open.iter().copied().min_by_key(|list| choices(list)) else {
            return false;
        };
        for &id in list {
            if !self.fits(id, chosen) {
                continue;
            }
            if *self.steps == 0 {
                return false;
            }
            *self.steps -= 1;
            let mut open = open.clone();
            open.extend(self.needs.get(&id).into_iter().flatten());
            chosen.push(id);
            let failed = self.fails(chosen, open);
            chosen.pop();
            if !failed {
                return false;
            }
        }
        true
    }

    fn fits(&self, id: PackageId, chosen: &[PackageId]) -> bool {
        let excluded = |a, b| self.excludes.contains(&(a, b));
        chosen.iter().all(|other| {
            !excluded(id, *other)
                && !excluded(*other, id)
                && self.names.get(&id) != self.names.get(other)
        })
    }
}

/// Makes facts, and one of several that differ in their packages' versions only.
struct Writer<'u> {
    universe: &'u Universe<'u>,
    facts: Vec<Fact>,
}

impl Writer<'_> {
    fn root(&mut self, root: &Root) -> Result<(), IndexError> {
        let fact = match &root.reason {
            Reason::Requested(relation) => Fact::Requested {
                relation: relation.clone(),
                by: self.satisfiers(relation, &root.satisfying)?,
            },
            _ => match root.satisfying.first() {
                Some(id) => {
                    let package = self.universe.package(*id);
                    Fact::Pinned {
                        name: package.name.clone(),
                        version: package.version.clone(),
                    }
                }
                None => return Ok(()),
            },
        };
        self.facts.push(fact);
        Ok(())
    }

    fn need(&mut self, id: PackageId, needed: &[PackageId]) -> Result<(), IndexError> {
        let package = self.universe.package(id);
        for (field, relation) in self.universe.dependencies(&package) {
            if self.universe.satisfying(&relation)? != needed {
                continue;
            }
            let by = self.satisfiers(&relation, needed)?;
            let subject = self.subject(&package)?;
            let same = self.facts.iter_mut().find_map(|fact| match fact {
                Fact::Depends {
                    package: known,
                    field: f,
                    relation: r,
                    ..
                } if known.name == subject.name && *f == field && *r == relation => Some(known),
                _ => None,
            });
            match same {
                Some(known) => known.add(subject),
                None => self.facts.push(Fact::Depends {
                    package: subject,
                    field,
                    relation,
                    by,
                }),
            }
            break;
        }
        Ok(())
    }

    fn exclusion(&mut self, id: PackageId, other: PackageId) -> Result<(), IndexError> {
        let package = self.universe.package(id);
        let excluded = self.universe.excluded(&package)?;
        let Some((field, relation)) = excluded.get(&other) else {
            return Ok(());
        };
        let (field, relation): (RelationField, Relation) = (*field, relation.clone());
        let subject = self.subject(&package)?;
        let other = self.subject(&self.universe.package(other))?;
        let same = self.facts.iter_mut().find_map(|fact| match fact {
            Fact::Excludes {
                package: known,
                field: f,
                relation: r,
                other: o,
            } if known.name == subject.name
                && o.name == other.name
                && *f == field
                && *r == relation =>
            {
                Some((known, o))
            }
            _ => None,
        });
        match same {
            Some((known, known_other)) => {
                known.add(subject);
                known_other.add(other);
            }
            None => self.facts.push(Fact::Excludes {
                package: subject,
                field,
                relation,
                other,
            }),
        }
        Ok(())
    }

    fn subject(&self, package: &BinaryPackage) -> Result<Subject, IndexError> {
        let only = self.universe.candidates(&package.name)?.len() == 1;
        Ok(Subject {
            name: package.name.clone(),
            versions: if only {
                Vec::new()
            } else {
                vec![package.version.clone()]
            },
        })
    }

    fn satisfiers(
        &self,
        group: &Alternatives,
        satisfying: &[PackageId],
    ) -> Result<Satisfiers, IndexError> {
        let mut names: Vec<String> = Vec::new();
        for id in satisfying {
            let name = &self.universe.package(*id).name;
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        if names.is_empty() {
            let mut nothing = Vec::new();
            for relation in group {
                let name = &relation.name;
                let mut there = offers(self.universe, name)?;
                there.extend(provided_offers(self.universe, name)?);
                nothing.push((name.clone(), there));
            }
            nothing.dedup();
            return Ok(Satisfiers::Nothing(nothing));
        }
        Ok(if names.iter().all(|name| group.names(name)) {
            Satisfiers::Named
        } else {
            Satisfiers::Providers(names)
        })
    }
}

impl Subject {
    /// Adds the versions of the same package.
    fn add(&mut self, other: Self) {
        for version in other.versions {
            if !self.versions.contains(&version) {
                self.versions.push(version);
            }
        }
    }
}
