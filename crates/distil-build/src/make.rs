//! The steps from a request to the image of one platform, in order.

use std::collections::{BTreeMap, BTreeSet};

use distil_debian::archive::{Archive, ArchiveError, ArchiveOptions};
use distil_debian::contents::LibraryIndex;
use distil_debian::index::{IndexError, PackageIndex};
use distil_debian::solve::SolveError;
use distil_debian::suite::Suite;
use distil_definition::recipe::{Recipe, Source, Target, lower};
use distil_definition::strict_refusal;
use distil_image::{Built, Draft, LayerOptions, Prepared};
use distil_lock::file::{Change, Formats, LockFile};
use distil_lock::{
    Contents, Fetch, LocalSource, Lock, LockedPackage, MirrorSource, PackageSource, ResolveError,
    SnapshotSource, Sources, StoreSource, fetch, fetch_bundles, look_at, missing, resolve,
};
use distil_store::{Digest, Key, parallel};

use crate::bytecode::SandboxedCompiler;
use crate::cached::CachedLayers;
use crate::error::{BuildError, MissingPackage};
use crate::event::{Event, Warning};
use crate::finished::{self, Finished};
use crate::proof::prove;
use crate::request::Request;
use crate::session::Session;
use crate::used_lock::UsedLock;

/// An image that was made, now or before.
#[derive(Debug)]
pub struct Made {
    /// The image, and what is to be told of it.
    pub finished: Finished,
    /// How it came about, if it was made now.
    pub built: Option<Built>,
    /// What changed in its definitions since its packages were locked.
    pub changes: Vec<Change>,
}

impl Session {
    /// Finds the packages of one image, and fetches none of them.
    ///
    /// # Errors
    /// If the definition is wrong, the archive cannot be used, or there is no solution; if the
    /// request has a lock, if that does not fit.
    pub fn solve(&self, request: &Request, target: Target) -> Result<Lock, BuildError> {
        let recipe = self.lower(request.source.clone(), target, used_file(request))?;
        if let Some(used) = &request.lock {
            return Ok(used.lock(&recipe, self.layers(request).compression)?.0);
        }
        let options = self.archive(&recipe)?;
        self.lock_now(&recipe, &self.open_archive(&options)?)
    }

    /// Does all of making one image but compressing its layers: enough to say what is in it and
    /// why.
    ///
    /// # Errors
    /// As [`Session::solve`], and if a package cannot be had or the files contradict one another.
    pub fn prepare(&self, request: &Request, target: Target) -> Result<Prepared, BuildError> {
        let recipe = self.lower(request.source.clone(), target, used_file(request))?;
        let options = self.archive(&recipe)?;
        let lock = match &request.lock {
            Some(used) => {
                let (lock, changes) = used.lock(&recipe, self.layers(request).compression)?;
                self.tell_changes(used, &changes);
                lock
            }
            None => self.lock_now(&recipe, &self.open_archive(&options)?)?,
        };
        self.prepare_from(request, recipe, lock, &options)
    }

    /// Makes one image to be looked at. It is not proved, and not kept but for its parts.
    ///
    /// # Errors
    /// As [`Session::prepare`], and if a layer cannot be written.
    pub fn look_at(&self, request: &Request, target: Target) -> Result<Built, BuildError> {
        let prepared = self.prepare(request, target)?;
        self.tell(Event::Compressing);
        let layers = self.layers(request);
        let (_, written) = prepared.compress(&layers, &self.store, &self.cached_layers(target))?;
        Ok(prepared.finish(written, &layers)?)
    }

