//! `distil show`: what is in an image, made from a definition or read from a place.

use std::fmt::Write;

use crate::cli;
use crate::error::CommandError;
use crate::printer::bytes;
use crate::summary::summary;
use crate::table::{print, print_json, print_rows, print_table, table};
use crate::view::{Config, FileKind, Files, Making, Unowned, View};

pub(crate) fn run(arguments: &cli::Show) -> Result<(), CommandError> {
    let view = View::find(&arguments.image, &arguments.made, arguments.with_files)?;
    match arguments.format {
        cli::GraphFormat::Json => print_json(&view),
        cli::GraphFormat::Table => print_tables(&view),
        cli::GraphFormat::Dot => print(graph(&view)),
    }
}

/// The packages and what they depend on, in Graphviz's language.
fn graph(view: &View) -> String {
    // Quoted strings of DOT escape the quotation mark alone.
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\\\""));
    let mut text = "digraph packages {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for package in &view.packages {
        let label = format!("{}\\n{}", package.name, package.version);
        let _ = writeln!(
            text,
            "  {} [label={}];",
            quoted(&package.name),
            quoted(&label)
        );
        for other in &package.depends {
            let _ = writeln!(text, "  {} -> {};", quoted(&package.name), quoted(other));
        }
    }
    text + "}"
}

fn print_tables(view: &View) -> Result<(), CommandError> {
    let name = view.name.as_deref().unwrap_or("image");
    // As a daemon has them.
    let is_plain = view
        .layers
        .iter()
        .all(|layer| layer.digest == layer.diff_id);
    let how = match is_plain {
        true => "in uncompressed layers",
        false => "compressed",
    };
    let platform = match &view.platform {
        Some(platform) => format!(" for {platform}: {} {how},", bytes(view.size)),
        None => ":".to_owned(),
    };
    print(format_args!(
        "{name}{platform} {} unpacked, {} packages",
        bytes(view.unpacked_size),
        view.packages.len(),
    ))?;
    if let Some(digest) = &view.digest {
        print(digest)?;
    }
    print("")?;
    print_packages(view)?;
    if !view.layers.is_empty() {
        let rows = view.layers.iter().map(|layer| {
            let by = layer.created_by.clone().unwrap_or_default();
            vec![layer.digest.clone(), bytes(layer.size), by]
        });
        section(&["LAYER", "SIZE", "MADE BY"], rows.collect(), &[1])?;
    }
    let rows = view.build_stage.rows().into_iter().map(Vec::from);
    section(&["A BUILD'S FIRST STAGE", "HAS"], rows.collect(), &[])?;
    print_unowned(&view.unowned_files)?;
    if let Some(files) = &view.files {
        print_files(files)?;
    }
    if let Some(making) = &view.making {
        print_making(making)?;
    }
    match view.platform.is_some() {
        true => print_config(&view.config),
        // A plain root file system has no configuration.
        false => Ok(()),
    }
}

/// A table behind an empty line; nothing if it has no rows.
fn section(heading: &[&str], rows: Vec<Vec<String>>, right: &[usize]) -> Result<(), CommandError> {
    if rows.is_empty() {
        return Ok(());
    }
    print("")?;
    print_table(&table(heading, rows, right))
}

/// The first few of many names; `--format json` has them all.
fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 3;
    match names {
        [] => "-".to_owned(),
        [first @ .., _] if first.len() < SHOWN => names.join(" "),
        _ => format!("{} +{}", names[..SHOWN].join(" "), names.len() - SHOWN),
    }
}

fn print_packages(view: &View) -> Result<(), CommandError> {
    let has_layers = view.packages.iter().any(|one| one.layer.is_some());
    let rows = view.packages.iter().map(|one| {
        let mut row = vec![
            one.name.clone(),
            one.version.clone(),
            one.architecture.clone(),
            one.source.clone(),
            bytes(one.size),
            shortened(&one.licences),
        ];
        row.extend(one.layer.clone());
        row
    });
    let mut heading = vec!["PACKAGE", "VERSION", "ARCH", "SOURCE", "SIZE", "LICENCES"];
    if has_layers {
        heading.push("LAYER");
    }
    print_table(&table(&heading, rows.collect(), &[4]))
}

