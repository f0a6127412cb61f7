//! What is done with a URL.

/// What is to be done with a URL (RFC 9110 §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Have its content.
    Get,
    /// Have what is said of its content.
    Head,
    /// Create it, or replace it.
    Put,
    /// Give it something to process.
    Post,
    /// Change it.
    Patch,
    /// Remove it.
    Delete,
}

impl Method {
    pub(crate) fn to_http(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Head => reqwest::Method::HEAD,
            Self::Put => reqwest::Method::PUT,
            Self::Post => reqwest::Method::POST,
            Self::Patch => reqwest::Method::PATCH,
            Self::Delete => reqwest::Method::DELETE,
        }
    }
}
