//! What `why` tells of packages and files.

use crate::show_diff::{context, told};

#[test]
fn why_a_package_is_there_or_not() {
    let context = context();
    let why = |what: &str| told(&context, &["why", "app.yaml", what]);
    insta::assert_snapshot!(why("app"), @"
    status 0
    `app` 1.0-1 is in shop:latest, in the layer of `shop`: 2 files, 1.0 kB
      from `trixie`
      definition `shop` asks for `app`
    ");
    insta::assert_snapshot!(why("libapp1"), @"
    status 0
    `libapp1` 1.0-1 is in shop:latest, in the layer of `shop`: 2 files, 856 B
      from `trixie`
      definition `shop` asks for `app`
        `app` depends on `libapp1`
      needed by `app`, which depends on `libapp1`
    ");
    insta::assert_snapshot!(why("libc6"), @"
    status 0
    `libc6` 2.41-12+deb13u5 is in shop:latest, in the layer of `base-nossl`: 28 files, 33.4 kB
      from `trixie`
      definition `base-nossl` asks for `libc6`
      needed by `libc-bin`, which depends on `libc6 (<< 2.42)`
      needed by `libc-bin`, which depends on `libc6 (>> 2.41)`
      needed by `libgcc-s1`, which depends on `libc6 (>= 2.35)`
    ");
    insta::assert_snapshot!(why("part"), @"
    status 0
    `part` 1.0-1 is in shop:latest, in the layer of `shop`: 1 files, 1 B
      from `trixie`
      definition `shop` asks for `part`
    ");
    insta::assert_snapshot!(why("dash"), @"
    status 1
    `dash` is not in shop:latest
      `app` depends on `dash`, which definition `shop` leaves out (`dash`): its script runs nothing here
      to have it, write `packages: [dash]` in a definition, or `--add dash`
    ");
    insta::assert_snapshot!(why("dpkg"), @"
    status 1
    `dpkg` is not in shop:latest
      nothing in the image depends on it
      to have it, write `packages: [dpkg]` in a definition, or `--add dpkg`
    ");
    insta::assert_snapshot!(why("libapp2"), @"
    status 1
    `libapp2` is not in shop:latest
      nothing in the image depends on it
      to have it, write `packages: [libapp2]` in a definition, or `--add libapp2`
      similar names in the image: `libapp1`
    ");
    insta::assert_snapshot!(why("awk"), @"
    status 1
    `awk` is not in shop:latest
      `base-files` depends on `awk`, which every image leaves out (`awk`): only base-files' script uses it
      to have it, write `packages: [awk]` in a definition, or `--add awk`
    ");
}

#[test]
fn why_a_file_is_there_or_not() {
    let context = context();
    let why = |what: &str| told(&context, &["why", "app.yaml", what]);
    insta::assert_snapshot!(why("/usr/bin/app"), @"
    status 0
    `/usr/bin/app` is in shop:latest, in the layer of `shop`: a file of 1.0 kB, mode 0755, owner 0:0
      package `app` ships it
      linked by `/usr/bin/shop`
      runs `/usr/bin/app-script`
      definition `shop` asks for `app`
    ");
    insta::assert_snapshot!(why("/usr/bin/shop"), @"
    status 0
    `/usr/bin/shop` is a link to `app`, which definition `shop` made, in the layer of `shop`
    `/usr/bin/shop`, which is `/usr/bin/app`, is in shop:latest, in the layer of `shop`: a file of 1.0 kB, mode 0755, owner 0:0
      package `app` ships it
      linked by `/usr/bin/shop`
      runs `/usr/bin/app-script`
      definition `shop` asks for `app`
    ");
    insta::assert_snapshot!(why("/bin/app"), @"
    status 0
    `/bin/app`, which is `/usr/bin/app`, is in shop:latest, in the layer of `shop`: a file of 1.0 kB, mode 0755, owner 0:0
      package `app` ships it
      linked by `/usr/bin/shop`
      runs `/usr/bin/app-script`
      definition `shop` asks for `app`
    ");
    insta::assert_snapshot!(why("/lib/x86_64-linux-gnu/libapp.so.1"), @"
    status 0
    `/lib/x86_64-linux-gnu/libapp.so.1` is a link to `libapp.so.1.2`, which package `libapp1` ships, in the layer of `shop`
    `/lib/x86_64-linux-gnu/libapp.so.1`, which is `/usr/lib/x86_64-linux-gnu/libapp.so.1.2`, is in shop:latest, in the layer of `shop`: a file of 856 B, mode 0644, owner 0:0
      package `libapp1` ships it
      loaded by `/usr/bin/app`
      linked by `/usr/lib/x86_64-linux-gnu/libapp.so.1`
      definition `shop` asks for `app`
        `app` depends on `libapp1`
    ");
    insta::assert_snapshot!(why("/etc/passwd"), @"
    status 0
    `/etc/passwd` is in shop:latest, in the layer of `static`: a file of 149 B, mode 0644, owner 0:0
      generated `accounts` made it
    ");
    insta::assert_snapshot!(why("/etc/shop.conf"), @"
    status 0
    `/etc/shop.conf` is in shop:latest, in the layer of `shop`: a file of 4 B, mode 0644, owner 0:0
      definition `shop` made it
    ");
    insta::assert_snapshot!(why("/etc"), @"
    status 0
    `/etc` is in shop:latest, in the layer of `static`: a directory of 0 B, mode 0755, owner 0:0
      package `base-files` ships it
      definition `static` asks for `base-files`
    ");
    insta::assert_snapshot!(why("/"), @"
    status 0
    `/` is in shop:latest, in the layer of `static`: a directory of 0 B, mode 0755, owner 0:0
      package `base-files` ships it
      definition `static` asks for `base-files`
    ");
    insta::assert_snapshot!(why("/usr/share/man/man1/app.1.gz"), @"
    status 1
    `/usr/share/man/man1/app.1.gz` is not in shop:latest
      package `app` ships it, and it is left out: manuals
      to have it: write `keep: [/usr/share/man/man1/app.1.gz]` in the definition
    ");
    insta::assert_snapshot!(why("/usr/share/app/big"), @"
    status 1
    `/usr/share/app/big` is not in shop:latest
      package `app-data` ships it, and it is left out: dropped by definition `shop` (`/usr/share/app/b*`)
      to have it: take `/usr/share/app/b*` out of the `drop` of `shop`, or write `keep: [/usr/share/app/big]` in a definition that stands on it
    ");
    insta::assert_snapshot!(why("/usr/share/part/b"), @"
    status 1
    `/usr/share/part/b` is not in shop:latest
      package `part` ships it, and it is left out: of packages that are taken in part
      to have it: add it to the `only` of that package in `shop`, or write `keep: [/usr/share/part/b]` in a definition that stands on it
    ");
    insta::assert_snapshot!(why("/bin/app-setup"), @"
    status 1
    `/bin/app-setup` is not in shop:latest
      package `app` ships it, and it is left out: scripts whose interpreter is not in the image
      to have it: it is a script for `/bin/sh`; with a package that has that, it is kept
    ");
    insta::assert_snapshot!(why("/opt/libapp.so.1.2"), @"
    status 1
    `/opt/libapp.so.1.2` is not in shop:latest
      no package of the image ships it, and nothing makes it
      another file of that name is `/usr/lib/x86_64-linux-gnu/libapp.so.1.2`
    ");
    insta::assert_snapshot!(why("/nothing"), @"
    status 1
    `/nothing` is not in shop:latest
      no package of the image ships it, and nothing makes it
    ");
    insta::assert_snapshot!(why("/usr/bin/dash"), @"
    status 1
    `/usr/bin/dash` is not in shop:latest
      no package of the image ships it, and nothing makes it
    ");
}

#[test]
fn why_for_programs() {
    let context = context();
    let why = |what: &str| told(&context, &["why", "app.yaml", what, "--format", "json"]);
    insta::assert_snapshot!(why("libapp1"), @r#"
    status 0
    {
      "schema_version": 1,
      "image": "shop:latest",
      "package": "libapp1",
      "version": "1.0-1",
      "layer": "shop",
      "suite": "trixie",
      "origin": null,
      "size": 856,
      "files": 2,
      "chain": [
        {
          "from": "shop",
          "is_definition": true,
          "relation": "app",
          "package": "app"
        },
        {
          "from": "app",
          "is_definition": false,
          "relation": "libapp1",
          "package": "libapp1"
        }
      ],
      "needed_by": [
        {
          "from": "app",
          "is_definition": false,
          "relation": "libapp1",
          "package": "libapp1"
        }
      ],
      "left_out": [],
      "nearest": []
    }
    "#);
    insta::assert_snapshot!(why("/usr/bin/shop"), @r#"
    status 0
    {
      "schema_version": 1,
      "image": "shop:latest",
      "path": "/usr/bin/shop",
      "link": {
        "target": "app",
        "package": null,
        "made_by": "definition `shop`",
        "layer": "shop"
      },
      "found": {
        "path": "/usr/bin/app",
        "kind": "file",
        "size": 1016,
        "mode": "0755",
        "owner": "0:0",
        "package": "app",
        "made_by": null,
        "layer": "shop",
        "loaded_by": [],
        "linked_by": [
          "/usr/bin/shop"
        ],
        "runs": [
          "/usr/bin/app-script"
        ]
      },
      "left_out": [],
      "elsewhere": []
    }
    "#);
    insta::assert_snapshot!(why("/usr/share/app/big"), @r#"
    status 1
    {
      "schema_version": 1,
      "image": "shop:latest",
      "path": "/usr/share/app/big",
      "link": null,
      "found": null,
      "left_out": [
        {
          "package": "app-data",
          "reason": "dropped by definition `shop`",
          "pattern": "/usr/share/app/b*",
          "way_out": "take `/usr/share/app/b*` out of the `drop` of `shop`, or write `keep: [/usr/share/app/big]` in a definition that stands on it"
        }
      ],
      "elsewhere": []
    }
    "#);
}

#[test]
fn why_with_what_makes_no_sense() {
    let context = context();
    insta::assert_snapshot!(context.fails(&["why", "app.yaml", "/a/../b"]), @"
    status 2
    error: `/a/../b` has a `..` in it
    ");
    insta::assert_snapshot!(context.fails(&["why", "gone.yaml", "/a"]), @"
    status 2
    error: `gone.yaml` does not exist
    ");
    insta::assert_snapshot!(context.fails(&["why", "bsae", "/a"]), @"
    status 2
    error: there is no image `bsae` in the catalogue

    hint: did you mean `base`?

    hint: `distil list` shows the catalogue; a file must end in `.yaml`
    ");
    context.run(&["build", "app.yaml"]);
    insta::assert_snapshot!(context.fails(&["why", "shop.tar", "/a"]), @"
    status 2
    error: `oci-archive:shop.tar` is an image, but `why` needs a definition

    hint: `distil show` lists what is in an image
    ");
}
