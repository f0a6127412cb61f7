//! Why a package or a file is in an image, or why it is not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use distil_debian::solve::Reason;
use distil_tree::loader::{Loader, LoaderError};
use distil_tree::program::{MAX_LINE, interpreter};
use distil_tree::{Entry, Kind, Origin, Tree, TreePath, printable};
use serde::Serialize;

use crate::assembly::{InstalledPackage, Omission};
use crate::prepared::Prepared;

/// The most files of one name that are offered for a path that is not there.
const MAX_OFFERS: usize = 5;

/// Why a package is in an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhyPackage {
    /// Its name.
    pub package: String,
    /// Its version; none if it is not in the image.
    pub version: Option<String>,
    /// The definition whose layer it is in.
    pub layer: Option<String>,
    /// The suite that it is from; `local` of a file of this machine.
    pub suite: Option<String>,
    /// Whose archive that is, where it is not Debian's.
    pub origin: Option<String>,
    /// The bytes of its files in the image.
    pub size: u64,
    /// How many these are.
    pub files: usize,
    /// From a definition's request to the package, one step a relation; the shortest way.
    pub chain: Vec<Step>,
    /// The packages of the image that depend on it, and by which relation.
    pub needed_by: Vec<Step>,
    /// Dependencies on it that were left out.
    pub left_out: Vec<LeftOutRelation>,
    /// Packages of the image with a name like it, where it is not there.
    pub nearest: Vec<String>,
}

/// A relation that brings a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The package, or the definition, that asks.
    pub from: String,
    /// Whether that is a definition.
    pub is_definition: bool,
    /// The relation.
    pub relation: String,
    /// The package that answers.
    pub package: String,
}

/// A dependency that a `without` leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOutRelation {
    /// The package that has the dependency.
    pub package: String,
    /// The dependency.
    pub relation: String,
    /// The entry of `without`.
    pub without: String,
    /// The reason that it gives.
    pub reason: String,
    /// The definition that has the entry; none if it is the default policy.
    pub definition: Option<String>,
}

/// Why a file is in an image, or is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhyFile {
    /// Its path, as it was asked for.
    pub path: String,
    /// The link there, if it is one.
    pub link: Option<FoundLink>,
    /// The file there, once links are followed; none if there is none.
    pub found: Option<FoundFile>,
    /// What packages ship there and the image has not.
    pub left_out: Vec<LeftOutFile>,
    /// Files of the image of that name, in other directories, where it is not there.
    pub elsewhere: Vec<String>,
}

/// A symbolic link of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundLink {
    /// Where it points.
    pub target: String,
    /// The package that ships it.
    pub package: Option<String>,
    /// What made it, if no package ships it.
    pub made_by: Option<String>,
    /// The definition whose layer it is in.
    pub layer: String,
}

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundFile {
    /// Its path without links.
    pub path: String,
    /// `file`, `directory` or `symlink`.
    pub kind: &'static str,
    /// Its bytes.
    pub size: u64,
    /// Its mode in octal digits.
    pub mode: String,
    /// The numbers of its owner and group.
    pub owner: String,
    /// The package that ships it.
    pub package: Option<String>,
    /// What made it, if no package ships it.
    pub made_by: Option<String>,
    /// The definition whose layer it is in.
    pub layer: String,
    /// ELF files that load it.
    pub loaded_by: Vec<String>,
    /// Links that lead to it.
    pub linked_by: Vec<String>,
    /// Scripts that it runs.
    pub runs: Vec<String>,
}

/// A file that a package ships and the image has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOutFile {
    /// The package.
    pub package: String,
    /// Why it is left out.
    pub reason: String,
    /// The pattern of a definition that says so.
    pub pattern: Option<String>,
    /// How to have it.
    pub way_out: String,
}

/// Why the package is in the image.
pub fn why_package(prepared: &Prepared, name: &str) -> WhyPackage {
    let assembly = &prepared.assembly;
    let by_name: BTreeMap<&str, &InstalledPackage> = assembly
        .packages
        .iter()
        .map(|one| (one.locked.name.as_str(), one))
        .collect();
    let installed = by_name.get(name).copied();
    let mut why = WhyPackage {
        package: name.to_owned(),
        version: None,
        layer: None,
        suite: None,
        origin: None,
        size: 0,
        files: 0,
        chain: Vec::new(),
        needed_by: Vec::new(),
        left_out: left_out_relations(prepared, name),
        nearest: Vec::new(),
    };
    match installed {
        Some(one) => {
            why.version = Some(one.locked.version.as_str().to_owned());
            why.layer = Some(layer_name(prepared, one.layer));
            why.suite = Some(one.locked.file.suite.clone());
            why.origin.clone_from(&one.vendor);
            (why.size, why.files) = (one.size, one.files.len());
            why.chain = chain(prepared, &by_name, one);
            why.needed_by = one
                .locked
                .reasons
                .iter()
                .filter_map(|reason| step(prepared, one, reason))
                .collect();
        }
        None if why.left_out.is_empty() => {
            let names = by_name.keys().copied();
            why.nearest = distil_store::nearest(name, names, 3);
        }
        None => {}
    }
    why
}

