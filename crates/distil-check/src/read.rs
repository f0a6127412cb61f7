//! What a layer says: its members in order, what it hides of the layers below, and of its files
//! as much as rules look at.
//!
//! Layers are read independently of one another, several at once. Of most files only the first
//! bytes are kept; ELF files and zip archives go into an anonymous temporary file, the few
//! documents that rules read into memory. So memory depends on the number of files, and hardly on
//! their sizes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use distil_oci::Layer;
use distil_tree::folder::{self, FolderError, FoundKind};
use distil_tree::tar::{self, Member, MemberKind, ReadError};
use distil_tree::{Content, Metadata, TreePath, printable};

/// How many first bytes of a script are kept: the line of a `#!`, which the kernel reads up to 256
/// bytes of, and the two behind it, in which pip hides longer ones.
const SCRIPT_HEAD: usize = 512;

/// What is kept of other files: enough to tell formats apart.
const HEAD: usize = 8;

/// The largest document that is kept in memory.
pub(crate) const MAX_DOCUMENT: u64 = 4 << 20;

/// What an image may ask of whoever reads it, all layers together.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of layers, unpacked.
    pub unpacked: u64,
    /// Members.
    pub members: u64,
    /// Bytes of ELF files and zip archives, which are kept on disk.
    pub kept: u64,
    /// Bytes of documents, which are kept in memory.
    pub documents: u64,
}

impl Default for Limits {
    /// More than the largest images that are known have.
    fn default() -> Self {
        Self {
            unpacked: 64 << 30,
            members: 3_000_000,
            kept: 16 << 30,
            documents: 256 << 20,
        }
    }
}

/// A layer by itself.
#[derive(Debug, Default)]
pub struct Diff {
    /// What it hides of the layers below.
    pub whiteouts: Vec<TreePath>,
    /// The folders of which it hides all that the layers below have in them.
    pub opaque: Vec<TreePath>,
    /// What it has, in order.
    pub entries: Vec<(TreePath, Entry)>,
}

/// What a layer has at a path.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A folder.
    Directory(Metadata),
    /// A file, with the `security.capability` attribute where it has one.
    File(Metadata, Content, Option<Arc<[u8]>>),
    /// A symbolic link.
    Symlink(Metadata, Vec<u8>),
    /// A hard link to what is at another path.
    HardLink(TreePath),
    /// A device or FIFO, by its word.
    Special(&'static str),
}

