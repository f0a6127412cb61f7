//! The packages that solving looks at, loaded from the index as they are reached, and which of
//! them a relation means.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::index::{IndexError, PackageIndex};
use crate::package::{BinaryPackage, MultiArch, RelationField};
use crate::relation::{Alternatives, Qualifier, Relation};

use super::solution::Omitted;

/// A package of the universe. Of two packages of one name, the preferred one is the lesser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PackageId(pub(super) u32);

/// What a relation is for: the rules of architectures differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Role {
    /// `Depends`, `Pre-Depends`, and requests.
    Dependency,
    /// `Conflicts` and `Breaks`.
    Exclusion,
}

/// See the module.
pub(super) struct Universe<'i> {
    index: &'i PackageIndex,
    without: &'i BTreeSet<String>,
    loaded: RefCell<Loaded>,
}

#[derive(Default)]
struct Loaded {
    packages: Vec<Rc<BinaryPackage>>,
    by_name: HashMap<String, Rc<[PackageId]>>,
    meant: HashMap<(Role, Relation), Rc<[PackageId]>>,
}

impl<'i> Universe<'i> {
    pub(super) fn new(index: &'i PackageIndex, without: &'i BTreeSet<String>) -> Self {
        Self {
            index,
            without,
            loaded: RefCell::default(),
        }
    }

