//! What a recipe was made of, as digests: the part of a key that definitions and files are, and what
//! a lock remembers of each definition.

use std::collections::BTreeMap;

use distil_store::{Digest, Hasher};
use serde_json::Value;

use super::archives::Origins;
use super::bundle::BundleSource;
use super::error::RecipeError;
use super::layer::LayerRecipe;
use super::position::{Position, Text};
use super::source::{Origin, Source};
use super::target::Target;
use crate::format::Definition;
use crate::pointer::Pointer;

/// Digests of all that a recipe was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inputs {
    /// The texts of all definitions of the chain, what the command line changes, and which image
    /// of them it is.
    pub definitions: Digest,
    /// The bytes of the files that they name.
    pub files: Digest,
}

/// The meaning of a definition: what a lock remembers, to tell whether it changed and where. A comment
/// or the order of keys means nothing.
#[derive(Debug, Clone)]
pub struct Meaning {
    /// The definition's name.
    pub name: String,
    /// Where it is from.
    pub origin: Origin,
    /// The digest of the value of each key that says something, as canonical JSON.
    pub keys: BTreeMap<String, Digest>,
    /// The definition's text, to show positions in.
    text: Option<Text>,
}

impl Meaning {
    /// The meaning of a definition.
    pub(super) fn of(source: &Source) -> Self {
        let values = |definition: &Definition| match serde_json::to_value(definition) {
            Ok(Value::Object(values)) => values,
            _ => serde_json::Map::new(),
        };
        let nothing = values(&Definition::default());
        let mut keys = BTreeMap::new();
        for (key, value) in values(&source.definition) {
            // Where packages are fetched from changes nothing about them.
            let is_source = matches!(key.as_str(), "mirrors" | "snapshot_service");
            if !is_source && nothing.get(&key) != Some(&value) {
                keys.insert(key, Digest::of(value.to_string()));
            }
        }
        Self {
            name: source.definition.name.clone(),
            origin: source.origin(),
            keys,
            text: source.text.clone(),
        }
    }

    /// The position of a key in the definition, or of its name if the key is not there any more.
    pub fn position(&self, key: &str) -> Position {
        let key = if self.keys.contains_key(key) {
            key
        } else {
            "name"
        };
        Position::new(self.text.as_ref(), &Pointer::entry_of(key))
    }
}

/// Hashes parts so that no two lists of parts are the same bytes.
#[derive(Default)]
struct Parts(Hasher);

impl Parts {
    fn add(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }
}

/// The digest of definitions, the lowest first.
pub(super) fn definitions(chain: &[Source], target: &Target) -> Result<Digest, RecipeError> {
    let mut parts = Parts::default();
    for word in [
        target.suite.codename,
        target.suite.version,
        target.architecture.debian(),
        target.variant.name(),
    ] {
        parts.add(word);
    }
    for source in chain {
        parts.add([u8::from(source.is_strict())]);
        match &source.text {
            Some(text) => parts.add(text.text.as_bytes()),
            None => parts.add(source.to_json()?),
        }
    }
    Ok(parts.0.finish())
}

/// The digest of definitions with that of what stands in files beside them and decides what else an
/// image has: packages, lock files of applications, and which parts of other archives are read.
pub(super) fn with_files_of_packages<'a>(
    definitions: Digest,
    layers: impl Iterator<Item = &'a LayerRecipe>,
    origins: &Origins,
) -> Digest {
    let mut digests: Vec<Digest> = Vec::new();
    for layer in layers {
        let local = layer.packages.iter().filter_map(|one| one.local.as_ref());
        digests.extend(local.map(|local| local.package.sha256));
        for python in &layer.pythons {
            digests.push(python.digest);
            digests.extend(python.wheels.iter().map(|wheel| wheel.sha256));
        }
        digests.extend(layer.nodes.iter().map(|node| node.digest));
    }
    if digests.is_empty() && origins.archives.is_empty() {
        return definitions;
    }
    let mut parts = Parts::default();
    parts.add(definitions.as_bytes());
    for digest in &digests {
        parts.add(digest.as_bytes());
    }
    for archive in &origins.archives {
        parts.add(&archive.pocket.name);
        parts.add(archive.pocket.components.join(" "));
    }
    parts.0.finish()
}

/// The digest of what layers take from files of this machine.
pub(super) fn files(layers: &[LayerRecipe]) -> Digest {
    let mut parts = Parts::default();
    for layer in layers {
        parts.add(&layer.definition);
        for file in &layer.files {
            parts.add(file.addition.path.as_bytes());
            parts.add(format!(
                "{:?} {:?}",
                file.addition.owner, file.addition.mode
            ));
            parts.add(&file.bytes);
        }
        for bundle in &layer.bundles {
            // What a download is stands in the definition, as do the parts of other images.
            let digest = match &bundle.source {
                BundleSource::Directory { listing, .. } => Some(listing.digest()),
                BundleSource::Image(image) => image.found.map(|(digest, _)| digest),
                BundleSource::Download(_) | BundleSource::Probe(_) => None,
            };
            if let Some(digest) = digest {
                parts.add(bundle.placement.to.as_bytes());
                parts.add(digest.as_bytes());
            }
        }
        for jar in layer.javas.iter().flat_map(|java| &java.jars) {
            parts.add(jar.to.as_bytes());
            parts.add(jar.sha256.as_bytes());
        }
        for authority in layer.certificates.iter().flat_map(|file| &file.authorities) {
            parts.add(authority);
        }
    }
    parts.0.finish()
}
