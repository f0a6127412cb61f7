//! What a `Release` file may say, and what is refused.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const SECURITY: &str = "\
Origin: Debian
Label: Debian-Security
Suite: stable-security
Version: 13
Codename: trixie-security
Date: Sat, 21 Nov 2026 00:53:03 UTC
Valid-Until: Sat, 28 Nov 2026 00:53:03 UTC
Acquire-By-Hash: yes
Architectures: amd64 arm64
Components: updates/main updates/contrib updates/non-free-firmware updates/non-free
Description: Debian 13 - Security Updates
MD5Sum:
 d41d8cd98f00b204e9800998ecf8427e 0 main/binary-amd64/Packages
SHA256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855        0 main/binary-amd64/Packages
 ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb      123 main/binary-amd64/Packages.xz
";

/// A Release with these entries.
fn with(entries: &str) -> String {
    format!("Suite: stable\nDate: Sat, 21 Nov 2026 00:53:03 UTC\nSHA256:\n{entries}")
}

fn error(text: &str) -> ReleaseError {
    Release::parse(text).unwrap_err()
}

#[test]
fn reads_a_release_file() {
    let release = Release::parse(SECURITY).unwrap();
    assert_eq!(release.origin.as_deref(), Some("Debian"));
    assert_eq!(release.label.as_deref(), Some("Debian-Security"));
    assert_eq!(release.suite.as_deref(), Some("stable-security"));
    assert_eq!(release.codename.as_deref(), Some("trixie-security"));
    assert_eq!(release.version.as_deref(), Some("13"));
    assert_eq!(release.date, 1_795_222_383);
    assert_eq!(release.valid_until, Some(1_795_222_383 + 7 * 86_400));
    assert!(release.acquire_by_hash);
    assert!(!release.no_support_for_architecture_all);
    assert_eq!(release.architectures, ["amd64", "arm64"]);
    assert_eq!(
        release.components,
        ["main", "contrib", "non-free-firmware", "non-free"]
    );
    assert_eq!(release.files.len(), 2);
    let packages = release.file("main/binary-amd64/Packages.xz").unwrap();
    assert_eq!(packages.size, 123);
    assert_eq!(packages.sha256, Digest::of("a"));
    assert_eq!(release.file("main/binary-arm64/Packages.xz"), None);
}

#[test]
fn a_released_suite_has_no_end() {
    let text = SECURITY
        .replace("Valid-Until: Sat, 28 Nov 2026 00:53:03 UTC\n", "")
        .replace("updates/", "")
        .replace("yes\n", "yes\nNo-Support-for-Architecture-all: Packages\n");
    let release = Release::parse(&text).unwrap();
    assert_eq!(release.valid_until, None);
    assert_eq!(release.components.len(), 4);
    assert!(release.no_support_for_architecture_all);
    let end_of_time = UNIX_EPOCH + Duration::from_secs(1 << 40);
    assert_eq!(release.check_fresh(end_of_time), Ok(()));
}

#[test]
fn freshness() {
    let release = Release::parse(SECURITY).unwrap();
    let valid_until = release.valid_until.unwrap();
    let at = |seconds: i64| UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap());
    assert_eq!(release.check_fresh(at(valid_until)), Ok(()));
    let expired = release.check_fresh(at(valid_until + 1)).unwrap_err();
    assert_eq!(expired.valid_until, valid_until);
    let message = |seconds| {
        release
            .check_fresh(at(valid_until + seconds))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message(17 * 86_400 + 5),
        "the Release file of `trixie-security` expired on 2026-11-28 00:53:03 UTC (17 days ago); \
         the mirror is out of date, or something keeps newer files away"
    );
    assert!(message(60).contains("(1 minute ago)"));
    assert!(message(7200).contains("(2 hours ago)"));
}

#[test]
fn identity() {
    let release = Release::parse(SECURITY).unwrap();
    for name in [
        "trixie-security",
        "stable-security",
        "trixie/updates",
        "stable/updates",
    ] {
        assert_eq!(release.check_identity(name), Ok(()), "{name}");
    }
    for name in [
        "trixie",
        "stable",
        "bookworm-security",
        "",
        "updates",
        "/updates",
        "debian",
    ] {
        assert!(release.check_identity(name).is_err(), "{name}");
    }
    assert_eq!(
        release
            .check_identity("bookworm-security")
            .unwrap_err()
            .to_string(),
        "the mirror gave the Release file of suite `stable-security`, codename \
         `trixie-security`, instead of `bookworm-security`"
    );
    // The security archive before bullseye: only the label tells it from the main suite.
    let old = Release {
        suite: Some("oldstable".to_owned()),
        codename: Some("buster".to_owned()),
        ..release
    };
    assert_eq!(old.check_identity("buster/updates"), Ok(()));
    let main = Release {
        label: Some("Debian".to_owned()),
        ..old.clone()
    };
    assert!(main.check_identity("buster/updates").is_err());
    assert_eq!(main.check_identity("buster"), Ok(()));
    let nameless = Release {
        suite: None,
        codename: None,
        ..old
    };
    assert!(nameless.check_identity("").is_err());
}

