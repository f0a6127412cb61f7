//! From a text to a [`LockFile`], with messages that show the line.

use std::collections::BTreeSet;

use distil_debian::relation::Relation;
use distil_debian::solve::Reason;
use distil_debian::suite::Suite;
use distil_definition::{Architecture, Pointer, locate, read_yaml};
use distil_oci::Platform;

use super::format::{Codec, LockFile, PackageLock, PlatformLock, SCHEMA_VERSION, VariantName};
use super::lines::END;
use crate::lock::LOCAL;

/// The largest lock that is read, in bytes. One of python3 with its `dev` has some 200 kB a platform.
pub const MAX_LOCK: u64 = 16 << 20;

/// A lock cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLock {
    /// A newer distil wrote it.
    #[error("`{origin}` has format {version}, and this distil reads up to format {SCHEMA_VERSION}")]
    Newer {
        /// The file.
        origin: String,
        /// Its format.
        version: u64,
    },
    /// Somebody merged two of them, and did not finish.
    #[error("`{origin}` has a merge conflict in it\n --> {origin}:{line}\n  | {marker}")]
    Conflict {
        /// The file.
        origin: String,
        /// The line of the first marker.
        line: usize,
        /// The marker.
        marker: String,
    },
    /// It lacks its end: a copy of it failed half-way, or its last lines were removed.
    #[error("`{origin}` is cut off: its last line is not `{END}`")]
    Cut {
        /// The file.
        origin: String,
    },
    /// It is not a lock, or was edited.
    #[error("`{origin}` is not a valid lock\n{problem}")]
    Invalid {
        /// The file.
        origin: String,
        /// What is wrong, with the line.
        problem: String,
    },
}

/// The JSON Schema of the file, for editors and other tools.
pub fn schema() -> String {
    let schema = schemars::schema_for!(LockFile);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

impl LockFile {
    /// Reads a lock. `origin` is the name of its file.
    ///
    /// # Errors
    /// If it is not exactly what [`LockFile::to_text`] writes, of a format that is known.
    pub fn read(text: &str, origin: &str) -> Result<Self, InvalidLock> {
        // As version control may check it out.
        let text = text.replace("\r\n", "\n");
        if let Some((line, marker)) = conflict(&text) {
            return Err(InvalidLock::Conflict {
                origin: origin.to_owned(),
                line,
                marker,
            });
        }
        if let Some(version) = schema_version(&text).filter(|one| *one > SCHEMA_VERSION.into()) {
            return Err(InvalidLock::Newer {
                origin: origin.to_owned(),
                version,
            });
        }
        // Half of a list of packages is a list, too.
        if schema_version(&text).is_some() && text.lines().next_back() != Some(END) {
            return Err(InvalidLock::Cut {
                origin: origin.to_owned(),
            });
        }
        let invalid = |problem: String| InvalidLock::Invalid {
            origin: origin.to_owned(),
            problem,
        };
        let file: Self = read_yaml(&text, origin, "the lock").map_err(invalid)?;
        file.check().map_err(|Wrong { at, problem }| {
            let excerpt = locate(&text, origin, at.steps());
            invalid(excerpt.map_or(problem.clone(), |excerpt| format!("{problem}\n{excerpt}")))
        })?;
        match difference(&text, &file.to_text()) {
            None => Ok(file),
            Some(Difference {
                line,
                found,
                expected,
            }) => Err(invalid(format!(
                "line {line} is not as `distil lock` writes it\n --> {origin}:{line}\n  | {found}\n  \
                 = it would write `{}`",
                expected.trim()
            ))),
        }
    }

    /// Checks what the types of the format do not.
    fn check(&self) -> Result<(), Wrong> {
        if self.schema_version != SCHEMA_VERSION {
            let problem = format!("`schema_version` must be {SCHEMA_VERSION}");
            return Err(wrong(Pointer::to("schema_version"), problem));
        }
        Suite::named(&self.suite)
            .map_err(|error| wrong(Pointer::to("suite"), error.to_string()))?;
        let most = match self.formats.compression {
            Codec::None => 0,
            Codec::Gzip => 12,
            Codec::Zstd => 22,
        };
        if self.formats.level > most {
            let codec = self.formats.compression.as_str();
            let problem = format!("the levels of {codec} end at {most}");
            return Err(wrong(Pointer::to("formats").key("level"), problem));
        }
        for (key, is_empty) in [
            ("definitions", self.definitions.is_empty()),
            ("archives", self.archives.is_empty()),
            ("platforms", self.platforms.is_empty()),
        ] {
            if is_empty {
                return Err(wrong(Pointer::to(key), format!("`{key}` is empty")));
            }
        }
        let archives = Pointer::to("archives");
        let mut suites = BTreeSet::new();
        for (number, one) in self.archives.iter().enumerate() {
            if !suites.insert(one.suite.as_str()) {
                let at = archives.index(number).key("suite");
                return Err(wrong(at, format!("`{}` is there twice", one.suite)));
            }
        }
        let mut last: Option<&str> = None;
        for (number, one) in self.platforms.iter().enumerate() {
            let at = Pointer::to("platforms").index(number);
            if last.is_some_and(|last| last >= one.platform.as_str()) {
                let problem = "the platforms are not sorted, or one is there twice";
                return Err(wrong(at.key("platform"), problem.to_owned()));
            }
            last = Some(&one.platform);
            check_platform(one, &suites, &at)?;
        }
        Ok(())
    }
}

/// What is wrong, and where.
struct Wrong {
    at: Pointer,
    problem: String,
}

fn wrong(at: Pointer, problem: String) -> Wrong {
    Wrong { at, problem }
}

fn check_platform(
    platform: &PlatformLock,
    suites: &BTreeSet<&str>,
    at: &Pointer,
) -> Result<(), Wrong> {
    let parsed = platform.platform.parse::<Platform>();
    let parsed = parsed.map_err(|error| error.to_string());
    let architecture =
        parsed.and_then(|platform| Architecture::of(&platform).map_err(|error| error.to_string()));
    let architecture = architecture.map_err(|error| wrong(at.key("platform"), error))?;
    let is_sorted = platform.variants.is_sorted_by(|a, b| a < b);
    if !is_sorted || platform.variants.first() != Some(&VariantName::Latest) {
        let problem =
            "`variants` are `latest`, `debug`, `dev`, in this order; `latest` must be there";
        return Err(wrong(at.key("variants"), problem.to_owned()));
    }
    let names: BTreeSet<&str> = platform
        .packages
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let known = Known {
        architecture: architecture.debian(),
        suites,
        names: &names,
    };
    let mut last: Option<&str> = None;
    for (number, one) in platform.packages.iter().enumerate() {
        let at = at.key("packages").index(number);
        if last.is_some_and(|last| last >= one.name.as_str()) {
            let problem = format!(
                "`{}` is not sorted by its name, or is there twice",
                one.name
            );
            return Err(wrong(at.key("name"), problem));
        }
        last = Some(&one.name);
        check_package(one, &known, &at)?;
    }
    Ok(())
}

/// What a package may name.
struct Known<'a> {
    architecture: &'a str,
    suites: &'a BTreeSet<&'a str>,
    names: &'a BTreeSet<&'a str>,
}

