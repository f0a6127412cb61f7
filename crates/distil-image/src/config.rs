//! The configuration and the annotations of an image (OCI image specification, "Image
//! Configuration" and "Annotations").

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use distil_debian::end_of_life;
use distil_oci::spec::{
    ConfigBuilder, HistoryBuilder, ImageConfiguration, ImageConfigurationBuilder, RootFsBuilder,
};
use distil_oci::{Healthcheck, Image, InvalidImage, Layer};

use crate::assembly::Assembly;
use crate::layer_tree::LayerTree;
use crate::owners::Owners;
use distil_definition::recipe::{Author, Position, Recipe, expand};
use distil_definition::{self as definition, Accounts};
use distil_lock::Lock;

/// Where the definitions of the catalogue are kept.
const SOURCE: &str = env!("CARGO_PKG_REPOSITORY");

/// The annotations that the specification names, which labels may be called without the prefix.
const PREDEFINED: &[&str] = &[
    "authors",
    "created",
    "description",
    "documentation",
    "licenses",
    "ref.name",
    "revision",
    "source",
    "title",
    "url",
    "vendor",
    "version",
];

/// Annotation of the last day of support by Debian's security team, as Microsoft's registry has it of
/// its images ("artifact lifecycle"), and policies read it.
const END_OF_LIFE: &str = "vnd.microsoft.artifact.lifecycle.end-of-life.date";

/// The same of the runtime's own project, for which nobody has a name that others use.
const RUNTIME_END_OF_LIFE: &str = "io.github.distil-images.runtime.end-of-life.date";

/// Why an image cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nobody has the user's name.
    #[error("the `user` of `{image}`: {problem}{position}")]
    User {
        /// The image.
        image: String,
        /// What is wrong.
        problem: String,
        /// The position of the value in the definition.
        position: Position,
    },
    /// A label or variable of the environment uses an unknown variable.
    #[error("the configuration of `{image}`: {problem}{position}")]
    Variable {
        /// The image.
        image: String,
        /// What is wrong.
        problem: String,
        /// The position of the value in the definition.
        position: Position,
    },
    /// The parts do not fit together.
    #[error("the image `{image}` cannot be put together")]
    Invalid {
        /// The image.
        image: String,
        /// Why.
        source: InvalidImage,
    },
    /// The configuration lacks something.
    #[error("the configuration of `{image}` is incomplete: {problem}")]
    Incomplete {
        /// The image.
        image: String,
        /// What the specification's library says.
        problem: String,
    },
}

/// Puts an image together. `created` is in seconds since 1970.
pub(crate) fn image(
    recipe: &Recipe,
    lock: &Lock,
    assembly: &Assembly,
    layers: Vec<Layer>,
    created: i64,
) -> Result<Image, ConfigError> {
    let image = || recipe.name.clone();
    let created = rfc3339(created);
    let labels = labels(recipe, lock, &created)?;
    let config = configuration(recipe, lock, assembly, &layers, &created, &labels)?;
    let healthcheck = recipe.config.healthcheck.as_ref().map(healthcheck);
    let mut annotations = labels;
    annotations.extend(ends_of_life(recipe, lock));
    let made = Image::with_healthcheck(config, healthcheck.as_ref(), layers, annotations);
    made.map_err(|source| ConfigError::Invalid {
        image: image(),
        source,
    })
}

/// Until when what the image is made of gets updates, by annotations alone: an image that somebody
/// builds on it has another end. Of several runtimes, the one that ends first counts. What the
/// definition says itself stays.
fn ends_of_life(recipe: &Recipe, lock: &Lock) -> BTreeMap<String, String> {
    let has_packages = lock.packages().next().is_some();
    let suite = end_of_life::of_suite(recipe.suite).filter(|_| has_packages);
    let runtimes = lock
        .packages()
        .filter_map(|(_, one)| end_of_life::of_runtime(&one.name, &one.version));
    let days = [(END_OF_LIFE, suite), (RUNTIME_END_OF_LIFE, runtimes.min())];
    let days = days.into_iter().filter_map(|(key, day)| Some((key, day?)));
    days.filter(|(key, _)| !recipe.config.labels.contains_key(*key))
        .map(|(key, day)| (key.to_owned(), day.to_owned()))
        .collect()
}

/// The check as engines have it. Its times were looked at when the definition was.
fn healthcheck(check: &definition::Healthcheck) -> Healthcheck {
    let time = |text: &Option<String>| humantime::parse_duration(text.as_deref()?).ok();
    let keyword = std::iter::once("CMD".to_owned());
    Healthcheck {
        test: keyword.chain(check.command().iter().cloned()).collect(),
        interval: time(&check.interval),
        timeout: time(&check.timeout),
        start_period: time(&check.start_period),
        start_interval: time(&check.start_interval),
        retries: check.retries,
    }
}