    pub(super) fn index(&self) -> &'i PackageIndex {
        self.index
    }

    /// A package that this universe has given the id of.
    pub(super) fn package(&self, id: PackageId) -> Rc<BinaryPackage> {
        Rc::clone(&self.loaded.borrow().packages[id.0 as usize])
    }

    /// The packages called `name`, the best first.
    pub(super) fn candidates(&self, name: &str) -> Result<Rc<[PackageId]>, IndexError> {
        if let Some(known) = self.loaded.borrow().by_name.get(name) {
            return Ok(Rc::clone(known));
        }
        let packages = self.index.candidates(name)?;
        let mut loaded = self.loaded.borrow_mut();
        let ids: Rc<[PackageId]> = packages
            .into_iter()
            .map(|package| {
                // An index holds fewer than 2³² stanzas: each takes more than one byte of 4 GiB.
                let id = PackageId(u32::try_from(loaded.packages.len()).unwrap_or(u32::MAX));
                loaded.packages.push(Rc::new(package));
                id
            })
            .collect();
        loaded.by_name.insert(name.to_owned(), Rc::clone(&ids));
        Ok(ids)
    }

    /// The packages that a relation means, the preferred one first: the real package, then
    /// those that provide the name, by priority and name; of each the best candidate first.
    pub(super) fn meant(
        &self,
        role: Role,
        relation: &Relation,
    ) -> Result<Rc<[PackageId]>, IndexError> {
        let key = (role, relation.clone());
        if let Some(known) = self.loaded.borrow().meant.get(&key) {
            return Ok(Rc::clone(known));
        }
        let matching = |name: &str| -> Result<Vec<PackageId>, IndexError> {
            let candidates = self.candidates(name)?;
            let meant = candidates
                .iter()
                .filter(|id| self.is_meant(role, relation, &self.package(**id)));
            Ok(meant.copied().collect())
        };
        let mut meant = matching(&relation.name)?;
        let mut providers = Vec::new();
        for name in self.index.providers(&relation.name) {
            let packages = matching(name)?;
            let priority = packages.iter().map(|id| self.package(*id).priority).min();
            if let Some(priority) = priority {
                providers.push((priority, name, packages));
            }
        }
        providers.sort();
        for (_, _, packages) in providers {
            meant.extend(packages);
        }
        let meant: Rc<[PackageId]> = meant.into();
        self.loaded
            .borrow_mut()
            .meant
            .insert(key, Rc::clone(&meant));
        Ok(meant)
    }

    /// The packages that satisfy a dependency: all that one of its alternatives means, the
    /// preferred one first, each once.
    pub(super) fn satisfying(&self, group: &Alternatives) -> Result<Vec<PackageId>, IndexError> {
        self.collect(group, false)
    }

    /// The packages that satisfy a part of a request. As [`Universe::satisfying`], but where an
    /// alternative means a real package, those that provide its name are not meant.
    ///
    /// php8.4 provides `php`, and the package php depends on it: who asks for `php` wants that
    /// package, as apt has it, too.
    pub(super) fn requested(&self, group: &Alternatives) -> Result<Vec<PackageId>, IndexError> {
        self.collect(group, true)
    }

    fn collect(&self, group: &Alternatives, real: bool) -> Result<Vec<PackageId>, IndexError> {
        let mut satisfying = Vec::new();
        let mut seen = BTreeSet::new();
        for relation in group {
            let meant = self.meant(Role::Dependency, relation)?;
            let is_real = |id: &PackageId| self.package(*id).name == relation.name;
            // The real package is the first where there is one.
            let real_only = real && meant.first().is_some_and(is_real);
            for id in meant.iter().filter(|id| !real_only || is_real(id)) {
                if seen.insert(*id) {
                    satisfying.push(*id);
                }
            }
        }
        Ok(satisfying)
    }

    /// Whether `relation` means `package`, by its own name or by one that it provides.
    fn is_meant(&self, role: Role, relation: &Relation, package: &BinaryPackage) -> bool {
        let real = package.name == relation.name
            && relation.admits(&package.version)
            && self.is_meant_architecture(role, relation, package, None);
        real || package.provides.iter().any(|provided| {
            // Debian Policy §7.5: without a version, no relation with one is met.
            let version = match (&relation.version, &provided.version) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(_), Some(version)) => relation.admits(version),
            };
            let qualifier = provided.qualifier.as_ref();
            provided.name == relation.name
                && version
                && self.is_meant_architecture(role, relation, package, qualifier)
        })
    }

    /// The rules of architectures, as dpkg has them: `provided` is the qualifier of the entry
    /// of `Provides`. `all` counts as the architecture of the index.
    fn is_meant_architecture(
        &self,
        role: Role,
        relation: &Relation,
        package: &BinaryPackage,
        provided: Option<&Qualifier>,
    ) -> bool {
        let native = self.index.architecture();
        let or_native = |name: &'_ str| if name == "all" { native } else { name }.to_owned();
        match (&relation.qualifier, provided) {
            (None | Some(Qualifier::Any), _) if role == Role::Exclusion => true,
            (None, _) if package.multi_arch == MultiArch::Foreign => true,
            (Some(Qualifier::Any), _) if package.multi_arch == MultiArch::Allowed => true,
            (Some(Qualifier::Any), provided) => provided == Some(&Qualifier::Any),
            (_, Some(Qualifier::Any)) => false,
            (wanted, provided) => {
                let wanted = match wanted {
                    Some(Qualifier::Architecture(name)) => or_native(name),
                    _ => native.to_owned(),
                };
                let given = match provided {
                    Some(Qualifier::Architecture(name)) => or_native(name),
                    _ => or_native(&package.architecture),
                };
                wanted == given
            }
        }
    }

    /// The dependencies of a package, without those that are left out.
    pub(super) fn dependencies(
        &self,
        package: &BinaryPackage,
    ) -> Vec<(RelationField, Alternatives)> {
        package
            .dependencies()
            .filter(|(_, group)| self.left_out(group).is_none())
            .filter_map(|(field, group)| Some((field, self.reduced(group)?)))
            .collect()
    }

    /// The dependencies of a package that are left out.
    pub(super) fn omitted(&self, package: &BinaryPackage) -> Vec<Omitted> {
        package
            .dependencies()
            .filter_map(|(field, group)| {
                Some(Omitted {
                    package: package.name.clone(),
                    field,
                    relation: group.clone(),
                    without: self.left_out(group)?.to_owned(),
                })
            })
            .collect()
    }

    /// The first name in a group that is among those to do without.
    pub(super) fn left_out<'g>(&self, group: &'g Alternatives) -> Option<&'g str> {
        group
            .iter()
            .map(|relation| relation.name.as_str())
            .find(|name| self.without.contains(*name))
    }

    /// A group without the relations that are for other architectures. Indexes have none of
    /// these; requests and hand-made packages can.
    pub(super) fn reduced(&self, group: &Alternatives) -> Option<Alternatives> {
        group.reduced_to(self.index.architecture())
    }

    /// The packages of other names that cannot stand beside this one, each with the first of
    /// the relations that say so.
    ///
    /// A package does not exclude itself, not even through a virtual package that it provides
    /// (Debian Policy §7.4); other versions of it are excluded anyhow.
    pub(super) fn excluded(
        &self,
        package: &BinaryPackage,
    ) -> Result<BTreeMap<PackageId, (RelationField, Relation)>, IndexError> {
        let mut excluded = BTreeMap::new();
        for (field, relation) in package.exclusions() {
            if !relation.applies_to(self.index.architecture()) {
                continue;
            }
            for id in self.meant(Role::Exclusion, relation)?.iter() {
                if self.package(*id).name != package.name {
                    excluded
                        .entry(*id)
                        .or_insert_with(|| (field, relation.clone()));
                }
            }
        }
        Ok(excluded)
    }
}
