//! Proof that scanners see every package of an image, and nothing that is not there.
//!
//! Each rule is what one of them needs, as its code reads (Trivy 0.59, Syft 1.18, Grype, Clair):
//!
//! - Trivy knows Debian by `/etc/debian_version`; it takes every file of `status.d` that does not
//!   end in `.md5sums` for a stanza, refuses one above 128 KiB, and ends the whole scan at a line
//!   of sums without two spaces. It follows no links, and so wants the licence where it says.
//! - Syft looks for `**/lib/dpkg/status.d/*`, wants the sums beside the stanza and the licence in
//!   `/usr/share/doc/PACKAGE/copyright`, and lists a runtime a second time whose file no sums own.
//! - Grype finds nothing without `VERSION_ID`, Clair nothing unless that is a whole number beside
//!   `ID=debian` and a codename.
//! - All of them look advisories up by source package.
//!
//! What was written is read again here as they read it, from the finished tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;

use distil_debian::distribution::Distribution;
use distil_tree::{Entry, Kind, Origin, OsRelease, Tree, TreePath};
use md5::{Digest, Md5};

use crate::assembly::{Assembly, Omission};

/// Where stanzas and sums are.
const FOLDER: &str = "var/lib/dpkg/status.d";

/// The largest stanza that Trivy reads.
const MAX_STANZA: u64 = 128 << 10;

/// The most bytes of a list of sums, or of os-release, that are read: they are made by us.
const MAX_FILE: u64 = 64 << 20;

/// Why scanners would not see what is in an image.
#[derive(Debug, thiserror::Error)]
pub enum ScannerError {
    /// Some rule is broken.
    #[error("scanners would not see the image as it is:{}", listed(violations))]
    Violations {
        /// What is wrong.
        violations: Vec<String>,
    },
    /// A file of the image cannot be read from the store.
    #[error("failed to read `{path}` of the image, to check what scanners see")]
    Read {
        /// The file.
        path: TreePath,
        /// Why.
        source: io::Error,
    },
}

fn listed(violations: &[String]) -> String {
    violations.iter().map(|one| format!("\n  {one}")).collect()
}

/// Reads an image's metadata as scanners do.
pub(crate) fn check(assembly: &Assembly, distribution: &Distribution) -> Result<(), ScannerError> {
    if assembly.packages.is_empty() {
        // Nothing to see, and no distribution that it would be of.
        return Ok(());
    }
    let mut check = Check {
        assembly,
        violations: Vec::new(),
    };
    check.distribution(distribution)?;
    check.folder();
    check.stanzas()?;
    check.sums()?;
    check.licences();
    match check.violations.is_empty() {
        true => Ok(()),
        false => Err(ScannerError::Violations {
            violations: check.violations,
        }),
    }
}

struct Check<'a> {
    assembly: &'a Assembly,
    violations: Vec<String>,
}

