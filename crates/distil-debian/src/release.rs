//! The `Release` file of a suite: what the suite is, and the size and digest of every index.
//!
//! The format is described in the Debian wiki, "DebianRepository/Format", and its syntax in Debian
//! Policy, section 5.1. Only text whose signature was verified ([`crate::openpgp`]) should come
//! here, but nothing is taken on trust: sizes, paths and repetitions are checked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use distil_store::Digest;
use serde::{Deserialize, Serialize};

use crate::date;

/// What a `Release` file says. Times are in Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Whose archive it is: `Debian`.
    pub origin: Option<String>,
    /// `Debian`, `Debian-Security`, `Debian Backports`.
    pub label: Option<String>,
    /// The suite's name by role, which moves on: `stable`, `stable-security`.
    pub suite: Option<String>,
    /// The suite's own name, which stays: `trixie`, `trixie-security`.
    pub codename: Option<String>,
    /// The version of the release: `13.8`; only released suites have one.
    pub version: Option<String>,
    /// When the file was made.
    pub date: i64,
    /// When it ceases to be valid; the main suites of released versions have no such time.
    pub valid_until: Option<i64>,
    /// Whether each index can also be fetched by its digest, under `by-hash/SHA256/`.
    pub acquire_by_hash: bool,
    /// The architectures that have indexes, `all` perhaps among them.
    pub architectures: Vec<String>,
    /// The components by the names that paths begin with: `main`, also where the security
    /// archive's file writes `updates/main`.
    pub components: Vec<String>,
    /// Whether packages for all architectures are in every architecture's index, so that the
    /// `binary-all` index need not be read (`No-Support-for-Architecture-all: Packages`).
    pub no_support_for_architecture_all: bool,
    /// The indexes, by their path relative to the `Release` file. Each path is safe to append to a
    /// URL or a directory.
    pub files: BTreeMap<String, FileEntry>,
}

/// What a `Release` file knows of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The size in bytes.
    pub size: u64,
    /// The digest. Weaker ones that a file may have beside it are not read.
    pub sha256: Digest,
}

/// The largest index believed in: 16 GiB. The largest in Debian, an uncompressed `Contents`, has
/// less than one.
const MAX_FILE_SIZE: u64 = 16 << 30;

/// A text is not a `Release` file that can be used. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The text is not a paragraph of a control file.
    #[error("line {line}: {why}")]
    Syntax {
        /// The line.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A field occurs twice.
    #[error("line {line}: the field `{field}` is there a second time")]
    DuplicateField {
        /// The line of the second.
        line: usize,
        /// The field's name.
        field: String,
    },
    /// A time is not one.
    #[error(
        "line {line}: `{field}` is `{value}`, which is not a time such as \
         `Sat, 09 Aug 2025 10:12:34 UTC`"
    )]
    Date {
        /// The line.
        line: usize,
        /// The field's name.
        field: &'static str,
        /// What it says.
        value: String,
    },
    /// An entry of the `SHA256` field is not a digest, a size and a path.
    #[error("line {line}: `{entry}` is not a digest, a size and a path")]
    Entry {
        /// The line.
        line: usize,
        /// The entry.
        entry: String,
    },
    /// A path leads out of the suite, or would be read as something else than a path.
    #[error("line {line}: the path `{path}` is not safe")]
    UnsafePath {
        /// The line.
        line: usize,
        /// The path.
        path: String,
    },
    /// An index is larger than any.
    #[error("line {line}: `{path}` is said to have {size} bytes, more than {MAX_FILE_SIZE}")]
    TooLarge {
        /// The line.
        line: usize,
        /// The path.
        path: String,
        /// The size in bytes.
        size: u64,
    },
    /// A path is listed twice.
    #[error("line {line}: `{path}` is listed a second time")]
    DuplicateEntry {
        /// The line of the second.
        line: usize,
        /// The path.
        path: String,
    },
    /// A field is missing without which nothing can be done.
    #[error("it has no field `{field}`")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
}

/// A `Release` file is past its `Valid-Until`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the Release file of `{suite}` expired on {} ({} ago); \
     the mirror is out of date, or something keeps newer files away",
    date::format(*.valid_until),
    ago(*.now - *.valid_until)
)]
pub struct Expired {
    /// The suite by its codename, or whatever name it has.
    pub suite: String,
    /// When it expired, in Unix seconds.
    pub valid_until: i64,
    /// When this was found out, in Unix seconds.
    pub now: i64,
}

/// A `Release` file belongs to another suite than was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the mirror gave the Release file of suite `{}`, codename `{}`, instead of `{requested}`",
    suite.as_deref().unwrap_or("(none)"),
    codename.as_deref().unwrap_or("(none)")
)]
pub struct WrongSuite {
    /// What was asked for.
    pub requested: String,
    /// The file's `Suite`.
    pub suite: Option<String>,
    /// The file's `Codename`.
    pub codename: Option<String>,
}