#[test]
fn times_are_in_utc() {
    let line = 2;
    for (value, valid) in [
        ("Sat, 21 Nov 2026 00:53:03 UTC", true),
        ("Sat, 21 Nov 2026 00:53:03 +0000", true),
        ("Sat, 21 Nov 2026 00:53:03 CET", false),
        ("yesterday", false),
        ("", false),
    ] {
        let text = format!("Suite: x\nDate: {value}\nSHA256:\n");
        let expected = ReleaseError::Date {
            line,
            field: "Date",
            value: value.to_owned(),
        };
        match Release::parse(&text) {
            Ok(_) => assert!(valid, "{value}"),
            Err(error) => assert_eq!((error, valid), (expected, false)),
        }
    }
}

#[test]
fn what_is_missing_is_named() {
    let missing = |field| ReleaseError::Missing { field };
    assert_eq!(error(""), missing("SHA256"));
    assert_eq!(error("SHA256:\n"), missing("Date"));
    // Weaker digests are none.
    let text = SECURITY.replace("SHA256", "SHA1");
    assert_eq!(error(&text), missing("SHA256"));
}

#[test]
fn the_syntax_is_strict() {
    let why = |text: &str| match error(text) {
        ReleaseError::Syntax { line, why } => (line, why),
        other => panic!("{other:?}"),
    };
    assert_eq!(why(" x: y\n").0, 1);
    assert_eq!(why("Suite: x\nnonsense\n").0, 2);
    assert_eq!(why("# comment: x\n").0, 1);
    assert_eq!(why(": x\n").0, 1);
    assert_eq!(why("Two words: x\n").0, 1);
    assert_eq!(why("Suite: x\u{1b}[0m\n"), (1, "a control character"));
    assert_eq!(
        why(&format!("{SECURITY}\nSuite: other\n")).1,
        "a second paragraph begins here"
    );
    assert_eq!(why(&with("").replace("SHA256:", "SHA256: x y")).0, 3);
    assert!(Release::parse(&format!("\n{SECURITY}\n\n")).is_ok());
    assert!(Release::parse(&SECURITY.replace('\n', "\r\n")).is_ok());

    assert_eq!(
        error(&format!("{SECURITY}suite: other\n")),
        ReleaseError::DuplicateField {
            line: 17,
            field: "suite".to_owned()
        }
    );
    assert_eq!(
        error(&format!("{SECURITY}SHA256:\n")).to_string(),
        "line 17: the field `SHA256` is there a second time"
    );
}

#[test]
fn entries_are_checked() {
    assert!(Release::parse(&with(&format!("\t{EMPTY} 0 a/b-c_d.e+f~g:h@2.gz\n"))).is_ok());
    for bad in [
        format!(" {EMPTY} 0\n"),
        format!(" {EMPTY} 0 a b\n"),
        format!(" {EMPTY}0 0 a\n"),
        format!(" {} 0 a\n", EMPTY.replace('e', "g")),
        format!(" {EMPTY} -1 a\n"),
        format!(" {EMPTY} +1 a\n"),
        format!(" {EMPTY} 0x1 a\n"),
        format!(" {EMPTY} 18446744073709551616 a\n"),
        " .\n".to_owned(),
    ] {
        let error = error(&with(&bad));
        assert!(
            matches!(error, ReleaseError::Entry { line: 4, .. }),
            "{bad}: {error:?}"
        );
    }
    for path in [
        "/etc/passwd",
        "../a",
        "a/../b",
        "a/..",
        "..",
        ".",
        "a/./b",
        "a//b",
        "a/",
        "a\\b",
        "a?b",
        "a#b",
        "a%2e%2e/b",
        "é",
        "a\"b",
    ] {
        let error = error(&with(&format!(" {EMPTY} 0 {path}\n")));
        assert!(
            matches!(error, ReleaseError::UnsafePath { line: 4, .. }),
            "{path}: {error:?}"
        );
    }
    let long = format!(" {EMPTY} 0 {}\n", "a".repeat(1025));
    assert!(matches!(
        error(&with(&long)),
        ReleaseError::UnsafePath { .. }
    ));

    let large = |size: u64| Release::parse(&with(&format!(" {EMPTY} {size} a\n")));
    assert!(large(MAX_FILE_SIZE).is_ok());
    assert!(matches!(
        large(MAX_FILE_SIZE + 1),
        Err(ReleaseError::TooLarge { line: 4, .. })
    ));

    let twice = format!(" {EMPTY} 0 a\n {EMPTY} 0 b\n {EMPTY} 1 a\n");
    assert_eq!(
        error(&with(&twice)).to_string(),
        "line 6: `a` is listed a second time"
    );
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(SHA256:|Date: |Suite|: |\n|\t| |[a-f0-9]{64}|[ -~]|é|\r){0,60}") {
        let _ = Release::parse(&text);
    }

    #[test]
    fn mutated_text_never_panics_and_paths_stay_safe(at in any::<prop::sample::Index>(), with in "\\PC{0,4}") {
        let mut text = SECURITY.to_owned();
        let at = at.index(text.len());
        text.replace_range(at..=at, &with);
        if let Ok(release) = Release::parse(&text) {
            for path in release.files.keys() {
                prop_assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."));
            }
        }
    }
}
