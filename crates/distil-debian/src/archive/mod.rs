//! An archive as it is now: its Releases verified, its indexes read, its packages fetched.
//!
//! Trust goes one way, and every step names the next by digest: a keyring verifies
//! `InRelease`, that names the `Packages` files, those name the packages. So it does not matter
//! which mirror a file comes from, and files of two states of an archive are never mixed: an
//! index that its Release does not name is not taken, whatever mirror offers it.

mod error;
mod gate;
mod index;
mod keys;
mod mirrors;
mod release;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use distil_store::{Key, Store, parallel};
use serde::{Deserialize, Serialize};

use crate::deb::{DebError, Expected, FEWEST_SHARED_BYTES, PackageFile, unpack};
use crate::fetch::{FetchError, Fetcher, Mirror};
use crate::index::{PackageIndex, Pocket};
use crate::package::BinaryPackage;
use crate::release::Release;
use crate::suite::Suite;

use gate::Gate;

pub use error::{ArchiveError, Attempt, PackageFailure};
pub use keys::Keys;
pub use mirrors::Mirrors;

/// Names what is made of a package; to be raised when that changes.
const PACKAGE_FORMAT: &[u8] = b"1";

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
    decoders: Gate,
    /// Held by whoever decompresses one package on all threads: a second one would only double
    /// the memory.
    shared_decoder: Mutex<()>,
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
            decoders: Gate::new(threads),
            shared_decoder: Mutex::new(()),
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

    /// A package's content, from the store or else from a mirror.
    ///
    /// # Errors
    /// If no mirror has the very bytes that the index names, or they are no package.
    pub fn package(
        &self,
        package: &BinaryPackage,
        store: &Store,
        fetcher: &Fetcher,
    ) -> Result<PackageFile, ArchiveError> {
        let failed = |source| ArchiveError::Package {
            package: named(package),
            source,
        };
        let key = Key::new("package", &[PACKAGE_FORMAT, package.sha256.as_bytes()]);
        if let Some(blob) = store.lookup(&key)
            && let verified = blob.verify().map_err(|error| failed(error.into()))?
            && verified.is_some()
            && let Ok(file) = PackageFile::open(blob.clone(), blob.size())
        {
            return Ok(file);
        }
        let expected = Expected {
            size: package.size,
            digest: package.sha256,
        };
        let blob = self
            .unpack(package, expected, store, fetcher)
            .map_err(failed)?;
        store
            .record(&key, &blob)
            .map_err(|error| failed(error.into()))?;
        let size = blob.size();
        PackageFile::open(blob, size).map_err(|error| failed(PackageFailure::Read(error)))
    }

    fn unpack(
        &self,
        package: &BinaryPackage,
        expected: Expected,
        store: &Store,
        fetcher: &Fetcher,
    ) -> Result<distil_store::Blob, PackageFailure> {
        let read = |file: File| {
            // Each decoder needs some ten megabytes, and more than there are cores are of no use.
            let _place = self.decoders.enter();
            let mut writer = store.create()?;
            let input = BufReader::with_capacity(1 << 16, file);
            let shared = (package.size >= FEWEST_SHARED_BYTES)
                .then(|| self.shared_decoder.try_lock().ok())
                .flatten();
            let threads = shared.as_ref().map_or(NonZeroUsize::MIN, |_| self.threads);
            let limit = unpacked_limit(package);
            unpack(input, expected, limit, threads, &mut writer)?;
            Ok::<_, PackageFailure>(writer.commit()?)
        };
        if let Some(blob) = store.get(&expected.digest) {
            match read(blob.open()?) {
                // Damaged in the store: as good as not there.
                Err(PackageFailure::Malformed(DebError::Digest { .. })) => {
                    blob.verify()?;
                }
                result => return result,
            }
        }
        let mut attempts = Vec::new();
        let pocket = self.pockets.get(usize::from(package.pocket));
        for mirror in pocket.into_iter().flat_map(|pocket| &pocket.mirrors) {
            let address = mirror.join(&package.filename);
            let result = match mirror.folder() {
                Some(folder) => match File::open(folder.join(&package.filename)) {
                    Ok(file) => read(file),
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        let address = address.clone();
                        Err(PackageFailure::Fetch(FetchError::Missing { address }))
                    }
                    Err(error) => Err(PackageFailure::Read(error)),
                },
                None => match fetcher.blob(&address, expected.size, &expected.digest, store) {
                    Ok(blob) => read(blob.open()?),
                    Err(error) if error.is_local() => return Err(PackageFailure::Local(error)),
                    Err(error) => Err(PackageFailure::Fetch(error)),
                },
            };
            match result {
                // Right bytes, wrong package: other mirrors have the same.
                Err(PackageFailure::Malformed(error))
                    if !matches!(error, DebError::Digest { .. } | DebError::Ar { .. }) =>
                {
                    return Err(error.into());
                }
                Err(error) => attempts.push(Attempt::new(address, &error)),
                Ok(blob) => return Ok(blob),
            }
        }
        Err(PackageFailure::Unavailable { attempts })
    }
}

/// How many bytes a package may unpack to: what it says of itself (`Installed-Size` is an
/// estimate, Debian Policy §5.6.20), twice, with room for the headers of many small files.
fn unpacked_limit(package: &BinaryPackage) -> u64 {
    let announced = package.installed_size_kib.saturating_mul(2 << 10);
    let most = distil_tree::tar::Limits::default().size;
    announced.saturating_add(64 << 20).min(most)
}

fn named(package: &BinaryPackage) -> String {
    format!("{} {}", package.name, package.version)
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
