//! How an error reaches the user: what failed, why, and what to do.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use distil_build::{BuildError, LockError, PlatformError, RequestError, SettingsError};
use distil_oci::TransportError;
use distil_run::RunError;
use distil_tree::folder::FolderError;

use crate::hints::{self, Hints};
use crate::terminal;

/// An error, and the status that the process ends with because of it.
#[derive(Debug)]
pub(crate) struct CommandError {
    error: Box<dyn Error + Send + Sync>,
    status: u8,
    hints: Vec<String>,
}

impl CommandError {
    /// The command was used wrongly: status 2.
    pub(crate) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            error: error.into(),
            status: 2,
            hints: Vec::new(),
        }
    }

    /// It failed: status 1.
    pub(crate) fn failure(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            error: error.into(),
            status: 1,
            hints: Vec::new(),
        }
    }

    /// An image in a directory cannot be read: as wrong a use as an unknown name if there is none.
    pub(crate) fn reading(path: &Path, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        match path.exists() {
            true => Self::failure(error),
            false => Self::usage(error),
        }
    }

    /// The status that the process ends with.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }

    /// The same error with another status.
    pub(crate) fn with_status(self, status: u8) -> Self {
        Self { status, ..self }
    }

    /// The error itself.
    pub(crate) fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.error.as_ref()
    }

    /// What was to be said is said on stdout; only the status, 1, is left.
    pub(crate) fn said() -> Self {
        Self::failure(Said)
    }

    /// What was to be said is said on stdout: something would change, status 3.
    pub(crate) fn would_change() -> Self {
        Self {
            status: 3,
            ..Self::said()
        }
    }

    /// Says what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Offers names that are like the one that was mistyped.
    pub(crate) fn nearest(self, names: &[String]) -> Self {
        match names {
            [] => self,
            names => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                self.hint(format!("did you mean {}?", names.join(" or ")))
            }
        }
    }

    /// Prints it, and gives the status.
    pub(crate) fn report(&self) -> ExitCode {
        if is_broken_pipe(self.error.as_ref()) {
            // Whoever read the output has seen enough.
            return ExitCode::SUCCESS;
        }
        if self.error.is::<Said>() {
            return ExitCode::from(self.status);
        }
        terminal::say(self.text());
        ExitCode::from(self.status)
    }

    /// The message as it is printed: what went wrong, why, and what to do.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {}", message(self.error.as_ref()));
        for hint in &self.hints {
            let _ = writeln!(text, "\nhint: {hint}");
        }
        text
    }
}

/// What went wrong and why, without what to do.
fn message(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("{error}\n");
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        // Some libraries repeat their cause in their own message.
        if !said.ends_with(&message) {
            let _ = writeln!(text, "  cause: {}", message.replace('\n', "\n  "));
        }
        said = message;
        source = cause.source();
    }
    text
}

/// The errors of the library below, with what helps against them.
macro_rules! explained {
    ($($error:ty),*) => {$(
        impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                let (hints, is_usage) = (hints::all(&error), error.is_usage());
                let error = if is_usage { Self::usage(error) } else { Self::failure(error) };
                hints.into_iter().fold(error, Self::hint)
            }
        }
    )*};
}

impl From<FolderError> for CommandError {
    fn from(error: FolderError) -> Self {
        Self::failure(error)
    }
}

impl From<RunError> for CommandError {
    fn from(error: RunError) -> Self {
        let (hints, status) = (hints::all(&error), error.status());
        let error = Self::failure(error).with_status(status);
        hints.into_iter().fold(error, Self::hint)
    }
}

explained!(
    RequestError,
    SettingsError,
    PlatformError,
    TransportError,
    LockError
);

impl From<BuildError> for CommandError {
    fn from(error: BuildError) -> Self {
        let (hints, is_usage) = (hints::all(&error), error.is_usage());
        let error: Box<dyn Error + Send + Sync> = match error {
            BuildError::Platforms { ref failures, .. } => {
                let mut text = error.to_string();
                for one in failures {
                    let message = message(&one.error).trim_end().replace('\n', "\n  ");
                    let _ = write!(text, "\n  {}: {message}", one.platform);
                }
                text.into()
            }
            error => error.into(),
        };
        let error = if is_usage {
            Self::usage(error)
        } else {
            Self::failure(error)
        };
        hints.into_iter().fold(error, Self::hint)
    }
}

/// The answer is on stdout already.
#[derive(Debug, thiserror::Error)]
#[error("the answer is no")]
struct Said;

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
