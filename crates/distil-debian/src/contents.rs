//! Which package has a library: what an archive's `Contents` index says.
//!
//! `Contents-ARCH` (Debian wiki, "DebianRepository/Format", "Contents indices") has a line for each
//! path, without its leading slash: the path, spaces or tabs, and a list of the packages that ship
//! it, separated by commas, each behind its section: `usr/lib/x86_64-linux-gnu/libpq.so.5
//! libs/libpq5`. A path may have spaces itself. Older files begin with prose, which ends with a
//! line `FILE LOCATION`.
//!
//! Only names of shared libraries are kept, where a loader looks for them or one directory below:
//! a few megabytes of several hundred.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use memchr::{memchr, memmem, memrchr};

#[cfg(test)]
mod tests;

/// The longest line that is looked at; what is longer has no name of a library.
const MAX_LINE: usize = 64 << 10;

/// The longest name of a library.
const MAX_NAME: usize = 255;

/// The most bytes of names in all; trixie's amd64 has less than two million.
const MAX_NAMES: usize = 64 << 20;

/// The packages that have a library, by the name of its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LibraryIndex {
    /// The packages, the one to take first; each once.
    libraries: BTreeMap<String, Vec<String>>,
}

/// Why a text is no `Contents` index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryIndexError {
    /// It cannot be read.
    #[error("failed to read the index of contents")]
    Read(#[from] io::Error),
    /// It has more names of libraries than any archive.
    #[error("the index of contents has more than {MAX_NAMES} bytes of names of libraries")]
    TooLarge,
    /// What the store kept of one is not that.
    #[error("line {line} of what was kept of an index of contents is wrong")]
    Kept {
        /// The line, from 1 on.
        line: usize,
    },
}

/// How good a package is as the source of a library; the lesser is the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A package of libraries, and the file lies where the loader looks.
    Library,
    /// A package of another section, likewise.
    Other,
    /// Below a directory where the loader looks: an alternative, or what a program adds to its
    /// run path.
    Below,
    /// A package that leads from an old name to a new one.
    Transitional,
    /// A package to compile with.
    Development,
}

impl LibraryIndex {
    /// Reads the text of a `Contents` index.
    ///
    /// # Errors
    /// If it cannot be read, or has more names than one can have.
    pub fn read(mut text: impl BufRead) -> Result<Self, LibraryIndexError> {
        let mut found: BTreeMap<String, Vec<(Rank, String)>> = BTreeMap::new();
        let mut size = 0;
        let mut line = Vec::new();
        while read_line(&mut text, &mut line)? {
            for (name, package, rank) in libraries_of(&line) {
                let packages = found.entry(name.to_owned()).or_insert_with(|| {
                    size += name.len();
                    Vec::new()
                });
                let known = packages.iter_mut().find(|(_, known)| known == package);
                match known {
                    Some((known, _)) => *known = rank.min(*known),
                    None => {
                        size += package.len();
                        packages.push((rank, package.to_owned()));
                    }
                }
                if size > MAX_NAMES || packages.len() > MAX_PACKAGES {
                    return Err(LibraryIndexError::TooLarge);
                }
            }
        }
        let order = |mut packages: Vec<(Rank, String)>| {
            packages.sort_by(|(rank, name), (other_rank, other)| {
                let by_length = name.len().cmp(&other.len());
                rank.cmp(other_rank).then(by_length).then(name.cmp(other))
            });
            packages.into_iter().map(|(_, name)| name).collect()
        };
        let found = found.into_iter();
        Ok(Self {
            libraries: found.map(|(name, all)| (name, order(all))).collect(),
        })
    }

    /// The package that has a library, by the name that programs need it by, such as
    /// `libpq.so.5`: one of libraries before others, these before what is transitional or to
    /// compile with.
    pub fn package_of(&self, soname: &str) -> Option<&str> {
        self.packages_of(soname).next()
    }

    /// All packages that have a library, the one to take first.
    pub fn packages_of(&self, soname: &str) -> impl Iterator<Item = &str> {
        let packages = self.libraries.get(soname);
        packages.into_iter().flatten().map(String::as_str)
    }

    /// Whether it knows no library at all.
    pub fn is_empty(&self) -> bool {
        self.libraries.is_empty()
    }

    /// Adds what another suite of the archive has. Packages of this one come first.
    pub fn add(&mut self, other: Self) {
        for (name, packages) in other.libraries {
            let known = self.libraries.entry(name).or_default();
            for package in packages {
                if !known.contains(&package) {
                    known.push(package);
                }
            }
        }
    }

