//! From definitions to a [`Recipe`].

use std::path::PathBuf;
use std::time::SystemTime;

use distil_debian::relation::{RelationError, Relations};
use distil_debian::suite::Suite;
use distil_tree::TreePath;

use super::dev;
use super::inputs::{self, Inputs};
use super::merge::merged;
use super::source::{Place, Source};
use super::suites::{self, UnsuitableSuite};
use super::values::Lowering;
use super::{LayerRecipe, PackageRequest, Recipe, Variant};
use crate::architecture::Architecture;
use crate::definition::{Accounts, Config, DefinitionError, Layers, UnknownDefinition};
use distil_tree::Patterns;

/// The longest chain of definitions.
const MAX_CHAIN: usize = 32;

/// Where programs are looked for where no definition says it: as Docker does.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Which image of a definition.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its variant.
    pub variant: Variant,
    /// The release of Debian.
    pub suite: Suite,
    /// The architecture.
    pub architecture: Architecture,
    /// When certificates that definitions bring have to be valid.
    pub now: SystemTime,
}

/// Why a definition makes no image.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// There is no such definition in the catalogue.
    #[error(transparent)]
    Unknown(#[from] UnknownDefinition),
    /// The `from` of a definition is not in the catalogue.
    #[error("{source}{place}")]
    UnknownFrom {
        /// What was asked for.
        source: UnknownDefinition,
        /// Where it stands.
        place: Place,
    },
    /// A definition cannot be read.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The image cannot be made from the suite.
    #[error(transparent)]
    Suite(#[from] UnsuitableSuite),
    /// A file cannot be read.
    #[error("`{}` {problem}{place}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// Where it is named.
        place: Place,
    },
    /// Definitions stand on one another in a circle, or too many of them.
    #[error("the `from` of `{name}` never ends: {}", chain.join(" → "))]
    Endless {
        /// The first of them.
        name: String,
        /// All of them.
        chain: Vec<String>,
    },
    /// A part of a definition is wrong.
    #[error("`{key}` of definition `{definition}`: {problem}{place}")]
    Value {
        /// The definition.
        definition: String,
        /// The key.
        key: &'static str,
        /// What is wrong.
        problem: String,
        /// Where it stands.
        place: Place,
    },
}

impl RecipeError {
    /// The same, with the place where the file is named.
    pub(super) fn at(self, place: Place) -> Self {
        match self {
            Self::File { path, problem, .. } => Self::File {
                path,
                problem,
                place,
            },
            other => other,
        }
    }
}

/// Makes the recipe of one image.
///
/// # Errors
/// If the definition, or one that it stands on, is wrong.
pub fn lower(source: Source, target: Target) -> Result<Recipe, RecipeError> {
    let changes = source.changes();
    let changed = changes
        .as_ref()
        .map(|changes| changes.definition.config.clone());
    let changed = changed.unwrap_or_default();
    let top = source.definition.clone();
    let mut chain = chain(source)?;
    suites::check(&chain, target)?;
    chain.extend(changes);
    let definitions = inputs::definitions(&chain, &target)?;
    let mut accounts = Accounts::default();
    let mut config = Config::default();
    let mut layers = Vec::new();
    let mut debug = Vec::new();
    let mut dev = Vec::new();
    let mut same_as = Vec::new();
    let mut runtimes = Vec::new();
    for source in &chain {
        let lowering = Lowering::new(source, target)?;
        layers.push(lowering.layer(&mut accounts)?);
        if source.definition.layers == Layers::Single {
            let single = merged(&source.definition.name, layers);
            layers = vec![single.map_err(|error| lowering.error("layers", "single", error))?];
        }
        lowering.merge_config(&mut config)?;
        let program = config.entrypoint.as_ref().and_then(|words| words.first());
        runtimes.extend(program.cloned());
        debug.extend(lowering.debug_packages()?);
        if target.variant.is_dev() {
            dev.push(lowering.dev_layer()?);
        }
    }
    let with_mirrors = chain.iter().rev().map(|source| &source.definition.mirrors);
    let mirrors = with_mirrors.into_iter().find(|list| !list.is_empty());
    let mirrors = mirrors.cloned().unwrap_or_default();
    if target.variant.is_debug() {
        layers.push(debug_layer(&top.name, debug, &accounts)?);
        let path = config.env.entry("PATH".to_owned());
        path.or_insert_with(|| DEFAULT_PATH.to_owned())
            .push_str(":/busybox");
        if config.entrypoint.is_none() {
            config.entrypoint = Some(vec!["/busybox/sh".to_owned()]);
        }
    }
    if target.variant.is_dev() {
        let layer = dev::layer(&top.name, target, &layers, dev)?;
        same_as = std::mem::replace(&mut layers, vec![layer]);
        dev::configure(&mut config, &changed, dev_env(&chain, target)?);
    }
    if target.variant.is_nonroot() {
        let nonroot = accounts.users.iter().find(|user| user.name == "nonroot");
        let nonroot = nonroot.ok_or_else(|| RecipeError::Value {
            definition: top.name.clone(),
            key: "accounts",
            problem: "has no user `nonroot`, whom this variant is for".to_owned(),
            place: Place::default(),
        })?;
        config.user = Some(nonroot.uid.to_string());
        config.workdir = nonroot.home.clone();
        // Whoever names another user on the command line wants that one.
        if changed.user.is_some() {
            config.user.clone_from(&changed.user);
        }
    }
    Ok(Recipe {
        name: top.name.clone(),
        description: top.description.clone(),
        variant: target.variant,
        suite: target.suite,
        architecture: target.architecture,
        inputs: Inputs {
            definitions,
            files: inputs::files(&layers),
        },
        layers,
        same_as,
        config,
        runtimes,
        changed,
        mirrors,
    })
}

