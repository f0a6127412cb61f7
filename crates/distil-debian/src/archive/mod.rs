//! An archive as it is now: its Releases verified, its indexes read.
//!
//! Trust goes one way, and every step names the next by digest: a keyring verifies
//! `InRelease`, that names the `Packages` files, those name the packages. So it does not matter
//! which mirror a file comes from, and files of two states of an archive are never mixed: an
//! index that its Release does not name is not taken, whatever mirror offers it.

mod error;
mod index;
mod keys;
mod mirrors;
mod release;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use distil_store::{Store, parallel};
use serde::{Deserialize, Serialize};

use crate::fetch::{Fetcher, Mirror};
use crate::index::{PackageIndex, Pocket};
use crate::release::Release;
use crate::suite::Suite;

pub use error::{ArchiveError, Attempt, PackageFailure};
pub use keys::Keys;
pub use mirrors::Mirrors;

/// Which archive, and how strictly.
#[derive(Debug, Clone)]
pub struct ArchiveOptions {
    /// The release of Debian.
    pub suite: Suite,
    /// Debian's name of the architecture, such as `amd64`.
    pub architecture: String,
    /// Where to look.
    pub mirrors: Mirrors,
    /// Whose signatures count.
    pub keys: Keys,
    /// Whether a Release is taken though its `Valid-Until` has passed.
    pub allow_expired: bool,
    /// How long a Release is taken as it is before a mirror is asked whether there is a newer.
    pub freshness: Duration,
    /// The time now.
    pub now: SystemTime,
}

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
}

/// An archive, open for one architecture: what it is now is known, and nothing of it read.
pub struct Archive {
    options: ArchiveOptions,
    pockets: Vec<OpenPocket>,
    threads: NonZeroUsize,
    states: Vec<PocketState>,
}

/// A suite of the archive whose Release can be trusted.
struct OpenPocket {
    name: String,
    mirrors: Vec<Mirror>,
    release: Release,
}

impl Archive {
    /// Gets and verifies the Releases of all pockets of a suite.
    ///
    /// # Errors
    /// If any pocket cannot be had: an image without its security fixes is no image that
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
        };
        for opened in opened {
            let (state, pocket) = opened?;
            archive.states.push(state);
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
                name,
                &pocket.release,
                mirrors,
                &self.options,
                damaged.contains(name),
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

    /// The states of the pockets, in their order.
    pub fn states(&self) -> &[PocketState] {
        &self.states
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
) -> Result<(PocketState, OpenPocket), ArchiveError> {
    if mirrors.is_empty() {
        return Err(ArchiveError::NoMirror {
            pocket: pocket.to_owned(),
        });
    }
    let verified = release::get(pocket, &mirrors, options, store, fetcher)?;
    let state = PocketState {
        name: pocket.to_owned(),
        date: verified.release.date,
        release: verified.digest,
        version: verified.release.version.clone(),
    };
    let pocket = OpenPocket {
        name: pocket.to_owned(),
        mirrors,
        release: verified.release,
    };
    Ok((state, pocket))
}
