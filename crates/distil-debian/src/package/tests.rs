use std::error::Error as _;

use super::*;
use crate::control::Paragraph;

const STANZA: &str = "\
Package: libfoo1
Source: foo (1.0-1)
Version: 1.0-1+b1
Installed-Size: 123
Maintainer: Nobody in Particular <nobody@example.org>
Architecture: amd64
Depends: libc6 (>= 2.36),
 libbar2 | libbar1
Pre-Depends: dpkg
Provides: foo-abi (= 1), foo-modules
Conflicts: libfoo0
Breaks: bar (<< 2)
Replaces: bar (<< 2)
Multi-Arch: same
Description: a library
Section: libs
Priority: standard
Essential: yes
Filename: pool/main/f/foo/libfoo1_1.0-1+b1_amd64.deb
Size: 4567
SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
";

fn package(stanza: &str) -> Result<BinaryPackage, PackageError> {
    let paragraph = Paragraph::parse(stanza).unwrap_or_else(|error| panic!("{error}"));
    BinaryPackage::from_paragraph(&paragraph, 3)
}

#[test]
fn a_stanza_with_everything() {
    let package = package(STANZA).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&package).unwrap(), @r#"
    {
      "name": "libfoo1",
      "version": "1.0-1+b1",
      "architecture": "amd64",
      "source": {
        "name": "foo",
        "version": "1.0-1"
      },
      "depends": "libc6 (>= 2.36), libbar2 | libbar1",
      "pre_depends": "dpkg",
      "provides": [
        "foo-abi (= 1)",
        "foo-modules"
      ],
      "conflicts": "libfoo0",
      "breaks": "bar (<< 2)",
      "replaces": "bar (<< 2)",
      "multi_arch": "same",
      "priority": "standard",
      "essential": true,
      "section": "libs",
      "installed_size_kib": 123,
      "filename": "pool/main/f/foo/libfoo1_1.0-1+b1_amd64.deb",
      "size": 4567,
      "sha256": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "pocket": 3
    }
    "#);
    let json = serde_json::to_string(&package).unwrap();
    assert_eq!(
        serde_json::from_str::<BinaryPackage>(&json).unwrap(),
        package
    );
    let dependencies: Vec<String> = package
        .dependencies()
        .map(|(field, group)| format!("{field}: {group}"))
        .collect();
    assert_eq!(
        dependencies,
        [
            "Pre-Depends: dpkg",
            "Depends: libc6 (>= 2.36)",
            "Depends: libbar2 | libbar1"
        ]
    );
}

/// The stanza with a field's value replaced, or without the field.
fn with(field: &str, value: Option<&str>) -> String {
    let mut paragraphs = String::new();
    let mut skipping = false;
    for line in STANZA.lines() {
        skipping = line.starts_with(&format!("{field}:")) || skipping && line.starts_with(' ');
        if !skipping {
            paragraphs.push_str(line);
            paragraphs.push('\n');
        }
    }
    if let Some(value) = value {
        paragraphs.push_str(&format!("{field}: {value}\n"));
    }
    paragraphs
}

#[test]
fn what_may_be_missing() {
    for field in [
        "Source",
        "Depends",
        "Pre-Depends",
        "Provides",
        "Conflicts",
        "Breaks",
        "Replaces",
        "Multi-Arch",
        "Priority",
        "Essential",
        "Section",
        "Installed-Size",
    ] {
        assert!(package(&with(field, None)).is_ok(), "{field}");
    }
    let source = |value| package(&with("Source", value)).unwrap().source.to_string();
    assert_eq!(source(None), "libfoo1 (1.0-1+b1)");
    assert_eq!(source(Some("foo")), "foo (1.0-1+b1)");
    let filename = package(&with("Filename", Some("./a_1_all.deb"))).unwrap();
    assert_eq!(filename.filename, "a_1_all.deb");
}

#[test]
fn what_is_wrong_is_named() {
    let problem = |field: &str, value: Option<&str>| {
        let error = package(&with(field, value)).unwrap_err();
        match error.source() {
            None => error.to_string(),
            Some(source) => format!("{error}: {source}"),
        }
    };
    for field in [
        "Package",
        "Version",
        "Architecture",
        "Filename",
        "Size",
        "SHA256",
    ] {
        let missing = format!("the field `{field}` is missing");
        assert_eq!(problem(field, None), missing);
        assert_eq!(problem(field, Some("")), missing);
    }
    insta::assert_snapshot!(problem("Package", Some("../a")), @"`../a` in `Package` is not a package's name");
    insta::assert_snapshot!(problem("Source", Some("a/b (1)")), @"`a/b (1)` in `Source` is not a package's name");
    insta::assert_snapshot!(problem("Source", Some("a (:)")), @"the version in `Source` is wrong: `:` is not a Debian version: its epoch (before the `:`) is not a number up to 2147483647");
    insta::assert_snapshot!(problem("Version", Some("1_0")), @"the version in `Version` is wrong: `1_0` is not a Debian version: `_` may not stand in an upstream version");
    insta::assert_snapshot!(problem("Architecture", Some("a/b")), @"`a/b` is not an architecture");
    insta::assert_snapshot!(problem("Depends", Some("a | | b")), @"the relations in `Depends` are wrong: `a | | b` is not a package relation at column 5: a package's name is missing");
    insta::assert_snapshot!(problem("Provides", Some("a (>> 1)")), @"the relations in `Provides` are wrong: `a (>> 1)` is not a package relation at column 4: only an exact version (`=`) can be provided");
    insta::assert_snapshot!(problem("Size", Some("+1")), @"`+1` in `Size` is not a number");
    insta::assert_snapshot!(problem("Size", Some("99999999999999999999")), @"`99999999999999999999` in `Size` is not a number");
    insta::assert_snapshot!(problem("Installed-Size", Some("1.5")), @"`1.5` in `Installed-Size` is not a number");
    insta::assert_snapshot!(problem("SHA256", Some("00")), @"the digest in `SHA256` is wrong: `00` is not a SHA-256 digest");
    insta::assert_snapshot!(problem("Multi-Arch", Some("maybe")), @"`Multi-Arch` cannot be `maybe`");
    insta::assert_snapshot!(problem("Essential", Some("1")), @"`Essential` cannot be `1`");
}

#[test]
fn a_path_cannot_lead_out_of_the_archive() {
    for path in [
        "/etc/passwd",
        "../a.deb",
        "pool/../../a.deb",
        "pool//a.deb",
        "pool/./a.deb",
        "././a.deb",
        "pool/",
        "..",
        ".",
        "a b.deb",
        "a.deb?x",
        "a.deb#x",
        "pool\\a.deb",
        "é.deb",
    ] {
        let error = package(&with("Filename", Some(path))).unwrap_err();
        assert!(matches!(error, PackageError::Filename(_)), "{path}");
    }
}

#[test]
fn priorities_are_ordered_by_importance() {
    let priority = |value: &str| package(&with("Priority", Some(value))).unwrap().priority;
    let order = ["required", "important", "standard", "optional", "extra"];
    let priorities: Vec<Priority> = order.iter().map(|value| priority(value)).collect();
    assert!(priorities.is_sorted());
    assert_eq!(priority("unheard-of"), Priority::Extra);
}
