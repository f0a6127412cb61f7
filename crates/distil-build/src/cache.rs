//! Results of other machines, in a repository of a registry: an empty store takes finished images from there, and layers
//! where the image is another one.
//!
//! An entry is an artifact whose tag is the kind and the digest of a key of the store, `image-ab12…` or `layer-cd34…`. Its first
//! blob is the record that the store would have of the key, the others are the layers that it tells of.
//! A key is made of all inputs of an image, and of the program's identity: another program, or another archive, asks
//! for another entry.
//!
//! What a key leads to is what another machine says it made: the digest of an entry proves nothing of that. So each is
//! signed over its key and its record, and only a signature by a key that the user trusts makes it count, wherever the
//! registry is and whoever else may write there. An entry that is damaged, unsigned or signed by others is
//! as if it were not there, with a warning.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use distil_attest::key::{KeyError, PrivateKey, PublicKey};
use distil_image::LayerError;
use distil_oci::reference::Repository;
use distil_oci::spec::MediaType;
use distil_oci::{Artifact, DescribedBlob, InvalidImage, Layer, TransportError};
use distil_store::{Digest, Key, StoreError};

use crate::shard::Shard;

/// The type of an entry, with the version of its format.
const ENTRY: &str = "application/vnd.distil.cache.v1";

/// The media type of a record.
const RECORD: &str = "application/vnd.distil.cache.record.v1+json";

/// The annotation of an entry with its signature, in base64.
const SIGNATURE: &str = "io.github.distil-images.cache.signature";

/// Where results of other machines are, and whose are believed.
#[derive(Debug, Clone, Default)]
pub struct CacheSettings {
    /// The repositories that are asked, in this order.
    pub from: Vec<Repository>,
    /// The keys that entries have to be signed by, one of them.
    pub trusted: Vec<PublicKey>,
    /// Where this machine's own results go, and the key that signs them.
    pub to: Option<(Repository, Arc<PrivateKey>)>,
    /// The part of the images that this machine makes, and how long it waits for the layers of a base that
    /// another part has.
    pub shard: Option<(Shard, Duration)>,
}

/// The caches of a session.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    settings: CacheSettings,
    /// Whether one of them failed, so that nobody waits for it, and is told of it, with every image.
    is_unavailable: AtomicBool,
    /// Whether the one that results go to failed.
    is_full: AtomicBool,
    /// Until when the layers of a base are waited for, of those that are.
    awaited: Mutex<BTreeMap<String, Instant>>,
}

impl Caches {
    pub(crate) fn new(settings: CacheSettings) -> Self {
        Self {
            settings,
            is_unavailable: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            awaited: Mutex::default(),
        }
    }

    /// The repositories that may have the layers of an image, so that a registry mounts them in others.
    pub(crate) fn repositories(&self) -> Vec<Repository> {
        let to = self.settings.to.iter().map(|(repository, _)| repository);
        let mut all: Vec<Repository> = Vec::new();
        for one in to.chain(&self.settings.from) {
            if !all.contains(one) {
                all.push(one.clone());
            }
        }
        all
    }

    /// Until when a layer of a definition is waited for; none if this machine is to make it now.
    pub(crate) fn awaited_until(&self, definition: &str, suite: &str) -> Option<Instant> {
        // Variants are made where the image is.
        let name = definition.split(':').next().unwrap_or(definition);
        let (shard, longest) = self.settings.shard?;
        if shard.has_name(name, suite) || longest.is_zero() {
            return None;
        }
        let now = Instant::now();
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let end = awaited.entry(name.to_owned()).or_insert(now + longest);
        Some(*end).filter(|end| *end > now)
    }

