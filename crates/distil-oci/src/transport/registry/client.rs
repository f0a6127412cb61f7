//! Requests to a registry, with whatever it takes to be let in.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::blocking::{Client as Http, RequestBuilder, Response};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_RANGE, HeaderMap, LOCATION, RANGE, WWW_AUTHENTICATE,
};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};
use std::io::Read as _;

use super::credentials::Credentials;
use crate::reference::Repository;
use crate::transport::error::Problem;

/// How long a registry may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many redirects are followed.
const MAX_REDIRECTS: u32 = 5;

/// The largest answer that is no image: a token, an error.
const MAX_ANSWER: u64 = 256 << 10;

/// A connection to one repository.
pub(crate) struct Client {
    http: Http,
    /// `https://HOST/v2/PATH/`.
    base: Url,
    host: String,
    name: String,
    credentials: Option<Credentials>,
    /// What is sent to the registry with each request, once it is known.
    authorization: Mutex<Option<String>>,
}

/// What a registry wants to see (RFC 9110, 11.6.1; the distribution project's token specification).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

impl Client {
    pub(super) fn new(
        repository: &Repository,
        credentials: Option<Credentials>,
    ) -> Result<Self, Problem> {
        let host = match repository.host() {
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Problem::Registry {
            host: host.to_owned(),
            source,
        };
        // Fails only where one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Http::builder()
            .user_agent(concat!("distil/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(PATIENCE)
            .timeout(PATIENCE)
            .build()
            .map_err(|error| failed(error.into()))?;
        let url =
            |scheme: &str| Url::parse(&format!("{scheme}://{host}/v2/{}/", repository.path()));
        let mut base = url("https").map_err(|error| failed(error.into()))?;
        // On this machine itself a registry without TLS is as good; it is tried second.
        if is_loopback(&base) && http.get(base.clone()).send().is_err() {
            base = url("http").map_err(|error| failed(error.into()))?;
        }
        Ok(Self {
            http,
            base,
            host: host.to_owned(),
            name: repository.path().to_owned(),
            credentials,
            authorization: Mutex::default(),
        })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Asks for what is at a path of the repository, from a byte on.
    pub(crate) fn get(
        &self,
        path: &str,
        what: &str,
        accept: &str,
        from: u64,
    ) -> Result<Response, Problem> {
        let url = self.base.join(path).map_err(|error| self.failed(error))?;
        let response = self.send(&url, accept, from)?;
        let response = match response.status() {
            StatusCode::UNAUTHORIZED => {
                self.authorize(response.headers())?;
                self.send(&url, accept, from)?
            }
            _ => response,
        };
        let response = self.follow(response, url, accept, from)?;
        match response.status() {
            StatusCode::OK if from == 0 => Ok(response),
            StatusCode::PARTIAL_CONTENT if continues(&response, from) => Ok(response),
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Err(Problem::RegistryLies {
                host: self.host.clone(),
                what: format!("cannot send {what} from byte {from} on"),
            }),
            status => Err(self.refusal(status, what, response)),
        }
    }

    fn send(&self, url: &Url, accept: &str, from: u64) -> Result<Response, Problem> {
        let mut request = self.http.get(url.clone()).header(ACCEPT, accept);
        let known = self
            .authorization
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(authorization) = known {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.finish(ranged(request, from))
    }

    fn finish(&self, request: RequestBuilder) -> Result<Response, Problem> {
        request
            .send()
            .map_err(|error| self.failed(error.without_url()))
    }

    fn failed(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Problem {
        Problem::Registry {
            host: self.host.clone(),
            source: error.into(),
        }
    }

    /// Follows redirects: to the same server as before, elsewhere without credentials, and never
    /// from TLS to none.
    fn follow(
        &self,
        mut response: Response,
        mut url: Url,
        accept: &str,
        from: u64,
    ) -> Result<Response, Problem> {
        let mut redirects = 0;
        while response.status().is_redirection() {
            redirects += 1;
            let lies = |what: &str| Problem::RegistryLies {
                host: self.host.clone(),
                what: what.to_owned(),
            };
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|target| target.to_str().ok());
            let target = target.and_then(|target| url.join(target).ok());
            let target = target.ok_or_else(|| lies("redirects to nowhere"))?;
            if redirects > MAX_REDIRECTS {
                return Err(lies("redirects without end"));
            }
            // Only this machine may send to this machine without TLS.
            let is_local = is_loopback(&url) && is_loopback(&target);
            if target.scheme() != "https" && !(target.scheme() == "http" && is_local) {
                return Err(lies("redirects to an address without TLS"));
            }
            response = match target.origin() == self.base.origin() {
                true => self.send(&target, accept, from)?,
                false => self.finish(ranged(
                    self.http.get(target.clone()).header(ACCEPT, accept),
                    from,
                ))?,
            };
            url = target;
        }
        Ok(response)
    }

    /// Gets what the registry wants to see.
    fn authorize(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let challenges = headers.get_all(WWW_AUTHENTICATE).iter();
        let challenge = challenges
            .filter_map(|value| challenge(value.to_str().ok()?))
            .next();
        let denied = |said: &str| self.denied(said.to_owned());
        let authorization = match challenge {
            None => return Err(denied("")),
            Some(Challenge::Basic) => match &self.credentials {
                Some(Credentials::Password { user, password }) => {
                    format!(
                        "Basic {}",
                        super::credentials::encode(&format!("{user}:{password}"))
                    )
                }
                _ => return Err(denied("")),
            },
            Some(Challenge::Bearer {
                realm,
                service,
                scope,
            }) => {
                let realm = Url::parse(&realm).map_err(|error| self.failed(error))?;
                if !is_safe(&realm) {
                    let what = format!(
                        "names a server of tokens without TLS, `{}`",
                        shown(realm.as_str())
                    );
                    return Err(Problem::RegistryLies {
                        host: self.host.clone(),
                        what,
                    });
                }
                format!("Bearer {}", self.token(realm, service, scope)?)
            }
        };
        *self
            .authorization
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(authorization);
        Ok(())
    }

    fn token(
        &self,
        realm: Url,
        service: Option<String>,
        scope: Option<String>,
    ) -> Result<String, Problem> {
        #[derive(serde::Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }
        let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", self.name));
        let mut url = realm;
        let request = match &self.credentials {
            // A token for tokens (OAuth 2, as the distribution project describes it).
            Some(Credentials::Identity(identity)) => {
                let mut form =
                    Url::parse("http://localhost/").map_err(|error| self.failed(error))?;
                form.query_pairs_mut()
                    .append_pair("grant_type", "refresh_token")
                    .append_pair("service", &service.unwrap_or_default())
                    .append_pair("client_id", "distil")
                    .append_pair("scope", &scope)
                    .append_pair("refresh_token", identity);
                let body = form.query().unwrap_or_default().to_owned();
                self.http
                    .post(url)
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(body)
            }
            credentials => {
                {
                    let mut query = url.query_pairs_mut();
                    if let Some(service) = &service {
                        query.append_pair("service", service);
                    }
                    query.append_pair("scope", &scope);
                }
                let request = self.http.get(url);
                match credentials {
                    Some(Credentials::Password { user, password }) => {
                        request.basic_auth(user, Some(password))
                    }
                    _ => request,
                }
            }
        };
        let response = self.finish(request)?;
        let status = response.status();
        let mut body = Vec::new();
        response
            .take(MAX_ANSWER)
            .read_to_end(&mut body)
            .map_err(|error| self.failed(error))?;
        if !status.is_success() {
            return Err(self.denied(said(&body)));
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|source| Problem::Json {
            document: "the registry's token".to_owned(),
            source,
        })?;
        answer
            .token
            .or(answer.access_token)
            .ok_or_else(|| self.denied(String::new()))
    }

    fn denied(&self, said: String) -> Problem {
        let whom = match &self.credentials {
            Some(Credentials::Password { user, .. }) => format!("the user `{}`", shown(user)),
            Some(Credentials::Identity(_)) => "this user".to_owned(),
            None => "everybody".to_owned(),
        };
        Problem::RegistryDenied {
            host: self.host.clone(),
            name: self.name.clone(),
            whom,
            said,
        }
    }

    fn refusal(&self, status: StatusCode, what: &str, response: Response) -> Problem {
        let mut body = Vec::new();
        let _ = response.take(MAX_ANSWER).read_to_end(&mut body);
        let said = said(&body);
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.denied(said),
            _ => Problem::RegistryAnswer {
                host: self.host.clone(),
                status: status.as_u16(),
                what: what.to_owned(),
                said,
            },
        }
    }
}

fn ranged(request: RequestBuilder, from: u64) -> RequestBuilder {
    match from {
        0 => request,
        from => request.header(RANGE, format!("bytes={from}-")),
    }
}

fn continues(response: &Response, from: u64) -> bool {
    let range = response
        .headers()
        .get(CONTENT_RANGE)
        .and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
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

/// Whether credentials may be sent there.
fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Reads a `WWW-Authenticate`.
pub(super) fn challenge(text: &str) -> Option<Challenge> {
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (mut realm, mut service, mut scope) = (None, None, None);
    let mut rest = rest.trim();
    while let Some((key, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find('"')?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        let slot = match key.trim().to_ascii_lowercase().as_str() {
            "realm" => &mut realm,
            "service" => &mut service,
            "scope" => &mut scope,
            _ => &mut None,
        };
        *slot = Some(value.to_owned());
        rest = after.trim_start_matches([',', ' ']);
    }
    Some(Challenge::Bearer {
        realm: realm?,
        service,
        scope,
    })
}
