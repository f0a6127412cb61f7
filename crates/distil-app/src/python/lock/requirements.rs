//! `requirements.txt` with hashes, as `pip-compile --generate-hashes`, `uv pip compile` and
//! `uv export` write it (pip's documentation, "Requirements File Format" and "Secure installs").

use std::collections::BTreeSet;

use distil_store::Digest;

use super::super::environment::Environment;
use super::super::marker::Chosen;
use super::super::name::Name;
use super::super::requirement::{Requirement, RequirementSource};
use super::distribution::{Artifact, ArtifactPlace, Distribution};
use super::{LockError, Selection};
use crate::address::without_credentials;

/// The most lines with distributions.
const MAX_PACKAGES: usize = 20_000;

/// A `requirements.txt`.
#[derive(Debug, Clone)]
pub struct Requirements {
    pinned: Vec<Pinned>,
    pub(super) indexes: Vec<String>,
    /// Directories and pages that the file names as `--find-links`.
    pub(super) find_links: Vec<String>,
}

#[derive(Debug, Clone)]
struct Pinned {
    requirement: Requirement,
    hashes: BTreeSet<Digest>,
    line: usize,
}

/// Options that say nothing about which files are installed.
const HARMLESS: [&str; 9] = [
    "--require-hashes",
    "--only-binary",
    "--prefer-binary",
    "--pre",
    "--trusted-host",
    "--use-feature",
    "--no-index",
    "--no-cache-dir",
    "--no-deps",
];

impl Requirements {
    pub(super) fn parse(text: &str) -> Result<Self, LockError> {
        let mut file = Self {
            pinned: Vec::new(),
            indexes: Vec::new(),
            find_links: Vec::new(),
        };
        for (line, text) in logical_lines(text) {
            file.line(line, &text)?;
            if file.pinned.len() > MAX_PACKAGES {
                return Err(LockError::TooMany(MAX_PACKAGES));
            }
        }
        Ok(file)
    }

    fn line(&mut self, line: usize, text: &str) -> Result<(), LockError> {
        let unusable = |what: String| Err(LockError::Unusable { line, what });
        if text.starts_with('-') {
            let end = text.find([' ', '=', '\t']).unwrap_or(text.len());
            let (option, value) = text.split_at(end);
            let value = value.trim_start_matches([' ', '=', '\t']).trim();
            match option {
                "-i" | "--index-url" | "--pypi-url" => self.indexes.insert(0, value.to_owned()),
                "--extra-index-url" => self.indexes.push(value.to_owned()),
                "-f" | "--find-links" => self.find_links.push(value.to_owned()),
                "-e" | "--editable" => {
                    return unusable(format!(
                        "`{}` is an editable source tree; build a wheel of it (`python3 -m build --wheel`), or copy its code into the image",
                        without_credentials(value)
                    ));
                }
                "-r" | "--requirement" | "-c" | "--constraint" => {
                    return unusable(format!(
                        "`{option} {value}` names another file; compile both into one with hashes (`uv pip compile --generate-hashes` or `pip-compile --generate-hashes`)"
                    ));
                }
                "--no-binary" => {
                    return unusable(
                        "`--no-binary` asks for building from source; build a wheel and name its directory as `find-links`"
                            .to_owned(),
                    );
                }
                _ if HARMLESS.contains(&option) => {}
                _ => return unusable(format!("the option `{option}` is not known")),
            }
            return Ok(());
        }
        let (requirement, hashes) = split_options(text);
        let mut digests = BTreeSet::new();
        for option in hashes {
            let value = match option.strip_prefix("hash") {
                Some(value) => value.trim_start_matches([' ', '=', '\t']),
                None => return unusable(format!("the option `--{option}` is not known")),
            };
            // Others are as good, but the store knows files by this one.
            if let Some(hex) = value.strip_prefix("sha256:") {
                match Digest::from_hex(hex.trim()) {
                    Ok(digest) => digests.insert(digest),
                    Err(_) => return unusable(format!("`{value}` is not a SHA-256")),
                };
            }
        }
        let scheme = requirement.split("://").next().unwrap_or_default();
        let is_bare = requirement.contains("://") && !scheme.contains('@');
        let is_path = requirement.starts_with(['.', '/']) || requirement.starts_with("file:");
        if is_bare || is_path || requirement.starts_with("git+") {
            return unusable(format!(
                "`{}` is not a pinned distribution; name it as `NAME==VERSION --hash=sha256:…`, or `NAME @ URL --hash=sha256:…` for a wheel",
                without_credentials(requirement)
            ));
        }
        let requirement =
            Requirement::parse(requirement).map_err(|source| LockError::Line { line, source })?;
        self.pinned.push(Pinned {
            requirement,
            hashes: digests,
            line,
        });
        Ok(())
    }

