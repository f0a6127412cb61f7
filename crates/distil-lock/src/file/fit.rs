//! Whether a lock fits a definition: what has changed since it was made, and where.

use std::collections::BTreeSet;

use distil_debian::relation::{Alternatives, Provided, Relation};
use distil_debian::solve::Reason;
use distil_definition::recipe::{Meaning, Origin, Position, Recipe};

use super::format::{DefinitionState, FileState, LockFile, PackageLock, PlatformLock, VariantName};
use crate::resolve::local_files_of;

/// Keys of definitions that decide which packages an image has.
const DECIDING: [&str; 11] = [
    "archives",
    "backports",
    "components",
    "debug",
    "dev",
    "from",
    "layers",
    "packages",
    "suites",
    "when",
    "without",
];

/// Why a lock has no packages for an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It is of another suite.
    #[error("it is for {locked}, and the image is to be made from {asked}")]
    Suite {
        /// The lock's.
        locked: String,
        /// The one that is asked for.
        asked: String,
    },
    /// It does not have the platform.
    #[error("it is for {}, and not for {platform}", locked.join(", "))]
    Platform {
        /// The lock's.
        locked: Vec<String>,
        /// The one that is asked for.
        platform: String,
    },
    /// It does not have the variant.
    #[error("it has no packages of the variant `{variant}` for {platform}")]
    Variant {
        /// The variant.
        variant: &'static str,
        /// The platform.
        platform: String,
    },
    /// A definition changed, so that other packages may be needed.
    #[error("{0}")]
    Changed(Change),
}

/// Something that changed in a definition since it was locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The definitions that an image consists of are others.
    Definitions {
        /// Those of the lock, the lowest first.
        locked: Vec<String>,
        /// Those there are now.
        now: Vec<String>,
    },
    /// Flags that change the image.
    Flags {
        /// The name that the image has because of them.
        name: String,
        /// Whether they ask for packages, or do without some.
        decides: bool,
    },
    /// The value of a key.
    Key {
        /// The definition.
        definition: String,
        /// The key.
        key: String,
        /// What happened to it.
        what: &'static str,
        /// The position in the definition; of its name if the key is not there any more.
        position: Position,
    },
    /// A package that is asked for and not in the lock.
    Package {
        /// The relation.
        relation: String,
        /// The position of the entry.
        position: Position,
    },
    /// A file that a definition brings.
    File {
        /// The definition.
        definition: String,
        /// The file, as the definition names it.
        from: String,
    },
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Definitions { locked, now } => write!(
                f,
                "it is of the definitions {}, and now they are {}",
                locked.join(", "),
                now.join(", ")
            ),
            Self::Flags { name, .. } => {
                write!(
                    f,
                    "flags make the image `{name}`, which was locked without them"
                )
            }
            Self::Key {
                definition,
                key,
                what,
                position,
            } => write!(
                f,
                "the key `{key}` of `{definition}` was {what} since{position}"
            ),
            Self::Package { relation, position } => {
                write!(f, "`{relation}` is not in it{position}")
            }
            Self::File { definition, from } => {
                write!(f, "the file `{from}` of `{definition}` was changed since")
            }
        }
    }
}

/// Whether other packages may be needed because of a change.
pub fn decides_packages(change: &Change) -> bool {
    match change {
        Change::Definitions { .. } | Change::Package { .. } => true,
        Change::Flags { decides, .. } => *decides,
        Change::Key { key, .. } => DECIDING.contains(&key.as_str()),
        Change::File { .. } => false,
    }
}

impl LockFile {
    /// What changed since the file was made that does not touch the packages of the image of
    /// `recipe`; in the order of the definitions.
    ///
    /// # Errors
    /// If the file does not have these packages.
    pub fn fit(&self, recipe: &Recipe) -> Result<Vec<Change>, Misfit> {
        let asked = recipe.suite.codename;
        if self.suite != asked {
            return Err(Misfit::Suite {
                locked: self.suite.clone(),
                asked: asked.to_owned(),
            });
        }
        let changes = changes(self, recipe);
        if let Some(change) = changes.iter().find(|one| decides_packages(one)) {
            // The very package says more than the list that it stands in.
            let package = missing(self, recipe).filter(|_| matches!(change, Change::Key { .. }));
            return Err(Misfit::Changed(package.unwrap_or_else(|| change.clone())));
        }
        let name = recipe.architecture.platform().to_string();
        let Some(platform) = self.platform(&name) else {
            let locked = self.platforms.iter().map(|one| one.platform.clone());
            return Err(Misfit::Platform {
                locked: locked.collect(),
                platform: name,
            });
        };
        let variant = VariantName::from(recipe.variant);
        if !platform.variants.contains(&variant) {
            return Err(Misfit::Variant {
                variant: variant.as_str(),
                platform: name,
            });
        }
        // A package of the same version with other bytes is another one.
        if let Some(change) = changed_package(platform, recipe) {
            return Err(Misfit::Changed(change));
        }
        // The definitions are the same and the packages are not: somebody edited the file.
        match missing(self, recipe) {
            Some(change) => Err(Misfit::Changed(change)),
            None => Ok(changes),
        }
    }
}

