//! Random small definitions build or fail with a message, and what builds keeps the promises
//! that can be checked without running it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use distil_fixture::{CORPORATE_CA, DebBuilder, ElfBuilder, Entry, md5_hex};
use distil_oci::{Location, Registries, transport};
use distil_tree::tar::MemberKind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::context::Context;
use crate::images::{File, files};

const LIBRARY: &str = "usr/lib/x86_64-linux-gnu/libmine.so.2";

/// Packages that have what an image must not have, or that fit together badly.
fn packages() -> Vec<DebBuilder> {
    let deb = |name| DebBuilder::new(name, "1.0-1", "amd64");
    let program = || ElfBuilder::executable().needed("libc.so.6");
    vec![
        deb("mine")
            .source("mine-source (0.9)")
            .depends("libmine2 (>= 1), mine-data | libffi8")
            .executable("usr/bin/mine", program().needed("libmine.so.2").build())
            .executable("usr/bin/mine-script", "#!/usr/bin/mine\n")
            .executable("usr/bin/mine-dead", "#!/usr/bin/perl\n")
            .file("usr/share/man/man1/mine.1.gz", "manual")
            .entry(Entry::directory("etc/mine").mode(0o750).owner(0, 42))
            .conffile("etc/mine/mine.conf", "x"),
        deb("libmine2").multi_arch("same").file(
            LIBRARY,
            ElfBuilder::shared("libmine.so.2")
                .needed("libc.so.6")
                .build(),
        ),
        deb("mine-data")
            .file("usr/share/mine/a", "a")
            .hard_link("usr/share/mine/b", "usr/share/mine/a")
            .symlink("usr/share/mine/c", "a"),
        deb("usurper")
            .field("Replaces", "mine-data, netbase")
            .file("usr/share/mine/a", "A")
            .file("etc/services", "mine"),
        deb("rival").file("usr/share/mine/a", "other"),
        deb("foe").field("Conflicts", "mine"),
        deb("dash")
            .depends("libc6")
            .executable("usr/bin/dash", program().build())
            .symlink("usr/bin/sh", "dash"),
        deb("needs-shell")
            .depends("dash")
            .executable("usr/bin/configure", "#!/bin/sh\n"),
        deb("apt").executable("usr/bin/apt", program().build()),
        deb("su").entry(Entry::file("usr/bin/su", program().build()).mode(0o4755)),
        deb("broken").executable("usr/bin/broken", program().needed("libgone.so.1").build()),
        deb("jvm").symlink(
            "usr/lib/jvm/x/lib/security/cacerts",
            "/etc/ssl/certs/java/cacerts",
        ),
    ]
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(words).prop_map(str::to_owned)
}

/// At most a few lines of a key, or no key at all.
fn entries(
    key: &'static str,
    one: impl Strategy<Value = String> + 'static,
) -> impl Strategy<Value = String> {
    // Mostly few, since one mistake keeps all else from being tried.
    let many = prop_oneof![8 => Just(0..=0_usize), 3 => Just(1..=1), 1 => Just(2..=3)];
    let one = one.boxed();
    many.prop_flat_map(move |count| proptest::collection::vec(one.clone(), count))
        .prop_map(move |entries| match entries.is_empty() {
            true => String::new(),
            false => format!("{key}: [{}]", entries.join(", ")),
        })
}

