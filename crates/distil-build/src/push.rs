//! Writing to registries: an image that was made, or one that is at another place.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use distil_oci::reference::{RegistryReference, Repository};
use distil_oci::transport::{self, Opened, Progress, Way, WriteOptions};
use distil_oci::{Location, Manifest, Platform, Reference, Registries};
use distil_store::Digest;

use crate::attestations::{AttestError, Attestations, Documented};
use crate::error::BuildError;
use crate::event::{Event, Events, Pushed};
use crate::names::{NamePattern, names};

/// An image at a place, which is to be in a registry too.
#[derive(Debug, Clone)]
pub struct PushRequest {
    /// Where it is.
    pub from: Location,
    /// The one image of its index that is to be pushed; without, all that is there.
    pub platform: Option<Platform>,
    /// Where images for other platforms are, which join it in one index.
    pub joined: Vec<Location>,
    /// Where it goes.
    pub to: Location,
    /// Its names, whose tags lead to it where `to` names none.
    pub names: Vec<NamePattern>,
    /// Whether what is attached to it in its registry goes with it.
    pub with_referrers: bool,
}

/// What is attached to an image where it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attached<'a> {
    pub(crate) attestations: &'a Attestations,
    pub(crate) documented: &'a [Documented],
}

impl Attached<'_> {
    /// Attaches it, and signs the image.
    pub(crate) fn write(
        self,
        manifest: &Manifest,
        place: &Location,
        registries: &Registries,
        events: &dyn Events,
    ) -> Result<(), AttestError> {
        let attestations = self.attestations;
        attestations.attach(self.documented, place, registries, events)?;
        attestations.sign(manifest, place, registries, events)
    }
}

/// Copies an image into a registry, and gives its digest. Its bytes are not changed: documents about
/// it are attached, and never in its index.
///
/// # Errors
/// If it cannot be read or written. The tags then lead to what they led to before.
pub fn push(
    request: &PushRequest,
    attestations: Option<&Attestations>,
    registries: &Registries,
    events: &dyn Events,
    now: SystemTime,
) -> Result<Digest, BuildError> {
    let opened = transport::open(&request.from, registries)?;
    let joined = request.joined.iter();
    let joined = joined.map(|location| transport::open(location, registries));
    let joined: Vec<Opened> = joined.collect::<Result<_, _>>()?;
    let manifest = match &request.platform {
        Some(platform) => Manifest::Image(opened.image_for(Some(platform))?),
        None if joined.is_empty() => opened.manifest().clone(),
        None => join(&opened, &joined)?,
    };
    let image = || Ok::<_, BuildError>(opened.image_for(request.platform.as_ref())?);
    let names = names(&request.names, now, image)?;
    let mut referrers = Vec::new();
    if request.with_referrers {
        for one in [&opened].into_iter().chain(&joined) {
            referrers.extend(transport::referrers(one, registries)?);
        }
    }
    let options = WriteOptions {
        names: &names,
        referrers: &referrers,
        ..WriteOptions::new(registries)
    };
    let sources = [&request.from].into_iter().chain(&request.joined);
    let mounts = sources.filter_map(repository).collect::<Vec<_>>();
    let mut documented = Vec::new();
    if let Some(attestations) = attestations.filter(|one| !one.documents.is_empty()) {
        let images = manifest.images();
        let images = images.map_err(AttestError::from)?;
        documented = attestations.of_images(images, &request.to)?;
    }
    let attached = attestations.map(|attestations| Attached {
        attestations,
        documented: &documented,
    });
    write(&manifest, &request.to, options, &mounts, events, attached)?;
    Ok(manifest.digest())
}

/// The index that one process would have made of the images, in this order.
fn join(first: &Opened, others: &[Opened]) -> Result<Manifest, BuildError> {
    let mut images = first.images()?;
    for other in others {
        images.extend(other.images()?);
    }
    let annotations = images.first().map(|image| image.annotations().clone());
    Ok(Manifest::of(images, annotations.unwrap_or_default())?)
}

/// Writes an image to a registry, and tells of it.
pub(crate) fn write(
    manifest: &Manifest,
    location: &Location,
    options: WriteOptions<'_>,
    mounts: &[Repository],
    events: &dyn Events,
    attached: Option<Attached<'_>>,
) -> Result<(), BuildError> {
    let recorder = Recorder {
        events,
        pushed: Mutex::default(),
    };
    let options = WriteOptions {
        mounts,
        progress: &recorder,
        ..options
    };
    match (attached, location) {
        (Some(attached), Location::Registry(reference)) => {
            // By its digest first: whoever finds it by a tag finds all that is attached to it.
            let repository = reference.repository().clone();
            let digest = reference.digest().unwrap_or(manifest.digest());
            let by_digest = RegistryReference::of_digest(repository.clone(), digest);
            let untagged = Location::Registry(by_digest.clone());
            let written = transport::write(manifest, &untagged, &options);
            events.event(Event::Idle);
            written?;
            // Signatures name a tag, as skopeo's and Podman's policies want it.
            let first = options.names.first().map(Reference::tag);
            let first = first.filter(|_| reference.digest().is_none());
            let place = match reference.tag().or(first) {
                Some(tag) => RegistryReference::of_tag(repository, tag),
                None => by_digest,
            };
            let place = Location::Registry(place);
            attached.write(manifest, &place, options.registries, events)?;
            transport::tag(manifest, location, &options)?;
        }
        _ => {
            let written = transport::write(manifest, location, &options);
            events.event(Event::Idle);
            written?;
        }
    }
    let pushed = recorder.pushed().clone();
    events.event(Event::Pushed {
        location,
        pushed: &pushed,
    });
    Ok(())
}

/// The repository that a location is in, if it is one of a registry.
pub(crate) fn repository(location: &Location) -> Option<Repository> {
    match location {
        Location::Registry(reference) => Some(reference.repository().clone()),
        _ => None,
    }
}

/// Passes on what a registry's writer tells, and adds it up.
struct Recorder<'a> {
    events: &'a dyn Events,
    pushed: Mutex<Pushed>,
}

impl Recorder<'_> {
    fn pushed(&self) -> MutexGuard<'_, Pushed> {
        self.pushed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Recorder<'_> {
    fn planned(&self, blobs: usize, bytes: u64) {
        let blobs = blobs as u64;
        self.events.event(Event::Pushing { blobs, bytes });
    }

    fn sent(&self, bytes: u64, way: Way) {
        {
            let mut pushed = self.pushed();
            let count = match way {
                Way::Present => &mut pushed.present,
                Way::Mounted => &mut pushed.mounted,
                Way::Uploaded => &mut pushed.uploaded,
            };
            *count += 1;
            if way == Way::Uploaded {
                pushed.bytes += bytes;
            }
        }
        self.events.event(Event::BlobPushed { bytes });
    }

    fn tagged(&self, tag: &str, moved: bool) {
        let mut pushed = self.pushed();
        pushed.tags.push(tag.to_owned());
        pushed.moved |= moved;
    }
}
