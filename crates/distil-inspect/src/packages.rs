//! The Debian packages of an image, by the metadata in it that scanners read: a file a package in
//! `status.d`, as distroless images have it, and dpkg's own database.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use distil_debian::control::{ControlError, Paragraph, ParagraphReader};
use distil_debian::copyright;
use distil_debian::relation::{Provided, Relations};
use distil_tree::{Tree, TreePath};

use crate::kept::largest;

/// Where an image without dpkg has a file a package.
const STATUS_DIRECTORY: &str = "var/lib/dpkg/status.d";

/// Where dpkg itself has all packages.
const STATUS_FILE: &str = "var/lib/dpkg/status";

/// Where dpkg has the sums of each package's files, and lists of them.
const INFO_DIRECTORY: &str = "var/lib/dpkg/info";

/// Where packages' licences are.
const DOC_DIRECTORY: &str = "usr/share/doc";

/// The most packages that are listed: more than all of Debian.
const MAX_PACKAGES: usize = 200_000;

/// The most files of packages that are listed.
const MAX_FILES: usize = 5_000_000;

/// A Debian package of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// The name of its source package.
    pub source: String,
    /// The version of that.
    pub source_version: String,
    /// Who maintains it, such as `Debian GCC Maintainers <debian-gcc@lists.debian.org>`.
    pub maintainer: Option<String>,
    /// The address of its project.
    pub homepage: Option<String>,
    /// Whose archive it is from (`Origin`), where the stanza says so: distil notes it of archives
    /// that are not Debian's, and so do Ubuntu's packages.
    pub origin: Option<String>,
    /// The names of its licences, as its copyright file has them. Packages with the same file share
    /// them.
    pub licences: Arc<[String]>,
    /// The files that its list of sums names, and that are in the image, links followed.
    pub files: Vec<TreePath>,
    /// The packages of the image that it depends on, sorted.
    pub depends: Vec<String>,
}

/// Why the packages of an image are not known.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// A file of metadata cannot be read.
    #[error("failed to read `{path}` of the image")]
    Read {
        /// Which.
        path: TreePath,
        /// Why.
        source: io::Error,
    },
    /// It is not a stanza.
    #[error("`{path}` of the image is not a stanza")]
    Stanza {
        /// Where it is.
        path: TreePath,
        /// Why.
        source: ControlError,
    },
    /// A stanza has no name.
    #[error("`{path}` of the image has a stanza without `Package`")]
    Name {
        /// Where it is.
        path: TreePath,
    },
    /// A stanza lacks a field.
    #[error("the stanza of `{package}` in the image has no `{field}`")]
    Field {
        /// The package.
        package: String,
        /// The field.
        field: &'static str,
    },
    /// There are more than are read.
    #[error("the metadata of the image names more than {limit} {what}")]
    Limit {
        /// Of what there are too many.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
}

/// The packages that an image's metadata names, sorted by name.
///
/// # Errors
/// If the metadata cannot be read.
pub fn packages(tree: &Tree) -> Result<Vec<Package>, PackagesError> {
    let mut reading = Reading {
        tree,
        packages: Vec::new(),
        relations: Vec::new(),
        licences: HashMap::new(),
        files: 0,
    };
    let mut paths = vec![TreePath::of(STATUS_FILE)];
    let directory = TreePath::of(STATUS_DIRECTORY);
    let children = tree.children(&directory);
    let is_sums = |path: &TreePath| path.name().is_some_and(|name| name.ends_with(b".md5sums"));
    paths.extend(
        children
            .filter(|(path, entry)| entry.file().is_some() && !is_sums(path))
            .map(|(path, _)| path.clone()),
    );
    for path in &paths {
        reading.stanzas(path)?;
    }
    Ok(reading.finish())
}

/// The files that packages own, links followed: of their lists of sums, and of dpkg's lists of
/// files. What cannot be read owns nothing.
pub fn owned(tree: &Tree) -> BTreeSet<TreePath> {
    let mut owned = BTreeSet::new();
    for directory in [STATUS_DIRECTORY, INFO_DIRECTORY].map(TreePath::of) {
        for (path, entry) in tree.children(&directory) {
            let name = path.name().unwrap_or_default();
            let (is_sums, is_list) = (name.ends_with(b".md5sums"), name.ends_with(b".list"));
            let file = entry.file().filter(|_| is_sums || is_list);
            let text = file.and_then(|file| file.content.read(largest(path)).ok());
            for line in text.unwrap_or_default().split(|&byte| byte == b'\n') {
                let line = match is_sums {
                    true => line.get(SUM..).unwrap_or_default(),
                    false => line.strip_prefix(b"/").unwrap_or(line),
                };
                owned.extend(place(tree, line).filter(|_| owned.len() < MAX_FILES));
            }
        }
    }
    owned
}

/// What is before a path in a list of sums: 32 digits and two spaces.
const SUM: usize = 34;

/// What a path in a list leads to in the image.
fn place(tree: &Tree, path: &[u8]) -> Option<TreePath> {
    let path = TreePath::from_archive(path).ok()?;
    match tree.get(&path) {
        // The file itself, or a link that is a package's own file.
        Some(_) => Some(path),
        None => tree.resolve(&path).ok(),
    }
}

struct Reading<'a> {
    tree: &'a Tree,
    packages: Vec<Package>,
    /// What each package depends on and provides.
    relations: Vec<[String; 3]>,
    /// By the copyright file.
    licences: HashMap<TreePath, Arc<[String]>>,
    files: usize,
}

