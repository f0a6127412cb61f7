//! Which Docker daemon is meant: DOCKER_HOST, else the context that Docker's own command line uses,
//! else the usual socket.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use distil_store::Digest;
use serde_json::Value;

use crate::document_error::DocumentError;
use crate::transport::daemon_error::DaemonError;
use crate::transport::file_error::FileError;

const DEFAULT: &str = "unix:///var/run/docker.sock";

/// The address of a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DaemonHost {
    /// A socket in the file system.
    Unix(PathBuf),
    /// Host and port, without encryption.
    Tcp(String),
}

impl fmt::Display for DaemonHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

impl DaemonHost {
    /// The address that this process's environment and Docker's configuration name.
    pub(crate) fn find() -> Result<Self, DaemonError> {
        Self::of(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, DaemonError> {
        if variable("DOCKER_TLS_VERIFY").is_some() {
            return Err(DaemonError::Tls);
        }
        if let Some(host) = variable("DOCKER_HOST") {
            return Self::parse(&host);
        }
        let folder = variable("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".docker")));
        let Some(folder) = folder else {
            return Self::parse(DEFAULT);
        };
        let context = match variable("DOCKER_CONTEXT") {
            Some(context) => Some(context),
            None => json(&folder.join("config.json"))?
                .and_then(|config| Some(config.get("currentContext")?.as_str()?.to_owned())),
        };
        match context.as_deref() {
            None | Some("" | "default") => Self::parse(DEFAULT),
            Some(context) => Self::of_context(&folder, context),
        }
    }

    /// What a context of Docker's command line points to.
    fn of_context(folder: &Path, context: &str) -> Result<Self, DaemonError> {
        let meta = folder
            .join("contexts/meta")
            .join(Digest::of(context).hex())
            .join("meta.json");
        let host = json(&meta)?.and_then(|meta| {
            let host = meta.get("Endpoints")?.get("docker")?.get("Host")?;
            host.as_str().map(str::to_owned)
        });
        match host {
            Some(host) => Self::parse(&host),
            None => Err(DaemonError::Context(context.to_owned())),
        }
    }

    fn parse(host: &str) -> Result<Self, DaemonError> {
        let address = |rest: &str| Self::Tcp(rest.trim_end_matches('/').to_owned());
        match host.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(("tcp" | "http", rest)) if !rest.is_empty() => Ok(address(rest)),
            _ => Err(DaemonError::Host(host.to_owned())),
        }
    }
}

/// A JSON file; `None` if it is not there.
fn json(path: &Path) -> Result<Option<Value>, DaemonError> {
    match fs::read(path) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Some(value)),
            Err(source) => Err(DaemonError::Document(DocumentError::Json {
                document: format!("`{}`", path.display()),
                source,
            })),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // As for Docker's own command line, the configuration of somebody else does not matter.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(FileError::of("read", path)(error).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(variables: &[(&str, &str)]) -> String {
        let found = DaemonHost::of(|wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        });
        match found {
            Ok(host) => host.to_string(),
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn the_environment_comes_first_then_the_context_then_the_usual_socket() {
        let folder = tempfile::tempdir().unwrap();
        let docker = folder.path().join(".docker");
        let home = ("HOME", folder.path().to_str().unwrap());
        let usual = "unix:///var/run/docker.sock";
        assert_eq!(host(&[]), usual);
        assert_eq!(host(&[home]), usual);

        let meta = docker.join("contexts/meta").join(Digest::of("mine").hex());
        fs::create_dir_all(&meta).unwrap();
        fs::write(docker.join("config.json"), r#"{"currentContext": "mine"}"#).unwrap();
        insta::assert_snapshot!(host(&[home]), @"the Docker context `mine` has no address of a daemon");
        let content = r#"{"Endpoints": {"docker": {"Host": "unix:///run/user/1/docker.sock"}}}"#;
        fs::write(meta.join("meta.json"), content).unwrap();
        assert_eq!(host(&[home]), "unix:///run/user/1/docker.sock");
        assert_eq!(host(&[home, ("DOCKER_CONTEXT", "default")]), usual);
        let config = ("DOCKER_CONFIG", "/nowhere");
        assert_eq!(host(&[home, config]), usual);
        let tcp = ("DOCKER_HOST", "tcp://127.0.0.1:2375/");
        assert_eq!(host(&[home, tcp]), "tcp://127.0.0.1:2375");
    }

    #[test]
    fn other_addresses_are_refused() {
        insta::assert_snapshot!(host(&[("DOCKER_HOST", "ssh://me@mirror.example")]), @"DOCKER_HOST is `ssh://me@mirror.example`; only `unix://`, `tcp://` and `http://` are supported");
        insta::assert_snapshot!(host(&[("DOCKER_TLS_VERIFY", "1")]), @"a Docker daemon behind TLS is not supported yet");
        for address in ["", "x", "unix://", "unix://relative", "tcp://"] {
            assert!(DaemonHost::parse(address).is_err(), "{address}");
        }
    }
}
