//! Locks that cannot be used, and archives that do not fit them.

use std::fs;
use std::path::Path;

use distil_fixture::{DEFAULT_DATE, Pocket};

use super::{DAY, YAML, archive, context, digest, lock_of, move_on, said, tool};

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
    wrote app:latest to oci-archive:x.tar (21.5 kB), replacing an older file
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
    insta::assert_snapshot!(fails(good.replace("image: 3", "image: 3\n  taste: 3")), @"
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
        good.replace("image: 3", "image: 9"),
    )
    .unwrap();
    insta::assert_snapshot!(context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]), @"
    status 1
    note: the packages of `app.yaml` are as `app.lock` pins them
    error: `app.lock` is for version 9 of the format `image`, and this distil makes version 3

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
      `file://[FOLDER]/debian/dists/trixie-updates/InRelease`: the Release file of `trixie-updates` expired on 2025-10-09 00:00:00 UTC ([N] days ago); the mirror is out of date, or something keeps newer files away

    hint: `--allow-expired` accepts it; its packages may lack security fixes
    ");
    context.run(&["lock", "app.yaml", "--update", "--allow-expired"]);
    // What is locked does not expire.
    context.run(&["build", "app.yaml", "--locked", "--platform", "linux/amd64"]);
}

#[test]
fn nothing_half_written_stays() {
    let context = context();
    let lock = context.work().join("app.lock");
    fs::create_dir(&lock).unwrap();
    insta::assert_snapshot!(context.fails(&["lock", "app.yaml"]), @"
    status 1
    error: the lock `app.lock` is a directory, and a file is asked for
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
