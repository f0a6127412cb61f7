//! What can go wrong between a mirror's name and a package's bytes.

use std::error::Error;
use std::fmt;
use std::io;

use distil_net::NetError;
use distil_store::StoreError;

use crate::deb::DebError;
use crate::fetch::FetchError;
use crate::index::IndexError;

/// Why an archive, or something in it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// No mirror is known for a suite.
    #[error("no mirror is known that has `{pocket}`")]
    NoMirror {
        /// The suite.
        pocket: String,
    },
    /// No mirror has a Release of the suite that can be trusted.
    #[error("no mirror has a usable Release of `{pocket}`{}", listed(attempts))]
    Release {
        /// The suite.
        pocket: String,
        /// What was tried.
        attempts: Vec<Attempt>,
    },
    /// The suite has no packages for the architecture.
    #[error("`{pocket}` has no packages for {architecture}, only for {}", architectures.join(", "))]
    Architecture {
        /// The suite.
        pocket: String,
        /// What was asked for.
        architecture: String,
        /// What it has.
        architectures: Vec<String>,
    },
    /// The suite does not have a component.
    #[error("`{pocket}` has no component `{component}`, only {}", components.join(", "))]
    Component {
        /// The suite.
        pocket: String,
        /// What was asked for.
        component: String,
        /// What it has.
        components: Vec<String>,
    },
    /// No mirror has the index that the Release names.
    #[error(
        "no mirror has the index of `{pocket}` that its Release names{}",
        listed(attempts)
    )]
    IndexMissing {
        /// The suite.
        pocket: String,
        /// What was tried.
        attempts: Vec<Attempt>,
    },
    /// No mirror has the index of contents that the Release names.
    #[error(
        "no mirror has the index of contents of `{pocket}` that its Release names{}",
        listed(attempts)
    )]
    ContentsMissing {
        /// The suite.
        pocket: String,
        /// What was tried.
        attempts: Vec<Attempt>,
    },
    /// The Release names no index for an architecture that it says it has.
    #[error("the Release of `{pocket}` names no index of packages for {architecture}")]
    NoIndex {
        /// The suite.
        pocket: String,
        /// What was asked for.
        architecture: String,
    },
    /// An index is not one.
    #[error("the index of `{pocket}` cannot be read")]
    Index {
        /// The suite.
        pocket: String,
        /// Why.
        source: IndexError,
    },
    /// The fault is on this machine.
    #[error("failed to get `{what}`")]
    Local {
        /// What was wanted.
        what: String,
        /// Why.
        source: FetchError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why one package cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackageFailure {
    /// No mirror has it.
    #[error("no mirror has it{}", listed(attempts))]
    Unavailable {
        /// What was tried.
        attempts: Vec<Attempt>,
    },
    /// It is not a package.
    #[error(transparent)]
    Malformed(#[from] DebError),
    /// A mirror did not give it.
    #[error(transparent)]
    Fetch(FetchError),
    /// The fault is on this machine.
    #[error(transparent)]
    Local(FetchError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its file cannot be read.
    #[error("its file cannot be read")]
    Read(#[source] io::Error),
}

/// One address that was tried, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The address.
    pub address: String,
    /// What went wrong, with its causes.
    pub problem: String,
    /// What is in the way, where something can be done about it.
    pub obstacle: Option<Obstacle>,
}

/// What is in the way to a file of a mirror, and can be removed by its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// A Release has expired, and nothing else is wrong.
    Expired,
    /// The server wants a user and a password, or refuses those that it was sent.
    Password,
    /// A proxy wants a user and a password, or refuses those that it was sent.
    ProxyPassword,
    /// The certificate of the server is not trusted.
    Authority,
    /// The certificate is not trusted, and the verification that apt is told to leave out is made here.
    Unverified,
    /// The server wants a certificate of this machine, or another one.
    ClientCertificate,
}

impl Obstacle {
    /// What is in the way of a request that failed.
    fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let FetchError::Net(error) = error.downcast_ref()? else {
            return None;
        };
        match error {
            NetError::Unauthorized { .. } => Some(Self::Password),
            NetError::ProxyUnauthorized { .. } => Some(Self::ProxyPassword),
            NetError::Connection { unverified, .. } if error.is_untrusted() => match unverified {
                Some(_) => Some(Self::Unverified),
                None => Some(Self::Authority),
            },
            _ if error.wants_certificate() => Some(Self::ClientCertificate),
            _ => None,
        }
    }
}

impl Attempt {
    /// Tells of a failure at `address`.
    pub fn new(address: impl Into<String>, error: &(dyn Error + 'static)) -> Self {
        let mut problem = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !problem.ends_with(&text) {
                problem = format!("{problem}: {text}");
            }
            source = cause.source();
        }
        Self {
            address: address.into(),
            problem,
            obstacle: Obstacle::of(error),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problem.contains(&self.address) {
            true => f.write_str(&self.problem),
            false => write!(f, "`{}`: {}", self.address, self.problem),
        }
    }
}

fn listed(attempts: &[Attempt]) -> String {
    attempts
        .iter()
        .map(|attempt| format!("\n  {attempt}"))
        .collect()
}
