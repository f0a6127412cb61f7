//! Files that a definition brings, and what is wrong with them.

use std::os::unix::fs::symlink;
use std::process::Command;

use distil_fixture::{CORPORATE_CA, DebBuilder, EXPIRED_CA, SERVER_CERTIFICATE};

use crate::context::Context;

/// What building this definition on `base` says.
fn on_base(context: &Context, yaml: &str) -> String {
    context.define(&format!("name: app\nfrom: base\n{yaml}\n"));
    context.fails(&["build", "app.yaml"])
}

fn write(context: &Context, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(context.work().join(name), bytes).unwrap();
}

#[test]
fn files_that_cannot_be_taken() {
    let context = Context::new();
    let fails = |from: &str| on_base(&context, &format!("files: [{{path: /x, from: '{from}'}}]"));
    std::fs::create_dir(context.work().join("folder")).unwrap();
    insta::assert_snapshot!(fails("folder"), @"
    status 1
    error: `folder` is a directory, and a file is asked for
     --> app.yaml:3:26
      |
    3 | files: [{path: /x, from: 'folder'}]
      |                          ^^^^^^^^
    ");
    insta::assert_snapshot!(fails(""), @"
    status 1
    error: `` does not exist
     --> app.yaml:3:26
      |
    3 | files: [{path: /x, from: ''}]
      |                          ^^
    ");
    let fifo = context.work().join("fifo");
    assert!(Command::new("mkfifo").arg(fifo).status().unwrap().success());
    insta::assert_snapshot!(fails("fifo"), @"
    status 1
    error: `fifo` is not a regular file
     --> app.yaml:3:26
      |
    3 | files: [{path: /x, from: 'fifo'}]
      |                          ^^^^^^
    ");
    std::fs::write(context.work().join("../secret"), "x").unwrap();
    insta::assert_snapshot!(fails("../secret"), @"
    status 1
    error: `../secret` lies outside the directory of the definition that names it; a definition has its files beside it or below
     --> app.yaml:3:26
      |
    3 | files: [{path: /x, from: '../secret'}]
      |                          ^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("folder/../../secret"), @"
    status 1
    error: `folder/../../secret` lies outside the directory of the definition that names it; a definition has its files beside it or below
     --> app.yaml:3:26
      |
    3 | files: [{path: /x, from: 'folder/../../secret'}]
      |                          ^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("/etc/passwd"), @"
    status 1
    error: `/etc/passwd` lies outside the directory of the definition that names it; a definition has its files beside it or below
     --> app.yaml:3:26
      |
    3 | files: [{path: /x, from: '/etc/passwd'}]
      |                          ^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("/dev/zero"), @"
    status 1
    error: `/dev/zero` lies outside the directory of the definition that names it; a definition has its files beside it or below
     --> app.yaml:3:26
      |
    3 | files: [{path: /x, from: '/dev/zero'}]
      |                          ^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("../gone"), @"
    status 1
    error: `../gone` does not exist
     --> app.yaml:3:26
      |
    3 | files: [{path: /x, from: '../gone'}]
      |                          ^^^^^^^^^
    ");
    symlink("../secret", context.work().join("link")).unwrap();
    insta::assert_snapshot!(fails("link"), @"
    status 1
    error: `link` lies outside the directory of the definition that names it; a definition has its files beside it or below
     --> app.yaml:3:26
      |
    3 | files: [{path: /x, from: 'link'}]
      |                          ^^^^^^
    ");
    symlink("nowhere", context.work().join("dangling")).unwrap();
    insta::assert_snapshot!(fails("dangling"), @"
    status 1
    error: `dangling` does not exist
     --> app.yaml:3:26
      |
    3 | files: [{path: /x, from: 'dangling'}]
      |                          ^^^^^^^^^^
    ");
    symlink("loop", context.work().join("loop")).unwrap();
    insta::assert_snapshot!(fails("loop"), @"
    status 1
    error: `loop` cannot be read: Too many levels of symbolic links (os error 40)
     --> app.yaml:3:26
      |
    3 | files: [{path: /x, from: 'loop'}]
      |                          ^^^^^^
    ");
}

#[test]
fn places_owners_and_modes() {
    let context = Context::new();
    let fails = |yaml: &str| on_base(&context, yaml);
    insta::assert_snapshot!(fails("files: [{path: x, text: x}]"), @"
    status 1
    error: `files` of definition `app`: the path `x` is not absolute
     --> app.yaml:3:16
      |
    3 | files: [{path: x, text: x}]
      |                ^
    ");
    insta::assert_snapshot!(fails("files: [{path: /, text: x}]"), @"
    status 1
    error: `files` of definition `app`: the root of the image is a directory
     --> app.yaml:3:16
      |
    3 | files: [{path: /, text: x}]
      |                ^
    ");
    insta::assert_snapshot!(fails("files: [{path: /a/../b, text: x}]"), @"
    status 1
    error: `files` of definition `app`: the path `/a/../b` has a `..` in it
     --> app.yaml:3:16
      |
    3 | files: [{path: /a/../b, text: x}]
      |                ^^^^^^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /a}]"), @"
    status 1
    error: `files` of definition `app`: `/a` has neither `text` nor `from`
     --> app.yaml:3:16
      |
    3 | files: [{path: /a}]
      |                ^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /a, text: x, from: app.yaml}]"), @"
    status 1
    error: `files` of definition `app`: `/a` has both `text` and `from`
     --> app.yaml:3:16
      |
    3 | files: [{path: /a, text: x, from: app.yaml}]
      |                ^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /a, text: x, mode: '0999'}]"), @"
    status 1
    error: `files` of definition `app`: `0999` is not a mode in octal digits, such as `0755`
     --> app.yaml:3:35
      |
    3 | files: [{path: /a, text: x, mode: '0999'}]
      |                                   ^^^^^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /a, text: x, mode: '17777'}]"), @"
    status 1
    error: `files` of definition `app`: `17777` is not a mode in octal digits, such as `0755`
     --> app.yaml:3:35
      |
    3 | files: [{path: /a, text: x, mode: '17777'}]
      |                                   ^^^^^^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /a, text: x, mode: ''}]"), @"
    status 1
    error: `files` of definition `app`: `` is not a mode in octal digits, such as `0755`
     --> app.yaml:3:35
      |
    3 | files: [{path: /a, text: x, mode: ''}]
      |                                   ^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /a, text: x, owner: ':'}]"), @"
    status 1
    error: `files` of definition `app`: there is no user ``; add it to `accounts`, or write its number
     --> app.yaml:3:36
      |
    3 | files: [{path: /a, text: x, owner: ':'}]
      |                                    ^^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /a, text: x, owner: 'root:nobdy'}]"), @"
    status 1
    error: `files` of definition `app`: there is no group `nobdy`; add it to `accounts`, or write its number
     --> app.yaml:3:36
      |
    3 | files: [{path: /a, text: x, owner: 'root:nobdy'}]
      |                                    ^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /a, text: x, owner: '4294967296'}]"), @"
    status 1
    error: `files` of definition `app`: there is no user `4294967296`; add it to `accounts`, or write its number
     --> app.yaml:3:36
      |
    3 | files: [{path: /a, text: x, owner: '4294967296'}]
      |                                    ^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /etc/services/a, text: x}]"), @"
    status 1
    error: failed to put a file of definition `app` into the image
      cause: `/etc/services/a` needs the directory `/etc/services`, which is a file from package `netbase`
    ");
    insta::assert_snapshot!(fails("directories: [{path: /etc/services}]"), @"
    status 1
    error: `directories` of definition `app` adds `/etc/services`, which package `netbase` has already
     --> app.yaml:3:22
      |
    3 | directories: [{path: /etc/services}]
      |                      ^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("links: {/etc/ssl: /x}"), @"
    status 1
    error: `links` of definition `app` adds `/etc/ssl`, which package `ca-certificates` has already
     --> app.yaml:3:9
      |
    3 | links: {/etc/ssl: /x}
      |         ^^^^^^^^
    ");
    insta::assert_snapshot!(fails("links: {/x: ''}"), @"
    status 1
    error: `links` of definition `app`: `/x` leads nowhere
     --> app.yaml:3:9
      |
    3 | links: {/x: ''}
      |         ^^
    ");
    insta::assert_snapshot!(fails("links: {x: y}"), @"
    status 1
    error: `links` of definition `app`: the path `x` is not absolute
     --> app.yaml:3:9
      |
    3 | links: {x: y}
      |         ^
    ");
}

#[test]
fn two_writers_of_one_path() {
    let one = DebBuilder::new("one", "1", "amd64").file("usr/share/both", "1");
    let two = DebBuilder::new("two", "1", "amd64").file("usr/share/both", "2");
    let context = Context::with_packages(vec![one, two]);
    let fails = |yaml: &str| on_base(&context, yaml);
    insta::assert_snapshot!(fails("packages: [one, two]"), @"
    status 1
    error: packages `one` and `two` both ship `/usr/share/both`, and neither says that it replaces the other's files
    ");
    insta::assert_snapshot!(
        fails("packages: [one]\nfiles: [{path: /usr/share/both, text: x}]"), @"
    status 1
    error: `files` of definition `app` adds `/usr/share/both`, which package `one` has already
     --> app.yaml:4:16
      |
    4 | files: [{path: /usr/share/both, text: x}]
      |                ^^^^^^^^^^^^^^^

    hint: `replace: true` beside the `path` replaces the existing file
    ");
    insta::assert_snapshot!(
        fails("packages: [one]\nlinks: {/usr/share/both: x}"), @"
    status 1
    error: `links` of definition `app` adds `/usr/share/both`, which package `one` has already
     --> app.yaml:4:9
      |
    4 | links: {/usr/share/both: x}
      |         ^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(
        fails("files: [{path: /a, text: x}, {path: /a, text: y}]"), @"
    status 1
    error: `files` of definition `app` adds `/a`, which definition `app` has already
     --> app.yaml:3:37
      |
    3 | files: [{path: /a, text: x}, {path: /a, text: y}]
      |                                     ^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /a, text: x}]\nlinks: {/a: b}"), @"
    status 1
    error: `links` of definition `app` adds `/a`, which definition `app` has already
     --> app.yaml:4:9
      |
    4 | links: {/a: b}
      |         ^^
    ");
    insta::assert_snapshot!(
        fails("directories: [{path: /a}]\nfiles: [{path: /a, text: x}]"), @"
    status 1
    error: `files` of definition `app` adds `/a`, which definition `app` has already
     --> app.yaml:4:16
      |
    4 | files: [{path: /a, text: x}]
      |                ^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /bin/b, text: x}, {path: /usr/bin/b, text: y}]"), @"
    status 1
    error: `files` of definition `app` adds `/usr/bin/b`, which definition `app` has already
     --> app.yaml:3:41
      |
    3 | files: [{path: /bin/b, text: x}, {path: /usr/bin/b, text: y}]
      |                                         ^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /etc/passwd, text: x}]"), @"
    status 1
    error: `files` of definition `app` adds `/etc/passwd`, which generated `accounts` has already
     --> app.yaml:3:16
      |
    3 | files: [{path: /etc/passwd, text: x}]
      |                ^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("files: [{path: /etc/ld.so.cache, text: x}]"), @"
    status 1
    error: `files` of definition `app` adds `/etc/ld.so.cache`, which generated `the cache of the loader` has already
     --> app.yaml:3:16
      |
    3 | files: [{path: /etc/ld.so.cache, text: x}]
      |                ^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(
        fails("files: [{path: /var/lib/dpkg/status.d/netbase, text: x}]"), @"
    status 1
    error: `files` of definition `app`: `/var/lib/dpkg/status.d/netbase` lies in `/var/lib/dpkg/status.d`, where scanners take all that they find for packages
     --> app.yaml:3:16
      |
    3 | files: [{path: /var/lib/dpkg/status.d/netbase, text: x}]
      |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(
        fails("packages: [{name: one, move: {/usr/share/both: /etc/services}}]"), @"
    status 1
    error: packages `netbase` and `one` both ship `/etc/services`, and neither says that it replaces the other's files
    ");
    let lower = "name: low\nfrom: base\npackages: [one]\n";
    write(&context, "low.yaml", lower);
    context.define("name: app\nfrom: low.yaml\npackages: [two]\n");
    insta::assert_snapshot!(context.fails(&["build", "app.yaml"]), @"
    status 1
    error: packages `one` and `two` both ship `/usr/share/both`, and neither says that it replaces the other's files
    ");
}

#[test]
fn certificates_that_cannot_be_trusted() {
    let context = Context::new();
    let (corporate, _) = CORPORATE_CA;
    let fails = |bytes: &[u8]| {
        write(&context, "ca.pem", bytes);
        on_base(&context, "certificates: {extra: [ca.pem]}")
    };
    insta::assert_snapshot!(fails(b""), @"
    status 1
    error: `certificates` of definition `app`: `ca.pem` has no certificate in PEM in it: no `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der` reads what is in DER
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [ca.pem]}
      |                        ^^^^^^
    ");
    insta::assert_snapshot!(fails(b"hello"), @"
    status 1
    error: `certificates` of definition `app`: `ca.pem` has no certificate in PEM in it: no `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der` reads what is in DER
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [ca.pem]}
      |                        ^^^^^^
    ");
    insta::assert_snapshot!(fails(&[0x30, 0x82, 0x01, 0x00]), @"
    status 1
    error: `certificates` of definition `app`: `ca.pem` has no certificate in PEM in it: no `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der` reads what is in DER
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [ca.pem]}
      |                        ^^^^^^
    ");
    insta::assert_snapshot!(
        fails(b"-----BEGIN PRIVATE KEY-----\nMC4CAQA=\n-----END PRIVATE KEY-----\n"), @"
    status 1
    error: `certificates` of definition `app`: `ca.pem` has a private key in it and no certificate; keys do not belong into images
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [ca.pem]}
      |                        ^^^^^^
    ");
    insta::assert_snapshot!(
        fails(b"-----BEGIN CERTIFICATE-----\nMC4CAQA=\n-----END CERTIFICATE-----\n"), @"
    status 1
    error: `certificates` of definition `app`: `ca.pem` has what is not a certificate in it: ASN.1 DER message is incomplete: expected 6, actual 5 at DER byte 5
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [ca.pem]}
      |                        ^^^^^^
    ");
    insta::assert_snapshot!(
        fails(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"), @"
    status 1
    error: `certificates` of definition `app`: `ca.pem` is not PEM: base64 decode error: InvalidCharacter(33)
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [ca.pem]}
      |                        ^^^^^^
    ");
    let cut = corporate.len() / 2;
    insta::assert_snapshot!(fails(&corporate.as_bytes()[..cut]), @"
    status 1
    error: `certificates` of definition `app`: `ca.pem` is cut off: a certificate in it has no `-----END CERTIFICATE-----`
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [ca.pem]}
      |                        ^^^^^^
    ");
    insta::assert_snapshot!(fails(EXPIRED_CA.as_bytes()), @"
    status 1
    error: `certificates` of definition `app`: `ca.pem` has the certificate of `CN=Fixture Expired CA,O=Fixture` in it, which expired on 2020-01-01T00:00:00Z
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [ca.pem]}
      |                        ^^^^^^
    ");
    insta::assert_snapshot!(fails(SERVER_CERTIFICATE.as_bytes()), @"
    status 1
    error: `certificates` of definition `app`: `ca.pem` has the certificate of `CN=server.example,O=Fixture` in it, which is not an authority's (basic constraints without `CA:TRUE`); trust the one that signed it
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [ca.pem]}
      |                        ^^^^^^
    ");
    let chain = format!("{corporate}{SERVER_CERTIFICATE}");
    insta::assert_snapshot!(fails(chain.as_bytes()), @"
    status 1
    error: `certificates` of definition `app`: `ca.pem` has the certificate of `CN=server.example,O=Fixture` in it, which is not an authority's (basic constraints without `CA:TRUE`); trust the one that signed it
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [ca.pem]}
      |                        ^^^^^^
    ");
    insta::assert_snapshot!(on_base(&context, "certificates: {extra: [gone.pem]}"), @"
    status 1
    error: `gone.pem` does not exist
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [gone.pem]}
      |                        ^^^^^^^^
    ");
    insta::assert_snapshot!(on_base(&context, "certificates: {extra: [../ca.pem]}"), @"
    status 1
    error: `../ca.pem` does not exist
     --> app.yaml:3:24
      |
    3 | certificates: {extra: [../ca.pem]}
      |                        ^^^^^^^^^
    ");
    insta::assert_snapshot!(
        context.fails(&["build", "base", "--ca", "gone.pem"]), @"
    status 2
    error: `gone.pem` does not exist
    ");
    insta::assert_snapshot!(
        context.fails(&["build", "base", "--ca", "ca.pem"]), @"
    status 1
    error: `certificates` of definition `base+local`: `ca.pem` has the certificate of `CN=server.example,O=Fixture` in it, which is not an authority's (basic constraints without `CA:TRUE`); trust the one that signed it
    ");
}

/// The links of both have one name, and each hash has to lead to its own certificate.
#[test]
fn two_certificates_of_one_name() {
    let context = Context::new();
    for folder in ["a", "b"] {
        std::fs::create_dir(context.work().join(folder)).unwrap();
    }
    write(&context, "a/ca.pem", CORPORATE_CA.0);
    write(&context, "b/ca.pem", distil_fixture::CA_CERTIFICATES[0].1);
    insta::assert_snapshot!(
        on_base(&context, "certificates: {extra: [a/ca.pem, b/ca.pem]}"), @"
    status 1
    error: `b/ca.pem`, from which the bundle of certificates is made, has the name of another file: `/usr/local/share/ca-certificates/ca.crt` is there already
    ");
}

/// Scanners read all that lies there.
#[test]
fn nothing_but_packages_in_their_metadata() {
    let context = Context::new();
    let path = "/var/lib/dpkg/status.d/x";
    for yaml in [
        format!("files: [{{path: {path}, text: x}}]"),
        format!("links: {{{path}: netbase}}"),
        format!("directories: [{{path: {path}}}]"),
    ] {
        assert!(on_base(&context, &yaml).starts_with("status 1"), "{yaml}");
    }
}

/// Also where no package has made it yet.
#[test]
fn the_root_is_a_folder() {
    let context = Context::new();
    for yaml in ["files: [{path: /, text: x}]", "links: {/: x}"] {
        context.define(&format!("name: app\n{yaml}\n"));
        let message = context.fails(&["build", "app.yaml"]);
        assert!(message.starts_with("status 1"), "{yaml}: {message}");
    }
}

#[test]
fn a_file_elsewhere_is_not_shown_before_it_is_a_definition() {
    let context = Context::new();
    let secret = context.work().join("../secret.yaml");
    std::fs::write(&secret, "auths: {registry: {auth: c2VjcmV0}}\n").unwrap();
    symlink("../secret.yaml", context.work().join("link.yaml")).unwrap();
    for from in ["../secret.yaml", "link.yaml"] {
        context.define(&format!("name: app\nfrom: {from}\n"));
        let said = context.fails(&["build", "app.yaml"]);
        assert!(!said.contains("auth"), "{said}");
        assert!(
            said.contains("is not a definition\nwhat is wrong with it is not shown"),
            "{said}"
        );
    }
    // One that is a definition may lie beside the directory of another.
    std::fs::write(&secret, "name: below\nfrom: base\n").unwrap();
    context.run(&["build", "app.yaml"]);
}

#[test]
fn what_is_no_regular_file_or_too_large_is_refused_at_once() {
    let context = Context::new();
    context.define("name: app\nfrom: base\n");
    let fifo = context.work().join("fifo.yaml");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    symlink("/dev/zero", context.work().join("zero.yaml")).unwrap();
    let huge = std::fs::File::create(context.work().join("huge.yaml")).unwrap();
    huge.set_len(1 << 30).unwrap();
    for name in ["fifo.yaml", "zero.yaml", "huge.yaml"] {
        let requests: [&[&str]; 4] = [
            &["build", name],
            &["build", "app.yaml", "--keyring", name],
            &["check", "app.yaml", "--policy", name],
            &["build", "app.yaml", "--ca", name],
        ];
        for arguments in requests {
            let said = context.fails(arguments);
            let is_told = said.contains("is not a regular file") || said.contains("is larger than");
            assert!(is_told, "{arguments:?}: {said}");
        }
    }
}

#[test]
fn directories_are_not_thousands_deep() {
    let context = Context::new();
    let deep = "/a".repeat(2000);
    let said = on_base(&context, &format!("files: [{{path: {deep}, text: x}}]"));
    assert!(said.contains("more than 64 directories"), "{said}");
    let said = on_base(&context, &format!("directories: [{{path: {deep}}}]"));
    assert!(said.contains("more than 64 directories"), "{said}");
    context.define(&format!(
        "name: app\nfrom: base\nlinks: {{{}: x}}\n",
        "/a".repeat(60)
    ));
    context.run(&["build", "app.yaml"]);
}

#[test]
fn a_hundred_thousand_unknown_packages_are_refused_fast() {
    let context = Context::new();
    let names: Vec<String> = (0..100_000).map(|number| format!("g{number}")).collect();
    let start = std::time::Instant::now();
    let said = on_base(&context, &format!("packages: [{}]", names.join(",")));
    assert!(said.contains("there is no package `g"), "{said}");
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
