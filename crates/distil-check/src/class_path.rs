//! Java's class path: which of its entries are there, and whether a class is in one of them
//! (`java --help`; the manual of `java`, "Class Path").

use distil_inspect::{ZipArchive, is_archive};
use distil_tree::{Entry, TreePath};

use crate::context::Context;

/// The most archives of a class path that are looked into.
const MAX_ARCHIVES: usize = 2000;

/// The largest manifest that is read.
const MAX_MANIFEST: u64 = 64 << 10;

/// What there is of a class path.
#[derive(Debug, Default)]
pub(crate) struct ClassPath {
    /// Entries that are not in the image.
    pub(crate) missing: Vec<String>,
    /// Whether one of the others has the class that was looked for.
    pub(crate) has_class: bool,
    /// Whether that can be said at all: manifests may name more archives.
    pub(crate) is_certain: bool,
}

impl ClassPath {
    /// Looks for a class, by its name with dots, in the entries between colons.
    pub(crate) fn of(context: &Context<'_>, text: &str, class: &str) -> Self {
        let mut path = Self {
            is_certain: true,
            ..Self::default()
        };
        let file = format!("{}.class", class.replace('.', "/"));
        let mut left = MAX_ARCHIVES;
        for entry in text.split(':') {
            let (directory, is_all) = match entry.strip_suffix('*') {
                Some(directory) if directory.is_empty() || directory.ends_with('/') => {
                    (directory, true)
                }
                _ => (entry, false),
            };
            let directory = if directory.is_empty() { "." } else { directory };
            let Some((place, found)) = context.subject.follow(directory) else {
                path.missing.push(entry.to_owned());
                continue;
            };
            if is_all {
                for (archive, entry) in context.subject.tree().children(&place) {
                    if is_archive(archive) {
                        path.look(entry, &file, &mut left);
                    }
                }
            } else if found.is_directory() {
                let parts = file.split('/');
                let wanted = parts.fold(place, |path: TreePath, part| path.join(part));
                path.has_class |= context.subject.tree().follow(&wanted).is_some();
            } else {
                path.look(found, &file, &mut left);
            }
        }
        path
    }

    fn look(&mut self, entry: &Entry, class: &str, left: &mut usize) {
        let Some(rest) = left.checked_sub(1).filter(|_| !self.has_class) else {
            self.is_certain = false;
            return;
        };
        *left = rest;
        let archive = entry
            .file()
            .map(|file| ZipArchive::new(file.content.reader()));
        let Some(Ok(mut archive)) = archive else {
            self.is_certain = false;
            return;
        };
        let entries = archive.entries();
        self.has_class |= entries.iter().any(|one| one.name == class.as_bytes());
        let manifest = entries.iter().find(|one| one.name == MANIFEST.as_bytes());
        let text = manifest.and_then(|one| archive.head(one, MAX_MANIFEST).ok());
        let names_more = text.is_some_and(|text| {
            let text = String::from_utf8_lossy(&text).into_owned();
            text.lines().any(|line| line.starts_with("Class-Path:"))
        });
        self.is_certain &= !names_more;
    }
}

/// Where an archive's manifest is.
const MANIFEST: &str = "META-INF/MANIFEST.MF";

/// Whether a jar names the class that `java -jar` runs; nothing if it cannot be read.
pub(crate) fn has_main_class(entry: &Entry) -> Option<bool> {
    let mut archive = ZipArchive::new(entry.file()?.content.reader()).ok()?;
    let entries = archive.entries();
    let Some(manifest) = entries.iter().find(|one| one.name == MANIFEST.as_bytes()) else {
        return Some(false);
    };
    let text = archive.head(manifest, MAX_MANIFEST).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut lines = text.lines();
    Some(lines.any(|line| line.to_ascii_lowercase().starts_with("main-class:")))
}
