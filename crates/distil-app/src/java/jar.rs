//! A jar by its list of entries and its manifest.

use std::collections::BTreeSet;
use std::io::{Read, Seek};
use std::sync::Arc;

use distil_tree::TreePath;
use distil_tree::class_file;
use distil_tree::zip::{Archive, Entry};

use super::class_path::{self, ClassPathEntry};
use super::error::JarError;
use super::manifest::Manifest;

/// The largest jar that is read, in bytes.
pub const MAX_JAR: u64 = 4 << 30;

/// The name of the manifest.
pub(super) const MANIFEST: &str = "META-INF/MANIFEST.MF";

/// The most of a manifest, or of a list of Spring Boot's, that is read. Signed jars have megabytes of
/// digests behind the main section, which are not needed.
pub(super) const MAX_TEXT: u64 = 4 << 20;

/// The most entries of a class path.
const MAX_CLASS_PATH: usize = 10_000;

/// The most bytes of `pom.properties`.
const MAX_PROPERTIES: u64 = 64 << 10;

/// A jar whose entries have been listed.
#[derive(Debug)]
pub struct Jar<R> {
    pub(super) archive: Archive<R>,
    manifest: Option<Manifest>,
}

/// The classes of a jar, by the Java that they are for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Classes {
    /// How many that Java would load.
    pub all: usize,
    /// How many of them are for a later one.
    pub newer: usize,
    /// A class of the latest Java: the Java, and the class's name with slashes.
    pub latest: Option<(u32, String)>,
}

/// What a jar is called in repositories of Maven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinates {
    /// `groupId`.
    pub group: String,
    /// `artifactId`.
    pub artifact: String,
    /// `version`.
    pub version: String,
}

impl<R: Read + Seek> Jar<R> {
    /// Reads the list and the manifest of a jar.
    ///
    /// # Errors
    /// If it cannot be read, or its manifest is not valid.
    pub fn open(input: R) -> Result<Self, JarError> {
        let mut archive = Archive::new(input)?;
        let entries = archive.entries();
        let entry = entries.iter().find(|entry| is_manifest(&entry.name));
        let manifest = entry.map(|entry| {
            let bytes = archive.head(entry, MAX_TEXT)?;
            Manifest::parse(&bytes)
        });
        Ok(Self {
            manifest: manifest.transpose()?,
            archive,
        })
    }

    /// Checks that all entries are below the jar, can be read, and that no two classes are one: what is
    /// expected of an application's own jar.
    ///
    /// # Errors
    /// If they are not.
    pub fn check(&self) -> Result<(), JarError> {
        let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
        let entries = self.archive.entries();
        for entry in entries.iter() {
            let name = entry.name.as_slice();
            TreePath::from_archive(name).map_err(|problem| JarError::Path {
                name: name.to_vec(),
                problem,
            })?;
            let unreadable = |what| JarError::Unreadable {
                name: name.to_vec(),
                what,
            };
            if entry.is_encrypted() {
                return Err(unreadable("is encrypted"));
            }
            if !matches!(entry.method(), 0 | 8) {
                return Err(unreadable("is neither stored nor deflated"));
            }
            // Tools do write one licence twice, and the like.
            let counts = name.ends_with(b".class") || is_manifest(name);
            if counts && !seen.insert(name) {
                return Err(JarError::Twice(name.to_vec()));
            }
        }
        Ok(())
    }

    /// Its manifest.
    ///
    /// # Errors
    /// If it has none.
    pub fn manifest(&self) -> Result<&Manifest, JarError> {
        self.manifest.as_ref().ok_or(JarError::NoManifest)
    }

    /// What it needs beside it. `base` is its directory below the one that nothing may lead out of.
    ///
    /// # Errors
    /// If an entry leads out, or is not a path.
    pub fn class_path(&self, base: &TreePath) -> Result<Vec<ClassPathEntry>, JarError> {
        let entries = self.class_path_entries()?.into_iter();
        entries
            .map(|entry| ClassPathEntry::parse(entry, base))
            .collect()
    }

    /// What a library needs beside it, without what leads out: Java passes over what it does not find, and
    /// libraries name much that is not there.
    ///
    /// # Errors
    /// If there are more entries than any jar has.
    pub fn lenient_class_path(&self, base: &TreePath) -> Result<Vec<ClassPathEntry>, JarError> {
        let entries = self.class_path_entries()?.into_iter();
        Ok(entries
            .filter_map(|entry| ClassPathEntry::parse(entry, base).ok())
            .collect())
    }

