//! From a tree to the layers of an image.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::Arc;

use distil_oci::layer::{Piece, PiecesBlob};
use distil_oci::{Compression, Layer, LayerFacts, LayerWriter};
use distil_store::{Digest, Key, KeyBuilder, Store, StoreError, parallel};
use distil_tree::{Content, Entry, FileNode, Kind, TreePath, tar};
use serde::{Deserialize, Serialize};

use crate::layer_tree::{LayerTree, group};

/// Names how entries become a tar stream and how that is cut; to be raised when either changes. Locks
/// have it.
pub const LAYER_FORMAT: u32 = 1;

/// The most that the record of a layer may have: some 130 bytes a piece.
const MAX_RECORD: u64 = 64 << 20;

/// What a package has to have, in bytes, to be compressed by itself. Smaller ones go together with
/// their neighbours: a piece of a few kilobytes compresses worse, and costs two files in the store.
const OWN_PIECE: u64 = 128 << 10;

/// Why a layer cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// Reading the files or writing the layer failed.
    #[error("failed to write the layer of `{definition}`")]
    Write {
        /// The definition that the layer is of.
        definition: String,
        /// Why.
        source: io::Error,
    },
    /// The bytes of a layer that was made elsewhere are not what they should be.
    #[error("the layer `{digest}` cannot be cut into its pieces")]
    Restore {
        /// The digest of the layer.
        digest: Digest,
        /// Why.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A layer in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLayer {
    facts: LayerFacts,
    pieces: Vec<Piece>,
}

impl StoredLayer {
    /// The layer, if the store has all its pieces.
    pub fn layer(&self, compression: Compression, store: &Store) -> Option<Layer> {
        let blob = |piece: &Piece| {
            let blob = store.get(&piece.digest)?;
            (blob.size() == piece.size).then_some(blob)
        };
        let blobs: Option<Vec<_>> = self.pieces.iter().map(blob).collect();
        let source = Arc::new(PiecesBlob(blobs?));
        Some(Layer::new(compression, &self.facts, source))
    }
}

impl StoredLayer {
    /// The digest of the layer's bytes.
    pub fn digest(&self) -> Digest {
        self.facts.digest
    }

    /// Whether the store has all its pieces.
    pub fn is_in(&self, store: &Store) -> bool {
        let has = |piece: &Piece| {
            let blob = store.get(&piece.digest);
            blob.is_some_and(|blob| blob.size() == piece.size)
        };
        self.pieces.iter().all(has)
    }

    /// Puts the pieces into the store, of the bytes of the layer.
    ///
    /// # Errors
    /// If they are not the layer's bytes, or the store cannot be written.
    pub fn restore(&self, bytes: impl Read, store: &Store) -> Result<(), LayerError> {
        let digest = self.digest();
        let failed = |source| LayerError::Restore { digest, source };
        let mut bytes = bytes.take(self.facts.size);
        for piece in &self.pieces {
            let mut blob = store.create()?;
            // One that lacks bytes has another digest.
            io::copy(&mut (&mut bytes).take(piece.size), &mut blob).map_err(failed)?;
            blob.commit_as(&piece.digest)?;
        }
        // What is left belongs to no piece.
        match io::copy(&mut bytes, &mut io::sink()).map_err(failed)? {
            0 => Ok(()),
            _ => Err(failed(io::ErrorKind::InvalidData.into())),
        }
    }
}

/// Whether all pieces of layers are in the store and undamaged. Damaged ones are taken out.
pub fn are_whole<'a>(
    layers: impl Iterator<Item = &'a StoredLayer>,
    threads: NonZeroUsize,
    store: &Store,
) -> bool {
    let pieces: Vec<Digest> = layers
        .flat_map(|layer| layer.pieces.iter().map(|piece| piece.digest))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let check = |digest: &Digest| {
        let blob = store.get(digest);
        blob.is_some_and(|blob| blob.verify().is_ok_and(|file| file.is_some()))
    };
    // All of them, so that all that are damaged are taken out at once.
    parallel::map(&pieces, threads, check)
        .into_iter()
        .all(|is_whole| is_whole)
}

/// Where layers may be that another machine made, by their keys in the store.
pub trait LayerCache: Sync {
    /// Brings what the key leads to into the store; whether it was there. `definition` is what the layer
    /// is of.
    fn take(&self, key: &Key, definition: &str) -> bool;

    /// Takes a layer that was made now, and that the key leads to.
    fn give(&self, key: &Key, layer: &Layer);
}

/// No such place.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLayerCache;

impl LayerCache for NoLayerCache {
    fn take(&self, _: &Key, _: &str) -> bool {
        false
    }

    fn give(&self, _: &Key, _: &Layer) {}
}

