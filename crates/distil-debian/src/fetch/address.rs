//! Where a file of an archive is.

use std::fmt;
use std::path::PathBuf;

use distil_net::Url;

/// Where a file is: on this machine, or on a server. A password in it is not shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A file of this machine.
    File(PathBuf),
    /// A file of a server.
    Remote(Url),
}

impl Address {
    /// A file below this one, which is then a directory.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        match self {
            Self::File(root) => Self::File(root.join(path.trim_start_matches('/'))),
            Self::Remote(root) => Self::Remote(root.below(path)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file://{}", path.display()),
            Self::Remote(url) => fmt::Display::fmt(url, f),
        }
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}
