//! An archive that becomes another one between two updates: packages that are split and go, keys that
//! change, a key whose time is over.

use std::fs;

use distil_fixture::{DebBuilder, KeyOptions, SigningKey};

use super::{archive, context, lock_of, move_on, said, tool};
use crate::context::Context;

const LOCK: [&str; 4] = ["lock", "app.yaml", "--platform", "linux/amd64"];
const UPDATE: [&str; 3] = ["lock", "app.yaml", "--update"];

/// What an update says, but for the warning of the `dev` that the fixture's archive has not.
fn update(context: &Context) -> String {
    let said = said(context, &UPDATE);
    let lines = said
        .lines()
        .filter(|line| !line.starts_with("warning: `dev`"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_package_that_is_split() {
    let context = context();
    context.run(&LOCK);
    let split = vec![
        DebBuilder::new("tool", "2.0-1", "amd64").depends("libtool1 (>= 1), tool-data (= 2.0-1)"),
        DebBuilder::new("tool-data", "2.0-1", "amd64")
            .field("Source", "tool")
            .field("Breaks", "tool (<< 2)")
            .field("Replaces", "tool (<< 2)")
            .file("/usr/share/tool/version", "2.0-1"),
        DebBuilder::new("libtool1", "1.0-1", "amd64").file("/usr/share/libtool1/version", "1.0-1"),
    ];
    move_on(&context, &archive(7, split));
    insta::assert_snapshot!(update(&context), @"
    status 0
    linux/amd64
    PACKAGE    CHANGE  OLD    NEW    SUITE   LAYER    DEB
    tool       up      1.0-1  2.0-1  trixie  app    752 B
    tool-data  added   -      2.0-1  trixie  app    876 B
    wrote `app.lock`: 19 packages for linux/amd64
    ");
    context.run(&["build", "app.yaml", "--locked", "--platform", "linux/amd64"]);
}

#[test]
fn packages_that_go() {
    let context = context();
    context.run(&LOCK);
    let first = lock_of(&context);
    // One that nothing needs any more.
    let alone = vec![DebBuilder::new("tool", "2.0-1", "amd64")];
    move_on(&context, &archive(7, alone));
    insta::assert_snapshot!(update(&context), @"
    status 0
    linux/amd64
    PACKAGE   CHANGE   OLD    NEW    SUITE   LAYER    DEB
    libtool1  removed  1.0-1  -      -       app      0 B
    tool      up       1.0-1  2.0-1  trixie  app    720 B
    wrote `app.lock`: 17 packages for linux/amd64
    ");
    // One that is asked for: nothing is written, and the lock still builds.
    let second = lock_of(&context);
    assert_ne!(first, second);
    move_on(&context, &archive(9, Vec::new()));
    insta::assert_snapshot!(context.fails(&UPDATE), @"
    status 1
    error: failed to find packages for `app`
      cause: there is no package `tool` in trixie, trixie-updates or trixie-security
    ");
    assert_eq!(lock_of(&context), second);
}

/// The keyring is what the machine has, whatever the archive is signed with.
fn signed_by(context: &Context, day: u64, key: SigningKey) {
    let keyring = fs::read(context.keyring()).unwrap();
    move_on(context, &archive(day, tool("2.0-1")).key(key));
    fs::write(context.keyring(), keyring).unwrap();
}

#[test]
fn keys_that_change() {
    let context = context();
    context.run(&LOCK);
    let first = lock_of(&context);
    let next = SigningKey::new(77);
    signed_by(&context, 7, next.clone());
    insta::assert_snapshot!(context.fails(&UPDATE), @"
    status 1
    error: no mirror has a usable Release of `trixie`
      `file://[FOLDER]/debian/dists/trixie/InRelease`: it is signed by key C5162E1CD4ED387EC26289CC717EC7B662E92087, which no keyring in use has; if you trust the archive, name a keyring that has the key with `--keyring`

    hint: `--mirror ADDRESS` names another mirror
    ");
    assert_eq!(lock_of(&context), first);
    let keyring = context.work().join("next.gpg");
    fs::write(&keyring, next.public_binary()).unwrap();
    let keyring = keyring.display().to_string();
    let with = [&UPDATE[..], &["--keyring", &keyring, "--quiet"]].concat();
    context.run(&with);
    let second = lock_of(&context);
    let keys = |lock: &str| -> Vec<String> {
        let lines = lock
            .lines()
            .filter(|line| line.contains(&next.signing_fingerprint().to_uppercase()));
        lines.map(str::to_owned).collect()
    };
    assert!(
        keys(&first).is_empty() && !keys(&second).is_empty(),
        "{second}"
    );
}

#[test]
fn a_key_whose_time_is_over() {
    let context = context();
    context.run(&LOCK);
    let first = lock_of(&context);
    context.run(&["build", "app.yaml", "--locked", "--platform", "linux/amd64"]);
    let options = KeyOptions {
        expires: Some(1_600_000_000),
        ..KeyOptions::default()
    };
    let old = SigningKey::generate(78, options);
    signed_by(&context, 7, old.clone());
    let keyring = fs::read(context.keyring()).unwrap();
    fs::write(context.keyring(), [keyring, old.public_binary()].concat()).unwrap();
    insta::assert_snapshot!(context.fails(&UPDATE), @"
    status 1
    error: no mirror has a usable Release of `trixie`
      `file://[FOLDER]/debian/dists/trixie/InRelease`: no signature can be trusted: key 7BBC4665BB80EEFB5F143BC23B37DD4BE1E0278A of `Fixture Archive Key <fixture@mirror.example>`: the key expired on 2020-09-13 12:26:40 UTC

    hint: `--mirror ADDRESS` names another mirror
    ");
    assert_eq!(lock_of(&context), first);
    // What is locked asks for no key.
    context.run(&["build", "app.yaml", "--locked", "--platform", "linux/amd64"]);
}
