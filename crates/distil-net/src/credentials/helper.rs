//! Programs that keep passwords, as Docker has them (docker/docker-credential-helpers, "Development").

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::credential::Credential;
use crate::printable::printable;
use crate::secret::Secret;
use crate::url::Login;

/// How long a program is waited for. It may ask somebody for the password of a key.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// The largest answer: tokens have some kilobytes.
const MAX_ANSWER: u64 = 256 << 10;

/// How often it is looked whether a program that closed its output has ended.
const POLL: Duration = Duration::from_millis(5);

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: String,
}

/// The name of a helper's program.
pub(super) fn program(helper: &str) -> String {
    format!("docker-credential-{}", printable(helper))
}

/// Asks a helper for what it has of `server`; none if it has nothing.
///
/// # Errors
/// If it cannot be run, does not answer in time, or answers something else. Nothing of its answer is in
/// the message.
pub(super) fn ask(
    helper: &str,
    server: &str,
    deadline: Duration,
) -> Result<Option<Credential>, String> {
    if helper.is_empty() || helper.contains(['/', '\0']) {
        return Err(format!("`{}` is no credential helper", printable(helper)));
    }
    let mut command = Command::new(format!("docker-credential-{helper}"));
    command.arg("get");
    run(command, &program(helper), server, deadline)
}

fn run(
    mut command: Command,
    program: &str,
    server: &str,
    deadline: Duration,
) -> Result<Option<Credential>, String> {
    let failed = |error: io::Error| format!("`{program}` cannot be run: {error}");
    let end = Instant::now() + deadline;
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let mut child = Running(child);
    if let Some(mut input) = child.0.stdin.take() {
        // One that does not read has its answer ready. A name fits into a pipe, so this does not wait.
        let _ = input.write_all(server.as_bytes());
    }
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = child.0.stdout.take() {
        // On a thread that is left alone should something that the program started keep the pipe open.
        std::thread::Builder::new()
            .spawn(move || {
                let mut bytes = Vec::new();
                let read = output.take(MAX_ANSWER + 1).read_to_end(&mut bytes);
                let _ = sender.send(read.map(|_| bytes));
            })
            .map_err(failed)?;
    }
    let late = || {
        format!(
            "`{program}` gave no answer within {} s",
            deadline.as_secs_f32()
        )
    };
    let bytes = match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
        Ok(read) => read.map_err(failed)?,
        Err(_) => return Err(late()),
    };
    if bytes.len() as u64 > MAX_ANSWER {
        return Err(format!("`{program}` answers more than {MAX_ANSWER} bytes"));
    }
    let status = child.wait_until(end).map_err(failed)?.ok_or_else(late)?;
    if !status.success() {
        // That is how helpers say that they know nothing.
        return Ok(None);
    }
    let answer: Answer = serde_json::from_slice(&bytes).map_err(|error| {
        format!(
            "`{program}` gave an answer of another form: {}",
            not_json(&error)
        )
    })?;
    let secret = Secret::new(answer.secret);
    Ok(Some(match answer.user.as_str() {
        "<token>" => Credential::Identity(secret),
        _ => Credential::Password(Login {
            user: answer.user,
            password: secret,
        }),
    }))
}

/// Where a document is wrong. What serde_json says has the value in it that is wrong, which may be a
/// password.
pub(super) fn not_json(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "it has something unexpected",
        _ => "it is not JSON",
    };
    format!("{what} at line {}, column {}", error.line(), error.column())
}

/// A program that ends with this value, whatever happens.
struct Running(Child);

impl Running {
    /// How it ended, if it did in time.
    fn wait_until(&mut self, end: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            let status = self.0.try_wait()?;
            if status.is_some() || Instant::now() >= end {
                return Ok(status);
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, deadline: Duration) -> Result<Option<Credential>, String> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script);
        run(command, "docker-credential-test", "a.example", deadline)
    }

    #[test]
    fn an_answer_is_read() {
        let script = r#"echo "{\"Username\":\"ann\",\"Secret\":\"$(cat)\"}""#;
        let login = Login {
            user: "ann".to_owned(),
            password: Secret::new("a.example"),
        };
        assert_eq!(
            shell(script, DEADLINE),
            Ok(Some(Credential::Password(login)))
        );
        let token = r#"echo '{"Username":"<token>","Secret":"t"}'"#;
        let identity = Credential::Identity(Secret::new("t"));
        assert_eq!(shell(token, DEADLINE), Ok(Some(identity)));
        assert_eq!(shell("echo nothing here; exit 1", DEADLINE), Ok(None));
    }

    #[test]
    fn one_that_hangs_is_not_waited_for() {
        let deadline = Duration::from_millis(200);
        for script in [
            "exec sleep 600",
            // What it started has its output.
            "sleep 5 & exit 0",
            // It closed its output and stays.
            "exec >&-; exec sleep 600",
        ] {
            let start = Instant::now();
            let error = shell(script, deadline).unwrap_err();
            assert_eq!(
                error,
                "`docker-credential-test` gave no answer within 0.2 s"
            );
            assert!(start.elapsed() < Duration::from_secs(60), "{script}");
        }
    }

    #[test]
    fn nothing_of_an_answer_is_shown() {
        for script in [
            r#"printf '"secret\033[31m"'"#,
            r#"printf 'secret\033[31m'"#,
            r#"printf '{"Username":["secret"],"Secret":""}'"#,
        ] {
            let error = shell(script, DEADLINE).unwrap_err();
            assert!(
                !error.contains("secret") && !error.contains('\u{1b}'),
                "{error}"
            );
        }
        let error = shell("head -c 300000 /dev/zero", DEADLINE).unwrap_err();
        assert!(error.contains("more than 262144 bytes"), "{error}");
        assert!(ask("../x", "a", DEADLINE).is_err());
    }
}
