//! Where the bytes of packages are had: one trait, and the store, mirrors and directories behind it.
//!
//! A lock names a package's file by its digest, so it does not matter who has it: what comes from
//! anywhere is compared while it is read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use distil_debian::archive::{ArchiveOptions, Attempt, PackageFailure, PocketState, Snapshots};
use distil_debian::deb::DebError;
use distil_debian::distribution::{Area, Distribution};
use distil_debian::fetch::{FetchError, Fetcher, Mirror};
use distil_debian::suite::Suite;
use distil_definition::recipe::Recipe;
use distil_store::{Blob, Digest, Store};

use crate::gate::Gate;
use crate::lock::ArchiveFile;

/// Reads the bytes of a package's file, and says whether they are what they should be.
pub type ReadFile<'a> = dyn FnMut(File) -> Result<Blob, PackageFailure> + 'a;

/// A place, or several, where files of archives are had.
pub trait PackageSource: Sync {
    /// Hands the bytes of `file` to `read`, from one place after another, until it takes them.
    /// What was tried in vain is added to `attempts`. None if no place has them.
    ///
    /// # Errors
    /// If trying on is of no use: the right bytes are no package, or the fault is on this machine.
    fn read(
        &self,
        file: &ArchiveFile,
        read: &mut ReadFile<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<Blob>, PackageFailure>;
}

/// What the store has already.
pub struct StoreSource<'a>(
    /// The store.
    pub &'a Store,
);

impl PackageSource for StoreSource<'_> {
    fn read(
        &self,
        file: &ArchiveFile,
        read: &mut ReadFile<'_>,
        _: &mut Vec<Attempt>,
    ) -> Result<Option<Blob>, PackageFailure> {
        let Some(blob) = self.0.get(&file.sha256) else {
            return Ok(None);
        };
        match read(blob.open()?) {
            // Damaged in the store: as good as not there.
            Err(PackageFailure::Malformed(DebError::Digest { .. })) => {
                blob.verify()?;
                Ok(None)
            }
            result => result.map(Some),
        }
    }
}

/// A directory with files of an archive: below it by their paths in the archive, or in it by their
/// names alone.
pub struct DirectorySource(
    /// The directory.
    pub PathBuf,
);

impl PackageSource for DirectorySource {
    fn read(
        &self,
        file: &ArchiveFile,
        read: &mut ReadFile<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<Blob>, PackageFailure> {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let mut paths = vec![self.0.join(&file.path), self.0.join(name)];
        paths.dedup();
        for path in paths {
            let address = path.display().to_string();
            if let Some(blob) = read_path(&path, address, read, attempts)? {
                return Ok(Some(blob));
            }
        }
        Ok(None)
    }
}

/// The packages that definitions name as files of this machine, by their digests.
pub struct LocalSource(BTreeMap<Digest, PathBuf>);

impl LocalSource {
    /// Those of a recipe.
    pub fn new(recipe: &Recipe) -> Self {
        let layers = recipe.layers.iter().chain(&recipe.same_as);
        let requests = layers.flat_map(|layer| &layer.packages);
        let local = requests.filter_map(|request| request.local.as_ref());
        Self(
            local
                .map(|local| (local.package.sha256, local.path.clone()))
                .collect(),
        )
    }
}

impl PackageSource for LocalSource {
    fn read(
        &self,
        file: &ArchiveFile,
        read: &mut ReadFile<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<Blob>, PackageFailure> {
        match self.0.get(&file.sha256) {
            Some(path) => read_path(path, path.display().to_string(), read, attempts),
            None => Ok(None),
        }
    }
}

fn read_path(
    path: &Path,
    address: String,
    read: &mut ReadFile<'_>,
    attempts: &mut Vec<Attempt>,
) -> Result<Option<Blob>, PackageFailure> {
    let result = match File::open(path) {
        Ok(file) => read(file),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let address = address.clone();
            Err(PackageFailure::Fetch(FetchError::Missing { address }))
        }
        Err(error) => Err(PackageFailure::Read(error)),
    };
    accepted(result, address, attempts)
}

/// The mirrors of an archive, which are asked in turn.
pub struct MirrorSource<'a> {
    /// Of a snapshot service, which throttles.
    gate: Option<Gate>,
    mirrors: BTreeMap<String, Vec<Mirror>>,
    fetcher: &'a Fetcher,
    store: &'a Store,
}

impl<'a> MirrorSource<'a> {
    /// The mirrors of the suites of an archive. What they give is kept in the store.
    pub fn new(options: &ArchiveOptions, fetcher: &'a Fetcher, store: &'a Store) -> Self {
        let pockets = options.pockets().into_iter();
        let mirrors = pockets.map(|pocket| (pocket.name, pocket.mirrors));
        Self {
            gate: options.snapshot.map(|_| Gate::new(SNAPSHOTS_AT_ONCE)),
            mirrors: mirrors.collect(),
            fetcher,
            store,
        }
    }
}

