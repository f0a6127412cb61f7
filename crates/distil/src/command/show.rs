//! `distil show`: what is in an image, made from a definition or read from a place.

use std::collections::BTreeMap;

use distil_image::{Amount, BuildOptions, Built};
use distil_oci::transport;
use distil_oci::{Compression, Image, Location, Platform};
use serde::Serialize;

use super::{architectures, find, inspect, make, suite};
use crate::archive::{Session, epoch, threads};
use crate::cli;
use crate::error::CommandError;
use crate::printer::{Printer, bytes};
use crate::table::{print, print_json, print_table, table};

/// The fields of `--format json`; docs/json.md tells what they mean.
#[derive(Serialize)]
struct Document {
    schema_version: u32,
    name: Option<String>,
    digest: String,
    platform: String,
    created: Option<String>,
    /// Bytes of the layers as they are stored.
    size: u64,
    /// Bytes of the files.
    unpacked_size: u64,
    packages: Vec<Package>,
    layers: Vec<Layer>,
    config: Config,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<Vec<LeftOut>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted_dependencies: Option<Vec<Omitted>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scripts_not_run: Option<Vec<Script>>,
}

#[derive(Serialize)]
struct Package {
    name: String,
    version: String,
    architecture: String,
    source: String,
    source_version: String,
    /// Bytes of its files in the image.
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<String>,
}

#[derive(Serialize)]
struct Layer {
    digest: String,
    diff_id: String,
    media_type: String,
    size: u64,
    created_by: Option<String>,
}