fn configuration(
    recipe: &Recipe,
    lock: &Lock,
    assembly: &Assembly,
    layers: &[Layer],
    created: &str,
    labels: &BTreeMap<String, String>,
) -> Result<ImageConfiguration, ConfigError> {
    let run = &recipe.config;
    let mut environment = Vec::new();
    for (name, value) in &run.env {
        let position = recipe.positions.env.get(name);
        let value = filled(value, recipe, lock, position)?;
        environment.push(format!("{name}={value}"));
    }
    let mut config = ConfigBuilder::default();
    config = config.env(environment).labels(
        labels
            .clone()
            .into_iter()
            .collect::<std::collections::HashMap<_, _>>(),
    );
    if let Some(user) = &run.user {
        config = config.user(numeric(user, recipe, &assembly.accounts)?);
    }
    if let Some(folder) = &run.workdir {
        config = config.working_dir(folder);
    }
    if let Some(entrypoint) = &run.entrypoint {
        config = config.entrypoint(entrypoint.clone());
    }
    if let Some(cmd) = &run.cmd {
        config = config.cmd(cmd.clone());
    }
    if let Some(signal) = &run.stop_signal {
        config = config.stop_signal(signal);
    }
    if !run.ports.is_empty() {
        config = config.exposed_ports(run.ports.clone());
    }
    if !run.volumes.is_empty() {
        config = config.volumes(run.volumes.clone());
    }
    let step = |layer: &LayerTree| {
        let mut step = HistoryBuilder::default()
            .created(created)
            .created_by(format!("distil build {}", layer.definition));
        if let Some(comment) = comment(&layer.sources) {
            step = step.comment(comment);
        }
        // The draft of an image has no layers yet.
        if layer.entries.is_empty() || layers.is_empty() {
            step = step.empty_layer(true);
        }
        step.build()
    };
    let history: Result<Vec<_>, _> = assembly.layers.iter().map(step).collect();
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|layer| layer.diff_id().to_string())
        .collect();
    let rootfs = RootFsBuilder::default()
        .typ("layers")
        .diff_ids(diff_ids)
        .build();
    let platform = recipe.architecture.platform();
    let mut builder = ImageConfigurationBuilder::default()
        .created(created)
        .architecture(platform.architecture())
        .os(platform.os())
        .config(config.build().map_err(|error| incomplete(recipe, &error))?)
        .rootfs(rootfs.map_err(|error| incomplete(recipe, &error))?)
        .history(history.map_err(|error| incomplete(recipe, &error))?);
    if let Some(variant) = platform.variant() {
        builder = builder.variant(variant);
    }
    builder.build().map_err(|error| incomplete(recipe, &error))
}

/// What a layer has, for whoever reads the history of an image.
fn comment(sources: &[String]) -> Option<String> {
    const NAMED: usize = 8;
    let named = sources.get(..NAMED).unwrap_or(sources).join(", ");
    match sources.len().saturating_sub(NAMED) {
        0 if named.is_empty() => None,
        0 => Some(named),
        others => Some(format!("{named} and {others} others")),
    }
}

/// The numbers of a user, and of a group if one is named: Kubernetes cannot know that a name is
/// not root's.
fn numeric(user: &str, recipe: &Recipe, accounts: &Accounts) -> Result<String, ConfigError> {
    let (uid, gid) = Owners::new(accounts)
        .parse(user)
        .map_err(|error| ConfigError::User {
            image: recipe.name.clone(),
            problem: error.to_string(),
            position: recipe.positions.user.clone(),
        })?;
    Ok(match user.contains(':') {
        true => format!("{uid}:{gid}"),
        false => uid.to_string(),
    })
}

fn incomplete(recipe: &Recipe, error: &dyn std::error::Error) -> ConfigError {
    ConfigError::Incomplete {
        image: recipe.name.clone(),
        problem: error.to_string(),
    }
}

/// The labels, which are annotations, too. What distil says of its own images stands on those alone:
/// the title and description of a user's file are the user's, and of an image that the command line
/// changes nobody has said any.
fn labels(
    recipe: &Recipe,
    lock: &Lock,
    created: &str,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let name = |short: &str| format!("org.opencontainers.image.{short}");
    let mut labels = BTreeMap::from([(name("created"), created.to_owned())]);
    if recipe.author == Author::Catalogue {
        labels.insert(name("source"), SOURCE.to_owned());
        if let Some(version) = lock.states.first().and_then(|state| state.version.clone()) {
            labels.insert(name("version"), version);
        }
    }
    if recipe.author != Author::CommandLine {
        labels.insert(name("title"), recipe.name.clone());
        if !recipe.description.is_empty() {
            labels.insert(name("description"), recipe.description.clone());
        }
    }
    for (key, value) in &recipe.config.labels {
        let position = recipe.positions.labels.get(key);
        let key = match PREDEFINED.contains(&key.as_str()) {
            true => name(key),
            false => key.clone(),
        };
        labels.insert(key, filled(value, recipe, lock, position)?);
    }
    Ok(labels)
}

/// Fills `${version:PACKAGE}` and `${release:PACKAGE}` in.
fn filled(
    text: &str,
    recipe: &Recipe,
    lock: &Lock,
    position: Option<&Position>,
) -> Result<String, ConfigError> {
    let value = |name: &str| {
        let (kind, package) = name.split_once(':')?;
        let (_, found) = lock.packages().find(|(_, one)| one.name == package)?;
        let version = &found.version;
        match kind {
            "version" => Some(version.as_str().to_owned()),
            "release" => Some(release(version.upstream()).to_owned()),
            _ => None,
        }
    };
    expand(text, &value).map_err(|error| ConfigError::Variable {
        image: recipe.name.clone(),
        position: position.cloned().unwrap_or_default(),
        problem: match error.name.split_once(':') {
            Some((_, package)) => {
                format!("`{text}` is about the version of `{package}`, which is not in the image")
            }
            None => error.to_string(),
        },
    })
}

/// The release of a program in its upstream version: what is before the marks that a builder or
/// Debian appends, `21.0.11` of `21.0.11+10` and `20.19.2` of `20.19.2+dfsg`.
fn release(upstream: &str) -> &str {
    let end = upstream.find(['+', '~', '-']).unwrap_or(upstream.len());
    &upstream[..end]
}

fn rfc3339(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}
