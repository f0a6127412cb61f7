//! Where the bytes of packages are had: one trait, and the store, mirrors and directories behind it.
//!
//! A lock names a package's file by its digest, so it does not matter who has it: what comes from
//! anywhere is compared while it is read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use distil_debian::archive::{ArchiveOptions, Attempt, PackageFailure};
use distil_debian::deb::DebError;
use distil_debian::fetch::{FetchError, Fetcher, Mirror};
use distil_store::{Blob, Store};

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
    mirrors: BTreeMap<String, Vec<Mirror>>,
    fetcher: &'a Fetcher,
    store: &'a Store,
}

impl<'a> MirrorSource<'a> {
    /// The mirrors of the suites of an archive. What they give is kept in the store.
    pub fn new(options: &ArchiveOptions, fetcher: &'a Fetcher, store: &'a Store) -> Self {
        let pockets = options.suite.pockets();
        let mirrors = pockets.into_iter().map(|(name, area)| {
            let mirrors = options.mirrors.of(area);
            (name, mirrors)
        });
        Self {
            mirrors: mirrors.collect(),
            fetcher,
            store,
        }
    }
}

impl PackageSource for MirrorSource<'_> {
    fn read(
        &self,
        file: &ArchiveFile,
        read: &mut ReadFile<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<Blob>, PackageFailure> {
        let mirrors = self.mirrors.get(&file.suite);
        let mirrors = mirrors.map_or_else(Vec::new, |mirrors| self.fetcher.in_order(mirrors));
        for mirror in mirrors {
            let address = mirror.join(&file.path);
            if let Some(directory) = mirror.folder() {
                let path = directory.join(&file.path);
                if let Some(blob) = read_path(&path, address.to_string(), read, attempts)? {
                    return Ok(Some(blob));
                }
                continue;
            }
            let fetched = self
                .fetcher
                .blob(&address, file.size, &file.sha256, self.store);
            let result = match fetched {
                Ok(blob) => read(blob.open()?),
                Err(error) if error.is_local() => return Err(PackageFailure::Local(error)),
                Err(error) => Err(PackageFailure::Fetch(error)),
            };
            if let Some(blob) = accepted(result, address.to_string(), attempts)? {
                return Ok(Some(blob));
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