#[derive(Serialize)]
struct Config {
    entrypoint: Vec<String>,
    cmd: Vec<String>,
    env: Vec<String>,
    user: String,
    workdir: String,
    labels: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct LeftOut {
    reason: String,
    files: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Omitted {
    package: String,
    relation: String,
    without: String,
}

#[derive(Serialize)]
struct Script {
    package: String,
    scripts: Vec<String>,
    /// Why nothing is missing, where that is known.
    covered: Option<String>,
}

pub(crate) fn run(arguments: cli::Show) -> Result<(), CommandError> {
    let document = match Location::find(&arguments.image).map_err(CommandError::usage)? {
        Some(location) if !is_definition(&arguments.image) => from_image(&location, &arguments)?,
        _ => from_definition(&arguments)?,
    };
    match arguments.format {
        cli::Format::Json => print_json(&document),
        cli::Format::Table => print_tables(&document),
    }
}

fn is_definition(word: &str) -> bool {
    let name = word.rsplit_once(':').map_or(word, |(name, _)| name);
    [word, name]
        .iter()
        .any(|name| name.ends_with(".yaml") || name.ends_with(".yml"))
}

fn from_image(location: &Location, arguments: &cli::Show) -> Result<Document, CommandError> {
    let content = transport::open(location).map_err(CommandError::failure)?;
    let image = match &arguments.platform {
        Some(platform) => {
            let platform: Platform = platform.parse().map_err(CommandError::usage)?;
            content
                .for_platform(&platform)
                .ok_or_else(|| no_platform(location, &platform, &content))?
        }
        None => content
            .for_host()
            .or(content.images().first())
            .ok_or_else(|| CommandError::failure(format!("`{location}` has no image in it")))?,
    };
    let (packages, unpacked_size) = inspect::packages(image)?;
    let packages = packages.into_iter().map(|one| Package {
        name: one.name,
        version: one.version,
        architecture: one.architecture,
        source: one.source,
        source_version: one.source_version,
        size: one.size,
        layer: None,
    });
    Ok(Document {
        unpacked_size,
        ..document(image, None, packages.collect())
    })
}

fn no_platform(
    location: &Location,
    platform: &Platform,
    content: &distil_oci::Content,
) -> CommandError {
    let there: Vec<String> = content
        .images()
        .iter()
        .map(|image| format!("`{}`", image.platform()))
        .collect();
    let message = format!(
        "`{location}` has no image for `{platform}`, only for {}",
        there.join(", ")
    );
    CommandError::failure(message)
}

fn from_definition(arguments: &cli::Show) -> Result<Document, CommandError> {
    let named = find(&arguments.image, &arguments.definition)?;
    let suite = suite(&arguments.definition)?;
    let platform: Vec<String> = arguments.platform.iter().cloned().collect();
    let architecture = architectures(&platform)?[0];
    let session = Session::open(&arguments.archive)?;
    let printer = Printer::new(false);
    let options = BuildOptions {
        compression: Compression::Gzip { level: 6 },
        epoch: epoch()?,
        threads: threads(),
    };
    let target = named.target(suite, architecture);
    let built = make(&named, target, &options, &session, &printer);
    printer.finish();
    Ok(describe(&built?))
}

fn describe(built: &Built) -> Document {
    let layers = &built.recipe.layers;
    let packages = built.assembly.packages.iter().map(|one| {
        let package = &one.selected.package;
        Package {
            name: package.name.clone(),
            version: package.version.as_str().to_owned(),
            architecture: package.architecture.clone(),
            source: package.source.name.clone(),
            source_version: package.source.version.as_str().to_owned(),
            size: one.size,
            layer: layers.get(one.layer).map(|layer| layer.definition.clone()),
        }
    });
    let mut packages: Vec<Package> = packages.collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    let left_out = built.assembly.left_out.iter().map(|(reason, amount)| {
        let Amount { files, bytes } = *amount;
        LeftOut {
            reason: reason.clone(),
            files,
            bytes,
        }
    });
    let omitted = built
        .resolution
        .layers
        .last()
        .into_iter()
        .flat_map(|layer| &layer.omitted);
    let omitted = omitted.map(|one| Omitted {
        package: one.package.clone(),
        relation: one.relation.to_string(),
        without: one.without.clone(),
    });
    let scripts = built
        .assembly
        .packages
        .iter()
        .filter(|one| !one.scripts.is_empty());
    let scripts = scripts.map(|one| Script {
        package: one.selected.package.name.clone(),
        scripts: one.scripts.clone(),
        covered: one.scripts_covered.clone(),
    });
    let sizes = built
        .assembly
        .tree
        .iter()
        .filter_map(|(_, entry)| entry.file());
    let name = format!("{}:{}", built.recipe.name, built.recipe.variant.name());
    Document {
        unpacked_size: sizes.map(|node| node.content.size()).sum(),
        left_out: Some(left_out.collect()),
        omitted_dependencies: Some(omitted.collect()),
        scripts_not_run: Some(scripts.collect()),
        ..document(&built.image, Some(name), packages)
    }
}

fn document(image: &Image, name: Option<String>, packages: Vec<Package>) -> Document {
    let config = image.config();
    let run = config.config().as_ref();
    let history = config.history().clone().unwrap_or_default();
    let mut made_by = history
        .iter()
        .filter(|one| one.empty_layer() != Some(true))
        .map(|one| one.created_by());
    let layers = image.layers().iter().map(|layer| Layer {
        digest: layer.digest().to_string(),
        diff_id: layer.diff_id().to_string(),
        media_type: layer.media_type().to_string(),
        size: layer.size(),
        created_by: made_by.next().and_then(|by| by.clone()),
    });
    let layers: Vec<Layer> = layers.collect();
    let list = |list: Option<&Vec<String>>| list.cloned().unwrap_or_default();
    let labels = run.and_then(|run| run.labels().clone()).unwrap_or_default();
    Document {
        schema_version: 1,
        name,
        digest: image.digest().to_string(),
        platform: image.platform().to_string(),
        created: config.created().clone(),
        size: layers.iter().map(|layer| layer.size).sum(),
        unpacked_size: 0,
        packages,
        layers,
        config: Config {
            entrypoint: list(run.and_then(|run| run.entrypoint().as_ref())),
            cmd: list(run.and_then(|run| run.cmd().as_ref())),
            env: list(run.and_then(|run| run.env().as_ref())),
            user: run.and_then(|run| run.user().clone()).unwrap_or_default(),
            workdir: run
                .and_then(|run| run.working_dir().clone())
                .unwrap_or_default(),
            labels: labels.into_iter().collect(),
        },
        left_out: None,
        omitted_dependencies: None,
        scripts_not_run: None,
    }
}

fn print_tables(document: &Document) -> Result<(), CommandError> {
    let name = document.name.as_deref().unwrap_or("image");
    print(format_args!(
        "{name} for {}: {} compressed, {} unpacked, {} packages\n{}\n",
        document.platform,
        bytes(document.size),
        bytes(document.unpacked_size),
        document.packages.len(),
        document.digest,
    ))?;
    let has_layers = document.packages.iter().any(|one| one.layer.is_some());
    let rows = document.packages.iter().map(|one| {
        let mut row = vec![
            one.name.clone(),
            one.version.clone(),
            one.architecture.clone(),
            one.source.clone(),
            bytes(one.size),
        ];
        row.extend(one.layer.clone());
        row
    });
    let mut heading = vec!["PACKAGE", "VERSION", "ARCH", "SOURCE", "SIZE"];
    if has_layers {
        heading.push("LAYER");
    }
    print_table(&table(&heading, rows.collect(), &[4]))?;
    let rows = document.layers.iter().map(|layer| {
        let by = layer.created_by.clone().unwrap_or_default();
        vec![layer.digest.clone(), bytes(layer.size), by]
    });
    print("")?;
    print_table(&table(&["LAYER", "SIZE", "MADE BY"], rows.collect(), &[1]))?;
    if let Some(left_out) = &document.left_out {
        let rows = left_out
            .iter()
            .map(|one| vec![one.reason.clone(), one.files.to_string(), bytes(one.bytes)]);
        print("")?;
        print_table(&table(
            &["LEFT OUT", "FILES", "SIZE"],
            rows.collect(),
            &[1, 2],
        ))?;
    }
    if let Some(omitted) = document
        .omitted_dependencies
        .as_ref()
        .filter(|list| !list.is_empty())
    {
        let rows = omitted
            .iter()
            .map(|one| vec![one.package.clone(), one.relation.clone()])
            .collect();
        print("")?;
        print_table(&table(&["PACKAGE", "DEPENDENCY LEFT OUT"], rows, &[]))?;
    }
    if let Some(scripts) = document
        .scripts_not_run
        .as_ref()
        .filter(|list| !list.is_empty())
    {
        let rows = scripts.iter().map(|one| {
            let covered = one
                .covered
                .clone()
                .unwrap_or_else(|| "NOT MADE: see the script".to_owned());
            vec![one.package.clone(), one.scripts.join(" "), covered]
        });
        print("")?;
        print_table(&table(
            &["PACKAGE", "SCRIPTS NOT RUN", "WHAT OF IT"],
            rows.collect(),
            &[],
        ))?;
    }
    print_config(&document.config)
}

fn print_config(config: &Config) -> Result<(), CommandError> {
    let list = |list: &[String]| serde_json::to_string(list).unwrap_or_default();
    let mut rows = vec![
        vec!["entrypoint".to_owned(), list(&config.entrypoint)],
        vec!["cmd".to_owned(), list(&config.cmd)],
        vec!["user".to_owned(), config.user.clone()],
        vec!["workdir".to_owned(), config.workdir.clone()],
    ];
    rows.extend(
        config
            .env
            .iter()
            .map(|one| vec!["env".to_owned(), one.clone()]),
    );
    let label =
        |(name, value): (&String, &String)| vec!["label".to_owned(), format!("{name}={value}")];
    rows.extend(config.labels.iter().map(label));
    print("")?;
    print_table(&table(&["CONFIG", "VALUE"], rows, &[]))
}
