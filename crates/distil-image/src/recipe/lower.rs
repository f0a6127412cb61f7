//! From definitions to a [`Recipe`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use distil_debian::relation::{RelationError, Relations};
use distil_debian::suite::Suite;
use distil_tree::{PathError, TreePath};

use super::source::Source;
use super::variables::expand;
use super::{Addition, LayerRecipe, PackageRequest, Recipe, Variant};
use crate::architecture::Architecture;
use crate::definition::{Accounts, CatalogueError, Config, Definition, DefinitionError};
use crate::definition::{Overlay, PackageItem};
use crate::owners::Owners;
use crate::pattern::Patterns;

/// The longest chain of definitions.
const MAX_CHAIN: usize = 32;

/// Which image of a definition.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its variant.
    pub variant: Variant,
    /// The release of Debian.
    pub suite: Suite,
    /// The architecture.
    pub architecture: Architecture,
}

/// Why a definition makes no image.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// A definition of the catalogue cannot be had.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A definition cannot be read.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// A file cannot be read.
    #[error("`{}` {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
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
    #[error("`{key}` of definition `{definition}`: {problem}")]
    Value {
        /// The definition.
        definition: String,
        /// The key.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
}

/// Makes the recipe of one image.
///
/// # Errors
/// If the definition, or one that it stands on, is wrong.
pub fn lower(source: Source, target: Target) -> Result<Recipe, RecipeError> {
    let addition = source.addition();
    let top = source.definition.clone();
    let mut chain = chain(source)?;
    chain.extend(addition);
    let mut accounts = Accounts::default();
    let mut config = Config::default();
    let mut layers = Vec::new();
    let mut debug = Vec::new();
    for source in &chain {
        let lowering = Lowering::new(source, target);
        let layer = lowering.layer(&mut accounts)?;
        layers.push(layer);
        lowering.merge_config(&mut config)?;
        debug.extend(lowering.debug_packages()?);
    }
    if target.variant.is_debug() {
        layers.push(debug_layer(&top.name, debug, &accounts)?);
        if let Some(path) = config.env.get_mut("PATH") {
            path.push_str(":/busybox");
        }
        if config.entrypoint.is_none() {
            config.entrypoint = Some(vec!["/busybox/sh".to_owned()]);
        }
    }
    if target.variant.is_nonroot() {
        let nonroot = accounts.users.iter().find(|user| user.name == "nonroot");
        let nonroot = nonroot.ok_or_else(|| RecipeError::Value {
            definition: top.name.clone(),
            key: "accounts",
            problem: "has no user `nonroot`, whom this variant is for".to_owned(),
        })?;
        config.user = Some(nonroot.uid.to_string());
        config.workdir = nonroot.home.clone();
    }
    Ok(Recipe {
        name: top.name.clone(),
        description: top.description.clone(),
        variant: target.variant,
        suite: target.suite,
        architecture: target.architecture,
        layers,
        config,
    })
}

/// The definitions from the lowest to the one asked for.
fn chain(source: Source) -> Result<Vec<Source>, RecipeError> {
    let mut chain = vec![source];
    loop {
        let last = &chain[chain.len() - 1];
        let Some(from) = last.definition.from.clone() else {
            break;
        };
        if from.contains(':') {
            return Err(RecipeError::Value {
                definition: last.definition.name.clone(),
                key: "from",
                problem: format!("`{from}` names a variant; an image stands on a definition"),
            });
        }
        let next = Source::find(&from, last.folder.as_deref())?;
        let is_known = |known: &Source| known.definition.name == next.definition.name;
        if chain.iter().any(is_known) || chain.len() >= MAX_CHAIN {
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
    let failed = value_error(&definition, "debug");
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
        ..empty_layer(&definition)
    })
}

fn empty_layer(definition: &str) -> LayerRecipe {
    LayerRecipe {
        definition: definition.to_owned(),
        packages: Vec::new(),
        without: BTreeMap::new(),
        drop: Patterns::none(),
        keep: Patterns::none(),
        excuse: BTreeMap::new(),
        links: Vec::new(),
        directories: Vec::new(),
        files: Vec::new(),
        accounts: Accounts::default(),
        certificates: Vec::new(),
        is_debug: false,
        is_strict: false,
    }
}

fn value_error<'a>(
    definition: &'a str,
    key: &'static str,
) -> impl Fn(&dyn std::error::Error) -> RecipeError + 'a {
    move |error| RecipeError::Value {
        definition: definition.to_owned(),
        key,
        problem: error.to_string(),
    }
}

