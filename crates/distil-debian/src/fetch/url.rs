//! Where mirrors are.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The root of an archive on a mirror: the folder that has `dists` and `pool`.
///
/// Spelled as in apt's sources: `http://mirror.example/debian`, `https://…`, `file:/srv/debian`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mirror(String);

/// A mirror's address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{address}` is not the address of a mirror: {problem}")]
pub struct InvalidMirror {
    address: String,
    problem: &'static str,
}

impl Mirror {
    /// The address of a file below the root.
    pub fn join(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }

    /// The folder, if the mirror is one on this machine.
    pub fn folder(&self) -> Option<PathBuf> {
        local_path(&self.0)
    }

    /// The address as text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The archive that by convention lies beside this one: `…/debian-security` for `…/debian`.
    pub fn sibling(&self, suffix: &str) -> Option<Self> {
        self.0
            .ends_with("/debian")
            .then(|| Self(format!("{}{suffix}", self.0)))
    }
}

/// The path that a `file:` address names (RFC 8089: `file:/path` and `file:///path`).
pub(super) fn local_path(address: &str) -> Option<PathBuf> {
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
        let invalid = |problem| InvalidMirror {
            address: text.to_owned(),
            problem,
        };
        let address = text.trim_end_matches('/');
        if address.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(invalid("it has spaces in it"));
        }
        if let Some(path) = local_path(address) {
            return match path.is_absolute() || text == "file:///" {
                true => Ok(Self(address.to_owned())),
                false => Err(invalid(
                    "the folder behind `file:` must be an absolute path",
                )),
            };
        }
        let host = address
            .strip_prefix("http://")
            .or_else(|| address.strip_prefix("https://"));
        match host {
            Some("") => Err(invalid("it has no host")),
            Some(_) => Ok(Self(address.to_owned())),
            None => Err(invalid(
                "it must begin with `http://`, `https://` or `file:`",
            )),
        }
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
        assert_eq!(http.join("dists/x"), "http://mirror.example/debian/dists/x");
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
        assert_eq!(beside.as_str(), "http://mirror.example/debian-security");
        assert_eq!(sibling("http://mirror.example/private"), None);
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
