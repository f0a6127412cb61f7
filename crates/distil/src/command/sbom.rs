//! `distil sbom`: the bill of materials of an image; and the files of `build --sbom`.

use std::io::Write;
use std::path::{Path, PathBuf};

use distil_attest::attach::is_possible_at;
use distil_attest::inventory::Inventory;
use distil_attest::sbom::{Format, Tool, document};
use distil_build::{
    Attestations, BuildError, Document, Documented, ImageRequest, Outcome, Session, inventory_at,
    inventory_of, inventory_of_image, is_definition,
};
use distil_oci::{Location, Platform};
use distil_store::unfinished::UnfinishedFile;
use serde_json::Value;

use super::attach::{attachable, check_present, places};
use super::check::read_image;
use super::verify::require_place;
use super::{make_to_look_at, registries};
use crate::cli;
use crate::error::CommandError;
use crate::keys;
use crate::printer::Printer;
use crate::table::print_json;

/// What stands for the platform in the name of a file.
const PLATFORM: &str = "${platform}";

/// This program, as the documents name it.
pub(crate) const TOOL: Tool<'static> = Tool {
    name: "distil",
    version: env!("DISTIL_VERSION"),
};

pub(crate) fn run(arguments: &cli::Sbom) -> Result<(), CommandError> {
    let word = arguments.image.as_str();
    let attestations = attestations(arguments)?;
    let location = match is_definition(word) {
        true => None,
        false => {
            Location::find(word).map_err(|error| CommandError::reading(Path::new(word), error))?
        }
    };
    let made = &arguments.made;
    let platform = made.platform.as_deref();
    let mut attached = None;
    let inventory = match location {
        Some(location) => {
            let registries = registries(&made.archive, &made.registry);
            let wanted = platform.map(str::parse::<Platform>).transpose();
            let wanted = wanted.map_err(CommandError::usage)?;
            require_place(&location, &made.signers)?;
            match is_possible_at(&location) && (arguments.attach || !made.signers.is_empty()) {
                // What was verified, whatever its tag leads to next.
                true => {
                    let image = read_image(&location, platform, &registries, &made.signers)?;
                    let inventory = inventory_of_image(&location, &image)?;
                    attached = Some((image, location, registries));
                    inventory
                }
                false => inventory_at(&location, wanted.as_ref(), &registries)?,
            }
        }
        None => {
            let (definition, lock) = (&made.definition, &made.lock);
            inventory_of(&make_to_look_at(
                word,
                definition,
                lock,
                platform,
                &made.archive,
            )?)?
        }
    };
    let output = arguments.output.as_deref();
    let format = match (arguments.format, output) {
        (Some(cli::SbomFormat::Spdx), _) => Format::Spdx,
        (Some(cli::SbomFormat::Cyclonedx), _) => Format::CycloneDx,
        (None, Some(path)) => format_of(path),
        (None, None) => Format::default(),
    };
    let document = document(&inventory, format, TOOL);
    match output {
        Some(path) => write(path, &document)?,
        None if arguments.attach => {}
        None => print_json(&document)?,
    }
    if let (Some((image, place, registries)), Some(attestations)) = (attached, attestations) {
        let documented = [Documented {
            image,
            documents: vec![Document {
                predicate_type: format.predicate_type(),
                predicate: document,
                media_type: Some(format.media_type()),
            }],
        }];
        let printer = Printer::new(false);
        let attached = attestations.attach(&documented, &place, &registries, &printer);
        attached.map_err(BuildError::from)?;
    }
    Ok(())
}

/// How the document is attached, if it is to be. The key is read before anything else is.
fn attestations(arguments: &cli::Sbom) -> Result<Option<Attestations>, CommandError> {
    if !arguments.attach {
        return Ok(None);
    }
    attachable(&arguments.image)?;
    let password = arguments.key_password.as_deref();
    let key = arguments.sign_key.as_ref();
    let key = key.map(|word| keys::private_with(word, password));
    let attestations = Attestations {
        key: key.transpose()?,
        places: places(&arguments.places),
        ..Attestations::none(TOOL)
    };
    check_present(&attestations)?;
    Ok(Some(attestations))
}

/// The format that the name of a file asks for, by the names that both formats recommend.
fn format_of(path: &Path) -> Format {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_lowercase();
    match name.ends_with(".cdx.json") || name == "bom.json" {
        true => Format::CycloneDx,
        false => Format::Spdx,
    }
}

/// Looks for what cannot work before anything is made: one file for several images.
pub(crate) fn check_outputs(
    outputs: &cli::SbomOutput,
    requests: &[ImageRequest],
) -> Result<(), CommandError> {
    let Some(first) = outputs.sboms.first() else {
        return Ok(());
    };
    if requests.len() > 1 {
        let message = "`--sbom` applies to one image, but several are named";
        return Err(CommandError::usage(message).hint("build them one after another"));
    }
    let platforms = requests
        .first()
        .map_or(0, |request| request.architectures.len());
    let is_plain = |path: &&PathBuf| !path.to_string_lossy().contains(PLATFORM);
    match outputs.sboms.iter().find(is_plain) {
        Some(path) if platforms > 1 => {
            let message = format!(
                "`{}` is one file, but each of {platforms} platforms has a bill of materials",
                path.display()
            );
            let hint = match first.extension() {
                Some(_) => format!("name the platform in it: `--sbom 'app-{PLATFORM}.spdx.json'`"),
                None => format!("name the platform in it: `--sbom 'app-{PLATFORM}'`"),
            };
            Err(CommandError::usage(message).hint(hint))
        }
        _ => Ok(()),
    }
}

/// Writes the bills of materials of an image that was built.
pub(crate) fn write_outputs(
    outputs: &cli::SbomOutput,
    session: &Session,
    request: &ImageRequest,
    outcome: &Outcome,
) -> Result<(), CommandError> {
    if outputs.sboms.is_empty() {
        return Ok(());
    }
    for described in session.describe(request, outcome)? {
        for path in &outputs.sboms {
            write_for(path, &described.inventory)?;
        }
    }
    Ok(())
}

fn write_for(path: &Path, inventory: &Inventory) -> Result<(), CommandError> {
    let platform = inventory.subject.platform.as_deref().unwrap_or_default();
    let named = match path.to_str() {
        Some(text) => PathBuf::from(text.replace(PLATFORM, &platform.replace('/', "-"))),
        None => path.to_owned(),
    };
    write(&named, &document(inventory, format_of(&named), TOOL))
}

/// Writes a document: whole or not at all, but into what is no plain file, such as a pipe.
pub(crate) fn write(path: &Path, document: &Value) -> Result<(), CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::failure(format!("failed to write `{}`: {error}", path.display()))
    };
    let mut text = serde_json::to_string_pretty(document).map_err(CommandError::failure)?;
    text.push('\n');
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return std::fs::write(path, text).map_err(failed);
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = UnfinishedFile::new_in(directory).map_err(failed)?;
    file.file().write_all(text.as_bytes()).map_err(failed)?;
    file.finish(path).map_err(failed)
}
