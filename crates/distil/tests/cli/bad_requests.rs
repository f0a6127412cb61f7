//! Requests on the command line that make no sense, each with its message.

use distil_fixture::DebBuilder;

use crate::context::Context;

#[test]
fn packages_that_cannot_be_added() {
    let old = DebBuilder::new("old", "1", "amd64").field("Conflicts", "libffi8");
    let needy = DebBuilder::new("needy", "1", "amd64").depends("old, libffi8");
    let newer = DebBuilder::new("newer", "1", "amd64").field("Breaks", "libc6 (<< 99)");
    let lost = DebBuilder::new("lost", "1", "amd64").depends("nowhere");
    let context = Context::with_packages(vec![old, needy, newer, lost]);
    let add = |names: &[&str]| {
        let flags = names.iter().flat_map(|name| ["--add", name]);
        let arguments: Vec<&str> = ["build", "base"].into_iter().chain(flags).collect();
        context.fails(&arguments)
    };
    insta::assert_snapshot!(add(&["libfffi8"]), @"
    status 1
    error: failed to find packages for `base+libfffi8`
      cause: there is no package `libfffi8` in trixie, trixie-updates or trixie-security

    hint: did you mean `libffi8`?
    ");
    insta::assert_snapshot!(add(&["xyzzy-quux"]), @"
    status 1
    error: failed to find packages for `base+xyzzy-quux`
      cause: there is no package `xyzzy-quux` in trixie, trixie-updates or trixie-security
    ");
    insta::assert_snapshot!(add(&["awk"]), @"
    status 1
    error: failed to find packages for `base+awk`
      cause: `awk` is a virtual package, and one of those that provide it has to be chosen: `mawk` or `original-awk`
    ");
    insta::assert_snapshot!(add(&["libffi8", "old"]), @"
    status 1
    error: failed to find packages for `base+libffi8+old`
      cause: the request cannot be satisfied:
        `libffi8` is requested
        `old` is requested
        `old` conflicts with `libffi8`
    ");
    insta::assert_snapshot!(add(&["needy"]), @"
    status 1
    error: failed to find packages for `base+needy`
      cause: the request cannot be satisfied:
        `needy` is requested
        `needy` depends on `old`
        `needy` depends on `libffi8`
        `old` conflicts with `libffi8`
    ");
    insta::assert_snapshot!(add(&["newer"]), @"
    status 1
    error: failed to find packages for `base+newer`
      cause: the request does not fit the versions that are pinned:
        `libc6` is pinned to 2.41-12+deb13u5
        `newer` is requested
        `newer` breaks `libc6 (<< 99)`

    hint: the packages of what it stands on are as they are there; `layers: single` in a definition solves all together, and shares no layers
    ");
    insta::assert_snapshot!(add(&["lost"]), @"
    status 1
    error: failed to find packages for `base+lost`
      cause: the request cannot be satisfied:
        `lost` is requested
        `lost` depends on `nowhere`, but no `nowhere` is in trixie, trixie-updates or trixie-security
    ");
    insta::assert_snapshot!(add(&["libffi8 (>= 99)"]), @"
    status 1
    error: failed to find packages for `base+libffi8 (>= 99)`
      cause: the request cannot be satisfied:
        `libffi8 (>= 99)` is requested, but only `libffi8` 3.4.8-2 is in trixie
    ");
    insta::assert_snapshot!(add(&["libffi8=99"]), @"
    status 1
    error: failed to find packages for `base+libffi8=99`
      cause: the request cannot be satisfied:
        `libffi8 (= 99)` is requested, but only `libffi8` 3.4.8-2 is in trixie
    ");
    insta::assert_snapshot!(add(&["Lib FFI"]), @"
    status 1
    error: `packages` of definition `base+Lib FFI`: `Lib FFI` is not a package relation at column 5: `F` is not expected here
    ");
}

#[test]
fn flags_that_are_malformed() {
    let context = Context::new();
    let fails = |flags: &[&str]| {
        let arguments: Vec<&str> = ["build", "base"].iter().chain(flags).copied().collect();
        context.fails(&arguments)
    };
    insta::assert_snapshot!(fails(&["--env", "X"]), @"
    status 2
    error: `--env X` lacks a value after an equals sign

    hint: write `--env X=…`
    ");
    insta::assert_snapshot!(fails(&["--env", "=x"]), @"
    status 1
    error: `config` of definition `base+local`: `` cannot be a variable of the environment
    ");
    insta::assert_snapshot!(fails(&["--env", "X=1", "--env", "X=2"]), @"
    status 2
    error: `--env` names `X` twice
    ");
    insta::assert_snapshot!(fails(&["--label", "version"]), @"
    status 2
    error: `--label version` lacks a value after an equals sign

    hint: write `--label version=…`
    ");
    insta::assert_snapshot!(fails(&["--without", "dpkg"]), @"
    status 2
    error: `--without dpkg` lacks a reason after an equals sign

    hint: write `--without dpkg=…`
    ");
    insta::assert_snapshot!(fails(&["--without", "dpkg="]), @"
    status 1
    error: `without` of definition `base+local`: `dpkg` has no reason; say why, in a few words
    ");
    insta::assert_snapshot!(fails(&["--without", "awk2=why not"]), @"
    status 1
    error: `without: awk2` of definition `base+local` leaves nothing out: no package of the image asks for it
    ");
    insta::assert_snapshot!(fails(&["--allow", "dash"]), @"
    status 2
    error: `--allow dash` lacks a reason after an equals sign

    hint: write `--allow dash=…`
    ");
    insta::assert_snapshot!(fails(&["--allow", "dash=why not"]), @"
    status 1
    error: `allow: dash` of definition `base+local` allows nothing: the image has no such thing that would need it
    ");
    insta::assert_snapshot!(fails(&["--entrypoint", "[x"]), @"
    status 2
    error: `--entrypoint [x` is not a valid JSON array of strings

    hint: expected value at line 1 column 2
    ");
    insta::assert_snapshot!(fails(&["--entrypoint", "[1]"]), @"
    status 2
    error: `--entrypoint [1]` is not a valid JSON array of strings

    hint: invalid type: integer `1`, expected a string at line 1 column 2
    ");
    insta::assert_snapshot!(fails(&["--entrypoint", ""]), @"
    status 1
    error: `config` of definition `base+local`: `entrypoint` names no program
    ");
    insta::assert_snapshot!(fails(&["--entrypoint", "/usr/bin/gone"]), @"
    status 1
    error: the `entrypoint` of `base` runs `/usr/bin/gone`, which is not in the image

    hint: a program that is copied in later is named by the ENTRYPOINT of that Dockerfile
    ");
    insta::assert_snapshot!(fails(&["--user", "nobdy"]), @"
    status 1
    error: the `user` of `base`: there is no user `nobdy`; add it to `accounts`, or write its number
    ");
    insta::assert_snapshot!(fails(&["--file", "x"]), @"
    status 2
    error: `--file x` is not `HOST:IMAGE` or `HOST:IMAGE:MODE`

    hint: the path in the image begins with a slash: `--file ./run:/app/run`
    ");
    insta::assert_snapshot!(fails(&["--file", "x:y"]), @"
    status 2
    error: `--file x:y` is not `HOST:IMAGE` or `HOST:IMAGE:MODE`

    hint: the path in the image begins with a slash: `--file ./run:/app/run`
    ");
    insta::assert_snapshot!(fails(&["--file", "gone:/x"]), @"
    status 2
    error: `gone` does not exist
    ");
    insta::assert_snapshot!(fails(&["--file", ".:/x"]), @"
    status 1
    error: `.` is a directory, and a file is asked for
    ");
    insta::assert_snapshot!(fails(&["--file", "/dev/null:/x"]), @"
    status 1
    error: `/dev/null` is not a regular file
    ");
    std::fs::write(context.work().join("f"), "").unwrap();
    insta::assert_snapshot!(fails(&["--file", "f:/x:9"]), @"
    status 1
    error: `files` of definition `base+local`: `9` is not a mode in octal digits, such as `0755`
    ");
    insta::assert_snapshot!(fails(&["--file", "f:/etc/services"]), @"
    status 1
    error: `files` of definition `base+local` adds `/etc/services`, which package `netbase` has already

    hint: `replace: true` beside the `path` replaces the existing file
    ");
    insta::assert_snapshot!(fails(&["-t", "UPPER"]), @"
    status 2
    error: `UPPER` is not the name of an image: it has to be in lower case
    ");
    insta::assert_snapshot!(fails(&["-o", "nowhere"]), @"
    status 2
    error: `nowhere` names no transport; write `TRANSPORT:PLACE`, such as `oci-archive:nowhere`, with one of `oci:`, `oci-archive:`, `docker-archive:`, `docker-daemon:`, `docker:`, `rootfs:`
    ");
}

#[test]
fn compression_and_its_levels() {
    let context = Context::new();
    let fails = |flags: &[&str]| {
        let arguments: Vec<&str> = ["build", "static"].iter().chain(flags).copied().collect();
        context.fails(&arguments)
    };
    insta::assert_snapshot!(fails(&["--compression-level", "13"]), @"
    status 2
    error: gzip has no compression level 13; its levels are 1 to 12
    ");
    insta::assert_snapshot!(fails(&["--compression-level", "0"]), @"
    status 2
    error: gzip has no compression level 0; its levels are 1 to 12
    ");
    insta::assert_snapshot!(fails(&["--compression-level", "300"]), @"
    status 2
    error: invalid value '300' for '--compression-level <LEVEL>': 300 is not in 0..=255

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(fails(&["--compression", "zstd", "--compression-level", "23"]), @"
    status 2
    error: zstd has no compression level 23; its levels are 1 to 22
    ");
    insta::assert_snapshot!(fails(&["--compression", "none", "--compression-level", "1"]), @"
    status 2
    error: `--compression-level` has no effect with `--compression none`
    ");
    insta::assert_snapshot!(fails(&["--compression", "xz"]), @"
    status 2
    error: invalid value 'xz' for '--compression <COMPRESSION>'
      [possible values: gzip, zstd, none]

    For more information, try '--help'.
    ");
}

#[test]
fn bare_root_file_systems() {
    let context = Context::new();
    let folder = context.work().join("root");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("mine"), "precious").unwrap();
    insta::assert_snapshot!(context.fails(&["build", "static", "-o", "rootfs:root"]), @"
    status 1
    error: `root` is not empty, so nothing is written into it; name a new directory
    ");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    insta::assert_snapshot!(context.fails(&["build", "static", "-o", "rootfs:root/mine"]), @"
    status 1
    error: `root/mine` is not a directory
    ");
    insta::assert_snapshot!(context.fails(&["build", "static", "-o", "rootfs:no/such/x"]), @"
    status 1
    error: `no/such` does not exist; make it first
    ");
    let platforms = "linux/amd64,linux/arm64";
    let two = [
        "build",
        "static",
        "-o",
        "rootfs:new",
        "--platform",
        platforms,
    ];
    insta::assert_snapshot!(context.fails(&two), @"
    status 2
    error: a root file system has one platform, but several are named

    hint: name one with `--platform`
    ");
    insta::assert_snapshot!(context.fails(&["build", "static", "-o", "rootfs:"]), @"
    status 2
    error: `rootfs:` needs a path
    ");
}

#[test]
fn one_output_that_cannot_be_written_keeps_the_others_from_it() {
    let context = Context::new();
    std::fs::create_dir(context.work().join("root")).unwrap();
    std::fs::write(context.work().join("root/mine"), "precious").unwrap();
    let archive = "oci-archive:a.tar";
    context.fails(&["build", "static", "-o", archive, "-o", "rootfs:root"]);
}

#[test]
fn names_that_no_registry_takes() {
    let context = Context::new();
    for name in ["a..b", "a.", "a-_b"] {
        context.define(&format!("name: {name}\nfrom: static\n"));
        let output = context.command(&["build", "app.yaml"]).output().unwrap();
        let message = context.stderr(&output);
        assert!(!message.contains("panicked"), "{message}");
        assert!(
            output.status.success() || message.contains(name),
            "{message}"
        );
    }
}

#[test]
fn mistakes_of_the_command_line_are_not_the_catalogues() {
    let context = Context::new();
    for flags in [
        ["--user", ""],
        ["--user", "env"],
        ["--entrypoint", "/usr/local"],
    ] {
        let message = context.fails(&[&["build", "base"][..], &flags].concat());
        assert!(!message.contains("-->"), "{flags:?}: {message}");
    }
}

#[test]
fn settings_of_the_user_that_are_wrong() {
    let context = Context::new();
    let directory = context.work().join("../home/.config/distil");
    std::fs::create_dir_all(&directory).unwrap();
    let fails = |yaml: &str| {
        std::fs::write(directory.join("config.yaml"), yaml).unwrap();
        context.failure(&mut context.bare(&["build", "base"]))
    };
    insta::assert_snapshot!(fails("mirrors: [http://a, @b]\n"), @r#"
    status 2
    error: `[FOLDER]/home/.config/distil/config.yaml` cannot be read
    `@b` must be in quotes: in YAML a `@` at the beginning is reserved
     --> [FOLDER]/home/.config/distil/config.yaml:1:21
      |
    1 | mirrors: [http://a, @b]
      |                     ^^
      = write "@b"
    "#);
    insta::assert_snapshot!(fails("store-limt: 5GB\n"), @"
    status 2
    error: `[FOLDER]/home/.config/distil/config.yaml` cannot be read
    the file has no key `store-limt`; did you mean `store-limit`?
     --> [FOLDER]/home/.config/distil/config.yaml:1:1
      |
    1 | store-limt: 5GB
      | ^^^^^^^^^^
      = its keys are `archives`, `mirrors`, `snapshot-service` and `store-limit`
    ");
}
