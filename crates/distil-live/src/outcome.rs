//! Running a program to its end, with a time limit, and asking what came of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// What a finished program left: its status and everything that it printed.
#[derive(Debug)]
pub struct Outcome {
    command: String,
    output: Output,
}

impl Outcome {
    /// Runs a command without standard input and waits for its end, at most for `limit`.
    ///
    /// The limit is kept by coreutils' `timeout`, which ends the command's whole process group.
    pub fn of(command: &Command, limit: Duration) -> Self {
        let mut timed = Command::new("timeout");
        timed
            .arg("--kill-after=10")
            .arg(limit.as_secs().to_string())
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::null());
        if let Some(folder) = command.get_current_dir() {
            timed.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => timed.env(name, value),
                None => timed.env_remove(name),
            };
        }
        let shown = shown(command);
        let output = timed
            .output()
            .unwrap_or_else(|error| panic!("could not start `timeout` for {shown}: {error}"));
        Self {
            command: shown,
            output,
        }
    }

    /// The exit status; 124 when the time limit ended it, -1 when a signal did.
    pub fn status(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    /// Standard output as text.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Standard output, then standard error.
    pub fn all(&self) -> String {
        self.stdout() + &self.stderr()
    }

    /// Fails the test unless the program succeeded.
    #[track_caller]
    pub fn success(self) -> Self {
        assert!(
            self.output.status.success(),
            "expected success\n{}",
            self.report()
        );
        self
    }

    /// Fails the test unless the program ended by itself with exactly this status.
    #[track_caller]
    pub fn exits_with(self, status: i32) -> Self {
        assert_eq!(
            self.status(),
            status,
            "wrong exit status\n{}",
            self.report()
        );
        self
    }

    /// Fails the test unless the program ended in time, and failed.
    #[track_caller]
    pub fn failure(self) -> Self {
        let failed = !self.output.status.success() && self.status() != 124;
        assert!(failed, "expected failure\n{}", self.report());
        self
    }

    /// Fails the test unless standard output and standard error together contain `text`.
    #[track_caller]
    pub fn mentions(self, text: &str) -> Self {
        assert!(
            self.all().contains(text),
            "`{text}` is not in it\n{}",
            self.report()
        );
        self
    }

    /// Standard output as a JSON document; fails the test when it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|error| panic!("not JSON: {error}\n{}", self.report()))
    }

    /// The command and everything that it printed, for a failure's message.
    pub fn report(&self) -> String {
        format!(
            "--- command: {}\n--- status: {}\n--- stdout:\n{}\n--- stderr:\n{}",
            self.command,
            self.output.status,
            self.stdout(),
            self.stderr()
        )
    }
}

/// The command as a line; whole programs among its arguments are cut short.
fn shown(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        let cut: String = argument.chars().take(160).collect();
        let rest = if cut.len() < argument.len() {
            "…"
        } else {
            ""
        };
        line += &format!(" {cut:?}{rest}");
    }
    line
}

/// Where a program lies, looked for along `PATH` and in the directories of the administrator's programs.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .map(|folder| folder.join(name))
        .find(|candidate| Path::is_file(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, seconds: u64) -> Outcome {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Outcome::of(&command, Duration::from_secs(seconds))
    }

    #[test]
    fn a_program_that_hangs_is_ended_and_is_neither_a_success_nor_a_failure() {
        let outcome = sh("echo before; sleep 600", 1);
        assert_eq!(outcome.status(), 124);
        assert_eq!(outcome.stdout(), "before\n");
        assert!(std::panic::catch_unwind(|| outcome.failure()).is_err());
    }

    #[test]
    fn status_and_output_are_kept_apart() {
        let outcome = sh("echo out; echo err >&2; exit 3", 10)
            .exits_with(3)
            .failure();
        assert_eq!(
            (outcome.stdout().as_str(), outcome.stderr().as_str()),
            ("out\n", "err\n")
        );
    }
}
