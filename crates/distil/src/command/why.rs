//! `distil why`: why a package or a file is in an image, or why it is not.

use std::sync::Arc;

use distil_build::{architecture, is_definition, suite};
use distil_image::{WhyFile, WhyPackage, why_file, why_package};
use distil_lock::LOCAL;
use distil_oci::Location;
use distil_tree::TreePath;
use serde::Serialize;

use super::{request, say_lock, session};
use crate::cli;
use crate::error::CommandError;
use crate::printer::{Printer, bytes};
use crate::table::{print, print_json};

/// The fields of `--format json`; docs/json.md tells what they mean.
#[derive(Serialize)]
struct Document<T> {
    schema_version: u32,
    image: String,
    #[serde(flatten)]
    answer: T,
}

pub(crate) fn run(arguments: &cli::Why) -> Result<(), CommandError> {
    let flags = &arguments.made;
    let what = &arguments.what;
    if what.contains('/') && !what.starts_with('/') {
        let message = format!("`{what}` is neither a package nor a path of the image");
        return Err(
            CommandError::usage(message).hint(format!("paths begin at the root: `/{what}`"))
        );
    }
    if let Ok(Some(location)) = Location::find(&arguments.image)
        && !is_definition(&arguments.image)
    {
        let message = format!("`{location}` is an image, but `why` needs a definition");
        return Err(CommandError::usage(message).hint("`distil show` lists what is in an image"));
    }
    let request = request(&arguments.image, &flags.definition, &flags.lock)?;
    let suite = suite(&flags.definition.suite)?;
    let architecture = architecture(flags.platform.as_deref(), suite)?;
    let printer = Arc::new(Printer::new(false));
    let session = session(&flags.archive, &printer)?;
    say_lock(&request, &printer);
    let target = request.target(suite, architecture, session.now());
    let prepared = session.prepare(&request, target);
    printer.finish();
    let prepared = prepared?;
    let image = format!(
        "{}:{}",
        prepared.recipe.name,
        prepared.recipe.variant.name()
    );
    let is_json = arguments.format == cli::Format::Json;
    if arguments.what.starts_with('/') {
        let path = TreePath::from_absolute(&arguments.what)
            .map_err(|problem| CommandError::usage(format!("`{}` {problem}", arguments.what)))?;
        let why = why_file(&prepared, &path).map_err(CommandError::failure)?;
        let is_there = why.found.is_some();
        let owner = why.found.as_ref().and_then(|found| found.package.clone());
        let text = file(&why, &image);
        match is_json {
            true => print_json(&document(&image, why))?,
            false => print(text)?,
        }
        if let Some(owner) = owner.filter(|_| !is_json) {
            print(chain(&why_package(&prepared, &owner)))?;
        }
        return absent(is_there);
    }
    let why = why_package(&prepared, &arguments.what);
    let is_there = why.version.is_some();
    let text = package(&why, &image);
    match is_json {
        true => print_json(&document(&image, why))?,
        false => print(text)?,
    }
    absent(is_there)
}

fn document<T>(image: &str, answer: T) -> Document<T> {
    Document {
        schema_version: 1,
        image: image.to_owned(),
        answer,
    }
}

/// What is not there was explained; a script learns it by the status.
fn absent(is_there: bool) -> Result<(), CommandError> {
    match is_there {
        true => Ok(()),
        false => Err(CommandError::said()),
    }
}

