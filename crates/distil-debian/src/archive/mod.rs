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
mod moment;
mod options;
mod pocket;
mod release;
mod signed;
mod unpacked;
mod warning;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use distil_store::{Store, parallel};
use serde::{Deserialize, Serialize};

use crate::contents::LibraryIndex;
use crate::fetch::Fetcher;
use crate::index::{PackageIndex, Pocket};
use crate::release::Release;
use crate::solve::Elsewhere;
use release::SignedRelease;

pub use error::{ArchiveError, Attempt, Obstacle, PackageFailure};
pub use keys::Keys;
pub use mirrors::{InvalidSnapshots, Mirrors, Snapshots};
pub use moment::{InvalidMoment, Moment};
pub use options::ArchiveOptions;
pub use pocket::{PocketOptions, PocketPlace};
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
    /// Whose archive it is, as its Release says (`Origin`); none of Debian's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
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
    options: PocketOptions,
    release: Release,
    signed: SignedRelease,
}

impl OpenPocket {
    fn name(&self) -> &str {
        &self.options.name
    }

    /// The components to read, of which a flat repository has none.
    fn components(&self) -> Vec<Option<&str>> {
        match self.options.is_flat() {
            true => vec![None],
            false => {
                let components = self.options.components.iter();
                let there = components.filter(|one| self.has(one));
                there.map(|one| Some(one.as_str())).collect()
            }
        }
    }

    /// Whether the Release has a component, or names none at all.
    fn has(&self, component: &str) -> bool {
        let components = &self.release.components;
        components.is_empty() || components.iter().any(|one| one == component)
    }
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
        let pockets = options.pockets();
        let opened = at_once(&pockets, |pocket| {
            open_pocket(pocket, options, store, fetcher)
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
        archive.check_components()?;
        Ok(archive)
    }

    /// Refuses a component that a suite does not have. Of Debian's suites beside the release itself,
    /// not each has all of them.
    fn check_components(&self) -> Result<(), ArchiveError> {
        let codename = self.options.suite.codename;
        for pocket in &self.pockets {
            let is_beside = pocket.options.is_own && pocket.name() != codename;
            let mut components = pocket.options.components.iter();
            if !is_beside && let Some(component) = components.find(|one| !pocket.has(one)) {
                return Err(ArchiveError::Component {
                    pocket: pocket.name().to_owned(),
                    component: component.clone(),
                    components: pocket.release.components.clone(),
                });
            }
        }
        Ok(())
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
        let pockets = self.pockets.iter();
        let parts: Vec<(&OpenPocket, Option<&str>)> = pockets
            .flat_map(|pocket| {
                let components = pocket.components().into_iter();
                components.map(move |component| (pocket, component))
            })
            .collect();
        let texts = at_once(&parts, |(pocket, component)| {
            index::get(
                index::Which {
                    pocket: &pocket.options,
                    component: *component,
                    anew: damaged.contains(pocket.name()),
                },
                &pocket.release,
                &self.options,
                store,
                fetcher,
                self.threads,
            )
        });
        let mut index = PackageIndex::new(&self.options.architecture);
        for ((open, _), text) in parts.iter().zip(texts) {
            let pocket = Pocket {
                name: open.name().to_owned(),
                priority: 500,
            };
            let wrong = |source| ArchiveError::Index {
                pocket: open.name().to_owned(),
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
            let read = &pocket.options.components;
            let others = others.filter(|one| pocket.options.is_own && !read.contains(*one));
            let has_it = |component: &&String| {
                let options = &self.options;
                let condensed = index::get(
                    index::Which {
                        pocket: &pocket.options,
                        component: Some(component),
                        anew: false,
                    },
                    &pocket.release,
                    options,
                    store,
                    fetcher,
                    self.threads,
                );
                let mut index = PackageIndex::new(&options.architecture);
                let pocket = Pocket {
                    name: pocket.name().to_owned(),
                    priority: 500,
                };
                condensed.is_ok_and(|text| index.add_condensed(text, pocket).is_ok())
                    && index.has_package(name)
            };
            let place = |component: &String| Elsewhere {
                component: component.clone(),
                pocket: pocket.name().to_owned(),
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
        let own = self.pockets.iter().filter(|pocket| pocket.options.is_own);
        let own: Vec<&OpenPocket> = own.collect();
        let found = at_once(&own, |pocket| {
            contents::get(
                &pocket.options,
                &pocket.release,
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
        for pocket in self.pockets.iter().filter(|one| one.options.is_own) {
            let found = contents::stored(pocket.name(), &pocket.release, &self.options, store);
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
    pocket: &PocketOptions,
    options: &ArchiveOptions,
    store: &Store,
    fetcher: &Fetcher,
) -> Result<(PocketState, OpenPocket, Vec<ReleaseWarning>), ArchiveError> {
    if pocket.mirrors.is_empty() {
        return Err(ArchiveError::NoMirror {
            pocket: pocket.name.clone(),
        });
    }
    let verified = release::get(pocket, options, store, fetcher)?;
    let warnings = warning::of(pocket, &verified.release, options, store)?;
    let state = PocketState {
        name: pocket.name.clone(),
        date: verified.release.date,
        release: verified.digest,
        version: verified.release.version.clone(),
        keys: verified.keys,
        origin: match pocket.is_own {
            true => None,
            false => verified.release.origin.clone(),
        },
    };
    let pocket = OpenPocket {
        options: pocket.clone(),
        release: verified.release,
        signed: verified.signed,
    };
    Ok((state, pocket, warnings))
}
