//! `distil rebuild`: make an image again, and compare.

use std::path::Path;

use distil_attest::sources::Sources;
use distil_build::{LockError, Request, UsedLock, suite};
use distil_lock::file::LockFile;
use distil_oci::{Image, Location, Opened, Platform, Registries, transport};
use serde::Serialize;

use super::verify::{require_signature, statements};
use super::{diff, look_at, make_to_look_at, registries};
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
    if matches!(location, Location::RootFs(_)) {
        let message = "a root file system has no manifest and no layers to compare";
        return Err(CommandError::usage(message).hint("`distil diff` compares its files"));
    }
    let registries = registries(&arguments.made.archive, &arguments.made.registry);
    let place = Place {
        opened: transport::open(&location, &registries)?,
        registries,
    };
    let platforms = images(arguments, &place)?;
    let platforms = platforms
        .iter()
        .map(|image| rebuild(arguments, &place, image));
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

/// Where the image is.
struct Place {
    opened: Opened,
    registries: Registries,
}

/// The image of the platform that is named, or of all platforms.
fn images(arguments: &cli::Rebuild, place: &Place) -> Result<Vec<Image>, CommandError> {
    let Place { opened, registries } = place;
    let made = &arguments.made;
    let wanted = made.platform.as_ref().map(|name| name.parse::<Platform>());
    let wanted = wanted.transpose().map_err(CommandError::usage)?;
    let images = match wanted {
        Some(platform) => vec![opened.image_for(Some(&platform))?],
        None => opened.images()?,
    };
    // What is attached to an image has to be signed as well, and is looked at by itself.
    for image in images.iter().filter(|_| arguments.made_of.is_some()) {
        require_signature(opened, image, &made.signers, registries)?;
    }
    Ok(images)
}

fn rebuild(
    arguments: &cli::Rebuild,
    place: &Place,
    image: &Image,
) -> Result<Rebuilt, CommandError> {
    let made = &arguments.made;
    let platform = image.platform().to_string();
    let built = match &arguments.made_of {
        Some(word) => make_to_look_at(
            word,
            &made.definition,
            &made.lock,
            Some(&platform),
            &made.archive,
        )?,
        None => {
            let sources = sources(arguments, place, image)?;
            let request = request(arguments, place, &sources)?;
            let suite = suite(&sources.suite)?;
            look_at(&request, suite, Some(&platform), &made.archive)?
        }
    };
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

/// The sources that are attached to an image; those that a key has signed, if one is asked for.
fn sources(
    arguments: &cli::Rebuild,
    place: &Place,
    image: &Image,
) -> Result<Sources, CommandError> {
    let made = &arguments.made;
    if made.lock.lock.is_some() || made.lock.locked || made.lock.no_lock {
        let message = "the lock is attached to the image as its definition is";
        return Err(CommandError::usage(message)
            .hint("name a definition to use another lock: `distil rebuild IMAGE app.yaml`"));
    }
    let Place { opened, registries } = place;
    let found = match made.signers.is_empty() {
        true => Sources::find(opened, image.digest(), registries)?,
        false => {
            let verified =
                statements(opened.location(), image.digest(), &made.signers, registries)?;
            Sources::of_verified(&verified)
        }
    };
    found.ok_or_else(|| {
        let signed = match made.signers.is_empty() {
            true => "",
            false => " and signed by one of the trusted signers",
        };
        let message = format!(
            "nothing that is attached to `{}`{signed} says what it was made of",
            arguments.image
        );
        CommandError::failure(message)
            .hint("name its definition, or build it with `--embed`, which attaches it")
    })
}

/// The request that sources are.
fn request(
    arguments: &cli::Rebuild,
    place: &Place,
    sources: &Sources,
) -> Result<Request, CommandError> {
    let directory = arguments.directory.as_deref().unwrap_or(Path::new("."));
    let request = Request::of_sources(sources, directory)?;
    let origin = format!("the lock that is attached to {}", place.opened.location());
    let file = LockFile::read(&sources.lock, &origin).map_err(LockError::from)?;
    let definition = request.word.clone();
    Ok(request.with_lock(UsedLock {
        origin,
        definition,
        file,
        is_strict: false,
    }))
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
