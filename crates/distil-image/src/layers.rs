//! From a tree to the layers of an image.

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use distil_oci::layer::FileBlob;
use distil_oci::{Compression, Layer, LayerWriter};
use distil_store::{Store, StoreError};
use distil_tree::{Entry, Origin, Tree, TreePath, tar};

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
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The entries of one layer, in the order in which they are written.
#[derive(Debug, Clone)]
pub struct LayerTree {
    /// The definition that the layer is of.
    pub definition: String,
    /// The entries with their paths.
    pub entries: Vec<(TreePath, Entry)>,
}

/// Writes layers into the store, the lowest first. One without entries is none: there is no
/// point in a layer of a definition that changes the configuration alone.
pub(crate) fn write(
    trees: &[LayerTree],
    compression: Compression,
    threads: NonZeroUsize,
    store: &Store,
) -> Result<Vec<Layer>, LayerError> {
    let mut layers = Vec::new();
    for tree in trees.iter().filter(|tree| !tree.entries.is_empty()) {
        let failed = |source| LayerError::Write {
            definition: tree.definition.clone(),
            source,
        };
        let mut writer = tar::Writer::new(LayerWriter::new(store.create()?, compression, threads));
        for (path, entry) in &tree.entries {
            writer.append(path, entry).map_err(failed)?;
        }
        let compressed = writer.finish().map_err(failed)?;
        let (blob, facts) = compressed.finish().map_err(failed)?;
        let blob = blob.commit()?;
        let source = Arc::new(FileBlob(blob.path().to_owned()));
        layers.push(Layer::new(compression, &facts, source));
    }
    Ok(layers)
}

/// The entries of a layer in their order: folders and what belongs to no package, then package
/// by package, so that a package's part of a layer does not depend on the others.
///
/// Folders of lower layers that something of this one lies in are written again: an engine
/// that unpacks a layer by itself would make them up with other modes.
///
/// Taken when the layer is finished: a higher one may replace entries in the tree, and must not
/// change what this one holds.
pub(crate) fn of(tree: &Tree, layer: usize, definition: &str) -> LayerTree {
    let own = || tree.iter().filter(move |(_, entry)| entry.layer == layer);
    let above: BTreeSet<TreePath> = own()
        .flat_map(|(path, _)| path.ancestors().collect::<Vec<_>>())
        .collect();
    let mut entries: Vec<(TreePath, Entry)> = tree
        .iter()
        .filter(|(path, entry)| entry.layer == layer || above.contains(*path))
        .map(|(path, entry)| (path.clone(), entry.clone()))
        .collect();
    // Stable, so that paths stay in order within a group.
    entries.sort_by_key(|(_, entry)| match &entry.origin {
        Origin::Package(name) if !entry.is_directory() => Some(name.clone()),
        _ => None,
    });
    LayerTree {
        definition: definition.to_owned(),
        entries,
    }
}