impl Release {
    /// The same without the digests of files that are neither indexes of packages nor of their
    /// contents: a hundredth of them are.
    pub fn indexes_only(&self) -> Self {
        let is_index = |path: &str| {
            // In a flat repository it lies beside the Release.
            path.starts_with("Packages")
                || (path.contains("/binary-") && path.contains("/Packages"))
                || (format!("/{path}").contains("/Contents-") && !path.contains("-udeb-"))
        };
        let files = self.files.iter().filter(|(path, _)| is_index(path));
        Self {
            files: files.map(|(path, entry)| (path.clone(), *entry)).collect(),
            ..self.clone()
        }
    }

    /// Reads the text of a `Release` file.
    ///
    /// # Errors
    /// If it is anything else, contradicts itself, or names paths that lead elsewhere.
    pub fn parse(text: &str) -> Result<Self, ReleaseError> {
        let mut fields = Fields::default();
        let mut files = BTreeMap::new();
        let mut names = BTreeSet::new();
        let mut current = String::new();
        let mut ended = false;
        for (number, text) in (1..).zip(text.lines()) {
            let line = Line { number, text };
            if text.contains(|c: char| c.is_control() && c != '\t') {
                return Err(line.syntax("a control character"));
            }
            if text.trim_ascii().is_empty() {
                // Paragraphs are separated by empty lines, and this file has but one.
                ended = !names.is_empty();
                continue;
            }
            if ended {
                return Err(line.syntax("a second paragraph begins here"));
            }
            if text.starts_with([' ', '\t']) {
                if current.is_empty() {
                    return Err(line.syntax("a continuation line without a field"));
                }
                if current == "sha256" {
                    let (path, entry) = line.entry()?;
                    if files.insert(path.to_owned(), entry).is_some() {
                        let (line, path) = (number, path.to_owned());
                        return Err(ReleaseError::DuplicateEntry { line, path });
                    }
                }
                continue;
            }
            let (name, value) = line.field()?;
            current = name.to_ascii_lowercase();
            if !names.insert(current.clone()) {
                let (line, field) = (number, name.to_owned());
                return Err(ReleaseError::DuplicateField { line, field });
            }
            if current == "sha256" && !value.is_empty() {
                return Err(line.syntax("the entries of `SHA256` begin on the next line"));
            }
            fields.take(&current, value, line)?;
        }
        if !names.contains("sha256") {
            return Err(ReleaseError::Missing { field: "SHA256" });
        }
        fields.release(files)
    }

    /// The index at a path relative to the `Release` file, such as
    /// `main/binary-amd64/Packages.xz`.
    pub fn file(&self, path: &str) -> Option<&FileEntry> {
        self.files.get(path)
    }

    /// The name of the suite for messages: its codename if it has one.
    pub fn name(&self) -> &str {
        let name = self.codename.as_deref().or(self.suite.as_deref());
        name.unwrap_or("(unnamed)")
    }

    /// Whether the file is still valid at the time `now`.
    ///
    /// # Errors
    /// If its `Valid-Until` has passed.
    pub fn check_fresh(&self, now: SystemTime) -> Result<(), Expired> {
        let now = date::unix_seconds(now);
        match self.valid_until {
            Some(valid_until) if valid_until < now => Err(Expired {
                suite: self.name().to_owned(),
                valid_until,
                now,
            }),
            _ => Ok(()),
        }
    }

    /// Whether this is the suite that was asked for, by its `Suite` or its `Codename`: a signature
    /// alone does not tell `stable` from `oldstable`. The old name of a security suite,
    /// `buster/updates`, means `buster-security`, whose file calls itself `buster` or that.
    ///
    /// # Errors
    /// If it is another one.
    pub fn check_identity(&self, requested: &str) -> Result<(), WrongSuite> {
        let is_named = |name: &str| {
            self.suite.as_deref() == Some(name) || self.codename.as_deref() == Some(name)
        };
        let old_security = requested.strip_suffix("/updates").is_some_and(|base| {
            is_named(&format!("{base}-security"))
                || (is_named(base) && self.label.as_deref() == Some("Debian-Security"))
        });
        if is_named(requested) || old_security {
            return Ok(());
        }
        Err(WrongSuite {
            requested: requested.to_owned(),
            suite: self.suite.clone(),
            codename: self.codename.clone(),
        })
    }
}

