//! Requests to a registry, and what its answers mean (OCI distribution specification 1.1).

use distil_net::credentials::Credentials;
use distil_net::{Access, NetError, Request, Response, StatusCode, Stream, Url};

use super::error::RegistryError;
use crate::document_error::DocumentError;
use crate::reference::Repository;

/// The largest answer to a request that only asks whether somebody is there.
const MAX_GREETING: u64 = 256 << 10;

/// A connection to one repository.
pub(crate) struct Client {
    client: distil_net::Client,
    access: Access,
    /// `https://HOST/v2/PATH`.
    base: Url,
    host: String,
    name: String,
    /// Whom the registry takes this user for.
    whom: String,
}

impl Client {
    pub(super) fn new(
        client: distil_net::Client,
        repository: &Repository,
        credentials: Option<Credentials>,
    ) -> Result<Self, RegistryError> {
        let host = match repository.host() {
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        let failed = |source| RegistryError::Conversation {
            host: host.to_owned(),
            source,
        };
        let url = |scheme: &str| -> Result<Url, RegistryError> {
            let url = format!("{scheme}://{host}/v2/{}", repository.path()).parse();
            url.map_err(|error| failed(NetError::Url(error)))
        };
        let mut base = url("https")?;
        // On this machine itself a registry without TLS is as good; it is tried second.
        if base.is_loopback() {
            let greeting = Request::get(base.clone()).private().attempts(1);
            if let Err(NetError::Connection { .. }) = client.send(&greeting, MAX_GREETING) {
                base = url("http")?;
            }
        }
        let whom = match &credentials {
            Some(credentials) => match credentials.user() {
                Some(user) => format!("the user `{}`", shown(user)),
                None => "this user".to_owned(),
            },
            None => "everybody".to_owned(),
        };
        let scope = format!("repository:{}:pull", repository.path());
        Ok(Self {
            client,
            access: Access::registry(base.clone(), credentials, scope),
            base,
            host: host.to_owned(),
            name: repository.path().to_owned(),
            whom,
        })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// A document at a path of the repository, which messages call `what`.
    pub(crate) fn document(
        &self,
        path: &str,
        what: &str,
        accept: &str,
        limit: u64,
    ) -> Result<Response, RegistryError> {
        let answer = self.client.send(&self.request(path, accept), limit);
        answer.map_err(|error| self.failed(what, error))
    }

    /// What is at a path of the repository, as it comes.
    pub(crate) fn blob(
        &self,
        path: &str,
        accept: &str,
        size: u64,
    ) -> Result<Stream, RegistryError> {
        let stream = self.client.open(&self.request(path, accept), Some(size));
        stream.map_err(|error| self.failed(&format!("`{path}`"), error))
    }

    fn request(&self, path: &str, accept: &str) -> Request {
        Request::get(self.base.below(path))
            .header("accept", accept)
            .access(self.access.clone())
            .private()
    }

    fn failed(&self, what: &str, error: NetError) -> RegistryError {
        let host = self.host.clone();
        match error {
            NetError::Unauthorized { body, .. } => self.denied(&body),
            NetError::Status {
                status: StatusCode::FORBIDDEN,
                body,
                ..
            } => self.denied(&body),
            NetError::Status { status, body, .. } => RegistryError::Answer {
                host,
                status: status.as_u16(),
                what: what.to_owned(),
                said: said(&body),
            },
            NetError::TooLarge { limit, .. } => RegistryError::Document(DocumentError::TooLarge {
                document: format!("the manifest of {what}"),
                limit,
            }),
            source => RegistryError::Conversation { host, source },
        }
    }

    fn denied(&self, body: &[u8]) -> RegistryError {
        RegistryError::Denied {
            host: self.host.clone(),
            name: self.name.clone(),
            whom: self.whom.clone(),
            said: said(body),
        }
    }
}

/// What an answer says of an error (OCI distribution specification, "Error Codes").
fn said(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: Vec<Error>,
    }
    #[derive(serde::Deserialize)]
    struct Error {
        #[serde(default)]
        message: String,
    }
    let errors: Option<Errors> = serde_json::from_slice(body).ok();
    let message = errors.and_then(|errors| Some(errors.errors.into_iter().next()?.message));
    match message.filter(|message| !message.is_empty()) {
        Some(message) => format!(": {}", shown(&message)),
        None => String::new(),
    }
}

/// Text from outside, harmless for a terminal.
fn shown(text: &str) -> String {
    text.chars()
        .take(200)
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}
