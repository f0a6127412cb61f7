//! Ended at any moment, the next run just works.

use std::fs;
use std::process::{Command, Output, Stdio};

use distil_fixture::{DebBuilder, Fault, Server, Times};

use crate::context::Context;

/// A build that waits for a mirror, so that it can be ended in a known place.
///
/// `status` is its exit status then, where it has one.
fn interrupted_by(signal: &str, number: u32, status: Option<i32>) {
    if is_ignored(number) {
        // As the command ignores it then.
        return;
    }
    let context = Context::new();
    let server = Server::start(context.archive()).unwrap();
    let security = Server::start(context.security()).unwrap();
    server.fault("/pool/*", Times::Always, Fault::HangInBody(100));
    let mut command = context.bare(&["build", "static"]);
    command.arg("--mirror").arg(server.url());
    command
        .arg("--mirror")
        .arg(format!("security={}", security.url()));
    command
        .arg("--keyring")
        .arg(context.archive().join("keyring.gpg"));
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    while !server
        .requests()
        .iter()
        .any(|request| request.path.starts_with("/pool/"))
    {
        server.wait_for_requests(server.requests().len() + 1);
    }
    // The shell's own `kill`: the program is not on every machine.
    let kill = format!("kill -s {signal} {}", child.id());
    let kill = std::process::Command::new("sh")
        .arg("-c")
        .arg(kill)
        .status()
        .unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert_eq!(output.status.code(), status);
    let said = context.stderr(&output);
    let expected = format!("error: interrupted by SIG{signal}; unfinished files were removed");
    assert_eq!(said.contains(&expected), status.is_some(), "{said}");
    assert_eq!(
        context.files(),
        Vec::<String>::new(),
        "it left something in the directory"
    );
    drop(server);
    assert!(
        context
            .run(&["build", "static", "-q"])
            .starts_with("sha256:")
    );
    assert!(
        fs::metadata(context.work().join("static.tar"))
            .unwrap()
            .len()
            > 0
    );
}

/// Whether whoever runs the tests had this signal ignored, as `nohup` does, and a shell for what
/// runs in its background.
pub(crate) fn is_ignored(signal: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
    (mask >> (signal - 1)) & 1 == 1
}

#[test]
fn by_ctrl_c() {
    interrupted_by("INT", 2, Some(130));
}

#[test]
fn by_a_termination() {
    interrupted_by("TERM", 15, Some(143));
}

#[test]
fn by_a_hang_up() {
    interrupted_by("HUP", 1, Some(129));
}

#[test]
fn by_a_kill() {
    interrupted_by("KILL", 9, None);
}

/// Runs a command through a shell that does something first.
fn after(setup: &str, of: &Command) -> Output {
    let shell = format!("{setup}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(shell);
    command.arg(of.get_program()).args(of.get_args());
    command.env_clear();
    command.envs(
        of.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    if let Some(folder) = of.get_current_dir() {
        command.current_dir(folder);
    }
    command.output().unwrap()
}

#[test]
fn a_hang_up_that_is_ignored_stays_so() {
    let context = Context::new();
    // `nohup` does this; the process then hangs up itself.
    let output = after(
        "trap '' HUP; kill -s HUP $$",
        &context.command(&["build", "static"]),
    );
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn by_a_limit_of_the_size_of_files() {
    let context = Context::new();
    // In blocks of 512 bytes; more than the store's small files have, and less than the image.
    let output = after("ulimit -f 1", &context.command(&["build", "static"]));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("File too large"), "{message}");
    assert_eq!(context.files(), Vec::<String>::new());
    assert!(
        context
            .run(&["build", "static", "-q"])
            .starts_with("sha256:")
    );
}

#[test]
fn few_open_files_are_enough() {
    // More packages than there may be open files.
    let names: Vec<String> = (0..40)
        .map(|number| format!("one-of-many-{number}"))
        .collect();
    let package = |name: &String| {
        let path = format!("usr/share/{name}/data");
        DebBuilder::new(name, "1", "all").file(&path, format!("of {name}"))
    };
    let context = Context::with_packages(names.iter().map(package).collect());
    let packages = names.join(", ");
    context.define(&format!(
        "{{name: app, from: python3, packages: [{packages}]}}"
    ));
    let server = Server::start(context.archive()).unwrap();
    let security = Server::start(context.security()).unwrap();
    // Also with packages that are in the store, and an image that is not.
    for name in ["python3", "python3:debug", "app.yaml"] {
        let mut command = context.bare(&["build", name, "--mirror", &server.url()]);
        command
            .arg("--mirror")
            .arg(format!("security={}", security.url()))
            .arg("--keyring")
            .arg(context.archive().join("keyring.gpg"));
        let output = after("ulimit -n 32", &command);
        assert!(output.status.success(), "{}", context.stderr(&output));
    }
}

#[test]
fn no_thread_is_enough() {
    let usual = Context::new().run(&["build", "python3"]);
    let context = Context::new();
    // No thread gets a stack as large as this.
    let setup = "export RUST_MIN_STACK=70368744177664";
    let output = after(setup, &context.command(&["build", "python3"]));
    assert!(output.status.success(), "{}", context.stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), usual);
}
