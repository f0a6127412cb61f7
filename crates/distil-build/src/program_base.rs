//! From a program to the image that it needs: the smallest base whose packages it uses, and the
//! packages that no base has.

use std::collections::{BTreeMap, BTreeSet};

use distil_app::program::Program;
use distil_debian::contents::LibraryIndex;
use distil_debian::index::PackageIndex;
use distil_debian::suite::Suite;
use distil_definition::{Architecture, Definition};
use distil_oci::Platform;
use distil_tree::loader::{machine, machine_name};
use distil_tree::{Origin, Tree};

use crate::error::BuildError;
use crate::libraries::candidates;
use crate::request::Request;
use crate::session::Session;

/// The base of programs without a loader.
const STATIC: &str = "static";

/// The largest base, which stands on all the others.
const LARGEST: &str = "cc";

/// The library that every program with a loader needs, whether it says so or not.
const C_LIBRARY: &str = "libc.so.6";

/// What an image for a program is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramBase {
    /// The image of the catalogue, or the one that was named.
    pub word: String,
    /// The packages that it lacks, each with the libraries that the program needs of it.
    pub packages: BTreeMap<String, BTreeSet<String>>,
}

/// Why there is no image for a program.
#[derive(Debug, thiserror::Error)]
pub enum ProgramBaseError {
    /// No package has a library.
    #[error("no package of {suite} for {platform} has {}", listed(libraries))]
    NoPackage {
        /// The suite.
        suite: &'static str,
        /// The platform.
        platform: Platform,
        /// The libraries, each with the files that need it.
        libraries: BTreeMap<String, BTreeSet<String>>,
    },
    /// It is for another machine.
    #[error("`{program}` is a program for {machine}, and the image is for {platform}")]
    Foreign {
        /// The program.
        program: String,
        /// What it is for.
        machine: String,
        /// What the image is for.
        platform: Platform,
    },
    /// Debian has no such machine.
    #[error("`{program}` is a program for {machine}, for which {suite} has no packages")]
    Machine {
        /// The program.
        program: String,
        /// What it is for.
        machine: String,
        /// The suite.
        suite: &'static str,
    },
}

fn listed(libraries: &BTreeMap<String, BTreeSet<String>>) -> String {
    let each = libraries.iter().map(|(library, files)| {
        let files: Vec<String> = files.iter().map(|file| format!("`{file}`")).collect();
        let verb = if files.len() == 1 { "needs" } else { "need" };
        format!("`{library}`, which {} {verb}", files.join(" and "))
    });
    each.collect::<Vec<_>>().join("; nor ")
}

/// Whether a program is for an architecture.
fn is_for(program: &Program, architecture: Architecture) -> bool {
    let platform = architecture.platform();
    machine(platform.architecture()) == Some(program.abi.machine)
        && architecture.is_little_endian() == program.abi.is_little_endian
}

impl ProgramBase {
    /// The architecture of the image for a program.
    ///
    /// # Errors
    /// If the suite has none for its machine.
    pub fn architecture(program: &Program, suite: Suite) -> Result<Architecture, ProgramBaseError> {
        let mut all = Architecture::of_suite(suite);
        all.find(|one| is_for(program, *one))
            .ok_or_else(|| ProgramBaseError::Machine {
                program: program.name.clone(),
                machine: machine_name(program.abi.machine),
                suite: suite.codename,
            })
    }

    /// Refuses an architecture that a program is not for.
    ///
    /// # Errors
    /// If it is not for that one.
    pub fn check(program: &Program, architecture: Architecture) -> Result<(), ProgramBaseError> {
        match is_for(program, architecture) {
            true => Ok(()),
            false => Err(ProgramBaseError::Foreign {
                program: program.name.clone(),
                machine: machine_name(program.abi.machine),
                platform: architecture.platform(),
            }),
        }
    }
}

