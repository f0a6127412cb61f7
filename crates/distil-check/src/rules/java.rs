//! Whether Java's classes are for the image's Java.

use std::io::{Cursor, Read, Seek};

use distil_tree::class_file::{self, highest, is_for, version};
use distil_tree::{Content, Kind, TreePath};

use crate::context::{Context, shown};
use crate::finding::Finding;
use crate::rule::{JAR, JAVA_CLASS, NOT_EXAMINED};
use crate::severity::Severity;
use distil_inspect::is_archive;
use distil_inspect::runtime;
use distil_inspect::{ZipArchive, ZipError};

/// How many classes of an image are looked at.
const MAX_CLASSES: usize = 500_000;

/// The largest jar in a jar that is unpacked, in memory; what is stored as it is has no limit.
const MAX_INNER: u64 = 64 << 20;

/// How deep archives lie in one another: jars in a web application in an enterprise one.
const MAX_DEPTH: usize = 4;

/// How many bytes of such jars are unpacked in all.
const MAX_UNPACKED: u64 = 1 << 30;

/// How many bytes of lists of archives in others are read in all.
const MAX_LISTS: u64 = 1 << 30;

/// What looking for a list costs at least: it is searched for in the end of the archive.
const MIN_LIST: u64 = 64 << 10;

/// What is left to be looked at.
struct Budget {
    classes: usize,
    unpacked: u64,
    /// Bytes of lists of archives that lie in others: entries may overlap, so that a small file has
    /// any number of them.
    lists: u64,
}

/// The classes of a jar that are too new.
#[derive(Default)]
struct Classes {
    all: usize,
    newer: usize,
    /// The highest version, and a class that has it.
    highest: Option<(u16, String)>,
    main: Option<String>,
    main_version: Option<u16>,
}

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let java = runtime::java(context.subject.tree());
    if let Some(java) = java {
        folders(context, java, findings);
    }
    let mut budget = Budget {
        classes: MAX_CLASSES,
        unpacked: MAX_UNPACKED,
        lists: MAX_LISTS,
    };
    for (path, entry) in context.subject.tree().iter() {
        let Kind::File(node) = &entry.kind else {
            continue;
        };
        if !is_archive(path) || path.name().is_some_and(|name| name.ends_with(b".whl")) {
            continue;
        }
        let mut archive = match ZipArchive::new(node.content.reader()) {
            Ok(archive) => archive,
            Err(ZipError::TooMany) => {
                findings.push(
                    Finding::new(&NOT_EXAMINED, format!("`{path}` has too many entries")).at(path),
                );
                continue;
            }
            Err(error) => {
                let found = Finding::new(&JAR, format!("`{path}` is not a jar: {error}")).at(path);
                let command = context.subject.config.command();
                let is_started = command.iter().any(|word| {
                    context
                        .subject
                        .follow(word)
                        .is_some_and(|(place, _)| place == *path)
                });
                let severity = if is_started {
                    Severity::Error
                } else {
                    Severity::Warning
                };
                let message = format!("Error: Invalid or corrupt jarfile {path}");
                findings.push(found.severity(severity).says(message));
                continue;
            }
        };
        let Some(java) = java else { continue };
        let mut jar = Jar {
            path,
            java,
            budget: &mut budget,
            findings,
        };
        let done = jar.look(&mut Vec::new(), &mut archive, Some(&node.content));
        match done {
            Ok(()) => {}
            Err(ZipError::TooMany) => {
                let problem =
                    format!("`{path}`, and all jars together, have more than is looked at");
                findings.push(Finding::new(&NOT_EXAMINED, problem).at(path));
                return;
            }
            Err(error) => {
                findings.push(
                    Finding::new(&JAR, format!("`{path}` cannot be read as a whole: {error}"))
                        .at(path),
                );
            }
        }
    }
}

/// What looks at an archive and those in it.
struct Jar<'a> {
    /// The file.
    path: &'a TreePath,
    java: u32,
    budget: &'a mut Budget,
    findings: &'a mut Vec<Finding>,
}

