//! Where images are read from and written to, spelled as skopeo and podman spell it.
//!
//! | spelling | read | written |
//! |---|---|---|
//! | `oci:DIR[:TAG]` | yes | yes |
//! | `oci-archive:FILE[:TAG]` | yes | yes, the combined archive |
//! | `docker-archive:FILE[:NAME[:TAG]]` | yes | yes, the same |
//! | `docker-daemon:NAME[:TAG]` | yes | yes, one platform: the daemon's |
//! | `docker://NAME[:TAG][@DIGEST]` | yes | not yet |
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
mod location;
mod names;
mod once;
mod opened;
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
pub use registry::RegistryError;

use crate::index::Manifest;
use crate::reference::Reference;

/// How to write an image.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions<'a> {
    /// The names that the image carries into `docker load`. An OCI layout has place for the first
    /// one only, and so have engines that read it. A name or a tag in the location counts instead.
    pub names: &'a [Reference],
    /// The modification time of an archive's entries, in seconds since 1970.
    pub modified: u64,
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
        Location::Registry(_) => Err(Problem::Unsupported("writing to a registry")),
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
pub fn open(location: &Location) -> Result<Opened, TransportError> {
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
        Location::Registry(reference) => registry::open(reference).map_err(Problem::from),
        Location::RootFs(_) => Err(Problem::Unsupported("reading a root file system")),
    };
    match result {
        Ok(manifest) => Ok(Opened::new(location.clone(), manifest)),
        Err(problem) => Err(TransportError::read(location, problem)),
    }
}
