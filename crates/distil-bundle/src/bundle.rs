//! A bundle after it was read: its entries, and their bytes end to end.
//!
//! Kept as one file of the store:
//!
//! ```text
//! bytes of all files, one after another
//! the entries, as JSON
//! length of the entries, 8 bytes, least significant first
//! "bundle-1"
//! ```

use std::io;
use std::sync::Arc;

use distil_store::ReadAt;
use distil_tree::Content;
use serde::{Deserialize, Serialize};

/// What the file ends with.
pub(crate) const MAGIC: &[u8; 8] = b"bundle-1";

/// The largest list of entries that is read back: some 200 bytes an entry for a million entries.
const MAX_ENTRIES: u64 = 256 << 20;

/// A file, directory or link of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleEntry {
    /// Its path, relative, without `.` and `..`; empty of a bundle that is one file.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Whose it is, if that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ownership: Option<Ownership>,
}

/// Owner, group and mode of an entry, where they are those of another image's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The number of the owner.
    pub uid: u32,
    /// The number of the group.
    pub gid: u32,
    /// The permissions.
    pub mode: u32,
}

/// What an entry of a bundle is. Owners and times of archives and directories are dropped, and of
/// modes only whether a file is executable is kept; those of other images are in the entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// The offset of its bytes in the bytes of the bundle.
        offset: u64,
        /// How many they are.
        size: u64,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symbolic link with its target.
    Symlink(String),
    /// Another name of a file that comes earlier, by the index of that one among the entries.
    HardLink(usize),
}

/// The entries of a bundle with their bytes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BundleFile {
    entries: Arc<[BundleEntry]>,
    file: Arc<dyn ReadAt>,
}

impl BundleFile {
    /// Opens what [`BundleWriter::finish`](crate::BundleWriter::finish) ended, which has `size`
    /// bytes.
    ///
    /// # Errors
    /// If the file was not written so, or has another version.
    pub fn open(file: impl ReadAt + 'static, size: u64) -> io::Result<Self> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "not a bundle");
        let end = size.checked_sub(16).ok_or_else(damaged)?;
        let (mut length, mut magic) = ([0; 8], [0; 8]);
        file.read_exact_at(&mut length, end)?;
        file.read_exact_at(&mut magic, end + 8)?;
        let length = u64::from_le_bytes(length);
        if &magic != MAGIC || length > MAX_ENTRIES {
            return Err(damaged());
        }
        let content = end.checked_sub(length).ok_or_else(damaged)?;
        let mut index = vec![0; usize::try_from(length).map_err(|_| damaged())?];
        file.read_exact_at(&mut index, content)?;
        let entries: Vec<BundleEntry> = serde_json::from_slice(&index)?;
        let inside = |entry: &BundleEntry| match entry.kind {
            EntryKind::File { offset, size, .. } => {
                offset.checked_add(size).is_some_and(|end| end <= content)
            }
            _ => true,
        };
        if !entries.iter().all(inside) {
            return Err(damaged());
        }
        Ok(Self {
            entries: entries.into(),
            file: Arc::new(file),
        })
    }

    /// A bundle that is one file: all bytes of `file`, of which there are `size`.
    pub fn of_file(file: impl ReadAt + 'static, size: u64) -> Self {
        let kind = EntryKind::File {
            offset: 0,
            size,
            executable: false,
        };
        let path = String::new();
        Self {
            entries: [BundleEntry {
                path,
                kind,
                ownership: None,
            }]
            .into(),
            file: Arc::new(file),
        }
    }

    /// The entries, in the order in which they were written.
    pub fn entries(&self) -> &[BundleEntry] {
        &self.entries
    }

    /// The bytes of an entry and whether it is executable, if it is a file or another name of one.
    pub fn content(&self, entry: &BundleEntry) -> Option<(Content, bool)> {
        let kind = match entry.kind {
            EntryKind::HardLink(first) => &self.entries.get(first)?.kind,
            ref kind => kind,
        };
        match *kind {
            EntryKind::File {
                offset,
                size,
                executable,
            } => {
                let file = Arc::clone(&self.file);
                Some((Content::range(file, offset, size), executable))
            }
            _ => None,
        }
    }
}
