//! Locks while their archive moves on.

use std::fs;
use std::io::Write as _;

use distil_fixture::{DebBuilder, ElfBuilder, Entry, debian_security_like};

use super::{YAML, archive, context, digest, forget, lock_of, move_on, only_in, said, tool};
use crate::context::Context;

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

/// The tool, whose library has other functions, and which tells of it.
fn told(version: &str, functions: &[&str], changelog: &str) -> Vec<DebBuilder> {
    let code = b"\xb8\x0a\0\0\0\xc3";
    let library = ElfBuilder::shared("libtool.so.1");
    let library = functions
        .iter()
        .fold(library, |library, name| library.function(name, code));
    let documents = "/usr/share/doc/libtool1";
    vec![
        DebBuilder::new("tool", version, "amd64").depends("libtool1"),
        DebBuilder::new("libtool1", version, "amd64")
            .field("Source", "tool")
            .file(
                &format!("/usr/lib/x86_64-linux-gnu/libtool.so.1.{}", &version[..1]),
                library.build(),
            )
            .entry(Entry::symlink(
                "/usr/lib/x86_64-linux-gnu/libtool.so.1",
                format!("libtool.so.1.{}", &version[..1]),
            ))
            .file(&format!("{documents}/changelog.Debian.gz"), gzip(changelog))
            .file(
                &format!("{documents}/NEWS.Debian.gz"),
                gzip("tool (2.0-1) trixie; urgency=low\n\n  Old files are not read.\n\n -- A\n"),
            ),
    ]
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn an_update_tells_changelogs_and_symbols() {
    let first = "tool (1.0-1) trixie; urgency=low\n\n  * Mend CVE-2020-1111.\n\n -- A\n";
    let second = "\
tool (2.0-1) trixie-security; urgency=high

  * Mend CVE-2025-59375 and
    CVE-2025-1000001.

 -- A <a@example.org>  Mon, 20 Oct 2025 22:04:01 +0200

tool (1.5-1) trixie; urgency=low

  * \u{1b}[31mRename `old` to `new`.

 -- A <a@example.org>  Mon, 20 Jan 2025 22:04:01 +0200

";
    let second = second.to_owned() + first;
    let debs = told("1.0-1", &["kept", "old"], first);
    let context = Context::with(archive(0, debs), debian_security_like("trixie"));
    context.define(YAML);
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    digest(&context, "app.yaml", &["--platform", "linux/amd64"]);
    move_on(
        &context,
        &archive(7, told("2.0-1", &["kept", "new"], &second)),
    );
    let files = ["lock", "app.yaml", "--update", "--dry-run", "--files"];
    let text = said(&context, &files);
    let parts: Vec<&str> = text.split("\n\n").collect();
    let part = |start: &str| {
        let found = parts.iter().position(|part| part.starts_with(start));
        found.unwrap_or_else(|| panic!("no part `{start}` in: {text}"))
    };
    let news = part("SOURCE");
    insta::assert_snapshot!(parts[news..part("IMAGE")].join("\n\n"), @r"
    SOURCE  CVE
    tool    CVE-2025-1000001, CVE-2025-59375

    tool 2.0-1 (news):
      Old files are not read.

    tool 2.0-1 (changelog):
      * Mend CVE-2025-59375 and
        CVE-2025-1000001.

    tool 1.5-1 (changelog):
      * \u{1b}[31mRename `old` to `new`.
    ");
    insta::assert_snapshot!(parts[part("LIBRARY")], @"
    LIBRARY       CHANGE   SYMBOLS
    libtool.so.1  symbols  1 removed: old; 1 added: new
    ");
    let json = [&files[..], &["--format", "json", "--quiet"]].concat();
    let output = context.command(&json).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_snapshot!(json["news"][0]["cves"], @r#"["CVE-2025-1000001","CVE-2025-59375"]"#);
    insta::assert_snapshot!(json["images"]["libraries"], @r#"[{"added_symbols":["new"],"change":"symbols","name":"libtool.so.1","new_path":"/usr/lib/x86_64-linux-gnu/libtool.so.1.2","old_path":"/usr/lib/x86_64-linux-gnu/libtool.so.1.1","removed_symbols":["old"]}]"#);
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
        "--snapshot-service",
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
    hint: `--mirror ADDRESS` and `--snapshot-service ADDRESS` name other places; `distil lock --update libtool1` takes the version that there is now
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

    hint: `--mirror ADDRESS` and `--snapshot-service ADDRESS` name other places; `distil lock --update tool` takes the version that there is now
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

    hint: `--mirror ADDRESS` and `--snapshot-service ADDRESS` name other places; `distil lock --update tool` takes the version that there is now
    ");
}
