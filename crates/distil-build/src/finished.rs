//! Images that were made before, found again by all that they were made of.
//!
//! Nothing is read to find one but the definitions, the files that they name and the Releases of
//! the archive: these, with the options, the format of each step and the program's own identity,
//! are the key.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use distil_debian::archive::PocketState;
use distil_definition::recipe::Recipe;
use distil_image::{Built, LayerOptions, StoredLayer, are_whole};
use distil_lock::{Lock, local_files_of};
use distil_oci::Image;
use distil_store::{Digest, Key, KeyBuilder, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::session::{IDENTITY, Session};

/// The most that a record may have: a configuration and the pieces of all layers.
const MAX_RECORD: u64 = 64 << 20;

/// What is to be told of an image that was made, now or before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The newest time of its files, in seconds since 1970.
    pub modified: u64,
    /// The packages, sorted, with scripts that would have done what nobody did.
    pub undone: Vec<String>,
    /// The source of each package with its version, by the package's name.
    pub sources: BTreeMap<String, String>,
}

impl Summary {
    /// Of an image that was just made.
    pub(crate) fn of(built: &Built) -> Self {
        let times = built.assembly.tree.iter();
        let newest = times.map(|(_, entry)| entry.meta.mtime).max();
        let packages = built.assembly.packages.iter();
        let undone = packages.filter(|package| !package.undone.is_empty());
        let mut undone: Vec<String> = undone.map(|one| one.locked.name.clone()).collect();
        undone.sort();
        Self {
            modified: newest
                .and_then(|time| u64::try_from(time).ok())
                .unwrap_or(0),
            undone,
            sources: built.lock.sources(),
        }
    }
}

/// An image as the store keeps it.
#[derive(Serialize, Deserialize)]
struct Record {
    digest: Digest,
    config: String,
    annotations: BTreeMap<String, String>,
    layers: Vec<StoredLayer>,
    summary: Summary,
}

/// An image that was made before.
#[derive(Debug)]
pub struct Finished {
    /// The image. Its layers lie in the store.
    pub image: Image,
    /// What is to be told of it.
    pub summary: Summary,
    layers: Vec<StoredLayer>,
}

impl Finished {
    /// Whether its layers are undamaged; what is damaged is taken out of the store, so that
    /// making the image again makes it whole.
    pub fn is_whole(&self, threads: NonZeroUsize, store: &Store) -> bool {
        are_whole(self.layers.iter(), threads, store)
    }
}

/// What decides the packages of a recipe.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Basis<'a> {
    /// The states of the archive: they are chosen.
    States(&'a [PocketState]),
    /// A lock, by its digest: they are named.
    Lock(Digest),
}

impl Basis<'_> {
    /// The packages that a lock names.
    pub(crate) fn of_lock(lock: &Lock) -> Basis<'static> {
        Basis::Lock(Digest::of(serde_json::to_vec(lock).unwrap_or_default()))
    }
}

fn key(kind: &'static str, recipe: &Recipe, basis: Basis<'_>) -> KeyBuilder {
    let mut key = KeyBuilder::new(kind);
    key.input(IDENTITY)
        .input(recipe.inputs.definitions.as_bytes());
    match basis {
        Basis::States(states) => {
            for state in states {
                // The Release names everything that the archive has, by digest.
                key.input(&state.name).input(state.release.as_bytes());
            }
        }
        Basis::Lock(digest) => {
            key.input("lock").input(digest.as_bytes());
        }
    }
    key
}

/// Names an image by all that it is made of.
pub(crate) fn image_key(recipe: &Recipe, basis: Basis<'_>, layers: &LayerOptions) -> Key {
    let mut key = key("image", recipe, basis);
    key.input(recipe.inputs.files.as_bytes());
    key.input(layers.compression.identity());
    key.input(format!("{:?}", layers.epoch));
    key.finish()
}

/// The layers that the record of an image tells of; none if it is no such record.
pub(crate) fn layers_of(record: &[u8]) -> Option<Vec<StoredLayer>> {
    let record: Record = serde_json::from_slice(record).ok()?;
    Some(record.layers)
}

/// The image that was made of the same inputs, if the store has all of it.
pub(crate) fn find(key: &Key, layers: &LayerOptions, session: &Session) -> Option<Finished> {
    let record: Record = serde_json::from_slice(&session.store.value(key, MAX_RECORD)?).ok()?;
    let layer = |layer: &StoredLayer| layer.layer(layers.compression, &session.store);
    let layers: Option<Vec<_>> = record.layers.iter().map(layer).collect();
    let image = Image::of_config(record.config.into_bytes(), layers?, record.annotations).ok()?;
    (image.digest() == record.digest).then_some(Finished {
        image,
        summary: record.summary,
        layers: record.layers,
    })
}

/// Remembers an image that was made.
pub(crate) fn record(
    key: &Key,
    built: &Built,
    layers: Vec<StoredLayer>,
    session: &Session,
) -> Result<Finished, StoreError> {
    let image = &built.image;
    let summary = Summary::of(built);
    let record = Record {
        digest: image.digest(),
        config: String::from_utf8_lossy(image.config_bytes()).into_owned(),
        annotations: image.annotations().clone(),
        layers: layers.clone(),
        summary: summary.clone(),
    };
    if let Ok(bytes) = serde_json::to_vec(&record) {
        session.store.record(key, &session.store.put(&bytes)?)?;
    }
    Ok(Finished {
        image: image.clone(),
        summary,
        layers,
    })
}

/// The packages that were found for the same definitions in the same state of the archive.
pub(crate) fn find_lock(
    recipe: &Recipe,
    states: &[PocketState],
    session: &Session,
) -> Option<Lock> {
    let key = key("solution", recipe, Basis::States(states)).finish();
    let found: Lock = serde_json::from_slice(&session.store.value(&key, MAX_RECORD)?).ok()?;
    Some(Lock {
        // Their files may be others, and were read just now.
        files: local_files_of(recipe),
        ..found
    })
}

/// Remembers which packages were found.
pub(crate) fn record_lock(
    recipe: &Recipe,
    lock: &Lock,
    session: &Session,
) -> Result<(), StoreError> {
    if let Ok(bytes) = serde_json::to_vec(lock) {
        let key = key("solution", recipe, Basis::States(&lock.states)).finish();
        session.store.record(&key, &session.store.put(&bytes)?)?;
    }
    Ok(())
}
