//! What is printed on stderr beside errors: what happens on the way, and in which colours.

use distil_fixture::Server;

use crate::context::Context;

/// What a command says.
fn said(context: &Context, command: &mut std::process::Command) -> String {
    let output = command.output().unwrap();
    context.stderr(&output)
}

/// The lines of a log without times and ports.
fn log(text: &str, ports: &[&Server]) -> String {
    let ports: Vec<String> = ports.iter().map(|server| server.url()).collect();
    let lines = text.lines().map(|line| {
        let (_, line) = line
            .split_once("s  INFO ")
            .or(line.split_once("s DEBUG "))
            .unwrap();
        let line = line.split(" elapsed=").next().unwrap();
        ports
            .iter()
            .enumerate()
            .fold(line.to_owned(), |line, (number, url)| {
                line.replace(url.trim_end_matches('/'), &format!("[SERVER {number}]"))
            })
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn verbose_says_what_happens_on_the_way() {
    let context = Context::new();
    let mut lines: Vec<String> = log(
        &said(&context, &mut context.command(&["show", "static", "-v"])),
        &[],
    )
    .lines()
    .map(str::to_owned)
    .collect();
    // The suites are asked at once.
    lines[1..4].sort();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    reading the archive
    Release, verified now suite="trixie" address=file://[FOLDER]/debian/dists/trixie/InRelease date=2025-10-01 00:00:00 UTC
    Release, verified now suite="trixie-security" address=file://[FOLDER]/debian-security/dists/trixie-security/InRelease date=2025-10-02 00:00:00 UTC
    Release, verified now suite="trixie-updates" address=file://[FOLDER]/debian/dists/trixie-updates/InRelease date=2025-10-01 00:00:00 UTC
    solving
    fetching packages=6 bytes=13420
    assembling
    compressing
    layer made digest=sha256:[DIGEST]
    layer made digest=sha256:[DIGEST]
    "#);
    // Nothing is fetched a second time, and nobody is told so.
    let again = said(&context, &mut context.command(&["show", "static", "-v"]));
    assert!(
        !again.contains("fetching") && again.contains("assembling"),
        "{again}"
    );
    assert_eq!(
        said(&context, &mut context.command(&["show", "static"])),
        ""
    );
}

#[test]
fn requests_are_said_without_secrets() {
    let context = Context::new();
    let (main, security) = (
        Server::start(context.archive()).unwrap(),
        Server::start(context.security()).unwrap(),
    );
    let with_login = |server: &Server| server.url().replace("http://", "http://ann:s3cret@");
    let command = |flags: &[&str]| {
        let mut command = context.bare(&[&["show", "static"], flags].concat());
        let other = format!("security={}", with_login(&security));
        command.args([
            "--mirror",
            &with_login(&main),
            "--mirror",
            &other,
            "--keyring",
        ]);
        command.arg(context.archive().join("keyring.gpg"));
        command
    };
    for text in [
        said(&context, &mut command(&["-vv"])),
        said(&context, command(&["--refresh"]).env("RUST_LOG", "trace")),
    ] {
        let url = main.url();
        let url = url.trim_end_matches('/');
        let request = format!("request method=GET url={url}/dists/trixie/InRelease");
        assert!(text.contains(&request), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
        // base64 of `ann:s3cret`.
        assert!(!text.contains("YW5uOnMzY3JldA"), "{text}");
        assert!(!text.contains("hyper") && !text.contains("h2::"), "{text}");
    }
}

#[test]
fn labels_have_colours_where_they_are_wanted() {
    let context = Context::new();
    let red = "\u{1b}[31merror:";
    let is_red = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = context.bare(arguments);
        command.envs(variables.iter().copied());
        said(&context, &mut command).contains(red)
    };
    for arguments in [&["build", "gone"][..], &["build", "--gone"]] {
        let with = |more: &[&'static str]| [arguments, more].concat();
        assert!(!is_red(arguments, &[]));
        assert!(is_red(&with(&["--color", "always"]), &[]));
        assert!(is_red(&with(&["--color=always"]), &[("NO_COLOR", "1")]));
        assert!(is_red(arguments, &[("CLICOLOR_FORCE", "1")]));
        assert!(!is_red(
            &with(&["--color", "never"]),
            &[("CLICOLOR_FORCE", "1")]
        ));
    }
    // Names from outside bring no colours of their own.
    let text = said(
        &context,
        &mut context.bare(&["build", "\u{1b}[31mred", "--color", "always"]),
    );
    assert_eq!(text.matches("\u{1b}[31m").count(), 1, "{text}");
    assert!(text.contains("[31mred`"), "{text}");
}
