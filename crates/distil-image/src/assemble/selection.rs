//! Which files of a package a layer takes, and why it leaves out the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use distil_debian::deb::{EntryKind, PackageFile};
use distil_definition::Policy;
use distil_definition::recipe::LayerRecipe;
use distil_tree::{Patterns, TreePath};

use super::link_targets::missing_targets;
use crate::assembly::Omission;
use crate::merged_usr::folded;

/// Which of a package's files a layer takes.
pub(super) struct Selection<'a> {
    /// None in a `dev`.
    pub(super) policy: Option<&'static Policy>,
    pub(super) layer: &'a LayerRecipe,
    /// The package.
    pub(super) package: &'a str,
    /// The patterns of a package that is taken in part.
    pub(super) only: Option<&'a Patterns>,
}

impl Selection<'_> {
    /// Why entries of the package that are no directories are left out, by their places in it.
    /// What links lead to comes along with them.
    pub(super) fn omissions(&self, file: &PackageFile) -> BTreeMap<usize, Omission> {
        let (mut omissions, mut taken) = (BTreeMap::new(), BTreeSet::new());
        for (index, entry) in file.package.entries.iter().enumerate() {
            if entry.kind == EntryKind::Directory {
                continue;
            }
            match self.omits(&folded(&entry.path).to_string()) {
                Some(reason) => drop(omissions.insert(index, reason)),
                None => drop(taken.insert(index)),
            }
        }
        if self.only.is_some() {
            let is_wanted = |path: &TreePath| {
                let path = path.to_string();
                let policy = Policy::default_policy();
                policy.drops(&path).is_none() || self.layer.keep.any(&path)
            };
            for index in missing_targets(file, &taken, is_wanted) {
                if matches!(omissions.get(&index), Some(Omission::NotTaken { .. })) {
                    omissions.remove(&index);
                }
            }
        }
        omissions
    }

    /// Why the file at this path is left out; none if it is taken.
    pub(super) fn omits(&self, path: &str) -> Option<Omission> {
        let definition = || Arc::from(self.layer.definition.as_str());
        let holds = |place: &usize| {
            let mut recovered = self.layer.recovered.iter();
            !recovered.any(|(below, keep)| place < below && keep.any(path))
        };
        let drops = self.layer.drop.matching(path);
        if let Some(place) = drops.iter().find(|place| holds(place)) {
            let pattern = self.layer.drop.texts().get(*place);
            return Some(Omission::Dropped {
                definition: definition(),
                pattern: pattern.map_or("", String::as_str).into(),
            });
        }
        if let Some(only) = self.only {
            let definition = definition();
            let is_taken = only.any(path) || self.is_licence(path);
            return (!is_taken).then_some(Omission::NotTaken { definition });
        }
        let why = self.policy?.drops(path)?;
        (!self.layer.keep.any(path)).then_some(Omission::Policy { why })
    }

    /// Whether it is the package's licence, or the link that leads to it: that comes with any part
    /// of a package.
    fn is_licence(&self, path: &str) -> bool {
        let rest = path.strip_prefix("/usr/share/doc/");
        let rest = rest.and_then(|rest| rest.strip_prefix(self.package));
        matches!(rest, Some("" | "/copyright"))
    }
}
