//! The file of a lock: what is written is read, and nothing else.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use distil_lock::file::{
    ArchiveState, Codec, DefinitionOrigin, DefinitionState, FileState, Formats, LeftOut, LockFile,
    PackageLock, PlatformLock, Timestamp, VariantName, schema,
};
use distil_store::Digest;
use proptest::prelude::*;

/// Editors read the schema from the repository. `UPDATE_SCHEMA=1` writes it anew.
#[test]
fn the_schema_in_the_repository_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lock.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path, schema()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), schema());
}

/// A manual page has every key of the format.
#[test]
fn the_page_has_every_key() {
    let page = include_str!("../../../docs/lock.md");
    let mut keys = Vec::new();
    collect(&serde_json::from_str(&schema()).unwrap(), &mut keys);
    assert!(keys.len() > 40, "{keys:?}");
    let quoted: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    let is_there = |key: &String| quoted.iter().any(|one| one == key);
    let missing: Vec<&String> = keys.iter().filter(|key| !is_there(key)).collect();
    assert!(
        missing.is_empty(),
        "docs/lock.md says nothing of {missing:?}"
    );
}

fn collect(schema: &serde_json::Value, keys: &mut Vec<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        keys.extend(properties.keys().cloned());
    }
    for (_, definition) in schema["$defs"].as_object().into_iter().flatten() {
        collect(definition, keys);
    }
}

fn package(name: &str, layer: Option<&str>) -> PackageLock {
    let reasons = |wanted: bool| match wanted {
        true => vec!["requested libc6 (>= 2.41)".parse().unwrap()],
        false => Vec::new(),
    };
    PackageLock {
        name: name.to_owned(),
        version: "2.41-12".parse().unwrap(),
        architecture: "amd64".to_owned(),
        source: "glibc".to_owned(),
        source_version: Some("2.41-11".parse().unwrap()),
        suite: "trixie".to_owned(),
        path: format!("pool/main/g/glibc/{name}_2.41-12_amd64.deb"),
        size: 7,
        digest: Digest::of(name),
        last_seen: None,
        installed_size: 12,
        multi_arch: distil_debian::package::MultiArch::Same,
        pre_depends: "dpkg (>= 1.15)".parse().unwrap(),
        depends: "libgcc-s1, a | b (= 1:2)".parse().unwrap(),
        provides: "libc-dev (= 2.41), x".parse().unwrap(),
        conflicts: "y".parse().unwrap(),
        breaks: "z (<< 2~)".parse().unwrap(),
        replaces: "z (<< 2~)".parse().unwrap(),
        layer: layer.map(str::to_owned),
        reasons: reasons(layer.is_some()),
        dev: reasons(layer.is_none()),
    }
}

fn lock(packages: Vec<PackageLock>) -> LockFile {
    LockFile {
        schema_version: 1,
        suite: "trixie".to_owned(),
        formats: Formats {
            image: 1,
            layer: 1,
            compression: Codec::Gzip,
            level: 6,
            codec: 1,
        },
        definitions: vec![DefinitionState {
            name: "app".to_owned(),
            origin: DefinitionOrigin::File,
            keys: BTreeMap::from([("packages".to_owned(), Digest::of("packages"))]),
        }],
        archives: vec![ArchiveState {
            suite: "trixie".to_owned(),
            version: Some("13.2".to_owned()),
            date: Timestamp(1_759_276_800),
            release: Digest::of("release"),
            keys: vec!["0123456789ABCDEF0123456789ABCDEF01234567".to_owned()],
            origin: None,
        }],
        files: Vec::new(),
        downloads: Vec::new(),
        platforms: vec![PlatformLock {
            platform: "linux/amd64".to_owned(),
            variants: vec![VariantName::Latest, VariantName::Debug, VariantName::Dev],
            left_out: vec![LeftOut {
                dependency: "libc6 Depends debconf (>= 0.5) | debconf-2.0"
                    .parse()
                    .unwrap(),
                without: "debconf".to_owned(),
            }],
            debug_left_out: None,
            packages,
        }],
    }
}

fn small() -> LockFile {
    lock(vec![package("libc6", Some("app")), package("make", None)])
}

#[test]
fn the_file_as_it_is_written() {
    let text = small().to_text();
    let head = "schema_version: 1\nsuite: trixie\nformats:\n  image: 1\n  layer: 1\n  \
                compression: gzip\n  level: 6\n  codec: 1\ndefinitions:\n  - name: app\n    origin: \
                file\n    keys:\n      packages: sha256:";
    assert!(text.contains(head), "{text}");
    let left_out = "    left_out:\n      - dependency: libc6 Depends debconf (>= 0.5) | \
                    debconf-2.0\n        without: debconf\n    packages:\n      - name: libc6\n        \
                    version: \"2.41-12\"\n        architecture: amd64\n";
    assert!(text.contains(left_out), "{text}");
}

#[test]
fn what_is_written_is_read() {
    let text = small().to_text();
    assert_eq!(LockFile::read(&text, "app.lock").unwrap(), small());
    let checked_out = text.replace('\n', "\r\n");
    assert_eq!(LockFile::read(&checked_out, "app.lock").unwrap(), small());
}

#[test]
fn one_change_is_one_line() {
    let (old, mut new) = (small(), small());
    new.platforms[0].packages[0].size = 8;
    let (old, new) = (old.to_text(), new.to_text());
    let pairs = old.lines().zip(new.lines());
    assert_eq!(pairs.filter(|(old, new)| old != new).count(), 1);
}

