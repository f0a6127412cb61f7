//! Whether a lock is still of its project: what `pyproject.toml` asks for, compared with what it
//! asked for when `uv.lock` was written.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::super::name::Name;
use super::super::requirement::{Requirement, RequirementSource, specifiers};
use super::uv::Asked;
use super::{LockError, LockFile};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PyProject {
    project: Option<Project>,
    #[serde(default)]
    dependency_groups: BTreeMap<String, Vec<toml::Value>>,
    #[serde(default)]
    tool: Tools,
}

/// What tools say of themselves.
#[derive(Debug, Default, Deserialize)]
struct Tools {
    #[serde(default)]
    uv: Uv,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Uv {
    /// The older form of the group `dev`.
    #[serde(default)]
    dev_dependencies: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Project {
    name: Option<String>,
    #[serde(default)]
    dynamic: Vec<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<String>>,
}

/// Names, extras and versions that are asked for.
type Wishes = BTreeSet<(Name, BTreeSet<Name>, String)>;

/// What a `pyproject.toml` asks for that its `uv.lock` does not know of, or the other way round, in
/// words; nothing if they agree, or where the lock does not say what was asked for. Markers are not
/// compared, since uv writes them in another form.
///
/// # Errors
/// If the `pyproject.toml` or what it asks for cannot be read.
pub fn outdated(lock: &LockFile, pyproject: &str) -> Result<Vec<String>, LockError> {
    let LockFile::Uv(lock) = lock else {
        return Ok(Vec::new());
    };
    let file: PyProject =
        toml::from_str(pyproject).map_err(|error| LockError::toml(pyproject, &error))?;
    let Some(project) = file.project else {
        return Ok(Vec::new());
    };
    // What is computed when the project is built is not known without running it.
    let is_dynamic = |name: &String| name == "dependencies" || name == "optional-dependencies";
    if project.dynamic.iter().any(is_dynamic) {
        return Ok(Vec::new());
    }
    let member = project.name.as_deref().map(Name::parse).transpose()?;
    let metadata = lock.metadata(member.as_ref())?;
    let mut now = Wishes::new();
    let optional = project.optional_dependencies.values().flatten();
    for text in project.dependencies.iter().chain(optional) {
        now.insert(wish(text)?);
    }
    // An entry that is a table includes another group.
    let groups = file.dependency_groups.values().flatten();
    let older = file.tool.uv.dev_dependencies.iter().map(String::as_str);
    for text in groups.filter_map(toml::Value::as_str).chain(older) {
        now.insert(wish(text)?);
    }
    let mut locked = Wishes::new();
    for one in metadata
        .requires_dist
        .iter()
        .chain(metadata.requires_dev.values().flatten())
    {
        locked.insert(asked(one)?);
    }
    let mut said = Vec::new();
    for (name, _, versions) in now.difference(&locked) {
        said.push(format!(
            "the project asks for `{name}{versions}`, and the lock does not know it"
        ));
    }
    let names: BTreeSet<&Name> = now.iter().map(|(name, ..)| name).collect();
    for (name, _, versions) in locked.difference(&now) {
        if !names.contains(name) {
            said.push(format!(
                "the lock knows `{name}{versions}`, and the project does not ask for it"
            ));
        }
    }
    Ok(said)
}

fn wish(text: &str) -> Result<(Name, BTreeSet<Name>, String), LockError> {
    let requirement = Requirement::parse(text)?;
    let versions = match &requirement.source {
        RequirementSource::Versions(versions) => sorted(versions),
        RequirementSource::Url(_) => String::new(),
    };
    Ok((requirement.name, requirement.extras, versions))
}

fn asked(one: &Asked) -> Result<(Name, BTreeSet<Name>, String), LockError> {
    let extras = one.extras.iter().map(|extra| Name::parse(extra));
    Ok((
        Name::parse(&one.name)?,
        extras.collect::<Result<_, _>>()?,
        sorted(&specifiers(one.specifier.as_deref().unwrap_or_default())?),
    ))
}

/// Versions in one form, whatever the order and the spaces.
fn sorted(versions: &pep440_rs::VersionSpecifiers) -> String {
    let mut all: Vec<String> = versions.iter().map(ToString::to_string).collect();
    all.sort();
    all.join(",")
}
