//! What is known of an image's packages while its tree is being made.

use std::collections::BTreeMap;

use distil_lock::Lock;
use distil_tree::TreePath;

use crate::assembly::{InstalledPackage, LeftOut, Undone};

/// What is undone of packages, by their names.
pub(super) type UndoneByPackage = BTreeMap<String, Vec<Undone>>;

/// The packages of the layers so far.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// The packages, the lowest layer first.
    pub(super) packages: Vec<InstalledPackage>,
    /// What they ship and the image has not.
    pub(super) left_out: Vec<LeftOut>,
}

impl Inventory {
    /// The package of a name.
    pub(super) fn find(&self, name: &str) -> Option<&InstalledPackage> {
        self.packages.iter().find(|one| one.locked.name == name)
    }

    fn find_mut(&mut self, name: &str) -> Option<&mut InstalledPackage> {
        self.packages.iter_mut().find(|one| one.locked.name == name)
    }

    /// Says where more files of a package are.
    pub(super) fn add_files(&mut self, package: &str, files: Vec<TreePath>) {
        if let Some(package) = self.find_mut(package) {
            package.files.extend(files);
            package.files.sort();
        }
    }

    /// Takes a file from a package, because another one has it now.
    pub(super) fn disown(&mut self, package: &str, path: &TreePath) {
        if let Some(package) = self.find_mut(package) {
            package.files.retain(|file| file != path);
        }
    }

    /// Says where a file of a package is that has been moved.
    pub(super) fn move_file(&mut self, package: &str, from: &TreePath, to: TreePath) {
        if let Some(package) = self.find_mut(package) {
            package.files.retain(|file| file != from);
            package.files.push(to);
            package.files.sort();
        }
    }

    /// Notes that a file of a package that was in the tree is left out after all.
    pub(super) fn leave_out(&mut self, one: LeftOut) {
        if let Some(package) = self.find_mut(&one.package) {
            package.files.retain(|file| *file != one.path);
            package.left_out.add(one.size);
        }
        self.left_out.push(one);
    }

    /// Notes whose archives packages are from.
    pub(super) fn note_vendors(&mut self, lock: &Lock) {
        for package in &mut self.packages {
            package.vendor = lock.vendor(&package.locked).map(str::to_owned);
        }
    }

    /// Notes what is undone of packages.
    pub(super) fn note_undone(&mut self, mut undone: UndoneByPackage) {
        for package in &mut self.packages {
            let undone = undone.remove(&package.locked.name);
            package.undone.extend(undone.unwrap_or_default());
        }
    }
}
