//! Containers of engines, as their own commands know them.

use std::fmt;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};

/// An engine that is asked by its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// `docker`
    Docker,
    /// `podman`
    Podman,
    /// `ctr`, for containers of containerd alone: those of Docker and Kubernetes have namespaces there.
    Containerd,
}

/// A container of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Whose it is.
    pub engine: Engine,
    /// How the engine names it.
    pub id: String,
    /// Its first process, if it runs.
    pub pid: Option<u32>,
}

/// Why an engine does not say.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Its command is not there.
    #[error("`{0}` is not installed")]
    Missing(Engine),
    /// Its command cannot be run.
    #[error("failed to run `{engine}`")]
    Run {
        /// Which.
        engine: Engine,
        /// What the system said.
        source: io::Error,
    },
    /// It answers with an error.
    #[error("`{engine}` fails: {message}")]
    Answer {
        /// Which.
        engine: Engine,
        /// What it printed.
        message: String,
    },
}

/// The most that is read of an answer.
const MAX_ANSWER: u64 = 1 << 20;

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Docker, Self::Podman, Self::Containerd];

    /// Its command.
    pub fn command(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Containerd => "ctr",
        }
    }

    /// How a target of this engine begins: `docker:`.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            other => other.command(),
        }
    }

    /// A container by its name or its id, if the engine has one. Containerd's names may begin with a
    /// namespace: `k8s.io/NAME`.
    ///
    /// # Errors
    /// If the engine cannot be asked.
    pub fn find(self, name: &str) -> Result<Option<Found>, EngineError> {
        if name.is_empty() || name.starts_with('-') {
            return Ok(None);
        }
        if self == Self::Containerd {
            let (namespace, name) = name.rsplit_once('/').unwrap_or(("default", name));
            let text = self.ask(&["--namespace", namespace, "tasks", "list"])?;
            return Ok(task(&text, namespace, name));
        }
        let format = "{{.Id}} {{.State.Running}} {{.State.Pid}}";
        match self.ask(&["container", "inspect", "--format", format, name]) {
            Ok(text) => Ok(inspected(self, &text)),
            Err(EngineError::Answer { message, .. })
                if message.to_lowercase().contains("no such container")
                    || message.contains("no container with name or ID") =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The files of a container that does not run, as a tar stream. The child is to be waited for.
    ///
    /// # Errors
    /// If the engine cannot be asked, or cannot do that.
    pub fn export(self, id: &str) -> Result<Child, EngineError> {
        if self == Self::Containerd {
            return Err(EngineError::Answer {
                engine: self,
                message: "files of containers that do not run cannot be had from it".to_owned(),
            });
        }
        let mut command = Command::new(self.command());
        command.args(["export", id]).stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).spawn();
        child.map_err(|source| self.failed(source))
    }

    fn ask(self, arguments: &[&str]) -> Result<String, EngineError> {
        let mut command = Command::new(self.command());
        command.args(arguments).stdin(Stdio::null());
        let output = command.output().map_err(|source| self.failed(source))?;
        let text = |bytes: &[u8]| {
            let mut text = String::new();
            let _ = bytes.take(MAX_ANSWER).read_to_string(&mut text);
            text
        };
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => {
                let said = text(&output.stderr);
                let last = said.trim().lines().last().unwrap_or_default();
                Err(EngineError::Answer {
                    engine: self,
                    message: last.to_owned(),
                })
            }
        }
    }

    fn failed(self, source: io::Error) -> EngineError {
        match source.kind() {
            io::ErrorKind::NotFound => EngineError::Missing(self),
            _ => EngineError::Run {
                engine: self,
                source,
            },
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.command())
    }
}

/// What `inspect` prints in the format above.
fn inspected(engine: Engine, text: &str) -> Option<Found> {
    let mut words = text.split_ascii_whitespace();
    let id = words.next()?.to_owned();
    let runs = words.next()? == "true";
    let pid = words.next()?.parse().ok();
    Some(Found {
        engine,
        id,
        pid: pid.filter(|pid| runs && *pid > 0),
    })
}

/// What `ctr tasks list` prints: a heading, then a name, a number and a state a line.
fn task(text: &str, namespace: &str, name: &str) -> Option<Found> {
    text.lines().skip(1).find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let is_named = words.next()? == name;
        let pid = words.next()?.parse().ok();
        let runs = words.next()? == "RUNNING";
        is_named.then(|| Found {
            engine: Engine::Containerd,
            id: format!("{namespace}/{name}"),
            pid: pid.filter(|_| runs),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_engines_print() {
        let found = inspected(Engine::Docker, "0123abc true 42\n").unwrap();
        assert_eq!((found.id.as_str(), found.pid), ("0123abc", Some(42)));
        let found = inspected(Engine::Podman, "0123abc false 0\n").unwrap();
        assert_eq!(found.pid, None);
        let text = "TASK    PID      STATUS    \nweb     99       RUNNING\nold     7    STOPPED\n";
        assert_eq!(task(text, "default", "web").unwrap().pid, Some(99));
        assert_eq!(task(text, "default", "old").unwrap().pid, None);
        assert_eq!(task(text, "default", "TASK"), None);
    }

    #[test]
    fn names_are_no_options() {
        assert!(Engine::Docker.find("--help").unwrap().is_none());
    }
}
