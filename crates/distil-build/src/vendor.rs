//! A directory that has everything that locks need, and is a mirror of it: for machines without
//! network.
//!
//! It is laid out as Debian's archive is, with the locks themselves in `locks/`. What is in it is verified
//! where it is used as what any mirror has: the signature, then each digest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::num::NonZeroUsize;
use std::path::Path;

use distil_debian::archive::{
    Archive, ArchiveOptions, IndexBytes, IndexFile, Mirrors, PackageFailure, PocketState,
};
use distil_debian::deb::{DebError, Expected};
use distil_debian::distribution::Area;
use distil_debian::suite::Suite;
use distil_definition::recipe::{Recipe, lower};
use distil_lock::file::LockFile;
use distil_lock::{
    ArchiveFile, ContentsError, LOCAL, Lock, MirrorSource, PackageSource, SnapshotSource, Sources,
    StoreSource,
};
use distil_store::{Blob, Digest, Store, parallel};

use crate::error::BuildError;
use crate::event::Event;
use crate::platforms::architectures;
use crate::request::{Request, suite};
use crate::session::Session;
use crate::vendored::{FileState, LOCKS, VendorError, put, state};

/// How long after the newest Release of a lock a snapshot is looked for that has all of them, in
/// seconds: the service copies an archive some hours after its Release was made.
const UNTIL_SNAPSHOT: [i64; 3] = [0, 6 * 3600, 24 * 3600];

/// What was put into a directory. A file that several locks need counts once.
#[derive(Debug, Default)]
pub struct Vendored {
    /// How many files the locks need.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them were not there before.
    pub new_files: usize,
    /// The bytes of these.
    pub new_bytes: u64,
    /// The suites whose indexes are of another state of the archive than the lock's.
    pub other_states: Vec<String>,
    /// What was counted.
    seen: BTreeSet<String>,
}

/// The files of a lock on one platform, and where they are had.
struct Needed {
    files: Vec<(String, ArchiveFile)>,
    states: Vec<PocketState>,
    options: ArchiveOptions,
    suite: Suite,
    snapshot: Option<String>,
    recipe: Recipe,
    lock: Option<Lock>,
}

impl Session {
    /// Puts everything that the locks of `requests` need into a directory: packages, Releases with
    /// their signatures, indexes, downloads, what applications get of other package managers, and the
    /// locks. What is there and right stays; nothing is removed.
    ///
    /// # Errors
    /// If a request has no lock or that does not fit, or a file cannot be had or written. What was
    /// written by then is whole.
    pub fn vendor(&self, requests: &[Request], directory: &Path) -> Result<Vendored, BuildError> {
        let mut locks: BTreeMap<String, &LockFile> = BTreeMap::new();
        let mut needed = Vec::new();
        let mut vendored = Vendored::default();
        for request in requests {
            let Some(used) = &request.lock else {
                let image = request.word.clone();
                return Err(VendorError::Unlocked { image }.into());
            };
            let name = Path::new(&used.origin).file_name();
            let name = name.map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            match locks.insert(name.clone(), &used.file) {
                Some(other) if *other != used.file => {
                    return Err(VendorError::Name { name }.into());
                }
                _ => {}
            }
            for platform in &used.file.platforms {
                needed.push(self.needed(request, &used.file, &platform.platform)?);
            }
        }
        for one in &needed {
            self.vendor_packages(one, directory, &mut vendored)?;
            if let Some(lock) = &one.lock {
                for (name, blob) in self.elsewhere(&one.recipe, lock)? {
                    vendored.put(directory, &name, &mut blob.open()?)?;
                }
            }
        }
        for one in &needed {
            let files = self.index_files(one, &mut vendored)?;
            for file in files {
                match &file.bytes {
                    IndexBytes::InMemory(bytes) => {
                        vendored.put(directory, &file.path, &mut Cursor::new(bytes))?;
                    }
                    IndexBytes::Stored(blob) => {
                        vendored.put(directory, &file.path, &mut blob.open()?)?;
                    }
                }
            }
        }
        for (name, lock) in locks {
            let text = lock.to_text();
            let path = format!("{LOCKS}/{name}");
            vendored.put(directory, &path, &mut Cursor::new(text.as_bytes()))?;
        }
        Ok(vendored)
    }

    fn needed(
        &self,
        request: &Request,
        file: &LockFile,
        platform: &str,
    ) -> Result<Needed, BuildError> {
        let suite = suite(&file.suite)?;
        let architecture = architectures(&[platform.to_owned()], suite)?
            .first()
            .copied();
        let Some(architecture) = architecture else {
            return Err(VendorError::Unlocked {
                image: request.word.clone(),
            }
            .into());
        };
        let target = request.target(suite, architecture, self.now());
        let recipe = lower(request.source.clone(), target)?;
        let used = request.lock.as_ref();
        let compression = self.layers(request).compression;
        let lock = used
            .map(|used| used.lock(&recipe, compression))
            .transpose()?;
        let lock = lock.map(|(lock, _)| lock);
        let packages = file.packages_of(platform).into_iter();
        // Files of this machine lie beside the definition, as they have to anyhow.
        let packages = packages.filter(|one| one.file.suite != LOCAL);
        Ok(Needed {
            files: packages
                .map(|one| (format!("{} {}", one.name, one.version), one.file))
                .collect(),
            states: lock
                .as_ref()
                .map(|lock| lock.states.clone())
                .unwrap_or_default(),
            options: self.archive(&recipe)?,
            suite,
            snapshot: recipe.snapshot_service.clone(),
            recipe,
            lock,
        })
    }

