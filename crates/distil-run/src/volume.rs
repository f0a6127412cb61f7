//! Directories and files of the host that a container sees: `HOST:PATH[:ro]`.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A directory or file of the host, and where a container sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// On the host.
    pub host: PathBuf,
    /// In the container, absolute.
    pub path: String,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// Why a string is no volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVolume {
    /// It does not have two parts.
    #[error("`{0}` is not `HOST:PATH` or `HOST:PATH:ro`")]
    Form(String),
    /// The path in the container is relative.
    #[error("the path in the container, `{0}`, does not begin with a slash")]
    Relative(String),
    /// The path in the container is the root, or leads out of it.
    #[error("`{0}` is not a path that something can be mounted at")]
    Path(String),
    /// There are options other than `ro` and `rw`.
    #[error("`{0}` is not an option of volumes; there are `ro` and `rw`")]
    Option(String),
    /// It names a volume of an engine.
    #[error("`{0}` is not a path of the host")]
    Name(String),
}

impl FromStr for Volume {
    type Err = InvalidVolume;

    fn from_str(text: &str) -> Result<Self, InvalidVolume> {
        let form = || InvalidVolume::Form(text.to_owned());
        let (host, rest) = text.split_once(':').ok_or_else(form)?;
        let (path, options) = match rest.split_once(':') {
            Some((path, options)) => (path, options),
            None => (rest, "rw"),
        };
        if host.is_empty() || path.is_empty() {
            return Err(form());
        }
        // To engines, a bare word is the name of one of their volumes.
        if !host.contains('/') && host != "." && host != ".." {
            return Err(InvalidVolume::Name(host.to_owned()));
        }
        if !path.starts_with('/') {
            return Err(InvalidVolume::Relative(path.to_owned()));
        }
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let has_parts = parts.clone().next().is_some();
        if !has_parts || parts.any(|part| part == ".." || part == ".") {
            return Err(InvalidVolume::Path(path.to_owned()));
        }
        let read_only = match options {
            "ro" => true,
            "rw" => false,
            other => return Err(InvalidVolume::Option(other.to_owned())),
        };
        Ok(Self {
            host: PathBuf::from(host),
            path: path.to_owned(),
            read_only,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_as_docker_writes_them() {
        let volume: Volume = "./data:/data:ro".parse().unwrap();
        assert_eq!(volume.host, PathBuf::from("./data"));
        assert_eq!((volume.path.as_str(), volume.read_only), ("/data", true));
        let volume: Volume = "/a:/b".parse().unwrap();
        assert!(!volume.read_only);
    }

    #[test]
    fn what_is_no_volume() {
        let error = |text: &str| text.parse::<Volume>().unwrap_err();
        assert_eq!(error("/a"), InvalidVolume::Form("/a".into()));
        assert_eq!(error(":/a"), InvalidVolume::Form(":/a".into()));
        assert_eq!(error("data:/a"), InvalidVolume::Name("data".into()));
        assert_eq!(error("/a:b"), InvalidVolume::Relative("b".into()));
        assert_eq!(error("/a:/"), InvalidVolume::Path("/".into()));
        assert_eq!(error("/a:/b/../c"), InvalidVolume::Path("/b/../c".into()));
        assert_eq!(error("/a:/b:z"), InvalidVolume::Option("z".into()));
    }
}
