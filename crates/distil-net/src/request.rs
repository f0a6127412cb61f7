//! What is asked for, and what is sent with it.

use crate::access::Access;
use crate::body::Body;
use crate::method::Method;
use crate::url::Url;

/// A request: a method, a URL, headers, perhaps a body, and how to be let in.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Body>,
    pub(crate) access: Access,
    pub(crate) is_private: bool,
    pub(crate) attempts: Option<u32>,
}

impl Request {
    /// A request of this kind, with no header and no credentials but those that the URL has.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: None,
            access: Access::default(),
            is_private: false,
            attempts: None,
        }
    }

    /// A request for the content of `url`.
    pub fn get(url: Url) -> Self {
        Self::new(Method::Get, url)
    }

    /// What is asked for.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// With a header. That for credentials is not one of these; see [`Request::access`].
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// With what lets it in.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Never without TLS, wherever it is redirected to, but from this machine to itself. For what is not
    /// public, or is not verified by other means.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.is_private = true;
        self
    }

    /// With another number of attempts than the client's.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    pub(crate) fn has_header(&self, names: &[&str]) -> bool {
        self.headers
            .iter()
            .any(|(known, _)| names.iter().any(|name| known.eq_ignore_ascii_case(name)))
    }
}
