//! What is told of images: `show` and `diff`. What `why` tells is in `why`.

use std::process::Output;

use distil_fixture::{DebBuilder, ElfBuilder};
use serde_json::Value;

use crate::context::Context;

fn program() -> ElfBuilder {
    ElfBuilder::executable().needed("libc.so.6")
}

fn deb(name: &str) -> DebBuilder {
    DebBuilder::new(name, "1.0-1", "amd64")
}

/// A definition that leaves something out in each way that there is.
pub(crate) fn context() -> Context {
    let app = deb("app")
        .depends("libapp1, app-data, dash")
        .executable("usr/bin/app", program().needed("libapp.so.1").build())
        .executable("usr/bin/app-script", "#!/usr/bin/app\n")
        .executable("usr/bin/app-setup", "#!/bin/sh\n")
        .file("usr/share/man/man1/app.1.gz", "manual")
        .script("postinst", "#!/bin/sh\nstrange-tool --make /var/lib/app\n");
    let library = deb("libapp1")
        .depends("libc6")
        .file(
            "usr/lib/x86_64-linux-gnu/libapp.so.1.2",
            ElfBuilder::shared("libapp.so.1")
                .needed("libc.so.6")
                .build(),
        )
        .symlink("usr/lib/x86_64-linux-gnu/libapp.so.1", "libapp.so.1.2");
    let data = deb("app-data")
        .file("usr/share/app/big", "big")
        .file("usr/share/app/small", "small");
    let part = deb("part")
        .file("usr/share/part/a", "a")
        .file("usr/share/part/b", "b");
    let dash = deb("dash").executable("usr/bin/dash", program().build());
    let context = Context::with_packages(vec![app, library, data, part, dash]);
    std::fs::write(context.work().join("conf"), "x=1\n").unwrap();
    context.define(
        "name: shop\nfrom: base\n\
         packages: [app, {name: part, only: [/usr/share/part/a]}]\n\
         without: {dash: its script runs nothing here}\n\
         drop: [/usr/share/app/b*]\n\
         files: [{path: /etc/shop.conf, from: conf}]\n\
         links: {/usr/bin/shop: app}\n\
         config: {entrypoint: [/usr/bin/shop], env: {SHOP: '1'}, ports: ['80']}\n",
    );
    context
}

/// What it printed, and its status.
pub(crate) fn told(context: &Context, arguments: &[&str]) -> String {
    let mut all = arguments.to_vec();
    all.extend(["--platform", "linux/amd64"]);
    let output = context.command(&all).output().unwrap();
    let stderr = context.stderr(&output);
    assert!(stderr.is_empty(), "{stderr}");
    let Output { stdout, status, .. } = output;
    // Only the columns' padding ends a line with a blank.
    let text = crate::context::without_digests(&String::from_utf8(stdout).unwrap());
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("status {}\n{}", status.code().unwrap(), lines.join("\n"))
}

