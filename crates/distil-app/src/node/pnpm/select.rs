//! Which packages of a lock go into an image, where they lie, and which links lead to them.

use std::collections::{BTreeMap, BTreeSet};

use distil_tree::TreePath;

use super::directory::directory;
use super::hoist::{Children, hoisted};
use super::lock::{Importer, Package, PnpmLock, Snapshot};
use crate::address::without_credentials;
use crate::node::NodeLockError;
use crate::node::integrity::Integrity;
use crate::node::selection::{NodeLink, NodePackage, NodePackageSource, NodeSelection, is_name};
use crate::node::target::NodeTarget;

/// The directory of packages.
const MODULES: &str = "node_modules";

/// A package that is chosen.
struct Chosen<'a> {
    name: &'a str,
    version: &'a str,
    package: &'a Package,
    snapshot: &'a Snapshot,
    /// The directory of what it sees, relative to the lock's.
    modules: TreePath,
    /// Its own directory there.
    path: TreePath,
}

/// What a name means to a project or a package.
#[derive(Clone, Copy)]
enum Meaning<'a> {
    /// A package, by its key in the lock.
    Package(&'a str),
    /// A directory, relative to the project's or to the lock's.
    Directory(&'a str),
}

type ChosenPackages<'a> = BTreeMap<&'a str, Chosen<'a>>;

impl PnpmLock {
    /// The packages for an image with their links.
    ///
    /// # Errors
    /// If one cannot be had verified, or is for other machines and not optional.
    pub fn select(&self, target: &NodeTarget) -> Result<NodeSelection, NodeLockError> {
        let chosen = self.choose(target)?;
        let mut links = Vec::new();
        let mut linked_at: BTreeMap<&str, Vec<TreePath>> = BTreeMap::new();
        let mut direct: Vec<(&str, &str)> = Vec::new();
        let mut of_root: Vec<&str> = Vec::new();
        for (directory, importer) in &self.importers {
            let place = self.importer(directory)?;
            for (alias, version) in importer.wanted() {
                let at = named(&place.join(MODULES), alias)?;
                let to = match self.meaning(alias, version)? {
                    Meaning::Package(key) => {
                        let Some(one) = chosen.get(key) else { continue };
                        linked_at.entry(key).or_default().push(at.clone());
                        direct.push((alias, key));
                        if place.is_root() {
                            of_root.push(alias);
                        }
                        one.path.clone()
                    }
                    Meaning::Directory(path) => below(&place, path)?,
                };
                links.push(NodeLink::new(at, &to));
            }
        }
        let mut children = Children::new();
        for (key, one) in &chosen {
            for (alias, reference) in one.snapshot.all() {
                let at = named(&one.modules, alias)?;
                let to = match self.meaning(alias, reference)? {
                    Meaning::Package(of) => {
                        let Some(other) = chosen.get(of) else {
                            continue;
                        };
                        children.entry(key).or_default().push((alias, of));
                        other.path.clone()
                    }
                    Meaning::Directory(path) => below(&TreePath::ROOT, path)?,
                };
                // One that depends on another of its own name finds itself.
                if at != one.path {
                    links.push(NodeLink::new(at, &to));
                }
            }
        }
        let order = |key: &str| {
            let path = chosen.get(key).map(|one| one.path.to_string());
            path.unwrap_or_default()
        };
        let all = TreePath::of(MODULES).join(".pnpm").join(MODULES);
        for (alias, key) in hoisted(&direct, of_root.into_iter(), &children, order) {
            if let Some(one) = chosen.get(key) {
                links.push(NodeLink::new(named(&all, alias)?, &one.path));
            }
        }
        let mut packages = Vec::new();
        for (key, one) in chosen {
            let linked_at = linked_at.remove(key).unwrap_or_default();
            packages.push(NodePackage {
                source: one.source(key)?,
                path: one.path,
                name: one.name.to_owned(),
                version: one.version.to_owned(),
                bins: Vec::new(),
                linked_at: if one.package.has_bin {
                    linked_at
                } else {
                    Vec::new()
                },
                has_bins_inside: one.package.has_bin,
                has_install_script: None,
                has_platform_packages: self.has_platform_packages(one.snapshot),
            });
        }
        Ok(NodeSelection { packages, links })
    }

    /// The packages that the projects need, and these in turn, by their keys.
    fn choose(&self, target: &NodeTarget) -> Result<ChosenPackages<'_>, NodeLockError> {
        let mut chosen = ChosenPackages::new();
        let mut skipped: BTreeSet<&str> = BTreeSet::new();
        let mut queue: Vec<(&str, &str)> = Vec::new();
        queue.extend(self.importers.values().flat_map(Importer::wanted));
        while let Some((alias, reference)) = queue.pop() {
            let Meaning::Package(key) = self.meaning(alias, reference)? else {
                continue;
            };
            if chosen.contains_key(key) || skipped.contains(key) {
                continue;
            }
            let one = self.look_at(key)?;
            let lists = [&one.package.os, &one.package.cpu, &one.package.libc];
            if target.fits(lists) {
                queue.extend(one.snapshot.all());
                chosen.insert(key, one);
            } else if one.snapshot.optional {
                skipped.insert(key);
            } else {
                return Err(target.misfit(shown(key), lists));
            }
        }
        Ok(chosen)
    }

    /// What a name means: `^1.0.0` of the specifier is `1.0.0(react@18.3.1)`, `lodash@4.17.21` where it is
    /// another package's, or `link:../lib` (`@pnpm/dependency-path`, `refToRelative`).
    fn meaning<'a>(
        &'a self,
        alias: &str,
        reference: &'a str,
    ) -> Result<Meaning<'a>, NodeLockError> {
        if let Some(path) = reference.strip_prefix("link:") {
            return Ok(Meaning::Directory(path));
        }
        let before = |character| reference.find(character).unwrap_or(reference.len());
        let (at, bracket, colon) = (before('@'), before('('), before(':'));
        let is_key = reference.starts_with('@') || (at < bracket && at < colon);
        let found = match is_key {
            true => self.snapshots.get_key_value(reference),
            false => self
                .snapshots
                .get_key_value(&format!("{alias}@{reference}")),
        };
        match found {
            Some((key, _)) => Ok(Meaning::Package(key)),
            None => Err(NodeLockError::Incomplete(shown(&format!(
                "{alias}@{reference}"
            )))),
        }
    }

    fn look_at<'a>(&'a self, key: &'a str) -> Result<Chosen<'a>, NodeLockError> {
        let incomplete = || NodeLockError::Incomplete(shown(key));
        let plain = key.split('(').next().unwrap_or(key);
        if key.contains("(patch_hash=") {
            return Err(NodeLockError::Patched(shown(plain)));
        }
        let package = self.packages.get(plain).ok_or_else(incomplete)?;
        let snapshot = self.snapshots.get(key).ok_or_else(incomplete)?;
        let at = plain.get(1..).and_then(|rest| rest.find('@'));
        let (name, version) = at
            .and_then(|at| Some((plain.get(..at + 1)?, plain.get(at + 2..)?)))
            .ok_or_else(incomplete)?;
        let modules = TreePath::of(MODULES).join(".pnpm").join(directory(key));
        let modules = TreePath::from_archive(modules.as_bytes())
            .map_err(|_| NodeLockError::Path(shown(key)))?
            .join(MODULES);
        // `..` would have been folded away.
        if modules.parts().count() != 4 {
            return Err(NodeLockError::Path(shown(key)));
        }
        Ok(Chosen {
            name,
            version: package.version.as_deref().unwrap_or(version),
            package,
            snapshot,
            path: named(&modules, name)?,
            modules,
        })
    }

    /// The directory of a project.
    fn importer(&self, directory: &str) -> Result<TreePath, NodeLockError> {
        match directory {
            "." => Ok(TreePath::ROOT),
            other => below(&TreePath::ROOT, other),
        }
    }

    /// Whether a package has others for single platforms, as those have that bring prebuilt add-ons.
    fn has_platform_packages(&self, snapshot: &Snapshot) -> bool {
        let mut optional = snapshot.optional_dependencies.iter();
        optional.any(|(alias, reference)| {
            let Ok(Meaning::Package(key)) = self.meaning(alias, reference) else {
                return false;
            };
            let plain = key.split('(').next().unwrap_or(key);
            let package = self.packages.get(plain);
            package.is_some_and(|package| !package.cpu.as_slice().is_empty())
        })
    }
}