/// One definition on one target.
struct Lowering<'a> {
    source: &'a Source,
    definition: &'a Definition,
    overlays: Vec<&'a Overlay>,
    target: Target,
}

impl<'a> Lowering<'a> {
    fn new(source: &'a Source, target: Target) -> Self {
        let definition = &source.definition;
        let applies = |overlay: &&Overlay| {
            overlay.suite.admits(target.suite.codename)
                && overlay.architecture.admits(target.architecture.debian())
        };
        let overlays = definition.when.iter().filter(applies).collect();
        Self {
            source,
            definition,
            overlays,
            target,
        }
    }

    fn error(&self, key: &'static str, problem: impl ToString) -> RecipeError {
        let definition = self.definition.name.clone();
        RecipeError::Value {
            definition,
            key,
            problem: problem.to_string(),
        }
    }

    fn expand(&self, key: &'static str, text: &str) -> Result<String, RecipeError> {
        let value = |name: &str| match name {
            "multiarch" => Some(self.target.architecture.multiarch().to_owned()),
            "architecture" => Some(self.target.architecture.debian().to_owned()),
            "suite" => Some(self.target.suite.codename.to_owned()),
            // Known once the packages are.
            _ if name.starts_with("version:") => Some(format!("${{{name}}}")),
            _ => None,
        };
        expand(text, &value).map_err(|error| self.error(key, error))
    }

    fn layer(&self, accounts: &mut Accounts) -> Result<LayerRecipe, RecipeError> {
        let definition = self.definition;
        self.merge_accounts(accounts)?;
        let owners = Owners::new(accounts);
        let mut layer = LayerRecipe {
            accounts: accounts.clone(),
            is_strict: self.source.folder.is_some(),
            drop: self.patterns("drop", |d| &d.drop, |o| &o.drop)?,
            keep: self.patterns("keep", |d| &d.keep, |o| &o.keep)?,
            without: self.merged(&definition.without, |overlay| &overlay.without),
            excuse: self.merged(&definition.excuse, |overlay| &overlay.excuse),
            ..empty_layer(&definition.name)
        };
        layer
            .packages
            .extend(self.packages("packages", &definition.packages)?);
        for overlay in &self.overlays {
            layer
                .packages
                .extend(self.packages("packages", &overlay.packages)?);
        }
        for (path, target) in self.merged(&definition.links, |overlay| &overlay.links) {
            let path = self.path("links", &path)?;
            layer.links.push((path, self.expand("links", &target)?));
        }
        for item in &definition.directories {
            let addition = self.addition(
                "directories",
                &owners,
                0o755,
                &item.path,
                &item.owner,
                &item.mode,
            );
            layer.directories.push(addition?);
        }
        for item in &definition.files {
            let addition =
                self.addition("files", &owners, 0o644, &item.path, &item.owner, &item.mode)?;
            let bytes = match (&item.text, &item.from) {
                (Some(text), None) => self.expand("files", text)?.into_bytes(),
                (None, Some(from)) => self.source.read(from)?,
                _ => {
                    let problem = format!("`{}` must have either `text` or `from`", item.path);
                    return Err(self.error("files", problem));
                }
            };
            layer.files.push((addition, bytes));
        }
        for path in &definition.certificates.extra {
            let bytes = self.source.read(path)?;
            let text = String::from_utf8(bytes)
                .map_err(|_| self.error("certificates", format!("`{path}` is not a PEM file")))?;
            layer.certificates.push((path.clone(), text));
        }
        Ok(layer)
    }

    fn packages(
        &self,
        key: &'static str,
        items: &[PackageItem],
    ) -> Result<Vec<PackageRequest>, RecipeError> {
        let mut requests = Vec::new();
        for item in items {
            let relations: Result<Relations, RelationError> = item.name.parse();
            let relations =
                relations.map_err(|e| self.error(key, format!("`{}` {e}", item.name)))?;
            let only: Result<Vec<String>, _> = item
                .only
                .iter()
                .map(|pattern| self.expand(key, pattern))
                .collect();
            let only = Patterns::new(&only?).map_err(|error| self.error(key, error))?;
            let moved = item
                .moved
                .iter()
                .map(|(from, to)| Ok((self.path(key, from)?, self.path(key, to)?)));
            let moved: BTreeMap<_, _> = moved.collect::<Result<_, RecipeError>>()?;
            for relation in relations.0 {
                let architecture = self.target.architecture.debian();
                if let Some(relation) = relation.reduced_to(architecture) {
                    let (only, moved) = (only.clone(), moved.clone());
                    requests.push(PackageRequest {
                        relation,
                        only,
                        moved,
                    });
                }
            }
        }
        Ok(requests)
    }