#[test]
fn show_a_definition() {
    let context = context();
    insta::assert_snapshot!(told(&context, &["show", "app.yaml"]), @r#"
    status 0
    shop:latest for linux/amd64: 20.2 kB compressed, 72.4 kB unpacked, 19 packages
    sha256:[DIGEST]

    PACKAGE                  VERSION                           ARCH   SOURCE              SIZE  LICENCES    LAYER
    app                      1.0-1                             amd64  app               1.0 kB  -           shop
    app-data                 1.0-1                             amd64  app-data             5 B  -           shop
    base-files               13.8+deb13u8                      amd64  base-files         420 B  Apache-2.0  static
    ca-certificates          20250419+deb13u1                  all    ca-certificates   2.7 kB  Apache-2.0  static
    gcc-14-base              14.2.0-19                         amd64  gcc-14             168 B  Apache-2.0  base-nossl
    libapp1                  1.0-1                             amd64  libapp1            856 B  -           shop
    libc-bin                 2.41-12+deb13u5                   amd64  glibc              750 B  Apache-2.0  base-nossl
    libc6                    2.41-12+deb13u5                   amd64  glibc            33.4 kB  Apache-2.0  base-nossl
    libgcc-s1                14.2.0-19                         amd64  gcc-14            1.5 kB  Apache-2.0  base-nossl
    libssl3t64               3.5.9-1~deb13u2                   amd64  openssl           7.1 kB  Apache-2.0  base
    libzstd1                 1.5.7+dfsg-1                      amd64  libzstd           1.5 kB  Apache-2.0  base
    media-types              13.0.0                            all    media-types        420 B  Apache-2.0  static
    netbase                  6.5                               all    netbase            459 B  Apache-2.0  static
    openssl                  3.5.9-1~deb13u2                   amd64  openssl            192 B  Apache-2.0  base
    openssl-provider-legacy  3.5.9-1~deb13u2                   amd64  openssl           1.6 kB  Apache-2.0  base
    part                     1.0-1                             amd64  part                 1 B  -           shop
    tzdata                   2026f-0+deb13u1                   all    tzdata            1.4 kB  Apache-2.0  static
    tzdata-legacy            2026f-0+deb13u1                   all    tzdata             170 B  Apache-2.0  static
    zlib1g                   1:1.3.dfsg+really1.3.1-1+deb13u1  amd64  zlib              1.5 kB  Apache-2.0  base

    LAYER                                                                      SIZE  MADE BY
    sha256:[DIGEST]  5.4 kB  distil build static
    sha256:[DIGEST]  2.0 kB  distil build static
    sha256:[DIGEST]  6.4 kB  distil build base-nossl
    sha256:[DIGEST]  2.5 kB  distil build base
    sha256:[DIGEST]  1.9 kB  distil build base
    sha256:[DIGEST]  1.4 kB  distil build shop
    sha256:[DIGEST]   452 B  distil build shop
    sha256:[DIGEST]   180 B  distil build shop

    A BUILD'S FIRST STAGE  HAS
    suite                  trixie
    glibc                  2.41 or older

    FILE OF NO PACKAGE                      SIZE  FROM
    /etc/group                              64 B  made: accounts
    /etc/ld.so.cache                      1.4 kB  made: the cache of the loader
    /etc/nsswitch.conf                     202 B  definition static
    /etc/passwd                            149 B  made: accounts
    /etc/shop.conf                           4 B  definition shop
    /etc/ssl/certs/ca-certificates.crt    2.5 kB  made: the bundle of certificates
    /var/lib/dpkg/status.d/* (38 files)  12.8 kB  made: package metadata

    LEFT OUT                                                                          FILES     SIZE
    changelogs and other documentation; licences stay                                    12    671 B
    character sets that hardly anybody uses; the core that gconv-modules names stays      7   7.1 kB
    dropped by definition `base-nossl`                                                    4   5.6 kB
    dropped by definition `base`                                                          4    109 B
    dropped by definition `shop`                                                          1      3 B
    dropped by definition `static`                                                       14    696 B
    manuals                                                                               1      6 B
    notes for Debian's own tools                                                          4    203 B
    of packages that are taken in part                                                   25  15.8 kB
    scripts whose interpreter is not in the image                                         1     10 B

    PACKAGE          DEPENDENCY LEFT OUT
    app              dash
    base-files       awk
    ca-certificates  debconf (>= 0.5) | debconf-2.0
    tzdata           debconf (>= 0.5) | debconf-2.0

    PACKAGE  SCRIPT NOT RUN  WHAT IT WOULD HAVE DONE
    app      postinst:2      runs `strange-tool --make /var/lib/app`

    FILE OF THE DEFINITION  AS              SIZE  DIGEST
    conf                    /etc/shop.conf   4 B  sha256:[DIGEST]

    CONFIG      VALUE
    entrypoint  ["/usr/bin/shop"]
    cmd         []
    user        0
    workdir     /
    env         PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    env         SHOP=1
    env         SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
    port        80
    label       org.opencontainers.image.created=2025-06-01T00:00:00Z
    label       org.opencontainers.image.title=shop
    "#);
}

#[test]
fn show_the_files_and_the_graph() {
    let context = context();
    let files = told(&context, &["show", "app.yaml", "--files"]);
    let own = |line: &&str| {
        ["shop", "app", "/etc/passwd", "/tmp", " FILE "]
            .iter()
            .any(|word| line.contains(word))
    };
    let own: Vec<&str> = files.lines().filter(own).collect();
    insta::assert_snapshot!(own.join("\n"), @r#"
    shop:latest for linux/amd64: 20.2 kB compressed, 72.4 kB unpacked, 19 packages
    app                      1.0-1                             amd64  app               1.0 kB  -           shop
    app-data                 1.0-1                             amd64  app-data             5 B  -           shop
    libapp1                  1.0-1                             amd64  libapp1            856 B  -           shop
    part                     1.0-1                             amd64  part                 1 B  -           shop
    sha256:[DIGEST]  1.4 kB  distil build shop
    sha256:[DIGEST]   452 B  distil build shop
    sha256:[DIGEST]   180 B  distil build shop
    /etc/passwd                            149 B  made: accounts
    /etc/shop.conf                           4 B  definition shop
    MODE  OWNER          SIZE  FILE                                                                                                FROM
    0644  0:0           149 B  /etc/passwd                                                                                         made: accounts
    0644  0:0             4 B  /etc/shop.conf                                                                                      definition shop
    1777  0:0               -  /tmp/                                                                                               -
    0755  0:0          1.0 kB  /usr/bin/app                                                                                        package app
    0755  0:0            15 B  /usr/bin/app-script                                                                                 package app
    0777  0:0               -  /usr/bin/shop -> app                                                                                definition shop
    0777  0:0               -  /usr/lib/x86_64-linux-gnu/libapp.so.1 -> libapp.so.1.2                                              package libapp1
    0644  0:0           856 B  /usr/lib/x86_64-linux-gnu/libapp.so.1.2                                                             package libapp1
    0755  0:0               -  /usr/share/app/                                                                                     -
    0644  0:0             5 B  /usr/share/app/small                                                                                package app-data
    0644  0:0           225 B  /var/lib/dpkg/status.d/app                                                                          made: package metadata
    0644  0:0           207 B  /var/lib/dpkg/status.d/app-data                                                                     made: package metadata
    0644  0:0            54 B  /var/lib/dpkg/status.d/app-data.md5sums                                                             made: package metadata
    0644  0:0            99 B  /var/lib/dpkg/status.d/app.md5sums                                                                  made: package metadata
    0644  0:0           219 B  /var/lib/dpkg/status.d/libapp1                                                                      made: package metadata
    0644  0:0            73 B  /var/lib/dpkg/status.d/libapp1.md5sums                                                              made: package metadata
    1777  0:0               -  /var/tmp/                                                                                           -
    dropped by definition `shop`                                                          1      3 B
    app              dash
    app      postinst:2      runs `strange-tool --make /var/lib/app`
    conf                    /etc/shop.conf   4 B  sha256:[DIGEST]
    entrypoint  ["/usr/bin/shop"]
    label       org.opencontainers.image.title=shop
    "#);
    insta::assert_snapshot!(told(&context, &["show", "app.yaml", "--format", "dot"]), @r#"
    status 0
    digraph packages {
      rankdir=LR;
      node [shape=box];
      "app" [label="app\n1.0-1"];
      "app" -> "app-data";
      "app" -> "libapp1";
      "app-data" [label="app-data\n1.0-1"];
      "base-files" [label="base-files\n13.8+deb13u8"];
      "ca-certificates" [label="ca-certificates\n20250419+deb13u1"];
      "ca-certificates" -> "openssl";
      "gcc-14-base" [label="gcc-14-base\n14.2.0-19"];
      "libapp1" [label="libapp1\n1.0-1"];
      "libc-bin" [label="libc-bin\n2.41-12+deb13u5"];
      "libc-bin" -> "libc6";
      "libc6" [label="libc6\n2.41-12+deb13u5"];
      "libc6" -> "libgcc-s1";
      "libgcc-s1" [label="libgcc-s1\n14.2.0-19"];
      "libgcc-s1" -> "gcc-14-base";
      "libgcc-s1" -> "libc6";
      "libssl3t64" [label="libssl3t64\n3.5.9-1~deb13u2"];
      "libssl3t64" -> "libzstd1";
      "libssl3t64" -> "openssl-provider-legacy";
      "libssl3t64" -> "zlib1g";
      "libzstd1" [label="libzstd1\n1.5.7+dfsg-1"];
      "media-types" [label="media-types\n13.0.0"];
      "netbase" [label="netbase\n6.5"];
      "openssl" [label="openssl\n3.5.9-1~deb13u2"];
      "openssl" -> "libssl3t64";
      "openssl-provider-legacy" [label="openssl-provider-legacy\n3.5.9-1~deb13u2"];
      "openssl-provider-legacy" -> "libssl3t64";
      "part" [label="part\n1.0-1"];
      "tzdata" [label="tzdata\n2026f-0+deb13u1"];
      "tzdata-legacy" [label="tzdata-legacy\n2026f-0+deb13u1"];
      "tzdata-legacy" -> "tzdata";
      "zlib1g" [label="zlib1g\n1:1.3.dfsg+really1.3.1-1+deb13u1"];
    }
    "#);
}

fn same(context: &Context, old: &str, new: &str) -> Value {
    let mut command = context.command(&[
        "diff",
        old,
        new,
        "--format",
        "json",
        "--platform",
        "linux/amd64",
    ]);
    let output = command.output().unwrap();
    assert!(
        output.status.code() != Some(2),
        "{}",
        context.stderr(&output)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_same_images_do_not_differ() {
    let context = context();
    context.run(&["build", "app.yaml", "--platform", "linux/amd64"]);
    insta::assert_snapshot!(told(&context, &["diff", "app.yaml", "app.yaml"]), @"
    status 0
    nothing differs
    ");
    context.run(&[
        "build",
        "app.yaml",
        "--platform",
        "linux/amd64",
        "-o",
        "rootfs:root",
        "-o",
        "oci:layout",
    ]);
    insta::assert_snapshot!(told(&context, &["diff", "shop.tar", "oci:layout"]), @"
    status 0
    nothing differs
    ");
    // Bare files have no configuration, and without root all of them are the user's.
    let diff = same(&context, "shop.tar", "rootfs:root");
    let changes = diff["files"].as_array().unwrap().iter();
    let others: Vec<&Value> = changes
        .filter(|one| one["change"] != serde_json::json!(["owner"]))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(diff["packages"], serde_json::json!([]));
}

#[test]
fn a_definition_and_its_own_archive_do_not_differ() {
    let context = context();
    context.run(&["build", "app.yaml", "--platform", "linux/amd64"]);
    for (old, new) in [("app.yaml", "shop.tar"), ("shop.tar", "app.yaml")] {
        let diff = same(&context, old, new);
        assert_eq!(diff["same"], true, "{diff}");
    }
}

#[test]
fn images_that_differ() {
    let context = context();
    insta::assert_snapshot!(told(&context, &["diff", "base", "app.yaml"]), @r#"
    status 1
    IMAGE     COMPRESSED  UNPACKED  PACKAGES  FILES  DIGEST
    base         18.1 kB   69.4 kB        15    227  sha256:[DIGEST]
    app.yaml     20.2 kB   72.4 kB        19    245  sha256:[DIGEST]

    PACKAGE   OLD  NEW       SIZE
    app       -    1.0-1  +1.0 kB
    app-data  -    1.0-1     +5 B
    libapp1   -    1.0-1   +856 B
    part      -    1.0-1     +1 B

    FILE                                     CHANGE      SIZE  FROM
    /etc/ld.so.cache                         content    +58 B  made: the cache of the loader
    /etc/shop.conf                           added       +4 B  definition shop
    /usr/bin/app                             added    +1.0 kB  package app
    /usr/bin/app-script                      added      +15 B  package app
    /usr/bin/shop                            added          -  definition shop
    /usr/lib/x86_64-linux-gnu/libapp.so.1    added          -  package libapp1
    /usr/lib/x86_64-linux-gnu/libapp.so.1.2  added     +856 B  package libapp1
    /usr/share/app                           added          -  -
    /usr/share/app/small                     added       +5 B  package app-data
    /usr/share/part                          added          -  -
    /usr/share/part/a                        added       +1 B  package part
    /var/lib/dpkg/status.d/app               added     +225 B  made: package metadata
    /var/lib/dpkg/status.d/app-data          added     +207 B  made: package metadata
    /var/lib/dpkg/status.d/app-data.md5sums  added      +54 B  made: package metadata
    /var/lib/dpkg/status.d/app.md5sums       added      +99 B  made: package metadata
    /var/lib/dpkg/status.d/libapp1           added     +219 B  made: package metadata
    /var/lib/dpkg/status.d/libapp1.md5sums   added      +73 B  made: package metadata
    /var/lib/dpkg/status.d/part              added     +195 B  made: package metadata
    /var/lib/dpkg/status.d/part.md5sums      added      +51 B  made: package metadata

    LIBRARY      CHANGE  SYMBOLS
    libapp.so.1  added   -

    CONFIG      OLD                                                                                                      NEW
    entrypoint  []                                                                                                       ["/usr/bin/shop"]
    label       org.opencontainers.image.created=2025-02-22T00:00:00Z                                                    org.opencontainers.image.created=2025-06-01T00:00:00Z
    label       org.opencontainers.image.description=OpenSSL on top of base-nossl, for most dynamically linked programs  -
    label       org.opencontainers.image.source=https://github.com/distil-images/distil                                  -
    label       org.opencontainers.image.title=base                                                                      org.opencontainers.image.title=shop
    label       org.opencontainers.image.version=13.8                                                                    -
    env         -                                                                                                        SHOP=1
    port        -                                                                                                        80

    LAYER  OLD  NEW
        5  -    sha256:[DIGEST]
        6  -    sha256:[DIGEST]
        7  -    sha256:[DIGEST]
    "#);
    std::fs::write(
        context.work().join("other.yaml"),
        "name: shop\nfrom: base\npackages: [app]\nwithout: {dash: its script runs nothing here}\n\
         files: [{path: /etc/shop.conf, text: 'x=2', mode: '0600', owner: nonroot}]\n\
         links: {/usr/bin/shop: app-script}\n\
         config: {entrypoint: [/usr/bin/app], env: {SHOP: '2'}, ports: ['81']}\n",
    )
    .unwrap();
    insta::assert_snapshot!(told(&context, &["diff", "app.yaml", "other.yaml"]), @r#"
    status 1
    IMAGE       COMPRESSED  UNPACKED  PACKAGES  FILES  DIGEST
    app.yaml       20.2 kB   72.4 kB        19    245  sha256:[DIGEST]
    other.yaml     20.0 kB   72.2 kB        18    242  sha256:[DIGEST]

    PACKAGE   OLD    NEW    SIZE
    app-data  1.0-1  1.0-1  +3 B
    part      1.0-1  -      -1 B

    FILE                                     CHANGE                  SIZE  FROM
    /etc/shop.conf                           content, mode, owner    -1 B  definition shop
    /usr/bin/shop                            target                     -  definition shop
    /usr/share/app/big                       added                   +3 B  package app-data
    /usr/share/part                          removed                    -  -
    /usr/share/part/a                        removed                 -1 B  package part
    /var/lib/dpkg/status.d/app-data.md5sums  content                +52 B  made: package metadata
    /var/lib/dpkg/status.d/part              removed               -195 B  made: package metadata
    /var/lib/dpkg/status.d/part.md5sums      removed                -51 B  made: package metadata

    CONFIG      OLD                NEW
    entrypoint  ["/usr/bin/shop"]  ["/usr/bin/app"]
    env         SHOP=1             SHOP=2
    port        80                 -
    port        -                  81

    LAYER  OLD                                                                      NEW
        5  sha256:[DIGEST]  sha256:[DIGEST]
        6  sha256:[DIGEST]  sha256:[DIGEST]
        7  sha256:[DIGEST]  -
    "#);
    let nothing = told(&context, &["diff", "base", "base:nonroot"]);
    insta::assert_snapshot!(nothing, @"
    status 1
    IMAGE         COMPRESSED  UNPACKED  PACKAGES  FILES  DIGEST
    base             18.1 kB   69.4 kB        15    227  sha256:[DIGEST]
    base:nonroot     18.1 kB   69.4 kB        15    227  sha256:[DIGEST]

    CONFIG   OLD  NEW
    user     0    65532
    workdir  /    /home/nonroot
    ");
}

/// As a daemon has them: they are larger than their files.
#[test]
fn layers_that_are_not_compressed() {
    let context = context();
    let plain = ["--compression", "none", "-o", "oci:plain"];
    context.run(
        &[
            &["build", "static", "--platform", "linux/amd64"][..],
            &plain,
        ]
        .concat(),
    );
    let shown = told(&context, &["show", "oci:plain"]);
    let first = shown.lines().nth(1).unwrap_or_default();
    assert!(first.contains(" in uncompressed layers, "), "{first}");
}

#[test]
fn what_cannot_be_compared_or_shown() {
    let context = context();
    insta::assert_snapshot!(context.fails(&["diff", "bsae", "base"]), @"
    status 2
    error: there is no image `bsae` in the catalogue

    hint: did you mean `base`?

    hint: `distil list` shows the catalogue; a file must end in `.yaml`
    ");
    insta::assert_snapshot!(context.fails(&["diff", "base", "gone.tar"]), @"
    status 2
    error: there is no image `gone.tar` in the catalogue

    hint: `distil list` shows the catalogue; a file must end in `.yaml`
    ");
    insta::assert_snapshot!(context.fails(&["show", "gone.yaml"]), @"
    status 2
    error: `gone.yaml` does not exist
    ");
    insta::assert_snapshot!(context.fails(&["show", "conf"]), @"
    status 1
    error: `conf` is neither an archive of an image nor an OCI image layout
    ");
    insta::assert_snapshot!(context.fails(&["show", "rootfs:gone"]), @"
    status 2
    error: failed to read `gone`
      cause: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(context.fails(&["show", "base", "--platform", "linux/mips"]), @"
    status 2
    error: unknown platform `linux/mips`
    ");
    insta::assert_snapshot!(context.fails(&["diff", "base"]), @"
    status 2
    error: the following required arguments were not provided:
      <IMAGE>

    Usage: distil diff --mirror <ADDRESS> --keyring <FILE> <IMAGE> <IMAGE>

    For more information, try '--help'.
    ");
}