    /// Makes one image, or finds the one that was made of the same inputs. With `anew` it is made
    /// in any case, of what the store has of its parts. A new one has to pass its profile of
    /// `check`, which is proved while its layers are compressed; only what passes is ever found
    /// again.
    ///
    /// With a lock, no Release and no index is read.
    ///
    /// # Errors
    /// As [`Session::look_at`], and if the image does not pass. Nothing is written but to the
    /// store.
    pub fn make(&self, request: &Request, target: Target, anew: bool) -> Result<Made, BuildError> {
        let recipe = self.lower(request.source.clone(), target, used_file(request))?;
        self.warn_of_authorities(&recipe);
        let options = self.archive(&recipe)?;
        let layers = self.layers(request);
        let mut changed = Vec::new();
        let (packages, key) = match &request.lock {
            Some(used) => {
                let (lock, changes) = used.lock(&recipe, layers.compression)?;
                changed = changes;
                let basis = finished::Basis::of_lock(&lock);
                let key = finished::image_key(&recipe, basis, &layers);
                (Packages::Locked(lock), key)
            }
            None => {
                let archive = self.open_archive(&options)?;
                let basis = finished::Basis::States(archive.states());
                let key = finished::image_key(&recipe, basis, &layers);
                (Packages::In(Box::new(archive)), key)
            }
        };
        if !anew && let Some(finished) = self.find_finished(&key, &layers) {
            self.give_to_cache(&key, finished.image.layers());
            return Ok(Made {
                finished,
                built: None,
                changes: changed,
            });
        }
        let lock = match packages {
            Packages::Locked(lock) => lock,
            Packages::In(archive) => self.lock_now(&recipe, &archive)?,
        };
        let prepared = self.prepare_from(request, recipe, lock, &options)?;
        let image = prepared.image(Vec::new(), &layers)?;
        let draft = Draft {
            recipe: &prepared.recipe,
            assembly: &prepared.assembly,
            image: &image,
        };
        self.tell(Event::Compressing);
        let cached = self.cached_layers(target);
        let compress = || prepared.compress(&layers, &self.store, &cached);
        let prove = || prove(&request.word, draft, self.now);
        let (written, proof) = parallel::join(compress, prove);
        let (stored, written) = written?;
        proof?;
        let built = prepared.finish(written, &layers)?;
        let finished = finished::record(&key, &built, stored, self)?;
        self.give_to_cache(&key, finished.image.layers());
        Ok(Made {
            finished,
            built: Some(built),
            changes: changed,
        })
    }

