//! Why a Docker daemon cannot be read from or written to.

use std::io;

use crate::document_error::DocumentError;
use crate::transport::archive_error::ImageArchiveError;
use crate::transport::file_error::FileError;

/// An image cannot be had from a Docker daemon, or not be given to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// No daemon listens.
    #[error("no Docker daemon answers at `{host}`")]
    NotFound {
        /// The address.
        host: String,
        /// What connecting said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The daemon's socket may not be used.
    #[error("permission to use the Docker daemon at `{host}` is denied")]
    Permission {
        /// The address.
        host: String,
        /// What connecting said.
        #[source]
        source: io::Error,
    },
    /// An address of a kind that is not supported.
    #[error("DOCKER_HOST is `{0}`; only `unix://`, `tcp://` and `http://` are supported")]
    Host(String),
    /// An address of a daemon that wants TLS.
    #[error("a Docker daemon behind TLS is not supported yet")]
    Tls,
    /// A context of Docker's that leads nowhere.
    #[error("the Docker context `{0}` has no address of a daemon")]
    Context(String),
    /// The daemon has no image of this name.
    #[error("the Docker daemon has no image `{0}`")]
    NoImage(String),
    /// The daemon cannot read the image's layers.
    #[error(
        "Docker {version} refused: {said}; before {since}, not every one reads layers compressed by zstd"
    )]
    Zstd {
        /// The daemon's version.
        version: String,
        /// The first major version of which every one can.
        since: u32,
        /// What it said.
        said: String,
    },
    /// The daemon said no.
    #[error("the Docker daemon refused: {0}")]
    Refused(String),
    /// Talking to the daemon failed.
    #[error("the conversation with the Docker daemon failed")]
    Conversation(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The archive that the daemon sends or is sent cannot be used.
    #[error(transparent)]
    Archive(#[from] ImageArchiveError),
    /// The image cannot be used, or one of Docker's own files.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// An operation of the file system failed.
    #[error(transparent)]
    File(#[from] FileError),
}
