//! Definitions and requests that are wrong.

use distil_fixture::DebBuilder;

use crate::context::Context;

fn fails(arguments: &[&str]) -> String {
    Context::new().fails(arguments)
}

fn definition(yaml: &str) -> String {
    let context = Context::new();
    context.define(yaml);
    context.fails(&["build", "app.yaml"])
}

#[test]
fn names_that_there_are_not() {
    insta::assert_snapshot!(fails(&["build", "pyhton3"]), @r#"
    status 2
    error: there is no image `pyhton3` in the catalogue

    hint: did you mean `python3`?

    hint: `distil list` shows the catalogue; a file must end in `.yaml`
    "#);
    insta::assert_snapshot!(fails(&["build", "python3:debgu"]), @r#"
    status 2
    error: there is no variant `debgu`; the variants are `latest`, `nonroot`, `debug`, `debug-nonroot`, `dev`

    hint: did you mean `debug`?
    "#);
    insta::assert_snapshot!(fails(&["build", "python3", "--suite", "trixi"]), @"
    status 2
    error: there is no suite `trixi`; the suites are `bookworm`, `trixie`, `forky`, `noble`, `resolute`

    hint: did you mean `trixie`?
    ");
    insta::assert_snapshot!(fails(&["build", "python3", "--platform", "linux/amd46"]), @r#"
    status 2
    error: unknown platform `linux/amd46`; did you mean `linux/amd64` or `linux/arm64`?
    "#);
    insta::assert_snapshot!(fails(&["build", "gone.yaml"]), @"
    status 2
    error: `gone.yaml` does not exist
    ");
}

#[test]
fn names_that_others_have_are_answered_with_what_is_meant() {
    let image = "gcr.io/distroless/python3-debian12:debug";
    insta::assert_snapshot!(fails(&["build", image]), @"
    status 2
    error: there is no image `gcr.io/distroless/python3-debian12:debug` in the catalogue

    hint: distil's own image of that name is `python3:debug --suite bookworm`

    hint: the image in the registry is `docker://gcr.io/distroless/python3-debian12:debug`
    ");
    insta::assert_snapshot!(fails(&["show", image]), @"
    status 2
    error: there is no image `gcr.io/distroless/python3-debian12:debug` in the catalogue

    hint: distil's own image of that name is `python3:debug --suite bookworm`

    hint: the image in the registry is `docker://gcr.io/distroless/python3-debian12:debug`
    ");
    insta::assert_snapshot!(fails(&["build", "java21-debian13"]), @"
    status 2
    error: there is no image `java21-debian13` in the catalogue

    hint: distil's own image of that name is `java21`
    ");
    insta::assert_snapshot!(fails(&["build", "base", "--suite", "stable"]), @"
    status 2
    error: `stable` means another release of Debian every two years, so images are not built from it; at present it is `trixie`

    hint: use `--suite trixie`, or its number, `--suite 13`
    ");
    insta::assert_snapshot!(fails(&["check", "base", "--suite", "oldstable"]), @"
    status 2
    error: `oldstable` means another release of Debian every two years, so images are not built from it; at present it is `bookworm`

    hint: use `--suite bookworm`, or its number, `--suite 12`
    ");
    // A number means one suite for ever.
    let context = Context::new();
    let by_number = context.run(&["build", "static", "--suite", "13"]);
    assert_eq!(
        context.run(&["build", "static", "--suite", "trixie"]),
        by_number
    );
}

#[test]
fn packages_that_there_are_not() {
    insta::assert_snapshot!(fails(&["build", "base", "--add", "libfffi8"]), @r#"
    status 1
    error: failed to find packages for `base+libfffi8`
      cause: there is no package `libfffi8` in trixie, trixie-updates or trixie-security

    hint: did you mean `libffi8`?
    "#);
    insta::assert_snapshot!(definition("name: app\npackages: [libfffi8]\n"), @r#"
    status 1
    error: failed to find packages for `app`
      cause: there is no package `libfffi8` in trixie, trixie-updates or trixie-security

    hint: did you mean `libffi8`?
    "#);
}

#[test]
fn requests_that_nothing_satisfies() {
    let app = DebBuilder::new("app", "1", "amd64").depends("libc6 (>= 99)");
    let context = Context::with_packages(vec![app]);
    insta::assert_snapshot!(context.fails(&["build", "base", "--add", "app"]), @r#"
    status 1
    error: failed to find packages for `base+app`
      cause: the request cannot be satisfied:
        `app` is requested
        `app` depends on `libc6 (>= 99)`, but only `libc6` 2.41-12+deb13u5 is in trixie
    "#);
}

#[test]
fn yaml_that_is_wrong_shows_the_place() {
    insta::assert_snapshot!(definition("name: app\nform: base\n"), @"
    status 1
    error: `app.yaml` is not a definition
    the definition has no key `form`; did you mean `from`?
     --> app.yaml:2:1
      |
    2 | form: base
      | ^^^^
      = its keys are `accounts`, `allow`, `archives`, `backports`, `bytecode`, `certificates`, `components`, `config`, `copy`, `debug`, `description`, `dev`, `directories`, `downloads`, `drop`, `excuse`, `files`, `from`, `java`, `keep`, `layers`, `links`, `mirrors`, `name`, `node`, `packages`, `python`, `snapshot`, `snapshot_service`, `suites`, `when` and `without`
    ");
    insta::assert_snapshot!(definition("name: app\npackages: libc6\n"), @"
    status 1
    error: `app.yaml` is not a definition
    `packages` must be a list of texts or mappings with the keys `move`, `name` and `only`, but here is the text `libc6`
     --> app.yaml:2:11
      |
    2 | packages: libc6
      |           ^^^^^
      = `packages`: Debian packages: names, relations with versions and alternatives, files of this machine, or some of a package's files
    ");
    insta::assert_snapshot!(definition("name: app\npackages:\n  - {nmae: libc6}\n"), @"
    status 1
    error: `app.yaml` is not a definition
    an entry of `packages` has no key `nmae`; did you mean `name`?
     --> app.yaml:3:6
      |
    3 |   - {nmae: libc6}
      |      ^^^^
      = its keys are `move`, `name` and `only`
    ");
    insta::assert_snapshot!(definition("name: [\n"), @r#"
    status 1
    error: `app.yaml` is not a definition
    it is not YAML: unclosed bracket '['
     --> app.yaml:1:7
      |
    1 | name: [
      |       ^
    "#);
    insta::assert_snapshot!(definition("name: App\n"), @"
    status 1
    error: `app.yaml` is not a definition
    its name is `App`; names have lower-case letters, digits, `-`, `.` and `_`
     --> app.yaml:1:7
      |
    1 | name: App
      |       ^^^
    ");
}

#[test]
fn entries_without_effect() {
    insta::assert_snapshot!(
        definition("name: app\nfrom: base\nwithout: {awk2: why not}\n"), @"
    status 1
    error: `without: awk2` of definition `app` leaves nothing out: no package of the image asks for it
     --> app.yaml:3:11
      |
    3 | without: {awk2: why not}
      |           ^^^^
    ");
    insta::assert_snapshot!(
        definition("name: app\nfrom: base\ndrop: [/usr/lib/*/libc.so.6]\n"), @"
    status 1
    error: the pattern `/usr/lib/*/libc.so.6` in `drop` of definition `app` matches no file of its own packages; what a definition below ships cannot be dropped
     --> app.yaml:3:8
      |
    3 | drop: [/usr/lib/*/libc.so.6]
      |        ^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(
        definition("name: app\nfrom: base\nexcuse: {libx.so.1: none}\n"), @"
    status 1
    error: `excuse: libx.so.1` of definition `app` excuses nothing: no file lacks it
     --> app.yaml:3:10
      |
    3 | excuse: {libx.so.1: none}
      |          ^^^^^^^^^
    ");
}

#[test]
fn values_that_make_no_sense() {
    insta::assert_snapshot!(
        definition("name: app\nfrom: base\ndirectories: [{path: data}]\n"), @"
    status 1
    error: `directories` of definition `app`: the path `data` is not absolute
     --> app.yaml:3:22
      |
    3 | directories: [{path: data}]
      |                      ^^^^
    ");
    insta::assert_snapshot!(
        definition("name: app\nfrom: base\ndirectories: [{path: /data, owner: nobdy}]\n"), @"
    status 1
    error: `directories` of definition `app`: there is no user `nobdy`; add it to `accounts`, or write its number
     --> app.yaml:3:36
      |
    3 | directories: [{path: /data, owner: nobdy}]
      |                                    ^^^^^
    ");
    insta::assert_snapshot!(
        definition("name: app\nfrom: base\nfiles: [{path: /a, text: x, mode: rwx}]\n"), @"
    status 1
    error: `files` of definition `app`: `rwx` is not a mode in octal digits, such as `0755`
     --> app.yaml:3:35
      |
    3 | files: [{path: /a, text: x, mode: rwx}]
      |                                   ^^^
    ");
    insta::assert_snapshot!(
        definition("name: app\nfrom: base\nfiles: [{path: /etc/services, text: x}]\n"), @"
    status 1
    error: `files` of definition `app` adds `/etc/services`, which package `netbase` has already
     --> app.yaml:3:16
      |
    3 | files: [{path: /etc/services, text: x}]
      |                ^^^^^^^^^^^^^

    hint: `replace: true` beside the `path` replaces the existing file
    ");
    insta::assert_snapshot!(
        definition("name: app\nfrom: base\nfiles: [{path: /a, from: gone.txt}]\n"), @"
    status 1
    error: `gone.txt` does not exist
     --> app.yaml:3:26
      |
    3 | files: [{path: /a, from: gone.txt}]
      |                          ^^^^^^^^
    ");
    insta::assert_snapshot!(
        definition("name: app\nfrom: base\nlinks: {'/x': '${sweet}/y'}\n"), @"
    status 1
    error: `links` of definition `app`: `${sweet}/y` uses `${sweet}`, and there is no such variable; there are `multiarch`, `architecture`, `suite` and, in the labels and the environment, `version:PACKAGE` and `release:PACKAGE`; `$$` is a dollar sign
     --> app.yaml:3:15
      |
    3 | links: {'/x': '${sweet}/y'}
      |               ^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(
        definition("name: app\nfrom: base\ncertificates: {extra: [app.yaml]}\n"), @"
    status 1
    error: `certificates` of definition `app`: `app.yaml` has no certificate in PEM in it: no `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der` reads what is in DER
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [app.yaml]}
      |                        ^^^^^^^^
    ");
    insta::assert_snapshot!(definition("name: app\nfrom: app.yaml\n"), @r#"
    status 1
    error: the `from` of `app` never ends: app → app
    "#);
    insta::assert_snapshot!(definition("name: app\nfrom: python3:debug\n"), @"
    status 1
    error: `from` of definition `app`: `python3:debug` names a variant; an image stands on a definition, and has all variants itself
     --> app.yaml:2:7
      |
    2 | from: python3:debug
      |       ^^^^^^^^^^^^^
    ");
}

#[test]
fn a_definition_of_ones_own_builds() {
    let context = Context::new();
    let (_, pem, _) = distil_fixture::CA_CERTIFICATES[0];
    std::fs::write(context.work().join("corp.pem"), pem).unwrap();
    std::fs::write(context.work().join("motd"), "hello").unwrap();
    context.define(
        "name: app\n\
         from: base\n\
         packages: [libffi8]\n\
         links: {/usr/local/bin/x: ../y}\n\
         directories: [{path: /data, owner: nonroot, mode: '0750'}]\n\
         files: [{path: /etc/motd, from: motd}, {path: /app, text: '${architecture}', mode: '0755'}]\n\
         certificates: {extra: [corp.pem]}\n\
         config: {env: {A: b}, labels: {version: '${version:libffi8}'}}\n",
    );
    context.run(&["build", "app.yaml"]);
    let files = crate::images::files(&context.work().join("app.tar"));
    let data = &files["data"];
    assert_eq!((data.mode, data.uid, data.gid), (0o750, 65532, 65532));
    assert_eq!(files["etc/motd"].bytes, b"hello");
    assert!(files.contains_key("usr/local/share/ca-certificates/corp.crt"));
    let json = context.run(&["show", "app.tar", "--format", "json"]);
    assert!(
        json.contains("\"A=b\"") && json.contains("image.version\": \"3."),
        "{json}"
    );
}

#[test]
fn several_images_take_no_single_name() {
    insta::assert_snapshot!(fails(&["build", "base", "cc", "-t", "x"]), @r#"
    status 2
    error: `--tag` and `--output` apply to one image, but several are named

    hint: build them one after another
    "#);
}
