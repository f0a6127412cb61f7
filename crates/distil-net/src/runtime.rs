//! Where requests wait: a small runtime, and few downloads a host at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::apt::AptError;
use crate::environment::Environment;
use crate::error::{Cause, CredentialsError, InvalidProxy, NetError};
use crate::network::Network;
use crate::patience::Options;
use crate::url::Url;

/// What all clones of a client share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) environment: Environment,
    pub(crate) is_offline: bool,
    /// Whether requests are to archives of Debian's format.
    pub(crate) are_archives: bool,
    online: OnceLock<Result<Online, Failure>>,
    hosts: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

/// What there is once something was asked for.
pub(crate) struct Online {
    pub(crate) network: Network,
    pub(crate) runtime: Runtime,
}

/// Why nothing can be asked for; the same each time.
#[derive(Clone)]
enum Failure {
    Proxy(InvalidProxy),
    Apt(AptError),
    Credentials(CredentialsError),
    Other(Arc<dyn std::error::Error + Send + Sync>),
}

impl Shared {
    pub(crate) fn new(options: Options, environment: Environment, is_offline: bool) -> Self {
        Self {
            options,
            environment,
            is_offline,
            are_archives: false,
            online: OnceLock::new(),
            hosts: Mutex::default(),
        }
    }

    /// What to ask for `url` with.
    pub(crate) fn online(&self, url: &Url) -> Result<&Online, NetError> {
        if self.is_offline {
            return Err(NetError::Offline { url: url.clone() });
        }
        let online = self
            .online
            .get_or_init(|| Online::new(&self.options, &self.environment, self.are_archives));
        online.as_ref().map_err(|failure| match failure.clone() {
            Failure::Proxy(error) => NetError::Proxy(error),
            Failure::Apt(error) => NetError::Apt(error),
            Failure::Credentials(error) => NetError::Credentials(error),
            Failure::Other(source) => NetError::Setup(source),
        })
    }

    /// The slots of a server.
    pub(crate) fn slots(&self, url: &Url) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = || Arc::new(Semaphore::new(self.options.connections.max(1)));
        hosts.entry(url.origin()).or_insert_with(slots).clone()
    }
}

impl Online {
    fn new(
        options: &Options,
        environment: &Environment,
        are_archives: bool,
    ) -> Result<Self, Failure> {
        let other = |error: Cause| Failure::Other(error.into());
        let network = Network::new(options, environment, are_archives);
        let network = network.map_err(|error| match error {
            NetError::Proxy(error) => Failure::Proxy(error),
            NetError::Apt(error) => Failure::Apt(error),
            NetError::Credentials(error) => Failure::Credentials(error),
            NetError::Setup(source) => Failure::Other(source),
            error => other(error.into()),
        })?;
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build();
        Ok(Self {
            network,
            runtime: runtime.map_err(|error| other(error.into()))?,
        })
    }
}