    fn class_path_entries(&self) -> Result<Vec<&str>, JarError> {
        let attribute = self.manifest.as_ref();
        let attribute = attribute.and_then(|manifest| manifest.get("Class-Path"));
        let entries = class_path::entries(attribute.unwrap_or_default());
        let entries: Vec<&str> = entries.take(MAX_CLASS_PATH + 1).collect();
        if entries.len() > MAX_CLASS_PATH {
            return Err(JarError::TooMany(MAX_CLASS_PATH));
        }
        Ok(entries)
    }

    /// Whether it has a file.
    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Whether it has a class, by its name with dots.
    pub fn has_class(&self, name: &str) -> bool {
        self.has(&format!("{}.class", name.replace('.', "/")))
    }

    /// What its classes are for, of those below `directory` that a Java would load.
    ///
    /// # Errors
    /// If a class cannot be read.
    pub fn classes(&mut self, java: u32, directory: &str) -> Result<Classes, JarError> {
        // Without this, the directories of later versions are looked at by no Java (JEP 238).
        let is_multi_release = self
            .manifest
            .as_ref()
            .and_then(|manifest| manifest.get("Multi-Release"))
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let java_of_versions = if is_multi_release { java } else { 0 };
        let mut classes = Classes::default();
        for entry in self.archive.entries().iter() {
            let name = entry.name.strip_suffix(b".class");
            let name = name.and_then(|name| name.strip_prefix(directory.as_bytes()));
            let Some(name) = name else { continue };
            let is_module = name.ends_with(b"module-info");
            if is_module || !class_file::is_for(name, java_of_versions) {
                continue;
            }
            let head = self.archive.head(entry, 8)?;
            let Some(version) = class_file::version(&head) else {
                continue;
            };
            let needed = class_file::java(version);
            classes.all += 1;
            classes.newer += usize::from(needed > java);
            if classes
                .latest
                .as_ref()
                .is_none_or(|(known, _)| needed > *known)
            {
                classes.latest = Some((needed, String::from_utf8_lossy(name).into_owned()));
            }
        }
        Ok(classes)
    }

    /// What Maven wrote of it; none if it has that of no library or of several, as a jar has that was
    /// put together of others.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn coordinates(&mut self) -> Result<Option<Coordinates>, JarError> {
        let entries = self.archive.entries();
        let mut found = entries.iter().filter(|entry| {
            entry.name.starts_with(b"META-INF/maven/") && entry.name.ends_with(b"/pom.properties")
        });
        let (Some(entry), None) = (found.next(), found.next()) else {
            return Ok(None);
        };
        let bytes = self.archive.head(entry, MAX_PROPERTIES)?;
        let text = String::from_utf8_lossy(&bytes);
        let value = |key: &str| {
            let mut lines = text.lines();
            let value =
                lines.find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
            let value = value?.trim();
            // What Maven's coordinates have; nothing that would have to be escaped.
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
            let is_plain = !value.is_empty() && value.len() < 256 && value.bytes().all(is_plain);
            is_plain.then(|| value.to_owned())
        };
        let coordinates = (value("groupId"), value("artifactId"), value("version"));
        let (Some(group), Some(artifact), Some(version)) = coordinates else {
            return Ok(None);
        };
        Ok(Some(Coordinates {
            group,
            artifact,
            version,
        }))
    }

    /// An entry, by its name.
    pub(super) fn entry(&self, name: &str) -> Option<Entry> {
        let entries: Arc<[Entry]> = self.archive.entries();
        let mut entries = entries.iter();
        entries.find(|entry| entry.name == name.as_bytes()).cloned()
    }

    /// The text of an entry.
    pub(super) fn text(&mut self, entry: &Entry) -> Result<String, JarError> {
        let bytes = self.archive.head(entry, MAX_TEXT + 1)?;
        let file = || {
            String::from_utf8_lossy(&entry.name)
                .escape_debug()
                .to_string()
        };
        if bytes.len() as u64 > MAX_TEXT {
            return Err(JarError::TooLarge(format!(
                "`{}` has more than {MAX_TEXT} bytes",
                file()
            )));
        }
        String::from_utf8(bytes).map_err(|_| JarError::Index {
            file: file(),
            what: "it is not UTF-8".to_owned(),
        })
    }
}

/// Java finds the manifest whatever the case of its name.
fn is_manifest(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(MANIFEST.as_bytes())
}