impl Reading<'_> {
    fn stanzas(&mut self, path: &TreePath) -> Result<(), PackagesError> {
        let Some(file) = self.tree.get(path).and_then(|entry| entry.file()) else {
            return Ok(());
        };
        let bytes = file.content.read(largest(path));
        let bytes = bytes.map_err(|source| PackagesError::Read {
            path: path.clone(),
            source,
        })?;
        let mut reader = ParagraphReader::new(bytes.as_slice());
        loop {
            let mut stanza = Paragraph::default();
            let more = reader.read_into(&mut stanza);
            let more = more.map_err(|source| PackagesError::Stanza {
                path: path.clone(),
                source,
            })?;
            if !more {
                return Ok(());
            }
            let Some(name) = stanza.get("Package").map(|name| name.trim().to_owned()) else {
                return Err(PackagesError::Name { path: path.clone() });
            };
            // dpkg remembers packages that were removed, too.
            let is_there = stanza
                .get("Status")
                .is_none_or(|status| status.trim().ends_with(" installed"));
            if is_there {
                self.package(name, &stanza)?;
            }
        }
    }

    fn package(&mut self, name: String, stanza: &Paragraph) -> Result<(), PackagesError> {
        let field = |name: &str| stanza.get(name).map(|value| value.trim().to_owned());
        let missing = |field| PackagesError::Field {
            package: distil_tree::printable(name.as_bytes()),
            field,
        };
        let version = field("Version").ok_or_else(|| missing("Version"))?;
        let architecture = field("Architecture").ok_or_else(|| missing("Architecture"))?;
        let source = field("Source").unwrap_or_else(|| name.clone());
        let (source, source_version) = match source.split_once(" (") {
            Some((source, version)) => {
                (source.to_owned(), version.trim_end_matches(')').to_owned())
            }
            None => (source, version.clone()),
        };
        let relations = ["Depends", "Pre-Depends", "Provides"];
        if self.packages.len() >= MAX_PACKAGES {
            let (what, limit) = ("packages", MAX_PACKAGES);
            return Err(PackagesError::Limit { what, limit });
        }
        self.relations
            .push(relations.map(|name| stanza.get(name).unwrap_or_default().to_owned()));
        let files = self.sums(&name, &architecture)?;
        self.files += files.len();
        if self.files > MAX_FILES {
            let (what, limit) = ("files of packages", MAX_FILES);
            return Err(PackagesError::Limit { what, limit });
        }
        let licences = self.licences(&name);
        self.packages.push(Package {
            licences,
            name,
            version,
            architecture,
            source,
            source_version,
            maintainer: field("Maintainer").filter(|text| !text.is_empty()),
            homepage: field("Homepage").filter(|text| !text.is_empty()),
            origin: field("Origin").filter(|text| !text.is_empty()),
            files,
            depends: Vec::new(),
        });
        Ok(())
    }

    /// The files of a list of sums, which a package need not have.
    fn sums(&self, name: &str, architecture: &str) -> Result<Vec<TreePath>, PackagesError> {
        let paths = [
            format!("{STATUS_DIRECTORY}/{name}.md5sums"),
            format!("{INFO_DIRECTORY}/{name}.md5sums"),
            format!("{INFO_DIRECTORY}/{name}:{architecture}.md5sums"),
        ];
        let paths = paths.iter().map(|path| TreePath::of(path));
        let found = paths.filter_map(|path| {
            let file = self.tree.get(&path)?.file()?;
            Some((path, Arc::clone(file)))
        });
        let Some((path, file)) = found.into_iter().next() else {
            return Ok(Vec::new());
        };
        let bytes = file.content.read(largest(&path));
        let bytes = bytes.map_err(|source| PackagesError::Read { path, source })?;
        let lines = bytes.split(|&byte| byte == b'\n');
        let paths = lines.filter_map(|line| place(self.tree, line.get(SUM..)?));
        Ok(paths.filter(|path| !path.is_root()).collect())
    }

    /// The names of a package's licences. Its directory may be a link to another package's, or the
    /// file to another file, which then is read once.
    fn licences(&mut self, name: &str) -> Arc<[String]> {
        let path = TreePath::of(DOC_DIRECTORY).join(name).join("copyright");
        let found = self.tree.follow(&path);
        let found = found.and_then(|(place, entry)| Some((place, entry.file()?)));
        let Some((place, file)) = found else {
            return Arc::default();
        };
        if let Some(known) = self.licences.get(&place) {
            return Arc::clone(known);
        }
        // What is larger, or not where licences are, was not kept.
        let bytes = file.content.read(largest(&place)).unwrap_or_default();
        let names: Arc<[String]> = copyright::licences(&bytes).into();
        self.licences.insert(place, Arc::clone(&names));
        names
    }

    /// Fills in which packages of the image each depends on, by name or by what they provide.
    fn finish(self) -> Vec<Package> {
        let Self {
            mut packages,
            relations,
            ..
        } = self;
        let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
        for (number, [.., provides]) in relations.iter().enumerate() {
            for provided in Provided::parse_list(provides).unwrap_or_default() {
                by_name.entry(provided.name).or_insert(number);
            }
        }
        for (number, package) in packages.iter().enumerate() {
            by_name.insert(package.name.clone(), number);
        }
        let names: Vec<String> = packages.iter().map(|one| one.name.clone()).collect();
        for (package, [depends, pre_depends, _]) in packages.iter_mut().zip(&relations) {
            let mut found = BTreeSet::new();
            for text in [depends, pre_depends] {
                let relations = text.parse::<Relations>();
                for alternatives in relations.map(|relations| relations.0).unwrap_or_default() {
                    let there = alternatives
                        .iter()
                        .find_map(|relation| by_name.get(&relation.name));
                    found.extend(there.and_then(|number| names.get(*number)));
                }
            }
            let others = found.into_iter().filter(|name| **name != package.name);
            package.depends = others.cloned().collect();
        }
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        packages
    }
}
