//! Reads layers, and root file systems in directories, into what they change.
//!
//! Layers are read independently of one another, several at once.

use std::collections::HashMap;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use distil_oci::Layer;
use distil_store::parallel;
use distil_tree::folder::{self, FoundKind};
use distil_tree::tar::{self, Member, MemberKind};
use distil_tree::{Content, Digests, Metadata, TreePath, printable};

use crate::ambiguity::AmbiguityKind;
use crate::changeset::{Changeset, Entry, FileContent};
use crate::error::LayerError;
use crate::kept::Keeper;
use crate::limits::{Budget, Limits};

/// How an image is read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What it may ask.
    pub limits: Limits,
    /// How many threads read it.
    pub threads: NonZeroUsize,
    /// Whether the digest of each file is made.
    pub digests: bool,
    /// Whether the SHA-1 of each file is made, which SPDX documents want.
    pub sha1: bool,
    /// Whether all bytes of all files are kept, on disk, so that the file system can be written
    /// somewhere.
    pub whole: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            threads: NonZeroUsize::MIN,
            digests: false,
            sha1: false,
            whole: false,
        }
    }
}

/// Reads layers, each once and in their order. An error comes with the number of its layer, the
/// lowest being 0.
///
/// # Errors
/// If one of them cannot be read; of several, the lowest one's.
pub fn read_layers(
    layers: &[Layer],
    options: Options,
) -> Result<Vec<Changeset>, (usize, LayerError)> {
    let Options { threads, .. } = options;
    let budget = Budget::new(options.limits);
    let keeper = Keeper {
        budget: &budget,
        digests: options.digests,
        sha1: options.sha1,
        whole: options.whole,
    };
    // The one that the others are waited for with. Several at once would only take the memory.
    let largest = (0..layers.len()).max_by_key(|number| layers[*number].size());
    let numbers: Vec<usize> = (0..layers.len()).collect();
    parallel::try_map(&numbers, threads, |&number| {
        let own = match largest == Some(number) {
            true => threads,
            false => NonZeroUsize::MIN,
        };
        let bytes = layers[number].tar_on(own, options.limits.unpacked);
        let result = bytes.map_err(LayerError::Open);
        let result = result.and_then(|bytes| read_counted(bytes, &keeper));
        result.map_err(|error| (number, error))
    })
}

/// Reads the tar stream of one layer.
///
/// # Errors
/// If it cannot be read as a whole, or could be read in two ways.
pub fn read(tar: impl Read, limits: Limits) -> Result<Changeset, LayerError> {
    let keeper = Keeper {
        budget: &Budget::new(limits),
        digests: false,
        sha1: false,
        whole: false,
    };
    read_counted(tar, &keeper)
}

/// Reads a tar stream as [`read_layers`] reads those of layers: the whole file system that an engine
/// exports, for instance.
///
/// # Errors
/// If it cannot be read as a whole, or could be read in two ways.
pub fn read_tar(tar: impl Read, options: Options) -> Result<Changeset, LayerError> {
    let keeper = Keeper {
        budget: &Budget::new(options.limits),
        digests: options.digests,
        sha1: options.sha1,
        whole: options.whole,
    };
    read_counted(tar, &keeper)
}

fn read_counted(bytes: impl Read, keeper: &Keeper<'_>) -> Result<Changeset, LayerError> {
    let limits = keeper.budget.limits;
    let of_archive = tar::Limits {
        size: limits.unpacked,
        members: limits.members,
        ..tar::Limits::default()
    };
    let mut changeset = Changeset::default();
    let mut members = 0;
    let bytes = io::BufReader::with_capacity(1 << 18, bytes);
    tar::Reader::new(bytes, of_archive).for_each(|member, content| {
        members += 1;
        let size = match member.kind {
            MemberKind::File(size) => size,
            _ => 0,
        };
        keeper.budget.take_unpacked(size.saturating_add(512))?;
        take_member(&mut changeset, keeper, member, content, members)
    })?;
    Ok(changeset)
}

