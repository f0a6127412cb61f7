//! Being let in by a registry: it says what it wants to see, and that is kept for its other requests.

use std::sync::{Mutex, PoisonError};

use super::authorization::Authorization;
use super::challenge::Challenge;
use super::token;
use crate::credentials::{Credential, Credentials};
use crate::error::NetError;
use crate::network::Network;
use crate::url::Url;

/// What a registry was shown, and what can be shown to it.
pub(crate) struct Registry {
    url: Url,
    credentials: Option<Credentials>,
    /// What is asked for where the registry does not say itself.
    scope: String,
    authorization: Mutex<Option<Authorization>>,
}

impl Registry {
    pub(crate) fn new(url: Url, credentials: Option<Credentials>, scope: String) -> Self {
        Self {
            url,
            credentials,
            scope,
            authorization: Mutex::default(),
        }
    }

    /// What to send to `url`: nothing, if it is on another server.
    pub(crate) fn authorization(&self, url: &Url) -> Option<Authorization> {
        let is_own = url.origin() == self.url.origin();
        let known = self.authorization.lock();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        known.clone().filter(|_| is_own)
    }

    /// Gets what the registry wants to see; none if there is nothing that could be shown.
    pub(crate) async fn answer(
        &self,
        network: &Network,
        url: &Url,
        challenge: Option<Challenge>,
    ) -> Result<Option<Authorization>, NetError> {
        if url.origin() != self.url.origin() {
            return Ok(None);
        }
        let credentials = self.credentials.as_ref();
        let authorization = match (challenge, credentials) {
            (
                Some(Challenge::Basic),
                Some(Credentials {
                    credential: Credential::Password(login),
                    origin,
                }),
            ) => Authorization::basic(login, origin.clone()),
            (
                Some(Challenge::Bearer {
                    realm,
                    service,
                    scope,
                }),
                credentials,
            ) => {
                let server = token::server(url, &self.url, &realm)?;
                let scope = scope.as_deref().unwrap_or(&self.scope);
                let token = token::fetch(network, &server, service.as_deref(), scope, credentials);
                Some(token.await?)
            }
            _ => None,
        };
        if let Some(authorization) = &authorization {
            let mut known = self
                .authorization
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *known = Some(authorization.clone());
        }
        Ok(authorization)
    }
}