fn reasons(key: &'static str, words: &'static [&'static str]) -> impl Strategy<Value = String> {
    let word = proptest::option::weighted(0.1, one_of(words));
    word.prop_map(move |word| {
        word.map(|word| format!("{key}: {{'{word}': for a reason}}"))
            .unwrap_or_default()
    })
}

fn quoted(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    one_of(words).prop_map(|word| format!("'{word}'"))
}

fn package() -> impl Strategy<Value = String> {
    let name = || {
        prop_oneof![
            6 => one_of(&[
                "mine", "libmine2", "mine-data", "usurper", "jvm", "libffi8", "zlib1g", "netbase",
                "openssl", "libc-bin", "mine (>= 1)", "gone | libffi8",
            ]),
            // Mistakes and accidents.
            1 => one_of(&[
                "rival", "foe", "dash", "needs-shell", "apt", "su", "broken", "python3",
                "busybox-static", "gone", "mine (= 2)",
            ]),
        ]
    };
    let part = quoted(&[
        "/usr/**",
        "/usr/**",
        "/**",
        "/usr/share/mine/*",
        "/usr/bin/mine",
        "/etc/**",
        "/none",
    ]);
    prop_oneof![
        8 => name().prop_map(|name| format!("'{name}'")),
        1 => (name(), part).prop_map(|(name, part)| format!("{{name: '{name}', only: [{part}]}}")),
        1 => name().prop_map(|name| format!("{{name: '{name}', move: {{/usr/share/mine/a: /opt/a}}}}")),
    ]
}

const PATTERNS: &[&str] = &[
    "/usr/share/m*/**",
    "/usr/share/mine/*",
    "/usr/share/mine/**",
    "/usr/share/mine/a",
    "/usr/share/man/**",
    "/usr/bin/*",
    "/usr/lib/${multiarch}/**",
    "/etc/services",
    "/usr/share/doc/**",
    "/**",
    "/none",
];

const PATHS: &[&str] = &[
    "/data",
    "/data/x",
    "/etc/passwd",
    "/etc/mine/x",
    "/usr/bin/tool",
    "/bin/sh",
    "/tmp",
    "/usr/share/mine/a",
    "/lib/x",
    "/etc/services/x",
    "/run/é",
];

fn owner() -> impl Strategy<Value = String> {
    one_of(&[
        "",
        "",
        "",
        ", owner: nonroot",
        ", owner: '7:tty'",
        ", owner: me",
        ", mode: '0700'",
        ", mode: '1777'",
        ", mode: '4755'",
    ])
}

fn config() -> impl Strategy<Value = String> {
    let word = one_of(&[
        "entrypoint: [/usr/bin/mine]",
        "entrypoint: [mine, -v]",
        "entrypoint: [sh]",
        "cmd: [x]",
        "user: nonroot",
        "user: me",
        "user: '1:2'",
        "workdir: /data",
        "ports: ['80']",
        "volumes: [/data]",
        "env: {A: '${suite}'}",
        "env: {A: '${version:mine}'}",
        "labels: {title: x}",
        "stop_signal: SIGINT",
        "healthcheck: {test: [mine]}",
    ]);
    proptest::option::weighted(0.4, word).prop_map(|word| {
        word.map(|word| format!("config: {{{word}}}"))
            .unwrap_or_default()
    })
}

/// What stands in a definition and in an overlay alike, a key a line.
fn body() -> impl Strategy<Value = Vec<String>> {
    let file = (
        one_of(PATHS),
        prop_oneof![
            20 => one_of(&["text: x", "text: ''", "from: local"]),
            1 => one_of(&["from: ../x", "from: .", "text: x, from: local"]),
        ],
        owner(),
    );
    let folder = (one_of(PATHS), owner());
    let link = (
        one_of(PATHS),
        one_of(&["/data", "x", "../../..", "/usr/bin/mine"]),
    );
    let link = proptest::option::weighted(0.15, link);
    (
        (entries("packages", package()), any::<bool>()).prop_map(|(packages, mine)| match mine {
            // Most patterns are about it.
            true if packages.is_empty() => "packages: [mine]".to_owned(),
            true => packages.replacen('[', "[mine, ", 1),
            false => packages,
        }),
        reasons(
            "without",
            &["dash", "libmine2", "mine-data", "dpkg", "openssl", "gone"],
        ),
        reasons(
            "allow",
            &["dash", "/usr/bin/**", "su", "apt", "/data", "gone"],
        ),
        reasons("excuse", &["libgone.so.1", "libmine.so.2", "libc.so.6"]),
        entries("drop", quoted(PATTERNS)),
        entries("keep", quoted(PATTERNS)),
        entries(
            "files",
            file.prop_map(|(path, what, owner)| format!("{{path: '{path}', {what}{owner}}}")),
        ),
        entries(
            "directories",
            folder.prop_map(|(path, owner)| format!("{{path: '{path}'{owner}}}")),
        ),
        link.prop_map(|link| {
            link.map(|(path, to)| format!("links: {{'{path}': '{to}'}}"))
                .unwrap_or_default()
        }),
        config(),
    )
        .prop_map(|(a, b, c, d, e, f, g, h, i, j)| {
            let lines = [a, b, c, d, e, f, g, h, i, j];
            lines.into_iter().filter(|line| !line.is_empty()).collect()
        })
}

#[derive(Debug, Clone)]
struct Case {
    yaml: String,
    variant: String,
}

fn case() -> impl Strategy<Value = Case> {
    let head = (
        prop_oneof![
            8 => one_of(&["from: static", "from: base", "from: base", "from: python3"]),
            1 => Just(String::new()),
        ],
        one_of(&["", "", "", "layers: single"]),
        one_of(&[
            "",
            "",
            "",
            "",
            "suites: [trixie, forky]",
            "suites: bookworm",
        ]),
        one_of(&[
            "",
            "accounts: {users: [{name: me, uid: 1000}], groups: [{name: me, gid: 1000}]}",
        ]),
        one_of(&[
            "",
            "",
            "certificates: {extra: [ca.pem]}",
            "certificates: {key_store: always}",
            "certificates: {extra: [ca.pem], key_store: always}",
        ]),
        one_of(&["", "", "debug: {packages: [mine]}"]),
    );
    let condition = one_of(&[
        "suite: trixie",
        "suite: [bookworm]",
        "architecture: amd64",
        "architecture: arm64",
    ]);
    let overlay = proptest::option::weighted(0.3, (condition, body()));
    let variant = one_of(&["", "", ":nonroot", ":debug", ":debug-nonroot"]);
    (head, body(), overlay, variant).prop_map(|(head, body, overlay, variant)| {
        let mut yaml = "name: app\n".to_owned();
        let head = [head.0, head.1, head.2, head.3, head.4, head.5];
        for line in head.iter().chain(&body).filter(|line| !line.is_empty()) {
            let _ = writeln!(yaml, "{line}");
        }
        if let Some((condition, body)) = overlay {
            let _ = writeln!(yaml, "when:\n- {condition}");
            for line in body {
                let _ = writeln!(yaml, "  {line}");
            }
        }
        Case { yaml, variant }
    })
}

#[test]
fn random_definitions_build_or_fail_with_a_message() {
    let context = Context::with_packages(packages());
    std::fs::write(context.work().join("local"), "local").unwrap();
    std::fs::write(context.work().join("ca.pem"), CORPORATE_CA.0).unwrap();
    context.define("name: app\n");
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let config = Config {
        cases: cases.unwrap_or(100),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let built = std::cell::Cell::new(0);
    let result = TestRunner::new(config).run(&case(), |case| {
        if let Some(image) = attempt(&context, &case)? {
            built.set(built.get() + 1);
            check(&image, &case)?;
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(built.get() > 0, "nothing at all builds");
}

/// An image that was built, read back.
struct Built {
    files: BTreeMap<String, File>,
    user: Option<String>,
}

/// Builds it twice; none if it fails as it may.
fn attempt(context: &Context, case: &Case) -> Result<Option<Built>, TestCaseError> {
    context.define(&case.yaml);
    let image = format!("app.yaml{}", case.variant);
    let arguments = [
        "build",
        &image,
        "-q",
        "--platform",
        "linux/amd64",
        "-o",
        "oci-archive:out.tar",
    ];
    let before = context.files();
    let output = context.command(&arguments).output().unwrap();
    let message = context.stderr(&output);
    if !output.status.success() {
        let status = output.status.code();
        prop_assert!(
            matches!(status, Some(1 | 2)),
            "status {status:?}: {message}"
        );
        prop_assert!(
            message.starts_with("error: ") && message.len() > 20,
            "{message}"
        );
        prop_assert!(!message.contains("panicked"), "{message}");
        prop_assert!(output.stdout.is_empty());
        prop_assert_eq!(context.files(), before);
        return Ok(None);
    }
    prop_assert!(message.is_empty(), "{message}");
    let again = context.command(&arguments).output().unwrap();
    prop_assert_eq!(&output.stdout, &again.stdout);
    check_lock(context, &arguments, &output.stdout)?;
    let path = context.work().join("out.tar");
    let files = files(&path);
    let location = Location::OciArchive {
        path: path.clone(),
        tag: None,
    };
    let content = transport::open(&location, &Registries::offline()).unwrap();
    let user = content.images().unwrap()[0]
        .config()
        .config()
        .as_ref()
        .and_then(|config| config.user().clone());
    std::fs::remove_file(path).unwrap();
    Ok(Some(Built { files, user }))
}

/// A lock of what builds makes the same image, and locking again the same lock.
fn check_lock(context: &Context, build: &[&str], digest: &[u8]) -> Result<(), TestCaseError> {
    let path = context.work().join("app.lock");
    let mut texts = Vec::new();
    for update in [&[][..], &["--update"]] {
        let lock = ["lock", "app.yaml", "-q", "--platform", "linux/amd64"];
        let arguments = [&lock[..], update].concat();
        let output = context.command(&arguments).output().unwrap();
        prop_assert!(output.status.success(), "{}", context.stderr(&output));
        texts.push(std::fs::read_to_string(&path).unwrap());
    }
    prop_assert_eq!(&texts[0], &texts[1]);
    let arguments = [build, &["--locked"]].concat();
    let output = context.command(&arguments).output().unwrap();
    std::fs::remove_file(path).unwrap();
    prop_assert!(output.status.success(), "{}", context.stderr(&output));
    prop_assert_eq!(output.stdout.as_slice(), digest);
    Ok(())
}

fn check(image: &Built, case: &Case) -> Result<(), TestCaseError> {
    let files = &image.files;
    let is_debug = case.variant.starts_with(":debug");
    for (path, file) in files {
        let place = format!("/{path}");
        let is_file = matches!(file.kind, MemberKind::File(_) | MemberKind::HardLink(_));
        let name = path.rsplit('/').next().unwrap();
        let is_allowed = case.yaml.contains("allow:");
        if is_file && !is_allowed {
            prop_assert!(file.mode & 0o6000 == 0, "{place} is setuid");
        }
        let is_bad = ["sh", "dash", "busybox", "apt"].contains(&name) && path.contains("bin/");
        let is_bad = is_bad && file.kind != MemberKind::Directory;
        prop_assert!(
            !is_bad || is_allowed || is_debug || file.mode & 0o111 == 0,
            "{place}"
        );
        prop_assert!(
            !path.is_empty() && !place.contains("//") && !place.contains("/../"),
            "{place}"
        );
    }
    if case.yaml.contains("key_store: always") {
        // What is asked for is made, or the build fails.
        prop_assert!(files.contains_key("etc/ssl/certs/java/cacerts"));
    }
    check_metadata(files)?;
    let has_accounts = ["from: ", "accounts: "]
        .iter()
        .any(|key| case.yaml.contains(&format!("\n{key}")));
    check_accounts(files, has_accounts)?;
    // One layer for all may drop whatever its parents ship.
    let is_single = case.yaml.contains("layers: single");
    if case.yaml.contains("\nfrom: ") && !is_single {
        let names_it = case.yaml.contains("'/tmp'");
        prop_assert!(names_it || files["tmp"].mode == 0o1777);
        prop_assert!(files.contains_key("usr/lib/os-release"));
        prop_assert!(files.contains_key("etc/ssl/certs/ca-certificates.crt"));
        let user = image.user.as_deref().unwrap_or("");
        let is_number = |text: &str| text.parse::<u32>().is_ok();
        prop_assert!(user.split(':').all(is_number), "user {user}");
    }
    if files.contains_key("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2") {
        let cache = files.get("etc/ld.so.cache").map(|file| &file.bytes[..]);
        let cache = cache.unwrap_or_default();
        prop_assert!(cache.starts_with(b"glibc-ld.so.cache1.1"));
        let has_mine = cache.windows(13).any(|part| part == b"libmine.so.2\0");
        prop_assert_eq!(files.contains_key(LIBRARY), has_mine);
    }
    check_folders(files)
}

/// Each package's stanza and sums are there, and they are true.
fn check_metadata(files: &BTreeMap<String, File>) -> Result<(), TestCaseError> {
    let folder = "var/lib/dpkg/status.d/";
    let mut claimed = BTreeSet::new();
    for (path, file) in files.range(folder.to_owned()..) {
        let Some(name) = path.strip_prefix(folder) else {
            break;
        };
        let text = String::from_utf8(file.bytes.clone()).unwrap();
        let Some(package) = name.strip_suffix(".md5sums") else {
            prop_assert!(
                text.starts_with(&format!("Package: {name}\nSource: ")),
                "{path}: {text}"
            );
            prop_assert!(text.contains("\nVersion: "), "{text}");
            let sums = format!("{path}.md5sums");
            prop_assert!(files.contains_key(&sums), "{}", sums);
            continue;
        };
        prop_assert!(files.contains_key(&format!("{folder}{package}")), "{path}");
        for line in text.lines() {
            let (sum, path) = line.split_once("  ").unwrap();
            let Some(file) = files.get(path) else {
                return Err(TestCaseError::fail(format!("{package} has no `{path}`")));
            };
            let bytes = match &file.kind {
                MemberKind::HardLink(first) => {
                    let first = String::from_utf8(first.clone()).unwrap();
                    &files[first.trim_start_matches("./")].bytes
                }
                _ => &file.bytes,
            };
            prop_assert_eq!(sum, md5_hex(bytes), "{}", path);
            prop_assert!(claimed.insert(path.to_owned()), "{path} is two packages'");
        }
    }
    Ok(())
}

fn check_accounts(files: &BTreeMap<String, File>, has_accounts: bool) -> Result<(), TestCaseError> {
    for (path, fields) in [("etc/passwd", 7), ("etc/group", 4)] {
        // Without accounts a definition may have there what it likes.
        let Some(file) = files.get(path).filter(|_| has_accounts) else {
            continue;
        };
        let text = std::str::from_utf8(&file.bytes).unwrap();
        let mut names = BTreeSet::new();
        prop_assert!(text.ends_with('\n'), "{path}");
        for line in text.lines() {
            let parts: Vec<&str> = line.split(':').collect();
            prop_assert_eq!(parts.len(), fields, "{}", line);
            prop_assert!(parts[2].parse::<u32>().is_ok(), "{line}");
            prop_assert!(names.insert(parts[0].to_owned()), "{line}");
        }
    }
    Ok(())
}

/// A layer brings the directories of what is in it, and no file is also a directory.
fn check_folders(files: &BTreeMap<String, File>) -> Result<(), TestCaseError> {
    for path in files.keys() {
        let mut folder = path.as_str();
        while let Some((above, _)) = folder.rsplit_once('/') {
            let kind = files.get(above).map(|file| &file.kind);
            prop_assert_eq!(
                kind,
                Some(&MemberKind::Directory),
                "`{}` above `{}`",
                above,
                path
            );
            folder = above;
        }
    }
    Ok(())
}
