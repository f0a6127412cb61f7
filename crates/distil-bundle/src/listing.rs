//! What a directory of this machine has, by digests, and a bundle of it.
//!
//! A directory is read twice: to know whether an image is the one that was made before, and, if it
//! is not, to copy its files. A file that changed in between is an error, not a mixture.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use distil_store::{Digest, Hasher, HashingReader};
use distil_tree::folder::{FolderError, Found, FoundKind, Limits, read_selected};
use distil_tree::{Printable, TreePath, read_file};

use crate::error::{BundleError, ListingError};
use crate::rules::PathRules;
use crate::writer::{BundleWriter, leads_out};

/// Files that name what is not copied: the first that is there holds.
pub const IGNORE_FILES: [&str; 2] = [".distilignore", ".dockerignore"];

/// The largest of these files.
const MAX_IGNORE: u64 = 1 << 20;

/// What a directory of this machine has.
#[derive(Debug, Clone)]
pub struct Listing {
    place: PathBuf,
    excluded: Vec<(String, PathRules)>,
    limits: Limits,
    entries: BTreeMap<TreePath, ListedKind>,
    digest: Digest,
    size: u64,
}

/// An entry of a listing.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Its path in the directory.
    pub path: &'a TreePath,
    /// What it is.
    pub kind: &'a ListedKind,
}

/// What an entry of a listing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListedKind {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Its bytes.
        size: u64,
        /// The digest of them.
        digest: Digest,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symbolic link with its target, which stays within the directory.
    Symlink(String),
}

impl Listing {
    /// Reads the directory `place`. `excluded` are rules for what is left out, each with what is
    /// put before a path for them, such as `src/` for rules about the directory above.
    ///
    /// # Errors
    /// If something in it cannot be read or cannot be part of an image, or there is too much of it.
    pub fn of(place: &Path, excluded: Vec<(String, PathRules)>) -> Result<Self, ListingError> {
        Self::within(place, excluded, Limits::default())
    }

    /// As [`of`](Self::of), with other limits. What is left out with all that lies in it does not count.
    ///
    /// # Errors
    /// As those of [`of`](Self::of).
    pub fn within(
        place: &Path,
        excluded: Vec<(String, PathRules)>,
        limits: Limits,
    ) -> Result<Self, ListingError> {
        let mut listing = Self {
            place: place.to_owned(),
            excluded,
            limits,
            entries: BTreeMap::new(),
            digest: Digest::of([]),
            size: 0,
        };
        let mut entries = BTreeMap::new();
        let mut size = 0_u64;
        listing.visit(|found, content| {
            let (path, kind) = listing.listed(found, content)?;
            if let ListedKind::File { size: bytes, .. } = &kind {
                size += bytes;
            }
            entries.insert(path, kind);
            Ok(())
        })?;
        listing.digest = digest(&entries);
        listing.entries = entries;
        listing.size = size;
        Ok(listing)
    }

    /// The rules of the file beside a definition that says what is not copied, if there is one in
    /// `directory`.
    ///
    /// # Errors
    /// If it cannot be read or has something else than patterns.
    pub fn ignored(directory: &Path) -> Result<Option<PathRules>, ListingError> {
        for name in IGNORE_FILES {
            let path = directory.join(name);
            let failed = |problem: String| ListingError::Ignore {
                path: path.clone(),
                problem,
            };
            let bytes = match read_file(&path, MAX_IGNORE) {
                Ok(bytes) => bytes,
                Err(distil_tree::ReadFileError::Missing) => continue,
                Err(error) => return Err(failed(error.to_string())),
            };
            let text = String::from_utf8(bytes).map_err(|_| failed("is not UTF-8".to_owned()))?;
            let text = text.trim_start_matches('\u{feff}');
            let rules = PathRules::new(text.lines()).map_err(|error| failed(error.to_string()))?;
            return Ok(Some(rules));
        }
        Ok(None)
    }

