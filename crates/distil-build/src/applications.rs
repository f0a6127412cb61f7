//! The steps of making an image that are about applications of other package managers: which of their
//! packages an image gets, and the files of these.

use std::num::NonZeroUsize;

use distil_debian::fetch::copy_path;
use distil_definition::recipe::Recipe;
use distil_lock::java::fetch_jars;
use distil_lock::node::{fetch_archives, fetch_packages};
use distil_lock::python::{ChosenWheel, Indexes, fetch_wheel_files, fetch_wheels, wheels};
use distil_lock::{Bundle, Elsewhere, Lock, LockedDownload, fetch_downloads};
use distil_store::Blob;

use crate::error::BuildError;
use crate::event::{Event, Warning};
use crate::session::Session;
use crate::settings::{npmrc, python_indexes};

impl Session {
    /// The wheels of Python applications, for the packages of a lock.
    pub(crate) fn wheels(
        &self,
        recipe: &Recipe,
        lock: &Lock,
    ) -> Result<Vec<ChosenWheel>, BuildError> {
        if recipe.layers.iter().all(|layer| layer.pythons.is_empty()) {
            return Ok(Vec::new());
        }
        let indexes = Indexes::new(&self.fetcher, python_indexes()?);
        Ok(wheels(recipe, lock, &indexes)?)
    }

    /// Notes in a new lock where the wheels are that an index was asked for.
    pub(crate) fn note_wheels(&self, recipe: &Recipe, lock: &mut Lock) -> Result<(), BuildError> {
        let wheels = self.wheels(recipe, lock)?;
        lock.downloads.extend(wheels.iter().filter_map(|wheel| {
            let layer = recipe.layers.get(wheel.layer)?;
            Some(LockedDownload {
                definition: layer.definition.clone(),
                url: wheel.url()?.to_string(),
                digest: wheel.sha256,
            })
        }));
        lock.downloads.sort();
        lock.downloads.dedup();
        Ok(())
    }

    /// The files of all applications of a recipe: of these wheels, of the packages of npm, and of jars.
    pub(crate) fn applications(
        &self,
        recipe: &Recipe,
        lock: &Lock,
        wheels: &[ChosenWheel],
    ) -> Result<Vec<Bundle>, BuildError> {
        let asked = |url: &str| self.tell(Event::Downloading { url });
        let (elsewhere, threads) = (self.places_elsewhere(&asked), self.fetching_threads());
        let mut bundles = fetch_wheels(recipe, wheels, &elsewhere, threads)?;
        let packages = fetch_packages(recipe, &npmrc(), &elsewhere, threads)?;
        bundles.extend(packages.bundles);
        if !packages.scripts_not_run.is_empty() {
            let packages: Vec<String> = packages.scripts_not_run.into_iter().collect();
            self.tell(Event::Warning(Warning::InstallScripts {
                packages: &packages,
            }));
        }
        bundles.extend(fetch_jars(recipe, lock, &elsewhere, threads)?);
        Ok(bundles)
    }

    /// Everything that a recipe has from elsewhere than archives of Debian's format, as it comes:
    /// downloads, wheels, archives of npm; each with the name of its copy in a directory.
    pub(crate) fn elsewhere(
        &self,
        recipe: &Recipe,
        lock: &Lock,
    ) -> Result<Vec<(String, Blob)>, BuildError> {
        let asked = |url: &str| self.tell(Event::Downloading { url });
        let (elsewhere, threads) = (self.places_elsewhere(&asked), self.fetching_threads());
        let mut blobs = fetch_downloads(recipe, &elsewhere)?;
        let wheels = self.wheels(recipe, lock)?;
        blobs.extend(fetch_wheel_files(recipe, &wheels, &elsewhere, threads)?);
        let named = blobs.into_iter().map(|blob| {
            let name = copy_path("SHA256", blob.digest().as_bytes());
            (name, blob)
        });
        let archives = fetch_archives(recipe, &npmrc(), &elsewhere, threads)?;
        Ok(named.chain(archives).collect())
    }

    /// Where files are had that are not from Debian's archive.
    pub(crate) fn places_elsewhere<'a>(
        &'a self,
        asked: &'a (dyn Fn(&str) + Sync),
    ) -> Elsewhere<'a> {
        Elsewhere {
            fetcher: &self.fetcher,
            store: &self.store,
            asked,
        }
    }

    /// They wait for a server more than they compute.
    fn fetching_threads(&self) -> NonZeroUsize {
        let waiting = NonZeroUsize::new(self.fetcher.connections());
        let waiting = waiting.unwrap_or(NonZeroUsize::MIN);
        self.layers.threads.max(waiting)
    }
}
