//! Where images are read from and written to, spelled as skopeo and podman spell it.
//!
//! | spelling | read | written |
//! |---|---|---|
//! | `oci:DIR[:TAG]` | yes | yes |
//! | `oci-archive:FILE[:TAG]` | yes | yes, the combined archive |
//! | `docker-archive:FILE[:NAME[:TAG]]` | yes | yes, the same |
//! | `docker-daemon:NAME[:TAG]` | yes | yes, one platform: the daemon's |
//! | `docker://NAME[:TAG][@DIGEST]` | yes | yes |
//! | `rootfs:DIR` | no image; see `distil_tree::folder` | the same |
//!
//! Files and directories appear whole or not at all.

mod archive;
mod archive_entries;
mod archive_error;
mod choice;
mod combined;
mod copy;
mod daemon;
mod daemon_error;
mod daemon_host;
mod docker_save;
mod documents;
mod error;
mod file_error;
mod layout;
mod layout_referrers;
mod location;
mod names;
mod once;
mod opened;
mod progress;
mod registry;
mod unpack;

pub use archive_error::ImageArchiveError;
pub use choice::ChoiceError;
pub use daemon_error::DaemonError;
pub use error::{Problem, TransportError};
pub use file_error::FileError;
pub use layout::LayoutError;
pub use location::{InvalidLocation, Location};
pub use opened::Opened;
pub use progress::{NoProgress, Progress, Way};
pub use registry::{Registries, RegistryError};

use std::collections::BTreeSet;

use crate::blob::DescribedBlob;
use crate::index::Manifest;
use crate::reference::{Reference, RegistryReference, Repository};

/// How to write an image.
#[derive(Clone, Copy)]
pub struct WriteOptions<'a> {
    /// The names that the image carries into `docker load`. An OCI layout has place for the first
    /// one only, and so have engines that read it. In a registry their tags lead to the image. A name,
    /// a tag or a digest in the location counts instead.
    pub names: &'a [Reference],
    /// The modification time of an archive's entries, in seconds since 1970.
    pub modified: u64,
    /// How registries are reached.
    pub registries: &'a Registries,
    /// What is attached to the image, and goes into a registry with it: see [`referrers`].
    pub referrers: &'a [Manifest],
    /// Repositories that may have the image's blobs, which a registry takes from there.
    pub mounts: &'a [Repository],
    /// Who is told while it is written to a registry.
    pub progress: &'a dyn Progress,
}

impl<'a> WriteOptions<'a> {
    /// Without names, and with the first modification time that there is.
    pub fn new(registries: &'a Registries) -> Self {
        Self {
            names: &[],
            modified: 0,
            registries,
            referrers: &[],
            mounts: &[],
            progress: &NoProgress,
        }
    }
}

/// Writes an image, an index or an artifact to `location`, with all that it refers to.
///
/// # Errors
/// Whatever is wrong with the place, or with a layer on its way: each is verified while it is
/// copied. What was there before is then as it was, except that the directory of an OCI layout may
/// have new blobs that nothing refers to.
pub fn write(
    manifest: &Manifest,
    location: &Location,
    options: &WriteOptions<'_>,
) -> Result<(), TransportError> {
    let result = match location {
        Location::Oci { path, tag } => {
            let names = names::Names::of(options.names).tagged(tag.as_deref());
            layout::write(path, manifest, &names).map_err(Problem::from)
        }
        Location::OciArchive { path, .. } | Location::DockerArchive { path, .. } => {
            let names = archive_names(location, options);
            combined::write(path, manifest, &names, options.modified).map_err(Problem::from)
        }
        Location::DockerDaemon(name) => {
            daemon::write(manifest, name, options.modified).map_err(Problem::from)
        }
        Location::Registry(reference) => {
            let push = registry::Push {
                registries: options.registries,
                tags: &tags(reference, options),
                referrers: options.referrers,
                mounts: options.mounts,
                progress: options.progress,
            };
            push.write(manifest, reference).map_err(Problem::from)
        }
        Location::RootFs(_) => Err(Problem::Unsupported("writing a root file system")),
    };
    result.map_err(|problem| TransportError::write(location, problem))
}

/// Whether what [`write`] would write is at `location` already, to the last byte. Known of archives
/// only; nothing else is said to be there.
///
/// # Errors
/// If it cannot be written anyhow.
pub fn is_written(
    manifest: &Manifest,
    location: &Location,
    options: &WriteOptions<'_>,
) -> Result<bool, TransportError> {
    match location {
        Location::OciArchive { path, .. } | Location::DockerArchive { path, .. } => {
            let names = archive_names(location, options);
            combined::is_written(path, manifest, &names, options.modified)
                .map_err(|problem| TransportError::write(location, problem))
        }
        _ => Ok(false),
    }
}

