//! Locks: made, kept up and built from, while the archive moves on.

use std::fs;
use std::process::{Command, Output};

use distil_fixture::{ArchiveBuilder, DEFAULT_DATE, DebBuilder, debian_like, debian_security_like};

use crate::context::Context;
use crate::dev;

mod bad;
pub(crate) mod offline;
mod random;
mod rebuild;
mod states;
mod update;

const DAY: u64 = 86_400;
const YAML: &str = "name: app\nfrom: base\npackages:\n  - tool\n";

/// A small program of no importance, and a library that it needs.
fn tool(version: &str) -> Vec<DebBuilder> {
    let both = ["amd64", "arm64"];
    let debs = both.map(|architecture| {
        let tool = DebBuilder::new("tool", version, architecture)
            .depends("libtool1 (>= 1)")
            .file("/usr/share/tool/version", version.as_bytes());
        let library = DebBuilder::new("libtool1", version, architecture)
            .file("/usr/share/libtool1/version", version.as_bytes());
        [tool, library]
    });
    debs.into_iter().flatten().collect()
}

/// The archive on a day, with other packages of the tool.
fn archive(day: u64, debs: Vec<DebBuilder>) -> ArchiveBuilder {
    let date = DEFAULT_DATE + day * DAY;
    debian_like("trixie")
        .with("trixie", |pocket| pocket.date(date).packages(debs))
        .with("trixie-updates", |pocket| pocket.date(date))
}

fn context() -> Context {
    let context = Context::with(archive(0, tool("1.0-1")), debian_security_like("trixie"));
    context.define(YAML);
    context
}

/// The archive becomes another one, as a mirror's does; the old packages go.
fn move_on(context: &Context, builder: &ArchiveBuilder) {
    fs::remove_dir_all(context.archive().join("pool")).unwrap();
    builder.write(context.archive()).unwrap();
}

fn lock_of(context: &Context) -> String {
    fs::read_to_string(context.work().join("app.lock")).unwrap()
}

fn status(command: &mut Command) -> (i32, Output) {
    let output = command.output().unwrap();
    (output.status.code().unwrap(), output)
}

/// The lines of one text that another has not, but for digests.
fn only_in(one: &str, other: &str) -> String {
    let lines = one.lines().filter(|line| !other.contains(line));
    let lines = lines.filter(|line| !line.contains("sha256:"));
    lines.collect::<Vec<_>>().join("\n")
}

fn said(context: &Context, arguments: &[&str]) -> String {
    let (status, output) = status(&mut context.command(arguments));
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    format!("status {status}\n{stdout}{}", context.stderr(&output))
}

fn digest(context: &Context, image: &str, more: &[&str]) -> String {
    let mut arguments = vec!["build", image, "-o", "oci-archive:x.tar"];
    arguments.extend(more);
    context.run(&arguments)
}

fn forget(context: &Context) {
    let _ = fs::remove_dir_all(context.store());
}

#[test]
fn every_variant_and_platform_is_built_as_without_a_lock() {
    let context = context();
    let images = ["app.yaml", "app.yaml:nonroot", "app.yaml:debug"];
    let all = ["--platform", "linux/amd64,linux/arm64"];
    let free: Vec<String> = images.map(|image| digest(&context, image, &all)).to_vec();
    context.run(&["lock", "app.yaml"]);
    // Nothing but packages is there.
    forget(&context);
    fs::remove_dir_all(context.archive().join("dists")).unwrap();
    fs::remove_dir_all(context.security().join("dists")).unwrap();
    for (image, free) in images.iter().zip(&free) {
        let locked = [&all[..], &["--locked"]].concat();
        assert_eq!(&digest(&context, image, &locked), free, "{image}");
        assert_eq!(&digest(&context, image, &all), free, "{image}");
    }
}

#[test]
fn a_dev_is_built_as_without_a_lock() {
    let context = dev::context(tool("1.0-1"));
    context.define(YAML);
    let platform = ["--platform", "linux/amd64"];
    let free = digest(&context, "app.yaml:dev", &platform);
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    forget(&context);
    fs::remove_dir_all(context.archive().join("dists")).unwrap();
    let locked = [&platform[..], &["--locked"]].concat();
    assert_eq!(digest(&context, "app.yaml:dev", &locked), free);
}