    fn debug_packages(&self) -> Result<Vec<PackageRequest>, RecipeError> {
        let mut packages = self.packages("debug", &self.definition.debug.packages)?;
        for overlay in &self.overlays {
            packages.extend(self.packages("debug", &overlay.debug.packages)?);
        }
        Ok(packages)
    }

    fn patterns(
        &self,
        key: &'static str,
        own: impl Fn(&'a Definition) -> &'a Vec<String>,
        more: impl Fn(&'a Overlay) -> &'a Vec<String>,
    ) -> Result<Patterns, RecipeError> {
        let more = self.overlays.iter().flat_map(|overlay| more(overlay));
        let texts = own(self.definition).iter().chain(more);
        let texts: Result<Vec<String>, _> = texts.map(|text| self.expand(key, text)).collect();
        Patterns::new(&texts?).map_err(|error| self.error(key, error))
    }

    fn merged(
        &self,
        own: &BTreeMap<String, String>,
        more: impl Fn(&'a Overlay) -> &'a BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let more = self.overlays.iter().flat_map(|overlay| more(overlay));
        own.iter()
            .chain(more)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    fn path(&self, key: &'static str, text: &str) -> Result<TreePath, RecipeError> {
        let text = self.expand(key, text)?;
        TreePath::from_absolute(&text)
            .map_err(|problem: PathError| self.error(key, format!("the path `{text}` {problem}")))
    }

    fn addition(
        &self,
        key: &'static str,
        owners: &Owners,
        default_mode: u32,
        path: &str,
        owner: &Option<String>,
        mode: &Option<String>,
    ) -> Result<Addition, RecipeError> {
        let (uid, gid) = match owner {
            Some(owner) => owners
                .parse(owner)
                .map_err(|error| self.error(key, error))?,
            None => (0, 0),
        };
        let mode = match mode {
            Some(text) => {
                let parsed = u32::from_str_radix(text, 8)
                    .ok()
                    .filter(|mode| *mode <= 0o7777);
                let problem = || format!("`{text}` is not a mode in octal digits, such as `0755`");
                parsed.ok_or_else(|| self.error(key, problem()))?
            }
            None => default_mode,
        };
        Ok(Addition {
            path: self.path(key, path)?,
            uid,
            gid,
            mode,
        })
    }

    fn merge_accounts(&self, accounts: &mut Accounts) -> Result<(), RecipeError> {
        let own = &self.definition.accounts;
        for user in &own.users {
            if accounts
                .users
                .iter()
                .any(|one| one.name == user.name || one.uid == user.uid)
            {
                let problem = format!(
                    "`{}` or the number {} is there already",
                    user.name, user.uid
                );
                return Err(self.error("accounts", problem));
            }
            accounts.users.push(user.clone());
        }
        for group in &own.groups {
            if accounts
                .groups
                .iter()
                .any(|one| one.name == group.name || one.gid == group.gid)
            {
                let problem = format!(
                    "`{}` or the number {} is there already",
                    group.name, group.gid
                );
                return Err(self.error("accounts", problem));
            }
            accounts.groups.push(group.clone());
        }
        Ok(())
    }

    fn merge_config(&self, config: &mut Config) -> Result<(), RecipeError> {
        self.merge_one_config(config, &self.definition.config)?;
        for overlay in &self.overlays {
            self.merge_one_config(config, &overlay.config)?;
        }
        Ok(())
    }

    fn merge_one_config(&self, config: &mut Config, own: &Config) -> Result<(), RecipeError> {
        if own.entrypoint.is_some() {
            config.entrypoint.clone_from(&own.entrypoint);
            // As in a Dockerfile: arguments belong to the program that they were written for.
            config.cmd = None;
        }
        if own.cmd.is_some() {
            config.cmd.clone_from(&own.cmd);
        }
        for (target, value) in [
            (&mut config.user, &own.user),
            (&mut config.workdir, &own.workdir),
            (&mut config.stop_signal, &own.stop_signal),
        ] {
            if value.is_some() {
                target.clone_from(value);
            }
        }
        for (name, value) in &own.env {
            config
                .env
                .insert(name.clone(), self.expand("config", value)?);
        }
        for (name, value) in &own.labels {
            config
                .labels
                .insert(name.clone(), self.expand("config", value)?);
        }
        config.ports.extend(own.ports.iter().cloned());
        config.volumes.extend(own.volumes.iter().cloned());
        Ok(())
    }
}