    /// The digest of all that is copied: paths, contents, targets of links, and which files are
    /// executable.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes of all files.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The entries, a directory before what it holds.
    pub fn entries(&self) -> impl Iterator<Item = Listed<'_>> {
        let entries = self.entries.iter();
        entries.map(|(path, kind)| Listed { path, kind })
    }

    /// Copies the files, as they were listed, into a bundle. Gives the output back.
    ///
    /// # Errors
    /// If the directory is not what it was, or the output cannot be written.
    pub fn write<W: Write>(&self, output: W) -> Result<W, ListingError> {
        let mut writer = BundleWriter::new(output);
        let mut count = 0;
        self.visit(|found, content| {
            let changed = || self.changed(&found.path);
            let kind = self.entries.get(&found.path).ok_or_else(changed)?;
            count += 1;
            match (kind, &found.kind, content) {
                (ListedKind::Directory, FoundKind::Directory, _) => {
                    writer.directory(&found.path)?
                }
                (ListedKind::Symlink(listed), FoundKind::Symlink(target), _)
                    if listed.as_bytes() == target =>
                {
                    writer.symlink(&found.path, target)?;
                }
                (
                    ListedKind::File {
                        size,
                        digest,
                        executable,
                    },
                    FoundKind::File(now),
                    Some(content),
                ) if size == now && *executable == is_executable(&found) => {
                    let mut content = HashingReader::new(content);
                    let copied = writer.file(&found.path, *executable, *size, &mut content);
                    copied.map_err(|error| match error {
                        // It became shorter, or was taken away.
                        BundleError::Read(_) | BundleError::Entry { .. } => changed(),
                        other => other.into(),
                    })?;
                    if content.digest() != *digest {
                        return Err(changed());
                    }
                }
                _ => return Err(changed()),
            }
            Ok(())
        })?;
        match count == self.entries.len() {
            true => Ok(writer.finish()?),
            false => Err(self.changed(&TreePath::ROOT)),
        }
    }

    fn changed(&self, path: &TreePath) -> ListingError {
        ListingError::Changed {
            path: shown(path),
            place: self.place.clone(),
        }
    }

    /// Calls `visit` with everything that is not left out, but for the root.
    fn visit(
        &self,
        mut visit: impl FnMut(Found, Option<&mut dyn Read>) -> Result<(), ListingError>,
    ) -> Result<(), ListingError> {
        let select = |path: &TreePath| !self.is_excluded_whole(path);
        read_selected(&self.place, self.limits, &select, |found, content| {
            match found.path.is_root() || self.is_excluded(&found.path) {
                true => Ok(()),
                false => visit(found, content),
            }
        })
    }

    fn is_excluded(&self, path: &TreePath) -> bool {
        let text = path.as_str().unwrap_or_default();
        let mut rules = self.excluded.iter();
        rules.any(|(before, rules)| rules.matches(&format!("{before}{text}")))
    }

    /// Whether something is left out with all that may lie in it.
    fn is_excluded_whole(&self, path: &TreePath) -> bool {
        let text = path.as_str().unwrap_or_default();
        let mut rules = self.excluded.iter();
        rules.any(|(before, rules)| {
            !rules.has_exceptions() && rules.matches(&format!("{before}{text}"))
        })
    }

    fn listed(
        &self,
        found: Found,
        content: Option<&mut dyn Read>,
    ) -> Result<(TreePath, ListedKind), ListingError> {
        let path = &found.path;
        let wrong = |problem: String| ListingError::Entry {
            path: shown(path),
            place: self.place.clone(),
            problem,
        };
        if path.as_str().is_none() {
            return Err(wrong("has a name that is not UTF-8".to_owned()));
        }
        let kind = match (&found.kind, content) {
            (FoundKind::Directory, _) => ListedKind::Directory,
            (FoundKind::Symlink(target), _) => {
                let text = String::from_utf8(target.clone());
                let text = text.map_err(|_| wrong("links to a name that is not UTF-8".into()))?;
                if text.starts_with('/') || leads_out(path, &text) {
                    let target = Printable(target);
                    return Err(wrong(format!(
                        "links out of the directory, to `{target}`; leave it out by `exclude`, or \
                         copy what it leads to"
                    )));
                }
                ListedKind::Symlink(text)
            }
            (FoundKind::File(size), Some(content)) => {
                let (digest, read) = Digest::of_reader(&mut { content }).map_err(|error| {
                    // Such as that there is too much of it.
                    let inner = error.downcast::<FolderError>();
                    inner.map_or_else(
                        |error| wrong(format!("cannot be read: {error}")),
                        ListingError::from,
                    )
                })?;
                if read != *size {
                    return Err(self.changed(path));
                }
                ListedKind::File {
                    size: *size,
                    digest,
                    executable: is_executable(&found),
                }
            }
            (FoundKind::File(_), None) => return Err(wrong("cannot be read".to_owned())),
            (FoundKind::Special(word), _) => {
                return Err(wrong(format!(
                    "is a {word}, which no image can have; leave it out by `exclude`"
                )));
            }
        };
        Ok((found.path, kind))
    }
}

fn is_executable(found: &Found) -> bool {
    found.meta.mode & 0o100 != 0
}

fn shown(path: &TreePath) -> String {
    match path.is_root() {
        true => ".".to_owned(),
        false => path.to_string().trim_start_matches('/').to_owned(),
    }
}

/// A digest that no other listing has.
fn digest(entries: &BTreeMap<TreePath, ListedKind>) -> Digest {
    let mut hasher = Hasher::default();
    let mut add = |part: &[u8]| {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    for (path, kind) in entries {
        add(path.as_bytes());
        match kind {
            ListedKind::Directory => add(b"directory"),
            ListedKind::Symlink(target) => {
                add(b"symlink");
                add(target.as_bytes());
            }
            ListedKind::File {
                digest, executable, ..
            } => {
                add(if *executable { b"executable" } else { b"file" });
                add(digest.as_bytes());
            }
        }
    }
    hasher.finish()
}
