//! Whether Java's classes are for the image's Java.

use std::io::{Cursor, Read, Seek};

use distil_tree::{Content, Kind, TreePath};

use super::{Context, shown};
use crate::finding::{Finding, Severity};
use crate::read::is_archive;
use crate::rule::{JAR, JAVA_CLASS, NOT_EXAMINED};
use crate::runtime;
use crate::zip::{Archive, ZipError};

/// How many classes of an image are looked at.
const MAX_CLASSES: usize = 500_000;

/// The largest jar in a jar that is unpacked, in memory; what is stored as it is has no limit.
const MAX_INNER: u64 = 64 << 20;

/// How many bytes of such jars are unpacked in all.
const MAX_UNPACKED: u64 = 1 << 30;

/// What is left to be looked at.
struct Budget {
    classes: usize,
    unpacked: u64,
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
    let mut budget = Budget {
        classes: MAX_CLASSES,
        unpacked: MAX_UNPACKED,
    };
    for (path, entry) in context.subject.tree().iter() {
        let Kind::File(node) = &entry.kind else {
            continue;
        };
        if !is_archive(path) || path.name().is_some_and(|name| name.ends_with(b".whl")) {
            continue;
        }
        let mut archive = match Archive::new(node.content.reader()) {
            Ok(archive) => archive,
            Err(ZipError::TooMany) => {
                findings.push(
                    Finding::new(&NOT_EXAMINED, format!("`{path}` has too many entries")).at(path),
                );
                continue;
            }
            Err(error) => {
                let found = Finding::new(&JAR, format!("`{path}` is no jar: {error}")).at(path);
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
        let done = jar(path, None, &mut archive, java, &mut budget, findings).and_then(|()| {
            inner(
                path,
                &node.content,
                &mut archive,
                java,
                &mut budget,
                findings,
            )
        });
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

fn jar<R: Read + Seek>(
    path: &TreePath,
    inside: Option<&[u8]>,
    archive: &mut Archive<R>,
    java: u32,
    budget: &mut Budget,
    findings: &mut Vec<Finding>,
) -> Result<(), ZipError> {
    // Java 8 has class files of version 52, and each release since one more (JVMS, 4.1).
    let highest = u16::try_from(java + 44).unwrap_or(u16::MAX);
    let mut classes = Classes::default();
    let entries = archive.entries().to_vec();
    if let Some(manifest) = entries
        .iter()
        .find(|entry| entry.name == b"META-INF/MANIFEST.MF")
    {
        let text = archive.head(manifest, 64 << 10)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let main = text
            .lines()
            .find_map(|line| line.strip_prefix("Main-Class:"));
        classes.main = main.map(|name| name.trim().replace('.', "/"));
    }
    for entry in &entries {
        let Some(name) = entry.name.strip_suffix(b".class") else {
            continue;
        };
        if name.ends_with(b"module-info") || !counts(name, java) {
            continue;
        }
        budget.classes = budget.classes.checked_sub(1).ok_or(ZipError::TooMany)?;
        let head = archive.head(entry, 8)?;
        let (Some(magic), Some(version)) = (head.get(..4), head.get(6..8)) else {
            continue;
        };
        if magic != [0xca, 0xfe, 0xba, 0xbe] {
            continue;
        }
        let version = u16::from_be_bytes([version[0], version[1]]);
        classes.all += 1;
        if classes
            .main
            .as_deref()
            .is_some_and(|main| main.as_bytes() == name)
        {
            classes.main_version = Some(version);
        }
        if version > highest {
            classes.newer += 1;
            if classes
                .highest
                .as_ref()
                .is_none_or(|(known, _)| version > *known)
            {
                classes.highest = Some((version, shown(name)));
            }
        }
    }
    let Some((version, class)) = &classes.highest else {
        return Ok(());
    };
    let main_is_newer = classes
        .main_version
        .is_some_and(|version| version > highest);
    let severity = match main_is_newer || classes.newer * 2 > classes.all {
        true => Severity::Error,
        false => Severity::Warning,
    };
    let (version, class) = match (&classes.main, classes.main_version) {
        (Some(main), Some(version)) if version > highest => (version, shown(main)),
        _ => (*version, class.clone()),
    };
    let place = match inside {
        Some(inside) => format!("`{}` in `{path}`", shown(inside)),
        None => format!("`{path}`"),
    };
    let problem = format!(
        "{} of {} classes in {place} are for Java {} or so, and the image has Java {java}",
        classes.newer,
        classes.all,
        version.saturating_sub(44)
    );
    let message = format!(
        "java.lang.UnsupportedClassVersionError: {class} has been compiled by a more recent version of the Java Runtime (class file version {version}.0), this version of the Java Runtime only recognizes class file versions up to {highest}.0"
    );
    findings.push(
        Finding::new(&JAVA_CLASS, problem.replace(" or so", ""))
            .at(path)
            .severity(severity)
            .says(message),
    );
    Ok(())
}

/// Whether a class is one that this Java looks at: `META-INF/versions/N` is for N and later.
fn counts(name: &[u8], java: u32) -> bool {
    let Some(rest) = name.strip_prefix(b"META-INF/versions/") else {
        return true;
    };
    let number = rest.split(|&byte| byte == b'/').next().unwrap_or_default();
    let number = std::str::from_utf8(number)
        .ok()
        .and_then(|text| text.parse::<u32>().ok());
    number.is_some_and(|number| number <= java)
}

/// Jars in a jar, as Spring Boot and servlet containers have them.
fn inner<R: Read + Seek>(
    path: &TreePath,
    content: &Content,
    archive: &mut Archive<R>,
    java: u32,
    budget: &mut Budget,
    findings: &mut Vec<Finding>,
) -> Result<(), ZipError> {
    for entry in archive.entries().to_vec() {
        if !entry.name.ends_with(b".jar") {
            continue;
        }
        let result = match (archive.stored(&entry)?, content) {
            (
                Some((offset, size)),
                Content::Range {
                    file,
                    offset: start,
                    size: whole,
                },
            ) => {
                if offset.checked_add(size).is_none_or(|end| end > *whole) {
                    return Err(ZipError::Damaged("an entry lies outside of it"));
                }
                let part = Content::Range {
                    file: file.clone(),
                    offset: start + offset,
                    size,
                };
                Archive::new(part.reader()).and_then(|mut archive| {
                    jar(
                        path,
                        Some(&entry.name),
                        &mut archive,
                        java,
                        budget,
                        findings,
                    )
                })
            }
            _ => {
                let bytes = archive.head(&entry, MAX_INNER + 1)?;
                let size = bytes.len() as u64;
                budget.unpacked = budget.unpacked.checked_sub(size).ok_or(ZipError::TooMany)?;
                if size > MAX_INNER {
                    return Err(ZipError::TooMany);
                }
                Archive::new(Cursor::new(bytes)).and_then(|mut archive| {
                    jar(
                        path,
                        Some(&entry.name),
                        &mut archive,
                        java,
                        budget,
                        findings,
                    )
                })
            }
        };
        match result {
            Err(ZipError::Damaged(what)) => {
                let problem = format!("`{}` in `{path}` is no jar: {what}", shown(&entry.name));
                findings.push(Finding::new(&JAR, problem).at(path));
            }
            other => other?,
        }
    }
    Ok(())
}
