//! `pnpm-lock.yaml`, version 9 (pnpm's repository, `lockfile/types`).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::node::NodeLockError;
use crate::node::lock::{Manifest, OneOrMany};

/// The most packages of a lock; the largest projects have some five thousand.
const MAX_PACKAGES: usize = 50_000;

/// A `pnpm-lock.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PnpmLock {
    #[serde(default)]
    overrides: BTreeMap<String, Value>,
    /// The projects of a workspace, by their directories; the root's is `.`.
    #[serde(default)]
    pub(super) importers: BTreeMap<String, Importer>,
    /// What is known of each package, by name and version.
    #[serde(default)]
    pub(super) packages: BTreeMap<String, Package>,
    /// What each package depends on, by name, version, and the versions of what it shares with those that
    /// depend on it.
    #[serde(default)]
    pub(super) snapshots: BTreeMap<String, Snapshot>,
}

/// What a project depends on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Importer {
    pub(super) dependencies: BTreeMap<String, Dependency>,
    pub(super) dev_dependencies: BTreeMap<String, Dependency>,
    pub(super) optional_dependencies: BTreeMap<String, Dependency>,
}

/// What a project asks for, and what it gets.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Dependency {
    specifier: String,
    pub(super) version: String,
}

/// What is known of a package.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Package {
    pub(super) resolution: Resolution,
    pub(super) version: Option<String>,
    pub(super) os: OneOrMany,
    pub(super) cpu: OneOrMany,
    pub(super) libc: OneOrMany,
    pub(super) has_bin: bool,
}

/// Where a package is from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Resolution {
    pub(super) integrity: Option<String>,
    pub(super) tarball: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) repo: Option<String>,
    pub(super) directory: Option<String>,
}

/// What a package depends on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Snapshot {
    pub(super) dependencies: BTreeMap<String, String>,
    pub(super) optional_dependencies: BTreeMap<String, String>,
    pub(super) optional: bool,
}

impl PnpmLock {
    /// Reads a lock.
    ///
    /// # Errors
    /// If it is not one, or of another version.
    pub fn parse(text: &str) -> Result<Self, NodeLockError> {
        let invalid = |error: serde_saphyr::Error| {
            let text = error.without_snippet().to_string();
            NodeLockError::Yaml(text.lines().next().unwrap_or_default().to_owned())
        };
        let version: Version = serde_saphyr::from_str(text).map_err(invalid)?;
        let version = match version.lockfile_version {
            Value::String(version) => version,
            other => other.to_string(),
        };
        if version != "9" && version != "9.0" {
            let version: String = version.chars().take(20).collect();
            return Err(NodeLockError::PnpmVersion(version));
        }
        let lock: Self = serde_saphyr::from_str(text).map_err(invalid)?;
        match lock.packages.len().max(lock.snapshots.len()) > MAX_PACKAGES {
            true => Err(NodeLockError::TooMany(MAX_PACKAGES)),
            false => Ok(lock),
        }
    }

    /// What the `package.json` of the root project asks for that the lock does not know of in that version,
    /// or the other way round, in words; nothing if they agree.
    ///
    /// # Errors
    /// If the `package.json` cannot be read.
    pub fn outdated(&self, manifest: &str) -> Result<Vec<String>, NodeLockError> {
        let manifest = Manifest::parse(manifest)?;
        let empty = Importer::default();
        let root = self.importers.get(".").unwrap_or(&empty);
        let mut said = Vec::new();
        for (now, locked) in [
            (&manifest.dependencies, &root.dependencies),
            (&manifest.dev_dependencies, &root.dev_dependencies),
            (&manifest.optional_dependencies, &root.optional_dependencies),
        ] {
            for (name, range) in now {
                let range = range.as_str().unwrap_or_default();
                match locked.get(name) {
                    // With overrides, the lock has what they say.
                    Some(known) if known.specifier == range || !self.overrides.is_empty() => {}
                    Some(known) => said.push(format!(
                        "`package.json` asks for `{name}@{range}`, and the lock knows `{name}@{}`",
                        known.specifier
                    )),
                    None if manifest.is_twice(name) => {}
                    None => said.push(format!(
                        "`package.json` asks for `{name}@{range}`, and the lock does not know it"
                    )),
                }
            }
            for name in locked.keys().filter(|name| !now.contains_key(*name)) {
                // Peers are installed without being asked for.
                if !manifest.peer_dependencies.contains_key(name) {
                    said.push(format!(
                        "the lock knows `{name}`, and `package.json` does not ask for it"
                    ));
                }
            }
        }
        Ok(said)
    }
}

/// The version alone: what else there is depends on it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    lockfile_version: Value,
}
