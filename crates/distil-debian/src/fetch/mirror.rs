//! Where mirrors are.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use distil_net::{Url, masked};

use super::address::Address;

/// The root of an archive on a mirror: the directory that has `dists` and `pool`.
///
/// Spelled as in apt's sources: `http://mirror.example/debian`, `https://…`, `file:/srv/debian`. A user
/// and a password that it has are sent to it, and not shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mirror(Address);

/// A mirror's address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{address}` is not the address of a mirror: {problem}")]
pub struct InvalidMirror {
    address: String,
    problem: String,
}

impl Mirror {
    /// The address of a file below the root.
    pub fn join(&self, path: &str) -> Address {
        self.0.below(path)
    }

    /// The directory, if the mirror is one on this machine.
    pub fn folder(&self) -> Option<PathBuf> {
        match &self.0 {
            Address::File(path) => Some(path.clone()),
            Address::Remote(_) => None,
        }
    }

    /// The server that it is on, if it is on one.
    pub(super) fn server(&self) -> Option<String> {
        match &self.0 {
            Address::File(_) => None,
            Address::Remote(url) => Some(url.origin()),
        }
    }

    /// The archive that by convention lies beside this one: `…/debian-security` for `…/debian`.
    pub fn sibling(&self, suffix: &str) -> Option<Self> {
        match &self.0 {
            Address::File(path) => {
                let beside = path.to_str()?.strip_suffix("/debian")?;
                Some(Self(Address::File(
                    format!("{beside}/debian{suffix}").into(),
                )))
            }
            Address::Remote(url) => {
                let beside = url.path().strip_suffix("/debian")?;
                let url = url.with_path(&format!("{beside}/debian{suffix}"));
                Some(Self(Address::Remote(url)))
            }
        }
    }
}

/// The path that a `file:` address names (RFC 8089: `file:/path` and `file:///path`).
fn local_path(address: &str) -> Option<PathBuf> {
    let rest = address
        .strip_prefix("file:")
        .or_else(|| address.strip_prefix("copy:"))?;
    let path = match rest.strip_prefix("//") {
        Some(with_host) => with_host.strip_prefix("localhost").unwrap_or(with_host),
        None => rest,
    };
    Some(PathBuf::from(path))
}

impl FromStr for Mirror {
    type Err = InvalidMirror;

    fn from_str(text: &str) -> Result<Self, InvalidMirror> {
        let invalid = |problem: &str| InvalidMirror {
            address: masked(text),
            problem: problem.to_owned(),
        };
        let address = text.trim_end_matches('/');
        if address.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(invalid("it has spaces in it"));
        }
        if let Some(path) = local_path(address) {
            return match path.is_absolute() {
                true => Ok(Self(Address::File(path))),
                false if text == "file:///" => Ok(Self(Address::File(PathBuf::from("/")))),
                false => Err(invalid(
                    "the directory behind `file:` must be an absolute path",
                )),
            };
        }
        if !address.starts_with("http://") && !address.starts_with("https://") {
            return Err(invalid(
                "it must begin with `http://`, `https://` or `file:`",
            ));
        }
        match address.parse::<Url>() {
            Ok(url) => Ok(Self(Address::Remote(url))),
            Err(error) => Err(invalid(error.problem())),
        }
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_string().trim_end_matches('/'))
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_apt_writes_them() {
        let mirror = |text: &str| text.parse::<Mirror>().unwrap();
        let http = mirror("http://mirror.example/debian/");
        let joined = http.join("dists/x").to_string();
        assert_eq!(joined, "http://mirror.example/debian/dists/x");
        assert_eq!(http.folder(), None);
        for text in [
            "file:/srv/debian",
            "file:///srv/debian",
            "copy:/srv/debian/",
        ] {
            assert_eq!(
                mirror(text).folder(),
                Some(PathBuf::from("/srv/debian")),
                "{text}"
            );
        }
    }

    #[test]
    fn the_security_archive_lies_beside() {
        let sibling = |text: &str| text.parse::<Mirror>().unwrap().sibling("-security");
        let beside = sibling("http://mirror.example/debian").unwrap();
        assert_eq!(beside.to_string(), "http://mirror.example/debian-security");
        let beside = sibling("file:/srv/debian").unwrap();
        assert_eq!(beside.to_string(), "file:///srv/debian-security");
        assert_eq!(sibling("http://mirror.example/private"), None);
    }

    #[test]
    fn a_password_is_kept_and_not_shown() {
        let mirror: Mirror = "http://ann:secret@mirror.example/debian".parse().unwrap();
        let beside = mirror.sibling("-security").unwrap();
        for mirror in [&mirror, &beside] {
            assert!(!format!("{mirror} {mirror:?}").contains("secret"));
            let Address::Remote(url) = mirror.join("dists/x") else {
                panic!("{mirror} is remote");
            };
            assert_eq!(url.login().unwrap().password.expose(), "secret");
        }
        for text in [
            "ftp://ann:secret@mirror.example",
            "http://ann:secret@",
            "http://ann:secret@a b",
        ] {
            let error = text.parse::<Mirror>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            "mirror.example",
            "ftp://mirror.example",
            "http://",
            "file:srv",
            "http://a b",
        ] {
            assert!(text.parse::<Mirror>().is_err(), "{text}");
        }
    }
}
