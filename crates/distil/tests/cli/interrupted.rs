//! Ended at any moment, the next run just works.

use std::fs;
use std::process::Stdio;

use distil_fixture::{Fault, Server, Times};

use crate::context::Context;

/// A build that waits for a mirror, so that it can be ended in a known place.
fn interrupted_by(signal: &str) {
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
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
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
    assert!(!child.wait().unwrap().success());
    assert_eq!(
        context.files(),
        Vec::<String>::new(),
        "it left something in the folder"
    );
    drop(server);
    assert!(context.run(&["build", "static"]).starts_with("sha256:"));
    assert!(
        fs::metadata(context.work().join("static.tar"))
            .unwrap()
            .len()
            > 0
    );
}

#[test]
fn by_ctrl_c() {
    interrupted_by("INT");
}

#[test]
fn by_a_kill() {
    interrupted_by("KILL");
}
