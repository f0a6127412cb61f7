//! Locks without network: with what is in the store, and with directories that `vendor` fills.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{archive, context, digest, forget, move_on, said, status, tool};
use crate::context::Context;

const BOTH: [&str; 2] = ["--platform", "linux/amd64,linux/arm64"];

/// The command on a machine that has a vendored directory and nothing else.
fn apart(context: &Context, arguments: &[&str]) -> Command {
    let mut command = context.bare(arguments);
    let mirror = format!("file:{}", context.work().join("vendor").display());
    command.args(["--offline", "--mirror", &mirror]);
    command.arg("--keyring").arg(context.keyring());
    command
}

fn built(context: &Context, more: &[&str]) -> String {
    let arguments = [&["build", "app.yaml", "-o", "oci-archive:x.tar"], more].concat();
    let (status, output) = status(&mut apart(context, &arguments));
    assert_eq!(status, 0, "{}", context.stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The files below a directory, by their paths in it.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(place) = open.pop() {
        for entry in fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push(path.strip_prefix(directory).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}

fn checked(context: &Context) -> String {
    let arguments = ["vendor", "--check", "vendor", "--keyring"];
    let mut command = context.bare(&arguments);
    command.arg(context.keyring());
    let (status, output) = status(&mut command);
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    let text = format!("status {status}\n{stdout}{}", context.stderr(&output));
    let work = context.work().display().to_string();
    crate::context::without_digests(&text).replace(&work, "[WORK]")
}

fn vendored() -> Context {
    let context = context();
    context.run(&["lock", "app.yaml", BOTH[0], BOTH[1]]);
    context.run(&["vendor", "app.yaml", "--to", "vendor"]);
    context
}

#[test]
fn a_vendored_directory_is_all_that_is_needed() {
    let context = context();
    context.run(&["lock", "app.yaml", BOTH[0], BOTH[1]]);
    let expected = digest(&context, "app.yaml", &BOTH);
    insta::assert_snapshot!(said(&context, &["vendor", "app.yaml", "--to", "vendor"]), @"
    status 0
    `vendor` has 41 files (114.3 kB); 41 of them are new (114.3 kB)
    ");
    let before = files(&context.work().join("vendor"));
    assert!(
        before.contains(&"dists/trixie/InRelease".to_owned()),
        "{before:?}"
    );
    assert!(before.contains(&"locks/app.lock".to_owned()), "{before:?}");
    insta::assert_snapshot!(said(&context, &["vendor", "app.yaml", "--to", "vendor"]), @"
    status 0
    `vendor` has 41 files (114.3 kB); 0 of them are new (0 B)
    ");
    assert_eq!(files(&context.work().join("vendor")), before);
    forget(&context);
    for name in ["dists", "pool"] {
        fs::remove_dir_all(context.archive().join(name)).unwrap();
    }
    fs::remove_dir_all(context.security()).unwrap();
    for variant in ["--locked", "--no-lock"] {
        forget(&context);
        assert_eq!(
            built(&context, &[BOTH[0], BOTH[1], variant]),
            expected,
            "{variant}"
        );
    }
    insta::assert_snapshot!(checked(&context), @"
    status 0
    `vendor` has 31 of 31 files of app.lock (68.4 kB)
    ");
}

/// `app.yaml` is made of a directory alone after `stop`, which ends the servers that its files are from.
pub(crate) fn is_made_of_a_directory_alone(context: &Context, stop: impl FnOnce()) {
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let amd64 = ["--platform", "linux/amd64", "--locked"];
    let expected = digest(context, "app.yaml", &amd64);
    forget(context);
    context.run(&["vendor", "app.yaml", "--to", "vendor"]);
    stop();
    forget(context);
    assert_eq!(built(context, &amd64), expected);
    let said = checked(context);
    assert!(said.starts_with("status 0"), "{said}");
    // A copy that is damaged is told, where it is looked for and where it is used.
    let copies = context.work().join("vendor/by-hash");
    for copy in files(&copies) {
        fs::write(copies.join(copy), "other").unwrap();
    }
    forget(context);
    let arguments = [
        &["build", "app.yaml", "-o", "oci-archive:x.tar"],
        &amd64[..],
    ]
    .concat();
    let (status, output) = status(&mut apart(context, &arguments));
    let said = context.stderr(&output);
    assert!(status == 1 && said.contains("by-hash/SHA"), "{said}");
}

#[test]
fn the_state_of_the_lock_is_vendored_though_the_archive_moved_on() {
    let context = context();
    context.run(&["lock", "app.yaml", BOTH[0], BOTH[1]]);
    let expected = digest(&context, "app.yaml", &BOTH);
    let snapshots = context.work().join("snapshots");
    // At the time of each Release; the security archive's is the newest.
    for time in ["20251001T000000Z", "20251002T000000Z"] {
        let security = snapshots.join("debian-security").join(time);
        copy(context.archive(), &snapshots.join("debian").join(time));
        copy(context.security(), &security);
    }
    move_on(&context, &archive(30, tool("1.0-2")));
    let service = format!("file:{}/{{archive}}/{{time}}", snapshots.display());
    let arguments = ["vendor", "app.yaml", "--to", "vendor"];
    // Nobody has the packages any more.
    insta::assert_snapshot!(said(&context, &arguments), @"
    status 1
    error: failed to read package `libtool1 1.0-1`
      cause: no mirror has it
        `file://[FOLDER]/debian/pool/main/libt/libtool1/libtool1_1.0-1_amd64.deb` does not exist
        `file:///nonexistent/debian/20251001T000000Z/pool/main/libt/libtool1/libtool1_1.0-1_amd64.deb` does not exist
        `file:///nonexistent/debian/20251002T000000Z/pool/main/libt/libtool1/libtool1_1.0-1_amd64.deb` does not exist
    ");
    let with = [&arguments[..], &["--snapshot-service", &service]].concat();
    // How many of them are new depends on what was written before the other run ended.
    let said = said(&context, &with);
    assert!(
        said.starts_with("status 0\n`vendor` has 41 files (114.3 kB); "),
        "{said}"
    );
    forget(&context);
    assert_eq!(built(&context, &[BOTH[0], BOTH[1], "--no-lock"]), expected);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

#[test]
fn a_directory_with_files_missing_damaged_and_added() {
    let context = vendored();
    let directory = context.work().join("vendor");
    let packages: Vec<String> = files(&directory);
    let tool = |architecture: &str| {
        let name = format!("tool_1.0-1_{architecture}.deb");
        let path = packages.iter().find(|path| path.ends_with(&name));
        directory.join(path.unwrap())
    };
    fs::remove_file(tool("arm64")).unwrap();
    let mut bytes = fs::read(tool("amd64")).unwrap();
    bytes[100] ^= 1;
    fs::write(tool("amd64"), bytes).unwrap();
    fs::write(directory.join("pool/added.deb"), "").unwrap();
    insta::assert_snapshot!(checked(&context), @"
    status 1
    FILE                                   PROBLEM
    pool/main/t/tool/tool_1.0-1_amd64.deb  is sha256:[DIGEST] instead of sha256:[DIGEST]
    pool/main/t/tool/tool_1.0-1_arm64.deb  is missing

    `vendor` has 29 of 31 files of app.lock (68.4 kB)
    no lock needs `pool/added.deb`
    ");
    // Where it is used, too.
    forget(&context);
    let arguments = ["build", "app.yaml", "--platform", "linux/arm64"];
    insta::assert_snapshot!(context.failure(&mut apart(&context, &arguments)), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: not in the store, and in no local mirror: 1 package
      tool 1.0-1 (864 bytes)

    hint: leave `--offline` out once, or let `distil vendor` fill a directory where there is a network, and name it by `--mirror file:DIR`
    ");
    let arguments = ["build", "app.yaml", "--platform", "linux/amd64"];
    insta::assert_snapshot!(context.failure(&mut apart(&context, &arguments)), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: failed to get a package of `app.lock`
      cause: failed to read package `tool 1.0-1`
      cause: no mirror has it
        `file://[FOLDER]/work/vendor/pool/main/t/tool/tool_1.0-1_amd64.deb`: it has 864 bytes with sha256:[DIGEST], and the archive's index names 864 with sha256:[DIGEST]
        `file:///nonexistent/debian/20251001T000000Z/pool/main/t/tool/tool_1.0-1_amd64.deb` does not exist
        `file:///nonexistent/debian/20251002T000000Z/pool/main/t/tool/tool_1.0-1_amd64.deb` does not exist

    hint: `--mirror ADDRESS` and `--snapshot-service ADDRESS` name other places; `distil lock --update tool` takes the version that there is now
    ");
    // Filling it again mends it.
    context.run(&["vendor", "app.yaml", "--to", "vendor"]);
    assert!(checked(&context).starts_with("status 0"));
    // An index that is another one.
    fs::write(directory.join("dists/trixie/InRelease"), "x").unwrap();
    insta::assert_snapshot!(checked(&context), @"
    status 1
    FILE          PROBLEM
    dists/trixie  no mirror has a usable Release of `trixie`: `file://[WORK]/vendor/dists/trixie/InRelease`: it is not a signed file: it begins with `x` instead of `-----BEGIN PGP SIGNED MESSAGE-----`

    `vendor` has 30 of 31 files of app.lock (68.4 kB)
    no lock needs `pool/added.deb`
    ");
}

#[test]
fn a_directory_is_filled_by_a_lock_only() {
    let context = context();
    insta::assert_snapshot!(context.fails(&["vendor", "app.yaml", "--to", "vendor"]), @"
    status 1
    error: there is no lock of `app.yaml`: `app.lock` does not exist

    hint: `distil lock app.yaml` makes it
    ");
    insta::assert_snapshot!(context.fails(&["vendor", "python3", "--to", "vendor"]), @"
    status 2
    error: `python3` is of the catalogue, and has no lock beside it

    hint: `distil lock python3 -o FILE` makes a lock, and `--lock FILE` builds from it
    ");
    fs::create_dir(context.work().join("empty")).unwrap();
    insta::assert_snapshot!(context.fails(&["vendor", "--check", "empty"]), @"
    status 1
    error: `empty` has no locks in it, and is not a directory that `distil vendor` filled
    ");
    insta::assert_snapshot!(context.fails(&["vendor", "--check", "nothing"]), @"
    status 1
    error: `nothing` has no locks in it, and is not a directory that `distil vendor` filled
    ");
}

#[test]
fn what_is_missing_without_network_is_listed() {
    let context = context();
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let mirror = "http://127.0.0.1:9/debian";
    let offline = |arguments: &[&str]| {
        let mut command = context.bare(arguments);
        command
            .args(["--offline", "--mirror", mirror])
            .arg("--keyring")
            .arg(context.keyring());
        command
    };
    let arguments = [
        "build",
        "app.yaml",
        "--platform",
        "linux/amd64",
        "-o",
        "oci-archive:x.tar",
    ];
    insta::assert_snapshot!(context.failure(&mut offline(&arguments)), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: not in the store, and in no local mirror: 17 packages
      base-files 13.8+deb13u8 (3136 bytes)
      ca-certificates 20250419+deb13u1 (3480 bytes)
      media-types 13.0.0 (1388 bytes)
      netbase 6.5 (1528 bytes)
      tzdata 2026f-0+deb13u1 (2456 bytes)
      tzdata-legacy 2026f-0+deb13u1 (1432 bytes)
      gcc-14-base 14.2.0-19 (1164 bytes)
      libc-bin 2.41-12+deb13u5 (3756 bytes)
      libc6 2.41-12+deb13u5 (5440 bytes)
      libgcc-s1 14.2.0-19 (1452 bytes)
      libssl3t64 3.5.9-1~deb13u2 (2388 bytes)
      libzstd1 1.5.7+dfsg-1 (1716 bytes)
      openssl 3.5.9-1~deb13u2 (2284 bytes)
      openssl-provider-legacy 3.5.9-1~deb13u2 (1764 bytes)
      zlib1g 1:1.3.dfsg+really1.3.1-1+deb13u1 (1832 bytes)
      libtool1 1.0-1 (848 bytes)
      tool 1.0-1 (864 bytes)

    hint: leave `--offline` out once, or let `distil vendor` fill a directory where there is a network, and name it by `--mirror file:DIR`
    ");
    // With the store alone it works, once everything is there.
    let expected = digest(&context, "app.yaml", &["--platform", "linux/amd64"]);
    let (status, output) = status(&mut offline(&arguments));
    assert_eq!(status, 0, "{}", context.stderr(&output));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    let arguments = ["build", "app.yaml", "--no-lock", "-o", "oci-archive:x.tar"];
    forget(&context);
    insta::assert_snapshot!(context.failure(&mut offline(&arguments)), @"
    status 1
    error: no mirror has a usable Release of `trixie`
      `http://127.0.0.1:9/debian/dists/trixie/InRelease` was not fetched: the network is not to be used

    hint: `--mirror ADDRESS` names another mirror
    ");
}
