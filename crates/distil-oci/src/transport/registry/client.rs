//! Requests to a registry, and what its answers mean (OCI distribution specification 1.1).

use distil_net::credentials::Credentials;
use distil_net::{Access, Method, NetError, Patience, Request, Response, StatusCode, Stream, Url};
use distil_store::Digest;

use super::error::RegistryError;
use super::registries::Registries;
use crate::document_error::DocumentError;
use crate::reference::Repository;

/// The largest answer to a request that only asks whether somebody is there.
const MAX_GREETING: u64 = 256 << 10;

/// The port of HTTP without TLS.
const HTTP: u16 = 80;

/// The largest answer to a request that writes.
const MAX_ANSWER: u64 = 256 << 10;

/// What is done in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Pull,
    Push,
}

impl Action {
    /// As tokens name it ("Token Scope Documentation" of the distribution project).
    fn scope(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Pull => "read",
            Self::Push => "write",
        }
    }
}

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
    /// Whether nothing is sent without TLS, but on this machine itself.
    is_private: bool,
    action: Action,
}

impl Client {
    pub(super) fn new(
        registries: &Registries,
        repository: &Repository,
        credentials: Option<Credentials>,
        action: Action,
    ) -> Result<Self, RegistryError> {
        let client = registries.client();
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
        if client.is_offline() {
            let host = host.to_owned();
            return Err(RegistryError::Offline { host });
        }
        let mut base = url("https")?;
        let is_private = registries.verify_tls();
        // On this machine itself a registry without TLS is as good; it is tried second.
        if base.is_loopback() || !is_private {
            let greeting = Request::get(base.clone()).private().attempts(1);
            if let Err(error @ NetError::Connection { .. }) = client.send(&greeting, MAX_GREETING)
                && !error.is_untrusted()
            {
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
        let scope = format!("repository:{}:{}", repository.path(), action.scope());
        Ok(Self {
            client: client.clone(),
            access: Access::registry(base.clone(), credentials, scope),
            base,
            host: host.to_owned(),
            name: repository.path().to_owned(),
            whom,
            is_private,
            action,
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
        let answer = self.client.send(&self.get(path, accept), limit);
        answer.map_err(|error| self.failed(what, error))
    }

    /// What is at a path of the repository, as it comes.
    pub(crate) fn blob(
        &self,
        path: &str,
        accept: &str,
        size: u64,
    ) -> Result<Stream, RegistryError> {
        let stream = self.client.open(&self.get(path, accept), Some(size));
        stream.map_err(|error| self.failed(&format!("`{path}`"), error))
    }

    fn get(&self, path: &str, accept: &str) -> Request {
        self.request(Method::Get, self.url(path))
            .header("accept", accept)
    }

    /// The address of what is at a path of the repository.
    pub(super) fn url(&self, path: &str) -> Url {
        self.base.below(path)
    }

    /// A request with what lets it in.
    pub(super) fn request(&self, method: Method, url: Url) -> Request {
        let request = Request::new(method, url).access(self.access.clone());
        match self.is_private {
            true => request.private(),
            false => request,
        }
    }

    /// Sends a request whose answer is short.
    pub(super) fn send(&self, request: Request) -> Result<Response, NetError> {
        self.client.send(&request, MAX_ANSWER)
    }

    /// Sends a request whose answer has at most `limit` bytes.
    pub(super) fn send_for(&self, request: Request, limit: u64) -> Result<Response, NetError> {
        self.client.send(&request, limit)
    }

    /// The attempts of an upload.
    pub(super) fn attempts(&self) -> Patience {
        self.client.attempts()
    }

    /// How many requests there are at once.
    pub(super) fn connections(&self) -> usize {
        self.client.options().connections
    }

    /// Where an upload goes on, if an answer says it. It may be relative or absolute, and anywhere:
    /// on another server it gets no credentials.
    pub(super) fn upload_address(&self, response: &Response) -> Result<Option<Url>, RegistryError> {
        let Some(location) = response.header("location") else {
            return Ok(None);
        };
        let Ok(address) = response.url().join(location) else {
            return Err(self.lies("sends an upload to what is not an address"));
        };
        let address = address.without_login();
        if address.is_loopback() && !self.base.is_loopback() {
            let what = format!("sends an upload to `{address}`, which is on this machine");
            return Err(self.lies(what));
        }
        if address.is_tls() || !self.is_private {
            return Ok(Some(address));
        }
        // A registry behind a proxy that speaks TLS in its place often does not know of that.
        let is_own = address.host() == self.base.host()
            && (address.port() == self.base.port() || address.port() == HTTP);
        if is_own && self.base.is_tls() {
            return Ok(Some(address.at_origin_of(&self.base)));
        }
        match address.is_loopback() && self.base.is_loopback() {
            true => Ok(Some(address)),
            false => {
                let what = format!("sends an upload to `{address}`, an address without TLS");
                Err(self.lies(what))
            }
        }
    }

    /// The registry does what none should.
    pub(super) fn lies(&self, what: impl Into<String>) -> RegistryError {
        RegistryError::Lies {
            host: self.host.clone(),
            what: what.into(),
        }
    }

    /// An answer of success to something else than was asked.
    pub(super) fn unexpected(&self, status: StatusCode, what: &str) -> RegistryError {
        RegistryError::Rejected {
            host: self.host.clone(),
            status: status.as_u16(),
            what: what.to_owned(),
            said: ", which is not how a registry answers".to_owned(),
        }
    }

    /// Why what was sent was not taken: `what`, of the content `digest` where that is known.
    pub(super) fn rejected(
        &self,
        what: &str,
        digest: Option<Digest>,
        error: NetError,
    ) -> RegistryError {
        match (error, digest) {
            (NetError::Body { source, .. }, Some(digest)) => {
                RegistryError::Document(DocumentError::Blob { digest, source })
            }
            (NetError::Status { status, body, .. }, _) if status != StatusCode::FORBIDDEN => {
                RegistryError::Rejected {
                    host: self.host.clone(),
                    status: status.as_u16(),
                    what: what.to_owned(),
                    said: said(&body),
                }
            }
            (source @ NetError::TooLarge { .. }, _) => RegistryError::Conversation {
                host: self.host.clone(),
                source,
            },
            (error, _) => self.failed(what, error),
        }
    }

    pub(super) fn failed(&self, what: &str, error: NetError) -> RegistryError {
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
            action: self.action.verb(),
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