/// The tags that are to lead to an image in a registry; none for one that is named by its digest.
fn tags<'a>(reference: &'a RegistryReference, options: &WriteOptions<'a>) -> Vec<&'a str> {
    match (reference.tag(), reference.digest()) {
        (Some(tag), _) => vec![tag],
        (None, Some(_)) => Vec::new(),
        (None, None) if options.names.is_empty() => vec!["latest"],
        (None, None) => {
            let mut tags: Vec<&str> = options.names.iter().map(Reference::tag).collect();
            let mut known = BTreeSet::new();
            tags.retain(|tag| known.insert(*tag));
            tags
        }
    }
}

/// What is attached to an image in a registry or a layout, such as signatures, and to that in turn,
/// each after what it is about. Nothing elsewhere.
///
/// # Errors
/// If the registry does not say, or what it has cannot be read.
pub fn referrers(
    opened: &Opened,
    registries: &Registries,
) -> Result<Vec<Manifest>, TransportError> {
    let location = opened.location();
    let contents = opened.manifest().contents();
    let contents = contents.map_err(|error| TransportError::read(location, error))?;
    let subjects = contents.manifests.iter().map(DescribedBlob::digest);
    let found = match location {
        Location::Registry(reference) => {
            registry::referrers_of(reference.repository(), subjects, registries)
                .map_err(Problem::from)
        }
        Location::Oci { path, .. } => layout::referrers_of(path, subjects).map_err(Problem::from),
        _ => return Ok(Vec::new()),
    };
    found.map_err(|problem| TransportError::read(location, problem))
}

/// What is about one manifest.
pub type Attached = Vec<(crate::spec::Descriptor, Result<Manifest, TransportError>)>;

/// What is attached to one manifest in a registry or a layout, not what is attached to that in turn:
/// each with the descriptor that the list there has of it, and read, or why it cannot be read. Nothing
/// elsewhere.
///
/// # Errors
/// If the registry does not say.
pub fn attached(
    location: &Location,
    digest: distil_store::Digest,
    registries: &Registries,
) -> Result<Attached, TransportError> {
    match location {
        Location::Registry(reference) => {
            let repository = reference.repository();
            let subject = RegistryReference::of_digest(repository.clone(), digest);
            let location = Location::Registry(subject);
            let failed = |error| TransportError::read(&location, error);
            let found = registry::referrers_to(repository, digest, registries).map_err(failed)?;
            let read = found
                .into_iter()
                .map(|(descriptor, manifest)| (descriptor, manifest.map_err(failed)));
            Ok(read.collect())
        }
        Location::Oci { path, .. } => {
            let found = layout::referrers_to(path, digest);
            let found = found.map_err(|error| TransportError::read(location, error))?;
            let read = found.into_iter().map(|(descriptor, manifest)| {
                let failed = |error| TransportError::read(location, error);
                (descriptor, manifest.map_err(failed))
            });
            Ok(read.collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// Lets tags in a registry lead to a manifest that is there, as [`write`] does last. Nothing is done
/// elsewhere, or where the location names a digest.
///
/// # Errors
/// If the registry does not take them.
pub fn tag(
    manifest: &Manifest,
    location: &Location,
    options: &WriteOptions<'_>,
) -> Result<(), TransportError> {
    let Location::Registry(reference) = location else {
        return Ok(());
    };
    let push = registry::Push {
        registries: options.registries,
        tags: &tags(reference, options),
        referrers: &[],
        mounts: &[],
        progress: options.progress,
    };
    let tagged = push.tag(manifest, reference.repository());
    tagged.map_err(|problem| TransportError::write(location, problem))
}

/// The names that an archive at `location` carries.
fn archive_names<'a>(location: &'a Location, options: &WriteOptions<'a>) -> names::Names<'a> {
    match location {
        Location::OciArchive { tag, .. } => names::Names::of(options.names).tagged(tag.as_deref()),
        Location::DockerArchive {
            name: Some(name), ..
        } => names::Names::of(std::slice::from_ref(name)),
        _ => names::Names::of(options.names),
    }
}

/// Opens what `location` names: reads and verifies its manifest, and an image's configuration.
///
/// # Errors
/// Whatever is wrong with the place or the documents.
pub fn open(location: &Location, registries: &Registries) -> Result<Opened, TransportError> {
    let result = match location {
        Location::Oci { path, tag } => layout::open(path, tag.as_deref()).map_err(Problem::from),
        Location::OciArchive { path, tag } => {
            let wanted = archive::Wanted::Oci(tag.as_deref());
            archive::open(path, wanted).map_err(Problem::from)
        }
        Location::DockerArchive { path, name } => {
            let wanted = archive::Wanted::Docker(name.as_ref());
            archive::open(path, wanted).map_err(Problem::from)
        }
        Location::DockerDaemon(name) => daemon::open(name).map_err(Problem::from),
        Location::Registry(reference) => {
            registry::open(reference, registries).map_err(Problem::from)
        }
        Location::RootFs(_) => Err(Problem::Unsupported("reading a root file system")),
    };
    match result {
        Ok(manifest) => Ok(Opened::new(location.clone(), manifest)),
        Err(problem) => Err(TransportError::read(location, problem)),
    }
}
