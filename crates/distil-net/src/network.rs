//! One request and its answer, with a limit to the waiting. Nothing is repeated or followed here.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use crate::body::{self, Body};
use crate::environment::Environment;
use crate::error::{Cause, NetError};
use crate::method::Method;
use crate::patience::{self, Options};
use crate::rate::Meter;
use crate::route::Routes;
use crate::url::Url;

/// The largest part of an error's body that is kept.
const MAX_ERROR: usize = 64 << 10;

/// How long the body of an error is waited for: it is a courtesy.
const ERROR_TIME: Duration = Duration::from_secs(2);

/// What requests are sent with.
pub(crate) struct Network {
    routes: Routes,
    options: Options,
}

impl Network {
    /// With the proxies of an environment; `are_archives` if the requests are to archives of Debian's format,
    /// for which apt's configuration counts as well.
    pub(crate) fn new(
        options: &Options,
        environment: &Environment,
        are_archives: bool,
    ) -> Result<Self, NetError> {
        Ok(Self {
            routes: Routes::new(options, environment, are_archives)?,
            options: options.clone(),
        })
    }

    /// Sends a request; the answer may be of any status.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<&Body>,
    ) -> Result<Response, NetError> {
        let started = Instant::now();
        let outcome = self.transmit(method, url, headers, body).await;
        self.routes.tell(url);
        let proxy = self.routes.proxy(url).map(|proxy| proxy.address);
        let proxy = proxy.as_deref().unwrap_or("none");
        let (method, elapsed) = (method.to_http(), started.elapsed());
        match &outcome {
            Ok(response) => {
                let status = response.status().as_u16();
                tracing::debug!(%method, %url, proxy, status, ?elapsed, "request");
            }
            Err(error) => tracing::debug!(%method, %url, proxy, ?elapsed, %error, "request failed"),
        }
        outcome
    }

    async fn transmit(
        &self,
        method: Method,
        url: &Url,
        mut headers: HeaderMap,
        body: Option<&Body>,
    ) -> Result<Response, NetError> {
        let client = self.routes.client(url)?;
        let request = client.request(method.to_http(), url.to_request());
        let Some(body) = body else {
            let sent = request.headers(headers).send();
            return match tokio::time::timeout(self.options.timeout, sent).await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(error)) => Err(self.failed(url, error.without_url())),
                Err(_) => Err(self.failed(url, self.silence("no answer"))),
            };
        };
        let unreadable = |source| NetError::Body {
            url: url.clone(),
            source,
        };
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.size()));
        let (stream, sending) = body::stream(body);
        let sent = request.headers(headers).body(stream).send();
        let mut sent = std::pin::pin!(sent);
        let mut before = 0;
        loop {
            match tokio::time::timeout(self.options.timeout, &mut sent).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => {
                    return Err(match sending.failure() {
                        Some(failure) => unreadable(failure),
                        None => self.failed(url, error.without_url()),
                    });
                }
                Err(_) if sending.sent() == before => {
                    return Err(self.failed(url, self.silence("no answer")));
                }
                // It is still being sent.
                Err(_) => before = sending.sent(),
            }
        }
    }

    /// The next bytes of an answer; none at its end.
    pub(crate) async fn chunk(
        &self,
        url: &Url,
        response: &mut Response,
        meter: &mut Meter,
    ) -> Result<Option<Bytes>, NetError> {
        let started = Instant::now();
        match tokio::time::timeout(self.options.timeout, response.chunk()).await {
            Err(_) => Err(self.failed(url, self.silence("nothing more came"))),
            Ok(Err(error)) => Err(self.failed(url, error.without_url())),
            Ok(Ok(None)) => Ok(None),
            Ok(Ok(Some(chunk))) => match meter.note(chunk.len() as u64, started.elapsed()) {
                Ok(()) => Ok(Some(chunk)),
                Err(found) => Err(NetError::TooSlow {
                    url: url.clone(),
                    received: found.received,
                    seconds: found.waited,
                    least: self.options.least_rate,
                }),
            },
        }
    }

    /// A meter for one answer.
    pub(crate) fn meter(&self) -> Meter {
        Meter::new(self.options.rate_window, self.options.least_rate)
    }

    /// All bytes of an answer, of which there may be so many.
    pub(crate) async fn collect(
        &self,
        url: &Url,
        response: &mut Response,
        limit: u64,
    ) -> Result<Vec<u8>, NetError> {
        let (mut bytes, mut meter) = (Vec::new(), self.meter());
        while let Some(chunk) = self.chunk(url, response, &mut meter).await? {
            if bytes.len() as u64 + chunk.len() as u64 > limit {
                let url = url.clone();
                return Err(NetError::TooLarge { url, limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// The beginning of an error's body, as far as it comes soon.
    pub(crate) async fn error_body(&self, response: &mut Response) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                bytes.extend_from_slice(&chunk);
                if bytes.len() >= MAX_ERROR {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(ERROR_TIME.min(self.options.timeout), read).await;
        bytes.truncate(MAX_ERROR);
        bytes
    }

    /// The error that a status is.
    pub(crate) async fn status(&self, url: &Url, response: &mut Response) -> NetError {
        if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED
            && let Some(proxy) = self.routes.proxy(url)
        {
            let url = url.clone();
            return NetError::ProxyUnauthorized { url, proxy };
        }
        let after = response.headers().get(RETRY_AFTER);
        let after = after.and_then(|value| value.to_str().ok());
        NetError::Status {
            url: url.clone(),
            status: response.status(),
            retry_after: after.and_then(|value| patience::retry_after(value, SystemTime::now())),
            body: self.error_body(response).await,
        }
    }

    /// An error of the connection.
    pub(crate) fn failed(&self, url: &Url, source: impl Into<Cause>) -> NetError {
        let (url, source, proxy) = (url.clone(), source.into(), self.routes.proxy(url));
        match proxy {
            Some(proxy) if is_refused_by_proxy(source.as_ref()) => {
                NetError::ProxyUnauthorized { url, proxy }
            }
            proxy => NetError::Connection {
                unread: self.routes.unread(),
                unverified: self.routes.unverified(&url),
                url,
                proxy,
                source,
            },
        }
    }

    fn silence(&self, what: &str) -> io::Error {
        let seconds = self.options.timeout.as_secs_f32();
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!("{what} within {seconds} s"),
        )
    }
}

/// Whether a proxy lets no tunnel through it without a user and a password, or with those that it was sent. The
/// type of that error is not public.
fn is_refused_by_proxy(source: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(source);
    while let Some(error) = cause {
        if error.to_string().ends_with("proxy authorization required") {
            return true;
        }
        cause = error.source();
    }
    false
}