impl Jar<'_> {
    /// Looks at an archive, which lies inside of others by these names; `content` has its bytes if
    /// they are a file's or a part of it.
    fn look<R: Read + Seek>(
        &mut self,
        inside: &mut Vec<Vec<u8>>,
        archive: &mut ZipArchive<R>,
        content: Option<&Content>,
    ) -> Result<(), ZipError> {
        if !inside.is_empty() {
            let cost = archive.list_size().max(MIN_LIST);
            self.budget.lists = self
                .budget
                .lists
                .checked_sub(cost)
                .ok_or(ZipError::TooMany)?;
        }
        self.classes(inside, archive)?;
        for entry in archive.entries().iter() {
            if !ARCHIVES.iter().any(|end| entry.name.ends_with(end)) {
                continue;
            }
            if inside.len() == MAX_DEPTH {
                return Err(ZipError::TooMany);
            }
            inside.push(entry.name.clone());
            let result = match (archive.stored(entry)?, content) {
                (Some((offset, size)), Some(content)) => {
                    let part = part(content, offset, size)?;
                    ZipArchive::new(part.reader())
                        .and_then(|mut inner| self.look(inside, &mut inner, Some(&part)))
                }
                _ => {
                    let bytes = archive.head(entry, MAX_INNER + 1)?;
                    let size = bytes.len() as u64;
                    let left = self.budget.unpacked.checked_sub(size);
                    self.budget.unpacked = left.ok_or(ZipError::TooMany)?;
                    if size > MAX_INNER {
                        return Err(ZipError::TooMany);
                    }
                    ZipArchive::new(Cursor::new(bytes))
                        .and_then(|mut inner| self.look(inside, &mut inner, None))
                }
            };
            inside.pop();
            match result {
                Err(ZipError::Damaged(what)) => {
                    let name = shown(&entry.name);
                    let problem = format!("`{name}` in `{}` is not a jar: {what}", self.path);
                    self.findings
                        .push(Finding::new(&JAR, problem).at(self.path));
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn classes<R: Read + Seek>(
        &mut self,
        inside: &[Vec<u8>],
        archive: &mut ZipArchive<R>,
    ) -> Result<(), ZipError> {
        let java = self.java;
        let mut classes = Classes::default();
        let entries = archive.entries();
        if let Some(manifest) = entries
            .iter()
            .find(|entry| entry.name == b"META-INF/MANIFEST.MF")
        {
            let text = archive.head(manifest, 64 << 10)?;
            let text = String::from_utf8_lossy(&text).into_owned();
            // Spring Boot's loader is the main class there, and the application's is this.
            let main = ["Start-Class:", "Main-Class:"]
                .into_iter()
                .find_map(|key| text.lines().find_map(|line| line.strip_prefix(key)));
            classes.main = main.map(|name| name.trim().replace('.', "/"));
        }
        for entry in entries.iter() {
            let Some(name) = entry.name.strip_suffix(b".class") else {
                continue;
            };
            if name.ends_with(b"module-info") || !is_for(name, java) {
                continue;
            }
            let left = self.budget.classes.checked_sub(1);
            self.budget.classes = left.ok_or(ZipError::TooMany)?;
            let Some(version) = version(&archive.head(entry, 8)?) else {
                continue;
            };
            classes.take(plain(name), version, java);
        }
        let place = match inside {
            [] => format!("`{}`", self.path),
            names => {
                let names: Vec<String> = names.iter().map(shown).collect();
                format!("`{}` in `{}`", names.join("!"), self.path)
            }
        };
        self.findings
            .extend(classes.finding(self.path, &place, java));
        Ok(())
    }
}

/// The endings of archives that Java looks into inside of others.
const ARCHIVES: [&[u8]; 3] = [b".jar", b".war", b".rar"];

/// A part of a file's bytes.
fn part(content: &Content, offset: u64, size: u64) -> Result<Content, ZipError> {
    let part = content.part(offset, size);
    part.ok_or(ZipError::Damaged("an entry lies outside of it"))
}

/// The name of a class without the directory that Spring Boot and servlet containers have it in.
fn plain(name: &[u8]) -> &[u8] {
    let folders: [&[u8]; 2] = [b"BOOT-INF/classes/", b"WEB-INF/classes/"];
    let mut rest = folders
        .iter()
        .filter_map(|folder| name.strip_prefix(*folder));
    rest.next().unwrap_or(name)
}

impl Classes {
    fn take(&mut self, name: &[u8], version: u16, java: u32) {
        self.all += 1;
        if self
            .main
            .as_deref()
            .is_some_and(|main| main.as_bytes() == name)
        {
            self.main_version = Some(version);
        }
        if version <= highest(java) {
            return;
        }
        self.newer += 1;
        if self
            .highest
            .as_ref()
            .is_none_or(|(known, _)| version > *known)
        {
            self.highest = Some((version, shown(name)));
        }
    }

    /// What there is to say of the classes at a place.
    fn finding(&self, path: &TreePath, place: &str, java: u32) -> Option<Finding> {
        let highest = highest(java);
        let (version, class) = self.highest.clone()?;
        let main = self.main_version.filter(|version| *version > highest);
        let severity = match main.is_some() || self.newer * 2 > self.all {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let (version, class) = match (&self.main, main) {
            (Some(name), Some(version)) => (version, shown(name)),
            _ => (version, class),
        };
        let problem = format!(
            "{} of {} classes in {place} are for Java {}, and the image has Java {java}",
            self.newer,
            self.all,
            class_file::java(version)
        );
        let message = format!(
            "java.lang.UnsupportedClassVersionError: {class} has been compiled by a more recent version of the Java Runtime (class file version {version}.0), this version of the Java Runtime only recognizes class file versions up to {highest}.0"
        );
        let found = Finding::new(&JAVA_CLASS, problem).at(path);
        Some(found.severity(severity).says(message))
    }
}

/// Classes in directories, as jib and Gradle put them into images: one finding for all of them.
fn folders(context: &Context<'_>, java: u32, findings: &mut Vec<Finding>) {
    let mut classes = Classes {
        main: main_of(context),
        ..Classes::default()
    };
    let mut first = None;
    for (path, entry) in context.subject.tree().iter() {
        let Some(name) = path.as_bytes().strip_suffix(b".class") else {
            continue;
        };
        if name.ends_with(b"/module-info") {
            continue;
        }
        let head = entry.file().and_then(|file| file.content.head(8).ok());
        let Some(version) = head.and_then(|head| version(&head)) else {
            continue;
        };
        // By its path alone nobody knows where the name of a class begins.
        let name = match &classes.main {
            Some(main) if name.ends_with(&[b"/", main.as_bytes()].concat()) => {
                main.clone().into_bytes()
            }
            _ => path
                .name()
                .unwrap_or_default()
                .strip_suffix(b".class")
                .unwrap_or(name)
                .to_vec(),
        };
        if version > highest(java)
            && (first.is_none()
                || classes
                    .main
                    .as_deref()
                    .is_some_and(|main| main.as_bytes() == name))
        {
            first = Some(path);
        }
        classes.take(&name, version, java);
    }
    if let Some(path) = first {
        findings.extend(classes.finding(path, "directories", java));
    }
}

/// The main class of `java -cp … com.example.Main`.
fn main_of(context: &Context<'_>) -> Option<String> {
    let command = context.subject.config.command();
    let mut words = command.iter().skip(1);
    while let Some(word) = words.next() {
        match *word {
            "-jar" => return None,
            "-cp" | "-classpath" | "--class-path" => drop(words.next()),
            word if word.starts_with('-') || word.starts_with('@') => {}
            word => return Some(word.replace('.', "/")),
        }
    }
    None
}
