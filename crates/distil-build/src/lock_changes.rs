//! What an update of a lock changes.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use distil_lock::file::{LockFile, PackageLock};
use serde::Serialize;

/// What changes from one lock to another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UpdateChanges {
    /// The platforms on which something changes, or that are new or gone.
    pub platforms: Vec<PlatformChanges>,
}

/// What changes on one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformChanges {
    /// The platform.
    pub platform: String,
    /// The packages, sorted by name.
    pub packages: Vec<PackageChange>,
}

/// What changes of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    /// Its name.
    pub name: String,
    /// `added`, `removed`, `up`, `down`, or `rebuilt` where other bytes have the same version.
    pub change: &'static str,
    /// The version that it was.
    pub old: Option<String>,
    /// The version that it becomes.
    pub new: Option<String>,
    /// The suite that the new one is from.
    pub suite: Option<String>,
    /// Whether that is a security archive.
    pub security: bool,
    /// The layer that it is in; none of one that `dev` alone has.
    pub layer: Option<String>,
    /// The bytes of its `.deb` that it was.
    pub old_size: u64,
    /// The bytes of its `.deb` that it becomes.
    pub new_size: u64,
}

impl UpdateChanges {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.platforms.is_empty()
    }
}

/// The packages that change from one lock to another.
pub fn package_changes(old: &LockFile, new: &LockFile) -> UpdateChanges {
    let names = |file: &LockFile| -> Vec<String> {
        let platforms = file.platforms.iter();
        platforms.map(|one| one.platform.clone()).collect()
    };
    let all: BTreeSet<String> = names(old).into_iter().chain(names(new)).collect();
    let platforms = all.into_iter().filter_map(|platform| {
        let packages = |file: &LockFile| -> Vec<PackageLock> {
            let found = file.platform(&platform);
            found.map_or_else(Vec::new, |one| one.packages.clone())
        };
        let packages = changes(&packages(old), &packages(new));
        (!packages.is_empty()).then_some(PlatformChanges { platform, packages })
    });
    UpdateChanges {
        platforms: platforms.collect(),
    }
}

fn changes(old: &[PackageLock], new: &[PackageLock]) -> Vec<PackageChange> {
    let names: BTreeSet<&str> = old.iter().chain(new).map(|one| one.name.as_str()).collect();
    let change = |name: &str| {
        let find = |all: &'_ [PackageLock]| all.iter().find(|one| one.name == name).cloned();
        let (old, new) = (find(old), find(new));
        let change = match (&old, &new) {
            (Some(old), Some(new)) => match old.version.cmp(&new.version) {
                Ordering::Less => "up",
                Ordering::Greater => "down",
                Ordering::Equal if old.digest != new.digest => "rebuilt",
                Ordering::Equal => return None,
            },
            (None, _) => "added",
            (_, None) => "removed",
        };
        let version = |one: &Option<PackageLock>| one.as_ref().map(|one| one.version.to_string());
        let size = |one: &Option<PackageLock>| one.as_ref().map_or(0, |one| one.size);
        let suite = new.as_ref().map(|new| new.suite.clone());
        let either = new.as_ref().or(old.as_ref());
        Some(PackageChange {
            name: name.to_owned(),
            change,
            old: version(&old),
            new: version(&new),
            security: suite
                .as_ref()
                .is_some_and(|suite| suite.ends_with("-security")),
            suite,
            layer: either.and_then(|one| one.layer.clone()),
            old_size: size(&old),
            new_size: size(&new),
        })
    };
    names.into_iter().filter_map(change).collect()
}