    /// What [`LibraryIndex::from_bytes`] reads: a line for each library, its name and packages
    /// separated by spaces.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, packages) in &self.libraries {
            bytes.extend_from_slice(name.as_bytes());
            for package in packages {
                bytes.push(b' ');
                bytes.extend_from_slice(package.as_bytes());
            }
            bytes.push(b'\n');
        }
        bytes
    }

    /// Reads what [`LibraryIndex::to_bytes`] wrote.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LibraryIndexError> {
        let mut libraries = BTreeMap::new();
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if line.is_empty() {
                continue;
            }
            let wrong = || LibraryIndexError::Kept { line: number };
            let line = std::str::from_utf8(line).map_err(|_| wrong())?;
            let (name, packages) = line.split_once(' ').ok_or_else(wrong)?;
            let packages = packages.split(' ').map(str::to_owned).collect();
            libraries.insert(name.to_owned(), packages);
        }
        Ok(Self { libraries })
    }
}

/// The most packages that have a library of one name. Some twenty ship an MPI or a BLAS.
const MAX_PACKAGES: usize = 1_000;

/// Reads a line without its end, or as much of it as is looked at; false at the end of the text.
fn read_line(text: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let chunk = match text.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = memchr(b'\n', chunk);
        let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or(chunk);
        let room = (MAX_LINE + 1).saturating_sub(line.len());
        line.extend_from_slice(part.get(..room).unwrap_or(part));
        let used = part.len() + usize::from(end.is_some());
        text.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// The library of a line, with each of its packages.
fn libraries_of(line: &[u8]) -> impl Iterator<Item = (&str, &str, Rank)> {
    let found = library(line);
    found.into_iter().flat_map(|(name, list, is_below)| {
        list.split(',').filter_map(move |qualified| {
            let (section, package) = qualified.rsplit_once('/').unwrap_or(("", qualified));
            // Behind the component, `non-free/libs`, is the section.
            let section = section.rsplit('/').next().unwrap_or_default();
            let rank = rank(section, package, is_below)?;
            is_package(package).then_some((name, package, rank))
        })
    })
}

/// The name of the library that a line is about, the list of its packages, and whether it lies
/// below a directory of the loader's.
fn library(line: &[u8]) -> Option<(&str, &str, bool)> {
    memmem::find(line, b".so")?;
    if line.len() > MAX_LINE {
        return None;
    }
    let line = line.trim_ascii_end();
    let split = memrchr(b' ', line).max(memrchr(b'\t', line))?;
    let list = std::str::from_utf8(line.get(split + 1..)?).ok()?;
    let path = std::str::from_utf8(line.get(..split)?.trim_ascii_end()).ok()?;
    let path = path.strip_prefix("./").unwrap_or(path);
    let path = path.strip_prefix('/').unwrap_or(path);
    let (directory, name) = path.rsplit_once('/')?;
    let after = name.get(name.rfind(".so")? + 3..)?;
    // `libpq.so.5`, `ld-linux.so.2`, `libdb-5.3.so`; not `libfoo.so.5.debug` or `x.sock`.
    let has_digit = |part: &str| part.contains(|c: char| c.is_ascii_digit());
    let version = after.strip_prefix('.');
    let is_version = version.is_some_and(|version| version.split('.').all(has_digit));
    let is_library = (after.is_empty() || is_version)
        && name.len() <= MAX_NAME
        && name.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_library {
        return None;
    }
    match loaded_from(directory) {
        true => Some((name, list, false)),
        // Plugins have no versions, and are nobody's needs.
        false if is_version && loaded_from(directory.rsplit_once('/')?.0) => {
            Some((name, list, true))
        }
        false => None,
    }
}

/// Whether a loader looks into a directory without being told: `/lib`, `/usr/lib`, their `64`, and
/// those of the architecture below (Debian Policy §9.1.1, ld.so(8)).
fn loaded_from(directory: &str) -> bool {
    let directory = directory.strip_prefix("usr/").unwrap_or(directory);
    match directory.split_once('/') {
        None => matches!(directory, "lib" | "lib64"),
        Some(("lib", below)) => {
            let is_triplet = below.contains("-linux-gnu") || below.contains("-linux-musl");
            is_triplet && !below.contains('/')
        }
        Some(_) => false,
    }
}

fn rank(section: &str, package: &str, is_below: bool) -> Option<Rank> {
    let is_debug = package.ends_with("-dbg") || package.ends_with("-dbgsym");
    Some(match section {
        _ if is_debug => return None,
        "debug" => return None,
        _ if package.ends_with("-dev") => Rank::Development,
        "libdevel" => Rank::Development,
        "oldlibs" => Rank::Transitional,
        _ if is_below => Rank::Below,
        "libs" => Rank::Library,
        _ => Rank::Other,
    })
}

/// Debian Policy §5.6.1.
fn is_package(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    name.len() >= 2 && name.len() <= MAX_NAME && name.bytes().all(plain)
}
