//! The steps from a request to the image of one platform, in order.

use std::collections::BTreeSet;

use distil_debian::archive::{Archive, ArchiveError, ArchiveOptions};
use distil_debian::contents::LibraryIndex;
use distil_debian::index::PackageIndex;
use distil_debian::solve::SolveError;
use distil_debian::suite::Suite;
use distil_definition::recipe::{Recipe, Target, lower};
use distil_definition::strict_refusal;
use distil_image::{Built, Draft, Prepared};
use distil_lock::{
    Fetch, Lock, LockedPackage, MirrorSource, PackageSource, ResolveError, Sources, StoreSource,
    fetch, missing, resolve,
};
use distil_store::parallel;

use crate::error::BuildError;
use crate::event::{Event, Warning};
use crate::finished::{self, Finished};
use crate::proof::prove;
use crate::request::Request;
use crate::session::Session;

/// An image that was made, now or before.
#[derive(Debug)]
pub struct Made {
    /// The image, and what is to be told of it.
    pub finished: Finished,
    /// How it came about, if it was made now.
    pub built: Option<Built>,
}

impl Session {
    /// Finds the packages of one image, and fetches none of them.
    ///
    /// # Errors
    /// If the definition is wrong, the archive cannot be used, or there is no solution.
    pub fn solve(&self, request: &Request, target: Target) -> Result<Lock, BuildError> {
        let recipe = lower(request.source.clone(), target)?;
        let options = self.archive(&recipe)?;
        self.lock(&recipe, &self.open_archive(&options)?)
    }

    /// Does all of making one image but compressing its layers: enough to say what is in it and
    /// why.
    ///
    /// # Errors
    /// As [`Session::solve`], and if a package cannot be had or the files contradict one another.
    pub fn prepare(&self, request: &Request, target: Target) -> Result<Prepared, BuildError> {
        let recipe = lower(request.source.clone(), target)?;
        let options = self.archive(&recipe)?;
        let archive = self.open_archive(&options)?;
        let lock = self.lock(&recipe, &archive)?;
        self.prepare_from(recipe, lock, &options)
    }

    /// Makes one image to be looked at. It is not proved, and not kept but for its parts.
    ///
    /// # Errors
    /// As [`Session::prepare`], and if a layer cannot be written.
    pub fn look_at(&self, request: &Request, target: Target) -> Result<Built, BuildError> {
        let prepared = self.prepare(request, target)?;
        self.tell(Event::Compressing);
        let (_, written) = prepared.compress(&self.layers, &self.store)?;
        Ok(prepared.finish(written, &self.layers)?)
    }

    /// Makes one image, or finds the one that was made of the same inputs. With `anew` it is made
    /// in any case, of what the store has of its parts. A new one has to pass its profile of
    /// `check`, which is proved while its layers are compressed; only what passes is ever found
    /// again.
    ///
    /// # Errors
    /// As [`Session::look_at`], and if the image does not pass. Nothing is written but to the
    /// store.
    pub fn make(&self, request: &Request, target: Target, anew: bool) -> Result<Made, BuildError> {
        let recipe = lower(request.source.clone(), target)?;
        self.warn_of_authorities(&recipe);
        let options = self.archive(&recipe)?;
        let archive = self.open_archive(&options)?;
        if !anew && let Some(finished) = finished::find(&recipe, archive.states(), self) {
            return Ok(Made {
                finished,
                built: None,
            });
        }
        let lock = self.lock(&recipe, &archive)?;
        let prepared = self.prepare_from(recipe, lock, &options)?;
        let image = prepared.image(Vec::new(), &self.layers)?;
        let draft = Draft {
            recipe: &prepared.recipe,
            assembly: &prepared.assembly,
            image: &image,
        };
        self.tell(Event::Compressing);
        let compress = || prepared.compress(&self.layers, &self.store);
        let prove = || prove(&request.word, draft, self.now);
        let (written, proof) = parallel::join(compress, prove);
        let (stored, layers) = written?;
        proof?;
        let built = prepared.finish(layers, &self.layers)?;
        let finished = finished::record(&built, stored, self)?;
        Ok(Made {
            finished,
            built: Some(built),
        })
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

    fn open_archive(&self, options: &ArchiveOptions) -> Result<Archive, ArchiveError> {
        self.tell(Event::ReadingArchive);
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
        recipe: Recipe,
        lock: Lock,
        archive: &ArchiveOptions,
    ) -> Result<Prepared, BuildError> {
        // An image of which everything is there fetches nothing.
        let missing = missing(&lock, &self.store);
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
        let sources: [&dyn PackageSource; 2] = [&stored, &mirrors];
        let how = Fetch {
            store: &self.store,
            source: &Sources(&sources),
            threads: self.layers.threads,
            waiting: self.fetcher.connections(),
        };
        let contents = fetch(&lock, &how, &done)?;
        self.tell(Event::Assembling);
        let epoch = self.layers.epoch;
        Ok(Prepared::new(recipe, lock, &contents, epoch)?)
    }

    /// The packages, as they were found before or from the indexes, which are read for that alone.
    fn lock(&self, recipe: &Recipe, archive: &Archive) -> Result<Lock, BuildError> {
        let states = archive.states();
        if let Some(found) = finished::find_lock(recipe, states, self) {
            return Ok(found);
        }
        let mut damaged = BTreeSet::new();
        let lock = loop {
            let index = archive.index_anew(&damaged, &self.store, &self.fetcher)?;
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
                Ok(lock) => break lock,
            }
        };
        finished::record_lock(recipe, &lock, self)?;
        Ok(lock)
    }
}
