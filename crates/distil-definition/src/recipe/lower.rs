//! From definitions to a [`Recipe`].

use distil_debian::relation::{RelationError, Relations};
use distil_tree::TreePath;

use super::archives::Origins;
use super::chain::chain;
use super::dev;
use super::error::RecipeError;
use super::inputs::{self, Inputs};
use super::layer::{LayerRecipe, NewPath, PackageRequest};
use super::merge::merged;
use super::part::Part;
use super::position::Position;
use super::source::Source;
use super::suites;
use super::target::Target;
use super::values::Lowering;
use super::whole::Recipe;
use super::written::{ConfigPositions, WrittenPatterns};
use crate::format::{Accounts, Config};
use crate::layers::Layers;

/// Where programs are looked for where no definition says it: as Docker does.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the recipe of one image.
///
/// # Errors
/// If the definition, or one that it stands on, is wrong.
pub fn lower(source: Source, target: Target) -> Result<Recipe, RecipeError> {
    let author = source.author();
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
    let meanings = chain.iter().map(inputs::Meaning::of).collect();
    let mut accounts = Accounts::default();
    let mut config = Config::default();
    let mut positions = ConfigPositions::default();
    let mut own = Own::default();
    let mut layers = Vec::new();
    let mut debug = Vec::new();
    let mut dev = Vec::new();
    let mut same_as = Vec::new();
    let mut runtimes = Vec::new();
    let mut origins = Origins::default();
    let mut has_probe = false;
    let mut bytecode = None;
    for source in &chain {
        let lowering = Lowering::new(source, target)?;
        let mut layer = lowering.layer(&mut accounts)?;
        if let Some(wanted) = source.definition.bytecode {
            bytecode = wanted.then(|| lowering.position(&Part::of("bytecode")));
        }
        layer.bytecode.clone_from(&bytecode);
        let paths = layer.pythons.first().map(|python| python.to.to_string());
        if !has_probe && let Some(probe) = lowering.probe()? {
            layer.bundles.push(probe);
            has_probe = true;
        }
        let java = lowering.java()?;
        if let Some(java) = &java {
            layer.javas.extend(java.layers.iter().cloned());
            layer.bundles.extend(java.directories.iter().cloned());
        }
        let own_layers = layer.split_own();
        layers.push(layer);
        layers.extend(own_layers);
        if source.definition.layers == Layers::Single {
            let single = merged(&source.definition.name, layers);
            layers = vec![single.map_err(|error| lowering.error(&Part::of("layers"), error))?];
            origins.lie_in_one_layer();
        }
        lowering.add_origins(layers.len().saturating_sub(1), &mut origins)?;
        if let Some(java) = java {
            java.run(&mut config, &mut positions);
        }
        lowering.merge_config(&mut config, &mut positions)?;
        if let Some(path) = paths {
            config.env.entry("PYTHONPATH".to_owned()).or_insert(path);
        }
        if source.is_strict() {
            own.note(&lowering);
        }
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
    let nearest = |source: &Source| source.definition.snapshot_service.clone();
    let snapshot_service = chain.iter().rev().find_map(nearest);
    let mut snapshot = None;
    for source in &chain {
        snapshot = Lowering::new(source, target)?.snapshot()?.or(snapshot);
    }
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
        dev::configure(
            &mut config,
            &mut positions,
            &changed,
            dev_env(&chain, target)?,
        );
    }
    if target.variant.is_nonroot() {
        let nonroot = accounts.users.iter().find(|user| user.name == "nonroot");
        let nonroot = nonroot.ok_or_else(|| RecipeError::Value {
            definition: top.name.clone(),
            key: "accounts",
            problem: "has no user `nonroot`, whom this variant is for".to_owned(),
            position: Position::default(),
        })?;
        // What the user's own definitions say holds.
        if !own.user {
            config.user = Some(nonroot.uid.to_string());
            positions.user = Position::default();
        }
        if !own.workdir {
            config.workdir.clone_from(&nonroot.home);
            positions.workdir = Position::default();
        }
        if config.user.as_deref().is_some_and(is_root) {
            return Err(RecipeError::Value {
                definition: top.name.clone(),
                key: "config",
                problem: "the user is root, whom the variants `nonroot` and `debug-nonroot` are \
                          not for; leave `user` out, or build `latest`"
                    .to_owned(),
                position: positions.user,
            });
        }
    }
    Ok(Recipe {
        name: top.name.clone(),
        description: top.description.clone(),
        author,
        variant: target.variant,
        suite: target.suite,
        architecture: target.architecture,
        inputs: Inputs {
            definitions: inputs::with_files_of_packages(
                definitions,
                layers.iter().chain(&same_as),
                &origins,
            ),
            files: inputs::files(&layers),
        },
        definitions: meanings,
        layers,
        same_as,
        config,
        runtimes,
        positions,
        origins,
        mirrors,
        snapshot_service,
        snapshot,
    })
}

/// What definitions of the user say of how a container runs, rather than the catalogue's.
#[derive(Default)]
struct Own {
    user: bool,
    workdir: bool,
}

impl Own {
    fn note(&mut self, lowering: &Lowering<'_>) {
        for config in lowering.configs() {
            self.user |= config.user.is_some();
            self.workdir |= config.workdir.is_some();
        }
    }
}

/// Whether a user, with or without a group behind a colon, is root.
fn is_root(user: &str) -> bool {
    let name = user.split_once(':').map_or(user, |(name, _)| name);
    name == "root" || name.parse() == Ok(0_u32)
}

/// The environment that definitions want in their `dev`, the lowest first.
fn dev_env(
    chain: &[Source],
    target: Target,
) -> Result<Vec<(String, String, Position)>, RecipeError> {
    let mut all = Vec::new();
    for source in chain {
        all.extend(Lowering::new(source, target)?.dev_env()?);
    }
    Ok(all)
}

/// The layer of the debug variants: Debian's own static busybox, in a directory of its own.
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
        position: Position::default(),
    };
    let only = [
        "/usr/bin/busybox",
        "/usr/share/doc/busybox-static/copyright",
    ];
    let relations: Relations = "busybox-static"
        .parse()
        .map_err(|e: RelationError| failed(&e))?;
    let busybox = NewPath {
        path: TreePath::of("busybox/busybox"),
        position: Position::default(),
    };
    let only = only.map(|path| (path.to_owned(), Position::default()));
    for relation in relations.0 {
        packages.push(PackageRequest {
            relation,
            only: WrittenPatterns::new(only.to_vec()).map_err(|error| failed(&error))?,
            moved: [(TreePath::of("usr/bin/busybox"), busybox.clone())].into(),
            suite: None,
            local: None,
            position: Position::default(),
        });
    }
    Ok(LayerRecipe {
        packages,
        accounts: accounts.clone(),
        is_debug: true,
        ..LayerRecipe::new(&definition)
    })
}
