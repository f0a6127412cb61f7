//! `distil rebuild`: make an image again, and compare.

use std::path::Path;

use distil_oci::{Image, Location, Platform, transport};
use serde::Serialize;

use super::{diff, make_to_look_at, registries};
use crate::cli;
use crate::error::CommandError;
use crate::table::{print, print_json, print_table, table};
use crate::view::View;

/// The fields of `--format json`; docs/json.md tells what they mean.
#[derive(Serialize)]
struct Document {
    schema_version: u32,
    image: String,
    /// Whether all platforms have the same bytes.
    same: bool,
    platforms: Vec<Rebuilt>,
}

#[derive(Serialize)]
struct Rebuilt {
    platform: String,
    same: bool,
    digest: String,
    rebuilt_digest: String,
    /// What `distil diff` tells, if they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<diff::Document>,
}

pub(crate) fn run(arguments: &cli::Rebuild) -> Result<(), CommandError> {
    let word = &arguments.image;
    let found = Location::find(word);
    let found = found.map_err(|error| CommandError::reading(Path::new(word), error))?;
    let Some(location) = found else {
        let message = format!("`{word}` is not an image: there is no such file or directory");
        return Err(CommandError::usage(message)
            .hint("name an archive, an OCI layout, or TRANSPORT:PLACE, such as `docker://…`"));
    };
    let platforms = images(arguments, &location)?;
    let platforms = platforms.iter().map(|image| rebuild(arguments, image));
    let platforms: Vec<Rebuilt> = platforms.collect::<Result<_, _>>()?;
    let document = Document {
        schema_version: 1,
        image: word.clone(),
        same: platforms.iter().all(|one| one.same),
        platforms,
    };
    match arguments.format {
        cli::Format::Json => print_json(&document)?,
        cli::Format::Table => print_tables(&document)?,
    }
    match document.same {
        true => Ok(()),
        false => Err(CommandError::said()),
    }
}

/// The image of the platform that is named, or of all platforms.
fn images(arguments: &cli::Rebuild, location: &Location) -> Result<Vec<Image>, CommandError> {
    if matches!(location, Location::RootFs(_)) {
        let message = "a root file system has no manifest and no layers to compare";
        return Err(CommandError::usage(message).hint("`distil diff` compares its files"));
    }
    let made = &arguments.made;
    let wanted = made.platform.as_ref().map(|name| name.parse::<Platform>());
    let wanted = wanted.transpose().map_err(CommandError::usage)?;
    let opened = transport::open(location, &registries(&made.archive, &made.registry))?;
    Ok(match wanted {
        Some(platform) => vec![opened.image_for(Some(&platform))?],
        None => opened.images()?,
    })
}

fn rebuild(arguments: &cli::Rebuild, image: &Image) -> Result<Rebuilt, CommandError> {
    let made = &arguments.made;
    let platform = image.platform().to_string();
    let built = make_to_look_at(
        &arguments.made_of,
        &made.definition,
        &made.lock,
        Some(&platform),
        &made.archive,
    )?;
    let same = image.digest() == built.image.digest();
    let difference = match same {
        true => None,
        false => {
            let old = View::of_image(image, true)?;
            let new = View::of_built(&built, true)?;
            Some(diff::compare("image", &old, "rebuilt", &new))
        }
    };
    Ok(Rebuilt {
        platform,
        same,
        digest: image.digest().to_string(),
        rebuilt_digest: built.image.digest().to_string(),
        difference,
    })
}

fn print_tables(document: &Document) -> Result<(), CommandError> {
    let rows = document.platforms.iter().map(|one| {
        vec![
            one.platform.clone(),
            if one.same { "same" } else { "differs" }.to_owned(),
            one.digest.clone(),
            one.rebuilt_digest.clone(),
        ]
    });
    let heading = ["PLATFORM", "BYTES", "IMAGE", "REBUILT"];
    print_table(&table(&heading, rows.collect(), &[]))?;
    for one in &document.platforms {
        if let Some(difference) = &one.difference {
            print("")?;
            print(&one.platform)?;
            diff::print_tables(difference)?;
        }
    }
    Ok(())
}