    fn cached_layers(&self, target: Target) -> CachedLayers<'_> {
        CachedLayers {
            session: self,
            suite: target.suite.codename,
        }
    }

    /// The image that was made of the same inputs, here or on a machine whose cache is used.
    fn find_finished(&self, key: &Key, layers: &LayerOptions) -> Option<Finished> {
        if let Some(finished) = finished::find(key, layers, self) {
            return Some(finished);
        }
        match self.take_from_cache(key) {
            true => finished::find(key, layers, self),
            false => None,
        }
    }

    /// The recipe of an image. A download without a digest is looked at first, before anything is
    /// done for the image, and which images it copies from; `lock` has those of registries.
    pub(crate) fn lower(
        &self,
        source: Source,
        target: Target,
        lock: Option<&LockFile>,
    ) -> Result<Recipe, BuildError> {
        let mut recipe = lower(source, target)?;
        let asked = |url: &str| self.tell(Event::Downloading { url });
        look_at(&recipe, &self.places_elsewhere(&asked))?;
        self.find_images(&mut recipe, lock)?;
        Ok(recipe)
    }

    /// Tells of the authorities of definitions that not all programs accept.
    fn warn_of_authorities(&self, recipe: &Recipe) {
        for file in recipe.layers.iter().flat_map(|one| &one.certificates) {
            for refusal in file
                .authorities
                .iter()
                .filter_map(|der| strict_refusal(der))
            {
                self.tell(Event::Warning(Warning::StrictlyRefused {
                    file: &file.from,
                    refusal: &refusal,
                }));
            }
        }
    }

    /// Tells that a definition is not what was locked, though its packages are.
    pub(crate) fn tell_changes(&self, used: &UsedLock, changes: &[Change]) {
        for change in changes
            .iter()
            .filter(|one| !matches!(one, Change::Flags { .. }))
        {
            self.tell(Event::Warning(Warning::LockDiffers {
                lock: &used.origin,
                change,
            }));
        }
    }

    /// How the layers of a request are written: with a lock, as that says, unless the session was
    /// told.
    pub(crate) fn layers(&self, request: &Request) -> LayerOptions {
        let locked = request.lock.as_ref().map(|used| used.file.formats);
        let locked = locked.filter(|_| !self.compression_is_given);
        LayerOptions {
            compression: locked.map_or(self.layers.compression, Formats::compression),
            ..self.layers.clone()
        }
    }

    pub(crate) fn open_archive(&self, options: &ArchiveOptions) -> Result<Archive, ArchiveError> {
        self.tell(Event::ReadingArchive);
        if let Some(moment) = options.snapshot {
            self.tell(Event::Snapshot { moment });
        }
        let archive = Archive::open(options, &self.store, &self.fetcher)?;
        for warning in archive.warnings() {
            self.tell(Event::Warning(Warning::Release(warning)));
        }
        Ok(archive)
    }

    /// The packages of a suite, and which libraries they have.
    pub(crate) fn libraries(
        &self,
        suite: Suite,
        architecture: &str,
    ) -> Result<(PackageIndex, LibraryIndex), BuildError> {
        let archive = self.open_archive(&self.archive_of(suite, architecture, &[])?)?;
        self.tell(Event::ReadingContents);
        let libraries = archive.libraries(&self.store, &self.fetcher)?;
        Ok((archive.index(&self.store, &self.fetcher)?, libraries))
    }

    /// The tree of a lock's packages. No index is read for it, and no Release.
    fn prepare_from(
        &self,
        request: &Request,
        recipe: Recipe,
        lock: Lock,
        archive: &ArchiveOptions,
    ) -> Result<Prepared, BuildError> {
        // What does not fit is told before anything is fetched.
        let wheels = self.wheels(&recipe, &lock)?;
        let mut contents = self.fetch_packages(request, &recipe, &lock, archive)?;
        let asked = |url: &str| self.tell(Event::Downloading { url });
        contents.add_bundles(fetch_bundles(&recipe, &self.places_elsewhere(&asked))?);
        contents.add_bundles(self.image_parts(&recipe)?);
        contents.add_bundles(self.applications(&recipe, &lock, &wheels)?);
        self.tell(Event::Assembling);
        let epoch = self.layers.epoch;
        let compiler = SandboxedCompiler::new(self, request, &recipe, &lock);
        Ok(Prepared::new(recipe, lock, &contents, epoch, &compiler)?)
    }

    /// The recipe and the packages of another image of a request, as they are locked or as they are
    /// found.
    pub(crate) fn lock_of(
        &self,
        request: &Request,
        target: Target,
    ) -> Result<(Recipe, Lock), BuildError> {
        let recipe = self.lower(request.source.clone(), target, used_file(request))?;
        let lock = match &request.lock {
            Some(used) => used.lock(&recipe, self.layers(request).compression)?.0,
            None => self.lock_now(&recipe, &self.open_archive(&self.archive(&recipe)?)?)?,
        };
        Ok((recipe, lock))
    }

    /// The contents of the packages of a lock.
    pub(crate) fn fetch_packages(
        &self,
        request: &Request,
        recipe: &Recipe,
        lock: &Lock,
        archive: &ArchiveOptions,
    ) -> Result<Contents, BuildError> {
        // An image of which everything is there fetches nothing.
        let missing = missing(lock, &self.store);
        if self.fetcher.is_offline() {
            self.check_offline(lock, &missing, archive)?;
        }
        if !missing.is_empty() {
            self.tell(Event::Fetching {
                packages: missing.len() as u64,
                bytes: missing.values().sum(),
            });
        }
        let done = |package: &LockedPackage| {
            if let Some(bytes) = missing.get(&package.name) {
                self.tell(Event::Fetched {
                    package: &package.name,
                    bytes: *bytes,
                });
            }
        };
        let stored = StoreSource(&self.store);
        let mirrors = MirrorSource::new(archive, &self.fetcher, &self.store);
        let others = self.packages().map(StoreSource);
        let mut sources: Vec<&dyn PackageSource> = vec![&stored];
        sources.extend(others.as_ref().map(|one| one as &dyn PackageSource));
        let local = LocalSource::new(recipe);
        sources.push(&local);
        sources.push(&mirrors);
        // What an archive has now, its mirrors have; what it had, perhaps not.
        let snapshots = match &request.lock {
            Some(_) => Some(SnapshotSource::new(
                self.snapshots(
                    recipe.snapshot_service.as_deref(),
                    recipe.suite.distribution,
                )?,
                recipe.suite,
                &lock.states,
                &self.fetcher,
                &self.store,
            )),
            None => None,
        };
        sources.extend(snapshots.as_ref().map(|one| one as &dyn PackageSource));
        let how = Fetch {
            store: &self.store,
            source: &Sources(&sources),
            threads: self.layers.threads,
            waiting: self.fetcher.connections(),
        };
        fetch(lock, &how, &done).map_err(|source| match &request.lock {
            Some(used) => BuildError::Lock(used.unavailable(source)),
            None => source.into(),
        })
    }

    /// Checks that all of the packages that the store lacks are in directories of this machine.
    fn check_offline(
        &self,
        lock: &Lock,
        missing: &BTreeMap<String, u64>,
        archive: &ArchiveOptions,
    ) -> Result<(), BuildError> {
        let mirrors = MirrorSource::new(archive, &self.fetcher, &self.store);
        let packages = lock.packages().map(|(_, one)| one);
        let absent: Vec<_> = packages
            .filter(|one| missing.contains_key(&one.name) && !mirrors.has_locally(&one.file))
            .map(|one| MissingPackage {
                name: one.name.clone(),
                version: one.version.to_string(),
                bytes: one.file.size,
            })
            .collect();
        match absent.is_empty() {
            true => Ok(()),
            false => Err(BuildError::Offline { packages: absent }),
        }
    }

    /// The packages, as they were found before or from the indexes, which are read for that alone.
    pub(crate) fn lock_now(&self, recipe: &Recipe, archive: &Archive) -> Result<Lock, BuildError> {
        let states = archive.states();
        if let Some(found) = finished::find_lock(recipe, states, self) {
            return Ok(found);
        }
        let lock = self.lock_holding(recipe, archive, &[])?;
        finished::record_lock(recipe, &lock, self)?;
        Ok(lock)
    }

    /// The packages from the indexes, but those of `held` in no other version than they are there.
    pub(crate) fn lock_holding(
        &self,
        recipe: &Recipe,
        archive: &Archive,
        held: &[LockedPackage],
    ) -> Result<Lock, BuildError> {
        let states = archive.states();
        let mut damaged = BTreeSet::new();
        loop {
            let mut index = archive.index_anew(&damaged, &self.store, &self.fetcher)?;
            let mut gone = Vec::new();
            let holding = hold(held, &mut index, &mut gone);
            if let Err(IndexError::Damaged { pocket, .. }) = &holding
                && damaged.insert(pocket.clone())
            {
                continue;
            }
            holding.map_err(BuildError::Index)?;
            self.tell(Event::Solving);
            match resolve(recipe, &index, states) {
                // Only what is looked at is verified, and that one may be the next of several.
                Err(error)
                    if error
                        .damaged()
                        .is_some_and(|pocket| damaged.insert(pocket.to_owned())) =>
                {
                    self.tell(Event::ReadingArchive);
                }
                Err(mut error) => {
                    if let ResolveError::Unsolvable { source, .. }
                    | ResolveError::UnsolvableDev { source, .. } = &mut error
                        && let SolveError::Unknown {
                            name, elsewhere, ..
                        } = source
                    {
                        *elsewhere = archive.elsewhere(name, &self.store, &self.fetcher);
                    }
                    return Err(error.into());
                }
                Ok(mut lock) => {
                    let packages = lock.layers.iter_mut().flat_map(|layer| &mut layer.packages);
                    for package in packages {
                        let digest = package.file.sha256;
                        let known = gone.iter().find(|(gone, _)| *gone == digest);
                        package.file.last_seen = known.and_then(|(_, last_seen)| *last_seen);
                    }
                    self.note_wheels(recipe, &mut lock)?;
                    return Ok(lock);
                }
            }
        }
    }
}

/// What the packages of an image are known by.
enum Packages {
    Locked(Lock),
    In(Box<Archive>),
}

/// Holds packages in an index. Those that it does not have any more are added to `gone`, with the
/// time when they were seen last.
fn hold(
    held: &[LockedPackage],
    index: &mut PackageIndex,
    gone: &mut Vec<(Digest, Option<i64>)>,
) -> Result<(), IndexError> {
    for one in held {
        if !index.hold(one.to_binary_package(), &one.file.suite)? {
            gone.push((one.file.sha256, one.file.last_seen));
        }
    }
    Ok(())
}

/// The lock that a request is built from.
fn used_file(request: &Request) -> Option<&LockFile> {
    request.lock.as_ref().map(|used| &used.file)
}
