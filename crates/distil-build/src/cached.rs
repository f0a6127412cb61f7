//! What a session takes from caches, and gives to one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use distil_image::{LayerCache, StoredLayer};
use distil_oci::reference::{RegistryReference, Repository};
use distil_oci::transport::{self, WriteOptions};
use distil_oci::{DescribedBlob, Layer, Location, Manifest};
use distil_store::{Digest, Key, parallel};

use crate::cache::{self, CacheError};
use crate::event::{Event, Warning};
use crate::finished;
use crate::session::Session;

/// The most bytes of a record: as in the store.
const MAX_RECORD: u64 = 64 << 20;

/// How long to wait before a cache is asked again for a layer that another machine makes.
const AGAIN: Duration = Duration::from_millis(500);

impl Session {
    /// Takes what a key leads to from a cache into the store; whether one has it.
    pub(crate) fn take_from_cache(&self, key: &Key) -> bool {
        self.caches.sources().any(|repository| {
            self.take_entry(key, repository).unwrap_or_else(|error| {
                self.caches.give_up_taking();
                self.warn_of_cache(repository, &error);
                false
            })
        })
    }

    fn warn_of_cache(&self, repository: &Repository, error: &CacheError) {
        self.tell(Event::Warning(Warning::CacheUnused { repository, error }));
    }

    fn take_entry(&self, key: &Key, repository: &Repository) -> Result<bool, CacheError> {
        let opened = match transport::open(&location(key, repository), &self.registries) {
            Ok(opened) => opened,
            Err(error) if error.is_missing() => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let artifact = opened.artifact();
        let record = self.caches.record(key, artifact)?;
        let bytes = record.read(MAX_RECORD);
        let bytes = bytes.map_err(|source| CacheError::Read {
            tag: cache::tag(key),
            source,
        })?;
        let layers = match key.kind() {
            "layer" => serde_json::from_slice(&bytes).ok().map(|layer| vec![layer]),
            _ => finished::layers_of(&bytes),
        };
        let layers = layers.ok_or_else(|| CacheError::Format {
            tag: cache::tag(key),
        })?;
        let blobs = artifact.into_iter().flat_map(|entry| entry.blobs());
        let blobs: BTreeMap<Digest, &DescribedBlob> =
            blobs.map(|blob| (blob.digest(), blob)).collect();
        let threads = self.layers.threads;
        let taken = parallel::map(&layers, threads, |layer| {
            self.take_layer(layer, &blobs, key)
        });
        taken.into_iter().collect::<Result<Vec<()>, _>>()?;
        // Last, so that the key leads to what is there.
        self.store.record(key, &self.store.put(&bytes)?)?;
        Ok(true)
    }

    fn take_layer(
        &self,
        layer: &StoredLayer,
        blobs: &BTreeMap<Digest, &DescribedBlob>,
        key: &Key,
    ) -> Result<(), CacheError> {
        if layer.is_in(&self.store) {
            return Ok(());
        }
        let blob = blobs.get(&layer.digest());
        let blob = blob.ok_or_else(|| CacheError::Incomplete {
            tag: cache::tag(key),
            digest: layer.digest(),
        })?;
        let bytes = blob.open().map_err(|source| CacheError::Read {
            tag: cache::tag(key),
            source,
        })?;
        Ok(layer.restore(bytes, &self.store)?)
    }

    /// Puts what a key leads to into the cache of this machine, if there is one that lacks it. A build does
    /// not fail for that.
    pub(crate) fn give_to_cache(&self, key: &Key, layers: &[Layer]) {
        let Some((repository, _)) = self.caches.target() else {
            return;
        };
        if let Err(error) = self.give_entry(key, layers) {
            self.caches.give_up_giving();
            self.warn_of_cache(repository, &error);
        }
    }

    fn give_entry(&self, key: &Key, layers: &[Layer]) -> Result<(), CacheError> {
        let record = self.store.value(key, MAX_RECORD);
        let (Some((repository, signer)), Some(record)) = (self.caches.target(), record) else {
            return Ok(());
        };
        let location = location(key, repository);
        // Anything else than an entry of this machine's own is replaced.
        if let Ok(opened) = transport::open(&location, &self.registries)
            && opened
                .artifact()
                .is_some_and(|entry| cache::is_of(key, entry, signer.public()))
        {
            return Ok(());
        }
        let entry = cache::entry(key, record, layers, signer)?;
        let options = WriteOptions::new(&self.registries);
        transport::write(&Manifest::Artifact(entry), &location, &options)?;
        Ok(())
    }
}

/// The layers of an image in the caches of a session.
pub(crate) struct CachedLayers<'a> {
    pub(crate) session: &'a Session,
    /// The codename of the image's suite.
    pub(crate) suite: &'a str,
}

impl LayerCache for CachedLayers<'_> {
    fn take(&self, key: &Key, definition: &str) -> bool {
        self.session.take_from_cache(key) || self.await_layer(key, definition)
    }

    fn give(&self, key: &Key, layer: &Layer) {
        tracing::info!(digest = %layer.digest(), "layer made");
        self.session.give_to_cache(key, std::slice::from_ref(layer));
    }
}

impl CachedLayers<'_> {
    /// Takes a layer that another machine makes now, once it is there.
    fn await_layer(&self, key: &Key, definition: &str) -> bool {
        let caches = &self.session.caches;
        let Some(end) = caches.awaited_until(definition, self.suite) else {
            return false;
        };
        self.session.tell(Event::Awaiting { definition });
        while caches.sources().next().is_some() {
            let rest = end.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                let warning = Warning::LayersLate { definition };
                self.session.tell(Event::Warning(warning));
                return false;
            }
            std::thread::sleep(rest.min(AGAIN));
            if self.session.take_from_cache(key) {
                return true;
            }
        }
        false
    }
}

fn location(key: &Key, repository: &Repository) -> Location {
    let tag = cache::tag(key);
    Location::Registry(RegistryReference::of_tag(repository.clone(), tag))
}
