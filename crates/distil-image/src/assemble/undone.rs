//! What the packages' own scripts would have done, and nobody did.

use std::collections::BTreeMap;

use distil_lock::LockedPackage;
use distil_tree::TreePath;

use super::Assembling;
use crate::installed;
use crate::owners::Owners;
use distil_definition::Policy;
use distil_maintscript::{AccountChange, Action, Consequence, Effect, FileChange, effects};

/// Something that a script would have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The script, or the file that declares it.
    pub script: String,
    /// The line in it; 0 where that is not known.
    pub line: usize,
    /// What it is, in words: "adds the user `redis`".
    pub what: String,
}

/// A diversion with the package whose own files it leaves alone.
#[derive(Debug, Clone)]
pub(super) struct Diverted {
    pub(super) owner: Option<String>,
    pub(super) from: String,
    pub(super) to: TreePath,
}

impl Assembling<'_> {
    /// What the scripts of a layer's packages would do, by package. Packages of which it is
    /// known that nothing is missing are passed over, but in a `dev`, which has the databases
    /// that these effects are in.
    pub(super) fn script_effects(
        &self,
        packages: &[LockedPackage],
    ) -> BTreeMap<String, Vec<Effect>> {
        let covered = &Policy::default_policy().scripts;
        let is_dev = self.recipe.variant.is_dev();
        let mut all = BTreeMap::new();
        for selected in packages {
            let name = &selected.name;
            let is_passed_over = !is_dev && covered.contains_key(name);
            let Some(file) = self.content(name).filter(|_| !is_passed_over) else {
                continue;
            };
            let files = &file.package.control_files;
            let has_triggers = files.contains_key("triggers");
            let mut found = Vec::new();
            for script in ["preinst", "postinst"] {
                if let Some(text) = files.get(script) {
                    found.extend(effects(script, text));
                }
            }
            found.retain(|effect| has_triggers || !effect.is_on_trigger);
            all.insert(name.clone(), found);
        }
        all
    }

    /// Why nothing is missing of what a package's scripts would do, where that is known.
    pub(super) fn covered(&self, package: &str) -> Option<&str> {
        let everywhere = Policy::default_policy().scripts.get(package);
        let in_dev = || {
            let mut made = installed::MADE.iter().filter(|(name, _)| *name == package);
            let is_dev = self.recipe.variant.is_dev();
            made.next().filter(|_| is_dev).map(|(_, why)| *why)
        };
        everywhere.map(String::as_str).or_else(in_dev)
    }

    /// Remembers the diversions among them, for the files that are still to come.
    pub(super) fn note_diversions(&mut self, effects: &BTreeMap<String, Vec<Effect>>) {
        for (package, effects) in effects {
            for effect in effects {
                let Action::Diversion(diversion) = &effect.action else {
                    continue;
                };
                let to = TreePath::from_absolute(&diversion.to);
                let (false, Ok(to)) = (diversion.is_guard(), to) else {
                    continue;
                };
                let owner = diversion.owner_of(package);
                let from = diversion.from.clone();
                self.diversions.push(Diverted { owner, from, to });
            }
        }
    }

    /// Where a package's file goes instead.
    pub(super) fn diverted(&self, package: &str, path: &str) -> Option<TreePath> {
        let path = path.trim_start_matches('/');
        let diverted = self.diversions.iter().find(|one| {
            one.from.trim_start_matches('/') == path && one.owner.as_deref() != Some(package)
        })?;
        Some(diverted.to.clone())
    }

    /// Where the file of another package goes that is there already when `package` comes with
    /// its own.
    pub(super) fn diverted_by(&self, package: &str, path: &TreePath) -> Option<TreePath> {
        let diverted = self.diversions.iter().find(|one| {
            one.owner.as_deref() == Some(package)
                && TreePath::from_absolute(&one.from).as_ref() == Ok(path)
        })?;
        Some(diverted.to.clone())
    }

    /// Tells of each package what is missing, now that all is made that is made.
    pub(super) fn tell_undone(&mut self, effects: &BTreeMap<String, Vec<Effect>>) {
        for (package, effects) in effects {
            if self.covered(package).is_some() {
                continue;
            }
            let missing = effects.iter().filter_map(|effect| {
                let Consequence::Missing(what) = effect.consequence() else {
                    return None;
                };
                (!self.is_made(&effect.action)).then(|| Undone {
                    script: effect.script.clone(),
                    line: effect.line,
                    what,
                })
            });
            let missing: Vec<Undone> = missing.collect();
            self.undone
                .entry(package.clone())
                .or_default()
                .extend(missing);
        }
        for package in &mut self.packages {
            let undone = self.undone.remove(&package.locked.name);
            package.undone.extend(undone.unwrap_or_default());
        }
    }

    /// Whether the image has what the script would have made, because a package or a
    /// definition brings it.
    fn is_made(&self, action: &Action) -> bool {
        let owners = Owners::new(&self.accounts);
        match action {
            Action::Account(AccountChange::User(name)) => owners.user(name, u32::MAX) != u32::MAX,
            Action::Account(AccountChange::Group(name)) => owners.group(name, u32::MAX) != u32::MAX,
            Action::Files(FileChange::Mode { mode, paths }) => paths.iter().all(|path| {
                let path = TreePath::from_absolute(path).ok();
                let there = path.and_then(|path| self.tree.follow(&path));
                there.is_some_and(|(_, entry)| entry.meta.mode == *mode)
            }),
            Action::Files(
                change
                @ (FileChange::Folders(_) | FileChange::Written(_) | FileChange::Link { .. }),
            ) => {
                let mut paths = change.paths().iter();
                !change.paths().is_empty()
                    && paths.all(|path| {
                        let path = TreePath::from_absolute(path).ok();
                        path.is_some_and(|path| self.tree.follow(&path).is_some())
                    })
            }
            _ => false,
        }
    }
}
