//! Why an image could not be read or written.

use std::io;
use std::path::PathBuf;

use distil_store::Digest;

use super::location::Location;
use super::registry::RegistryError;
use crate::image::InvalidImage;

/// An image cannot be read from a place, or written to it.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Reading failed.
    #[error("failed to read an image from `{location}`")]
    Read {
        /// Where from.
        location: Box<Location>,
        /// What went wrong.
        #[source]
        problem: Problem,
    },
    /// Writing failed; what was there before is as it was.
    #[error("failed to write the image to `{location}`")]
    Write {
        /// Where to.
        location: Box<Location>,
        /// What went wrong.
        #[source]
        problem: Problem,
    },
}

impl TransportError {
    /// What went wrong.
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Read { problem, .. } | Self::Write { problem, .. } => problem,
        }
    }
}

/// What went wrong with an image or its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// An operation of the file system failed.
    #[error("failed to {action} `{}`", path.display())]
    File {
        /// What was being done, such as `create`.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The output of an archive is a folder.
    #[error("`{}` is a folder; an archive is a file", .0.display())]
    Folder(PathBuf),
    /// The output of an archive is a block device or a socket.
    #[error("`{}` is neither a plain file nor a pipe", .0.display())]
    NotAFile(PathBuf),
    /// The output of a layout is something else.
    #[error("`{}` is neither empty nor an OCI image layout, so nothing is written into it", .0.display())]
    NotALayout(PathBuf),
    /// The input is a folder of another kind.
    #[error("`{}` is no OCI image layout: it has no `oci-layout`", .0.display())]
    NoLayout(PathBuf),
    /// The input has neither of the documents that describe images.
    #[error("`{}` is no image: it has neither `index.json` nor `manifest.json`", .0.display())]
    NotAnImage(PathBuf),
    /// The layout has a version of another format.
    #[error("the OCI image layout has version `{0}`; only `1.0.0` is known")]
    LayoutVersion(String),
    /// The archive is damaged.
    #[error("the archive is damaged: {0}")]
    Archive(String),
    /// An entry is not the plain file that it should be.
    #[error("`{name}` in the archive {what}")]
    Entry {
        /// The entry's name.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Something is too large to be what it should be.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What it is.
        what: String,
        /// How large it may be.
        limit: u64,
    },
    /// A document is not what its type says.
    #[error("failed to understand {document}")]
    Json {
        /// Which document.
        document: String,
        /// What is wrong, and where.
        #[source]
        source: serde_json::Error,
    },
    /// A digest of another algorithm.
    #[error("`{0}` is no digest by SHA-256, the only algorithm that is supported")]
    DigestAlgorithm(String),
    /// A blob is not there.
    #[error("the blob `{0}` is missing")]
    MissingBlob(Digest),
    /// A blob has another size than its descriptor says.
    #[error("the blob `{digest}` is {found} bytes long instead of {expected}")]
    BlobSize {
        /// Its digest.
        digest: Digest,
        /// The size in the descriptor.
        expected: u64,
        /// The size that was found.
        found: u64,
    },
    /// A blob cannot be read, or has another content than its digest says.
    #[error("failed to read the blob `{digest}`")]
    Blob {
        /// Its digest.
        digest: Digest,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is content, but no image.
    #[error("`{0}` is not the media type of an image")]
    MediaType(String),
    /// A layer that must not be passed on, or is somewhere else.
    #[error(
        "the layer `{digest}` is a foreign one (`{media_type}`); such layers are not supported"
    )]
    ForeignLayer {
        /// Its digest.
        digest: String,
        /// Its media type.
        media_type: String,
    },
    /// A layer that is no layer of a file system.
    #[error("`{0}` is not the media type of a layer")]
    LayerMediaType(String),
    /// An index in an index.
    #[error("an index in an index is not supported")]
    NestedIndex,
    /// More images than an index sensibly has.
    #[error("there are more than {0} images")]
    TooManyImages(usize),
    /// More entries than an index sensibly has.
    #[error("{index} has more than {limit} entries, the most that are supported")]
    TooManyEntries {
        /// Which index.
        index: String,
        /// How many it may have.
        limit: usize,
    },
    /// The place has no images at all.
    #[error("there is no image in it")]
    Empty,
    /// The place has images, but none of this name.
    #[error("there is no image `{wanted}` in it; there is {}", listed(.known))]
    UnknownName {
        /// What was asked for.
        wanted: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The place has several images, and no name was given.
    #[error("there are several images in it; name one of {}", listed(.known))]
    SeveralImages {
        /// The names that exist.
        known: Vec<String>,
    },
    /// Parts that do not fit.
    #[error("the image contradicts itself")]
    Image(#[source] InvalidImage),
    /// An index that was read has entries that are no images; they would be lost.
    #[error("the index has {0} entries that are no images and were not read, such as attestations")]
    OtherEntries(usize),
    /// A transport that is not there yet.
    #[error("{0} is not supported yet")]
    Unsupported(&'static str),
    /// With a registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// No daemon listens.
    #[error(
        "no Docker daemon answers at `{host}`; is it running? another one is named by DOCKER_HOST"
    )]
    NoDaemon {
        /// The address.
        host: String,
        /// What connecting said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The daemon's socket may not be used.
    #[error(
        "permission to use the Docker daemon at `{host}` is denied; this user has to be in the group that owns the socket, usually `docker`"
    )]
    DaemonPermission {
        /// The address.
        host: String,
        /// What connecting said.
        #[source]
        source: io::Error,
    },
    /// An address of a kind that is not supported.
    #[error("DOCKER_HOST is `{0}`; only `unix://`, `tcp://` and `http://` are supported")]
    DaemonHost(String),
    /// A context of Docker's that leads nowhere.
    #[error("the Docker context `{0}` has no address of a daemon")]
    DaemonContext(String),
    /// The daemon has no image of this name.
    #[error("the Docker daemon has no image `{0}`")]
    NotInDaemon(String),
    /// The daemon cannot read the image's layers.
    #[error(
        "Docker {version} refused: {said}; before {since}, not every one reads layers compressed by zstd, so try `--compression gzip`"
    )]
    DaemonZstd {
        /// The daemon's version.
        version: String,
        /// The first major version of which every one can.
        since: u32,
        /// What it said.
        said: String,
    },
    /// The daemon said no.
    #[error("the Docker daemon refused: {0}")]
    DaemonRefused(String),
    /// Talking to the daemon failed.
    #[error("the conversation with the Docker daemon failed")]
    Daemon(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Problem {
    /// Makes a problem of an operation on a file.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text += &format!(" and {} more", names.len() - SHOWN);
    }
    if text.is_empty() {
        text.push_str("none that has a name");
    }
    text
}
