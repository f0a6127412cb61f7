//! `distil check`: over images of the miniature archive, and over a folder that has faults.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::context::Context;

fn faulty(context: &Context) {
    let bin = context.work().join("root/usr/bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("sh"), "").unwrap();
    fs::set_permissions(bin.join("sh"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_built_passes() {
    let context = Context::new();
    let said = context.run(&["check", "base", "--platform", "linux/amd64"]);
    assert!(
        said.contains("base passes the profile `distroless`: 0 errors"),
        "{said}"
    );
    context.run(&["build", "base", "--platform", "linux/amd64"]);
    let said = context.run(&["check", "base.tar"]);
    assert!(said.contains("passes the profile"), "{said}");
}

#[test]
fn findings_fail_unless_they_are_allowed() {
    let context = Context::new();
    faulty(&context);
    let output = context
        .command(&["check", "rootfs:root", "--format", "json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let shell = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["rule"] == "shell");
    assert_eq!(shell.unwrap()["path"], "/usr/bin/sh");
    assert_eq!(report["passed"], false);
    let said = context.run(&["check", "rootfs:root", "--allow", "shell=/usr/bin/*"]);
    assert!(said.ends_with("for information, 1 allowed\n"), "{said}");
    fs::write(
        context.work().join("check.yaml"),
        "allow: [{rule: S101, reason: for the test}]\n",
    )
    .unwrap();
    context.run(&["check", "rootfs:root"]);
    context.run(&["check", "rootfs:root", "--profile", "debug"]);
}

#[test]
fn rules_are_explained_and_mistakes_told() {
    let context = Context::new();
    assert!(
        context
            .run(&["check", "--explain", "F204"])
            .starts_with("## F204 `library-missing`")
    );
    insta::assert_snapshot!(context.fails(&["check", "--explain", "shel"]), @"
    status 2
    error: there is no rule `shel`

    hint: did you mean `shell`?

    hint: docs/rules.md lists all of them
    ");
    fs::write(
        context.work().join("check.yaml"),
        "allow: [{rule: shell}]\n",
    )
    .unwrap();
    let said = context.fails(&["check", "base"]);
    assert!(
        said.contains("the policy `check.yaml` cannot be used") && said.contains("reason"),
        "{said}"
    );
}