/// Files of no package, those in large directories together.
fn print_unowned(files: &[Unowned]) -> Result<(), CommandError> {
    let rows = summary(files).into_iter().map(|group| {
        let path = match group.files {
            [file] => file.path.clone(),
            files => format!("{}* ({} files)", group.directory, files.len()),
        };
        let size = group.files.iter().map(|file| file.size).sum();
        vec![path, bytes(size), group.from().unwrap_or("-").to_owned()]
    });
    section(
        &["FILE OF NO PACKAGE", "SIZE", "FROM"],
        rows.collect(),
        &[1],
    )
}

fn print_files(files: &Files) -> Result<(), CommandError> {
    /// So many rows are few enough to be wrapped to the width of a terminal.
    const FEW: usize = 10_000;
    const HEADING: [&str; 5] = ["MODE", "OWNER", "SIZE", "FILE", "FROM"];
    let rows = files.0.iter().map(|(path, file)| {
        let path = match &file.kind {
            FileKind::Symlink(target) => format!("{path} -> {target}"),
            FileKind::Directory => format!("{}/", path.to_string().trim_end_matches('/')),
            _ => path.to_string(),
        };
        let size = match file.kind {
            FileKind::File { size, .. } => bytes(size),
            _ => "-".to_owned(),
        };
        vec![
            format!("{:04o}", file.mode),
            format!("{}:{}", file.uid, file.gid),
            size,
            path,
            file.from.as_deref().unwrap_or("-").to_owned(),
        ]
    });
    if files.0.len() <= FEW {
        return section(&HEADING, rows.collect(), &[2]);
    }
    print("")?;
    print_rows(&HEADING, rows, &[2])
}

fn print_making(making: &Making) -> Result<(), CommandError> {
    let rows = making
        .left_out
        .iter()
        .map(|one| vec![one.reason.clone(), one.files.to_string(), bytes(one.bytes)]);
    section(&["LEFT OUT", "FILES", "SIZE"], rows.collect(), &[1, 2])?;
    let rows = making
        .omitted_dependencies
        .iter()
        .map(|one| vec![one.package.clone(), one.relation.clone()]);
    section(&["PACKAGE", "DEPENDENCY LEFT OUT"], rows.collect(), &[])?;
    let rows = making.scripts_not_run.iter().flat_map(|one| {
        one.missing.iter().map(|missing| {
            let script = match missing.line {
                0 => missing.script.clone(),
                line => format!("{}:{line}", missing.script),
            };
            vec![one.package.clone(), script, missing.what.clone()]
        })
    });
    section(
        &["PACKAGE", "SCRIPT NOT RUN", "WHAT IT WOULD HAVE DONE"],
        rows.collect(),
        &[],
    )?;
    // A directory has its own line below.
    let is_directory = |one: &&crate::view::LocalFile| {
        let mut bundles = making.bundles.iter();
        bundles.any(|bundle| bundle.kind == "directory" && bundle.digest == one.digest)
    };
    let files = making.local_files.iter().filter(|one| !is_directory(one));
    let rows = files.map(|one| {
        let path = one
            .path
            .clone()
            .unwrap_or_else(|| "certificates".to_owned());
        vec![one.from.clone(), path, bytes(one.size), one.digest.clone()]
    });
    section(
        &["FILE OF THE DEFINITION", "AS", "SIZE", "DIGEST"],
        rows.collect(),
        &[2],
    )?;
    let rows = making.bundles.iter().map(|one| {
        let component = one.component.as_ref().map(|component| {
            let version = component.version.as_deref().unwrap_or_default();
            format!("{} {version}", component.name)
                .trim_end()
                .to_owned()
        });
        vec![
            one.from.clone(),
            one.to.clone(),
            one.files.to_string(),
            bytes(one.size),
            component.unwrap_or_else(|| "-".to_owned()),
            one.digest.clone(),
        ]
    });
    section(
        &[
            "FROM ELSEWHERE",
            "TO",
            "FILES",
            "SIZE",
            "COMPONENT",
            "DIGEST",
        ],
        rows.collect(),
        &[2, 3],
    )
}

fn print_config(config: &Config) -> Result<(), CommandError> {
    let rows = config.rows().into_iter();
    let rows = rows.map(|(key, value)| vec![key.to_owned(), value]);
    section(&["CONFIG", "VALUE"], rows.collect(), &[])
}
