//! An archive as it is now: its Releases verified, its indexes read.
//!
//! Trust goes one way, and every step names the next by digest: a keyring verifies
//! `InRelease`, that names the `Packages` files, those name the packages. So it does not matter
//! which mirror a file comes from, and files of two states of an archive are never mixed: an
//! index that its Release does not name is not taken, whatever mirror offers it.

mod contents;
mod error;
mod index;
mod keys;
mod mirrors;
mod options;
mod release;
mod signed;
mod unpacked;
mod warning;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use distil_store::{Store, parallel};
use serde::{Deserialize, Serialize};

use crate::contents::LibraryIndex;
use crate::fetch::{Fetcher, Mirror};
use crate::index::{PackageIndex, Pocket};
use crate::release::Release;
use crate::solve::Elsewhere;
use release::SignedRelease;

pub use error::{ArchiveError, Attempt, PackageFailure};
pub use keys::Keys;
pub use mirrors::{InvalidSnapshots, Mirrors, Snapshots};
pub use options::ArchiveOptions;
pub use signed::{IndexBytes, IndexFile};
pub use warning::ReleaseWarning;

/// The state of one suite of the archive that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PocketState {
    /// The suite, such as `trixie-security`.
    pub name: String,
    /// Its Release's `Date`, in seconds since 1970.
    pub date: i64,
    /// Its Release's digest, which is over the signed text alone.
    pub release: distil_store::Digest,
    /// The release's number, such as `13.8`, where it has one.
    pub version: Option<String>,
    /// The fingerprints of the keys whose signatures on it are good, sorted.
    #[serde(default)]
    pub keys: Vec<String>,
}

/// An archive, open for one architecture: what it is now is known, and nothing of it read.
pub struct Archive {
    options: ArchiveOptions,
    pockets: Vec<OpenPocket>,
    threads: NonZeroUsize,
    states: Vec<PocketState>,
    warnings: Vec<ReleaseWarning>,
}

/// A suite of the archive whose Release can be trusted.
struct OpenPocket {
    name: String,
    mirrors: Vec<Mirror>,
    release: Release,
    signed: SignedRelease,
}

impl Archive {
    /// Gets and verifies the Releases of all pockets of a suite.
    ///
    /// # Errors
    /// If any pocket cannot be had: an image without its security fixes is not an image that
    /// somebody asked for.
    pub fn open(
        options: &ArchiveOptions,
        store: &Store,
        fetcher: &Fetcher,
    ) -> Result<Self, ArchiveError> {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let pockets = options.suite.pockets();
        let opened = at_once(&pockets, |(name, area)| {
            let mirrors = options.mirrors.of(*area);
            open_pocket(name, mirrors, options, store, fetcher)
        });
        let mut archive = Self {
            options: options.clone(),
            pockets: Vec::new(),
            threads,
            states: Vec::new(),
            warnings: Vec::new(),
        };
        for opened in opened {
            let (state, pocket, warnings) = opened?;
            archive.states.push(state);
            archive.warnings.extend(warnings);
            archive.pockets.push(pocket);
        }
        Ok(archive)
    }

    /// Gets and opens the indexes that the Releases name.
    ///
    /// Their stanzas are read from the store when they are asked for. Should one of them be
    /// [damaged](crate::index::IndexError::Damaged), [`Archive::index_anew`] has another.
    ///
    /// # Errors
    /// If any cannot be had.
    pub fn index(&self, store: &Store, fetcher: &Fetcher) -> Result<PackageIndex, ArchiveError> {
        self.index_anew(&BTreeSet::new(), store, fetcher)
    }

    /// As [`Archive::index`], but what the store has made of the indexes of the pockets in
    /// `damaged` is not taken.
    ///
    /// # Errors
    /// If any cannot be had.
    pub fn index_anew(
        &self,
        damaged: &BTreeSet<String>,
        store: &Store,
        fetcher: &Fetcher,
    ) -> Result<PackageIndex, ArchiveError> {
        let texts = at_once(&self.pockets, |pocket| {
            let (name, mirrors) = (&pocket.name, &pocket.mirrors);
            index::get(
                index::Which {
                    pocket: name,
                    component: index::COMPONENT,
                    anew: damaged.contains(name),
                },
                &pocket.release,
                mirrors,
                &self.options,
                store,
                fetcher,
                self.threads,
            )
        });
        let mut index = PackageIndex::new(&self.options.architecture);
        for (open, text) in self.pockets.iter().zip(texts) {
            let pocket = Pocket {
                name: open.name.clone(),
                priority: 500,
            };
            let wrong = |source| ArchiveError::Index {
                pocket: open.name.clone(),
                source,
            };
            index.add_condensed(text?, pocket).map_err(wrong)?;
        }
        Ok(index)
    }

