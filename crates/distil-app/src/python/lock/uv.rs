//! `uv.lock`: uv's own lock file, version 1 (uv's documentation, "Resolver internals", and
//! `uv-resolver/src/lock` of its source).
//!
//! Packages name their dependencies with markers, so what is wanted is found by walking from the
//! project: its dependencies, the extras and groups that are asked for, and so on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::str::FromStr;

use pep440_rs::Version;
use serde::Deserialize;

use super::super::environment::Environment;
use super::super::marker::{Chosen, Marker};
use super::super::name::Name;
use super::super::requirement::specifiers;
use super::distribution::{Artifact, ArtifactPlace, Distribution};
use super::{LockError, Selection, known};
use crate::address::without_credentials;

/// The most packages of a lock; large workspaces have two thousand.
const MAX_PACKAGES: usize = 20_000;

/// A `uv.lock`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UvLock {
    version: u64,
    requires_python: Option<String>,
    #[serde(default, rename = "package")]
    packages: Vec<Package>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: String,
    version: Option<String>,
    source: Source,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<Dependency>>,
    #[serde(default, alias = "dependency-groups")]
    dev_dependencies: BTreeMap<String, Vec<Dependency>>,
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
    #[serde(default)]
    metadata: Metadata,
}

/// Where a package is from; one of them is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Source {
    registry: Option<String>,
    url: Option<String>,
    git: Option<String>,
    path: Option<String>,
    directory: Option<String>,
    editable: Option<String>,
    r#virtual: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Dependency {
    name: String,
    version: Option<String>,
    source: Option<Source>,
    marker: Option<String>,
    #[serde(default)]
    extra: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct File {
    url: Option<String>,
    path: Option<String>,
    filename: Option<String>,
    hash: Option<String>,
    size: Option<u64>,
}

/// What the project asked for when it was locked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) requires_dist: Vec<Asked>,
    #[serde(default)]
    pub(super) provides_extras: Vec<String>,
    #[serde(default)]
    pub(super) requires_dev: BTreeMap<String, Vec<Asked>>,
}

/// A dependency as the project writes it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) specifier: Option<String>,
    #[serde(default)]
    pub(super) extras: Vec<String>,
}

impl Source {
    /// The directory of source code that it is, if it is one.
    fn tree(&self) -> Option<&str> {
        let trees = [&self.r#virtual, &self.editable, &self.directory];
        trees.into_iter().flatten().map(String::as_str).next()
    }

    fn describe(&self) -> String {
        if let Some(tree) = self.tree() {
            return format!("the directory `{tree}`");
        }
        match &self.git {
            Some(git) => format!("a Git repository (`{}`)", without_credentials(git)),
            None => "a source".to_owned(),
        }
    }
}

impl UvLock {
    pub(super) fn parse(text: &str) -> Result<Self, LockError> {
        /// Read first, since a later version may have other fields.
        #[derive(Deserialize)]
        struct Head {
            version: u64,
        }
        let head: Head = toml::from_str(text).map_err(|error| LockError::toml(text, &error))?;
        if head.version != 1 {
            return Err(LockError::Version {
                found: head.version.to_string(),
                known: "1",
            });
        }
        let lock: Self = toml::from_str(text).map_err(|error| LockError::toml(text, &error))?;
        debug_assert_eq!(lock.version, 1);
        match lock.packages.len() > MAX_PACKAGES {
            true => Err(LockError::TooMany(MAX_PACKAGES)),
            false => Ok(lock),
        }
    }

