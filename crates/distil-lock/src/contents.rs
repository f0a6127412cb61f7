//! The contents of an image's packages: had from a source, verified, and unpacked into the store.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroUsize;
use std::sync::Mutex;

use distil_debian::archive::PackageFailure;
use distil_debian::deb::{Expected, FEWEST_SHARED_BYTES, PackageFile, unpack};
use distil_store::{Blob, Key, Store, parallel};

use crate::bundles::Bundle;
use crate::gate::Gate;
use crate::lock::{Lock, LockedPackage};
use crate::source::PackageSource;

/// Names what is made of a package; to be raised when that changes.
const PACKAGE_FORMAT: &[u8] = b"1";

/// The contents of all that an image is made of.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    packages: BTreeMap<String, PackageFile>,
    bundles: Vec<Bundle>,
}

impl Contents {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The contents of a package.
    pub fn get(&self, package: &str) -> Option<&PackageFile> {
        self.packages.get(package)
    }

    /// Adds the contents of a package.
    pub fn insert(&mut self, package: String, file: PackageFile) {
        self.packages.insert(package, file);
    }

    /// The contents of the packages, by their names.
    pub fn packages(&self) -> &BTreeMap<String, PackageFile> {
        &self.packages
    }

    /// The files that no package ships, in the order in which they are put into the image.
    pub fn bundles(&self) -> &[Bundle] {
        &self.bundles
    }

    /// Adds files that no package ships, behind those that there are.
    pub fn add_bundles(&mut self, bundles: impl IntoIterator<Item = Bundle>) {
        self.bundles.extend(bundles);
    }
}

/// A package of a lock cannot be had or read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read package `{package}`")]
pub struct ContentsError {
    /// Its name and version.
    pub package: String,
    /// Why.
    pub source: PackageFailure,
}

/// How packages are had and unpacked.
pub struct Fetch<'a> {
    /// Where unpacked packages are kept, and looked for first.
    pub store: &'a Store,
    /// Where the others are had.
    pub source: &'a dyn PackageSource,
    /// On how many threads packages are unpacked.
    pub threads: NonZeroUsize,
    /// How many packages may be waited for beside those that are being unpacked.
    pub waiting: usize,
}

/// The packages of which the store has neither the file nor what is in it, with the sizes of
/// their files, by name.
pub fn missing(lock: &Lock, store: &Store) -> BTreeMap<String, u64> {
    let packages = lock.packages().map(|(_, one)| one);
    let missing = packages.filter(|package| {
        store.lookup(&key(package)).is_none() && store.get(&package.file.sha256).is_none()
    });
    let missing = missing.map(|package| (package.name.clone(), package.file.size));
    missing.collect()
}

/// What is in a package, if the store has it unpacked: an image that was made of it left it there.
pub fn stored(package: &LockedPackage, store: &Store) -> Option<PackageFile> {
    let blob = store.lookup(&key(package))?;
    let size = blob.size();
    PackageFile::open(blob, size).ok()
}

/// Names what is in a package's file.
fn key(package: &LockedPackage) -> Key {
    Key::new("package", &[PACKAGE_FORMAT, package.file.sha256.as_bytes()])
}

/// Fetches and unpacks the packages of an image, largest first, so that no core is left alone
/// with a large one at the end. `done` is told of each package.
///
/// # Errors
/// Of the packages that cannot be had, the largest's; what was fetched by then stays in the store.
pub fn fetch(
    lock: &Lock,
    how: &Fetch<'_>,
    done: &(dyn Fn(&LockedPackage) + Sync),
) -> Result<Contents, ContentsError> {
    let mut packages: Vec<&LockedPackage> = lock.packages().map(|(_, one)| one).collect();
    packages.sort_by(|a, b| {
        let by_size = b.file.size.cmp(&a.file.size);
        by_size.then_with(|| a.name.cmp(&b.name))
    });
    let unpacker = Unpacker::new(how);
    // Some wait for the network while others decompress.
    let wanted = (how.threads.get() + how.waiting).min(most_by_descriptors());
    let workers = NonZeroUsize::new(wanted).unwrap_or(NonZeroUsize::MIN);
    let fetched = parallel::try_map(&packages, workers, |package| {
        let file = unpacker.package(package);
        done(package);
        file.map(|file| (package.name.clone(), file))
    });
    Ok(Contents {
        packages: fetched?.into_iter().collect(),
        bundles: Vec::new(),
    })
}

/// How many packages may be fetched and unpacked at once with what this process may have open: each
/// needs a connection, the file that it comes into, the one that it is unpacked from and the one
/// that it is unpacked to. Half of it is left for everything else.
fn most_by_descriptors() -> usize {
    distil_store::descriptor_limit() / 8
}

struct Unpacker<'a> {
    how: &'a Fetch<'a>,
    decoders: Gate,
    /// Held by whoever decompresses one package on all threads: a second one would only double
    /// the memory.
    shared_decoder: Mutex<()>,
}

impl<'a> Unpacker<'a> {
    fn new(how: &'a Fetch<'a>) -> Self {
        Self {
            how,
            decoders: Gate::new(how.threads),
            shared_decoder: Mutex::new(()),
        }
    }

    /// A package's content, from the store or else from the source.
    fn package(&self, package: &LockedPackage) -> Result<PackageFile, ContentsError> {
        let failed = |source| ContentsError {
            package: format!("{} {}", package.name, package.version),
            source,
        };
        let store = self.how.store;
        let key = key(package);
        if let Some(blob) = store.lookup(&key)
            && let verified = blob.verify().map_err(|error| failed(error.into()))?
            && verified.is_some()
            && let Ok(file) = PackageFile::open(blob.clone(), blob.size())
        {
            return Ok(file);
        }
        let blob = self.unpacked(package).map_err(failed)?;
        store
            .record(&key, &blob)
            .map_err(|error| failed(error.into()))?;
        let size = blob.size();
        PackageFile::open(blob, size).map_err(|error| failed(PackageFailure::Read(error)))
    }

    fn unpacked(&self, package: &LockedPackage) -> Result<Blob, PackageFailure> {
        let expected = Expected {
            size: package.file.size,
            digest: package.file.sha256,
        };
        let mut read = |file: File| {
            // Each decoder needs some ten megabytes, and more than there are cores are of no use.
            let _place = self.decoders.enter();
            let mut writer = self.how.store.create()?;
            let input = BufReader::with_capacity(1 << 16, file);
            let shared = (expected.size >= FEWEST_SHARED_BYTES)
                .then(|| self.shared_decoder.try_lock().ok())
                .flatten();
            let threads = self.how.threads;
            let threads = shared.as_ref().map_or(NonZeroUsize::MIN, |_| threads);
            let limit = unpacked_limit(package);
            unpack(input, expected, limit, threads, &mut writer)?;
            Ok::<_, PackageFailure>(writer.commit()?)
        };
        let mut attempts = Vec::new();
        let found = self
            .how
            .source
            .read(&package.file, &mut read, &mut attempts)?;
        found.ok_or(PackageFailure::Unavailable { attempts })
    }
}

/// How many bytes a package may unpack to: what it says of itself (`Installed-Size` is an
/// estimate, Debian Policy §5.6.20), twice, with room for the headers of many small files.
fn unpacked_limit(package: &LockedPackage) -> u64 {
    let announced = package.installed_size_kib.saturating_mul(2 << 10);
    let most = distil_tree::tar::Limits::default().size;
    if announced == 0 {
        // A package that somebody made by hand may not say it.
        return most;
    }
    announced.saturating_add(64 << 20).min(most)
}
