//! Writing a bundle: entries are checked as they come, whatever they are from.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use distil_tree::{Printable, TreePath};

use crate::bundle::{BundleEntry, EntryKind, MAGIC, Ownership};
use crate::error::BundleError;

/// The most entries of a bundle, directories that have none of their own among them.
const MAX_ENTRIES: u64 = 1_000_000;

/// The most bytes of paths of a bundle, which are kept in memory.
const MAX_NAMES: u64 = 128 << 20;

/// Writes the bytes of files to an output, and their entries behind them.
pub struct BundleWriter<W> {
    output: W,
    written: u64,
    names: u64,
    entries: Vec<BundleEntry>,
    indexes: HashMap<TreePath, usize>,
}

impl<W: Write> BundleWriter<W> {
    /// A bundle of nothing yet.
    pub fn new(output: W) -> Self {
        Self {
            output,
            written: 0,
            names: 0,
            entries: Vec::new(),
            indexes: HashMap::new(),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a directory; one that is there already stays as it is, and so does the root.
    ///
    /// # Errors
    /// If something else has its path, or the path lies behind a link or a file.
    pub fn directory(&mut self, path: &TreePath) -> Result<(), BundleError> {
        if path.is_root() || self.is_directory(path) {
            return Ok(());
        }
        self.add(path, EntryKind::Directory)
    }

    /// Adds a file with the bytes of `content`, of which there must be `size`.
    ///
    /// # Errors
    /// As [`BundleWriter::directory`]; if there are more or fewer bytes, or they cannot be read or
    /// written.
    pub fn file(
        &mut self,
        path: &TreePath,
        executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), BundleError> {
        self.check(path)?;
        let kind = self.content(path, executable, size, content)?;
        self.add(path, kind)
    }

    /// Adds the only file, which has no path: whoever places the bundle says where it goes.
    ///
    /// # Errors
    /// As [`BundleWriter::file`]; if there is something already.
    pub fn sole_file(
        &mut self,
        executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), BundleError> {
        let path = TreePath::ROOT;
        if !self.is_empty() {
            return Err(entry_error(&path, "is not alone"));
        }
        let kind = self.content(&path, executable, size, content)?;
        self.push(path, String::new(), kind)
    }

    /// Copies the bytes of a file.
    fn content(
        &mut self,
        path: &TreePath,
        executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<EntryKind, BundleError> {
        let mut copied = 0_u64;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(BundleError::Read(error)),
            };
            copied += count as u64;
            if copied > size {
                break;
            }
            let bytes = buffer.get(..count).unwrap_or_default();
            self.output.write_all(bytes).map_err(BundleError::Write)?;
        }
        if copied != size {
            return Err(entry_error(
                path,
                "does not have as many bytes as it announces",
            ));
        }
        let offset = self.written;
        self.written += size;
        Ok(EntryKind::File {
            offset,
            size,
            executable,
        })
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// As [`BundleWriter::directory`]; if the target is none.
    pub fn symlink(&mut self, path: &TreePath, target: &[u8]) -> Result<(), BundleError> {
        let text = std::str::from_utf8(target);
        let text = text.map_err(|_| entry_error(path, "links to a name that is not UTF-8"))?;
        if text.is_empty() || text.contains('\0') {
            return Err(entry_error(path, "links to nothing"));
        }
        if leads_out(path, text) {
            let problem = format!("links out of it, to `{}`", Printable(target));
            return Err(entry_error(path, &problem));
        }
        self.add(path, EntryKind::Symlink(text.to_owned()))
    }

    /// Adds a symbolic link of another image, wherever it leads there.
    ///
    /// # Errors
    /// As [`BundleWriter::directory`]; if the target is not UTF-8.
    pub fn image_symlink(&mut self, path: &TreePath, target: &[u8]) -> Result<(), BundleError> {
        let text = std::str::from_utf8(target);
        let text = text.map_err(|_| entry_error(path, "links to a name that is not UTF-8"))?;
        self.add(path, EntryKind::Symlink(text.to_owned()))
    }

    /// Says whose the last entry is.
    pub fn own(&mut self, ownership: Ownership) {
        if let Some(entry) = self.entries.last_mut() {
            entry.ownership = Some(ownership);
        }
    }

    /// Adds another name of a file that is there.
    ///
    /// # Errors
    /// As [`BundleWriter::directory`]; if there is no such file.
    pub fn hard_link(&mut self, path: &TreePath, first: &TreePath) -> Result<(), BundleError> {
        let index = self.indexes.get(first).copied();
        let is_file = |index: &usize| {
            let entry = self.entries.get(*index);
            entry.is_some_and(|entry| matches!(entry.kind, EntryKind::File { .. }))
        };
        let index = index.filter(is_file).ok_or_else(|| {
            let problem = format!("is a hard link to `{first}`, which is no file before it");
            entry_error(path, &problem)
        })?;
        self.add(path, EntryKind::HardLink(index))
    }

    /// Writes the entries, and gives the output back.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish(mut self) -> Result<W, BundleError> {
        let index = serde_json::to_vec(&self.entries);
        let index = index.map_err(|error| BundleError::Write(error.into()))?;
        let length = (index.len() as u64).to_le_bytes();
        for part in [&index[..], &length, MAGIC] {
            self.output.write_all(part).map_err(BundleError::Write)?;
        }
        Ok(self.output)
    }

    fn is_directory(&self, path: &TreePath) -> bool {
        let index = self.indexes.get(path);
        let entry = index.and_then(|index| self.entries.get(*index));
        entry.is_some_and(|entry| entry.kind == EntryKind::Directory)
    }

    /// Refuses a path that is taken, or lies behind what is no directory: through a link an
    /// archive could put its files anywhere in an image.
    fn check(&self, path: &TreePath) -> Result<(), BundleError> {
        if path.is_root() {
            return Err(entry_error(path, "is the root, and no directory"));
        }
        if self.indexes.contains_key(path) {
            return Err(entry_error(path, "is there twice"));
        }
        // What lies above the nearest directory that is known was checked with that.
        let mut above = path.parent();
        while let Some(one) = above.filter(|above| !above.is_root()) {
            if self.indexes.contains_key(&one) {
                if self.is_directory(&one) {
                    return Ok(());
                }
                let problem = format!("lies below `{one}`, which is no directory");
                return Err(entry_error(path, &problem));
            }
            above = one.parent();
        }
        Ok(())
    }

    fn add(&mut self, path: &TreePath, kind: EntryKind) -> Result<(), BundleError> {
        self.check(path)?;
        let text = path.as_str();
        let text = text.ok_or_else(|| entry_error(path, "has a name that is not UTF-8"))?;
        let text = text.to_owned();
        // What lies in a directory that has no entry of its own makes one: no file may come there.
        let mut missing = Vec::new();
        let mut above = path.parent();
        while let Some(one) = above.filter(|one| !one.is_root() && !self.indexes.contains_key(one))
        {
            above = one.parent();
            missing.push(one);
        }
        for above in missing.into_iter().rev() {
            let text = above.as_str().unwrap_or_default().to_owned();
            self.push(above, text, EntryKind::Directory)?;
        }
        self.push(path.clone(), text, kind)
    }

    fn push(&mut self, path: TreePath, text: String, kind: EntryKind) -> Result<(), BundleError> {
        self.names += text.len() as u64;
        for (count, what, limit) in [
            (self.entries.len() as u64 + 1, "entries", MAX_ENTRIES),
            (self.names, "bytes of names", MAX_NAMES),
        ] {
            if count > limit {
                return Err(BundleError::Limit { what, limit });
            }
        }
        self.indexes.insert(path, self.entries.len());
        self.entries.push(BundleEntry {
            path: text,
            kind,
            ownership: None,
        });
        Ok(())
    }
}

pub(crate) fn entry_error(path: &TreePath, problem: &str) -> BundleError {
    BundleError::Entry {
        path: path.to_string().trim_start_matches('/').to_owned(),
        problem: problem.to_owned(),
    }
}

/// Whether a relative link at `path` climbs higher than the root of the bundle. An absolute one is
/// a path of the image, as in Debian's packages.
pub(crate) fn leads_out(path: &TreePath, target: &str) -> bool {
    if target.starts_with('/') {
        return false;
    }
    let mut depth = path.parts().count().saturating_sub(1);
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}