fn check_package(package: &PackageLock, known: &Known<'_>, at: &Pointer) -> Result<(), Wrong> {
    for (key, name) in [("name", &package.name), ("source", &package.source)] {
        Relation::to_any_version(name).map_err(|error| wrong(at.key(key), error.to_string()))?;
    }
    if package.architecture != "all" && package.architecture != known.architecture {
        let problem = format!(
            "the platform's packages are for `{}` or `all`",
            known.architecture
        );
        return Err(wrong(at.key("architecture"), problem));
    }
    if package.suite != LOCAL && !known.suites.contains(package.suite.as_str()) {
        let problem = format!("`archives` has no suite `{}`", package.suite);
        return Err(wrong(at.key("suite"), problem));
    }
    if !is_plain_path(&package.path) {
        let problem = "the path of a package is relative, and has no `.` or `..` in it";
        return Err(wrong(at.key("path"), problem.to_owned()));
    }
    let is_without_reason = match package.layer {
        Some(_) => package.reasons.is_empty(),
        None => package.dev.is_empty() || !package.reasons.is_empty(),
    };
    if is_without_reason {
        let problem = format!(
            "`{}` needs a `layer` and `reasons`, or is in `dev` alone and has reasons for that",
            package.name
        );
        return Err(wrong(at.key("name"), problem));
    }
    for (key, reasons) in [("reasons", &package.reasons), ("dev", &package.dev)] {
        if !reasons.is_sorted_by(|a, b| a < b) {
            let problem = "reasons are sorted, and each is there once".to_owned();
            return Err(wrong(at.key(key), problem));
        }
        for (number, reason) in reasons.iter().enumerate() {
            if let Reason::DependsOn { by, .. } = &reason.0
                && !known.names.contains(by.as_str())
            {
                let problem = format!("`{by}` is not among the packages");
                return Err(wrong(at.key(key).index(number), problem));
            }
        }
    }
    Ok(())
}

/// Whether a path can be put behind the root of a mirror.
fn is_plain_path(path: &str) -> bool {
    let is_harmless = |c: char| c.is_ascii_graphic() && c != '\\';
    path.chars().all(is_harmless)
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
}

/// The first marker of an unfinished merge, as git, Mercurial and diff3 write them.
fn conflict(text: &str) -> Option<(usize, String)> {
    let is_marker = |line: &str| {
        ["<<<<<<<", ">>>>>>>", "|||||||"]
            .iter()
            .any(|marker| line.starts_with(marker))
    };
    let mut lines = text.lines().enumerate();
    let (number, line) = lines.find(|(_, line)| is_marker(line))?;
    Some((number + 1, line.chars().take(100).collect()))
}

/// The version of the format that a text claims to have.
fn schema_version(text: &str) -> Option<u64> {
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix("schema_version:"));
    values.next()?.trim().parse().ok()
}

/// The first line in which two texts differ.
struct Difference {
    line: usize,
    found: String,
    expected: String,
}

fn difference(found: &str, expected: &str) -> Option<Difference> {
    if found == expected {
        return None;
    }
    let mut lines = (found.split('\n'), expected.split('\n'));
    for line in 1.. {
        let (found, expected) = (lines.0.next(), lines.1.next());
        if found != expected || found.is_none() {
            let shown = |text: Option<&str>| text.unwrap_or("").chars().take(200).collect();
            return Some(Difference {
                line,
                found: shown(found),
                expected: shown(expected),
            });
        }
    }
    None
}
