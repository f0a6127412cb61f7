//! The variant `dev`: the packages of the image itself, whole, and a shell, apt and a compiler.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use distil_fixture::{DebBuilder, ElfBuilder, md5_hex};
use distil_oci::{Location, Registries, transport};
use distil_tree::tar::MemberKind;
use serde_json::Value;

use crate::context::Context;
use crate::images::{File, files};
use crate::own_definitions::{deb, text};

/// What differs between an image and its `dev`, and why.
const DIFFERENT: &[&str] = &[
    "etc/group",             // base-passwd's groups
    "etc/ld.so.cache",       // of more libraries
    "etc/passwd",            // base-passwd's accounts, and root has a shell
    "usr/lib/os-release",    // base-files' own, which `dpkg --verify` looks at
    "usr/share/doc",         // directories that are links as packages ship them
    "var/lib/dpkg/status.d", // the packages are in dpkg's own database
];

/// Packages that every `dev` has and the miniature archive has not.
fn tools() -> Vec<DebBuilder> {
    let program = || ElfBuilder::executable().needed("libc.so.6").build();
    let plain = [
        "bsdutils",
        "coreutils",
        "diffutils",
        "findutils",
        "g++",
        "gcc",
        "grep",
        "gzip",
        "hostname",
        "init-system-helpers",
        "make",
        "ncurses-base",
        "ncurses-bin",
        "perl-base",
        "python3-dev",
        "python3-pip",
        "python3-venv",
        "sed",
        "sysvinit-utils",
        "util-linux",
    ];
    let plain = plain.into_iter().map(|name| {
        deb(name)
            .executable(&format!("usr/bin/{name}"), program())
            .file(&format!("usr/share/man/man1/{name}.1.gz"), "manual")
            .file(&format!("usr/share/doc/{name}/copyright"), "licence")
    });
    let mut all: Vec<DebBuilder> = plain.collect();
    all.push(
        deb("apt")
            .depends("libc6, debian-archive-keyring")
            .executable("usr/bin/apt-get", program())
            .conffile("/etc/apt/apt.conf.d/01autoremove", "APT {}\n"),
    );
    all.push(
        deb("debian-archive-keyring").file("usr/share/keyrings/debian-archive-keyring.gpg", ""),
    );
    all.push(
        deb("bash")
            .executable("usr/bin/bash", program())
            .symlink("usr/bin/rbash", "bash")
            .file(
                "usr/share/debianutils/shells.d/bash",
                "/bin/bash\n/bin/rbash\n",
            ),
    );
    all.push(
        deb("dash")
            .executable("usr/bin/dash", program())
            .symlink("usr/bin/sh", "dash")
            .file("usr/share/debianutils/shells.d/dash", "/usr/bin/dash\n"),
    );
    all.push(
        deb("debianutils")
            .executable("usr/sbin/update-shells", "#!/bin/sh\n")
            .executable("usr/bin/which.debianutils", "#!/bin/sh\n")
            .file(
                "usr/share/debianutils/shells",
                "# valid login shells\n/bin/sh\n",
            )
            .control_file(
                "triggers",
                "interest-noawait /usr/share/debianutils/shells.d\n",
            )
            .script(
                "postinst",
                "#!/bin/sh\nupdate-shells\nupdate-alternatives --install /usr/bin/which which \
                 /usr/bin/which.debianutils 0 --slave /usr/share/man/man1/which.1.gz which.1.gz \
                 /usr/share/man/man1/which.debianutils.1.gz\n",
            ),
    );
    all.push(
        deb("libc6-dev")
            .multi_arch("same")
            .depends("libc6 (= 2.41-12+deb13u1) | libc6")
            .file("usr/include/stdio.h", "int puts(const char *);\n")
            .script(
                "preinst",
                "#!/bin/sh\ndpkg-divert --package libc6-dev --no-rename --divert \
                 /lib/stdio.usr-is-merged --add /lib/stdio\n",
            ),
    );
    all
}