/// Why a layer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The bytes cannot be had.
    #[error("failed to read the layer")]
    Open(#[source] io::Error),
    /// It is no archive, or one that cannot be read without doubt.
    #[error(transparent)]
    Tar(#[from] ReadError),
    /// A member has a name that leads out of the image, or cannot be.
    #[error("`{name}` in the layer {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is more than a check looks at.
    #[error("the image has more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is looked at.
        limit: u64,
    },
    /// A folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The file for what is kept cannot be written.
    #[error("failed to write a temporary file")]
    Keep(#[source] io::Error),
}

/// What is used up of limits by all layers.
#[derive(Debug, Default)]
struct Used {
    unpacked: AtomicU64,
    members: AtomicU64,
    kept: AtomicU64,
    documents: AtomicU64,
    spool: Mutex<Option<Arc<File>>>,
    /// Where the next file goes in the spool.
    end: AtomicU64,
}

impl Used {
    /// The one anonymous temporary file of all layers: with a file a layer, an image of thousands
    /// would use up what a process may have open.
    fn spool(&self) -> Result<Arc<File>, LayerError> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*spool {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(tempfile::tempfile().map_err(LayerError::Keep)?);
        *spool = Some(Arc::clone(&file));
        Ok(file)
    }
}

fn take(used: &AtomicU64, more: u64, limit: u64, what: &'static str) -> Result<(), LayerError> {
    match used.fetch_add(more, Ordering::Relaxed).saturating_add(more) > limit {
        true => Err(LayerError::Limit { what, limit }),
        false => Ok(()),
    }
}

/// Reads layers, on so many threads, in their order. An error tells the place of its layer.
///
/// # Errors
/// If one of them cannot be read; of several, the lowest one's.
pub fn read_layers(
    layers: &[Layer],
    limits: Limits,
    threads: NonZeroUsize,
) -> Result<Vec<Diff>, (usize, LayerError)> {
    let used = Used::default();
    // The one that the others are waited for with. Several at once would only take the memory.
    let largest = (0..layers.len()).max_by_key(|number| layers[*number].size());
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(usize::MAX);
    let done: Mutex<Vec<Option<Result<Diff, LayerError>>>> =
        Mutex::new(layers.iter().map(|_| None).collect());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(layer) = layers.get(number) else {
                return;
            };
            // What lies above a layer that failed does not matter any more.
            if number > failed.load(Ordering::Relaxed) {
                return;
            }
            let own = match largest == Some(number) {
                true => threads,
                false => NonZeroUsize::MIN,
            };
            let result = read_one(layer, limits, own, &used);
            if result.is_err() {
                failed.fetch_min(number, Ordering::Relaxed);
            }
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(slot) = done.get_mut(number) {
                *slot = Some(result);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.get().min(layers.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let results = done.into_iter().flatten().enumerate();
    results
        .map(|(number, result)| result.map_err(|error| (number, error)))
        .collect()
}

fn read_one(
    layer: &Layer,
    limits: Limits,
    threads: NonZeroUsize,
    used: &Used,
) -> Result<Diff, LayerError> {
    let bytes = layer.tar_on(threads, limits.unpacked);
    let bytes = bytes.map_err(LayerError::Open)?;
    read_counted(bytes, limits, used)
}

/// Reads the tar stream of one layer.
///
/// # Errors
/// If it cannot be read as a whole, or could be read in two ways.
pub fn read(tar: impl Read, limits: Limits) -> Result<Diff, LayerError> {
    read_counted(tar, limits, &Used::default())
}

fn read_counted(bytes: impl Read, limits: Limits, used: &Used) -> Result<Diff, LayerError> {
    let of_archive = tar::Limits {
        size: limits.unpacked,
        members: limits.members,
        ..tar::Limits::default()
    };
    let mut diff = Diff::default();
    let keeper = Keeper { limits, used };
    let mut members = 0;
    let bytes = io::BufReader::with_capacity(1 << 18, bytes);
    tar::Reader::new(bytes, of_archive).for_each(|member, content| {
        members += 1;
        take(&used.members, 1, limits.members, "files")?;
        let size = match member.kind {
            MemberKind::File(size) => size,
            _ => 0,
        };
        take(
            &used.unpacked,
            size.saturating_add(512),
            limits.unpacked,
            "unpacked bytes",
        )?;
        take_member(&mut diff, &keeper, member, content, members)
    })?;
    Ok(diff)
}

/// Reads a root file system in a folder, as if it were one layer.
///
/// # Errors
/// If something in it cannot be read, or there is too much.
pub fn read_folder(place: &Path, limits: Limits) -> Result<Diff, LayerError> {
    let used = Used::default();
    let keeper = Keeper {
        limits,
        used: &used,
    };
    let mut diff = Diff::default();
    let mut inodes = BTreeMap::new();
    let of_folder = folder::Limits {
        size: limits.unpacked,
        entries: limits.members,
    };
    folder::read(
        place,
        of_folder,
        |found, reader| -> Result<(), LayerError> {
            let entry = match (found.kind, reader) {
                (FoundKind::Directory, _) => Entry::Directory(found.meta),
                (FoundKind::Symlink(target), _) => Entry::Symlink(found.meta, target),
                (FoundKind::Special(word), _) => Entry::Special(word),
                (FoundKind::File(_), None) => Entry::Special("file that cannot be opened"),
                (FoundKind::File(size), Some(reader)) => {
                    let first = found.inode.and_then(|inode| inodes.get(&inode).cloned());
                    match first {
                        Some(first) => Entry::HardLink(first),
                        None => {
                            inodes.extend(found.inode.map(|inode| (inode, found.path.clone())));
                            Entry::File(
                                found.meta,
                                keeper.keep(&found.path, size, reader, 0)?,
                                None,
                            )
                        }
                    }
                }
            };
            diff.entries.push((found.path, entry));
            Ok(())
        },
    )?;
    Ok(diff)
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
    diff: &mut Diff,
    keeper: &Keeper<'_>,
    member: Member,
    content: &mut dyn Read,
    members: u64,
) -> Result<(), LayerError> {
    let place = path(&member.path, &member.path)?;
    if let Some(hidden) = place.name().and_then(|name| name.strip_prefix(b".wh.")) {
        let folder = place.parent().unwrap_or_default();
        match hidden {
            // OCI image specification, "Whiteouts".
            b".wh..opq" => diff.opaque.push(folder),
            // What AUFS keeps for itself; engines pass over it.
            _ if hidden.starts_with(b".wh.") => {}
            b"" | b"." | b".." => {
                return Err(LayerError::Name {
                    name: printable(&member.path),
                    problem: "hides no file that could be".to_owned(),
                });
            }
            _ => diff.whiteouts.push(folder.join(hidden)),
        }
        return Ok(());
    }
    if place.is_root() && member.kind != MemberKind::Directory {
        return Err(LayerError::Name {
            name: printable(&member.path),
            problem: "is the root and no folder".to_owned(),
        });
    }
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let meta = Metadata {
        mode: member.mode,
        uid: number(member.uid),
        gid: number(member.gid),
        mtime: member.mtime,
    };
    let capability = || {
        let mut xattrs = member.xattrs.iter();
        let found = xattrs.find(|(name, _)| name == "security.capability");
        found.map(|(_, value)| Arc::from(value.as_slice()))
    };
    let entry = match &member.kind {
        MemberKind::Directory => Entry::Directory(meta),
        MemberKind::File(size) => {
            let kept = keeper.keep(&place, *size, content, members)?;
            Entry::File(meta, kept, capability())
        }
        MemberKind::Symlink(target) => Entry::Symlink(meta, target.clone()),
        MemberKind::HardLink(target) => Entry::HardLink(path(target, &member.path)?),
        MemberKind::Special(word) => Entry::Special(word),
    };
    diff.entries.push((place, entry));
    Ok(())
}

/// Decides what is kept of a file, and where.
struct Keeper<'a> {
    limits: Limits,
    used: &'a Used,
}

impl Keeper<'_> {
    fn keep(
        &self,
        place: &TreePath,
        size: u64,
        content: &mut dyn Read,
        members: u64,
    ) -> Result<Content, LayerError> {
        let cut = |source| LayerError::Tar(ReadError::of_content(source, members));
        if size <= MAX_DOCUMENT && is_document(place) {
            take(
                &self.used.documents,
                size,
                self.limits.documents,
                "bytes of documents",
            )?;
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(cut)?;
            return Ok(bytes.into());
        }
        let mut head = Vec::with_capacity(HEAD);
        content
            .take(HEAD as u64)
            .read_to_end(&mut head)
            .map_err(cut)?;
        // A jar may begin with a script that starts it.
        if distil_tree::elf::is_elf(&head) || is_archive(place) {
            return self.spool(&head, size, content, members);
        }
        if head.starts_with(b"#!") {
            let more = (SCRIPT_HEAD - HEAD) as u64;
            content.take(more).read_to_end(&mut head).map_err(cut)?;
        }
        Ok(match head.len() as u64 == size {
            true => head.into(),
            false => Content::Head {
                bytes: head.into(),
                size,
            },
        })
    }

    fn spool(
        &self,
        head: &[u8],
        size: u64,
        content: &mut dyn Read,
        members: u64,
    ) -> Result<Content, LayerError> {
        take(
            &self.used.kept,
            size,
            self.limits.kept,
            "bytes of programs and libraries",
        )?;
        let file = self.used.spool()?;
        // Its place is its own, so that layers are read side by side.
        let offset = self.used.end.fetch_add(size, Ordering::Relaxed);
        file.write_all_at(head, offset).map_err(LayerError::Keep)?;
        let mut written = head.len() as u64;
        let room = usize::try_from(size).unwrap_or(usize::MAX).min(1 << 18);
        let mut buffer = vec![0; room.max(1)];
        loop {
            let count = content.read(&mut buffer);
            let count = count.map_err(|source| ReadError::of_content(source, members))?;
            if count == 0 {
                break;
            }
            written += count as u64;
            if written > size {
                let grew = io::Error::other("a file became larger while it was read");
                return Err(LayerError::Keep(grew));
            }
            file.write_all_at(&buffer[..count], offset + written - count as u64)
                .map_err(LayerError::Keep)?;
        }
        Ok(Content::Range {
            file,
            offset,
            size: written,
        })
    }
}

/// Names of jars and wheels.
pub(crate) fn is_archive(place: &TreePath) -> bool {
    let name = place.name().unwrap_or_default();
    let ends = [&b".jar"[..], b".war", b".ear", b".whl"];
    ends.iter().any(|end| name.ends_with(end))
}

/// The documents that rules read, by their names.
pub(crate) fn is_document(place: &TreePath) -> bool {
    let path = place.as_bytes();
    let name = place.name().unwrap_or_default();
    let in_dist_info = || {
        let folder = place.parent();
        folder.is_some_and(|folder| folder.as_bytes().ends_with(b".dist-info"))
    };
    match name {
        b"passwd" | b"group" => path.starts_with(b"etc/"),
        b"os-release" | b"debian_version" | b"ld.so.cache" | b"pyvenv.cfg" | b"cacerts"
        | b"node_version.h" => true,
        // The application's own; of dependencies there may be many thousands.
        b"package.json" => !place.parts().any(|part| part == b"node_modules"),
        // The JVM's own description.
        b"release" => {
            path.starts_with(b"usr/lib/jvm/")
                || path.starts_with(b"opt/")
                || path.starts_with(b"usr/local/")
        }
        b"WHEEL" | b"METADATA" => in_dist_info(),
        _ => {
            // Certificates, wherever a variable may point.
            name.ends_with(b".pem")
                || name.ends_with(b".crt")
                || (name.starts_with(b"ld-musl-") && name.ends_with(b".path"))
                || (name.ends_with(b".md5sums") && path.starts_with(b"var/lib/dpkg/"))
                || (name.ends_with(b".list") && path.starts_with(b"var/lib/dpkg/info/"))
        }
    }
}
