//! How an error reaches the user: what failed, why, and what to do.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::process::ExitCode;

use distil_tree::folder::FolderError;

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

    /// What was to be said is said on stdout; only the status, 1, is left.
    pub(crate) fn said() -> Self {
        Self::failure(Said)
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
        eprint!("{}", self.text());
        ExitCode::from(self.status)
    }

    /// What went wrong and why, without what to do.
    pub(crate) fn message(&self) -> String {
        let mut text = format!("{}\n", self.error);
        let mut said = self.error.to_string();
        let mut source = self.error.source();
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

    /// What to do about it.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// What the process ends with.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }

    fn text(&self) -> String {
        let mut text = format!("error: {}", self.message());
        for hint in &self.hints {
            let _ = writeln!(text, "\nhint: {hint}");
        }
        text
    }
}

impl From<FolderError> for CommandError {
    fn from(error: FolderError) -> Self {
        Self::failure(error)
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