pub(crate) fn context(more: Vec<DebBuilder>) -> Context {
    Context::with_packages(tools().into_iter().chain(more).collect())
}

/// Builds a `dev`, and gives its files.
fn build(context: &Context, word: &str) -> BTreeMap<String, File> {
    context.run(&[
        "build",
        word,
        "--platform",
        "linux/amd64",
        "-o",
        "oci-archive:dev.tar",
    ]);
    let files = files(&context.work().join("dev.tar"));
    std::fs::remove_file(context.work().join("dev.tar")).unwrap();
    files
}

fn fails(context: &Context, yaml: &str) -> String {
    context.define(yaml);
    context.fails(&["build", "app.yaml:dev", "--platform", "linux/amd64"])
}

fn show(context: &Context, word: &str) -> Value {
    let shown = context.run(&[
        "show",
        word,
        "--platform",
        "linux/amd64",
        "--format",
        "json",
    ]);
    serde_json::from_str(&shown).unwrap()
}

/// The packages of an image with their versions.
fn packages(shown: &Value) -> BTreeSet<(String, String)> {
    let packages = shown["packages"].as_array().unwrap().iter();
    let word = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    packages
        .map(|one| (word(one, "name"), word(one, "version")))
        .collect()
}

/// The stanza of a package in dpkg's database.
fn stanza<'a>(files: &'a BTreeMap<String, File>, package: &str) -> Option<&'a str> {
    let first = format!("Package: {package}\n");
    let mut stanzas = text(files, "var/lib/dpkg/status").split("\n\n");
    stanzas.find(|stanza| stanza.starts_with(&first))
}

#[test]
fn what_an_image_has_its_dev_has_too() {
    let context = context(Vec::new());
    let [latest, dev] = ["python3", "python3:dev"].map(|word| show(&context, word));
    let (latest, dev) = (packages(&latest), packages(&dev));
    assert_eq!(
        latest.difference(&dev).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new()
    );
    assert!(latest.len() > 20 && dev.len() > latest.len() + 20);
    let latest = build(&context, "python3");
    let dev = build(&context, "python3:dev");
    let mut different = BTreeSet::new();
    for (path, file) in &latest {
        let same = dev.get(path).is_some_and(|other| {
            let File {
                kind,
                mode,
                uid,
                gid,
                bytes,
                ..
            } = other;
            (kind, mode, uid, gid, bytes)
                == (&file.kind, &file.mode, &file.uid, &file.gid, &file.bytes)
        });
        if !same {
            let folders = ["var/lib/dpkg/status.d", "usr/share/doc"];
            let folder = folders.into_iter().find(|folder| {
                let rest = path.strip_prefix(folder);
                rest.is_some_and(|rest| rest.starts_with('/'))
            });
            different.insert(folder.unwrap_or(path.as_str()));
        }
    }
    let linked = |path: &str| match &dev[path].kind {
        MemberKind::Symlink(target) => String::from_utf8(target.clone()).unwrap(),
        other => panic!("{other:?}"),
    };
    let other = linked("usr/share/doc/libgcc-s1");
    assert_eq!(
        text(&dev, &format!("usr/share/doc/{other}/copyright")),
        text(&latest, "usr/share/doc/libgcc-s1/copyright")
    );
    assert_eq!(different, DIFFERENT.iter().copied().collect());
    // All that latest does without is there.
    for path in [
        "usr/bin/py3compile",
        "usr/sbin/update-ca-certificates",
        "usr/bin/dpkg",
    ] {
        assert!(
            dev.contains_key(path) && !latest.contains_key(path),
            "{path}"
        );
    }
    assert!(dev.values().all(|file| file.layer == 0));
}

