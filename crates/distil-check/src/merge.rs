//! Layers on top of one another: the file system that a container sees (OCI image specification,
//! "Layer Filesystem Changeset").

use std::collections::BTreeMap;
use std::sync::Arc;

use distil_tree::{InsertError, Kind, Metadata, Origin, Tree, TreePath};

use crate::read::{Diff, Entry};

/// What a container sees.
#[derive(Debug, Default)]
pub struct Filesystem {
    /// Folders, files and links; an entry's `layer` is the one that it is from.
    pub tree: Tree,
    /// Capabilities that files carry, by their paths.
    pub capabilities: BTreeMap<TreePath, Arc<[u8]>>,
    /// Devices and FIFOs with their layers: a tree has no place for them.
    pub devices: BTreeMap<TreePath, (&'static str, usize)>,
}

/// Layers that contradict one another, so that engines fail on them.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Something is in the way.
    #[error("layer {layer} of the image cannot be applied")]
    Insert {
        /// Which, counted from 1.
        layer: usize,
        /// Why.
        source: Box<InsertError>,
    },
    /// A hard link leads nowhere.
    #[error(
        "layer {layer} of the image cannot be applied: `{path}` is a hard link to `{target}`, which {problem}"
    )]
    HardLink {
        /// Which, counted from 1.
        layer: usize,
        /// The link.
        path: TreePath,
        /// Where it leads.
        target: TreePath,
        /// What is wrong.
        problem: &'static str,
    },
}

/// Puts layers on top of one another, the lowest first.
///
/// What a layer hides it hides of those below alone, wherever in the archive it says so. Folders
/// that are links in a lower layer are followed, inside the image, unless the layer has a folder
/// of its own there, which then takes the link's place.
///
/// # Errors
/// If a layer cannot be applied.
pub fn merge(diffs: Vec<Diff>) -> Result<Filesystem, MergeError> {
    let mut merging = Merging {
        filesystem: Filesystem::default(),
        origin: Origin::Generated("layer".into()),
        layer: 0,
    };
    for (number, diff) in diffs.into_iter().enumerate() {
        merging.layer = number;
        merging.apply(diff)?;
    }
    Ok(merging.filesystem)
}

/// What hard links have in common: all but their paths.
type Shared = (Kind, Metadata, Option<Arc<[u8]>>);

struct Merging {
    filesystem: Filesystem,
    origin: Origin,
    layer: usize,
}

impl Merging {
    fn apply(&mut self, diff: Diff) -> Result<(), MergeError> {
        for path in &diff.whiteouts {
            // What is hidden may not be there at all.
            if let Ok(place) = self.filesystem.tree.place(path) {
                self.remove(&place, true);
            }
        }
        for path in &diff.opaque {
            if let Ok(place) = self.filesystem.tree.resolve(path) {
                self.remove(&place, false);
            }
        }
        for (path, entry) in diff.entries {
            self.put(&path, entry)?;
        }
        Ok(())
    }

    /// Takes away what is below a path, and what is at it.
    fn remove(&mut self, path: &TreePath, itself: bool) {
        let filesystem = &mut self.filesystem;
        let mut gone: Vec<TreePath> = filesystem
            .tree
            .below(path)
            .map(|(path, _)| path.clone())
            .collect();
        // A device has no entry in the tree; nor can anything lie below it.
        let devices = filesystem.devices.range(path.clone()..);
        let devices =
            devices.take_while(|(device, _)| device.as_bytes().starts_with(path.as_bytes()));
        let devices = devices.map(|(device, _)| device);
        gone.extend(devices.filter(|device| device.is_within(path)).cloned());
        if itself {
            gone.push(path.clone());
        } else {
            gone.retain(|one| one != path);
        }
        for path in gone {
            filesystem.tree.remove(&path);
            filesystem.capabilities.remove(&path);
            filesystem.devices.remove(&path);
        }
    }

    fn put(&mut self, path: &TreePath, entry: Entry) -> Result<(), MergeError> {
        let layer = self.layer + 1;
        let failed = |source| MergeError::Insert {
            layer,
            source: Box::new(source),
        };
        let place = self.filesystem.tree.place(path).map_err(failed)?;
        let (kind, meta, capability) = match entry {
            Entry::Directory(meta) => return self.put_folder(&place, meta),
            Entry::File(meta, content, capability) => (Kind::file(content), meta, capability),
            Entry::Symlink(meta, target) => (Kind::Symlink(target), meta, None),
            Entry::HardLink(target) => self.linked(path, &target)?,
            Entry::Special(word) => {
                self.remove(&place, true);
                self.filesystem.devices.insert(place, (word, self.layer));
                return Ok(());
            }
        };
        self.remove(&place, true);
        self.insert(&place, kind, meta)?;
        if let Some(capability) = capability {
            self.filesystem.capabilities.insert(place, capability);
        }
        Ok(())
    }

    fn put_folder(&mut self, place: &TreePath, meta: Metadata) -> Result<(), MergeError> {
        let layer = self.layer;
        match self.filesystem.tree.get_mut(place) {
            Some(there) if there.is_directory() => {
                (there.meta, there.layer) = (meta, layer);
                return Ok(());
            }
            Some(_) => self.remove(place, true),
            // Then nothing lies below it, either; but for the root, which need not be an entry.
            None => {
                self.filesystem.devices.remove(place);
            }
        }
        self.insert(place, Kind::Directory, meta)
    }

    fn insert(&mut self, place: &TreePath, kind: Kind, meta: Metadata) -> Result<(), MergeError> {
        let entry = distil_tree::Entry {
            kind,
            meta,
            origin: self.origin.clone(),
            layer: self.layer,
        };
        let layer = self.layer + 1;
        let done = self.filesystem.tree.insert(place, entry);
        done.map(drop).map_err(|source| MergeError::Insert {
            layer,
            source: Box::new(source),
        })
    }

    /// What a hard link shares with the path that it leads to.
    fn linked(&self, path: &TreePath, target: &TreePath) -> Result<Shared, MergeError> {
        let failed = |problem| MergeError::HardLink {
            layer: self.layer + 1,
            path: path.clone(),
            target: target.clone(),
            problem,
        };
        let place = self
            .filesystem
            .tree
            .place(target)
            .map_err(|_| failed("lies behind a link that leads nowhere"))?;
        let entry = self
            .filesystem
            .tree
            .get(&place)
            .ok_or_else(|| failed("is not there"))?;
        if entry.is_directory() {
            return Err(failed("is a folder"));
        }
        let capability = self.filesystem.capabilities.get(&place).cloned();
        Ok((entry.kind.clone(), entry.meta, capability))
    }
}