fn layer_name(prepared: &Prepared, layer: usize) -> String {
    let layer = prepared.recipe.layers.get(layer);
    layer
        .map(|layer| layer.definition.clone())
        .unwrap_or_default()
}

fn step(prepared: &Prepared, package: &InstalledPackage, reason: &Reason) -> Option<Step> {
    let (from, is_definition, relation) = match reason {
        Reason::Requested(relation) => (layer_name(prepared, package.layer), true, relation),
        Reason::DependsOn { by, relation, .. } => (by.clone(), false, relation),
        Reason::Pinned => return None,
    };
    Some(Step {
        from,
        is_definition,
        relation: relation.to_string(),
        package: package.locked.name.clone(),
    })
}

/// The shortest way from a definition's request to a package: breadth first, upwards.
fn chain(
    prepared: &Prepared,
    by_name: &BTreeMap<&str, &InstalledPackage>,
    package: &InstalledPackage,
) -> Vec<Step> {
    let mut ways = VecDeque::from([(package, Vec::new())]);
    let mut seen = BTreeSet::from([package.locked.name.as_str()]);
    while let Some((package, way)) = ways.pop_front() {
        let steps = package.locked.reasons.iter();
        let steps: Vec<Step> = steps
            .filter_map(|reason| step(prepared, package, reason))
            .collect();
        if let Some(step) = steps.iter().find(|step| step.is_definition) {
            let mut way: Vec<Step> = way;
            way.push(step.clone());
            way.reverse();
            return way;
        }
        for step in steps {
            let Some((name, asking)) = by_name.get_key_value(step.from.as_str()) else {
                continue;
            };
            if seen.insert(*name) {
                let mut way = way.clone();
                way.push(step);
                ways.push_back((asking, way));
            }
        }
    }
    Vec::new()
}

fn left_out_relations(prepared: &Prepared, name: &str) -> Vec<LeftOutRelation> {
    let policy = distil_definition::Policy::default_policy();
    let omitted = prepared.lock.omitted.iter();
    let about = omitted.filter(|one| one.without == name || one.relation.names(name));
    about
        .map(|one| {
            let layers = prepared.recipe.layers.iter().rev();
            let mut own = layers.filter_map(|layer| {
                let reason = layer.without.get(&one.without)?;
                Some((layer.definition.clone(), reason.text.clone()))
            });
            let (definition, reason) = match own.next() {
                Some((definition, reason)) => (Some(definition), reason),
                None => (
                    None,
                    policy
                        .without
                        .get(&one.without)
                        .cloned()
                        .unwrap_or_default(),
                ),
            };
            LeftOutRelation {
                package: one.package.clone(),
                relation: one.relation.to_string(),
                without: one.without.clone(),
                reason,
                definition,
            }
        })
        .collect()
}

/// Why the file is in the image, or is not.
///
/// # Errors
/// If a file of the image cannot be read.
pub fn why_file(prepared: &Prepared, path: &TreePath) -> Result<WhyFile, LoaderError> {
    let tree = &prepared.assembly.tree;
    let found = match tree.follow(path) {
        Some((place, entry)) => Some(found(prepared, &place, entry)?),
        // A link that leads nowhere is there itself.
        None => match tree.get(path) {
            Some(entry) => Some(found(prepared, path, entry)?),
            None => None,
        },
    };
    // Packages may ship `/lib/x`, which lies in `/usr/lib`.
    let place = tree.place(path).unwrap_or_else(|_| path.clone());
    let left_out = prepared.assembly.left_out.iter();
    let left_out = left_out.filter(|one| one.path == *path || one.path == place);
    let left_out: Vec<LeftOutFile> = left_out
        .map(|one| LeftOutFile {
            package: one.package.to_string(),
            reason: one.reason.to_string(),
            pattern: match &one.reason {
                Omission::Dropped { pattern, .. } => Some(pattern.to_string()),
                _ => None,
            },
            way_out: way_out(&one.reason, &one.path),
        })
        .collect();
    let elsewhere = match found.is_none() && left_out.is_empty() {
        true => elsewhere(tree, path),
        false => Vec::new(),
    };
    let link = tree.get(&place).and_then(|entry| {
        let Kind::Symlink(target) = &entry.kind else {
            return None;
        };
        let (package, made_by) = origin(entry);
        Some(FoundLink {
            target: printable(target),
            package,
            made_by,
            layer: layer_name(prepared, entry.layer),
        })
    });
    Ok(WhyFile {
        path: path.to_string(),
        link,
        found,
        left_out,
        elsewhere,
    })
}

