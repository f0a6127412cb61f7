//! The part of the format that brings applications of other package managers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The distributions that a lock file of Python pins, installed without running anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PythonItem {
    /// The lock file, relative to the definition: `uv.lock`, `pylock.toml`, `pylock.NAME.toml`, or a
    /// `.txt` file with hashes as `pip-compile` and `uv export` write it.
    pub lock: String,
    /// The directory of the image that the distributions are installed into. `PYTHONPATH` is this
    /// directory, unless the definition says otherwise.
    #[serde(default = "default_directory")]
    pub to: String,
    /// Dependency groups that are wanted beside the project's own dependencies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Extras of the project that are wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extras: Vec<String>,
    /// The project, where the lock is one of a workspace with several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Directories with wheels, relative to the definition. They are taken for distributions of the
    /// same version of which the lock has no wheel that fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub find_links: Vec<String>,
    /// Indexes that have the distributions (PEP 503), before those that the lock names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub index: Vec<String>,
}

/// The packages that a lock file of npm or pnpm places, without running their scripts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeItem {
    /// The lock file, relative to the definition: `package-lock.json` of version 2 or 3, or
    /// `pnpm-lock.yaml` of version 9.
    pub lock: String,
    /// The directory of the image that `node_modules` is in.
    #[serde(default = "default_application")]
    pub to: String,
    /// The registry of packages of which the lock has no address. If there is none, that of the environment's
    /// `npm_config_registry`, or of `.npmrc` beside the lock or in the home directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
}

/// A Java application, from its jar, which is not run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JavaItem {
    /// The jar, relative to the definition; its last part may be a pattern that only one file matches.
    /// What its `Class-Path` names comes with it. A jar of Spring Boot is taken apart into its layers.
    pub jar: String,
    /// The directory of the image that it goes to. Containers run it, unless the definition says
    /// otherwise.
    #[serde(default = "default_application")]
    pub to: String,
}

fn default_application() -> String {
    "/app".to_owned()
}

fn default_directory() -> String {
    "/app/deps".to_owned()
}
