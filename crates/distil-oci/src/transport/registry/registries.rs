//! How registries are reached: what is the same for all of them in a run.

use std::path::PathBuf;

use distil_net::Client;
use distil_net::credentials::{self, Credentials};

use super::error::RegistryError;
use crate::reference::Repository;

/// How registries are reached: by which client, with whose credentials, and whether their
/// certificates are verified. Cheap to clone.
#[derive(Clone)]
pub struct Registries {
    client: Client,
    auth_file: Option<PathBuf>,
    verify_tls: bool,
}

impl Registries {
    /// By this client, with the credentials of Podman's and Docker's files as the client's
    /// environment names them.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            auth_file: None,
            verify_tls: true,
        }
    }

    /// None: each that is asked for is an error.
    pub fn offline() -> Self {
        Self::new(Client::offline())
    }

    /// With the credentials of this file alone (containers-auth.json(5)), which has to be there.
    #[must_use]
    pub fn with_auth_file(self, path: impl Into<PathBuf>) -> Self {
        Self {
            auth_file: Some(path.into()),
            ..self
        }
    }

    /// With whatever certificate a registry shows, and without TLS where it has none: whoever is on
    /// the way then reads the credentials, and changes what is not asked for by its digest.
    #[must_use]
    pub fn without_tls_verification(self) -> Self {
        Self {
            client: self.client.without_tls_verification(),
            verify_tls: false,
            ..self
        }
    }

    /// The client that everything is asked by.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether registries are spoken to by TLS alone, but for this machine itself.
    pub(super) fn verify_tls(&self) -> bool {
        self.verify_tls
    }

    /// The credentials for a repository, if there are any.
    pub(super) fn credentials(
        &self,
        repository: &Repository,
    ) -> Result<Option<Credentials>, RegistryError> {
        let (host, path) = (repository.host(), repository.path());
        let found = match &self.auth_file {
            Some(file) => credentials::in_file(file, host, path),
            None => credentials::for_registry(self.client.environment(), host, path),
        };
        Ok(found?)
    }
}

impl std::fmt::Debug for Registries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registries")
            .field("auth_file", &self.auth_file)
            .field("verify_tls", &self.verify_tls)
            .finish_non_exhaustive()
    }
}