impl Check<'_> {
    fn wrong(&mut self, problem: impl Into<String>) {
        self.violations.push(problem.into());
    }

    /// The text of a file, links followed; none if there is none or it is not text.
    fn text(&self, path: &TreePath) -> Result<Option<String>, ScannerError> {
        let Some((path, entry)) = self.assembly.tree.follow(path) else {
            return Ok(None);
        };
        let Some(node) = entry.file() else {
            return Ok(None);
        };
        let bytes = node.content.read(MAX_FILE);
        let bytes = bytes.map_err(|source| ScannerError::Read { path, source })?;
        Ok(String::from_utf8(bytes).ok())
    }

    /// Trivy's and Clair's idea of what the image is.
    fn distribution(&mut self, distribution: &Distribution) -> Result<(), ScannerError> {
        let version = TreePath::of(distribution.marker);
        let release = TreePath::of("etc/os-release");
        let tree = &self.assembly.tree;
        if tree.get(&version).is_none() && tree.get(&release).is_none() {
            // A definition that stands on nothing has chosen to be of no distribution.
            return Ok(());
        }
        // Trivy reads the files of layers one by one, and so follows no link.
        let is_file = |entry: &Entry| entry.file().is_some();
        if !self.assembly.tree.get(&version).is_some_and(is_file) {
            let (marker, name) = (distribution.marker, distribution.name);
            self.wrong(format!(
                "`/{marker}` is missing, by which Trivy knows {name}; package `base-files` has it"
            ));
        }
        let Some(text) = self.text(&release)? else {
            self.wrong("`/etc/os-release` is missing, which names the distribution; package `base-files` has it");
            return Ok(());
        };
        let release = OsRelease::parse(text.as_bytes());
        let [id, version, codename] =
            [release.id(), release.version_id(), release.codename()].map(Option::unwrap_or_default);
        // Debian's are whole numbers, and Ubuntu's a year and a month.
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if id != distribution.id {
            self.wrong(format!(
                "`ID` of `/etc/os-release` is `{id}` instead of `{}`",
                distribution.id
            ));
        }
        if !version.split('.').all(is_number) {
            self.wrong(format!(
                "`VERSION_ID` of `/etc/os-release` is `{version}` instead of a number"
            ));
        }
        if codename.is_empty() {
            self.wrong("`/etc/os-release` has no `VERSION_CODENAME`");
        }
        Ok(())
    }

    /// What is in the directory: a stanza and sums a package, and nothing else, there or in another
    /// directory of that name.
    fn folder(&mut self) {
        let folder = TreePath::of(FOLDER);
        let mut expected = BTreeSet::new();
        for package in &self.assembly.packages {
            let name = &package.locked.name;
            expected.insert(folder.join(name));
            expected.insert(folder.join(format!("{name}.md5sums")));
        }
        let mut wrong = Vec::new();
        for (path, entry) in self.assembly.tree.iter() {
            let is_metadata = is_in_status_folder(path);
            if is_metadata && !(expected.remove(path) && entry.file().is_some()) {
                wrong.push(format!(
                    "`{path}` would be taken for a package's metadata, and is from {}",
                    entry.origin
                ));
            }
        }
        wrong.extend(expected.iter().map(|path| format!("`{path}` is missing")));
        self.violations.append(&mut wrong);
    }

    /// One stanza a package, with what advisories are looked up by.
    fn stanzas(&mut self) -> Result<(), ScannerError> {
        for package in &self.assembly.packages {
            let binary = &package.locked;
            let path = TreePath::of(FOLDER).join(&binary.name);
            let Some(text) = self.text(&path)? else {
                self.wrong(format!("`{path}` is not text"));
                continue;
            };
            if text.len() as u64 >= MAX_STANZA {
                self.wrong(format!(
                    "`{path}` is larger than the 128 KiB that Trivy reads"
                ));
            }
            if text.lines().any(|line| line.trim().is_empty()) {
                self.wrong(format!("`{path}` has an empty line, which ends a stanza"));
            }
            let values = |key: &str| -> Vec<&str> {
                let fields = text.lines().filter_map(|line| line.split_once(':'));
                let found = fields.filter(|(name, _)| *name == key);
                found.map(|(_, value)| value.trim()).collect()
            };
            let source = match binary.source.version.as_str() == binary.version.as_str() {
                true => binary.source.name.clone(),
                false => format!("{} ({})", binary.source.name, binary.source.version),
            };
            let wanted = [
                ("Package", binary.name.as_str()),
                ("Version", binary.version.as_str()),
                ("Architecture", binary.architecture.as_str()),
                ("Source", source.as_str()),
            ];
            for (key, wanted) in wanted {
                let found = values(key);
                if found != [wanted] {
                    let found = found.join("`, `");
                    self.wrong(format!(
                        "`{key}` of `{path}` is `{found}` instead of `{wanted}`"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Sums that are true to the image's bytes, of every file of a package, once.
    fn sums(&mut self) -> Result<(), ScannerError> {
        let tree = &self.assembly.tree;
        let mut owners: BTreeMap<TreePath, &str> = BTreeMap::new();
        for package in &self.assembly.packages {
            let name = package.locked.name.as_str();
            let list = TreePath::of(FOLDER).join(format!("{name}.md5sums"));
            let Some(text) = self.text(&list)? else {
                self.wrong(format!("`{list}` is not text"));
                continue;
            };
            for line in text.lines() {
                let parts = line.split_once("  ");
                let is_sum = |sum: &str| sum.len() == 32 && sum.bytes().all(is_lower_hex);
                let Some((sum, path)) = parts.filter(|(sum, path)| is_sum(sum) && !path.is_empty())
                else {
                    self.wrong(format!(
                        "`{list}` has the line `{}`, which is not a sum, two spaces and a path",
                        line.escape_debug()
                    ));
                    continue;
                };
                let path = TreePath::from_archive(path.as_bytes()).unwrap_or_default();
                match tree.get(&path).and_then(Entry::file) {
                    None => self.wrong(format!("`{list}` names `{path}`, which is not a file")),
                    Some(node) if sum != sum_of(tree, &path, node.digests().md5)? => {
                        self.wrong(format!("`{list}` has a wrong sum of `{path}`"));
                    }
                    Some(_) => {}
                }
                if let Some(other) = owners.insert(path.clone(), name) {
                    self.wrong(format!(
                        "`{path}` is in the sums of `{other}` and of `{name}`"
                    ));
                }
            }
        }
        for (path, entry) in tree.iter() {
            if let (Kind::File(_), Origin::Package(name)) = (&entry.kind, &entry.origin)
                && owners.get(path) != Some(&name.as_ref())
                // Sums are lists of text.
                && path.as_str().is_some_and(|path| !path.contains('\n'))
            {
                self.wrong(format!("`{path}` of package `{name}` is in no sums of it"));
            }
        }
        Ok(())
    }

    /// The licence of every package that ships one.
    fn licences(&mut self) {
        let mut wrong = Vec::new();
        for package in &self.assembly.packages {
            let name = &package.locked.name;
            let folder = TreePath::of("usr/share/doc").join(name);
            let copyright = folder.join("copyright");
            let dropped = self
                .assembly
                .left_out
                .iter()
                .find_map(|one| match &one.reason {
                    Omission::Dropped {
                        definition,
                        pattern,
                    } if (one.path == copyright || one.path == folder)
                        && *one.package == **name =>
                    {
                        Some(format!(
                            "`drop: {pattern}` of definition `{definition}` leaves it out"
                        ))
                    }
                    _ => None,
                });
            let tree = &self.assembly.tree;
            let is_own = tree
                .get(&copyright)
                .is_some_and(|entry| entry.file().is_some());
            let is_there = tree
                .follow(&copyright)
                .is_some_and(|(_, entry)| entry.file().is_some());
            match dropped {
                Some(why) if !is_there => wrong.push(format!(
                    "`{copyright}`, the licence of `{name}`, is missing: {why}"
                )),
                _ if is_there && !is_own => wrong.push(format!(
                    "`{copyright}`, the licence of `{name}`, is there by a link only"
                )),
                _ => {}
            }
        }
        self.violations.append(&mut wrong);
    }
}

/// Whether Syft would take a file for metadata: `**/lib/dpkg/status.d/*`, and dpkg's own file.
fn is_in_status_folder(path: &TreePath) -> bool {
    let ends = |path: &TreePath, end: &[&[u8]]| {
        let parts: Vec<&[u8]> = path.parts().collect();
        parts.ends_with(end)
    };
    let status: &[&[u8]] = &[b"lib", b"dpkg", b"status"];
    let folder: &[&[u8]] = &[b"lib", b"dpkg", b"status.d"];
    ends(path, status) || path.parent().is_some_and(|parent| ends(&parent, folder))
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// The MD5 of a file of the tree. What is known is what was computed of the bytes as the package
/// was unpacked, not what the package says of itself.
fn sum_of(tree: &Tree, path: &TreePath, known: Option<[u8; 16]>) -> Result<String, ScannerError> {
    let sum = match (known, tree.get(path).and_then(Entry::file)) {
        (Some(sum), _) => sum,
        (None, None) => [0; 16],
        (None, Some(node)) => {
            let failed = |source| ScannerError::Read {
                path: path.clone(),
                source,
            };
            let mut md5 = Md5::new();
            let mut reader = node.content.reader();
            let mut buffer = vec![0; 1 << 16];
            loop {
                let count = io::Read::read(&mut reader, &mut buffer).map_err(failed)?;
                if count == 0 {
                    break md5.finalize().into();
                }
                md5.update(&buffer[..count]);
            }
        }
    };
    let mut text = String::new();
    for byte in sum {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
