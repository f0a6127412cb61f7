//! Layers on top of one another: the file system that a container sees, as overlay engines make it
//! (OCI image specification, "Layer Filesystem Changeset"; Linux, Documentation/filesystems/overlayfs).
//!
//! Each layer is a directory of its own. A directory over a directory is both together; anything
//! else hides what is below, a directory over a link, too, whose target then stays as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use distil_tree::{Entry, Kind, Metadata, Origin, Tree, TreePath};

use crate::ambiguity::{Ambiguity, AmbiguityKind};
use crate::changeset::{Change, Changeset, Node, NodeKind};
use crate::error::MergeError;

/// How many findings of one kind are remembered of an image.
const MAX_REMEMBERED: usize = 1000;

/// What a container sees.
#[derive(Debug, Default)]
pub struct Filesystem {
    /// Directories, files and links; an entry's `layer` is the one that it is from.
    pub tree: Tree,
    /// Capabilities that files carry, by their paths.
    pub capabilities: BTreeMap<TreePath, Arc<[u8]>>,
    /// Devices and FIFOs: a tree has no place for them.
    pub devices: BTreeMap<TreePath, Device>,
    /// What each layer did to those below it.
    pub layers: Vec<LayerChanges>,
    /// What engines do not agree on, with the layer that it is in.
    pub ambiguities: Vec<(usize, Ambiguity)>,
    /// Links to directories in whose place a layer has a directory of its own.
    pub replaced_links: Vec<ReplacedLink>,
}

/// A device, FIFO or socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// What it is, in a word.
    pub word: &'static str,
    /// Its owner and mode.
    pub meta: Metadata,
    /// The layer that it is from.
    pub layer: usize,
}

/// What a layer did to those below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerChanges {
    /// What was not there before.
    pub added: Amount,
    /// What was there, and is another file now. The bytes are those of the old file, which is in the
    /// image all the same.
    pub replaced: Amount,
    /// What was there, and is gone. The bytes are in the image all the same.
    pub hidden: Amount,
}

/// Files, links and directories, with the bytes of the files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub entries: u64,
    /// Bytes of the files among them.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// A link to a directory that a layer put a directory in the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedLink {
    /// Where it was.
    pub path: TreePath,
    /// The target of the link.
    pub target: Vec<u8>,
    /// The layer with the directory.
    pub layer: usize,
}

/// Puts layers on top of one another, the lowest first.
///
/// # Errors
/// If a layer cannot be applied.
pub fn merge(changesets: Vec<Changeset>) -> Result<Filesystem, MergeError> {
    let mut merging = Merging {
        filesystem: Filesystem::default(),
        origin: Origin::Generated("layer".into()),
        layer: 0,
        changes: LayerChanges::default(),
    };
    for (number, changeset) in changesets.into_iter().enumerate() {
        merging.layer = number;
        merging.changes = LayerChanges::default();
        merging.apply(changeset)?;
        merging.filesystem.layers.push(merging.changes);
    }
    Ok(merging.filesystem)
}

struct Merging {
    filesystem: Filesystem,
    origin: Origin,
    layer: usize,
    changes: LayerChanges,
}

impl Merging {
    fn apply(&mut self, mut changeset: Changeset) -> Result<(), MergeError> {
        for ambiguity in std::mem::take(&mut changeset.ambiguities) {
            if self.matters(&ambiguity) {
                self.remember(ambiguity);
            }
        }
        self.link(&mut changeset)?;
        // What holds a path comes before it.
        for (path, change) in changeset.changes {
            match change {
                Change::Whiteout => self.hide(&path),
                Change::Directory {
                    meta,
                    is_made,
                    opaque,
                } => {
                    if opaque {
                        self.hide_below(&path);
                    }
                    self.put_directory(path, meta, is_made);
                }
                Change::Node(node) => self.put(path, node),
                // [`Merging::link`] has resolved them all.
                Change::HardLink(_) => {}
            }
        }
        Ok(())
    }

    /// Whether what is doubtful by itself makes a difference over the layers below.
    fn matters(&self, ambiguity: &Ambiguity) -> bool {
        let tree = &self.filesystem.tree;
        let path = &ambiguity.path;
        match ambiguity.kind {
            AmbiguityKind::OpaqueRoot => !tree.is_empty(),
            AmbiguityKind::DirectoryAfterWhiteout => {
                tree.get(path).is_some_and(Entry::is_directory)
            }
            _ => true,
        }
    }

    fn remember(&mut self, ambiguity: Ambiguity) {
        if self.filesystem.ambiguities.len() < MAX_REMEMBERED {
            self.filesystem.ambiguities.push((self.layer, ambiguity));
        }
    }