    /// The project itself: the only source tree, or the one that is named.
    fn project(&self, member: Option<&Name>) -> Result<&Package, LockError> {
        let mut trees = Vec::new();
        for package in self
            .packages
            .iter()
            .filter(|one| one.source.tree().is_some())
        {
            trees.push((Name::parse(&package.name)?, package));
        }
        if let Some(member) = member {
            let names = trees.iter().map(|(name, _)| name);
            known("project", &[member.clone()].into(), names)?;
            trees.retain(|(name, _)| name == member);
        }
        match trees.as_slice() {
            [] => Err(LockError::NoProject),
            [(_, only)] => Ok(only),
            // The root of the project is the lock's own directory.
            trees => {
                let mut roots = trees
                    .iter()
                    .filter(|(_, one)| one.source.tree() == Some("."));
                let names = || trees.iter().map(|(name, _)| name.clone()).collect();
                match (roots.next(), roots.next()) {
                    (Some((_, root)), None) => Ok(root),
                    _ => Err(LockError::Workspace(names())),
                }
            }
        }
    }

    /// What the project asked for when it was locked.
    pub(super) fn metadata(&self, member: Option<&Name>) -> Result<&Metadata, LockError> {
        self.project(member).map(|project| &project.metadata)
    }

    pub(super) fn select(
        &self,
        selection: &Selection,
        environment: &Environment,
    ) -> Result<Vec<Distribution>, LockError> {
        check_python(self.requires_python.as_deref(), environment)?;
        let project = self.project(selection.member.as_ref())?;
        let mut by_name: BTreeMap<Name, Vec<&Package>> = BTreeMap::new();
        for package in &self.packages {
            by_name
                .entry(Name::parse(&package.name)?)
                .or_default()
                .push(package);
        }
        let names = |keys: &BTreeMap<String, Vec<Dependency>>| {
            keys.keys()
                .map(|one| Name::parse(one))
                .collect::<Result<BTreeSet<_>, _>>()
        };
        let mut extras = names(&project.optional_dependencies)?;
        for one in &project.metadata.provides_extras {
            extras.insert(Name::parse(one)?);
        }
        let mut groups = names(&project.dev_dependencies)?;
        for one in project.metadata.requires_dev.keys() {
            groups.insert(Name::parse(one)?);
        }
        known("extra", &selection.extras, extras.iter())?;
        known("dependency group", &selection.groups, groups.iter())?;

        let project_name = Name::parse(&project.name)?;
        let mut walk = Walk {
            by_name,
            environment,
            chosen: Chosen::default(),
            seen: BTreeSet::new(),
            queue: VecDeque::new(),
            found: BTreeMap::new(),
        };
        // Conflicting extras and groups are told apart by these names (uv's `ConflictMarker`).
        for (kind, names) in [("extra", &selection.extras), ("group", &selection.groups)] {
            for one in names {
                let (length, name) = (project_name.as_str().len(), project_name.as_str());
                walk.chosen
                    .extras
                    .insert(format!("{kind}-{length}-{name}-{one}"));
            }
        }
        walk.take(&project_name, &project.dependencies, true)?;
        for (name, dependencies) in &project.optional_dependencies {
            if selection.extras.contains(&Name::parse(name)?) {
                walk.take(&project_name, dependencies, true)?;
            }
        }
        for (name, dependencies) in &project.dev_dependencies {
            if selection.groups.contains(&Name::parse(name)?) {
                walk.take(&project_name, dependencies, true)?;
            }
        }
        walk.finish(project)
    }
}

/// A walk along the dependencies.
struct Walk<'a> {
    by_name: BTreeMap<Name, Vec<&'a Package>>,
    environment: &'a Environment,
    chosen: Chosen,
    seen: BTreeSet<(Name, Option<Name>)>,
    queue: VecDeque<(Name, &'a Package, Option<Name>)>,
    found: BTreeMap<Name, (&'a Package, bool)>,
}

impl<'a> Walk<'a> {
    fn take(
        &mut self,
        owner: &Name,
        dependencies: &'a [Dependency],
        is_direct: bool,
    ) -> Result<(), LockError> {
        for one in dependencies {
            if let Some(marker) = &one.marker
                && !Marker::parse(marker)?.evaluate(self.environment, &self.chosen)
            {
                continue;
            }
            let name = Name::parse(&one.name)?;
            let candidates = self.by_name.get(&name).into_iter().flatten();
            let mut fitting = candidates.filter(|package| {
                one.version
                    .as_ref()
                    .is_none_or(|version| package.version.as_ref() == Some(version))
                    && one
                        .source
                        .as_ref()
                        .is_none_or(|source| package.source == *source)
            });
            let package = *fitting.next().ok_or_else(|| LockError::Incomplete {
                name: owner.clone(),
                needed: name.clone(),
            })?;
            let (known, was_direct) = self
                .found
                .entry(name.clone())
                .or_insert((package, is_direct));
            if !std::ptr::eq(*known, package) {
                let version = |one: &Package| one.version.clone().unwrap_or_default();
                return Err(LockError::Twice {
                    name,
                    one: version(known),
                    other: version(package),
                });
            }
            *was_direct |= is_direct;
            let mut push = |extra: Option<Name>| {
                if self.seen.insert((name.clone(), extra.clone())) {
                    self.queue.push_back((name.clone(), package, extra));
                }
            };
            push(None);
            for extra in &one.extra {
                push(Some(Name::parse(extra)?));
            }
        }
        Ok(())
    }

    fn finish(mut self, project: &'a Package) -> Result<Vec<Distribution>, LockError> {
        while let Some((name, package, extra)) = self.queue.pop_front() {
            match extra {
                None => self.take(&name, &package.dependencies, false)?,
                Some(extra) => {
                    for (known, dependencies) in &package.optional_dependencies {
                        if Name::parse(known)? == extra {
                            self.take(&name, dependencies, false)?;
                        }
                    }
                }
            }
        }
        let found = self.found.into_iter();
        // The project may need itself, with an extra.
        let others = found.filter(|(_, (package, _))| !std::ptr::eq(*package, project));
        others
            .map(|(name, (package, is_direct))| distribution(name, package, is_direct))
            .collect()
    }
}

fn distribution(name: Name, package: &Package, is_direct: bool) -> Result<Distribution, LockError> {
    let source = &package.source;
    if source.tree().is_some() || source.git.is_some() {
        return Err(LockError::Source {
            what: source.describe(),
            name,
        });
    }
    let mut wheels = Vec::new();
    for file in &package.wheels {
        let place = match (&file.url, &file.path, &file.filename) {
            (Some(url), ..) => ArtifactPlace::Url(url.clone()),
            (None, Some(path), _) => ArtifactPlace::Path(match &source.registry {
                Some(registry) => format!("{registry}/{path}"),
                None => path.clone(),
            }),
            // A wheel that the source itself leads to.
            (None, None, Some(_)) => match (&source.url, &source.path) {
                (Some(url), _) => ArtifactPlace::Url(url.clone()),
                (None, Some(path)) => ArtifactPlace::Path(path.clone()),
                (None, None) => continue,
            },
            (None, None, None) => continue,
        };
        let hash = file
            .hash
            .as_deref()
            .and_then(|hash| hash.strip_prefix("sha256:"));
        let file_name = file.filename.as_deref();
        wheels.push(Artifact::new(&name, file_name, place, hash, file.size)?);
    }
    Ok(Distribution {
        version: package.version.clone().unwrap_or_default(),
        is_direct,
        has_source: package.sdist.is_some() || wheels.is_empty(),
        wheels,
        hashes: BTreeSet::new(),
        index: source.registry.clone(),
        name,
    })
}

/// Refuses a lock that is for other Pythons.
pub(super) fn check_python(
    wanted: Option<&str>,
    environment: &Environment,
) -> Result<(), LockError> {
    match fits(wanted, environment)? {
        true => Ok(()),
        false => Err(LockError::Python {
            wanted: wanted.unwrap_or_default().to_owned(),
            version: environment.full_version.clone(),
        }),
    }
}

/// Whether a Python is among those of a `Requires-Python`.
pub(super) fn fits(wanted: Option<&str>, environment: &Environment) -> Result<bool, LockError> {
    let Some(wanted) = wanted else {
        return Ok(true);
    };
    let wanted = specifiers(wanted)?;
    let version = Version::from_str(&environment.full_version);
    Ok(version.is_ok_and(|version| wanted.contains(&version)))
}