/// The environment that definitions want in their `dev`, the lowest first.
fn dev_env(chain: &[Source], target: Target) -> Result<Vec<(String, String)>, RecipeError> {
    let mut all = Vec::new();
    for source in chain {
        all.extend(Lowering::new(source, target)?.dev_env()?);
    }
    Ok(all)
}

/// The definitions from the lowest to the one asked for.
pub(super) fn chain(source: Source) -> Result<Vec<Source>, RecipeError> {
    let mut chain = vec![source];
    loop {
        let last = &chain[chain.len() - 1];
        let Some(from) = last.definition.from.clone() else {
            break;
        };
        let text = last.text.as_ref();
        let place = || {
            text.map(|text| text.place("from", &from))
                .unwrap_or_default()
        };
        if from.contains(':') {
            return Err(RecipeError::Value {
                definition: last.definition.name.clone(),
                key: "from",
                problem: format!(
                    "`{from}` names a variant; an image stands on a definition, and has all \
                     variants itself"
                ),
                place: place(),
            });
        }
        let next = last.parent(&from).map_err(|error| match error {
            RecipeError::Unknown(source) => RecipeError::UnknownFrom {
                source,
                place: place(),
            },
            other => other.at(place()),
        })?;
        if chain.iter().any(|known| known.is_same(&next)) || chain.len() >= MAX_CHAIN {
            let names = chain
                .iter()
                .chain([&next])
                .map(|one| one.definition.name.clone());
            let chain: Vec<String> = names.collect();
            return Err(RecipeError::Endless {
                name: chain[0].clone(),
                chain,
            });
        }
        chain.push(next);
    }
    chain.reverse();
    Ok(chain)
}

/// The layer of the debug variants: Debian's own static busybox, in a folder of its own.
fn debug_layer(
    name: &str,
    mut packages: Vec<PackageRequest>,
    accounts: &Accounts,
) -> Result<LayerRecipe, RecipeError> {
    let definition = format!("{name}:debug");
    let failed = |error: &dyn std::error::Error| RecipeError::Value {
        definition: definition.clone(),
        key: "debug",
        problem: error.to_string(),
        place: Place::default(),
    };
    let only = [
        "/usr/bin/busybox",
        "/usr/share/doc/busybox-static/copyright",
    ];
    let relations: Relations = "busybox-static"
        .parse()
        .map_err(|e: RelationError| failed(&e))?;
    let moved = [(
        TreePath::of("usr/bin/busybox"),
        TreePath::of("busybox/busybox"),
    )];
    for relation in relations.0 {
        packages.push(PackageRequest {
            relation,
            only: Patterns::new(&only.map(str::to_owned)).map_err(|error| failed(&error))?,
            moved: moved.iter().cloned().collect(),
        });
    }
    Ok(LayerRecipe {
        packages,
        accounts: accounts.clone(),
        is_debug: true,
        ..LayerRecipe::new(&definition)
    })
}