    /// Makes hard links to what only layers below have. Overlay engines reject them; others link
    /// what is there before the layer.
    fn link(&mut self, changeset: &mut Changeset) -> Result<(), MergeError> {
        for (path, change) in changeset.changes.iter_mut() {
            let Change::HardLink(target) = change else {
                continue;
            };
            let failed = |problem| MergeError::HardLink {
                layer: self.layer + 1,
                path: path.clone(),
                target: target.clone(),
                problem,
            };
            let filesystem = &self.filesystem;
            let place = filesystem.tree.place(target);
            let place = place.map_err(|_| failed("lies behind a link that leads nowhere"))?;
            let node = match (filesystem.tree.get(&place), filesystem.devices.get(&place)) {
                (Some(entry), _) => Node {
                    kind: match &entry.kind {
                        Kind::Directory => return Err(failed("is a directory")),
                        Kind::File(file) => NodeKind::File(Arc::clone(file)),
                        Kind::Symlink(target) => NodeKind::Symlink(target.clone()),
                    },
                    meta: entry.meta,
                    capability: filesystem.capabilities.get(&place).cloned(),
                },
                (None, Some(device)) => Node {
                    kind: NodeKind::Special(device.word),
                    meta: device.meta,
                    capability: None,
                },
                (None, None) => return Err(failed("is not there")),
            };
            *change = Change::Node(node);
        }
        Ok(())
    }

    /// Takes away what is below a path.
    fn hide_below(&mut self, path: &TreePath) {
        let filesystem = &self.filesystem;
        let below = filesystem.tree.below(path).map(|(path, _)| path.clone());
        let mut gone: Vec<TreePath> = below.collect();
        // A device has no entry in the tree; nor can anything lie below it.
        let first = path.join("");
        let devices = filesystem.devices.range(first.clone()..);
        let devices =
            devices.take_while(|(device, _)| device.as_bytes().starts_with(first.as_bytes()));
        gone.extend(devices.map(|(device, _)| device.clone()));
        for path in gone {
            if let Some(bytes) = self.take(&path) {
                self.changes.hidden.add(bytes);
            }
        }
    }

    /// Takes away what is at exactly a path; how many bytes that has, if it is there.
    fn take(&mut self, path: &TreePath) -> Option<u64> {
        let filesystem = &mut self.filesystem;
        filesystem.capabilities.remove(path);
        match filesystem.tree.remove(path) {
            Some(entry) => Some(entry.file().map_or(0, |file| file.content.size())),
            None => filesystem.devices.remove(path).map(|_| 0),
        }
    }

    fn hide(&mut self, path: &TreePath) {
        self.hide_below(path);
        if let Some(bytes) = self.take(path) {
            self.changes.hidden.add(bytes);
        }
    }

    fn put_directory(&mut self, path: TreePath, meta: Option<Metadata>, is_made: bool) {
        let layer = self.layer;
        let doubt = match self.filesystem.tree.get_mut(&path) {
            Some(there) if there.is_directory() => {
                let owner = (there.meta.uid, there.meta.gid);
                if let Some(meta) = meta {
                    (there.meta, there.layer) = (meta, layer);
                } else if (there.meta.mode, owner) != (0o755, (0, 0)) && !path.is_root() {
                    let kind = AmbiguityKind::DirectoryMode;
                    self.remember(Ambiguity { path, kind });
                }
                return;
            }
            Some(there) => match &there.kind {
                Kind::Symlink(target) => {
                    let link = ReplacedLink {
                        path: path.clone(),
                        target: target.clone(),
                        layer,
                    };
                    let target = link.target.clone();
                    if self.filesystem.replaced_links.len() < MAX_REMEMBERED {
                        self.filesystem.replaced_links.push(link);
                    }
                    Some(AmbiguityKind::DirectoryOverLink { target })
                }
                _ => Some(AmbiguityKind::DirectoryOverFile),
            },
            None => {
                let device = self.filesystem.devices.get(&path);
                device.map(|_| AmbiguityKind::DirectoryOverFile)
            }
        };
        if let Some(kind) = doubt.filter(|_| is_made) {
            let path = path.clone();
            self.remember(Ambiguity { path, kind });
        }
        let meta = meta.unwrap_or_else(|| Metadata::root(0o755, 0));
        self.replace(&path, 0);
        self.insert(path, Kind::Directory, meta);
    }

    fn put(&mut self, path: TreePath, node: Node) {
        let bytes = match &node.kind {
            NodeKind::File(file) => file.content.size(),
            _ => 0,
        };
        self.hide_below(&path);
        self.replace(&path, bytes);
        if let Some(capability) = node.capability {
            let capabilities = &mut self.filesystem.capabilities;
            capabilities.insert(path.clone(), capability);
        }
        let kind = match node.kind {
            NodeKind::File(file) => Kind::File(file),
            NodeKind::Symlink(target) => Kind::Symlink(target),
            NodeKind::Special(word) => {
                let (meta, layer) = (node.meta, self.layer);
                let device = Device { word, meta, layer };
                self.filesystem.devices.insert(path, device);
                return;
            }
        };
        self.insert(path, kind, node.meta);
    }

    /// Takes away what is at a path for something of so many bytes.
    fn replace(&mut self, path: &TreePath, bytes: u64) {
        match self.take(path) {
            Some(before) => self.changes.replaced.add(before),
            None => self.changes.added.add(bytes),
        }
    }

    fn insert(&mut self, path: TreePath, kind: Kind, meta: Metadata) {
        let entry = Entry {
            kind,
            meta,
            origin: self.origin.clone(),
            layer: self.layer,
        };
        self.filesystem.tree.put(path, entry);
    }
}
