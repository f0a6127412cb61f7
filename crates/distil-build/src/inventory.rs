//! What is in an image, for its bill of materials: of one that is at a place, or that was made from
//! a definition, whose maker knows more of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use distil_attest::inventory::{Inventory, Origins, Part, Subject};
use distil_attest::provenance::Dependency;
use distil_attest::sources::Sources;
use distil_attest::vex::Code;
use distil_definition::Architecture;
use distil_definition::recipe::Recipe;
use distil_image::{Assembly, Built};
use distil_inspect::{InspectError, Inspection, Options, PackagesError};
use distil_lock::Lock;
use distil_oci::transport;
use distil_oci::{Image, Location, Platform, Registries};
use distil_store::Digest;
use distil_tree::Origin;
use serde_json::{Map, Value};

use crate::attestations::SourcesError;
use crate::code::code;
use crate::error::BuildError;
use crate::make::Made;
use crate::output::{ImageRequest, Outcome};
use crate::request::Request;
use crate::session::Session;
use crate::settings::threads;

/// Why it is not known what is in an image.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// Its files cannot be read.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// Its packages are not known.
    #[error(transparent)]
    Packages(#[from] PackagesError),
}

/// What is in an image that is at a place: the one for a platform, or for this machine's, or else
/// the first.
///
/// # Errors
/// If it cannot be read.
pub fn inventory_at(
    location: &Location,
    platform: Option<&Platform>,
    registries: &Registries,
) -> Result<Inventory, BuildError> {
    if let Location::RootFs(path) = location {
        let inspection = Inspection::of_directory(path, options());
        let inspection = inspection.map_err(InventoryError::from)?;
        let subject = Subject {
            name: name_of_file(location),
            ..Subject::default()
        };
        let inventory = Inventory::of(subject, None, &inspection, &Origins::default());
        return Ok(inventory.map_err(InventoryError::from)?);
    }
    let image = transport::open(location, registries)?.image_for(platform)?;
    inventory_of_image(location, &image)
}

/// What is in an image that was read from a place.
///
/// # Errors
/// If its layers cannot be read.
pub fn inventory_of_image(location: &Location, image: &Image) -> Result<Inventory, BuildError> {
    Ok(inventory(
        subject_at(location, image),
        image,
        &Origins::default(),
    )?)
}

/// An image at a place, as its bill of materials names it.
pub(crate) fn subject_at(location: &Location, image: &Image) -> Subject {
    match location {
        Location::Registry(reference) => {
            let repository = reference.repository();
            Subject {
                repository: Some(repository.to_string()),
                ..subject(repository.path(), image)
            }
        }
        Location::DockerDaemon(reference) => subject(reference.repository().path(), image),
        _ => {
            let title = image.annotations().get("org.opencontainers.image.title");
            let name = title.cloned().unwrap_or_else(|| name_of_file(location));
            subject(&name, image)
        }
    }
}

/// What is in an image that was just made.
///
/// # Errors
/// If its layers cannot be read.
pub fn inventory_of(built: &Built) -> Result<Inventory, BuildError> {
    let subject = subject(&built.recipe.name, &built.image);
    let origins = origins(&built.lock, &built.assembly);
    Ok(inventory(subject, &built.image, &origins)?)
}

/// What can be said of an image that was built.
#[derive(Debug)]
pub struct Described {
    /// The image.
    pub image: Image,
    /// What is in it.
    pub inventory: Inventory,
    /// What was asked for.
    pub parameters: Map<String, Value>,
    /// What it was made from.
    pub dependencies: Vec<Dependency>,
    /// What of its packages it has, and what of their code was left out.
    pub code: Code,
    /// Its definition and its lock, or why they do not tell how it is made again.
    pub sources: Result<Sources, SourcesError>,
}

impl Session {
    /// What can be said of the images of a request, in the order of its architectures. Where one
    /// was made before and found again, its tree is made again, because that alone tells where
    /// everything is from.
    ///
    /// # Errors
    /// If that cannot be made, or the layers cannot be read.
    pub fn describe(
        &self,
        request: &ImageRequest,
        outcome: &Outcome,
    ) -> Result<Vec<Described>, BuildError> {
        self.describe_made(request, &outcome.images)
    }

    /// The same before they are written.
    pub(crate) fn describe_made(
        &self,
        request: &ImageRequest,
        made: &[Made],
    ) -> Result<Vec<Described>, BuildError> {
        let images = request.architectures.iter().zip(made);
        let described = |(architecture, made): (&Architecture, &Made)| {
            let image = &made.finished.image;
            let words = &request.request;
            let prepared;
            let (recipe, lock, assembly) = match &made.built {
                Some(built) => (&built.recipe, &built.lock, &built.assembly),
                None => {
                    let target = words.target(request.suite, *architecture, self.now());
                    prepared = self.prepare(words, target)?;
                    (&prepared.recipe, &prepared.lock, &prepared.assembly)
                }
            };
            let subject = subject(&words.source.definition.name, image);
            let inventory = inventory(subject, image, &origins(lock, assembly))?;
            Ok(Described {
                image: image.clone(),
                parameters: parameters(recipe),
                dependencies: dependencies(words, recipe, lock, &inventory),
                code: code(assembly),
                sources: sources(words, recipe),
                inventory,
            })
        };
        images.map(described).collect()
    }
}

