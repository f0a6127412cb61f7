//! An image for all its platforms, and the places that it is written to.

use std::path::Path;

use distil_debian::suite::Suite;
use distil_definition::Architecture;
use distil_oci::transport::{self, WriteOptions};
use distil_oci::{Compression, Location, Manifest, Platform, Reference};
use distil_store::Digest;
use distil_tree::folder::{self, FolderError};

use crate::attestations::Attestations;
use crate::error::{BuildError, PlatformFailure};
use crate::event::{Event, Warning};
use crate::make::Made;
use crate::names::{NamePattern, names};
use crate::platforms::{PlatformError, agree};
use crate::push::{self, Attached};
use crate::request::Request;
use crate::seen::Output;
use crate::session::Session;

/// An image that is wanted, for which platforms, and where.
#[derive(Debug, Clone)]
pub struct ImageRequest {
    /// The definition and its variant.
    pub request: Request,
    /// The release of Debian.
    pub suite: Suite,
    /// The architectures; several make an image index. At least one.
    pub architectures: Vec<Architecture>,
    /// The names that the image carries; at least one. Their tags are those in a registry, where an
    /// output there names none.
    pub names: Vec<NamePattern>,
    /// The places that it is written to.
    pub outputs: Vec<Location>,
}

/// What came of a request.
#[derive(Debug)]
pub struct Outcome {
    /// The digest of the image, or of its index where it has several platforms.
    pub digest: Digest,
    /// The names that it carries.
    pub references: Vec<Reference>,
    /// The images, in the order of the request's architectures.
    pub images: Vec<Made>,
}

impl ImageRequest {
    /// Looks for what cannot work before anything is made: a root file system of several
    /// platforms, or in a directory that has something in it.
    ///
    /// # Errors
    /// If there is such an output.
    pub fn check(&self) -> Result<(), BuildError> {
        for location in &self.outputs {
            if let Location::RootFs(path) = location
                && std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
            {
                return Err(FolderError::NotEmpty(path.clone()).into());
            }
        }
        match self.architectures.len() > 1 && self.outputs.iter().any(is_root) {
            true => Err(PlatformError::SeveralRoots.into()),
            false => Ok(()),
        }
    }
}

impl Session {
    /// Makes an image for all platforms of a request, proves it, and writes it to all outputs that
    /// do not have it already. It is made for all platforms or for none.
    ///
    /// # Errors
    /// If it cannot be made or does not pass, or an output cannot be written.
    pub fn build(&self, request: &ImageRequest) -> Result<Outcome, BuildError> {
        self.build_attested(request, None)
    }

    /// The same with documents and signatures: in the image's index, and attached in registries and
    /// layouts, there before a tag leads to the image.
    ///
    /// # Errors
    /// As [`Session::build`], and if a document cannot be made, signed or attached.
    pub fn build_attested(
        &self,
        request: &ImageRequest,
        attestations: Option<&Attestations>,
    ) -> Result<Outcome, BuildError> {
        request.check()?;
        // Bare files are written from the tree, which only the making of an image has.
        let wants_tree = request.outputs.iter().any(is_root);
        let (mut made, mut manifest) = self.make_all(request, wants_tree)?;
        let (threads, store) = (self.layers.threads, &self.store);
        let is_damaged = |one: &Made| one.built.is_none() && !one.finished.is_whole(threads, store);
        let attestations = attestations.filter(|one| !one.is_empty());
        let mut documented = Vec::new();
        if let Some(attestations) = attestations.filter(|one| !one.documents.is_empty()) {
            // They are made from the layers.
            if made.iter().any(is_damaged) {
                (made, manifest) = self.make_all(request, true)?;
            }
            let described = self.describe_made(request, &made)?;
            let documents = described.iter().map(|one| attestations.of_made(one));
            documented = documents.collect::<Result<_, _>>()?;
            manifest = attestations.within(manifest, &documented)?;
        }
        let modified = made.iter().map(|one| one.finished.summary.modified);
        let references = match made.first().map(|one| one.finished.image.clone()) {
            Some(first) => names(&request.names, self.now, || Ok::<_, BuildError>(first))?,
            None => Vec::new(),
        };
        let options = WriteOptions {
            names: &references,
            modified: modified.max().unwrap_or_default(),
            ..WriteOptions::new(&self.registries)
        };
        let reference = references.first();
        let mut mounts = self.caches.repositories();
        let mut missing = Vec::new();
        for location in &request.outputs {
            match self.is_there(&manifest, location, &options)? {
                false => missing.push(location),
                true => self.tell_of(reference, |reference| Event::Unchanged {
                    reference,
                    location,
                }),
            }
        }
        if documented.is_empty() && !missing.is_empty() && made.iter().any(is_damaged) {
            (made, manifest) = self.make_all(request, true)?;
        }
        self.warn(request, &made);
        for location in missing {
            if let Location::RootFs(path) = location {
                self.write_root(&made, location, path)?;
                continue;
            }
            let attached = attestations.map(|attestations| Attached {
                attestations,
                documented: &documented,
            });
            if let Some(repository) = push::repository(location) {
                let events = self.events();
                push::write(&manifest, location, options, &mounts, events, attached)?;
                mounts.push(repository);
                continue;
            }
            let replaced = has_content(location);
            transport::write(&manifest, location, &options)?;
            let bytes = made.iter().map(|one| one.finished.image.size()).sum();
            self.tell_of(reference, |reference| Event::Wrote {
                reference,
                location,
                bytes,
                replaced,
            });
            if let (Some(attached), Location::Oci { .. }) = (attached, location) {
                attached.write(&manifest, location, &self.registries, self.events())?;
            }
        }
        Ok(Outcome {
            digest: manifest.digest(),
            references,
            images: made,
        })
    }