fn way_out(reason: &Omission, path: &TreePath) -> String {
    match reason {
        Omission::DeadScript { interpreter } => {
            format!("it is a script for `{interpreter}`; with a package that has that, it is kept")
        }
        Omission::Dangling { target } => {
            format!("it is a link to `{target}`, which is left out; with that, it is kept")
        }
        Omission::Dropped {
            definition,
            pattern,
        } => format!(
            "take `{pattern}` out of the `drop` of `{definition}`, or write `keep: [{path}]` in a \
             definition that stands on it"
        ),
        Omission::NotTaken { definition } => format!(
            "add it to the `only` of that package in `{definition}`, or write `keep: [{path}]` in \
             a definition that stands on it"
        ),
        Omission::Policy { .. } => format!("write `keep: [{path}]` in the definition"),
    }
}

fn elsewhere(tree: &Tree, path: &TreePath) -> Vec<String> {
    let name = path.name();
    let same = tree
        .iter()
        .filter(|(other, entry)| !entry.is_directory() && name.is_some() && other.name() == name);
    same.take(MAX_OFFERS)
        .map(|(path, _)| path.to_string())
        .collect()
}

/// The package that ships an entry, or what else made it.
fn origin(entry: &Entry) -> (Option<String>, Option<String>) {
    match &entry.origin {
        Origin::Package(name) => (Some(name.to_string()), None),
        other => (None, Some(other.to_string())),
    }
}

fn found(prepared: &Prepared, path: &TreePath, entry: &Entry) -> Result<FoundFile, LoaderError> {
    let tree = &prepared.assembly.tree;
    let (package, made_by) = origin(entry);
    let (kind, size) = match &entry.kind {
        Kind::Directory => ("directory", 0),
        Kind::File(node) => ("file", node.content.size()),
        Kind::Symlink(_) => ("symlink", 0),
    };
    let links = tree.iter().filter(|(link, entry)| {
        matches!(entry.kind, Kind::Symlink(_)) && tree.resolve(link).is_ok_and(|to| to == *path)
    });
    let is_file = entry.file().is_some();
    Ok(FoundFile {
        path: path.to_string(),
        kind,
        size,
        mode: format!("{:04o}", entry.meta.mode),
        owner: format!("{}:{}", entry.meta.uid, entry.meta.gid),
        package,
        made_by,
        layer: layer_name(prepared, entry.layer),
        linked_by: links.map(|(link, _)| link.to_string()).collect(),
        loaded_by: match is_file {
            true => loaded_by(tree, path)?,
            false => Vec::new(),
        },
        runs: match is_file {
            true => scripts_of(tree, path)?,
            false => Vec::new(),
        },
    })
}

/// The ELF files that need a library, or are run by a loader.
fn loaded_by(tree: &Tree, path: &TreePath) -> Result<Vec<String>, LoaderError> {
    let loader = Loader::of_whole(tree)?;
    let mut users = Vec::new();
    for (user, facts) in loader.files() {
        let libc = loader.libc(facts);
        let mut needs = facts
            .needed
            .iter()
            .filter_map(|name| loader.find(std::slice::from_ref(user), name, libc));
        let is_library = needs.any(|found| found.place == *path);
        let interpreter = facts.interpreter.as_deref();
        let interpreter = interpreter.and_then(|path| TreePath::from_absolute(path).ok());
        let is_loader = interpreter.is_some_and(|to| tree.resolve(&to).is_ok_and(|to| to == *path));
        if is_library || is_loader {
            users.push(user.to_string());
        }
    }
    Ok(users)
}

/// The scripts whose first line names a program.
fn scripts_of(tree: &Tree, path: &TreePath) -> Result<Vec<String>, LoaderError> {
    let mut scripts = Vec::new();
    for (script, entry) in tree.iter().filter(|(_, entry)| entry.is_executable()) {
        let Some(node) = entry.file() else { continue };
        let head = node.content.head(MAX_LINE);
        let head = head.map_err(|source| LoaderError::Read {
            path: script.clone(),
            source,
        })?;
        let runs = interpreter(&head);
        if runs.is_some_and(|program| tree.resolve(&program).is_ok_and(|to| to == *path)) {
            scripts.push(printable(script.to_string().as_bytes()));
        }
    }
    Ok(scripts)
}
