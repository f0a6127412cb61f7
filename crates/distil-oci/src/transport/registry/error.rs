//! Why an image cannot be had from a registry, or written to it.

use distil_net::{CredentialsError, NetError};
use distil_store::Digest;

use crate::document_error::DocumentError;

/// An image cannot be had from a registry, or written to it.
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
    /// The network is not to be used.
    #[error("the registry at `{host}` was not asked: the network is not to be used")]
    Offline {
        /// The registry.
        host: String,
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
    /// The registry did not take what was sent.
    #[error("the registry at `{host}` answered {status} to {what}{said}")]
    Rejected {
        /// The registry.
        host: String,
        /// HTTP's status.
        status: u16,
        /// What was sent.
        what: String,
        /// What it said, as a phrase; may be empty.
        said: String,
    },
    /// An image is to be written by a digest that it does not have.
    #[error("the image has the digest `{found}`, and is to be written as `{wanted}`")]
    OtherDigest {
        /// The digest in the name.
        wanted: Digest,
        /// That of the image.
        found: Digest,
    },
    /// The registry wants to know who asks, or lets others only.
    #[error("the registry at `{host}` does not let {whom} {action} `{name}`{said}")]
    Denied {
        /// The registry.
        host: String,
        /// The repository.
        name: String,
        /// As whom.
        whom: String,
        /// What was to be done: `read` or `write`.
        action: &'static str,
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
