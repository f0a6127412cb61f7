//! What is sent to be let in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;

use crate::error::Origin;
use crate::secret::Secret;
use crate::url::Login;

/// The value of an `Authorization`, and where the credentials behind it are from.
#[derive(Debug, Clone)]
pub(crate) struct Authorization {
    pub(crate) header: HeaderValue,
    /// None for a token that everybody is given.
    pub(crate) origin: Option<Origin>,
    /// Whether it is a password itself, which no second attempt makes right.
    pub(crate) is_password: bool,
}

impl Authorization {
    /// A user and a password (RFC 7617).
    pub(crate) fn basic(login: &Login, origin: Origin) -> Option<Self> {
        let pair = format!("{}:{}", login.user, login.password.expose());
        let mut header = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()?;
        header.set_sensitive(true);
        Some(Self {
            header,
            origin: Some(origin),
            is_password: true,
        })
    }

    /// A token (RFC 6750); none if HTTP cannot carry it.
    pub(crate) fn bearer(token: &Secret, origin: Option<Origin>) -> Option<Self> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
        header.set_sensitive(true);
        Some(Self {
            header,
            origin,
            is_password: false,
        })
    }
}