    fn vendor_packages(
        &self,
        needed: &Needed,
        directory: &Path,
        vendored: &mut Vendored,
    ) -> Result<(), BuildError> {
        let mut missing = Vec::new();
        for (name, file) in &needed.files {
            match state(directory, file)? {
                FileState::Whole => vendored.count(&file.path, file.size, false),
                FileState::Missing | FileState::Damaged(_) => missing.push((name, file)),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.tell(Event::Fetching {
            packages: missing.len() as u64,
            bytes: missing.iter().map(|(_, file)| file.size).sum(),
        });
        let stored = StoreSource(&self.store);
        let mirrors = MirrorSource::new(&needed.options, &self.fetcher, &self.store);
        let snapshots = SnapshotSource::new(
            self.snapshots(
                needed.snapshot.as_deref(),
                needed.options.suite.distribution,
            )?,
            needed.suite,
            &needed.states,
            &self.fetcher,
            &self.store,
        );
        let sources: [&dyn PackageSource; 3] = [&stored, &mirrors, &snapshots];
        let source = Sources(&sources);
        let threads = NonZeroUsize::new(self.fetcher.connections()).unwrap_or(NonZeroUsize::MIN);
        let written = parallel::try_map(&missing, threads, |(name, file)| {
            let blob = fetch(&source, file, &self.store).map_err(|source| ContentsError {
                package: (*name).clone(),
                source,
            })?;
            put(directory, &file.path, &mut blob.open()?)?;
            self.tell(Event::Fetched {
                package: name,
                bytes: file.size,
            });
            Ok::<_, BuildError>(())
        });
        written?;
        for (_, file) in missing {
            vendored.count(&file.path, file.size, true);
        }
        Ok(())
    }

    /// The signed files of the state of the archive that the lock was made from, or else of the
    /// present one.
    fn index_files(
        &self,
        needed: &Needed,
        vendored: &mut Vendored,
    ) -> Result<Vec<IndexFile>, BuildError> {
        let differing = |states: &[PocketState]| -> Vec<String> {
            let known = |one: &&PocketState| {
                let locked = needed.states.iter().find(|locked| locked.name == one.name);
                locked.is_some_and(|locked| locked.release != one.release)
            };
            let differing = states.iter().filter(known);
            differing.map(|one| one.name.clone()).collect()
        };
        let archive = self.open_archive(&needed.options)?;
        let others = differing(archive.states());
        if others.is_empty() {
            return Ok(archive.index_files(&self.store, &self.fetcher)?);
        }
        let newest = needed.states.iter().map(|state| state.date).max();
        let snapshots = self.snapshots(
            needed.snapshot.as_deref(),
            needed.options.suite.distribution,
        )?;
        for seconds in UNTIL_SNAPSHOT {
            let time = newest.unwrap_or_default().saturating_add(seconds);
            let distribution = needed.options.suite.distribution;
            let at = |area| snapshots.at(distribution, area, time);
            let at = |area| at(area).into_iter().collect();
            let options = ArchiveOptions {
                mirrors: Mirrors {
                    main: at(Area::Main),
                    security: at(Area::Security),
                },
                allow_expired: true,
                ..needed.options.clone()
            };
            let found = Archive::open(&options, &self.store, &self.fetcher);
            let found = found.and_then(|snapshot| {
                let others = differing(snapshot.states());
                tracing::info!(time, ?others, "snapshot");
                match others.is_empty() {
                    true => snapshot.index_files(&self.store, &self.fetcher).map(Some),
                    false => Ok(None),
                }
            });
            match found {
                Ok(Some(files)) => return Ok(files),
                Ok(None) => {}
                Err(error) => tracing::info!(time, %error, "no snapshot"),
            }
        }
        for other in others {
            if !vendored.other_states.contains(&other) {
                vendored.other_states.push(other);
            }
        }
        Ok(archive.index_files(&self.store, &self.fetcher)?)
    }
}

impl Vendored {
    fn count(&mut self, path: &str, bytes: u64, is_new: bool) {
        if !self.seen.insert(path.to_owned()) {
            return;
        }
        self.files += 1;
        self.bytes += bytes;
        if is_new {
            self.new_files += 1;
            self.new_bytes += bytes;
        }
    }

    /// Writes a file unless it is there already, and counts it.
    fn put(
        &mut self,
        directory: &Path,
        path: &str,
        bytes: &mut (impl Read + Seek),
    ) -> Result<(), BuildError> {
        let failed = |source| VendorError::Read {
            path: directory.join(path),
            source,
        };
        let (digest, size) = Digest::of_reader(bytes).map_err(failed)?;
        bytes.rewind().map_err(failed)?;
        let there = match File::open(directory.join(path)) {
            Ok(mut file) => Some(Digest::of_reader(&mut file).map_err(failed)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error).into()),
        };
        let is_new = there != Some((digest, size));
        if is_new {
            put(directory, path, bytes)?;
        }
        self.count(path, size, is_new);
        Ok(())
    }
}

/// The bytes of a package, which the store has afterwards.
fn fetch(
    source: &dyn PackageSource,
    file: &ArchiveFile,
    store: &Store,
) -> Result<Blob, PackageFailure> {
    let expected = Expected {
        size: file.size,
        digest: file.sha256,
    };
    let mut read = |bytes: File| {
        let mut writer = store.create()?;
        // A byte more than there should be is enough to see that it is another file.
        let mut bytes = bytes.take(expected.size.saturating_add(1));
        let size = io::copy(&mut bytes, &mut writer).map_err(PackageFailure::Read)?;
        let actual = Expected {
            size,
            digest: writer.digest(),
        };
        match actual == expected {
            true => Ok(writer.commit()?),
            false => Err(DebError::Digest { expected, actual }.into()),
        }
    };
    let mut attempts = Vec::new();
    let found = source.read(file, &mut read, &mut attempts)?;
    found.ok_or(PackageFailure::Unavailable { attempts })
}
