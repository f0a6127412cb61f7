//! Locks: made, kept up and built from, while the archive moves on.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use distil_fixture::{
    ArchiveBuilder, DEFAULT_DATE, DebBuilder, Pocket, debian_like, debian_security_like,
};

use crate::context::Context;
use crate::dev;

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
    wrote app:latest to oci-archive:app.tar (21.3 kB)
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
fn an_archive_that_moves_on_changes_nothing() {
    let context = context();
    context.run(&["lock", "app.yaml"]);
    let before = digest(&context, "app.yaml", &["--locked"]);
    move_on(&context, &archive(7, tool("2.0-1")));
    let first = lock_of(&context);
    context.run(&["lock", "app.yaml"]);
    assert_eq!(lock_of(&context), first);
    assert_eq!(digest(&context, "app.yaml", &[]), before);
    assert_ne!(digest(&context, "app.yaml", &["--no-lock"]), before);
}

#[test]
fn an_update_says_what_it_changes() {
    let context = context();
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let first = lock_of(&context);
    move_on(&context, &archive(7, tool("2.0-1")));
    insta::assert_snapshot!(said(&context, &["lock", "app.yaml", "--update", "--dry-run"]), @"
    status 3
    linux/amd64
    PACKAGE   CHANGE  OLD    NEW    SUITE   LAYER    DEB
    libtool1  up      1.0-1  2.0-1  trixie  app    848 B
    tool      up      1.0-1  2.0-1  trixie  app    864 B
    warning: `dev` is not locked for linux/amd64: `app:dev` cannot be made for linux/amd64: there is no package `apt`, which every `:dev` has, in trixie, trixie-updates, trixie-security
    `app.lock` would change
    ");
    assert_eq!(lock_of(&context), first);
    let json = said(
        &context,
        &[
            "lock",
            "app.yaml",
            "--update",
            "--dry-run",
            "--format",
            "json",
            "--quiet",
        ],
    );
    insta::assert_snapshot!(json, @r#"
    status 3
    {
      "schema_version": 1,
      "lock": "app.lock",
      "changed": true,
      "written": false,
      "platforms": [
        {
          "platform": "linux/amd64",
          "packages": [
            {
              "name": "libtool1",
              "change": "up",
              "old": "1.0-1",
              "new": "2.0-1",
              "suite": "trixie",
              "security": false,
              "layer": "app",
              "old_size": 848,
              "new_size": 848
            },
            {
              "name": "tool",
              "change": "up",
              "old": "1.0-1",
              "new": "2.0-1",
              "suite": "trixie",
              "security": false,
              "layer": "app",
              "old_size": 864,
              "new_size": 864
            }
          ]
        }
      ],
      "unlocked": [
        {
          "platform": "linux/amd64",
          "variant": "dev",
          "why": "`app:dev` cannot be made for linux/amd64: there is no package `apt`, which every `:dev` has, in trixie, trixie-updates, trixie-security"
        }
      ]
    }
    "#);
    insta::assert_snapshot!(said(&context, &["lock", "app.yaml", "--update"]), @"
    status 0
    linux/amd64
    PACKAGE   CHANGE  OLD    NEW    SUITE   LAYER    DEB
    libtool1  up      1.0-1  2.0-1  trixie  app    848 B
    tool      up      1.0-1  2.0-1  trixie  app    864 B
    warning: `dev` is not locked for linux/amd64: `app:dev` cannot be made for linux/amd64: there is no package `apt`, which every `:dev` has, in trixie, trixie-updates, trixie-security
    wrote `app.lock`: 18 packages for linux/amd64
    ");
    insta::assert_snapshot!(said(&context, &["lock", "app.yaml", "--update", "--dry-run"]), @"
    status 0
    warning: `dev` is not locked for linux/amd64: `app:dev` cannot be made for linux/amd64: there is no package `apt`, which every `:dev` has, in trixie, trixie-updates, trixie-security
    `app.lock` stays as it is
    ");
    // A newer state of the archive without other packages is no change.
    let second = lock_of(&context);
    move_on(&context, &archive(9, tool("2.0-1")));
    insta::assert_snapshot!(said(&context, &["lock", "--update", "app.yaml"]), @"
    status 0
    warning: `dev` is not locked for linux/amd64: `app:dev` cannot be made for linux/amd64: there is no package `apt`, which every `:dev` has, in trixie, trixie-updates, trixie-security
    `app.lock` stays as it is
    ");
    assert_eq!(lock_of(&context), second);
}

#[test]
fn an_update_says_which_files_it_changes() {
    let context = context();
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    digest(&context, "app.yaml", &["--platform", "linux/amd64"]);
    move_on(&context, &archive(7, tool("2.0-1")));
    let files = ["lock", "app.yaml", "--update", "--dry-run", "--files"];
    let said = said(&context, &files);
    let shown: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("/usr/share") || line.starts_with("a machine"))
        .collect();
    assert!(shown.len() == 3, "{said}");
    assert!(
        shown[0].starts_with("/usr/share/libtool1/version"),
        "{said}"
    );
    assert!(shown[1].starts_with("/usr/share/tool/version"), "{said}");
    assert!(
        shown[2].starts_with("a machine that has the old image pulls"),
        "{said}"
    );
}

#[test]
fn an_update_of_one_package_changes_its_lines_alone() {
    let context = context();
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let first = lock_of(&context);
    let debs = tool("2.0-1");
    move_on(&context, &archive(7, debs));
    let said = said(&context, &["lock", "app.yaml", "--update", "tool"]);
    insta::assert_snapshot!(said, @"
    status 0
    linux/amd64
    PACKAGE  CHANGE  OLD    NEW    SUITE   LAYER    DEB
    tool     up      1.0-1  2.0-1  trixie  app    864 B
    warning: `dev` is not locked for linux/amd64: `app:dev` cannot be made for linux/amd64: there is no package `apt`, which every `:dev` has, in trixie, trixie-updates, trixie-security
    wrote `app.lock`: 18 packages for linux/amd64
    ");
    let second = lock_of(&context);
    insta::assert_snapshot!(only_in(&first, &second), @r#"
    date: "2025-10-01T00:00:00Z"
    date: "2025-10-01T00:00:00Z"
        path: pool/main/t/tool/tool_1.0-1_amd64.deb
    "#);
    // The library is in no index any more: its lock says when it was.
    insta::assert_snapshot!(only_in(&second, &first), @r#"
    date: "2025-10-08T00:00:00Z"
    date: "2025-10-08T00:00:00Z"
        last_seen: "2025-10-01T00:00:00Z"
        version: "2.0-1"
        path: pool/main/t/tool/tool_2.0-1_amd64.deb
    "#);
}

#[test]
fn what_no_mirror_has_is_in_the_snapshot_of_its_time() {
    let context = context();
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let before = digest(&context, "app.yaml", &["--platform", "linux/amd64"]);
    let old = context.work().join("snapshots/debian/20251001T000000Z");
    fs::create_dir_all(&old).unwrap();
    fs::rename(context.archive().join("pool"), old.join("pool")).unwrap();
    fs::create_dir(context.archive().join("pool")).unwrap();
    move_on(&context, &archive(7, tool("2.0-1")));
    forget(&context);
    let snapshots = format!(
        "file://{}/{{archive}}/{{time}}",
        context.work().join("snapshots").display()
    );
    let with = [
        "--platform",
        "linux/amd64",
        "--locked",
        "--snapshot",
        &snapshots,
    ];
    assert_eq!(digest(&context, "app.yaml", &with), before);
    // An update of one package leaves the other where it was seen last.
    context.run(&["lock", "app.yaml", "--update", "tool"]);
    forget(&context);
    let both = digest(&context, "app.yaml", &with);
    assert_ne!(both, before);
    forget(&context);
    fs::remove_dir_all(&old).unwrap();
    let names = |line: &&str| line.contains("libtool1");
    let message = context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]);
    let message: Vec<&str> = message.lines().filter(names).collect();
    insta::assert_snapshot!(message.join("\n"), @"
      cause: failed to read package `libtool1 1.0-1`
        `file://[FOLDER]/debian/pool/main/libt/libtool1/libtool1_1.0-1_amd64.deb` does not exist
        `file:///nonexistent/debian/20251001T000000Z/pool/main/libt/libtool1/libtool1_1.0-1_amd64.deb` does not exist
        `file:///nonexistent/debian/20251002T000000Z/pool/main/libt/libtool1/libtool1_1.0-1_amd64.deb` does not exist
    hint: `--mirror ADDRESS` and `--snapshot ADDRESS` name other places; `distil lock --update libtool1` takes the version that there is now
    ");
}

#[test]
fn a_package_that_nobody_has() {
    let context = context();
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    forget(&context);
    fs::remove_dir_all(context.archive().join("pool/main/t/tool")).unwrap();
    let fails = || context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]);
    insta::assert_snapshot!(fails(), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: failed to get a package of `app.lock`
      cause: failed to read package `tool 1.0-1`
      cause: no mirror has it
        `file://[FOLDER]/debian/pool/main/t/tool/tool_1.0-1_amd64.deb` does not exist
        `file:///nonexistent/debian/20251001T000000Z/pool/main/t/tool/tool_1.0-1_amd64.deb` does not exist
        `file:///nonexistent/debian/20251002T000000Z/pool/main/t/tool/tool_1.0-1_amd64.deb` does not exist

    hint: `--mirror ADDRESS` and `--snapshot ADDRESS` name other places; `distil lock --update tool` takes the version that there is now
    ");
    // Other bytes are no package of the lock either.
    let path = context
        .archive()
        .join("pool/main/t/tool/tool_1.0-1_amd64.deb");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "something else").unwrap();
    insta::assert_snapshot!(fails(), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: failed to get a package of `app.lock`
      cause: failed to read package `tool 1.0-1`
      cause: no mirror has it
        `file://[FOLDER]/debian/pool/main/t/tool/tool_1.0-1_amd64.deb`: it has 14 bytes with sha256:[DIGEST], and the archive's index names 864 with sha256:[DIGEST]
        `file:///nonexistent/debian/20251001T000000Z/pool/main/t/tool/tool_1.0-1_amd64.deb` does not exist
        `file:///nonexistent/debian/20251002T000000Z/pool/main/t/tool/tool_1.0-1_amd64.deb` does not exist

    hint: `--mirror ADDRESS` and `--snapshot ADDRESS` name other places; `distil lock --update tool` takes the version that there is now
    ");
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
fn comments_fit_and_letters_do_not() {
    let context = context();
    context.run(&["lock", "app.yaml"]);
    let platform = ["--platform", "linux/amd64"];
    let locked = [&platform[..], &["--locked"]].concat();
    let before = digest(&context, "app.yaml", &locked);
    context.define(&format!("# a comment\n{YAML}"));
    assert_eq!(digest(&context, "app.yaml", &locked), before);
    context.define(&format!("{YAML}config:\n  env:\n    A: b\n"));
    let build = [
        "build",
        "app.yaml",
        "--platform",
        "linux/amd64",
        "-o",
        "oci-archive:x.tar",
    ];
    let said = said(&context, &build);
    let warnings: Vec<&str> = said
        .lines()
        .filter(|line| !line.contains(" sha256:"))
        .collect();
    insta::assert_snapshot!(warnings.join("\n"), @"
    status 0
    note: the packages of `app.yaml` are as `app.lock` pins them
    warning: the definition is not quite the one that `app.lock` was made of, though its packages are: the key `config` of `app` was added since
     --> app.yaml:5:1
      |
    5 | config:
      | ^^^^^^
    wrote app:latest to oci-archive:x.tar (21.4 kB), replacing an older file
    ");
    let fails = |more: &[&str]| {
        fs::remove_file(context.work().join("x.tar")).unwrap_or_default();
        context.fails(&[&build[..], more].concat())
    };
    insta::assert_snapshot!(fails(&["--locked"]), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` does not fit `app.yaml`: the key `config` of `app` was added since
     --> app.yaml:5:1
      |
    5 | config:
      | ^^^^^^

    hint: `distil lock app.yaml` locks it anew, with the same packages
    ");
    context.define(&format!("{YAML}  - libexpat1\n"));
    insta::assert_snapshot!(fails(&[]), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` does not fit `app.yaml`: `libexpat1` is not in it
     --> app.yaml:5:5
      |
    5 |   - libexpat1
      |     ^^^^^^^^^

    hint: `distil lock app.yaml` locks it anew and keeps the pins that still fit; `--no-lock` builds without
    ");
    context.define(&YAML.replace("base", "cc"));
    insta::assert_snapshot!(fails(&[]), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` does not fit `app.yaml`: it is of the definitions static, base-nossl, base, app, and now they are static, base-nossl, base, cc, app

    hint: `distil lock app.yaml` locks it anew and keeps the pins that still fit; `--no-lock` builds without
    ");
    context.define("name: app\nfrom: base\n");
    insta::assert_snapshot!(fails(&[]), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` does not fit `app.yaml`: the key `packages` of `app` was removed since
     --> app.yaml:1:1
      |
    1 | name: app
      | ^^^^

    hint: `distil lock app.yaml` locks it anew and keeps the pins that still fit; `--no-lock` builds without
    ");
    context.define(YAML);
    insta::assert_snapshot!(fails(&["--add", "libexpat1"]), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` does not fit `app.yaml`: flags make the image `app+libexpat1`, which was locked without them

    hint: `distil lock app.yaml` locks it anew and keeps the pins that still fit; `--no-lock` builds without
    ");
    // A flag that asks for no package says itself what it changes.
    context.run(&[&build[..], &["--env", "A=b"]].concat());
    insta::assert_snapshot!(fails(&["--env", "A=b", "--locked"]), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` does not fit `app.yaml`: flags make the image `app+local`, which was locked without them

    hint: `distil lock app.yaml` locks it anew, with the same packages
    ");
    insta::assert_snapshot!(fails(&["--locked", "--compression", "zstd"]), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` is for layers compressed by gzip at level 6, not by zstd at level 3

    hint: leave `--compression` out, or lock again with it
    ");
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
fn locks_that_are_missing_or_for_something_else() {
    let context = context();
    let fails = |arguments: &[&str]| context.fails(arguments);
    insta::assert_snapshot!(fails(&["build", "app.yaml", "--locked"]), @"
    status 1
    error: there is no lock of `app.yaml`: `app.lock` does not exist

    hint: `distil lock app.yaml` makes it
    ");
    insta::assert_snapshot!(fails(&["build", "base", "--locked"]), @"
    status 2
    error: `base` is of the catalogue, and has no lock beside it

    hint: `distil lock base -o FILE` makes a lock, and `--lock FILE` builds from it
    ");
    insta::assert_snapshot!(fails(&["build", "app.yaml", "--lock", "other.lock"]), @"
    status 1
    error: there is no lock of `app.yaml`: `other.lock` does not exist

    hint: `distil lock app.yaml` makes it
    ");
    insta::assert_snapshot!(fails(&["build", "app.yaml", "--locked", "--no-lock"]), @"
    status 2
    error: the argument '--locked' cannot be used with '--no-lock'

    Usage: distil build --locked --mirror <ADDRESS> --keyring <FILE> <IMAGE>...

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(fails(&["lock", "base"]), @"
    status 2
    error: `base` is of the catalogue, and has no file that a lock lies beside

    hint: name one: `distil lock base -o base.lock`
    ");
    insta::assert_snapshot!(fails(&["lock"]), @"
    status 2
    error: it is not said what to lock

    hint: name a definition: `distil lock app.yaml`
    ");
    insta::assert_snapshot!(fails(&["lock", "app.yaml", "--update"]), @"
    status 2
    error: there is no lock to update: `app.lock` does not exist

    hint: leave `--update` out to make one
    ");
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    insta::assert_snapshot!(fails(&["build", "app.yaml", "--platform", "linux/arm64"]), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` does not fit `app.yaml`: it is for linux/amd64, and not for linux/arm64

    hint: `distil lock app.yaml --platform …` locks other platforms
    ");
    insta::assert_snapshot!(fails(&["build", "app.yaml", "--suite", "bookworm"]), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` does not fit `app.yaml`: it is for trixie, and the image is to be made from bookworm

    hint: `--suite trixie` builds from it; `distil lock app.yaml --suite …` locks another
    ");
    insta::assert_snapshot!(fails(&["lock", "app.yaml", "--update", "tol"]), @"
    status 2
    error: `app.lock` has no package `tol`

    hint: did you mean `tool`?
    ");
}

#[test]
fn locks_that_were_damaged() {
    let context = context();
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let good = lock_of(&context);
    let fails = |text: String| {
        fs::write(context.work().join("app.lock"), text).unwrap();
        let build = context.fails(&["build", "app.yaml"]);
        assert_eq!(context.fails(&["lock", "app.yaml"]), build);
        build
    };
    let ours = good.replace(
        "suite: trixie\nformats",
        "<<<<<<< HEAD\nsuite: trixie\n=======\n>>>>>>> other\nformats",
    );
    insta::assert_snapshot!(fails(ours), @"
    status 1
    error: `app.lock` has a merge conflict in it
     --> app.lock:4
      | <<<<<<< HEAD

    hint: take one side of it, and run `distil lock` again
    ");
    insta::assert_snapshot!(fails(good.replace("schema_version: 1", "schema_version: 7")), @"
    status 1
    error: `app.lock` has format 7, and this distil reads up to format 1

    hint: a newer distil wrote it; build with that, or lock again with this one
    ");
    insta::assert_snapshot!(fails(good.replace("image: 1", "image: 1\n  taste: 3")), @"
    status 1
    error: `app.lock` is not a valid lock
    `formats` has no key `taste`
     --> app.lock:7:3
      |
    7 |   taste: 3
      |   ^^^^^
      = its keys are `codec`, `compression`, `image`, `layer` and `level`

    hint: take it as it was from version control, or remove it and run `distil lock`
    ");
    insta::assert_snapshot!(fails(String::new()), @"
    status 1
    error: `app.lock` is not a valid lock
    unexpected end of file
     --> app.lock:1:1
      |
    1 |
      | ^

    hint: take it as it was from version control, or remove it and run `distil lock`
    ");
    // Another number of a format is read, and not built from.
    fs::write(
        context.work().join("app.lock"),
        good.replace("image: 1", "image: 9"),
    )
    .unwrap();
    insta::assert_snapshot!(context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` is for version 9 of the format `image`, and this distil makes version 1

    hint: build with the distil that made it, or lock again
    ");
}

#[test]
fn an_older_archive_is_refused() {
    let context = context();
    move_on(&context, &archive(7, tool("2.0-1")));
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let first = lock_of(&context);
    move_on(&context, &archive(0, tool("1.0-1")));
    insta::assert_snapshot!(context.fails(&["lock", "app.yaml", "--update"]), @"
    status 1
    warning: the Release of `trixie` is dated 2025-10-01 00:00:00 UTC, and one of 2025-10-08 00:00:00 UTC was used before: the mirror is out of date, or something keeps newer files away
    warning: the Release of `trixie-updates` is dated 2025-10-01 00:00:00 UTC, and one of 2025-10-08 00:00:00 UTC was used before: the mirror is out of date, or something keeps newer files away
    error: the Release of `trixie` is dated 2025-10-01T00:00:00Z, and `app.lock` was made from one of 2025-10-08T00:00:00Z: the mirror is out of date, or something keeps newer packages away

    hint: `--mirror ADDRESS` names another mirror; `--allow-older` accepts it all the same, and its packages may lack fixes
    ");
    assert_eq!(lock_of(&context), first);
    insta::assert_snapshot!(said(&context, &["lock", "app.yaml", "--update", "--allow-older"]), @"
    status 0
    linux/amd64
    PACKAGE   CHANGE  OLD    NEW    SUITE   LAYER    DEB
    libtool1  down    2.0-1  1.0-1  trixie  app    848 B
    tool      down    2.0-1  1.0-1  trixie  app    864 B
    warning: the Release of `trixie` is dated 2025-10-01 00:00:00 UTC, and one of 2025-10-08 00:00:00 UTC was used before: the mirror is out of date, or something keeps newer files away
    warning: the Release of `trixie-updates` is dated 2025-10-01 00:00:00 UTC, and one of 2025-10-08 00:00:00 UTC was used before: the mirror is out of date, or something keeps newer files away
    warning: `dev` is not locked for linux/amd64: `app:dev` cannot be made for linux/amd64: there is no package `apt`, which every `:dev` has, in trixie, trixie-updates, trixie-security
    wrote `app.lock`: 18 packages for linux/amd64
    ");
}

#[test]
fn an_expired_archive_is_refused() {
    let expiring = |pocket: Pocket| pocket.valid_until(Some(DEFAULT_DATE + 8 * DAY));
    let context = context();
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let newer = archive(7, tool("2.0-1")).with("trixie-updates", expiring);
    move_on(&context, &newer);
    let update = ["lock", "app.yaml", "--update"];
    insta::assert_snapshot!(context.fails(&update), @"
    status 1
    error: no mirror has a usable Release of `trixie-updates`
      `file://[FOLDER]/debian/dists/trixie-updates/InRelease`: the Release file of `trixie-updates` expired on 2025-10-09 00:00:00 UTC (415 days ago); the mirror is out of date, or something keeps newer files away

    hint: `--allow-expired` accepts it; its packages may lack security fixes
    ");
    context.run(&["lock", "app.yaml", "--update", "--allow-expired"]);
    // What is locked does not expire.
    context.run(&["build", "app.yaml", "--locked", "--platform", "linux/amd64"]);
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

#[test]
fn nothing_half_written_stays() {
    let context = context();
    let lock = context.work().join("app.lock");
    fs::create_dir(&lock).unwrap();
    insta::assert_snapshot!(context.fails(&["lock", "app.yaml"]), @"
    status 1
    error: the lock `app.lock` is a folder, and a file is asked for
    ");
    fs::remove_dir(&lock).unwrap();
    // Two at once: one of them may fail, and what is there is whole.
    let mut children: Vec<_> = (0..2)
        .map(|_| {
            context
                .command(&["lock", "app.yaml", "--quiet"])
                .spawn()
                .unwrap()
        })
        .collect();
    let worked = children
        .iter_mut()
        .map(|child| child.wait().unwrap().success());
    assert!(worked.collect::<Vec<_>>().contains(&true));
    assert_eq!(context.files(), ["app.lock", "app.yaml"]);
    assert!(is_whole(&lock));
    context.run(&["build", "app.yaml", "--locked", "--platform", "linux/amd64"]);
}

fn is_whole(path: &Path) -> bool {
    fs::read_to_string(path).unwrap().ends_with('\n')
}