    /// The components that images are not made from and that have a package called `name`, as far
    /// as their indexes can be had.
    pub fn elsewhere(&self, name: &str, store: &Store, fetcher: &Fetcher) -> Vec<Elsewhere> {
        let found = at_once(&self.pockets, |pocket| {
            let others = pocket.release.components.iter();
            let others = others.filter(|component| *component != index::COMPONENT);
            let has_it = |component: &&String| {
                let (mirrors, options) = (&pocket.mirrors, &self.options);
                let condensed = index::get(
                    index::Which {
                        pocket: &pocket.name,
                        component,
                        anew: false,
                    },
                    &pocket.release,
                    mirrors,
                    options,
                    store,
                    fetcher,
                    self.threads,
                );
                let mut index = PackageIndex::new(&options.architecture);
                let pocket = Pocket {
                    name: pocket.name.clone(),
                    priority: 500,
                };
                condensed.is_ok_and(|text| index.add_condensed(text, pocket).is_ok())
                    && index.has_package(name)
            };
            let place = |component: &String| Elsewhere {
                component: component.clone(),
                pocket: pocket.name.clone(),
            };
            others.filter(has_it).map(place).collect::<Vec<_>>()
        });
        found.into_iter().flatten().collect()
    }

    /// The states of the pockets, in their order.
    pub fn states(&self) -> &[PocketState] {
        &self.states
    }

    /// What is odd about the Releases, although they are trusted; to be told to the user.
    pub fn warnings(&self) -> &[ReleaseWarning] {
        &self.warnings
    }

    /// Which packages have which libraries, by the `Contents` indexes that the Releases name: from
    /// the store, or else from a mirror, which has some 40 MB to send.
    ///
    /// # Errors
    /// If a suite's cannot be had. A suite that names none has no libraries.
    pub fn libraries(
        &self,
        store: &Store,
        fetcher: &Fetcher,
    ) -> Result<LibraryIndex, ArchiveError> {
        let found = at_once(&self.pockets, |pocket| {
            let (name, mirrors) = (&pocket.name, &pocket.mirrors);
            contents::get(
                name,
                &pocket.release,
                mirrors,
                &self.options,
                store,
                fetcher,
            )
        });
        let mut libraries = LibraryIndex::default();
        for found in found {
            libraries.add(found?);
        }
        Ok(libraries)
    }

    /// As [`Archive::libraries`], but only what the store has, perhaps of an earlier state of the
    /// archive; none if it has nothing of the suite itself.
    pub fn stored_libraries(&self, store: &Store) -> Option<LibraryIndex> {
        let mut libraries = LibraryIndex::default();
        for pocket in &self.pockets {
            let found = contents::stored(&pocket.name, &pocket.release, &self.options, store);
            if let Some(found) = found {
                libraries.add(found);
            }
        }
        (!libraries.is_empty()).then_some(libraries)
    }
}

/// Does something with each at the same time: they wait for mirrors.
fn at_once<T: Sync, R: Send>(all: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = NonZeroUsize::new(all.len()).unwrap_or(NonZeroUsize::MIN);
    parallel::map(all, threads, act)
}

fn open_pocket(
    pocket: &str,
    mirrors: Vec<Mirror>,
    options: &ArchiveOptions,
    store: &Store,
    fetcher: &Fetcher,
) -> Result<(PocketState, OpenPocket, Vec<ReleaseWarning>), ArchiveError> {
    if mirrors.is_empty() {
        return Err(ArchiveError::NoMirror {
            pocket: pocket.to_owned(),
        });
    }
    let verified = release::get(pocket, &mirrors, options, store, fetcher)?;
    let warnings = warning::of(pocket, &verified.release, options, store)?;
    let state = PocketState {
        name: pocket.to_owned(),
        date: verified.release.date,
        release: verified.digest,
        version: verified.release.version.clone(),
        keys: verified.keys,
    };
    let pocket = OpenPocket {
        name: pocket.to_owned(),
        mirrors,
        release: verified.release,
        signed: verified.signed,
    };
    Ok((state, pocket, warnings))
}