fn refused(from: &str, to: &str) -> String {
    let text = small().to_text();
    assert!(text.contains(from), "{from}");
    LockFile::read(&text.replacen(from, to, 1), "app.lock")
        .unwrap_err()
        .to_string()
}

#[test]
fn what_was_edited_is_rejected() {
    let key = "  keys:\n      packages";
    let cases = [
        ("schema_version: 1", "schema_version: 2"),
        ("schema_version: 1", "schema_version: 0"),
        (
            "suite: trixie",
            "<<<<<<< HEAD\nsuite: trixie\n=======\nsuite: forky\n>>>>>>> b",
        ),
        ("suite: trixie", "suite: wheezy"),
        ("level: 6", "level: 13"),
        ("level: 6", "level: 6\n  level: 6"),
        ("level: 6", "level: six"),
        ("compression: gzip", "compression: lzma"),
        ("  image: 1", "  image: 1\n  tree: 1"),
        (key, "  keys: {}\n    key:\n      packages"),
        ("2025-10-01T00:00:00Z", "yesterday"),
        ("linux/amd64", "linux/vax"),
        ("- latest", "- nonroot"),
        ("- latest\n", "- debug\n"),
        ("version: \"2.41-12\"", "version: \"2.41 12\""),
        ("version: \"2.41-12\"", "version: 2.41-12"),
        ("architecture: amd64", "architecture: arm64"),
        ("suite: trixie\n        path", "suite: sid\n        path"),
        ("path: pool/", "path: ../pool/"),
        ("path: pool/", "path: pool//"),
        ("digest: sha256:", "digest: md5:"),
        ("layer: app\n", ""),
        (
            "reasons:\n          - requested",
            "reasons:\n          - wanted",
        ),
        ("- requested libc6", "- libfoo Depends libc6"),
        ("- name: make", "- name: libc6"),
        ("- name: make", "- name: hello"),
        ("- name: make", "- name: make # needed"),
        ("size: 7", "size: -7"),
        ("size: 7", "size: 0x7"),
        ("depends: libgcc-s1", "depends: libgcc-s1,"),
        ("# Written by", "# Edited by"),
        ("suite: trixie", "suite: &a trixie"),
    ];
    for (from, to) in cases {
        let message = refused(from, to);
        assert!(message.contains("`app.lock`"), "{message}");
        let has_line = message.contains("--> app.lock:") || message.contains("has format 2");
        assert!(has_line, "{from:?} is {to:?}: {message}");
    }
}

#[test]
fn a_file_that_ends_within_a_line_is_rejected() {
    let text = small().to_text();
    for end in 0..text.len() {
        // Whole entries may be missing at the end; what asks for them then fails.
        if !text[..end].ends_with('\n') {
            LockFile::read(&text[..end], "app.lock").unwrap_err();
        }
    }
}

#[test]
fn times_are_utc() {
    let time: Timestamp = "2025-10-01T00:00:00Z".parse().unwrap();
    assert_eq!(time, Timestamp(1_759_276_800));
    assert_eq!(time.to_string(), "2025-10-01T00:00:00Z");
    for text in [
        "",
        "2025-10-01",
        "1969-12-31T23:59:59Z",
        "2025-13-01T00:00:00Z",
    ] {
        text.parse::<Timestamp>().unwrap_err();
    }
}

prop_compose! {
    fn file()(from in "\\PC{0,20}", path in proptest::option::of("\\PC{0,20}"), size: u64)
        -> FileState
    {
        let digest = Digest::of(&from);
        FileState { definition: "app".to_owned(), from, path, size, digest }
    }
}

proptest! {
    #[test]
    fn any_lock_is_written_so_that_it_is_read(
        files in proptest::collection::vec(file(), 0..3),
        names in proptest::collection::btree_set("[a-z0-9][a-z0-9+.-]{1,12}", 0..6),
        version in "[0-9][A-Za-z0-9.+~]{0,8}(-[0-9a-z]{1,3})?",
        multi_arch in 0..2,
    ) {
        let mut packages: Vec<PackageLock> = names
            .iter()
            .enumerate()
            .map(|(number, name)| package(name, (number % 2 == 0).then_some("app")))
            .collect();
        for one in &mut packages {
            one.version = version.parse().unwrap();
            if multi_arch == 0 {
                one.multi_arch = distil_debian::package::MultiArch::No;
            }
        }
        let lock = LockFile { files, ..lock(packages) };
        let text = lock.to_text();
        prop_assert_eq!(LockFile::read(&text, "app.lock").map_err(|e| e.to_string()), Ok(lock));
    }

    #[test]
    fn any_text_is_a_lock_or_an_error(text in "(schema_version: 1\n)?[ -~\n]{0,200}") {
        let _ = LockFile::read(&text, "app.lock");
    }

    #[test]
    fn a_lock_with_any_line_changed_is_a_lock_or_an_error(line in 0..70_usize, new in "[ -~]{0,40}") {
        let text = small().to_text();
        let changed: Vec<&str> = text
            .lines()
            .enumerate()
            .map(|(number, old)| if number == line { &new } else { old })
            .collect();
        let text = changed.join("\n") + "\n";
        if let Ok(read) = LockFile::read(&text, "app.lock") {
            prop_assert_eq!(read.to_text(), text);
        }
    }
}