#[test]
fn a_lock_is_used_and_said() {
    let context = context();
    insta::assert_snapshot!(said(&context, &["lock", "app.yaml", "--platform", "linux/amd64"]), @"
    status 0
    warning: `dev` is not locked for linux/amd64: `app:dev` cannot be made for linux/amd64: there is no package `apt`, which every `:dev` has, in trixie, trixie-updates, trixie-security
    wrote `app.lock`: 18 packages for linux/amd64
    ");
    insta::assert_snapshot!(
        said(&context, &["build", "app.yaml", "--platform", "linux/amd64"])
            .replace(digest(&context, "app.yaml", &["--platform", "linux/amd64"]).trim(), "[DIGEST]"),
        @"
    status 0
    [DIGEST]
    note: the packages of `app.yaml` are as `app.lock` pins them
    wrote app:latest to oci-archive:app.tar (21.4 kB)
    "
    );
    let silent = said(
        &context,
        &[
            "build",
            "app.yaml",
            "--platform",
            "linux/amd64",
            "--no-lock",
        ],
    );
    assert!(!silent.contains("app.lock"), "{silent}");
    // What shows an image shows the one that is built.
    let shown = said(
        &context,
        &["why", "app.yaml", "tool", "--platform", "linux/amd64"],
    );
    assert!(shown.contains("app.lock"), "{shown}");
}

#[test]
fn a_lock_is_the_same_again_and_asks_nobody() {
    let context = context();
    context.run(&["lock", "app.yaml"]);
    let first = lock_of(&context);
    fs::remove_dir_all(context.archive().join("dists")).unwrap();
    insta::assert_snapshot!(said(&context, &["lock", "app.yaml"]), @"
    status 0
    `app.lock` stays as it is
    ");
    assert_eq!(lock_of(&context), first);
    let other = self::context();
    other.run(&["lock", "app.yaml"]);
    assert_eq!(lock_of(&other), first);
}

#[test]
fn a_package_that_a_layer_below_has_anyway_may_be_asked_for() {
    let context = Context::new();
    context.define("name: app\nfrom: base\npackages: [zlib1g]\n");
    let platform = ["app.yaml", "--platform", "linux/amd64"];
    context.run(&[&["lock"], &platform[..]].concat());
    context.run(&[&["build", "--locked"], &platform[..]].concat());
}

#[test]
fn a_lock_follows_its_definition() {
    let context = context();
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    move_on(&context, &archive(7, tool("2.0-1")));
    context.define(&format!("{YAML}  - libexpat1\n"));
    // What stays, stays as it was, though there is a newer one.
    insta::assert_snapshot!(said(&context, &["lock", "app.yaml"]), @"
    status 0
    linux/amd64
    PACKAGE    CHANGE  OLD  NEW              SUITE   LAYER     DEB
    libexpat1  added   -    2.9.0-1~deb13u1  trixie  app    1.8 kB
    warning: `dev` is not locked for linux/amd64: `app:dev` cannot be made for linux/amd64: there is no package `apt`, which every `:dev` has, in trixie, trixie-updates, trixie-security
    wrote `app.lock`: 19 packages for linux/amd64
    ");
    context.define("name: app\nfrom: base\n");
    insta::assert_snapshot!(said(&context, &["lock", "app.yaml"]), @"
    status 0
    linux/amd64
    PACKAGE    CHANGE   OLD              NEW  SUITE  LAYER  DEB
    libexpat1  removed  2.9.0-1~deb13u1  -    -      app    0 B
    libtool1   removed  1.0-1            -    -      app    0 B
    tool       removed  1.0-1            -    -      app    0 B
    warning: `dev` is not locked for linux/amd64: `app:dev` cannot be made for linux/amd64: there is no package `apt`, which every `:dev` has, in trixie, trixie-updates, trixie-security
    wrote `app.lock`: 16 packages for linux/amd64
    ");
}

#[test]
fn a_file_that_is_brought_is_locked() {
    let context = context();
    context.define(&format!(
        "{YAML}files:\n  - {{path: /app/run, from: run}}\n"
    ));
    fs::write(context.work().join("run"), "one").unwrap();
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let lock = lock_of(&context);
    let files = &lock[lock.find("\nfiles:").unwrap()..lock.find("platforms:").unwrap()];
    insta::assert_snapshot!(files, @"

    files:
      - definition: app
        from: run
        path: /app/run
        size: 3
        digest: sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed
    ");
    fs::write(context.work().join("run"), "two").unwrap();
    let locked = ["build", "app.yaml", "--locked", "--platform", "linux/amd64"];
    insta::assert_snapshot!(context.fails(&locked), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` does not fit `app.yaml`: the file `run` of `app` was changed since

    hint: `distil lock app.yaml` locks it anew, with the same packages
    ");
}

#[test]
fn an_image_of_the_catalogue_is_locked_into_a_file() {
    let context = context();
    context.run(&[
        "lock",
        "python3",
        "-o",
        "python3.lock",
        "--platform",
        "linux/amd64",
    ]);
    let free = digest(&context, "python3:debug", &["--platform", "linux/amd64"]);
    forget(&context);
    fs::remove_dir_all(context.archive().join("dists")).unwrap();
    let locked = [
        "--platform",
        "linux/amd64",
        "--lock",
        "python3.lock",
        "--locked",
    ];
    assert_eq!(digest(&context, "python3:debug", &locked), free);
}

#[test]
fn a_lock_says_how_layers_are_compressed() {
    let context = context();
    let platform = ["--platform", "linux/amd64"];
    context.run(&[
        "lock",
        "app.yaml",
        "--platform",
        "linux/amd64",
        "--compression",
        "zstd",
    ]);
    let zstd = digest(
        &context,
        "app.yaml",
        &[&platform[..], &["--locked"]].concat(),
    );
    let free = [&platform[..], &["--no-lock", "--compression", "zstd"]].concat();
    assert_eq!(digest(&context, "app.yaml", &free), zstd);
    let gzip = digest(
        &context,
        "app.yaml",
        &[&platform[..], &["--compression", "gzip"]].concat(),
    );
    assert_ne!(gzip, zstd);
}

/// The numbers under `formats` stand for bytes. If these are meant to change, raise the number of what changes
/// them, and replace the lines: no lock that somebody has may mean other bytes.
#[test]
fn numbers_of_formats_stand_for_bytes() {
    let pinned = ["gzip", "zstd", "none"].map(|compression| {
        let context = context();
        let lock = ["lock", "app.yaml", "--platform", "linux/amd64"];
        context.run(&[&lock[..], &["--compression", compression]].concat());
        let lock = lock_of(&context);
        let lines = lock
            .lines()
            .skip_while(|line| !line.starts_with("formats:"));
        let numbers: Vec<&str> = lines
            .skip(1)
            .take_while(|line| line.starts_with(' '))
            .map(str::trim)
            .collect();
        let made = digest(&context, "app.yaml", &["--platform", "linux/amd64"]);
        format!("{}: {made}", numbers.join(", "))
    });
    insta::assert_snapshot!(pinned.concat(), @"
    image: 3, layer: 1, compression: gzip, level: 6, codec: 1: app:latest linux/amd64 trixie sha256:bb02c6e46922f257127e51df4754894f2e66f7a09ef3394e27866f21e4fcdaa2
    image: 3, layer: 1, compression: zstd, level: 3, codec: 1: app:latest linux/amd64 trixie sha256:c7f6f0a4745df45846cea69aead2b8734aa4ef878bcaac9f358ff5b78e135abf
    image: 3, layer: 1, compression: none, level: 0, codec: 0: app:latest linux/amd64 trixie sha256:a76bea1d26a95c40cd10a749f900c31a2f5889fa703d9b8added2795195d0c48
    ");
}

#[test]
fn a_variant_without_a_solution_is_left_out() {
    let archive =
        archive(0, tool("1.0-1")).with("trixie", |pocket| pocket.without("busybox-static"));
    let context = Context::with(archive, debian_security_like("trixie"));
    context.define(YAML);
    insta::assert_snapshot!(said(&context, &["lock", "app.yaml", "--platform", "linux/amd64"]), @"
    status 0
    warning: `debug` is not locked for linux/amd64: failed to find packages for `app:debug`: there is no package `busybox-static` in trixie, trixie-updates or trixie-security
    warning: `dev` is not locked for linux/amd64: `app:dev` cannot be made for linux/amd64: there is no package `apt`, which every `:dev` has, in trixie, trixie-updates, trixie-security
    wrote `app.lock`: 17 packages for linux/amd64
    ");
    context.run(&["build", "app.yaml", "--locked", "--platform", "linux/amd64"]);
    fs::remove_file(context.work().join("app.tar")).unwrap();
    let debug = ["build", "app.yaml:debug", "--platform", "linux/amd64"];
    insta::assert_snapshot!(context.fails(&debug), @"
    status 1
    note: the packages of `app.yaml:debug` are as `app.lock` pins them
    error: `app.lock` does not fit `app.yaml:debug`: it has no packages of the variant `debug` for linux/amd64

    hint: `distil lock app.yaml:debug --update` says why, or has them now
    ");
}
