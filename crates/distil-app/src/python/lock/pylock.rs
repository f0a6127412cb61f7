//! `pylock.toml`: the lock file of every tool (PEP 751, now packaging.python.org, "pylock.toml
//! Specification"), version 1.
//!
//! Each package says by a marker for whom it is; there is nothing to solve or to walk.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::super::environment::Environment;
use super::super::marker::{Chosen, Marker};
use super::super::name::Name;
use super::distribution::{Artifact, ArtifactPlace, Distribution, file_name};
use super::uv::{check_python, fits};
use super::{LockError, Selection, known};
use crate::address::without_credentials;

/// The most packages of a lock.
const MAX_PACKAGES: usize = 20_000;

/// A `pylock.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pylock {
    #[serde(default)]
    environments: Vec<String>,
    requires_python: Option<String>,
    #[serde(default)]
    extras: Vec<String>,
    #[serde(default)]
    dependency_groups: Vec<String>,
    #[serde(default)]
    default_groups: Vec<String>,
    #[serde(default)]
    packages: Vec<Package>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: String,
    version: Option<String>,
    marker: Option<String>,
    requires_python: Option<String>,
    index: Option<String>,
    vcs: Option<Elsewhere>,
    directory: Option<Elsewhere>,
    archive: Option<File>,
    sdist: Option<toml::Table>,
    #[serde(default)]
    wheels: Vec<File>,
}

#[derive(Debug, Clone, Deserialize)]
struct Elsewhere {
    url: Option<String>,
    path: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct File {
    name: Option<String>,
    url: Option<String>,
    path: Option<String>,
    size: Option<u64>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

impl Pylock {
    pub(super) fn parse(text: &str) -> Result<Self, LockError> {
        /// Read first, since a later version may have other fields.
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Head {
            lock_version: String,
        }
        let head: Head = toml::from_str(text).map_err(|error| LockError::toml(text, &error))?;
        // A minor version adds what may be ignored.
        if head.lock_version != "1" && !head.lock_version.starts_with("1.") {
            return Err(LockError::Version {
                found: head.lock_version.chars().take(40).collect(),
                known: "1",
            });
        }
        let lock: Self = toml::from_str(text).map_err(|error| LockError::toml(text, &error))?;
        match lock.packages.len() > MAX_PACKAGES {
            true => Err(LockError::TooMany(MAX_PACKAGES)),
            false => Ok(lock),
        }
    }

    pub(super) fn select(
        &self,
        selection: &Selection,
        environment: &Environment,
    ) -> Result<Vec<Distribution>, LockError> {
        check_python(self.requires_python.as_deref(), environment)?;
        let names = |all: &[String]| {
            all.iter()
                .map(|one| Name::parse(one))
                .collect::<Result<BTreeSet<_>, _>>()
        };
        known("extra", &selection.extras, names(&self.extras)?.iter())?;
        let default_groups = names(&self.default_groups)?;
        let mut groups = names(&self.dependency_groups)?;
        groups.extend(default_groups.iter().cloned());
        known("dependency group", &selection.groups, groups.iter())?;
        if let Some(member) = &selection.member {
            known("project", &[member.clone()].into(), [].iter())?;
        }
        let text = |names: &BTreeSet<Name>| names.iter().map(ToString::to_string).collect();
        let chosen = Chosen {
            extras: text(&selection.extras),
            groups: match selection.groups.is_empty() {
                true => text(&default_groups),
                false => text(&selection.groups),
            },
        };
        let mut fitting = self.environments.is_empty();
        for marker in &self.environments {
            fitting |= Marker::parse(marker)?.evaluate(environment, &chosen);
        }
        if !fitting {
            return Err(LockError::Environments(self.environments.join("; ")));
        }
        let mut found: BTreeMap<Name, Distribution> = BTreeMap::new();
        for package in &self.packages {
            if let Some(marker) = &package.marker
                && !Marker::parse(marker)?.evaluate(environment, &chosen)
            {
                continue;
            }
            let one = distribution(package, environment)?;
            if let Some(known) = found.get(&one.name) {
                return Err(LockError::Twice {
                    name: one.name,
                    one: known.version.clone(),
                    other: one.version,
                });
            }
            found.insert(one.name.clone(), one);
        }
        Ok(found.into_values().collect())
    }
}

fn distribution(package: &Package, environment: &Environment) -> Result<Distribution, LockError> {
    let name = Name::parse(&package.name)?;
    let wanted = package.requires_python.as_deref();
    if !fits(wanted, environment)? {
        return Err(LockError::DistributionPython {
            name,
            wanted: wanted.unwrap_or_default().to_owned(),
            version: environment.full_version.clone(),
        });
    }
    if let Some(source) = package.vcs.as_ref().or(package.directory.as_ref()) {
        let text = source.url.as_ref().or(source.path.as_ref());
        let what = match &package.vcs {
            Some(_) => "a repository of source code",
            None => "the directory",
        };
        return Err(LockError::Source {
            name,
            what: format!(
                "{what} `{}`",
                without_credentials(text.map_or("", String::as_str))
            ),
        });
    }
    let mut wheels = Vec::new();
    let mut has_source = package.sdist.is_some();
    for file in package.wheels.iter().chain(&package.archive) {
        let place = match (&file.url, &file.path) {
            (Some(url), _) => ArtifactPlace::Url(url.clone()),
            (None, Some(path)) => ArtifactPlace::Path(path.clone()),
            (None, None) => continue,
        };
        let text = match &place {
            ArtifactPlace::Url(text) | ArtifactPlace::Path(text) => text,
        };
        let named = file.name.clone().unwrap_or_else(|| file_name(text));
        if !named.ends_with(".whl") {
            has_source = true;
            continue;
        }
        let hash = file
            .hashes
            .iter()
            .find(|(kind, _)| kind.eq_ignore_ascii_case("sha256"));
        let hash = hash.map(|(_, hash)| hash.as_str());
        wheels.push(Artifact::new(&name, Some(&named), place, hash, file.size)?);
    }
    Ok(Distribution {
        version: package.version.clone().unwrap_or_default(),
        is_direct: true,
        wheels,
        has_source,
        hashes: BTreeSet::new(),
        index: package.index.clone(),
        name,
    })
}
