//! Health checks of definitions that have an address asked: by the probe that distil brings.

use std::path::Path;

use serde_json::{Value, json};

use crate::context::{Context, without_digests};
use crate::images::files;
use crate::own_definitions::{build, config, layers, text};

const PROBE: &str = "usr/libexec/distil-probe";

/// The committed program of an architecture.
fn program(architecture: &str) -> Vec<u8> {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../distil-probe/programs");
    std::fs::read(programs.join(format!("distil-probe-{architecture}"))).unwrap()
}

/// A program of the user's own, `x`.
fn write_program(context: &Context) {
    std::fs::write(context.work().join("x"), program("amd64")).unwrap();
}

/// A definition on `static` with a health check.
fn checked(check: &str) -> String {
    format!("name: app\nfrom: static\nconfig:\n  healthcheck: {{{check}}}\n")
}

const HTTP: &str = "http: 'http://127.0.0.1:8080/health', expect: 200, interval: 10s, timeout: 3s, start_period: 1s, retries: 2";

#[test]
fn an_address_of_http_brings_the_probe() {
    let context = Context::new();
    let found = build(&context, &checked(HTTP));
    let probe = &found[PROBE];
    assert_eq!((probe.mode, probe.uid, probe.gid), (0o755, 0, 0));
    assert!(probe.bytes == program("amd64"));
    assert_eq!(
        config(&context.work().join("app.tar"))["Healthcheck"],
        json!({
            "Test": ["CMD", "/usr/libexec/distil-probe", "-t", "2700", "-e", "200", "http://127.0.0.1:8080/health"],
            "Interval": 10_000_000_000_u64,
            "Timeout": 3_000_000_000_u64,
            "StartPeriod": 1_000_000_000_u64,
            "Retries": 2,
        })
    );
    let sbom: Value = serde_json::from_str(text(&found, "var/lib/db/sbom/app.cdx.json")).unwrap();
    let component = &sbom["components"][0];
    assert_eq!(component["purl"], "pkg:generic/distil-probe@1");
    assert_eq!(component["licenses"][0]["expression"], "Apache-2.0");
    let shown: Value =
        serde_json::from_str(&context.run(&["show", "app.yaml", "--format", "json"])).unwrap();
    let bundle = &shown["bundles"][0];
    assert_eq!(bundle["kind"], "probe");
    assert_eq!(bundle["to"], "/usr/libexec/distil-probe");
    assert_eq!(bundle["component"]["name"], "distil-probe");
    insta::assert_snapshot!(context.run(&["why", "app.yaml", "/usr/libexec/distil-probe"]), @"
    `/usr/libexec/distil-probe` is in app:latest, in the layer of `app`: a file of 5.0 kB, mode 0755, owner 0:0
      probe `distil-probe` made it
    ");
    // It is known, and no finding.
    insta::assert_snapshot!(without_digests(&context.run(&["check", "oci-archive:app.tar"])), @"
    info S201 user-root: the image runs as root
      at run time: container has runAsNonRoot and image will run as root
      what to do:  `USER 65532`, or take the nonroot variant.

    oci-archive:app.tar passes the profile `distroless`: 0 errors, 0 warnings, 1 for information
    ");
}

#[test]
fn each_platform_has_its_own() {
    let context = Context::new();
    context.define(&checked("tcp: 'localhost:5432'"));
    context.run(&[
        "build",
        "app.yaml",
        "--platform",
        "linux/arm64",
        "-o",
        "oci-archive:a.tar",
    ]);
    let found = files(&context.work().join("a.tar"));
    assert!(found[PROBE].bytes == program("arm64"));
    let test = &config(&context.work().join("a.tar"))["Healthcheck"]["Test"];
    let words = [
        "CMD",
        "/usr/libexec/distil-probe",
        "-t",
        "27000",
        "tcp://localhost:5432",
    ];
    assert_eq!(*test, json!(words));
}

#[test]
fn images_on_top_share_it() {
    let context = Context::new();
    write_program(&context);
    build(&context, &checked(HTTP));
    let below = layers(&context, &["app.yaml"]);
    let write = |name: &str, yaml: &str| std::fs::write(context.work().join(name), yaml).unwrap();
    write(
        "top.yaml",
        "name: top\nfrom: ./app.yaml\nfiles: [{path: /x, text: x}]\nconfig: {healthcheck: {tcp: '127.0.0.1:80'}}\n",
    );
    assert_eq!(layers(&context, &["top.yaml"])[..below.len()], below[..]);
    context.run(&["build", "top.yaml", "--platform", "linux/amd64"]);
    let found = files(&context.work().join("top.tar"));
    assert!(found.contains_key(PROBE) && !found.contains_key("var/lib/db/sbom/top.cdx.json"));
    // One layer of all has it, too; and where the last word is a program of the image, there is none.
    write(
        "one.yaml",
        "name: one\nfrom: ./app.yaml\nlayers: single\nfiles: [{path: /x, text: x}]\n",
    );
    context.run(&["build", "one.yaml", "--platform", "linux/amd64"]);
    assert!(files(&context.work().join("one.tar")).contains_key(PROBE));
    let overlay = format!(
        "{}when: [{{architecture: amd64, config: {{healthcheck: {{exec: [/usr/bin/x]}}}}}}]\nfiles: [{{path: /usr/bin/x, from: ./x, mode: '0755'}}]\n",
        checked(HTTP)
    );
    assert!(!build(&context, &overlay).contains_key(PROBE));
}

#[test]
fn exec_is_what_docker_calls_test() {
    let context = Context::new();
    write_program(&context);
    let with = |check: &str| {
        let file = "files: [{path: /usr/bin/x, from: ./x, mode: '0755'}]\n";
        let found = build(&context, &format!("{}{file}", checked(check)));
        assert!(!found.contains_key(PROBE));
        config(&context.work().join("app.tar"))["Healthcheck"].clone()
    };
    let expected = json!({"Test": ["CMD", "/usr/bin/x", "-a"]});
    assert_eq!(with("exec: [/usr/bin/x, -a]"), expected);
    assert_eq!(with("test: [/usr/bin/x, -a]"), expected);
}

#[test]
fn the_stage_to_build_in_has_no_check() {
    let context = crate::dev::context(Vec::new());
    context.define(&checked(HTTP));
    context.run(&[
        "build",
        "app.yaml:dev",
        "--platform",
        "linux/amd64",
        "-o",
        "oci-archive:dev.tar",
    ]);
    assert_eq!(
        config(&context.work().join("dev.tar"))["Healthcheck"],
        Value::Null
    );
}

#[test]
fn what_the_probe_cannot_do_is_told() {
    let context = Context::new();
    let fails = |check: &str| {
        context.define(&checked(check));
        context.fails(&["build", "app.yaml"])
    };
    insta::assert_snapshot!(fails("interval: 3s"), @"
    status 1
    error: `config` of definition `app`: `healthcheck` does not say what is checked; it needs `http`, `tcp` or `exec`
     --> app.yaml:4:3
      |
    4 |   healthcheck: {interval: 3s}
      |   ^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("http: 'http://127.0.0.1/', exec: [/x]"), @"
    status 1
    error: `config` of definition `app`: `healthcheck` has both `http` and `exec`; an image has one check
     --> app.yaml:4:44
      |
    4 |   healthcheck: {http: 'http://127.0.0.1/', exec: [/x]}
      |                                            ^^^^
    ");
    insta::assert_snapshot!(fails("tcp: '127.0.0.1:80', expect: 200"), @"
    status 1
    error: `config` of definition `app`: `expect` is a status of HTTP, and the check is by `tcp`
     --> app.yaml:4:38
      |
    4 |   healthcheck: {tcp: '127.0.0.1:80', expect: 200}
      |                                      ^^^^^^
    ");
    insta::assert_snapshot!(fails("exec: []"), @"
    status 1
    error: `config` of definition `app`: `healthcheck` names no program
     --> app.yaml:4:3
      |
    4 |   healthcheck: {exec: []}
      |   ^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("exec: [CMD, x]"), @"
    status 1
    error: `config` of definition `app`: `exec` is the program and its arguments, without Docker's keyword before them; there is no shell to run it
     --> app.yaml:4:24
      |
    4 |   healthcheck: {exec: [CMD, x]}
      |                        ^^^
    ");
    insta::assert_snapshot!(fails("http: 'https://127.0.0.1/'"), @"
    status 1
    error: `config` of definition `app`: `https://127.0.0.1/` asks over TLS, which the probe does not speak; ask the server without it, on an address of the loopback interface, or check by a program of the image (`exec`)
     --> app.yaml:4:23
      |
    4 |   healthcheck: {http: 'https://127.0.0.1/'}
      |                       ^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("http: 'http://db.example.org/'"), @"
    status 1
    error: `config` of definition `app`: `http://db.example.org/` names a host that has to be looked up, and the probe has no resolver; the check runs in the container itself: ask `127.0.0.1`, `[::1]` or `localhost`
     --> app.yaml:4:23
      |
    4 |   healthcheck: {http: 'http://db.example.org/'}
      |                       ^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("http: '127.0.0.1:80'"), @"
    status 1
    error: `config` of definition `app`: `127.0.0.1:80` does not begin with `http://`
     --> app.yaml:4:23
      |
    4 |   healthcheck: {http: '127.0.0.1:80'}
      |                       ^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("http: 'http://me:secret@127.0.0.1/'"), @"
    status 1
    error: `config` of definition `app`: the address has a user or a password in it, which everybody could read in the image
     --> app.yaml:4:23
      |
    4 |   healthcheck: {http: 'http://me:secret@127.0.0.1/'}
      |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("http: 'http://127.0.0.1:99999/'"), @"
    status 1
    error: `config` of definition `app`: `http://127.0.0.1:99999/` has no port from 1 to 65535
     --> app.yaml:4:23
      |
    4 |   healthcheck: {http: 'http://127.0.0.1:99999/'}
      |                       ^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("http: \"http://127.0.0.1/\\e[31m\""), @r#"
    status 1
    error: `config` of definition `app`: `http://127.0.0.1/\u{1b}[31m` has a character that addresses do not have; it has to be percent-encoded
     --> app.yaml:4:23
      |
    4 |   healthcheck: {http: "http://127.0.0.1/\e[31m"}
      |                       ^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(fails("http: 'http://127.0.0.1/#top'"), @"
    status 1
    error: `config` of definition `app`: `http://127.0.0.1/#top` has a fragment (`#`), which is never sent to a server
     --> app.yaml:4:23
      |
    4 |   healthcheck: {http: 'http://127.0.0.1/#top'}
      |                       ^^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("tcp: '5432'"), @"
    status 1
    error: `config` of definition `app`: `5432` names a host that has to be looked up, and the probe has no resolver; the check runs in the container itself: ask `127.0.0.1`, `[::1]` or `localhost`
     --> app.yaml:4:22
      |
    4 |   healthcheck: {tcp: '5432'}
      |                      ^^^^^^
    ");
    insta::assert_snapshot!(fails("tcp: 'tcp://127.0.0.1:80/x'"), @"
    status 1
    error: `config` of definition `app`: `tcp://127.0.0.1:80/x` has something behind its port; for a path of HTTP use `http`
     --> app.yaml:4:22
      |
    4 |   healthcheck: {tcp: 'tcp://127.0.0.1:80/x'}
      |                      ^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("http: 'http://127.0.0.1/', expect: 99"), @"
    status 1
    error: `config` of definition `app`: `99` is no status of HTTP, such as `200` or `2xx`
     --> app.yaml:4:52
      |
    4 |   healthcheck: {http: 'http://127.0.0.1/', expect: 99}
      |                                                    ^^
    ");
    insta::assert_snapshot!(fails("http: 'http://127.0.0.1/', expect: [200, ok]"), @"
    status 1
    error: `config` of definition `app`: `ok` is no status of HTTP, such as `200` or `2xx`
     --> app.yaml:4:58
      |
    4 |   healthcheck: {http: 'http://127.0.0.1/', expect: [200, ok]}
      |                                                          ^^
    ");
    insta::assert_snapshot!(fails("http: 'http://127.0.0.1/', expect: {}"), @"
    status 1
    error: `app.yaml` is not a definition
    `expect` must be a whole number or a text or a list of whole numbers or texts, but here is a mapping
     --> app.yaml:4:52
      |
    4 |   healthcheck: {http: 'http://127.0.0.1/', expect: {}}
      |                                                    ^^
      = `expect`: With `http`: the status that the answer has to have, or several; any of 2xx if there is none
    ");
    insta::assert_snapshot!(fails("http: 'http://127.0.0.1/', expect: [[200]]"), @"
    status 1
    error: `app.yaml` is not a definition
    an entry of `expect` must be a whole number or a text, but here is a list
     --> app.yaml:4:53
      |
    4 |   healthcheck: {http: 'http://127.0.0.1/', expect: [[200]]}
      |                                                     ^^^^^
      = `expect`: With `http`: the status that the answer has to have, or several; any of 2xx if there is none
    ");
    insta::assert_snapshot!(fails("http: 'http://127.0.0.1/', timeout: 5"), @"
    status 1
    error: `config` of definition `app`: `5` is not a time, such as `30s` or `1m 30s`
     --> app.yaml:4:53
      |
    4 |   healthcheck: {http: 'http://127.0.0.1/', timeout: 5}
      |                                                     ^
    ");
    insta::assert_snapshot!(fails("htp: 'http://127.0.0.1/'"), @"
    status 1
    error: `app.yaml` is not a definition
    `healthcheck` has no key `htp`; did you mean `http`?
     --> app.yaml:4:17
      |
    4 |   healthcheck: {htp: 'http://127.0.0.1/'}
      |                 ^^^
      = its keys are `exec`, `expect`, `http`, `interval`, `retries`, `start_interval`, `start_period`, `tcp`, `test` and `timeout`
    ");
}

/// A file of the definition where the probe goes.
#[test]
fn its_path_may_not_be_taken() {
    let context = Context::new();
    let file = "files: [{path: /usr/libexec/distil-probe, text: mine}]\n";
    context.define(&format!("{}{file}", checked(HTTP)));
    insta::assert_snapshot!(context.fails(&["build", "app.yaml"]), @"
    status 1
    error: `files` of definition `app` adds `/usr/libexec/distil-probe`, which probe `distil-probe` has already
     --> app.yaml:5:16
      |
    5 | files: [{path: /usr/libexec/distil-probe, text: mine}]
      |                ^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
}
