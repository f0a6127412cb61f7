//! `package-lock.json`, versions 2 and 3 (npm's documentation, "package-lock.json").
//!
//! `packages` has an entry for each directory that has a package: `node_modules/express`. Version 2
//! has the older `dependencies` beside it, which is not read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::NodeLockError;

/// The most packages of a lock; the largest projects have some five thousand.
const MAX_PACKAGES: usize = 50_000;

/// A `package-lock.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageLock {
    lockfile_version: Option<u64>,
    #[serde(default)]
    pub(super) packages: BTreeMap<String, Entry>,
}

/// A directory with a package.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Entry {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) resolved: Option<String>,
    pub(super) integrity: Option<String>,
    pub(super) link: bool,
    pub(super) dev: bool,
    pub(super) optional: bool,
    pub(super) in_bundle: bool,
    pub(super) has_install_script: bool,
    pub(super) os: OneOrMany,
    pub(super) cpu: OneOrMany,
    pub(super) libc: OneOrMany,
    /// An object of names and paths; other forms are of older versions of npm.
    pub(super) bin: Value,
    pub(super) dependencies: BTreeMap<String, Value>,
    pub(super) dev_dependencies: BTreeMap<String, Value>,
    pub(super) optional_dependencies: BTreeMap<String, Value>,
    pub(super) peer_dependencies: BTreeMap<String, Value>,
    pub(super) peer_dependencies_meta: BTreeMap<String, PeerMeta>,
}

impl Entry {
    /// What it is for: operating systems, processors, C libraries.
    pub(super) fn platforms(&self) -> [&OneOrMany; 3] {
        [&self.os, &self.cpu, &self.libc]
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PeerMeta {
    pub(super) optional: bool,
}

/// A string, or a list of strings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(all) => all,
        }
    }
}

/// What a `package.json` asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Manifest {
    pub(super) dependencies: BTreeMap<String, Value>,
    pub(super) dev_dependencies: BTreeMap<String, Value>,
    pub(super) optional_dependencies: BTreeMap<String, Value>,
    pub(super) peer_dependencies: BTreeMap<String, Value>,
}

impl Manifest {
    pub(super) fn parse(text: &str) -> Result<Self, NodeLockError> {
        serde_json::from_str(text).map_err(|error| NodeLockError::Json(error.to_string()))
    }

    /// Whether a name is in several lists, of which pnpm takes one.
    pub(super) fn is_twice(&self, name: &str) -> bool {
        let lists = [
            &self.dependencies,
            &self.dev_dependencies,
            &self.optional_dependencies,
        ];
        lists.iter().filter(|list| list.contains_key(name)).count() > 1
    }
}

impl PackageLock {
    /// Reads a lock.
    ///
    /// # Errors
    /// If it is not one, or of another version.
    pub fn parse(text: &str) -> Result<Self, NodeLockError> {
        let lock: Self =
            serde_json::from_str(text).map_err(|error| NodeLockError::Json(error.to_string()))?;
        match lock.lockfile_version {
            Some(2 | 3) => {}
            other => return Err(NodeLockError::Version(other.unwrap_or(1))),
        }
        match lock.packages.len() > MAX_PACKAGES {
            true => Err(NodeLockError::TooMany(MAX_PACKAGES)),
            false => Ok(lock),
        }
    }

    /// What a `package.json` asks for that the lock does not know of in that version, or the other
    /// way round, in words; nothing if they agree.
    ///
    /// # Errors
    /// If the `package.json` cannot be read.
    pub fn outdated(&self, manifest: &str) -> Result<Vec<String>, NodeLockError> {
        let manifest = Manifest::parse(manifest)?;
        let root = self.packages.get("").cloned().unwrap_or_default();
        let mut said = Vec::new();
        for (now, locked) in [
            (&manifest.dependencies, &root.dependencies),
            (&manifest.dev_dependencies, &root.dev_dependencies),
            (&manifest.optional_dependencies, &root.optional_dependencies),
        ] {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            for (name, range) in now
                .iter()
                .filter(|(name, range)| locked.get(*name) != Some(range))
            {
                let range = text(range);
                said.push(match locked.get(name) {
                    Some(old) => format!(
                        "`package.json` asks for `{name}@{range}`, and the lock knows `{name}@{}`",
                        text(old)
                    ),
                    None => format!(
                        "`package.json` asks for `{name}@{range}`, and the lock does not know it"
                    ),
                });
            }
            for name in locked.keys().filter(|name| !now.contains_key(*name)) {
                said.push(format!(
                    "the lock knows `{name}`, and `package.json` does not ask for it"
                ));
            }
        }
        Ok(said)
    }
}