    /// The repositories to ask, as long as none of them failed.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Repository> {
        let is_available = |_: &&Repository| !self.is_unavailable.load(Ordering::Relaxed);
        self.settings.from.iter().take_while(is_available)
    }

    /// Notes that one failed.
    pub(crate) fn give_up_taking(&self) {
        self.is_unavailable.store(true, Ordering::Relaxed);
    }

    /// Notes that the one failed that results go to.
    pub(crate) fn give_up_giving(&self) {
        self.is_full.store(true, Ordering::Relaxed);
    }

    /// Where this machine's own results go, and by which key they are signed.
    pub(crate) fn target(&self) -> Option<(&Repository, &PrivateKey)> {
        let target = self.settings.to.as_ref();
        let (repository, key) = target.filter(|_| !self.is_full.load(Ordering::Relaxed))?;
        Some((repository, key))
    }

    /// The record of an entry, if it is one and a trusted key has signed that the store's key leads to it.
    pub(crate) fn record<'a>(
        &self,
        key: &Key,
        entry: Option<&'a Artifact>,
    ) -> Result<&'a DescribedBlob, CacheError> {
        let entry = entry.filter(|entry| entry.artifact_type().to_string() == ENTRY);
        let record = entry.and_then(|entry| Some((entry, entry.blobs().first()?)));
        let (entry, record) = record.ok_or_else(|| CacheError::Format { tag: tag(key) })?;
        let mut trusted = self.settings.trusted.iter();
        match trusted.any(|trusted| is_signed(key, record, entry, trusted)) {
            true => Ok(record),
            false => Err(CacheError::Untrusted { tag: tag(key) }),
        }
    }
}

/// Whether the key has signed that the store's key leads to the record of an entry.
fn is_signed(key: &Key, record: &DescribedBlob, entry: &Artifact, signer: &PublicKey) -> bool {
    let signature = entry.annotations().get(SIGNATURE);
    let signature = signature.and_then(|text| BASE64.decode(text).ok());
    let statement = statement(key, record.digest());
    signature.is_some_and(|signature| signer.verify(statement.as_bytes(), &signature))
}

/// Whether an entry is one that the key has signed.
pub(crate) fn is_of(key: &Key, entry: &Artifact, signer: &PublicKey) -> bool {
    let mut records = entry.blobs().iter().take(1);
    records.any(|record| is_signed(key, record, entry, signer))
}

/// An entry of a store's record, and of the layers that it tells of.
pub(crate) fn entry(
    key: &Key,
    record: Vec<u8>,
    layers: &[Layer],
    signer: &PrivateKey,
) -> Result<Artifact, CacheError> {
    let record = DescribedBlob::of_bytes(MediaType::from(RECORD), record);
    let statement = statement(key, record.digest());
    let signature = signer
        .sign(statement.as_bytes())
        .map_err(CacheError::Sign)?;
    let mut blobs = vec![record];
    blobs.extend(layers.iter().map(Layer::blob));
    let annotations = BTreeMap::from([(SIGNATURE.to_owned(), BASE64.encode(signature))]);
    Ok(Artifact::new(
        MediaType::from(ENTRY),
        blobs,
        None,
        annotations,
    )?)
}

/// Why an entry of a cache is not used, or not written.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The registry cannot be asked, or does not take it.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// What is there is no entry.
    #[error("what is tagged `{tag}` is not an entry of a cache of this version of distil")]
    Format {
        /// The tag.
        tag: String,
    },
    /// No trusted key has signed it.
    #[error("its entry `{tag}` is not signed by a trusted key")]
    Untrusted {
        /// The tag.
        tag: String,
    },
    /// The entry lacks a layer.
    #[error("its entry `{tag}` lacks the layer `{digest}`")]
    Incomplete {
        /// The tag.
        tag: String,
        /// The digest of the layer.
        digest: Digest,
    },
    /// The record is damaged, or cannot be had.
    #[error("its entry `{tag}` cannot be read")]
    Read {
        /// The tag.
        tag: String,
        /// Why.
        source: std::io::Error,
    },
    /// A layer is not what the record says.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry cannot be made.
    #[error(transparent)]
    Invalid(#[from] InvalidImage),
    /// Signing failed.
    #[error("the entry cannot be signed")]
    Sign(#[source] KeyError),
}

/// What is signed: which result of which inputs.
fn statement(key: &Key, record: Digest) -> String {
    format!("{ENTRY}\n{} {}\n{record}\n", key.kind(), key.digest())
}

/// The tag of what a key leads to.
pub(crate) fn tag(key: &Key) -> String {
    format!("{}-{}", key.kind(), key.digest().hex())
}