/// The definition and the lock of an image.
fn sources(request: &Request, recipe: &Recipe) -> Result<Sources, SourcesError> {
    let image = || request.word.clone();
    let unreadable = |problem: String| SourcesError::Unreadable {
        image: image(),
        problem,
    };
    if request.source.changed().is_some() {
        return Err(SourcesError::Changed { image: image() });
    }
    let Some(used) = &request.lock else {
        return Err(SourcesError::Unlocked { image: image() });
    };
    let texts = request.source.texts();
    let texts = texts.map_err(|error| unreadable(error.to_string()))?;
    let definition = match texts.first() {
        Some((path, _)) => {
            let path = path.to_str();
            path.ok_or_else(|| unreadable("its path is not UTF-8".to_owned()))?
        }
        None => request.source.definition.name.as_str(),
    };
    Ok(Sources {
        definition: definition.to_owned(),
        variant: recipe.variant.name().to_owned(),
        suite: recipe.suite.codename.to_owned(),
        platform: recipe.architecture.platform().to_string(),
        lock: used.file.to_text(),
        definitions: texts.into_iter().collect(),
    })
}

/// What a user chose: no path of this machine is in it.
fn parameters(recipe: &Recipe) -> Map<String, Value> {
    let architecture = recipe.architecture.platform().to_string();
    let values = [
        ("definition", recipe.name.as_str()),
        ("variant", recipe.variant.name()),
        ("suite", recipe.suite.codename),
        ("platform", &architecture),
    ];
    let value = |(key, value): (&str, &str)| (key.to_owned(), Value::from(value));
    values.into_iter().map(value).collect()
}

/// Definitions, lock, Releases of the archive, packages and local files, by their digests.
fn dependencies(
    request: &Request,
    recipe: &Recipe,
    lock: &Lock,
    inventory: &Inventory,
) -> Vec<Dependency> {
    let plain = |name: String, digest| Dependency {
        name,
        uri: None,
        digest,
        annotations: Map::new(),
    };
    let mut found = Vec::new();
    for one in &recipe.definitions {
        // As a lock remembers it: what each of its keys means, whatever its layout.
        let keys = one.keys.iter();
        let keys: Map<String, Value> = keys
            .map(|(key, digest)| (key.clone(), digest.to_string().into()))
            .collect();
        let digest = Digest::of(Value::Object(keys).to_string());
        found.push(plain(format!("definition {}", one.name), digest));
    }
    if let Some(used) = &request.lock {
        found.push(plain("lock".to_owned(), Digest::of(used.file.to_text())));
    }
    for state in &lock.states {
        let annotations = [
            ("date", Value::from(state.date)),
            ("keys", Value::from(state.keys.clone())),
        ];
        found.push(Dependency {
            annotations: annotations
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
            ..plain(format!("Release of {}", state.name), state.release)
        });
    }
    for one in &inventory.components {
        found.extend(one.digest.map(|digest| Dependency {
            uri: Some(one.purl.clone()),
            ..plain(format!("package {}", one.name), digest)
        }));
    }
    for file in &lock.files {
        found.push(plain(format!("file {}", file.from), file.digest));
    }
    for download in &lock.downloads {
        found.push(Dependency {
            uri: Some(download.url.clone()),
            ..plain(format!("download {}", download.url), download.digest)
        });
    }
    // Downloads are there already.
    let is_known = |found: &[Dependency], digest| found.iter().any(|one| one.digest == digest);
    for part in &inventory.parts {
        let Some(digest) = part.digest.filter(|digest| !is_known(&found, *digest)) else {
            continue;
        };
        found.push(Dependency {
            uri: part.purl.clone(),
            ..plain(format!("part {}", part.name), digest)
        });
    }
    found
}

/// What is in an image.
pub(crate) fn inventory(
    subject: Subject,
    image: &Image,
    origins: &Origins,
) -> Result<Inventory, InventoryError> {
    let inspection = Inspection::of_image(image, options())?;
    Ok(Inventory::of(subject, Some(image), &inspection, origins)?)
}

fn options() -> Options {
    Options {
        threads: threads(),
        digests: true,
        sha1: true,
        ..Options::default()
    }
}

fn subject(name: &str, image: &Image) -> Subject {
    let platform = image.platform();
    Subject {
        name: name.to_owned(),
        digest: Some(image.digest()),
        platform: Some(platform.to_string()),
        architecture: platform.architecture().to_owned(),
        ..Subject::default()
    }
}

/// What a file or directory is called, without what says of which kind it is.
fn name_of_file(location: &Location) -> String {
    let path = location.path();
    let name = path.and_then(|path| path.file_stem());
    name.map_or_else(
        || "image".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn origins(lock: &Lock, assembly: &Assembly) -> Origins {
    let mut origins = Origins::default();
    for (_, package) in lock.packages() {
        let version = package.version.as_str();
        let digest = package.file.sha256;
        origins.add_package(&package.name, version, &package.architecture, digest);
    }
    let mut parts = BTreeMap::new();
    for bundle in &assembly.bundles {
        let provenance = &bundle.provenance;
        let Some(component) = &provenance.component else {
            continue;
        };
        let part = Part {
            name: component.name.clone(),
            version: component.version.clone(),
            purl: component.purl.clone(),
            licence: component.license.clone(),
            digest: Some(provenance.digest),
            from: Some(provenance.to_string()),
        };
        origins.add_part(part.clone());
        parts.insert((provenance.kind, Arc::clone(&provenance.from)), part);
    }
    for (path, entry) in assembly.tree.iter() {
        if let Origin::Bundle(one) = &entry.origin
            && let Some(part) = parts.get(&(one.kind, Arc::clone(&one.from)))
        {
            origins.add_file_of_part(path.clone(), part);
        }
        let from = match &entry.origin {
            Origin::Package(_) => continue,
            Origin::Generated(what) => format!("generated by distil: {what}"),
            Origin::Definition(name) => format!("from the definition `{name}`"),
            Origin::Bundle(one) => format!("from the {} `{}`", one.kind, one.from),
            Origin::Compiled(of) => format!("compiled from a source of {of}"),
        };
        origins.add_file(path.clone(), from);
    }
    origins
}
