//! Strings that must not be shown: passwords and tokens.

use std::fmt;

/// A password or token. It has no `Display`, and its `Debug` shows nothing of it, so that no message,
/// log or snapshot of a value that contains it can have it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Takes a string that must not be shown.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The string itself, for the one to whom it is sent.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}