impl Session {
    /// Finds what an image for a program is made of: on `base`, or else on the smallest of
    /// `static`, `base-nossl`, `base` and `cc` that has all the packages it needs of these.
    ///
    /// # Errors
    /// If the program is for another machine, no package has a library that it needs, or the
    /// archive cannot be used.
    pub fn base_of_program(
        &self,
        program: &Program,
        base: Option<&Request>,
        suite: Suite,
        architecture: Architecture,
    ) -> Result<ProgramBase, BuildError> {
        ProgramBase::check(program, architecture)?;
        if !program.is_dynamic && base.is_none() {
            return Ok(ProgramBase {
                word: STATIC.to_owned(),
                packages: BTreeMap::new(),
            });
        }
        let largest = Request::find(LARGEST, Definition::default())?;
        let request = base.unwrap_or(&largest);
        let target = request.target(suite, architecture, self.now);
        let prepared = self.prepare(request, target)?;
        let (lock, owners) = (&prepared.lock, owners(&prepared.assembly.tree));
        // The packages of each base, with those of the bases below it.
        let mut bases: Vec<(String, BTreeSet<String>)> = Vec::new();
        for layer in &lock.layers {
            let below = bases.last().map(|(_, packages)| packages.clone());
            let mut packages = below.unwrap_or_default();
            packages.extend(layer.packages.iter().map(|one| one.name.clone()));
            bases.push((layer.definition.clone(), packages));
        }
        let all = bases
            .last()
            .map(|(_, packages)| packages.clone())
            .unwrap_or_default();
        let mut needs = program.needs.clone();
        if program.is_dynamic {
            let by = BTreeSet::from([program.name.clone()]);
            needs.entry(C_LIBRARY.to_owned()).or_insert(by);
        }
        let needed = self.packages_of(needs, &all, &owners, suite, architecture)?;
        let is_in = |packages: &BTreeSet<String>| {
            needed
                .keys()
                .all(|one| packages.contains(one) || !all.contains(one))
        };
        let word = match base {
            Some(base) => base.word.clone(),
            None => {
                let smallest = bases.iter().find(|(_, packages)| is_in(packages));
                smallest.map_or(LARGEST, |(word, _)| word).to_owned()
            }
        };
        let missing = needed.into_iter().filter(|(name, _)| !all.contains(name));
        Ok(ProgramBase {
            word,
            packages: missing.collect(),
        })
    }

    /// The packages that have libraries: the owner of the library in the base if that has it, else one
    /// of `present` by the rule for naming such packages, else what the archive's index of contents
    /// says, which is large and read for nothing else. The proof of the image says whether the loader
    /// finds what was chosen.
    fn packages_of(
        &self,
        needs: BTreeMap<String, BTreeSet<String>>,
        present: &BTreeSet<String>,
        owners: &BTreeMap<String, String>,
        suite: Suite,
        architecture: Architecture,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, BuildError> {
        let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut unknown = BTreeMap::new();
        for (library, files) in needs {
            let by_rule = || {
                let names = candidates(&library);
                names.into_iter().find(|name| present.contains(name))
            };
            match owners.get(&library).cloned().or_else(by_rule) {
                Some(package) => {
                    needed.entry(package).or_default().insert(library);
                }
                None => {
                    unknown.insert(library, files);
                }
            }
        }
        if unknown.is_empty() {
            return Ok(needed);
        }
        let (index, libraries) = self.libraries(suite, architecture.debian())?;
        unknown.retain(|library, _| {
            let found = package_of(library, present, &index, &libraries);
            if let Some(package) = &found {
                needed
                    .entry(package.clone())
                    .or_default()
                    .insert(library.clone());
            }
            found.is_none()
        });
        match unknown.is_empty() {
            true => Ok(needed),
            false => Err(ProgramBaseError::NoPackage {
                suite: suite.codename,
                platform: architecture.platform(),
                libraries: unknown,
            }
            .into()),
        }
    }
}

/// The packages of a tree by the names of their libraries, as programs ask for them.
fn owners(tree: &Tree) -> BTreeMap<String, String> {
    let libraries = tree.iter().filter_map(|(path, entry)| {
        let name = std::str::from_utf8(path.name()?).ok()?;
        match (&entry.origin, name.contains(".so")) {
            (Origin::Package(package), true) => Some((name.to_owned(), package.to_string())),
            _ => None,
        }
    });
    libraries.collect()
}

/// The package to take for a library: one that is there anyway, else the best that there is.
fn package_of(
    library: &str,
    present: &BTreeSet<String>,
    index: &PackageIndex,
    libraries: &LibraryIndex,
) -> Option<String> {
    let all = || {
        libraries
            .packages_of(library)
            .filter(|name| index.has_package(name))
    };
    let found = all()
        .find(|name| present.contains(*name))
        .or_else(|| all().next());
    found.map(str::to_owned)
}