impl MirrorSource<'_> {
    /// Whether a mirror that is a directory of this machine has a file of this path.
    pub fn has_locally(&self, file: &ArchiveFile) -> bool {
        let mirrors = self.mirrors.get(&file.suite);
        let directories = mirrors.into_iter().flatten().filter_map(Mirror::folder);
        let mut paths = directories.map(|directory| directory.join(&file.path));
        paths.any(|path| path.is_file())
    }
}

impl PackageSource for MirrorSource<'_> {
    fn read(
        &self,
        file: &ArchiveFile,
        read: &mut ReadFile<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<Blob>, PackageFailure> {
        let _place = self.gate.as_ref().map(Gate::enter);
        let mirrors = self.mirrors.get(&file.suite);
        let mirrors = mirrors.map_or_else(Vec::new, |mirrors| self.fetcher.in_order(mirrors));
        for mirror in mirrors {
            let found = read_mirror(mirror, file, self.fetcher, self.store, read, attempts)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// Reads a file from one mirror.
fn read_mirror(
    mirror: &Mirror,
    file: &ArchiveFile,
    fetcher: &Fetcher,
    store: &Store,
    read: &mut ReadFile<'_>,
    attempts: &mut Vec<Attempt>,
) -> Result<Option<Blob>, PackageFailure> {
    let address = mirror.join(&file.path);
    if let Some(directory) = mirror.folder() {
        let path = directory.join(&file.path);
        return read_path(&path, address.to_string(), read, attempts);
    }
    let fetched = fetcher.blob(&address, file.size, &file.sha256, store);
    let result = match fetched {
        Ok(blob) => read(blob.open()?),
        Err(error) if error.is_local() => return Err(PackageFailure::Local(error)),
        Err(error) => Err(PackageFailure::Fetch(error)),
    };
    accepted(result, address.to_string(), attempts)
}

/// How many files a snapshot service is asked for at once: such services throttle.
const SNAPSHOTS_AT_ONCE: NonZeroUsize = match NonZeroUsize::new(2) {
    Some(two) => two,
    None => NonZeroUsize::MIN,
};

/// How long after a Release a snapshot is looked for, too, in seconds. The service copies an archive
/// some hours after its Release was made, and a file that leaves an archive stays there for longer.
const UNTIL_SNAPSHOT: i64 = 24 * 3600;

/// A service that has every state that an archive ever had: for what no mirror has any more.
pub struct SnapshotSource<'a> {
    snapshots: Snapshots,
    distribution: &'static Distribution,
    suites: BTreeMap<String, (Area, i64)>,
    fetcher: &'a Fetcher,
    store: &'a Store,
    gate: Gate,
}

impl<'a> SnapshotSource<'a> {
    /// The snapshots of an archive at the times of its `states`. What they give is kept in the
    /// store.
    pub fn new(
        snapshots: Snapshots,
        suite: Suite,
        states: &[PocketState],
        fetcher: &'a Fetcher,
        store: &'a Store,
    ) -> Self {
        let date = |name: &str| states.iter().find(|state| state.name == name);
        let suites = suite.pockets().into_iter().filter_map(|(name, area)| {
            let date = date(&name)?.date;
            Some((name, (area, date)))
        });
        Self {
            snapshots,
            distribution: suite.distribution,
            suites: suites.collect(),
            fetcher,
            store,
            gate: Gate::new(SNAPSHOTS_AT_ONCE),
        }
    }
}

impl PackageSource for SnapshotSource<'_> {
    fn read(
        &self,
        file: &ArchiveFile,
        read: &mut ReadFile<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<Blob>, PackageFailure> {
        let Some((area, date)) = self.suites.get(&file.suite) else {
            return Ok(None);
        };
        let _place = self.gate.enter();
        let date = file.last_seen.unwrap_or(*date);
        for time in [date, date.saturating_add(UNTIL_SNAPSHOT)] {
            let Some(mirror) = self.snapshots.at(self.distribution, *area, time) else {
                continue;
            };
            let found = read_mirror(&mirror, file, self.fetcher, self.store, read, attempts)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// Several sources, which are asked in turn.
pub struct Sources<'a>(
    /// The sources, the first to be asked first.
    pub &'a [&'a dyn PackageSource],
);

impl PackageSource for Sources<'_> {
    fn read(
        &self,
        file: &ArchiveFile,
        read: &mut ReadFile<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<Blob>, PackageFailure> {
        for source in self.0 {
            if let Some(blob) = source.read(file, read, attempts)? {
                return Ok(Some(blob));
            }
        }
        Ok(None)
    }
}

/// What came of one place: what it gave, or nothing and why.
fn accepted(
    result: Result<Blob, PackageFailure>,
    address: String,
    attempts: &mut Vec<Attempt>,
) -> Result<Option<Blob>, PackageFailure> {
    match result {
        Ok(blob) => Ok(Some(blob)),
        // Right bytes, wrong package: other places have the same.
        Err(PackageFailure::Malformed(error))
            if !matches!(error, DebError::Digest { .. } | DebError::Ar { .. }) =>
        {
            Err(error.into())
        }
        Err(error) => {
            attempts.push(Attempt::new(address, &error));
            Ok(None)
        }
    }
}