fn package(why: &WhyPackage, image: &str) -> String {
    let name = &why.package;
    let mut lines = Vec::new();
    match &why.version {
        Some(version) => {
            let layer = why.layer.as_deref().unwrap_or_default();
            lines.push(format!(
                "`{name}` {version} is in {image}, in the layer of `{layer}`: {} files, {}",
                why.files,
                bytes(why.size)
            ));
            if let Some(suite) = &why.suite {
                lines.push(match &why.origin {
                    Some(origin) => {
                        format!("  from `{suite}`, whose packages are those of {origin}")
                    }
                    None if suite == LOCAL => "  from a file of this machine".to_owned(),
                    None => format!("  from `{suite}`"),
                });
            }
            lines.push(chain(why));
            lines.extend(
                why.needed_by
                    .iter()
                    .filter(|step| !step.is_definition)
                    .map(|step| {
                        format!(
                            "  needed by `{}`, which depends on `{}`",
                            step.from, step.relation
                        )
                    }),
            );
        }
        None => {
            lines.push(format!("`{name}` is not in {image}"));
            if why.left_out.is_empty() {
                lines.push("  nothing in the image depends on it".to_owned());
            }
        }
    }
    for one in &why.left_out {
        let by = match &one.definition {
            Some(definition) => format!("definition `{definition}`"),
            None => "every image".to_owned(),
        };
        lines.push(format!(
            "  `{}` depends on `{}`, which {by} leaves out (`{}`): {}",
            one.package, one.relation, one.without, one.reason
        ));
    }
    if why.version.is_none() {
        lines.push(format!(
            "  to have it, write `packages: [{name}]` in a definition, or `--add {name}`"
        ));
        if !why.nearest.is_empty() {
            let nearest = why.nearest.join("`, `");
            lines.push(format!("  similar names in the image: `{nearest}`"));
        }
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// The way from a definition to a package, a line a step.
fn chain(why: &WhyPackage) -> String {
    let line = |(depth, step): (usize, &distil_image::Step)| {
        let indent = "  ".repeat(depth + 1);
        match step.is_definition {
            true => format!(
                "{indent}definition `{}` asks for `{}`",
                step.from, step.relation
            ),
            false => format!("{indent}`{}` depends on `{}`", step.from, step.relation),
        }
    };
    let lines: Vec<String> = why.chain.iter().enumerate().map(line).collect();
    lines.join("\n")
}

fn file(why: &WhyFile, image: &str) -> String {
    let mut lines = Vec::new();
    let path = &why.path;
    if let Some(link) = &why.link {
        let by = match (&link.package, &link.made_by) {
            (Some(package), _) => format!("package `{package}` ships"),
            (None, Some(by)) => format!("{by} made"),
            (None, None) => "nothing made".to_owned(),
        };
        lines.push(format!(
            "`{path}` is a link to `{}`, which {by}, in the layer of `{}`",
            link.target, link.layer
        ));
    }
    match &why.found {
        Some(found) => {
            let through = match found.path == *path {
                true => String::new(),
                false => format!(", which is `{}`,", found.path),
            };
            lines.push(format!(
                "`{path}`{through} is in {image}, in the layer of `{}`: a {} of {}, mode {}, owner {}",
                found.layer,
                found.kind,
                bytes(found.size),
                found.mode,
                found.owner
            ));
            match (&found.package, &found.made_by) {
                (Some(package), _) => lines.push(format!("  package `{package}` ships it")),
                (None, Some(by)) => lines.push(format!("  {by} made it")),
                (None, None) => {}
            }
            for (what, list) in [
                ("loaded by", &found.loaded_by),
                ("linked by", &found.linked_by),
                ("runs", &found.runs),
            ] {
                lines.extend(list.iter().map(|one| format!("  {what} `{one}`")));
            }
        }
        None => lines.push(format!("`{path}` is not in {image}")),
    }
    for one in &why.left_out {
        let pattern = match &one.pattern {
            Some(pattern) => format!(" (`{pattern}`)"),
            None => String::new(),
        };
        lines.push(format!(
            "  package `{}` ships it, and it is left out: {}{pattern}",
            one.package, one.reason
        ));
        lines.push(format!("  to have it: {}", one.way_out));
    }
    if why.found.is_none() && why.left_out.is_empty() {
        lines.push("  no package of the image ships it, and nothing makes it".to_owned());
        let elsewhere = why.elsewhere.iter();
        lines.extend(elsewhere.map(|other| format!("  another file of that name is `{other}`")));
    }
    lines.join("\n")
}
