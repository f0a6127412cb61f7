//! What proves who somebody is.

use crate::error::Origin;
use crate::secret::Secret;
use crate::url::Login;

/// What proves who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user and a password.
    Password(Login),
    /// A token that other tokens are given for (OAuth 2's refresh token).
    Identity(Secret),
}

/// A credential, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// What is sent.
    pub credential: Credential,
    /// Where it is from.
    pub origin: Origin,
}

impl Credentials {
    /// The user, where there is one.
    pub fn user(&self) -> Option<&str> {
        match &self.credential {
            Credential::Password(login) => Some(&login.user),
            Credential::Identity(_) => None,
        }
    }
}
