//! Mirrors that are wrong, and what the user reads then.

use std::fs;

use distil_fixture::{
    ArchiveBuilder, Fault, KeyOptions, PocketFault, Revocation, Server, SignatureFault, SigningKey,
    Times, debian_like, debian_security_like,
};

use crate::context::Context;

/// The message when trixie's archive has this fault.
fn with_fault(fault: PocketFault) -> String {
    let archive = debian_like("trixie").with("trixie", |pocket| pocket.fault(fault));
    message(archive)
}

fn message(archive: ArchiveBuilder) -> String {
    let context = Context::with(archive, debian_security_like("trixie"));
    context.fails(&["build", "static"])
}

fn signature(fault: SignatureFault) -> String {
    with_fault(PocketFault::Signature(fault))
}

#[test]
fn signatures_that_do_not_count() {
    insta::assert_snapshot!(signature(SignatureFault::Altered), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      `file://[FOLDER]/debian/dists/trixie/InRelease`: no signature can be trusted: key FD39B9A99EA992B976F10C6FDF23FE5C73886414 of `Fixture Archive Key <fixture@mirror.example>`: the signature does not fit the text, one of them was changed

    hint: `--mirror ADDRESS` names another mirror
    "#);
    insta::assert_snapshot!(signature(SignatureFault::UnknownKey), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      `file://[FOLDER]/debian/dists/trixie/InRelease`: it is signed by key E248DB40A4D90BAD5D0C733E7D0DC37256295DE8, which no keyring in use has; if you trust the archive, name a keyring that has the key with `--keyring`

    hint: `--mirror ADDRESS` names another mirror
    "#);
    insta::assert_snapshot!(signature(SignatureFault::Unsigned), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      `file://[FOLDER]/debian/dists/trixie/InRelease`: it is not a signed file: it begins with `Origin: Debian` instead of `-----BEGIN PGP SIGNED MESSAGE-----`

    hint: `--mirror ADDRESS` names another mirror
    "#);
}

#[test]
fn keys_that_do_not_count() {
    let with =
        |options: KeyOptions| message(debian_like("trixie").key(SigningKey::generate(9, options)));
    let expired = KeyOptions {
        expires: Some(1_600_000_000),
        ..KeyOptions::default()
    };
    insta::assert_snapshot!(with(expired), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      `file://[FOLDER]/debian/dists/trixie/InRelease`: no signature can be trusted: key A6A958949610386FD6DFE6B0CF130A4AEB3F01B6 of `Fixture Archive Key <fixture@mirror.example>`: the key expired on 2020-09-13 12:26:40 UTC

    hint: `--mirror ADDRESS` names another mirror
    "#);
    let revoked = KeyOptions {
        revoked: Some(Revocation {
            time: 1_700_000_000,
            compromised: true,
        }),
        ..KeyOptions::default()
    };
    insta::assert_snapshot!(with(revoked), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      `file://[FOLDER]/debian/dists/trixie/InRelease`: no signature can be trusted: key A6A958949610386FD6DFE6B0CF130A4AEB3F01B6 of `Fixture Archive Key <fixture@mirror.example>`: the key is revoked

    hint: `--mirror ADDRESS` names another mirror
    "#);
}

#[test]
fn releases_that_are_missing_or_old() {
    insta::assert_snapshot!(signature(SignatureFault::NoRelease), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      `file://[FOLDER]/debian/dists/trixie/InRelease` does not exist

    hint: `--mirror ADDRESS` names another mirror
    "#);
    let expired =
        || debian_like("trixie").with("trixie", |pocket| pocket.valid_until(Some(1_760_000_000)));
    insta::assert_snapshot!(message(expired()), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      `file://[FOLDER]/debian/dists/trixie/InRelease`: the Release file of `trixie` expired on 2025-10-09 08:53:20 UTC ([N] days ago); the mirror is out of date, or something keeps newer files away

    hint: `--allow-expired` accepts it; its packages may lack security fixes
    "#);
    let context = Context::with(expired(), debian_security_like("trixie"));
    context.run(&["build", "static", "--allow-expired"]);
}

/// A message with the one thing taken out that grows from day to day.
#[test]
fn a_release_and_its_signature_apart_are_read() {
    let archive = debian_like("trixie").with("trixie", |pocket| {
        pocket.fault(PocketFault::Signature(SignatureFault::NoInRelease))
    });
    let context = Context::with(archive, debian_security_like("trixie"));
    context.run(&["build", "static"]);
}

#[test]
fn another_suites_release_is_refused() {
    let context = Context::new();
    let folder = context.archive().join("dists");
    fs::remove_dir_all(folder.join("trixie")).unwrap();
    fs::rename(folder.join("trixie-updates"), folder.join("trixie")).unwrap();
    insta::assert_snapshot!(context.fails(&["build", "static"]), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      `file://[FOLDER]/debian/dists/trixie/InRelease`: the mirror gave the Release file of suite `stable-updates`, codename `trixie-updates`, instead of `trixie`

    hint: `--mirror ADDRESS` names another mirror
    "#);
}

#[test]
fn indexes_that_contradict_their_release() {
    let all = |fault: fn(String) -> PocketFault| with_fault(fault("amd64".to_owned()));
    insta::assert_snapshot!(all(PocketFault::IndexDigest), @r#"
    status 1
    error: no mirror has the index of `trixie` that its Release names
      `file://[FOLDER]/debian/dists/trixie/main/binary-amd64/by-hash/SHA256/[DIGEST]` does not exist
      `file://[FOLDER]/debian/dists/trixie/main/binary-amd64/Packages.gz` has sha256:[DIGEST] instead of the announced sha256:[DIGEST]
      `file://[FOLDER]/debian/dists/trixie/main/binary-amd64/by-hash/SHA256/[DIGEST]` does not exist
      `file://[FOLDER]/debian/dists/trixie/main/binary-amd64/Packages.xz` has sha256:[DIGEST] instead of the announced sha256:[DIGEST]
      `file://[FOLDER]/debian/dists/trixie/main/binary-amd64/by-hash/SHA256/[DIGEST]` does not exist
      `file://[FOLDER]/debian/dists/trixie/main/binary-amd64/Packages` does not exist

    hint: the mirror may be changing just now; try again, or another with `--mirror`
    "#);
    insta::assert_snapshot!(all(PocketFault::IndexUnlisted), @r#"
    status 1
    error: the Release of `trixie` names no index of packages for amd64
    "#);
}

#[test]
fn packages_that_are_not_the_ones_of_the_index() {
    let of = |fault: fn(String) -> PocketFault| with_fault(fault("netbase".to_owned()));
    insta::assert_snapshot!(of(PocketFault::PackageDigest), @r#"
    status 1
    error: failed to read package `netbase 6.5`
      cause: no mirror has it
        `file://[FOLDER]/debian/pool/main/n/netbase/netbase_6.5_all.deb`: it has 1528 bytes with sha256:[DIGEST], and the archive's index names 1528 with sha256:[DIGEST]
    "#);
    insta::assert_snapshot!(of(PocketFault::PackageTruncated), @r#"
    status 1
    error: failed to read package `netbase 6.5`
      cause: no mirror has it
        `file://[FOLDER]/debian/pool/main/n/netbase/netbase_6.5_all.deb`: it has 764 bytes with sha256:[DIGEST], and the archive's index names 1528 with sha256:[DIGEST]
    "#);
    insta::assert_snapshot!(of(PocketFault::PackageMissing), @r#"
    status 1
    error: failed to read package `netbase 6.5`
      cause: no mirror has it
        `file://[FOLDER]/debian/pool/main/n/netbase/netbase_6.5_all.deb` does not exist
    "#);
}

/// Builds over HTTP from servers that are told to misbehave.
struct Served {
    context: Context,
    main: Server,
    security: Server,
}

impl Served {
    fn new() -> Self {
        let context = Context::new();
        let main = Server::start(context.archive()).unwrap();
        let security = Server::start(context.security()).unwrap();
        Self {
            context,
            main,
            security,
        }
    }

    fn command(&self) -> std::process::Command {
        let mut command = self.context.bare(&["build", "static", "--timeout", "1"]);
        command.arg("--mirror").arg(self.main.url());
        command
            .arg("--mirror")
            .arg(format!("security={}", self.security.url()));
        command
            .arg("--keyring")
            .arg(self.context.archive().join("keyring.gpg"));
        command
    }

    fn works(&self) {
        let output = self.command().output().unwrap();
        assert!(output.status.success(), "{}", self.context.stderr(&output));
    }

    fn message(&self) -> String {
        let message = self.context.failure(&mut self.command());
        message
            .replace(&self.main.url(), "[MAIN]")
            .replace(&self.security.url(), "[SECURITY]")
    }
}

#[test]
fn passing_faults_are_waited_out() {
    let served = Served::new();
    served.main.fault(
        "/dists/trixie/InRelease",
        Times::First(1),
        Fault::status(503),
    );
    served
        .main
        .fault("/pool/*", Times::First(2), Fault::DropInBody(300));
    served
        .security
        .fault("/dists/*", Times::First(1), Fault::DropBeforeHeaders);
    served.works();
}

#[test]
fn a_download_goes_on_where_it_broke_off() {
    let served = Served::new();
    served
        .main
        .fault("/pool/*", Times::First(1), Fault::DropInBody(300));
    served.works();
    let ranges = |request: &distil_fixture::Recorded| request.header("range").map(str::to_owned);
    let requests = served.main.requests();
    let ranges: Vec<String> = requests.iter().filter_map(ranges).collect();
    assert_eq!(ranges, ["bytes=300-"]);
}

#[test]
fn servers_that_cannot_resume_are_asked_again() {
    let served = Served::new();
    served
        .main
        .fault("/pool/*", Times::First(1), Fault::DropInBody(300));
    served
        .main
        .fault("/pool/*", Times::Always, Fault::IgnoreRange);
    served.works();
}

#[test]
fn an_index_that_breaks_off_is_read_whole() {
    for resumes in [true, false] {
        let served = Served::new();
        let index = "/dists/trixie/main/*";
        let broken = Fault::DropInBody(100);
        served.main.fault(index, Times::First(1), broken);
        if !resumes {
            served.main.fault(index, Times::Always, Fault::IgnoreRange);
        }
        served.works();
        let requests = served.main.requests();
        let ranges = requests.iter().filter_map(|one| one.header("range"));
        assert_eq!(ranges.collect::<Vec<_>>(), ["bytes=100-"]);
    }
}

#[test]
fn lasting_faults_end_with_a_message() {
    let fault = |fault: Fault| {
        let served = Served::new();
        served.main.fault("/dists/trixie/*", Times::Always, fault);
        served.message()
    };
    insta::assert_snapshot!(fault(Fault::status(404)), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      `[MAIN]/dists/trixie/InRelease` answered 404 Not Found

    hint: `--mirror ADDRESS` names another mirror
    "#);
    insta::assert_snapshot!(fault(Fault::status(429)), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      `[MAIN]/dists/trixie/InRelease` answered 429 Too Many Requests

    hint: `--mirror ADDRESS` names another mirror
    "#);
    insta::assert_snapshot!(fault(Fault::HangBeforeHeaders), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      failed to fetch `[MAIN]/dists/trixie/InRelease`: no answer within 1 s

    hint: `--mirror ADDRESS` names another mirror
    "#);
    insta::assert_snapshot!(fault(Fault::Body(b"<html>log in".to_vec())), @r#"
    status 1
    error: no mirror has a usable Release of `trixie`
      `[MAIN]/dists/trixie/InRelease`: it is not a signed file: it begins with `<html>log in` instead of `-----BEGIN PGP SIGNED MESSAGE-----`

    hint: `--mirror ADDRESS` names another mirror
    "#);
}

#[test]
fn packages_that_never_come_end_with_a_message() {
    let served = Served::new();
    served.main.fault(
        "/pool/main/n/netbase/*",
        Times::Always,
        Fault::DropInBody(10),
    );
    let message = served.message();
    assert!(
        message.contains("failed to read package `netbase"),
        "{message}"
    );
}

#[test]
fn a_second_mirror_helps() {
    let served = Served::new();
    served.main.fault("*", Times::Always, Fault::status(404));
    let mut command = served.command();
    command
        .arg("--mirror")
        .arg(format!("file://{}", served.context.archive().display()));
    assert!(command.output().unwrap().status.success());
}

#[test]
fn a_fresh_release_is_not_asked_for_again() {
    let served = Served::new();
    served.works();
    let before = served.main.requests().len();
    served.works();
    assert_eq!(served.main.requests().len(), before);
    assert!(
        served
            .command()
            .arg("--refresh")
            .output()
            .unwrap()
            .status
            .success()
    );
    let after = served.main.requests();
    assert_eq!(after.len(), before + 2, "one request a Release");
    assert!(after.last().unwrap().header("if-none-match").is_some());
}

#[test]
fn few_connections_a_host() {
    let served = Served::new();
    let mut command = served.command();
    command.arg("python3");
    assert!(command.output().unwrap().status.success());
    // Some forty files by four requests at a time; a connection that is just being closed
    // counts, too.
    assert!(served.main.requests().len() > 25);
    assert!(
        served.main.max_connections() <= 8,
        "{}",
        served.main.max_connections()
    );
}

#[test]
fn a_mirror_that_holds_up_is_left_for_the_next() {
    for fault in [
        Fault::retry_after(503, 100_000),
        Fault::Trickle(1, std::time::Duration::from_millis(200)),
    ] {
        let served = Served::new();
        served
            .main
            .fault("/dists/trixie/InRelease", Times::Always, fault);
        let good = Server::start(served.context.archive()).unwrap();
        let output = served
            .command()
            .arg("--mirror")
            .arg(good.url())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            served.context.stderr(&output)
        );
        // No clock says that here: a busy machine takes its time. Another attempt would be counted.
        assert_eq!(served.main.count("/dists/trixie/InRelease"), 1);
    }
}

/// Whether a file of the store has these bytes, or one is called so.
fn store_has(context: &Context, wanted: &str) -> bool {
    let mut directories = vec![context.store()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path.clone());
            } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(wanted) {
                return true;
            }
            if path.to_string_lossy().contains(wanted) {
                return true;
            }
        }
    }
    false
}

#[test]
fn a_password_of_a_mirror_is_not_shown() {
    let served = Served::new();
    let with_password = |server: &Server| server.url().replace("http://", "http://user:secret@");
    let command = || {
        let context = &served.context;
        let mut command = context.bare(&["build", "static", "--timeout", "5"]);
        command.arg("--mirror").arg(with_password(&served.main));
        let security = with_password(&served.security);
        command.arg("--mirror").arg(format!("security={security}"));
        command
            .arg("--keyring")
            .arg(context.archive().join("keyring.gpg"));
        command
    };
    served.main.fault("*", Times::Always, Fault::status(401));
    let message = served.context.failure(&mut command());
    insta::assert_snapshot!(message.replace(&served.main.url(), "[MAIN]"), @"
    status 1
    error: no mirror has a usable Release of `trixie`
      `[MAIN]/dists/trixie/InRelease` refused the credentials from its URL (401 Unauthorized)

    hint: passwords of mirrors are looked for in `/etc/apt/auth.conf`, `/etc/apt/auth.conf.d` and `~/.netrc`, or are in the address: `https://USER:PASSWORD@HOST/…`
    ");
    assert_eq!(served.main.count("/dists/trixie/InRelease"), 1);
    served.main.heal();
    let guard = Fault::Guarded(
        "Basic realm=\"x\"".to_owned(),
        "Basic dXNlcjpzZWNyZXQ=".to_owned(),
    );
    served.main.fault("*", Times::Always, guard);
    let output = command().output().unwrap();
    let said = served.context.stderr(&output);
    assert!(
        output.status.success() && !said.contains("secret"),
        "{said}"
    );
    for wanted in ["secret", "dXNlcjpzZWNyZXQ"] {
        assert!(
            !store_has(&served.context, wanted),
            "{wanted} is in the store"
        );
    }
    for odd in [
        "ftp://user:secret@mirror.example",
        "http://user:secret@",
        "http://user:secret@a:b",
    ] {
        let mut command = served.context.bare(&["build", "static"]);
        let message = served.context.failure(command.arg("--mirror").arg(odd));
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn a_proxy_that_is_none_is_refused() {
    let served = Served::new();
    let mut command = served.command();
    let message = served.context.failure(command.env("http_proxy", "::::"));
    let message = message.replace(&served.main.url(), "[MAIN]");
    insta::assert_snapshot!(message.replace(&served.security.url(), "[SECURITY]"), @r#"
    status 1
    error: failed to get `[MAIN]/dists/trixie/InRelease`
      cause: the environment variable `http_proxy` is `::::`, which is not the address of a proxy: empty host
    "#);
    assert_eq!(served.main.connections(), 0);
}
