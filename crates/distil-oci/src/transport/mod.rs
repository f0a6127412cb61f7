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
//! Files and folders appear whole or not at all.

mod archive;
mod archive_entries;
mod blobs;
mod combined;
mod daemon;
mod daemon_host;
mod docker_save;
mod documents;
mod error;
mod layout;
mod location;
mod registry;

pub use error::{Problem, TransportError};
pub use location::{InvalidLocation, Location};
pub use registry::RegistryError;

use crate::image::Content;
use crate::platform::Platform;
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

/// Writes `content` to `location`.
///
/// # Errors
/// Whatever is wrong with the place, or with a layer on its way: each is verified while it is
/// copied. What was there before is then as it was, except that the folder of an OCI layout may
/// have new blobs that nothing refers to.
pub fn write(
    content: &Content,
    location: &Location,
    options: &WriteOptions<'_>,
) -> Result<(), TransportError> {
    let result = match location {
        Location::Oci { path, tag } => {
            let names = combined::Names::of(options.names).tagged(tag.as_deref());
            layout::write(path, content, &names)
        }
        Location::OciArchive { path, tag } => {
            let names = combined::Names::of(options.names).tagged(tag.as_deref());
            combined::write(path, content, &names, options.modified)
        }
        Location::DockerArchive { path, name } => {
            let names = name.as_ref().map_or(options.names, std::slice::from_ref);
            let names = combined::Names::of(names);
            combined::write(path, content, &names, options.modified)
        }
        Location::DockerDaemon(name) => daemon::write(content, name, options.modified),
        Location::Registry(_) => Err(Problem::Unsupported("writing to a registry")),
        Location::RootFs(_) => Err(Problem::Unsupported("writing a root file system")),
    };
    result.map_err(|problem| TransportError::Write {
        location: Box::new(location.clone()),
        problem,
    })
}

/// Whether what [`write`] would write is at `location` already, to the last byte. Known of archives
/// only; nothing else is said to be there.
///
/// # Errors
/// If the content cannot be written anyhow.
pub fn is_written(
    content: &Content,
    location: &Location,
    options: &WriteOptions<'_>,
) -> Result<bool, TransportError> {
    let result = match location {
        Location::OciArchive { path, tag } => {
            let names = combined::Names::of(options.names).tagged(tag.as_deref());
            combined::is_written(path, content, &names, options.modified)
        }
        Location::DockerArchive { path, name } => {
            let names = name.as_ref().map_or(options.names, std::slice::from_ref);
            let names = combined::Names::of(names);
            combined::is_written(path, content, &names, options.modified)
        }
        _ => Ok(false),
    };
    result.map_err(|problem| TransportError::Write {
        location: Box::new(location.clone()),
        problem,
    })
}

/// Reads the image or index at `location`: its documents, verified. The layers are read, and
/// verified, when they are opened, so the place must not change until then.
///
/// # Errors
/// Whatever is wrong with the place or the documents.
pub fn open(location: &Location) -> Result<Content, TransportError> {
    open_for(location, None)
}

/// As [`open`], of an index in a registry only the image for one platform, which saves asking for
/// all the others. Elsewhere it makes no difference.
///
/// # Errors
/// As [`open`], and when the index has no image for the platform.
pub fn open_for(
    location: &Location,
    platform: Option<&Platform>,
) -> Result<Content, TransportError> {
    let result = match location {
        Location::Oci { path, tag } => layout::open(path, tag.as_deref()),
        Location::OciArchive { path, tag } => {
            archive::open(path, archive::Wanted::Oci(tag.as_deref()))
        }
        Location::DockerArchive { path, name } => {
            archive::open(path, archive::Wanted::Docker(name.as_ref()))
        }
        Location::DockerDaemon(name) => daemon::open(name),
        Location::Registry(reference) => registry::open(reference, platform),
        Location::RootFs(_) => Err(Problem::Unsupported("reading a root file system")),
    };
    result.map_err(|problem| TransportError::Read {
        location: Box::new(location.clone()),
        problem,
    })
}
