//! The entries of a package, each put in its place in the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use distil_debian::deb::{EntryKind, PackageEntry, PackageFile};
use distil_lock::LockedPackage;
use distil_tree::{Digests, FileNode, Kind, Metadata, Origin, TreePath};

use super::builder::TreeBuilder;
use super::diversions::Diversions;
use super::error::AssembleError;
use super::inventory::Inventory;
use crate::base_files;
use crate::merged_usr::{folded, is_merged_directory, merged_directory};
use crate::owners::Owners;

/// A package on its way into the tree.
pub(super) struct Placing<'a> {
    /// The package.
    pub(super) package: &'a LockedPackage,
    /// What it ships.
    pub(super) file: &'a PackageFile,
    /// The numbers of its owners.
    pub(super) owners: &'a Owners,
    /// What packages move out of their way.
    pub(super) diversions: &'a Diversions,
    /// The bytes of its files so far, by the first of a file's names.
    nodes: BTreeMap<usize, Arc<FileNode>>,
}

/// Which of two packages keeps a path.
enum Replaces {
    First,
    Second,
}

impl<'a> Placing<'a> {
    /// A package of which nothing is in the tree yet.
    pub(super) fn new(
        package: &'a LockedPackage,
        file: &'a PackageFile,
        owners: &'a Owners,
        diversions: &'a Diversions,
    ) -> Self {
        Self {
            package,
            file,
            owners,
            diversions,
            nodes: BTreeMap::new(),
        }
    }

    /// Puts the directories into the tree that are wanted by their paths.
    pub(super) fn add_directories(
        &self,
        builder: &mut TreeBuilder,
        is_wanted: impl Fn(&TreePath) -> bool,
    ) -> Result<(), AssembleError> {
        for entry in &self.file.package.entries {
            if entry.kind != EntryKind::Directory {
                continue;
            }
            self.link_merged(builder, entry)?;
            let path = folded(&entry.path);
            if is_merged_directory(&path) {
                continue;
            }
            if !is_wanted(&path) {
                continue;
            }
            let meta = self.metadata(entry);
            builder.note_time(meta.mtime);
            match base_files::moved(&self.package.name, &path) {
                Some(target) => link_moved(builder, &path, &target, meta.mtime)?,
                None => {
                    builder.insert(&path, Kind::Directory, meta, self.origin())?;
                }
            }
        }
        Ok(())
    }

    /// Makes `/lib64` a link when a package ships something there.
    fn link_merged(
        &self,
        builder: &mut TreeBuilder,
        entry: &PackageEntry,
    ) -> Result<(), AssembleError> {
        let Some(merged) = merged_directory(&TreePath::of(&entry.path)) else {
            return Ok(());
        };
        let link = TreePath::of(merged);
        if builder.tree.get(&link).is_some() {
            return Ok(());
        }
        let meta = Metadata::root(0o777, entry.mtime);
        let kind = Kind::symlink(format!("usr/{merged}"));
        builder.insert(&link, kind, meta, self.origin()).map(drop)
    }

    /// The directories that hold what is taken of a package of a lower layer, as it has them.
    pub(super) fn add_directories_above(
        &self,
        builder: &mut TreeBuilder,
        taken: &[(usize, TreePath)],
    ) -> Result<(), AssembleError> {
        let needed = above(taken);
        for entry in &self.file.package.entries {
            let path = folded(&entry.path);
            if entry.kind == EntryKind::Directory && needed.contains(&path) {
                let meta = self.metadata(entry);
                builder.insert(&path, Kind::Directory, meta, self.origin())?;
            }
        }
        Ok(())
    }

    /// Puts an entry that is not a directory at a path, where it is then; none if another package's
    /// file stays there.
    pub(super) fn add(
        &mut self,
        builder: &mut TreeBuilder,
        inventory: &mut Inventory,
        index: usize,
        path: &TreePath,
    ) -> Result<Option<TreePath>, AssembleError> {
        let Some(entry) = self.file.package.entries.get(index) else {
            return Ok(None);
        };
        let kind = match &entry.kind {
            EntryKind::Symlink(target) => Kind::symlink(target),
            EntryKind::HardLink(first) => Kind::File(self.node(*first)),
            EntryKind::File { .. } => Kind::File(self.node(index)),
            EntryKind::Directory => return Ok(None),
        };
        let there = builder.tree.get(path).map(|there| &there.kind);
        if let Kind::Symlink(target) = &kind
            && is_merged_directory(path)
            && target.strip_prefix(b"/").unwrap_or(target)
                == format!("usr/{}", entry.path).as_bytes()
            && matches!(there, Some(Kind::Symlink(_)))
        {
            return Ok(None);
        }
        if !self.make_room(builder, inventory, path)? {
            return Ok(None);
        }
        let meta = self.metadata(entry);
        builder.note_time(meta.mtime);
        builder.insert(path, kind, meta, self.origin()).map(Some)
    }