    fn tell_of<'a>(
        &self,
        reference: Option<&'a Reference>,
        event: impl FnOnce(&'a Reference) -> Event<'a>,
    ) {
        if let Some(reference) = reference {
            self.tell(event(reference));
        }
    }

    /// Whether an output is what would be written; it is read for that, unless that was done
    /// before and nobody has touched it since.
    fn is_there(
        &self,
        manifest: &Manifest,
        location: &Location,
        options: &WriteOptions<'_>,
    ) -> Result<bool, BuildError> {
        let output = Output::of(manifest, location, options);
        if output
            .as_ref()
            .is_some_and(|output| output.is_known(&self.store))
        {
            return Ok(true);
        }
        let found = transport::is_written(manifest, location, options)?;
        if let Some(output) = output.filter(|_| found) {
            output.remember(&self.store);
        }
        Ok(found)
    }

    /// Makes an image for all platforms.
    fn make_all(
        &self,
        request: &ImageRequest,
        anew: bool,
    ) -> Result<(Vec<Made>, Manifest), BuildError> {
        let made = self.make_each(request, anew);
        self.tell(Event::Idle);
        let made = made?;
        // The archive may have changed since they were checked.
        let sources = made.iter().map(|one| one.finished.summary.sources.clone());
        let platforms = request.architectures.iter().copied().zip(sources);
        agree(&request.request.word, &platforms.collect::<Vec<_>>())?;
        let images: Vec<_> = made.iter().map(|one| one.finished.image.clone()).collect();
        let first = images.first();
        let annotations = first.map(|image| image.annotations().clone());
        let manifest = Manifest::of(images, annotations.unwrap_or_default())?;
        Ok((made, manifest))
    }

    fn make_each(&self, request: &ImageRequest, anew: bool) -> Result<Vec<Made>, BuildError> {
        let architectures = &request.architectures;
        if architectures.len() > 1 {
            self.check_all(request)?;
        }
        let mut made = Vec::new();
        for architecture in architectures {
            let target = request
                .request
                .target(request.suite, *architecture, self.now);
            match self.make(&request.request, target, anew) {
                Ok(one) => made.push(one),
                Err(error) => return Err(failed(request, vec![(*architecture, error)])),
            }
        }
        Ok(made)
    }

    /// Finds the packages for every platform before anything is fetched: an image is published
    /// for all that were asked for, or for none.
    fn check_all(&self, request: &ImageRequest) -> Result<(), BuildError> {
        let mut platforms = Vec::new();
        let mut failures = Vec::new();
        for architecture in &request.architectures {
            let target = request
                .request
                .target(request.suite, *architecture, self.now);
            match self.solve(&request.request, target) {
                Ok(lock) => platforms.push((*architecture, lock.sources())),
                Err(error) => failures.push((*architecture, error)),
            }
        }
        if !failures.is_empty() {
            return Err(failed(request, failures));
        }
        Ok(agree(&request.request.word, &platforms)?)
    }

    /// Tells what users should know of an image before they run it.
    fn warn(&self, request: &ImageRequest, made: &[Made]) {
        let warn = |warning| self.tell(Event::Warning(warning));
        if let (Some(used), Some(first)) = (&request.request.lock, made.first()) {
            self.tell_changes(used, &first.changes);
        }
        let compression = self.layers(&request.request).compression;
        if matches!(compression, Compression::Zstd { .. }) {
            warn(Warning::Zstd);
        }
        let packages = made
            .first()
            .map(|one| one.finished.summary.undone.as_slice());
        if let Some(packages @ [_, ..]) = packages {
            warn(Warning::ScriptsNotRun { packages });
        }
    }

    /// Writes the bare files of an image into a directory.
    fn write_root(
        &self,
        made: &[Made],
        location: &Location,
        path: &Path,
    ) -> Result<(), BuildError> {
        // Several platforms were refused before anything was made.
        let Some(built) = made.first().and_then(|one| one.built.as_ref()) else {
            return Ok(());
        };
        let written = folder::write(&built.assembly.tree, path)?;
        self.tell(Event::WroteRoot {
            name: &built.recipe.name,
            location,
            files: written.files,
            bytes: written.bytes,
        });
        if !written.owners_kept {
            self.tell(Event::Warning(Warning::OwnersNotKept));
        }
        Ok(())
    }
}

/// Whether a file is there that is not empty, as one is that a shell has just made for the output.
fn has_content(location: &Location) -> bool {
    let metadata = location.path().map(Path::metadata);
    metadata.is_some_and(|found| found.is_ok_and(|found| found.is_file() && found.len() > 0))
}

fn is_root(location: &Location) -> bool {
    matches!(location, Location::RootFs(_))
}

/// What failed on some platforms, as one error. What fails in the same words on all of them has
/// nothing to do with a platform, and is told as it is.
fn failed(request: &ImageRequest, mut failures: Vec<(Architecture, BuildError)>) -> BuildError {
    let architectures = &request.architectures;
    let mut messages = failures.iter().map(|(_, error)| chain(error));
    let first = messages.next();
    let is_same = messages.all(|message| Some(&message) == first.as_ref());
    if is_same && failures.len() == architectures.len() && !failures.is_empty() {
        return failures.swap_remove(0).1;
    }
    let is_good = |one: &&Architecture| !failures.iter().any(|(failed, _)| failed == *one);
    let others: Vec<Platform> = architectures
        .iter()
        .filter(is_good)
        .map(|one| one.platform())
        .collect();
    let failures = failures.into_iter().map(|(one, error)| PlatformFailure {
        platform: one.platform(),
        error,
    });
    BuildError::Platforms {
        image: request.request.word.clone(),
        failures: failures.collect(),
        others,
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> Vec<String> {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect()
}
