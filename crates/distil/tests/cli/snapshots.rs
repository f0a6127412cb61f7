//! Building from the state that the archive had at a moment: `--snapshot` and `snapshot`.

use std::fs;
use std::path::Path;

use distil_fixture::{
    DEFAULT_DATE, DebBuilder, Fault, Server, Times, debian_like, debian_security_like,
};

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

/// Such services throttle: what they ask to be waited for is waited for, for an index and a package alike.
#[test]
fn a_service_that_throttles_is_waited_for() {
    let context = example();
    let server = Server::start(&context.work().join("snapshots")).unwrap();
    let at = "/debian/20251002T000000Z";
    for path in ["dists/trixie/InRelease", "pool/main/t/tool*"] {
        let busy = Fault::retry_after(429, 1);
        server.fault(&format!("{at}/{path}"), Times::First(1), busy);
    }
    context.define("name: app\nfrom: base\npackages: [tool]\n");
    let service = format!("{}/{{archive}}/{{time}}", server.url());
    let started = std::time::Instant::now();
    context.run(&[
        "build",
        "app.yaml",
        "--snapshot",
        "2025-10-02",
        "--snapshot-service",
        &service,
    ]);
    assert_eq!(version(&context), "1");
    assert!(started.elapsed() >= std::time::Duration::from_secs(2));
    assert_eq!(server.count(&format!("{at}/dists/trixie/InRelease")), 2);
    assert_eq!(server.count(&format!("{at}/pool/main/t/tool*")), 2);
    // One that asks for more than is waited for is told of.
    let busy = Fault::retry_after(429, 3600);
    server.fault(&format!("{at}/*"), Times::Always, busy);
    fs::remove_dir_all(context.store()).unwrap();
    fs::remove_file(context.work().join("app.tar")).unwrap();
    let message = context.fails(&[
        "build",
        "app.yaml",
        "--snapshot",
        "2025-10-02",
        "--snapshot-service",
        &service,
    ]);
    assert!(
        message.contains("answered 429 Too Many Requests, and asks to come back in 3600 s"),
        "{message}"
    );
}