    /// Whether the package's entry goes to a path: what another package has there is moved out of
    /// the way or replaced, or stays.
    fn make_room(
        &self,
        builder: &mut TreeBuilder,
        inventory: &mut Inventory,
        path: &TreePath,
    ) -> Result<bool, AssembleError> {
        let name = &self.package.name;
        let failed = |source| AssembleError::Insert {
            origin: format!("package `{name}`"),
            source,
        };
        let placed = builder.tree.place(path).map_err(failed)?;
        let Some(there) = builder.tree.get(&placed) else {
            return Ok(true);
        };
        let first = match &there.origin {
            Origin::Package(name) => name.to_string(),
            other => other.to_string(),
        };
        if first == *name {
            return Ok(true);
        }
        if let Some(to) = self.diversions.by(name, path) {
            let there = there.clone();
            let moved = builder.insert(&to, there.kind, there.meta, there.origin)?;
            inventory.move_file(&first, &placed, moved);
            return Ok(true);
        }
        match who_replaces(inventory, &first, self.package) {
            Some(Replaces::Second) => {
                inventory.disown(&first, &placed);
                Ok(true)
            }
            Some(Replaces::First) => Ok(false),
            None => Err(AssembleError::Conflict {
                path: placed,
                first,
                second: name.clone(),
            }),
        }
    }

    fn origin(&self) -> Origin {
        Origin::Package(self.package.name.as_str().into())
    }

    fn metadata(&self, entry: &PackageEntry) -> Metadata {
        Metadata {
            mode: match entry.kind {
                EntryKind::Symlink(_) => 0o777,
                _ => entry.mode,
            },
            uid: self.owners.user(&entry.user, entry.uid),
            gid: self.owners.group(&entry.group, entry.gid),
            mtime: entry.mtime,
        }
    }

    /// The bytes of a file, shared by all its names.
    fn node(&mut self, index: usize) -> Arc<FileNode> {
        let file = self.file;
        let node = || {
            let entry = file.package.entries.get(index);
            let md5 = match entry.map(|entry| &entry.kind) {
                Some(EntryKind::File { md5, .. }) => md5_bytes(md5),
                _ => None,
            };
            let content = entry.and_then(|entry| file.content(entry));
            let digests = Digests {
                md5,
                ..Digests::default()
            };
            let content = content.unwrap_or_else(|| Vec::new().into());
            Arc::new(FileNode::new(content, digests))
        };
        self.nodes.entry(index).or_insert_with(node).clone()
    }
}

/// Makes the link of a directory that has moved, and the directory that it leads to.
fn link_moved(
    builder: &mut TreeBuilder,
    path: &TreePath,
    target: &TreePath,
    mtime: i64,
) -> Result<(), AssembleError> {
    let made = Origin::Generated(base_files::MADE.into());
    if builder.tree.get(target).is_none() {
        let meta = Metadata::root(base_files::mode(target), mtime);
        builder.insert(target, Kind::Directory, meta, made.clone())?;
    }
    if builder.tree.get(path).is_none() {
        let meta = Metadata::root(0o777, mtime);
        builder.insert(path, Kind::symlink(target.to_string()), meta, made)?;
    }
    Ok(())
}

/// The directories that entries lie in, and those above.
pub(super) fn above(entries: &[(usize, TreePath)]) -> BTreeSet<TreePath> {
    TreePath::folders_above(entries.iter().map(|(_, path)| path))
}

/// Which of two packages takes over files of the other (Debian Policy §7.6.1).
fn who_replaces(inventory: &Inventory, first: &str, second: &LockedPackage) -> Option<Replaces> {
    let first = &inventory.find(first)?.locked;
    let replaces = |one: &LockedPackage, other: &LockedPackage| {
        let mut relations = one.relations.replaces.iter().flat_map(|any| any.iter());
        relations.any(|relation| relation.name == other.name && relation.admits(&other.version))
    };
    if replaces(second, first) {
        return Some(Replaces::Second);
    }
    replaces(first, second).then_some(Replaces::First)
}

fn md5_bytes(hex: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    (hex.len() == 32).then_some(bytes)
}
