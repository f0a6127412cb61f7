//! Images that are made again, and compared byte by byte.

use std::fs;

use super::{archive, context, digest, forget, move_on, said, tool};
use crate::context::{Context, without_digests};

const BOTH: [&str; 2] = ["--platform", "linux/amd64,linux/arm64"];

#[test]
fn an_image_is_made_again_from_its_lock_though_the_archive_moved_on() {
    let context = context();
    context.run(&["lock", "app.yaml", BOTH[0], BOTH[1]]);
    digest(&context, "app.yaml", &BOTH);
    let before = archive(0, tool("1.0-1"));
    move_on(&context, &archive(7, tool("2.0-1")));
    // The old packages are in the store alone.
    let rebuilt = said(&context, &["rebuild", "x.tar", "app.yaml", "--locked"]);
    insta::assert_snapshot!(without_digests(&rebuilt), @"
    status 0
    PLATFORM     BYTES  IMAGE                                                                    REBUILT
    linux/amd64  same   sha256:[DIGEST]  sha256:[DIGEST]
    linux/arm64  same   sha256:[DIGEST]  sha256:[DIGEST]
    note: the packages of `app.yaml` are as `app.lock` pins them
    note: the packages of `app.yaml` are as `app.lock` pins them
    ");
    // Without the lock it is what the archive has now.
    let rebuilt = said(
        &context,
        &[
            "rebuild",
            "x.tar",
            "app.yaml",
            "--no-lock",
            BOTH[0],
            "linux/amd64",
        ],
    );
    insta::assert_snapshot!(without_digests(&rebuilt), @"
    status 1
    PLATFORM     BYTES    IMAGE                                                                    REBUILT
    linux/amd64  differs  sha256:[DIGEST]  sha256:[DIGEST]

    linux/amd64
    IMAGE    COMPRESSED  UNPACKED  PACKAGES  FILES  DIGEST
    image       18.7 kB   69.9 kB        17    235  sha256:[DIGEST]
    rebuilt     18.7 kB   69.9 kB        17    235  sha256:[DIGEST]

    PACKAGE   OLD    NEW    SIZE
    libtool1  1.0-1  2.0-1     -
    tool      1.0-1  2.0-1     -

    FILE                                     CHANGE   SIZE  FROM
    /usr/share/libtool1/version              content     -  package libtool1
    /usr/share/tool/version                  content     -  package tool
    /var/lib/dpkg/status.d/libtool1          content     -  made: package metadata
    /var/lib/dpkg/status.d/libtool1.md5sums  content     -  made: package metadata
    /var/lib/dpkg/status.d/tool              content     -  made: package metadata
    /var/lib/dpkg/status.d/tool.md5sums      content     -  made: package metadata

    LAYER  OLD                                                                      NEW
        5  sha256:[DIGEST]  sha256:[DIGEST]
    ");
    move_on(&context, &before);
    forget(&context);
    let rebuilt = said(&context, &["rebuild", "x.tar", "app.yaml", "--no-lock"]);
    assert!(rebuilt.starts_with("status 0"), "{rebuilt}");
}

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../distil-attest/tests/keys");

/// An image in a layout with what it was made of beside it, and nothing else: the definition stands on
/// another file and brings one.
fn embedded(more: &[&str]) -> Context {
    let context = context();
    let write = |name: &str, text: &str| fs::write(context.work().join(name), text).unwrap();
    write(
        "below.yaml",
        "name: below\nfrom: base\npackages: [libtool1]\n",
    );
    write("note.txt", "a note");
    write(
        "app.yaml",
        "name: app\nfrom: below.yaml\npackages: [tool]\nfiles: [{path: /note, from: note.txt}]\n",
    );
    context.run(&["lock", "app.yaml", BOTH[0], BOTH[1]]);
    let build = [
        "build",
        "app.yaml",
        "--embed",
        "-o",
        "oci:layout",
        BOTH[0],
        BOTH[1],
    ];
    context.run(&[&build[..], more].concat());
    move_on(&context, &archive(7, tool("2.0-1")));
    for name in ["below.yaml", "app.yaml", "app.lock"] {
        fs::remove_file(context.work().join(name)).unwrap();
    }
    context
}

#[test]
fn an_image_has_what_it_was_made_of_with_it() {
    let context = embedded(&[]);
    let rebuild = ["rebuild", "oci:layout"];
    insta::assert_snapshot!(without_digests(&said(&context, &rebuild)), @"
    status 0
    PLATFORM     BYTES  IMAGE                                                                    REBUILT
    linux/amd64  same   sha256:[DIGEST]  sha256:[DIGEST]
    linux/arm64  same   sha256:[DIGEST]  sha256:[DIGEST]
    note: the packages of `app.yaml:latest` are as `the lock that is attached to oci:layout` pins them
    note: the packages of `app.yaml:latest` are as `the lock that is attached to oci:layout` pins them
    ");
    // What the definition brings from beside it is looked for here, or where it is said.
    let there = context.work().join("there");
    fs::create_dir(&there).unwrap();
    fs::rename(context.work().join("note.txt"), there.join("note.txt")).unwrap();
    insta::assert_snapshot!(context.fails(&rebuild), @"
    status 1
    note: the packages of `app.yaml:latest` are as `the lock that is attached to oci:layout` pins them
    error: `note.txt` does not exist
     --> app.yaml:4:29
      |
    4 | files: [{path: /note, from: note.txt}]
      |                             ^^^^^^^^
    ");
    let elsewhere = [&rebuild[..], &["--directory", "there"]].concat();
    assert!(said(&context, &elsewhere).starts_with("status 0"));
    fs::write(there.join("note.txt"), "another").unwrap();
    let changed = said(&context, &elsewhere);
    assert!(
        changed.starts_with("status 1") && changed.contains("/note"),
        "{changed}"
    );
}

#[test]
fn sources_that_are_signed() {
    let key = |name: &str| format!("{KEYS}/{name}");
    let signed = ["--sign-key", &key("ecdsa.key"), "--quiet"];
    let context = embedded(&signed);
    let with = |name: &str| {
        said(
            &context,
            &["rebuild", "oci:layout", "--verify-key", &key(name)],
        )
    };
    assert!(
        with("ecdsa.pub").starts_with("status 0"),
        "{}",
        with("ecdsa.pub")
    );
    let other = with("other.pub").replace(env!("CARGO_MANIFEST_DIR"), "[CRATE]");
    insta::assert_snapshot!(without_digests(&other), @"
    status 1
    error: nothing that is attached to `oci:layout` and signed by one of the trusted signers says what it was made of

    hint: name its definition, or build it with `--embed`, which attaches it
    ");
}

#[test]
fn sources_that_are_not_there_or_do_not_tell() {
    let context = context();
    let embed = ["build", "app.yaml", "--embed", "-o", "oci:layout"];
    insta::assert_snapshot!(context.fails(&embed), @"
    status 2
    error: `app.yaml` has no lock, and its definition alone does not tell which packages it had

    hint: lock it first: `distil lock app.yaml`
    ");
    context.run(&["lock", "app.yaml", BOTH[0], BOTH[1]]);
    let changed = [&embed[..], &["--label", "a=b", "--no-lock"]].concat();
    insta::assert_snapshot!(context.fails(&changed), @"
    status 2
    error: flags change `app.yaml`, and its definition alone does not tell how

    hint: write what the flags change into a definition, and lock that
    ");
    // An archive has them in its index.
    context.run(&["build", "app.yaml", "--embed"]);
    assert!(said(&context, &["rebuild", "app.tar"]).starts_with("status 0"));
    context.run(&["build", "app.yaml", "-o", "oci:plain"]);
    insta::assert_snapshot!(context.fails(&["rebuild", "oci:plain"]), @"
    status 1
    error: nothing that is attached to `oci:plain` says what it was made of

    hint: name its definition, or build it with `--embed`, which attaches it
    ");
    let lock = ["rebuild", "oci:plain", "--locked"];
    insta::assert_snapshot!(context.fails(&lock), @"
    status 2
    error: the lock is attached to the image as its definition is

    hint: name a definition to use another lock: `distil rebuild IMAGE app.yaml`
    ");
}

#[test]
fn an_image_that_somebody_changed_is_not_the_same() {
    let context = context();
    digest(
        &context,
        "app.yaml",
        &[BOTH[0], "linux/amd64", "--env", "A=b"],
    );
    let rebuilt = said(&context, &["rebuild", "x.tar", "app.yaml"]);
    insta::assert_snapshot!(without_digests(&rebuilt), @"
    status 1
    PLATFORM     BYTES    IMAGE                                                                    REBUILT
    linux/amd64  differs  sha256:[DIGEST]  sha256:[DIGEST]

    linux/amd64
    IMAGE    COMPRESSED  UNPACKED  PACKAGES  FILES  DIGEST
    image       18.7 kB   69.9 kB        17    235  sha256:[DIGEST]
    rebuilt     18.7 kB   69.9 kB        17    235  sha256:[DIGEST]

    CONFIG  OLD  NEW
    env     A=b  -
    ");
    let json = context.command(&["rebuild", "x.tar", "app.yaml", "--format", "json"]);
    let output = { json }.output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["same"], false);
    assert_eq!(
        document["platforms"][0]["difference"]["config"][0]["key"],
        "env"
    );
}

#[test]
fn there_has_to_be_an_image() {
    let context = context();
    insta::assert_snapshot!(context.fails(&["rebuild", "nothing.tar", "app.yaml"]), @"
    status 2
    error: `nothing.tar` is not an image: there is no such file or directory

    hint: name an archive, an OCI layout, or TRANSPORT:PLACE, such as `docker://…`
    ");
    std::fs::create_dir(context.work().join("root")).unwrap();
    insta::assert_snapshot!(context.fails(&["rebuild", "rootfs:root", "app.yaml"]), @"
    status 2
    error: a root file system has no manifest and no layers to compare

    hint: `distil diff` compares its files
    ");
}

#[test]
fn building_twice_gives_the_same() {
    let context = context();
    let once = digest(&context, "app.yaml", &BOTH);
    assert_eq!(
        digest(&context, "app.yaml", &[BOTH[0], BOTH[1], "--check"]),
        once
    );
    context.run(&["lock", "app.yaml", BOTH[0], BOTH[1]]);
    assert_eq!(
        digest(&context, "app.yaml", &[BOTH[0], BOTH[1], "--check"]),
        once
    );
}