#[test]
fn the_database_of_dpkg_tells_what_is_there() {
    let context = context(Vec::new());
    let files = build(&context, "python3:dev");
    let resolve = |path: &str| {
        // The directories that have moved into /usr.
        let merged = ["bin/", "sbin/", "lib/", "lib64/"];
        match merged.iter().any(|folder| path.starts_with(folder)) {
            true => format!("usr/{path}"),
            false => path.to_owned(),
        }
    };
    let status = text(&files, "var/lib/dpkg/status");
    assert!(status.ends_with("\n\n") && !status.contains("\n\n\n"));
    let mut count = 0;
    for stanza in status.split("\n\n").filter(|stanza| !stanza.is_empty()) {
        count += 1;
        let field = |name: &str| {
            let prefix = format!("{name}: ");
            stanza.lines().find_map(|line| line.strip_prefix(&prefix))
        };
        assert_eq!(field("Status"), Some("install ok installed"), "{stanza}");
        let name = field("Package").unwrap();
        let name = match field("Multi-Arch") {
            Some("same") => format!("{name}:{}", field("Architecture").unwrap()),
            _ => name.to_owned(),
        };
        let info = |member: &str| format!("var/lib/dpkg/info/{name}.{member}");
        let mut listed = text(&files, &info("list")).lines();
        assert_eq!(listed.next(), Some("/."), "{name}");
        for path in listed {
            let path = path.strip_prefix('/').unwrap();
            assert!(
                !path.ends_with('/') && !path.starts_with("usr/share/man/man"),
                "{name}: {path}"
            );
            assert!(
                files.contains_key(&resolve(path)),
                "{name}: {path} is not there"
            );
        }
        for line in text(&files, &info("md5sums")).lines() {
            let (sum, path) = line.split_once("  ").unwrap();
            assert_eq!(sum, md5_hex(&files[&resolve(path)].bytes), "{name}: {path}");
        }
    }
    assert_eq!(count, packages(&show(&context, "python3:dev")).len());
    let apt = stanza(&files, "apt").unwrap();
    let sum = md5_hex(b"APT {}\n");
    assert!(
        apt.ends_with(&format!(
            "\nConffiles:\n /etc/apt/apt.conf.d/01autoremove {sum}"
        )),
        "{apt}"
    );
    assert_eq!(files["var/lib/dpkg/info/debianutils.postinst"].mode, 0o755);
    assert!(files.contains_key("var/lib/dpkg/info/libc6-dev:amd64.list"));
    for (path, expected) in [
        ("var/lib/dpkg/info/format", "1\n"),
        ("var/lib/dpkg/arch-native", "amd64\n"),
        (
            "var/lib/dpkg/diversions",
            "/lib/stdio\n/lib/stdio.usr-is-merged\nlibc6-dev\n",
        ),
        (
            "var/lib/dpkg/alternatives/awk",
            "auto\n/usr/bin/awk\nnawk\n/usr/bin/nawk\n\n/usr/bin/mawk\n5\n/usr/bin/mawk\n\n",
        ),
        (
            "etc/shells",
            "# valid login shells\n/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n\
                        /bin/rbash\n/usr/bin/rbash\n/usr/bin/dash\n",
        ),
        (
            "var/lib/shells.state",
            "/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n\
                                  /bin/rbash\n/usr/bin/rbash\n/usr/bin/dash\n",
        ),
    ] {
        assert_eq!(text(&files, path), expected, "{path}");
    }
    assert!(
        text(&files, "var/lib/dpkg/triggers/File")
            .contains("/usr/share/debianutils/shells.d debianutils/noawait\n")
    );
    let target = |path: &str| match &files[path].kind {
        MemberKind::Symlink(target) => String::from_utf8(target.clone()).unwrap(),
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(target("usr/bin/awk"), "/etc/alternatives/awk");
    assert_eq!(target("etc/alternatives/awk"), "/usr/bin/mawk");
    assert_eq!(
        target("etc/alternatives/which"),
        "/usr/bin/which.debianutils"
    );
    assert_eq!(target("etc/localtime"), "/usr/share/zoneinfo/Etc/UTC");
}

#[test]
fn accounts_are_debians_and_those_of_the_definition() {
    let context = context(Vec::new());
    let files = build(&context, "base:dev");
    let passwd = text(&files, "etc/passwd");
    assert!(
        passwd.starts_with("root:*:0:0:root:/root:/bin/bash\n"),
        "{passwd}"
    );
    assert!(passwd.ends_with("nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"));
    let nobody = passwd.lines().filter(|line| line.starts_with("nobody:"));
    assert_eq!(nobody.count(), 1);
    let group = text(&files, "etc/group");
    assert!(
        group.contains("shadow:*:42:\n") && group.contains("nonroot:x:65532:\n"),
        "{group}"
    );
    assert_eq!((files["var/mail"].mode, files["var/mail"].gid), (0o2775, 8));
    assert_eq!(files["run/lock"].mode, 0o1777);
}

#[test]
fn nothing_is_told_that_was_made() {
    let context = context(Vec::new());
    let told = context.run(&["show", "python3:dev", "--platform", "linux/amd64"]);
    assert!(!told.contains("SCRIPT NOT RUN"), "{told}");
}

#[test]
fn a_mode_is_told_only_where_it_is_another() {
    let app = deb("app").file("usr/share/app/data", "data").script(
        "postinst",
        "#!/bin/sh\nchmod 644 /etc/app.conf\nchmod 0640 /etc/app.conf\n",
    );
    let context = context(vec![app]);
    context.define(
        "name: app\nfrom: base\npackages: [app]\nfiles: [{path: /etc/app.conf, text: ''}]\n",
    );
    for word in ["app.yaml", "app.yaml:dev"] {
        let shown = show(&context, word);
        let scripts = shown["scripts_not_run"].as_array().unwrap().iter();
        let missing: Vec<&str> = scripts
            .flat_map(|one| one["missing"].as_array().unwrap())
            .map(|one| one["what"].as_str().unwrap())
            .collect();
        assert_eq!(missing, ["runs `chmod 0640 /etc/app.conf`"], "{word}");
    }
}

#[test]
fn a_definitions_own_file_stands_in_for_one_of_every_dev() {
    let context = context(Vec::new());
    let files = build(&context, "base:dev");
    assert!(text(&files, "usr/sbin/policy-rc.d").ends_with("exit 101\n"));
    context.define(
        "name: app\nfrom: base\n\
         dev: {files: [{path: /usr/sbin/policy-rc.d, mode: '0755', text: \"#!/bin/sh\\n\"}]}\n",
    );
    let files = build(&context, "app.yaml:dev");
    assert_eq!(text(&files, "usr/sbin/policy-rc.d"), "#!/bin/sh\n");
}

#[test]
fn a_platform_that_has_no_compiler() {
    let tools = tools().into_iter().filter(|deb| deb.name() != "gcc");
    let context = Context::with_packages(tools.collect());
    let message = context.fails(&["build", "base:dev", "--platform", "linux/amd64"]);
    insta::assert_snapshot!(message, @r"
    status 1
    error: `base:dev` cannot be made for linux/amd64: there is no package `gcc`, which every `:dev` has, in trixie, trixie-updates, trixie-security

    hint: the image's other variants need no tools; `--platform` names another platform for its `:dev`
    ");
}

#[test]
fn what_the_first_stage_has_to_fit_is_shown() {
    let context = context(Vec::new());
    let stage = |word: &str| show(&context, word)["build_stage"].to_string();
    insta::assert_snapshot!(
        stage("python3"),
        @r#"{"glibc":"2.41","java":null,"libc":"glibc","libstdcxx":null,"node":null,"node_modules":null,"python":["3.13"],"suite":"trixie"}"#
    );
    insta::assert_snapshot!(
        stage("static"),
        @r#"{"glibc":null,"java":null,"libc":null,"libstdcxx":null,"node":null,"node_modules":null,"python":[],"suite":"trixie"}"#
    );
    // The same of what was made as of what is read.
    context.run(&["build", "python3:dev", "--platform", "linux/amd64"]);
    let read = context.run(&["show", "oci-archive:python3-dev.tar", "--format", "json"]);
    let read: Value = serde_json::from_str(&read).unwrap();
    assert_eq!(
        read["build_stage"],
        show(&context, "python3")["build_stage"]
    );
}

#[test]
fn a_dev_passes_the_profile_of_its_name() {
    let context = context(Vec::new());
    let arguments = ["check", "python3:dev", "--platform", "linux/amd64"];
    let output = context.command(&arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &context.stderr(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("passes the profile `dev`"), "{told}");
}

#[test]
fn a_definition_says_what_its_dev_has_besides() {
    let dash = deb("tool").executable("usr/bin/tool", "#!/bin/sh\n");
    let context = context(vec![dash]);
    context.define(
        "name: app\nfrom: base\nconfig: {volumes: [/data], user: '7'}\n\
         dev:\n  packages: [tool]\n  files: [{path: /etc/motd, text: \"in ${suite}\\n\"}]\n  env: {CC: gcc}\n",
    );
    let files = build(&context, "app.yaml:dev");
    assert_eq!(text(&files, "etc/motd"), "in trixie\n");
    assert!(files.contains_key("usr/bin/tool"));
    let shown = show(&context, "app.yaml:dev");
    let config = &shown["config"];
    assert_eq!(config["env"][0], "CC=gcc", "{config}");
    assert_eq!(
        config["entrypoint"],
        serde_json::json!(["/bin/bash"]),
        "{config}"
    );
    assert_eq!(config["user"], "0", "{config}");
    let latest = build(&context, "app.yaml");
    assert!(!latest.contains_key("usr/bin/tool") && !latest.contains_key("etc/motd"));
}

#[test]
fn what_an_image_does_without_is_installed_or_not_said_to_be() {
    let app = deb("app")
        .depends("libc6, extra")
        .file("usr/share/app/data", "data");
    let extra = deb("extra").file("usr/share/extra/data", "extra");
    let context = context(vec![app, extra]);
    context.define(
        "name: app\nfrom: base\npackages: [app]\nwithout: {extra: it is not used}\n\
         drop: [/usr/share/app/data]\n",
    );
    let files = build(&context, "app.yaml:dev");
    assert!(files.contains_key("usr/share/app/data"));
    assert_eq!(
        stanza(&files, "extra").is_some(),
        files.contains_key("usr/share/extra/data")
    );
    assert!(stanza(&files, "extra").is_some());
    assert!(!build(&context, "app.yaml").contains_key("usr/share/extra/data"));
}

#[test]
fn the_same_bytes_each_time() {
    let build = || {
        let context = context(Vec::new());
        context.run(&["build", "python3:dev", "--platform", "linux/amd64"])
    };
    assert_eq!(build(), build());
}

#[test]
fn what_was_made_is_found_again_but_not_when_what_dev_adds_has_changed() {
    let context = context(Vec::new());
    let build = |text: &str| {
        std::fs::write(context.work().join("note"), text).unwrap();
        context.define("name: app\nfrom: base\ndev: {files: [{path: /etc/note, from: note}]}\n");
        context.run(&["build", "app.yaml:dev", "--platform", "linux/amd64"])
    };
    let first = build("one");
    assert_ne!(build("two"), first);
    assert_eq!(build("one"), first);
}

#[test]
fn an_addition_that_does_not_go_with_the_tools() {
    let rival = deb("rival")
        .field("Conflicts", "gcc")
        .file("usr/share/rival", "");
    let context = context(vec![rival]);
    insta::assert_snapshot!(fails(&context, "name: app\nfrom: base\npackages: [rival]\n"), @r"
    status 1
    error: failed to find packages for `app:dev` beside those of the image itself
      cause: the request cannot be satisfied:
        `gcc` is requested
        `rival` is requested
        `rival` conflicts with `gcc`

    hint: in `:dev` the packages of the image are as they are there, and beside them are a shell, apt and a compiler; leave out of `packages` or `dev: {packages: [...]}` what does not go with them
    ");
    let named = "name: app\nfrom: base\ndev: {packages: [rival]}\n";
    insta::assert_snapshot!(fails(&context, named), @r"
    status 1
    error: failed to find packages for `app:dev` beside those of the image itself
      cause: the request cannot be satisfied:
        `gcc` is requested
        `rival` is requested
        `rival` conflicts with `gcc`

    hint: in `:dev` the packages of the image are as they are there, and beside them are a shell, apt and a compiler; leave out of `packages` or `dev: {packages: [...]}` what does not go with them
    ");
}

#[test]
fn what_dev_names_and_nobody_has() {
    let context = context(Vec::new());
    let yaml = "name: app\nfrom: base\ndev: {packages: [pyton3-dev]}\n";
    insta::assert_snapshot!(fails(&context, yaml), @r"
    status 1
    error: failed to find packages for `app:dev` beside those of the image itself
      cause: there is no package `pyton3-dev` in trixie, trixie-updates or trixie-security

    hint: did you mean `python3-dev` or `python3-venv`?
    ");
    // Nothing of that is looked at for the image itself.
    context.run(&["build", "app.yaml", "--platform", "linux/amd64"]);
}

#[test]
fn bad_values_in_dev() {
    let context = context(Vec::new());
    let fails = |yaml: &str| fails(&context, &format!("name: app\nfrom: base\n{yaml}\n"));
    insta::assert_snapshot!(fails("dev: {env: {'A=B': c}}"), @r"
    status 1
    error: `dev` of definition `app`: `A=B` cannot be a variable of the environment
     --> app.yaml:3:13
      |
    3 | dev: {env: {'A=B': c}}
      |             ^^^^^
    ");
    insta::assert_snapshot!(fails("dev: {files: [{path: /etc/x}]}"), @r"
    status 1
    error: `dev` of definition `app`: `/etc/x` has neither `text` nor `from`
     --> app.yaml:3:22
      |
    3 | dev: {files: [{path: /etc/x}]}
      |                      ^^^^^^
    ");
    insta::assert_snapshot!(fails("dev: {package: [x]}"), @r"
    status 1
    error: `app.yaml` is not a definition
    `dev` has no key `package`; did you mean `packages`?
     --> app.yaml:3:7
      |
    3 | dev: {package: [x]}
      |       ^^^^^^^
      = its keys are `env`, `files` and `packages`
    ");
    insta::assert_snapshot!(fails("dev: {files: [{path: /usr/bin/dpkg, text: x}]}"), @r"
    status 1
    error: `files` of definition `app:dev` adds `/usr/bin/dpkg`, which package `dpkg` has already
     --> app.yaml:3:22
      |
    3 | dev: {files: [{path: /usr/bin/dpkg, text: x}]}
      |                      ^^^^^^^^^^^^^

    hint: `replace: true` beside the `path` replaces the existing file
    ");
    insta::assert_snapshot!(fails("dev: {packages: ['x (1)']}"), @r"
    status 1
    error: `dev` of definition `app`: `x (1)` is not a package relation at column 4: one of `<<`, `<=`, `=`, `>=`, `>>` has to follow the `(`
     --> app.yaml:3:18
      |
    3 | dev: {packages: ['x (1)']}
      |                  ^^^^^^^
    ");
}

#[test]
fn a_container_of_it_runs_as_one_of_the_image() {
    let context = context(Vec::new());
    context.run(&["build", "python3:dev", "--platform", "linux/amd64"]);
    let path = context.work().join("python3-dev.tar");
    let config = config(&path);
    assert_eq!(
        config["config"]["Entrypoint"],
        serde_json::json!(["/usr/bin/python3"])
    );
    assert_eq!(config["config"]["User"], "0");
}

fn config(path: &Path) -> Value {
    let (path, tag) = (path.to_owned(), None);
    let content =
        transport::open(&Location::OciArchive { path, tag }, &Registries::offline()).unwrap();
    serde_json::from_slice(content.images().unwrap()[0].config_bytes()).unwrap()
}
