//! A package after it was read: its control files, its entries, and their bytes end to end.
//!
//! Kept as one file of the store, so that a package is decompressed once and read in place
//! afterwards:
//!
//! ```text
//! bytes of all files, one after another
//! the index, as JSON
//! length of the index, 8 bytes, least significant first
//! "distil-1"
//! ```

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use distil_store::ReadAt;
use distil_tree::Content;
use serde::{Deserialize, Serialize};

const MAGIC: &[u8; 8] = b"distil-1";

/// The largest index that is read back: some 200 bytes an entry for a million entries.
const MAX_INDEX: u64 = 256 << 20;

/// A package that was read whole and whose digest agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// The text of its `control` file.
    pub control: String,
    /// Its other control files by name (`postinst`, `conffiles`, `triggers` …), but for
    /// `md5sums`; those that are not text are left out.
    pub control_files: BTreeMap<String, String>,
    /// What it ships, in its own order.
    pub entries: Vec<PackageEntry>,
}

/// A file, directory or link of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageEntry {
    /// Its path, relative to the root.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Permissions with the setuid, setgid and sticky bits.
    pub mode: u32,
    /// The owner's number, as the tar has it.
    pub uid: u32,
    /// The group's number, as the tar has it.
    pub gid: u32,
    /// The owner's name; empty where the tar has none.
    pub user: String,
    /// The group's name; empty where the tar has none.
    pub group: String,
    /// Modification time in seconds since 1970.
    pub mtime: i64,
}

/// What an entry of a package is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Where its bytes begin in the package's bytes.
        offset: u64,
        /// How many they are.
        size: u64,
        /// Their MD5, in hexadecimal digits.
        md5: String,
    },
    /// A symbolic link with its target.
    Symlink(String),
    /// Another name of a file that comes earlier, by that one's place in the entries.
    HardLink(usize),
}

/// A [`Package`] with its bytes.
#[derive(Debug, Clone)]
pub struct PackageFile {
    /// The package.
    pub package: Package,
    file: Arc<dyn ReadAt>,
}

impl PackageFile {
    /// Opens what [`Package::write_index`] ended, which has `size` bytes.
    ///
    /// # Errors
    /// If the file was not written so, or has another version.
    pub fn open(file: impl ReadAt + 'static, size: u64) -> io::Result<Self> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "not an unpacked package");
        let end = size.checked_sub(16).ok_or_else(damaged)?;
        let (mut length, mut magic) = ([0; 8], [0; 8]);
        file.read_exact_at(&mut length, end)?;
        file.read_exact_at(&mut magic, end + 8)?;
        let length = u64::from_le_bytes(length);
        if &magic != MAGIC || length > MAX_INDEX {
            return Err(damaged());
        }
        let content = end.checked_sub(length).ok_or_else(damaged)?;
        let mut index = vec![0; usize::try_from(length).map_err(|_| damaged())?];
        file.read_exact_at(&mut index, content)?;
        let package: Package = serde_json::from_slice(&index)?;
        let inside = |entry: &PackageEntry| match entry.kind {
            EntryKind::File { offset, size, .. } => {
                offset.checked_add(size).is_some_and(|end| end <= content)
            }
            _ => true,
        };
        if !package.entries.iter().all(inside) {
            return Err(damaged());
        }
        Ok(Self {
            package,
            file: Arc::new(file),
        })
    }

    /// The bytes of an entry, if it is a file or another name of one.
    pub fn content(&self, entry: &PackageEntry) -> Option<Content> {
        let kind = match entry.kind {
            EntryKind::HardLink(first) => &self.package.entries.get(first)?.kind,
            ref kind => kind,
        };
        match *kind {
            EntryKind::File { offset, size, .. } => {
                Some(Content::range(self.file.clone(), offset, size))
            }
            _ => None,
        }
    }
}

impl Package {
    /// Writes the index behind the bytes of the files, which `output` has already.
    pub fn write_index(&self, output: &mut impl Write) -> io::Result<()> {
        let index = serde_json::to_vec(self)?;
        output.write_all(&index)?;
        output.write_all(&(index.len() as u64).to_le_bytes())?;
        output.write_all(MAGIC)
    }
}