/// Reads a root file system in a directory of this machine, as if it were one layer.
///
/// # Errors
/// If something in it cannot be read, or there is too much.
pub fn read_directory(path: &Path, options: Options) -> Result<Changeset, LayerError> {
    let budget = Budget::new(options.limits);
    let keeper = Keeper {
        budget: &budget,
        digests: options.digests,
        sha1: options.sha1,
        whole: options.whole,
    };
    let mut changeset = Changeset::default();
    let mut inodes = HashMap::new();
    let of_directory = folder::Limits {
        size: options.limits.unpacked,
        entries: options.limits.members,
    };
    folder::read(
        path,
        of_directory,
        |found, reader| -> Result<(), LayerError> {
            let entry = match (found.kind, reader) {
                (FoundKind::Directory, _) => Entry::Directory(found.meta),
                (FoundKind::Symlink(target), _) => Entry::Symlink(found.meta, target),
                (FoundKind::Special(word), _) => Entry::Special(found.meta, word),
                (FoundKind::File(_), None) => {
                    Entry::Special(found.meta, "file that cannot be opened")
                }
                (FoundKind::File(size), Some(reader)) => {
                    let first = found.inode.and_then(|inode| inodes.get(&inode).cloned());
                    match first {
                        Some(first) => Entry::HardLink(first),
                        None => {
                            inodes.extend(found.inode.map(|inode| (inode, found.path.clone())));
                            let kept = keeper.keep(&found.path, size, reader, 0)?;
                            Entry::File(found.meta, file_content(kept, None))
                        }
                    }
                }
            };
            changeset.add_counted(&found.path, entry, &budget)
        },
    )?;
    Ok(changeset)
}

fn file_content(
    (bytes, digests): (Content, Digests),
    capability: Option<Arc<[u8]>>,
) -> FileContent {
    FileContent {
        bytes,
        digests,
        capability,
    }
}

/// A path as engines take it: an absolute one begins at the image's root.
fn path(name: &[u8], what: &[u8]) -> Result<TreePath, LayerError> {
    let start = name
        .iter()
        .position(|&byte| byte != b'/')
        .unwrap_or(name.len());
    TreePath::from_archive(&name[start..]).map_err(|error| LayerError::Name {
        name: printable(what),
        problem: match what == name {
            true => error.to_string(),
            false => format!("is a link to `{}`, which {error}", printable(name)),
        },
    })
}

fn take_member(
    changeset: &mut Changeset,
    keeper: &Keeper<'_>,
    member: Member,
    content: &mut dyn Read,
    members: u64,
) -> Result<(), LayerError> {
    let refused = |problem: &str| LayerError::Name {
        name: printable(&member.path),
        problem: problem.to_owned(),
    };
    let place = path(&member.path, &member.path)?;
    if let Some(hidden) = place.name().and_then(|name| name.strip_prefix(b".wh.")) {
        let directory = place.parent().unwrap_or_default();
        return match hidden {
            // OCI image specification, "Whiteouts".
            b".wh..opq" => changeset.opaque_counted(&directory, keeper.budget),
            // What AUFS keeps for itself; engines pass over it.
            _ if hidden.starts_with(b".wh.") => Ok(()),
            b"" | b"." | b".." => Err(refused("hides no file that could be")),
            _ => changeset.whiteout_counted(&directory.join(hidden), keeper.budget),
        };
    }
    if place.is_root() && member.kind != MemberKind::Directory {
        return Err(refused("is the root and no directory"));
    }
    // Engines hand the number to chown(2), which takes 32 bits: another number may become root's.
    let number = |number: u64| {
        u32::try_from(number).map_err(|_| refused("has an owner or group above what Linux knows"))
    };
    let meta = Metadata {
        mode: member.mode,
        uid: number(member.uid)?,
        gid: number(member.gid)?,
        mtime: member.mtime,
    };
    let is_of_overlay = |(name, _): &(String, Vec<u8>)| {
        name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.")
    };
    if member.xattrs.iter().any(is_of_overlay) {
        changeset.note(&place, AmbiguityKind::OverlayAttribute);
    }
    let capability = || {
        let mut xattrs = member.xattrs.iter();
        let found = xattrs.find(|(name, _)| name == "security.capability");
        found.map(|(_, value)| Arc::from(value.as_slice()))
    };
    let entry = match &member.kind {
        MemberKind::Directory => Entry::Directory(meta),
        MemberKind::File(size) => {
            let kept = keeper.keep(&place, *size, content, members)?;
            Entry::File(meta, file_content(kept, capability()))
        }
        MemberKind::Symlink(target) => Entry::Symlink(meta, target.clone()),
        MemberKind::HardLink(target) => Entry::HardLink(path(target, &member.path)?),
        MemberKind::Special(word) => Entry::Special(meta, word),
    };
    changeset.add_counted(&place, entry, keeper.budget)
}
