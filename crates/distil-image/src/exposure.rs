//! Proof that an image has nothing that an attacker would look for first.

use std::collections::BTreeSet;

use distil_debian::solve::{Reason, cuts};
use distil_inspect::exposure::{ExposureKind, exposures};
use distil_tree::{Origin, PatternError, Patterns, TreePath};

use crate::assembly::Assembly;
use crate::program;
use distil_definition::recipe::{Position, Recipe};

/// What no image has unless it is a debug variant, or its definition allows it.
#[derive(Debug, thiserror::Error)]
pub enum SurfaceError {
    /// The image would have such things.
    #[error("the image would have what attackers look for:{}", listed(found))]
    Found {
        /// What was found.
        found: Vec<Found>,
        /// What a definition can be `without` so that what nobody asks for by name stays away:
        /// the fewest names, as near to it as can be.
        without: BTreeSet<String>,
    },
    /// An entry of `allow` allows nothing.
    #[error(
        "`allow: {entry}` of definition `{definition}` allows nothing: the image has no such thing \
         that would need it{position}"
    )]
    UselessAllow {
        /// The definition.
        definition: String,
        /// The entry.
        entry: String,
        /// The position of the value in the definition.
        position: Position,
    },
    /// An entry of `allow` is not a pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// Something that an image should not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path.
    pub path: TreePath,
    /// What it is.
    pub what: ExposureKind,
    /// The package it is from; none if a definition or distil itself made it.
    pub package: Option<String>,
    /// What it is from, and how that came into the image.
    pub from: String,
}

/// A line for each kind of thing that comes the same way.
fn listed(found: &[Found]) -> String {
    let mut groups: Vec<(ExposureKind, &str, Vec<String>)> = Vec::new();
    for one in found {
        let path = format!("`{}`", one.path);
        let same = groups
            .iter_mut()
            .find(|(what, from, _)| (*what, *from) == (one.what, one.from.as_str()));
        match same {
            Some((_, _, paths)) => paths.push(path),
            None => groups.push((one.what, &one.from, vec![path])),
        }
    }
    let line = |(what, from, paths): &(ExposureKind, &str, Vec<String>)| {
        format!("\n  {}: {} from {from}", what.phrase(), paths.join(", "))
    };
    groups.iter().map(line).collect()
}

/// Checks the files of an image by their names and modes.
pub(crate) fn check(assembly: &Assembly, recipe: &Recipe) -> Result<(), SurfaceError> {
    let allowed = Allowed::new(recipe)?;
    let mut used = BTreeSet::new();
    let runtimes: BTreeSet<TreePath> = recipe
        .runtimes
        .iter()
        .filter_map(|word| program::find(&assembly.tree, &recipe.config, word).ok())
        .collect();
    // What programs are by their bytes, `check` asks when the image is proved.
    let exposures = exposures(&assembly.tree, [], &runtimes);
    let paths = exposures.iter().flat_map(|one| {
        let what = one.kind;
        one.paths.iter().map(move |path| (path, what))
    });
    let mut paths: Vec<(&TreePath, ExposureKind)> = paths.collect();
    paths.sort();
    let mut found = Vec::new();
    for (path, what) in paths {
        let Some(entry) = assembly.tree.get(path) else {
            continue;
        };
        let is_debug = recipe
            .layers
            .get(entry.layer)
            .is_some_and(|layer| layer.is_debug);
        let harmless = is_debug && what != ExposureKind::Setuid;
        // Java without its compiler runs no source, and is often added to an image whose command
        // the application brings.
        let is_java = runtimes.is_empty() && path.name() == Some(b"java");
        if harmless || (what == ExposureKind::Interpreter && is_java) {
            continue;
        }
        // A link that was made leads to what a package ships.
        let target = assembly.tree.follow(path).map(|(_, target)| &target.origin);
        let package = match (&entry.origin, target) {
            (Origin::Package(name), _) | (_, Some(Origin::Package(name))) => Some(name.to_string()),
            _ => None,
        };
        let entries = allowed.entries(path, package.as_deref());
        if !entries.is_empty() {
            used.extend(entries);
            continue;
        }
        let from = from(&entry.origin, assembly, recipe);
        found.push(Found {
            path: path.clone(),
            what,
            package,
            from,
        });
    }
    if !found.is_empty() {
        let unwanted = found.iter().filter_map(|one| one.package.as_deref());
        let packages = assembly.packages.iter().map(|one| &one.locked);
        let packages = packages.map(|one| (one.name.as_str(), one.reasons.as_slice()));
        let without = cuts(packages, &unwanted.collect());
        return Err(SurfaceError::Found { found, without });
    }
    for layer in &recipe.layers {
        for (entry, reason) in &layer.allow {
            if layer.must_matter(entry) && !used.contains(entry.as_str()) {
                return Err(SurfaceError::UselessAllow {
                    definition: layer.definition.clone(),
                    entry: entry.clone(),
                    position: reason.position.clone(),
                });
            }
        }
    }
    Ok(())
}

/// What the definitions of an image allow.
struct Allowed<'a> {
    packages: BTreeSet<&'a str>,
    patterns: Vec<(&'a str, Patterns)>,
}

impl<'a> Allowed<'a> {
    fn new(recipe: &'a Recipe) -> Result<Self, PatternError> {
        let entries = recipe.layers.iter().flat_map(|layer| layer.allow.keys());
        let mut allowed = Self {
            packages: BTreeSet::new(),
            patterns: Vec::new(),
        };
        for entry in entries {
            if entry.starts_with('/') {
                let pattern = Patterns::new(std::slice::from_ref(entry))?;
                allowed.patterns.push((entry, pattern));
            } else {
                allowed.packages.insert(entry);
            }
        }
        Ok(allowed)
    }

    /// The entries that allow a file.
    fn entries(&self, path: &TreePath, package: Option<&str>) -> Vec<&'a str> {
        let path = path.to_string();
        let by_path = self.patterns.iter().filter(|(_, one)| one.any(&path));
        let by_path = by_path.map(|(entry, _)| *entry);
        let by_package = package.and_then(|name| self.packages.get(name).copied());
        by_path.chain(by_package).collect()
    }
}

/// The package of a file with a chain of relations from a definition to it.
fn from(origin: &Origin, assembly: &Assembly, recipe: &Recipe) -> String {
    let Origin::Package(name) = origin else {
        return origin.to_string();
    };
    let mut text = format!("package `{name}`");
    let mut name = name.to_string();
    let mut seen = vec![name.clone()];
    loop {
        let package = assembly.packages.iter().find(|one| one.locked.name == name);
        let Some(package) = package else {
            return text;
        };
        let reasons = &package.locked.reasons;
        if let Some(Reason::Requested(relation)) = reasons
            .iter()
            .find(|reason| matches!(reason, Reason::Requested(_)))
        {
            let layer = recipe.layers.get(package.layer);
            let definition = layer.map_or("", |layer| layer.definition.as_str());
            return format!("{text}, which `{definition}` asks for as `{relation}`");
        }
        let by = reasons.iter().find_map(|reason| match reason {
            Reason::DependsOn { by, .. } if !seen.contains(by) => Some(by.clone()),
            _ => None,
        });
        let Some(by) = by else { return text };
        text += &format!(", which `{by}` depends on");
        seen.push(by.clone());
        name = by;
    }
}
