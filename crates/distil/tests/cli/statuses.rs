//! Exit statuses: the same for the same mistake, however it is spelled.

use crate::context::Context;

#[test]
fn what_is_named_and_not_there_is_wrong_usage() {
    let context = Context::new();
    for arguments in [
        &["build", "gone"][..],
        &["build", "gone.yaml"],
        &["show", "gone"],
        &["show", "gone.yaml"],
        &["show", "gone.tar"],
        &["show", "oci-archive:gone.tar"],
        &["show", "docker-archive:gone.tar"],
        &["show", "oci:gone"],
        &["show", "rootfs:gone"],
        &["check", "gone"],
        &["check", "oci-archive:gone.tar"],
        &["check", "rootfs:gone"],
        &["check", "base", "--policy", "gone.yaml"],
        &["check", "--explain", "gone"],
        &["diff", "gone.tar", "base"],
        &["why", "gone.yaml", "libc6"],
        &["build", "base", "--ca", "gone.pem"],
        &["build", "base", "--file", "gone:/gone"],
        &["build", "base", "--keyring", "gone.gpg"],
        &["build", "base", "--suite", "gone"],
        &["build", "base:gone"],
    ] {
        let message = context.fails(arguments);
        assert!(
            message.starts_with("status 2\n"),
            "{arguments:?}: {message}"
        );
        assert!(message.contains("gone"), "{arguments:?}: {message}");
    }
}

#[test]
fn what_is_there_and_wrong_is_a_failure() {
    let context = Context::new();
    for name in ["wrong.yaml", "wrong.tar"] {
        std::fs::write(context.work().join(name), "x").unwrap();
    }
    context.define("name: app\nfrom: base\nfiles: [{path: /x, from: gone}]\n");
    for arguments in [
        &["build", "wrong.yaml"][..],
        &["show", "wrong.tar"],
        &["show", "oci-archive:wrong.tar"],
        &["check", "oci-archive:wrong.tar"],
        // What a definition names is no word of the command line.
        &["build", "app.yaml"],
        &["build", "base", "--add", "gone"],
    ] {
        let message = context.fails(arguments);
        assert!(
            message.starts_with("status 1\n"),
            "{arguments:?}: {message}"
        );
    }
}