/// Writes layers into the store, the lowest first, those that it has not yet. One without entries
/// is none: there is no point in a layer of a definition that changes the configuration alone.
pub(crate) fn write(
    trees: &[LayerTree],
    compression: Compression,
    threads: NonZeroUsize,
    store: &Store,
    cache: &dyn LayerCache,
) -> Result<Vec<(StoredLayer, Layer)>, LayerError> {
    let mut layers = Vec::new();
    for tree in trees.iter().filter(|tree| !tree.entries.is_empty()) {
        let failed = |source| LayerError::Write {
            definition: tree.definition.clone(),
            source,
        };
        let key = key(tree, compression).map_err(failed)?;
        let in_store = || find(&key, compression, threads, store);
        let in_cache = || cache.take(&key, &tree.definition).then(in_store).flatten();
        let found = in_store().or_else(in_cache);
        if let Some(found) = found {
            layers.push(found);
            continue;
        }
        let stored = write_one(tree, compression, threads, store).map_err(failed)?;
        let record = serde_json::to_vec(&stored).map_err(|error| failed(error.into()))?;
        store.record(&key, &store.put(&record)?)?;
        let layer = stored.layer(compression, store).ok_or_else(|| {
            let message = "pieces that were just written are gone from the store";
            failed(io::Error::new(io::ErrorKind::NotFound, message))
        })?;
        cache.give(&key, &layer);
        layers.push((stored, layer));
    }
    Ok(layers)
}

/// The layer that was recorded for `key`, if it is still there and undamaged.
fn find(
    key: &Key,
    compression: Compression,
    threads: NonZeroUsize,
    store: &Store,
) -> Option<(StoredLayer, Layer)> {
    let stored: StoredLayer = serde_json::from_slice(&store.value(key, MAX_RECORD)?).ok()?;
    let layer = stored.layer(compression, store)?;
    are_whole([&stored].into_iter(), threads, store).then_some((stored, layer))
}

fn write_one(
    tree: &LayerTree,
    compression: Compression,
    threads: NonZeroUsize,
    store: &Store,
) -> io::Result<StoredLayer> {
    let mut writer = tar::Writer::new(LayerWriter::into_store(store, compression, threads));
    let sizes = group_sizes(&tree.entries);
    let mut before = None;
    for (path, entry) in &tree.entries {
        let group = group(entry);
        if let Some(before) = before.filter(|before| *before != group) {
            let pending = writer.output().pending() as u64;
            let is_large = |group| sizes.get(&group).is_some_and(|size| *size >= OWN_PIECE);
            if pending >= OWN_PIECE || is_large(before) || is_large(group) {
                writer.output().boundary()?;
            }
        }
        before = Some(group);
        writer.append(path, entry)?;
    }
    let (facts, pieces) = writer.finish()?.finish_pieces()?;
    Ok(StoredLayer { facts, pieces })
}

fn group_sizes(entries: &[(TreePath, Entry)]) -> BTreeMap<Option<&str>, u64> {
    let mut sizes = BTreeMap::new();
    for (_, entry) in entries {
        let content = entry.file().map_or(0, |node| node.content.size());
        *sizes.entry(group(entry)).or_default() += 512 + content;
    }
    sizes
}

/// Names a layer by all that decides its bytes. Files of packages are named by the digest of the
/// package and their place in it, and so need not be read.
fn key(tree: &LayerTree, compression: Compression) -> io::Result<Key> {
    let mut key = KeyBuilder::new("layer");
    key.input(LAYER_FORMAT.to_string())
        .input(compression.identity());
    let mut nodes: HashMap<*const FileNode, usize> = HashMap::new();
    for (number, (path, entry)) in tree.entries.iter().enumerate() {
        let meta = &entry.meta;
        let mut words = [0; 20];
        words[..4].copy_from_slice(&meta.mode.to_le_bytes());
        words[4..8].copy_from_slice(&meta.uid.to_le_bytes());
        words[8..12].copy_from_slice(&meta.gid.to_le_bytes());
        words[12..].copy_from_slice(&meta.mtime.to_le_bytes());
        key.input(path.as_bytes()).input(words);
        // Where the stream is cut.
        match group(entry) {
            Some(package) => key.input(b"p").input(package),
            None => key.input(b"-"),
        };
        match &entry.kind {
            Kind::Directory => key.input(b"folder"),
            Kind::Symlink(target) => key.input(b"link").input(target),
            Kind::File(node) => {
                let first = *nodes.entry(Arc::as_ptr(node)).or_insert(number);
                if first != number {
                    key.input(b"same").input(first.to_le_bytes());
                    continue;
                }
                content(&mut key, &node.content)?
            }
        };
    }
    Ok(key.finish())
}

fn content<'a>(key: &'a mut KeyBuilder, content: &Content) -> io::Result<&'a mut KeyBuilder> {
    if let Some(part) = content.id() {
        key.input(b"part").input(part.digest.as_bytes());
        key.input(part.offset.to_le_bytes());
        return Ok(key.input(part.size.to_le_bytes()));
    }
    let (digest, size) = Digest::of_reader(&mut content.reader())?;
    key.input(b"bytes").input(digest.as_bytes());
    Ok(key.input(size.to_le_bytes()))
}