/// A package that the recipe asks for and the file does not have.
fn missing(file: &LockFile, recipe: &Recipe) -> Option<Change> {
    let platform = file.platform(&recipe.architecture.platform().to_string())?;
    let requested: BTreeSet<String> = platform
        .packages
        .iter()
        .flat_map(|one| one.reasons.iter().chain(&one.dev))
        .filter_map(|reason| match &reason.0 {
            Reason::Requested(relation) => Some(relation.to_string()),
            _ => None,
        })
        .collect();
    let requests = recipe.layers.iter().flat_map(|layer| &layer.packages);
    let mut missing = requests.filter(|one| {
        !requested.contains(&one.relation.to_string()) && !is_met(&platform.packages, &one.relation)
    });
    missing.next().map(|one| Change::Package {
        relation: one.relation.to_string(),
        position: one.position.clone(),
    })
}

/// A `.deb` of this machine that is not the one that was locked.
fn changed_package(platform: &PlatformLock, recipe: &Recipe) -> Option<Change> {
    recipe.layers.iter().find_map(|layer| {
        let requests = layer.packages.iter();
        let mut local = requests.filter_map(|request| request.local.as_ref());
        let changed = local.find(|local| {
            let mut packages = platform.packages.iter();
            !packages.any(|one| one.digest == local.package.sha256)
        })?;
        Some(Change::File {
            definition: layer.definition.clone(),
            from: changed.from.clone(),
        })
    })
}

/// Whether one of the packages is what is asked for, though for another reason: a layer below has it.
fn is_met(packages: &[PackageLock], group: &Alternatives) -> bool {
    let provides = |relation: &Relation, provided: &Provided| {
        let version = provided.version.as_ref();
        relation.name == provided.name
            && (relation.version.is_none() || version.is_some_and(|one| relation.admits(one)))
    };
    packages.iter().any(|package| {
        group.iter().any(|relation| {
            let mut provided = package.provides.0.iter();
            (relation.name == package.name && relation.admits(&package.version))
                || provided.any(|one| provides(relation, one))
        })
    })
}

/// All that changed in the definitions and files of an image since it was locked.
pub fn changes(file: &LockFile, recipe: &Recipe) -> Vec<Change> {
    let mut now: &[Meaning] = &recipe.definitions;
    let mut changes = Vec::new();
    // Flags may come on top of what was locked without any.
    if let Some((flags, rest)) = now.split_last()
        && flags.origin == Origin::Flags
        && rest.len() == file.definitions.len()
    {
        changes.push(Change::Flags {
            name: flags.name.clone(),
            decides: flags
                .keys
                .keys()
                .any(|key| DECIDING.contains(&key.as_str())),
        });
        now = rest;
    }
    let is_same = |(locked, now): (&DefinitionState, &Meaning)| {
        locked.name == now.name && locked.origin == now.origin.into()
    };
    let locked = &file.definitions;
    if locked.len() != now.len() || !locked.iter().zip(now).all(is_same) {
        changes.push(Change::Definitions {
            locked: locked.iter().map(|one| one.name.clone()).collect(),
            now: now.iter().map(|one| one.name.clone()).collect(),
        });
        return changes;
    }
    for (locked, now) in locked.iter().zip(now) {
        let keys: BTreeSet<&String> = locked.keys.keys().chain(now.keys.keys()).collect();
        for key in keys {
            let what = match (locked.keys.get(key), now.keys.get(key)) {
                (Some(locked), Some(now)) if locked == now => continue,
                (Some(_), Some(_)) => "changed",
                (Some(_), None) => "removed",
                (None, _) => "added",
            };
            changes.push(Change::Key {
                definition: now.name.clone(),
                key: key.clone(),
                what,
                position: now.position(key),
            });
        }
    }
    for one in local_files_of(recipe) {
        let is_new = !file.files.contains(&FileState::of(&one));
        // A file that flags bring is told of with them.
        let is_flag = |change: &Change| matches!(change, Change::Flags { name, .. } if *name == one.definition);
        if is_new && !changes.iter().any(is_flag) {
            changes.push(Change::File {
                definition: one.definition,
                from: one.from,
            });
        }
    }
    changes
}
