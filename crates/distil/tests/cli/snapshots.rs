//! Building from the state that the archive had at a moment: `--snapshot` and `snapshot`.

use std::fs;
use std::path::Path;

use distil_fixture::{DEFAULT_DATE, DebBuilder, debian_like, debian_security_like};

use crate::context::Context;
use crate::images::files;
use crate::own_definitions::text;

fn tool(version: &str) -> DebBuilder {
    DebBuilder::new("tool", version, "amd64").file("usr/share/tool/version", version)
}

/// An archive with a tool, and a snapshot service that has an older state of it.
fn example() -> Context {
    let now = debian_like("trixie").with("trixie", |pocket| {
        pocket.package(tool("2")).date(DEFAULT_DATE + 86_400)
    });
    let context = Context::with(now, debian_security_like("trixie"));
    let snapshots = context.work().join("snapshots");
    let write = |name: &str, archive: &distil_fixture::ArchiveBuilder| {
        archive
            .write(&snapshots.join(name).join("20251002T000000Z"))
            .unwrap();
    };
    let then = debian_like("trixie").with("trixie", |pocket| {
        // Valid at that moment, and not now.
        pocket
            .package(tool("1"))
            .valid_until(Some(DEFAULT_DATE + 7 * 86_400))
    });
    write("debian", &then);
    write("debian-security", &debian_security_like("trixie"));
    context
}

fn service(context: &Context) -> String {
    let folder = context.work().join("snapshots");
    format!("file://{}/{{archive}}/{{time}}", folder.display())
}

fn version(context: &Context) -> String {
    let found = files(Path::new(&context.work().join("app.tar")));
    text(&found, "usr/share/tool/version").to_owned()
}

#[test]
fn a_moment_is_built_from() {
    let context = example();
    let service = service(&context);
    context.define("name: app\nfrom: base\npackages: [tool]\n");
    context.run(&["build", "app.yaml"]);
    assert_eq!(version(&context), "2");
    let then = ["--snapshot", "2025-10-02", "--snapshot-service", &service];
    let output = context
        .command(&[&["build", "app.yaml"][..], &then].concat())
        .output()
        .unwrap();
    let said = context.stderr(&output);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("using Debian's archive as it was at 20251002T000000Z"),
        "{said}"
    );
    assert!(!said.contains("warning"), "{said}");
    assert_eq!(version(&context), "1");
    // And by the definition.
    context.define(&format!(
        "name: app\nfrom: base\nsnapshot: 20251002T000000Z\nsnapshot_service: '{service}'\npackages: [tool]\n"
    ));
    context.run(&["build", "app.yaml"]);
    assert_eq!(version(&context), "1");
    // A lock has that state.
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let lock = fs::read_to_string(context.work().join("app.lock")).unwrap();
    assert!(lock.contains("2025-10-01T00:00:00Z"), "{lock}");
}

#[test]
fn moments_that_are_not_there() {
    let context = example();
    let service = service(&context);
    context.define("name: app\nfrom: base\npackages: [tool]\n");
    let build = |time: &str| {
        context.fails(&[
            "build",
            "app.yaml",
            "--snapshot",
            time,
            "--snapshot-service",
            &service,
        ])
    };
    insta::assert_snapshot!(build("20200101T000000Z"));
    insta::assert_snapshot!(build("yesterday"));
    context.define("name: app\nfrom: base\nsnapshot: 'https://example.org/{archive}/{time}'\n");
    insta::assert_snapshot!(context.fails(&["build", "app.yaml"]));
}