/// The fields read so far.
#[derive(Default)]
struct Fields {
    origin: Option<String>,
    label: Option<String>,
    suite: Option<String>,
    codename: Option<String>,
    version: Option<String>,
    date: Option<i64>,
    valid_until: Option<i64>,
    acquire_by_hash: bool,
    architectures: Vec<String>,
    components: Vec<String>,
    no_support_for_architecture_all: bool,
}

impl Fields {
    /// Takes the field whose name in small letters is `name`.
    fn take(&mut self, name: &str, value: &str, line: Line<'_>) -> Result<(), ReleaseError> {
        let text = || Some(value.to_owned()).filter(|text| !text.is_empty());
        let time = |field: &'static str| {
            let parsed = date::parse(value).ok_or_else(|| ReleaseError::Date {
                line: line.number,
                field,
                value: shortened(value),
            });
            parsed.map(Some)
        };
        match name {
            "origin" => self.origin = text(),
            "label" => self.label = text(),
            "suite" => self.suite = text(),
            "codename" => self.codename = text(),
            "version" => self.version = text(),
            "date" => self.date = time("Date")?,
            "valid-until" => self.valid_until = time("Valid-Until")?,
            "acquire-by-hash" => self.acquire_by_hash = value == "yes",
            "no-support-for-architecture-all" => {
                self.no_support_for_architecture_all = value == "Packages";
            }
            "architectures" => self.architectures = words(value, |word| word),
            "components" => {
                let bare = |word| <str>::strip_prefix(word, "updates/").unwrap_or(word);
                self.components = words(value, bare);
            }
            _ => {}
        }
        Ok(())
    }

    fn release(self, files: BTreeMap<String, FileEntry>) -> Result<Release, ReleaseError> {
        Ok(Release {
            date: self.date.ok_or(ReleaseError::Missing { field: "Date" })?,
            origin: self.origin,
            label: self.label,
            suite: self.suite,
            codename: self.codename,
            version: self.version,
            valid_until: self.valid_until,
            acquire_by_hash: self.acquire_by_hash,
            architectures: self.architectures,
            components: self.components,
            no_support_for_architecture_all: self.no_support_for_architecture_all,
            files,
        })
    }
}

#[derive(Clone, Copy)]
struct Line<'a> {
    number: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn syntax(self, why: &'static str) -> ReleaseError {
        let line = self.number;
        ReleaseError::Syntax { line, why }
    }

    /// A field's name and what stands beside it.
    fn field(self) -> Result<(&'a str, &'a str), ReleaseError> {
        let parts = self.text.split_once(':');
        let (name, value) = parts.ok_or_else(|| self.syntax("neither a field nor part of one"))?;
        // Policy 5.1: printable ASCII without space and colon, not beginning with `#` or `-`.
        let valid = !name.is_empty()
            && !name.starts_with(['#', '-'])
            && name.bytes().all(|b| b.is_ascii_graphic());
        if !valid {
            return Err(self.syntax("it is not the name of a field that stands before the `:`"));
        }
        Ok((name, value.trim_ascii()))
    }

    /// An entry of the `SHA256` field.
    fn entry(self) -> Result<(&'a str, FileEntry), ReleaseError> {
        let line = self.number;
        let mut words = self.text.split_ascii_whitespace();
        let parts = (words.next(), words.next(), words.next(), words.next());
        let malformed = || ReleaseError::Entry {
            line,
            entry: shortened(self.text.trim_ascii()),
        };
        let (Some(digest), Some(size), Some(path), None) = parts else {
            return Err(malformed());
        };
        let sha256 = Digest::from_hex(digest).map_err(|_| malformed())?;
        if !size.bytes().all(|b| b.is_ascii_digit()) {
            return Err(malformed());
        }
        let size = size.parse().map_err(|_| malformed())?;
        if !is_safe(path) {
            let path = shortened(path);
            return Err(ReleaseError::UnsafePath { line, path });
        }
        if size > MAX_FILE_SIZE {
            let path = path.to_owned();
            return Err(ReleaseError::TooLarge { line, path, size });
        }
        Ok((path, FileEntry { size, sha256 }))
    }
}

/// Whether a path stays below where it is appended, be that a directory or a URL. It becomes part
/// of a URL as it stands, hence no characters that mean something there.
fn is_safe(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !br#"\?#%"<>"#.contains(&b);
    path.len() <= 1024
        && path.bytes().all(plain)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// The words of a value, each once, in order.
fn words<'a>(value: &'a str, change: impl Fn(&'a str) -> &'a str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    value
        .split_ascii_whitespace()
        .map(change)
        .filter(|word| seen.insert(*word))
        .map(str::to_owned)
        .collect()
}

/// A piece of the file for a message.
fn shortened(text: &str) -> String {
    text.chars().take(160).collect()
}

fn ago(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests;
