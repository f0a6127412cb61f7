//! Why a container was not run.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::account::AccountError;
use crate::cgroup::LimitsError;

/// A step of a stage that failed. It is sent to the supervisor, so it holds numbers and strings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("failed to {action}")]
pub struct Failure {
    /// What was being done, to what: `mount proc`.
    pub action: String,
    /// What kind of step it was.
    pub step: Step,
    /// The system's error number; 0 if it is not one of the system's.
    pub errno: i32,
}

/// Steps whose failures are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Making the user namespace.
    UserNamespace,
    /// Making the other namespaces, or using what a user namespace allows.
    Namespaces,
    /// A mount.
    Mount,
    /// An overlay, which not every kernel lets users mount.
    Overlay,
    /// Joining the namespaces of a process.
    Join,
    /// Starting the program.
    Program,
    /// Everything else.
    Other,
}

impl Failure {
    pub(crate) fn of(step: Step, action: impl Into<String>) -> impl FnOnce(Errno) -> Self {
        let action = action.into();
        move |errno| Self {
            action,
            step,
            errno: errno.raw_os_error(),
        }
    }

    pub(crate) fn io(step: Step, action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |error| Self {
            action,
            step,
            errno: error.raw_os_error().unwrap_or(0),
        }
    }

    /// Whether the system said this.
    pub(crate) fn is(&self, errno: Errno) -> bool {
        self.errno == errno.raw_os_error()
    }

    /// What the system said.
    pub fn cause(&self) -> io::Error {
        match self.errno {
            0 => io::Error::other("the container's process ended unexpectedly"),
            errno => io::Error::from_raw_os_error(errno),
        }
    }
}

/// Why a container was not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no program to run.
    #[error("the image names no program to run")]
    NoProgram,
    /// The user cannot be told.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The program that uses this crate cannot start its stages.
    #[error("this program cannot start containers: its `main` does not call `enter_stage`")]
    NoStages,
    /// A number is not among those that this user may use.
    #[error("{kind} {id} is not mapped into the user namespace that this process runs in")]
    NotMapped {
        /// `user` or `group`.
        kind: &'static str,
        /// Its number.
        id: u32,
    },
    /// The directory or file of a volume is not there.
    #[error("failed to read `{}` for a volume", path.display())]
    Volume {
        /// On the host.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system forbids user namespaces.
    #[error("this system does not let `distil` make a user namespace: {reason}")]
    UserNamespaces {
        /// Which setting, and its value.
        reason: String,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel lets no user mount an overlay, and the container needs one.
    #[error("the kernel does not let this user mount an overlay, which {needs}")]
    Overlay {
        /// What needs one.
        needs: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program is not there, or cannot be run.
    #[error("failed to start `{program}` in the container")]
    Program {
        /// The first word of the command.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The namespaces of a process cannot be joined.
    #[error("failed to {action}")]
    Join {
        /// What was being done.
        action: String,
        /// What the system said.
        source: io::Error,
    },
    /// The process that a tool was beside has ended, and the tool with it.
    #[error("process {0} has ended, and the tools beside it with it")]
    TargetEnded(u32),
    /// The container was not set up.
    #[error("failed to set up the container: failed to {action}")]
    SetUp {
        /// What was being done.
        action: String,
        /// What the system said.
        source: io::Error,
    },
    /// What it uses cannot be limited.
    #[error("failed to limit what the container uses")]
    Limits(#[from] LimitsError),
    /// A terminal was asked for, and there is none.
    #[error("failed to use this terminal")]
    Terminal(#[source] io::Error),
}

impl RunError {
    pub(crate) fn set_up(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::SetUp { action, source }
    }

    /// The status that engines end with for it: 127 where the program is not there, 126 where it
    /// cannot be run, and 125 for everything else.
    pub fn status(&self) -> u8 {
        match self {
            Self::Program { source, .. } if source.kind() == io::ErrorKind::NotFound => 127,
            Self::Program { .. } => 126,
            _ => 125,
        }
    }
}
