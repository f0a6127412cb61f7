//! The same inputs give the same bytes, whoever builds, when and where.

use std::fs;

use crate::context::Context;

/// The digest of python3 from the miniature archive, which a change of any format changes.
/// If it is meant, put the new one here, and say in the commit why images change.
const GOLDEN: &str = "sha256:98a15c97193f739b49cc649d4d35a8bf8764f0b5eec73ab0ba49956de7a0a14e";

#[test]
fn the_digest_is_the_one_that_it_was() {
    let context = Context::new();
    let digest = context.run(&["build", "python3", "--platform", "linux/amd64", "-q"]);
    assert_eq!(digest.trim(), GOLDEN);
}

#[test]
fn nothing_of_the_machine_reaches_the_bytes() {
    let first = Context::new();
    first.run(&["build", "python3:debug"]);
    let bytes = fs::read(first.work().join("python3-debug.tar")).unwrap();
    let second = Context::new();
    let mut command = second.command(&["build", "python3:debug"]);
    command.envs([
        ("TZ", "Asia/Kathmandu"),
        ("LANG", "tr_TR.UTF-8"),
        ("USER", "somebody"),
    ]);
    let script = format!("umask 077; exec taskset -c 0 {}", quoted(&command));
    let mut shell = std::process::Command::new("sh");
    shell
        .arg("-c")
        .arg(script)
        .current_dir(second.work())
        .env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    shell.env("PATH", "/usr/bin:/bin");
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", second.stderr(&output));
    assert!(bytes == fs::read(second.work().join("python3-debug.tar")).unwrap());
}

fn quoted(command: &std::process::Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| format!("'{}'", word.to_str().unwrap()));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn an_epoch_changes_what_is_generated_and_no_packages_layer_order() {
    let context = Context::new();
    let at = |seconds: &str| {
        let mut command = context.command(&["build", "base"]);
        let output = command.env("SOURCE_DATE_EPOCH", seconds).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(at("1700000000"), at("1700000000"));
    assert_ne!(at("1700000000"), at("1700000001"));
    let json = context.run(&["show", "base.tar", "--format", "json"]);
    assert!(
        json.contains("\"created\": \"2023-11-14T22:13:21Z\""),
        "{json}"
    );
}

#[test]
fn the_store_makes_no_difference() {
    let context = Context::new();
    let cold = context.run(&["build", "cc"]);
    let warm = context.run(&["build", "cc"]);
    assert_eq!(cold, warm);
    fs::remove_dir_all(context.store()).unwrap();
    assert_eq!(context.run(&["build", "cc"]), cold);
}
