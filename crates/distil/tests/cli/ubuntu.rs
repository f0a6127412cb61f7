//! Images of Ubuntu's packages: its archive, its pockets, and what its images say of themselves.

use std::fs;
use std::process::Command;

use distil_fixture::{Server, debian_like, ubuntu_like};
use distil_tree::tar::MemberKind;
use serde_json::Value;

use crate::context::Context;
use crate::images::files;
use crate::own_definitions::text;

/// With a miniature noble, all of whose pockets are in one archive.
fn context() -> Context {
    Context::with(ubuntu_like("noble"), debian_like("trixie"))
}

/// The command over that archive.
fn command(context: &Context, arguments: &[&str]) -> Command {
    let mut command = context.bare(arguments);
    let mirror = format!("file://{}", context.archive().display());
    command.args(["--mirror", &mirror]);
    command.arg("--keyring").arg(context.keyring());
    command
}

fn run(context: &Context, arguments: &[&str]) -> String {
    let output = command(context, arguments).output().unwrap();
    assert!(output.status.success(), "{}", context.stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_image_says_that_it_is_of_ubuntu() {
    let context = context();
    run(&context, &["build", "base", "--suite", "noble"]);
    let found = files(&context.work().join("base-noble.tar"));
    insta::assert_snapshot!(text(&found, "usr/lib/os-release"), @r#"
    PRETTY_NAME="Distroless"
    NAME="Ubuntu"
    ID="ubuntu"
    ID_LIKE="debian"
    VERSION_ID="24.04"
    VERSION="24.04 LTS (Noble Numbat)"
    VERSION_CODENAME="noble"
    UBUNTU_CODENAME="noble"
    "#);
    // Trivy knows Ubuntu by it, and follows no link.
    let marker = &found["etc/lsb-release"];
    assert!(
        matches!(marker.kind, MemberKind::File(_))
            && text(&found, "etc/lsb-release").contains("Ubuntu")
    );
    // The security pocket's version is newer.
    let stanza = text(&found, "var/lib/dpkg/status.d/libssl3t64");
    assert!(stanza.contains("Version: 3.0.13-0ubuntu3.9\n"), "{stanza}");
    assert!(!found.contains_key("usr/bin/locale-check"));
    let document: Value =
        serde_json::from_str(&run(&context, &["sbom", "base-noble.tar"])).unwrap();
    let packages = document["packages"].as_array().unwrap();
    let libc = packages.iter().find(|one| one["name"] == "libc6").unwrap();
    assert_eq!(libc["supplier"], "Organization: Ubuntu");
    let purl = libc["externalRefs"][0]["referenceLocator"]
        .as_str()
        .unwrap();
    let expected =
        "pkg:deb/ubuntu/libc6@2.39-0ubuntu8?arch=amd64&distro=ubuntu-24.04&upstream=glibc";
    assert_eq!(purl, expected);
}

#[test]
fn its_packages_need_no_libc_where_debians_do_not() {
    let context = context();
    run(&context, &["build", "static", "--suite", "noble"]);
    let found = files(&context.work().join("static-noble.tar"));
    assert!(
        found
            .keys()
            .all(|path| !path.contains("/libc.so") && !path.contains("libcrypt"))
    );
}

#[test]
fn python_of_ubuntu_and_a_package_of_universe() {
    let context = context();
    run(
        &context,
        &["build", "python3", "--suite", "noble", "--add", "universal"],
    );
    let found = files(&context.work().join("python3+universal-noble.tar"));
    assert!(found.contains_key("usr/bin/python3.12"));
    assert_eq!(text(&found, "usr/share/universal/data"), "of universe\n");
}

#[test]
fn it_is_locked_and_made_again() {
    let context = context();
    context.define("name: app\nfrom: python3\nsuites: noble\n");
    let platform = ["--platform", "linux/amd64"];
    run(
        &context,
        &[&["lock", "app.yaml", "--suite", "noble"][..], &platform].concat(),
    );
    let lock = fs::read_to_string(context.work().join("app.lock")).unwrap();
    assert!(lock.contains("suite: noble-security"), "{lock}");
    run(
        &context,
        &[
            "build", "app.yaml", "--suite", "noble", "--locked", "--check",
        ],
    );
}

#[test]
fn what_ubuntu_does_not_have() {
    let context = context();
    let fails = |arguments: &[&str]| context.failure(&mut command(&context, arguments));
    insta::assert_snapshot!(fails(&["build", "nodejs", "--suite", "noble"]), @"
    status 1
    error: `nodejs` cannot be made from noble
     --> nodejs:4:10
      |
    4 | suites: [bookworm, trixie, forky]
      |          ^^^^^^^^

    hint: it can be built with `--suite bookworm` or `--suite trixie` or `--suite forky`
    ");
    insta::assert_snapshot!(fails(&["build", "base", "--suite", "jammy"]), @"
    status 2
    error: there is no suite `jammy`; the suites are `bookworm`, `trixie`, `forky`, `noble`, `resolute`
    ");
    context.define("name: app\nfrom: base\ncomponents: [contrib]\n");
    insta::assert_snapshot!(fails(&["build", "app.yaml", "--suite", "noble"]), @"
    status 1
    error: `components` of definition `app`: Ubuntu's archive has no component `contrib`, but `main`, `universe`, `restricted`, `multiverse`
     --> app.yaml:3:14
      |
    3 | components: [contrib]
      |              ^^^^^^^
    ");
    // Debian's keys do not sign it.
    let mut unsigned = context.bare(&["build", "base", "--suite", "noble"]);
    unsigned.args([
        "--mirror",
        &format!("file://{}", context.archive().display()),
    ]);
    let message = context.failure(&mut unsigned);
    assert!(message.contains("which no keyring in use has"), "{message}");
}

/// Lists that are for all builds have Debian's mirrors, unless they say whose.
#[test]
fn mirrors_are_of_a_distribution() {
    let context = context();
    let server = Server::start(context.archive()).unwrap();
    let build = |mirrors: &str| {
        let mut command = context.bare(&["build", "static", "--suite", "noble"]);
        command.env("DISTIL_MIRROR", mirrors);
        command.arg("--keyring").arg(context.keyring());
        command
    };
    let mirrors = format!("http://127.0.0.1:1/debian ubuntu={}", server.url());
    let output = build(&mirrors).output().unwrap();
    assert!(output.status.success(), "{}", context.stderr(&output));
    assert!(server.count("/dists/noble-updates/InRelease") > 0);
    let mut trixie = context.bare(&["build", "static", "--suite", "trixie"]);
    let message = context.failure(trixie.env("DISTIL_MIRROR", &mirrors));
    let asked = message.contains("127.0.0.1:1/debian") && !message.contains(&server.url());
    assert!(asked, "{message}");
}
