//! Why an image cannot be had from a registry.

use distil_net::{CredentialsError, NetError};

use crate::document_error::DocumentError;

/// An image cannot be had from a registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The registry cannot be talked to.
    #[error("the conversation with the registry at `{host}` failed")]
    Conversation {
        /// The registry.
        host: String,
        /// Why.
        #[source]
        source: NetError,
    },
    /// The registry did not give what was asked for.
    #[error("the registry at `{host}` answered {status} when asked for {what}{said}")]
    Answer {
        /// The registry.
        host: String,
        /// HTTP's status.
        status: u16,
        /// What was asked for.
        what: String,
        /// What it said, as a phrase; may be empty.
        said: String,
    },
    /// The registry wants to know who asks, or lets others only.
    #[error("the registry at `{host}` does not let {whom} read `{name}`{said}")]
    Denied {
        /// The registry.
        host: String,
        /// The repository.
        name: String,
        /// As whom.
        whom: String,
        /// What it said, as a phrase; may be empty.
        said: String,
    },
    /// The registry behaves as none should.
    #[error("the registry at `{host}` {what}")]
    Lies {
        /// The registry.
        host: String,
        /// What it did.
        what: String,
    },
    /// What it has makes no image.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A file of credentials, or a program that gives them, cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}
