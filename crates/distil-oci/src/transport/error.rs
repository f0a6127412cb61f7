//! Why an image could not be read or written.

use crate::document_error::DocumentError;
use crate::transport::archive_error::ImageArchiveError;
use crate::transport::daemon_error::DaemonError;
use crate::transport::layout::LayoutError;
use crate::transport::location::Location;
use crate::transport::registry::RegistryError;

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
    pub(crate) fn read(location: &Location, problem: impl Into<Problem>) -> Self {
        Self::Read {
            location: Box::new(location.clone()),
            problem: problem.into(),
        }
    }

    pub(crate) fn write(location: &Location, problem: impl Into<Problem>) -> Self {
        Self::Write {
            location: Box::new(location.clone()),
            problem: problem.into(),
        }
    }

    /// Whether a registry answered that it has nothing of that name.
    pub fn is_missing(&self) -> bool {
        let answer = match self.problem() {
            Problem::Registry(RegistryError::Answer { status, .. }) => Some(*status),
            _ => None,
        };
        answer == Some(404)
    }

    /// What went wrong.
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Read { problem, .. } | Self::Write { problem, .. } => problem,
        }
    }
}

/// What went wrong with an image or its place, as each transport tells it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// With a layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// With an archive, of OCI's or Docker's kind.
    #[error(transparent)]
    Archive(#[from] ImageArchiveError),
    /// With a Docker daemon.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// With a registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// With what was found there, wherever it is.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The transport cannot do it.
    #[error("{0} is not supported yet")]
    Unsupported(&'static str),
}