impl Importer {
    /// What is needed to run it.
    fn wanted(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.dependencies.iter().chain(&self.optional_dependencies);
        all.map(|(alias, one)| (alias.as_str(), one.version.as_str()))
    }
}

impl Snapshot {
    /// What it depends on.
    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.dependencies.iter().chain(&self.optional_dependencies);
        all.map(|(alias, reference)| (alias.as_str(), reference.as_str()))
    }
}

impl Chosen<'_> {
    fn source(&self, key: &str) -> Result<NodePackageSource, NodeLockError> {
        let resolution = &self.package.resolution;
        let elsewhere = |from: &str| NodeLockError::Source {
            path: shown(key),
            from: from.to_owned(),
        };
        if let Some(directory) = &resolution.directory {
            return Err(elsewhere(&format!(
                "the directory `{}`",
                directory.escape_debug()
            )));
        }
        if let Some(repo) = &resolution.repo {
            let repo = without_credentials(repo);
            return Err(elsewhere(&format!("`{}`", repo.escape_debug())));
        }
        let tarball = resolution.tarball.as_deref();
        let is_url = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        if let Some(other) = tarball.filter(|url| !is_url(url)) {
            return Err(elsewhere(&format!("`{}`", other.escape_debug())));
        }
        if let Some(kind) = resolution.kind.as_deref().filter(|kind| *kind != "tarball") {
            return Err(elsewhere(&format!("`{}`", kind.escape_debug())));
        }
        let integrity = resolution.integrity.as_deref();
        let integrity = integrity.ok_or_else(|| NodeLockError::NoIntegrity(shown(key)))?;
        let integrity = Integrity::parse(integrity).map_err(|source| NodeLockError::Integrity {
            path: shown(key),
            source,
        })?;
        Ok(match tarball {
            Some(url) => NodePackageSource::Archive {
                url: url.to_owned(),
                integrity,
            },
            None => NodePackageSource::Registry { integrity },
        })
    }
}

/// A directory of a project, which has to be the lock's own or below.
fn below(place: &TreePath, path: &str) -> Result<TreePath, NodeLockError> {
    let outside = || NodeLockError::Outside(shown(path));
    let mut parts: Vec<&[u8]> = place.parts().collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop().ok_or_else(outside)?),
            part => parts.push(part.as_bytes()),
        }
    }
    let is_absolute = path.starts_with('/');
    let place = TreePath::from_archive(&parts.join(&b'/'));
    place.ok().filter(|_| !is_absolute).ok_or_else(outside)
}

/// The path of a package's name in a `node_modules`.
fn named(modules: &TreePath, name: &str) -> Result<TreePath, NodeLockError> {
    if !is_name(name) {
        return Err(NodeLockError::Path(shown(name)));
    }
    let parts = name.split('/');
    let path = parts.fold(modules.clone(), |path, part| path.join(part));
    match TreePath::from_archive(path.as_bytes()) {
        Ok(path) => Ok(path),
        Err(_) => Err(NodeLockError::Path(shown(name))),
    }
}

fn shown(key: &str) -> String {
    let start: String = key.chars().take(200).collect();
    start.escape_debug().to_string()
}
