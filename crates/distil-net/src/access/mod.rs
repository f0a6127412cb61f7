//! What lets a request in.
//!
//! Credentials belong to a server, and are sent to no other, wherever a redirect or a challenge leads.

mod authorization;
mod challenge;
mod registry;
mod token;

use std::fmt;
use std::sync::{Arc, OnceLock};

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

pub(crate) use authorization::Authorization;
use registry::Registry;

use crate::credentials::{Credentials, Known, Machines};
use crate::environment::Environment;
use crate::error::{CredentialsError, NetError, Origin, Withheld};
use crate::network::Network;
use crate::url::Url;

/// What lets a request in. Cheap to clone; clones share what a server was shown.
///
/// A user and a password that a request's URL has come before all else.
#[derive(Clone, Default)]
pub struct Access(Option<Arc<Kind>>);

enum Kind {
    Machines {
        environment: Environment,
        read: OnceLock<Result<Machines, CredentialsError>>,
    },
    Registry(Registry),
}

impl Access {
    /// The passwords of apt's and the user's files, sent with the first request as apt does. The files
    /// are read when they are needed.
    pub fn machines(environment: Environment) -> Self {
        let read = OnceLock::new();
        Self(Some(Arc::new(Kind::Machines { environment, read })))
    }

    /// What a registry asks for, with credentials of that registry alone. `scope` is what is asked of a
    /// server of tokens where the registry does not say, such as `repository:NAME:pull`.
    pub fn registry(url: Url, credentials: Option<Credentials>, scope: impl Into<String>) -> Self {
        let registry = Registry::new(url, credentials, scope.into());
        Self(Some(Arc::new(Kind::Registry(registry))))
    }

    /// What to send to `url`, which `asked` led to, and why something is not sent.
    pub(crate) fn authorization(
        &self,
        asked: &Url,
        url: &Url,
    ) -> Result<(Option<Authorization>, Option<Withheld>), NetError> {
        if let Some(login) = asked.login()
            && asked.origin() == url.origin()
        {
            return Ok((Authorization::basic(&login, Origin::Url), None));
        }
        match self.0.as_deref() {
            None => Ok((None, None)),
            Some(Kind::Registry(registry)) => Ok((registry.authorization(url), None)),
            Some(Kind::Machines { environment, read }) => {
                let machines = read.get_or_init(|| Machines::read(environment));
                Ok(match machines.as_ref().map_err(Clone::clone)?.find(url) {
                    Known::Login(login, origin) => (Authorization::basic(&login, origin), None),
                    Known::Withheld(withheld) => (None, Some(withheld)),
                    Known::Nothing => (None, None),
                })
            }
        }
    }

    /// What to send to `url` instead, now that it said what it wants; none if nothing is better than
    /// what was `sent`.
    pub(crate) async fn answer(
        &self,
        network: &Network,
        url: &Url,
        headers: &HeaderMap,
        sent: Option<&Authorization>,
    ) -> Result<Option<Authorization>, NetError> {
        let Some(Kind::Registry(registry)) = self.0.as_deref() else {
            return Ok(None);
        };
        // A token may have expired, or be for something else; a password is right or wrong.
        if sent.is_some_and(|sent| sent.is_password) {
            return Ok(None);
        }
        let challenges = headers.get_all(WWW_AUTHENTICATE).iter();
        let challenge = challenges
            .filter_map(|value| challenge::parse(value.to_str().ok()?))
            .next();
        registry.answer(network, url, challenge).await
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.as_deref() {
            None => "Access(none)",
            Some(Kind::Machines { .. }) => "Access(machines)",
            Some(Kind::Registry(_)) => "Access(registry)",
        })
    }
}
