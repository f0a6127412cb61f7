//! Images pushed to a registry.

use std::process::Output;

use crate::context::Context;
use crate::registry::{Registry, Step, Ways, status};

/// What the command said, without the registry's port.
fn said(context: &Context, registry: &Registry, output: &Output) -> String {
    context.stderr(output).replace(&registry.host, "[HOST]")
}

fn run(context: &Context, registry: &Registry, arguments: &[&str]) -> (String, String) {
    let output = context.command(arguments).output().unwrap();
    let said = said(context, registry, &output);
    assert!(output.status.success(), "{said}");
    (String::from_utf8(output.stdout).unwrap(), said)
}

fn place(registry: &Registry, rest: &str) -> String {
    format!("docker://{}/{rest}", registry.host)
}

#[test]
fn a_build_is_pushed_under_all_its_tags() {
    let (context, registry) = (Context::new(), Registry::start(Ways::default()));
    let to = place(&registry, "team/base");
    let arguments = [
        "build",
        "base",
        "-o",
        &to,
        "-t",
        "base:${version:libc6:minor}",
        "-t",
        "base:${suite}-${version:libc6:major}",
        "-t",
        "base",
    ];
    let (line, said) = run(&context, &registry, &arguments);
    let digest = line.split_whitespace().last();
    for tag in ["2.41", "trixie-2", "latest"] {
        assert_eq!(registry.tag("team/base", tag).as_deref(), digest, "{said}");
    }
    assert!(
        said.contains("pushed to docker://[HOST]/team/base as `2.41`, `trixie-2`, `latest`: "),
        "{said}"
    );
    assert!(context.files().is_empty());
    let (again, said) = run(&context, &registry, &arguments);
    assert_eq!(again, line);
    assert!(
        said.contains("docker://[HOST]/team/base has it already as `2.41`"),
        "{said}"
    );
}

#[test]
fn an_image_from_anywhere_is_pushed_as_it_is() {
    let context = Context::new();
    let registry = Registry::start(Ways {
        mounts: true,
        ..Ways::default()
    });
    let digest = context.run(&[
        "build",
        "--quiet",
        "static:debug",
        "-o",
        "oci:layout:x",
        "-o",
        "oci-archive:a.tar",
    ]);
    for (from, to, tags) in [
        ("oci:layout:x", "a:1", &["1"][..]),
        ("a.tar", "b", &["latest"]),
        ("static:debug", "c", &["debug"]),
    ] {
        let (printed, said) = run(&context, &registry, &["push", from, &place(&registry, to)]);
        assert_eq!(printed, digest, "{said}");
        let repository = to.split(':').next().unwrap();
        for tag in tags {
            assert_eq!(
                registry.tag(repository, tag).as_deref(),
                Some(digest.trim())
            );
        }
    }
    let (from, to) = (place(&registry, "a:1"), place(&registry, "d:1"));
    let (_, said) = run(
        &context,
        &registry,
        &["push", &from, &to, "-t", "${suite}", "--referrers"],
    );
    assert!(said.contains("as `1`, `trixie`: 0 of "), "{said}");
    assert!(said.contains("taken from another repository"), "{said}");
    assert_eq!(registry.tag("d", "trixie").as_deref(), Some(digest.trim()));
}

#[test]
fn wrong_usage_is_told_before_anything_is_done() {
    let (context, registry) = (Context::new(), Registry::start(Ways::default()));
    context.run(&["build", "static", "-o", "oci-archive:a.tar"]);
    let to = place(&registry, "a:1");
    let pinned = format!("{}@sha256:{}", place(&registry, "a"), "0".repeat(64));
    for arguments in [
        &["push", "a.tar", "oci:other"][..],
        &["push", "a.tar", "registry.example/a:1"],
        &["push", "a.tar", &to, "-t", "${vresion:python3}"],
        &["push", "a.tar", &to, "-t", "a/b"],
        &["push", "a.tar", &to, "--referrers"],
        &["push", "static", &to, "--referrers"],
        &[
            "push",
            "a.tar",
            &to,
            "--platform",
            "linux/amd64,linux/arm64",
        ],
        &["push", "a.tar", &pinned, "-t", "1"],
        &["push", "rootfs:.", &to],
    ] {
        let message = context.fails(arguments).replace(&registry.host, "[HOST]");
        let code = if arguments.contains(&"rootfs:.") {
            1
        } else {
            2
        };
        assert!(
            message.starts_with(&format!("status {code}")),
            "{arguments:?}: {message}"
        );
    }
    assert!(
        registry
            .state()
            .log
            .iter()
            .all(|(step, _)| *step == Step::Other)
    );
    for (tag, expected) in [
        ("${version:perl}", "which is not a package of the image"),
        ("${version:}", "there is no such variable"),
    ] {
        let message = context.fails(&["push", "a.tar", &to, "-t", tag]);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_a_registry_says_is_told_and_what_helps() {
    let (context, registry) = (Context::new(), Registry::start(Ways::default()));
    context.run(&["build", "static", "-o", "oci-archive:a.tar"]);
    let to = place(&registry, "a:1");
    let fails = |arguments: &[&str]| context.fails(arguments).replace(&registry.host, "[HOST]");
    let mut messages = Vec::new();
    for code in [403, 404, 413] {
        registry.fail(Step::Begin, 1, status(code));
        messages.push(fails(&["push", "a.tar", &to]));
        // Blobs go at once, so that others may have met the fault.
        registry.state().blobs.clear();
    }
    messages.push(fails(&["push", "a.tar", &to, "--authfile", "none.json"]));
    insta::assert_snapshot!(messages.join("\n"));
    assert!(registry.state().tags.is_empty());
}