    pub(super) fn select(
        &self,
        selection: &Selection,
        environment: &Environment,
    ) -> Result<Vec<Distribution>, LockError> {
        if *selection != Selection::default() {
            return Err(LockError::NoSelection);
        }
        let mut found: Vec<Distribution> = Vec::new();
        for one in &self.pinned {
            let marker = one.requirement.marker.as_ref();
            if marker.is_some_and(|marker| !marker.evaluate(environment, &Chosen::default())) {
                continue;
            }
            let distribution = one.distribution()?;
            // uv and pip-compile name an extra's line again in some versions.
            match found
                .iter_mut()
                .find(|known| known.name == distribution.name)
            {
                Some(known) if known.version != distribution.version => {
                    return Err(LockError::Twice {
                        name: distribution.name,
                        one: known.version.clone(),
                        other: distribution.version,
                    });
                }
                Some(known) => known.hashes.extend(distribution.hashes),
                None => found.push(distribution),
            }
        }
        Ok(found)
    }
}

impl Pinned {
    fn distribution(&self) -> Result<Distribution, LockError> {
        let line = self.line;
        let name: Name = self.requirement.name.clone();
        let unusable = |what: String| LockError::Unusable { line, what };
        let mut distribution = Distribution {
            name: name.clone(),
            version: String::new(),
            is_direct: true,
            wheels: Vec::new(),
            has_source: false,
            hashes: self.hashes.clone(),
            index: None,
        };
        if let RequirementSource::Url(url) = &self.requirement.source {
            let shown = without_credentials(url);
            let plain = url.split('#').next().unwrap_or_default();
            if url.starts_with("git+") || url.starts_with("file:") || !plain.ends_with(".whl") {
                return Err(LockError::Source {
                    name,
                    what: format!("`{shown}`"),
                });
            }
            let fragment = url.split_once("#sha256=").map(|(_, hex)| hex);
            let fragment = fragment.map(|hex| hex.split('&').next().unwrap_or_default());
            let listed = self.hashes.iter().next().map(Digest::hex);
            let hash = fragment.map(str::to_owned).or(listed);
            let place = ArtifactPlace::Url(plain.to_owned());
            let wheel = Artifact::new(&name, None, place, hash.as_deref(), None)?;
            distribution.version = wheel.file.split('-').nth(1).unwrap_or_default().to_owned();
            distribution.wheels.push(wheel);
            return Ok(distribution);
        }
        distribution.version = self.requirement.pinned().ok_or_else(|| {
            unusable(format!(
                "`{name}` is not pinned with `==`; write the file with `uv pip compile --generate-hashes` or `pip-compile --generate-hashes`"
            ))
        })?;
        match self.hashes.is_empty() {
            true => Err(unusable(format!(
                "`{name}` has no SHA-256, and nothing is installed without one; write the file with `uv pip compile --generate-hashes` or `pip-compile --generate-hashes`"
            ))),
            false => Ok(distribution),
        }
    }
}

/// Lines without comments, joined where one ends with a backslash, with their numbers.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, raw) in (1..).zip(text.lines()) {
        let trimmed = raw.trim_start();
        // A comment is one at the start of a line, or behind a space.
        let comment = match trimmed.starts_with('#') {
            true => Some(0),
            false => raw.find(" #").or_else(|| raw.find("\t#")),
        };
        let part = raw
            .get(..comment.unwrap_or(raw.len()))
            .unwrap_or_default()
            .trim();
        let (part, goes_on) = match part.strip_suffix('\\') {
            Some(part) => (part.trim_end(), true),
            // A comment between joined lines does not end them, as for pip.
            None => (part, comment.is_some() && part.is_empty() && open.is_some()),
        };
        let (_, line) = open.get_or_insert_with(|| (number, String::new()));
        if !part.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(part);
        }
        if !goes_on {
            lines.extend(open.take());
        }
    }
    lines.extend(open);
    lines.retain(|(_, line)| !line.is_empty());
    lines
}

/// The requirement, and the options behind it without their dashes.
fn split_options(text: &str) -> (&str, Vec<&str>) {
    let mut parts = text.split(" --").map(str::trim);
    let requirement = parts.next().unwrap_or_default();
    (requirement, parts.collect())
}
