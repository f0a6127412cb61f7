//! `distil check`: over images of the miniature archive, and over a directory that has faults.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use distil_fixture::{DebBuilder, ElfBuilder, debian_like, debian_security_like};
use serde_json::Value;

use crate::context::Context;

fn faulty(context: &Context) {
    let bin = context.work().join("root/usr/bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("sh"), "").unwrap();
    fs::set_permissions(bin.join("sh"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_built_passes() {
    let context = Context::new();
    let said = context.run(&["check", "base", "--platform", "linux/amd64"]);
    assert!(
        said.contains("base passes the profile `distroless`: 0 errors"),
        "{said}"
    );
    context.run(&["build", "base", "--platform", "linux/amd64"]);
    let said = context.run(&["check", "base.tar"]);
    assert!(said.contains("passes the profile"), "{said}");
}

#[test]
fn findings_fail_unless_they_are_allowed() {
    let context = Context::new();
    faulty(&context);
    let output = context
        .command(&["check", "rootfs:root", "--format", "json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let shell = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["rule"] == "shell");
    assert_eq!(shell.unwrap()["path"], "/usr/bin/sh");
    assert_eq!(report["passed"], false);
    let said = context.run(&["check", "rootfs:root", "--allow", "shell=/usr/bin/*"]);
    assert!(said.ends_with("for information, 1 allowed\n"), "{said}");
    fs::write(
        context.work().join("check.yaml"),
        "allow: [{rule: S101, reason: for the test}]\n",
    )
    .unwrap();
    context.run(&["check", "rootfs:root"]);
    context.run(&["check", "rootfs:root", "--profile", "debug"]);
}

#[test]
fn rules_are_explained_and_mistakes_told() {
    let context = Context::new();
    assert!(
        context
            .run(&["check", "--explain", "F204"])
            .starts_with("## F204 `library-missing`")
    );
    insta::assert_snapshot!(context.fails(&["check", "--explain", "shel"]), @"
    status 2
    error: there is no rule `shel`

    hint: did you mean `shell` or `shell-form`?

    hint: docs/rules.md lists all of them
    ");
    fs::write(
        context.work().join("check.yaml"),
        "allow: [{rule: shell}]\n",
    )
    .unwrap();
    let said = context.fails(&["check", "base"]);
    assert!(
        said.contains("the policy `check.yaml` cannot be used") && said.contains("reason"),
        "{said}"
    );
}

/// A root file system of the suite's with a program that needs these libraries.
fn with_program(context: &Context, libraries: &[&str]) {
    let root = context.work().join("root");
    fs::create_dir_all(root.join("app")).unwrap();
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(
        root.join("etc/os-release"),
        "ID=debian\nVERSION_CODENAME=trixie\n",
    )
    .unwrap();
    let program = libraries
        .iter()
        .fold(ElfBuilder::executable(), |program, library| {
            program.needed(library)
        });
    fs::write(root.join("app/run"), program.build()).unwrap();
    fs::set_permissions(root.join("app/run"), fs::Permissions::from_mode(0o755)).unwrap();
    let loader = root.join("lib64");
    fs::create_dir_all(&loader).unwrap();
    let library = ElfBuilder::shared("ld-linux-x86-64.so.2").build();
    fs::write(loader.join("ld-linux-x86-64.so.2"), library).unwrap();
}

#[test]
fn the_package_that_has_a_library_is_named() {
    let package = DebBuilder::new("libpq5", "17.2-1", "amd64")
        .file("/usr/lib/x86_64-linux-gnu/libpq.so.5", "library");
    let context = Context::with_packages(vec![package]);
    with_program(&context, &["libpq.so.5", "libnobody.so.3"]);
    let check = || {
        let output = context.command(&["check", "rootfs:root"]).output().unwrap();
        let said = context.stderr(&output);
        (String::from_utf8(output.stdout).unwrap(), said)
    };
    let named = "what to do:  add Debian's package `libpq5`, which has it";
    let (findings, note) = check();
    assert!(!findings.contains(named), "the store is empty");
    insta::assert_snapshot!(note, @"note: the packages of missing libraries are not named, since the store has no index of trixie; `distil show static --suite trixie --platform linux/amd64` downloads it, and `--contents` a complete one");
    // What was built before has left the archive's index in the store.
    context.run(&["build", "static", "--platform", "linux/amd64"]);
    let (said, note) = check();
    assert_eq!(note, "");
    assert!(said.contains(named), "{said}");
    let unknown = said
        .split("\n\n")
        .find(|one| one.contains("libnobody"))
        .unwrap();
    assert!(
        unknown.contains("Add the package that has the library"),
        "{said}"
    );
}

/// `libpq5` and `libodd-tools` have libraries, the latter by no rule; `libwrong1` is called as if
/// it had one.
fn with_contents() -> Context {
    let library = |name: &str, soname: &str| {
        let path = format!("/usr/lib/x86_64-linux-gnu/{soname}");
        let needs_libc = ElfBuilder::shared(soname).needed("libc.so.6").build();
        DebBuilder::new(name, "1", "amd64")
            .field("Section", "libs")
            .depends("libc6")
            .file(&path, needs_libc)
    };
    let packages = vec![
        library("libpq5", "libpq.so.5"),
        library("libodd-tools", "libodd.so.7"),
        library("libwrong1", "libanother.so.1"),
    ];
    let archive =
        debian_like("trixie").with("trixie", |pocket| pocket.packages(packages).contents(true));
    Context::with(archive, debian_security_like("trixie"))
}

/// Removes the lists of files from an archive.
fn remove_contents(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let is_list = |name: &str| name.starts_with("Contents-");
        if path.is_dir() {
            remove_contents(&path);
        } else if path.file_name().unwrap().to_str().is_some_and(is_list) {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn the_archive_says_which_package_has_a_library() {
    let context = with_contents();
    with_program(
        &context,
        &[
            "libpq.so.5",
            "libodd.so.7",
            "libwrong.so.1",
            "libnobody.so.3",
        ],
    );
    let check = |flags: &[&str]| {
        let arguments = [&["check", "rootfs:root"], flags].concat();
        let output = context.command(&arguments).output().unwrap();
        let said = context.stderr(&output);
        (String::from_utf8(output.stdout).unwrap(), said)
    };
    let named = |said: &str| {
        let packages = ["libpq5", "libodd-tools", "libwrong1"];
        let named = |name: &&str| said.contains(&format!("Debian's package `{name}`"));
        packages.into_iter().filter(named).collect::<Vec<_>>()
    };
    // By the rule alone, one is wrong and one unknown.
    context.run(&["build", "static", "--platform", "linux/amd64"]);
    assert_eq!(named(&check(&[]).0), ["libpq5", "libwrong1"]);
    let (said, note) = check(&["--contents"]);
    assert_eq!(named(&said), ["libpq5", "libodd-tools"], "{note}");
    let line = "All missing packages at once: --add libodd-tools --add libpq5\n";
    assert!(said.contains(line), "{said}");
    // From now on the store knows, and no mirror is asked.
    remove_contents(context.archive());
    assert_eq!(named(&check(&[]).0), ["libpq5", "libodd-tools"]);
}

#[test]
fn what_is_missing_can_be_added_as_it_is_said() {
    let context = with_contents();
    with_program(&context, &["libpq.so.5", "libodd.so.7"]);
    let output = context
        .command(&["check", "rootfs:root", "--contents"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let flags = said
        .lines()
        .find_map(|line| line.strip_prefix("All missing packages at once: "));
    let mut arguments = vec![
        "build",
        "base",
        "--platform",
        "linux/amd64",
        "-o",
        "oci:made",
    ];
    arguments.extend(flags.unwrap().split(' '));
    context.run(&arguments);
    let shown = context.run(&["show", "oci:made", "--files"]);
    for library in ["libpq.so.5", "libodd.so.7"] {
        assert!(shown.contains(library), "{library}");
    }
}

#[test]
fn an_index_of_contents_that_is_not_what_was_signed_is_refused() {
    let context = with_contents();
    with_program(&context, &["libodd.so.7"]);
    let path = context.archive().join("dists/trixie/main");
    fs::write(path.join("Contents-amd64.gz"), "else").unwrap();
    fs::remove_dir_all(path.join("by-hash")).unwrap();
    let said = context.fails(&["check", "rootfs:root", "--contents"]);
    assert!(
        said.contains("no mirror has the index of contents of `trixie`"),
        "{said}"
    );
}

#[test]
fn half_an_image_never_passes() {
    let context = Context::new();
    context.run(&["build", "base", "--platform", "linux/amd64"]);
    let bytes = fs::read(context.work().join("base.tar")).unwrap();
    // All but the end-of-archive blocks, of which a reader may do without.
    let end = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    for part in 0..20 {
        let cut = end * part / 20;
        fs::write(context.work().join("cut.tar"), &bytes[..cut]).unwrap();
        let said = context.fails(&["check", "cut.tar"]);
        assert!(
            said.starts_with("status 1") || said.starts_with("status 2"),
            "{said}"
        );
        let mut changed = bytes.clone();
        changed[cut + 300] ^= 0x55;
        fs::write(context.work().join("changed.tar"), changed).unwrap();
        let output = context.command(&["check", "changed.tar"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // A byte that nobody reads, such as of a header's padding, does no harm.
        let is_same = said.contains("passes the profile `distroless`: 0 errors");
        assert!(is_same || !output.status.success(), "{part} {said}");
    }
}

#[test]
fn folders_that_are_written_to() {
    let context = Context::new();
    with_program(&context, &[]);
    fs::create_dir(context.work().join("root/tmp")).unwrap();
    let tmp = fs::Permissions::from_mode(0o1777);
    fs::set_permissions(context.work().join("root/tmp"), tmp).unwrap();
    let strict = [
        "check",
        "rootfs:root",
        "--fail-on",
        "warning",
        "--allow",
        "program-missing",
    ];
    context.run(&strict);
    let declared = [&strict[..], &["--writable", "/data"]].concat();
    let output = context.command(&declared).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("`/data`, which is to be written to, is not in the image"),
        "{said}"
    );
    insta::assert_snapshot!(context.fails(&["check", "rootfs:root", "--writable", "data"]), @"
    status 2
    error: `data` is no absolute path: what is written to is named from the root on, as `/data`
    ");
}

#[test]
fn a_definition_and_what_it_builds_are_checked_alike() {
    let program = ElfBuilder::executable().needed("libc.so.6").build();
    let tini = DebBuilder::new("tini", "0.19.0-3", "amd64").executable("/usr/bin/tini", program);
    let context = Context::with_packages(vec![tini]);
    let definition = "name: tini\nfrom: python3\npackages: [tini]\n";
    let entrypoint =
        "config: {entrypoint: [/usr/bin/tini, --, /usr/bin/python3], cmd: [-c, pass]}\n";
    fs::write(
        context.work().join("tini.yaml"),
        format!("{definition}{entrypoint}"),
    )
    .unwrap();
    let last = |image: &str| {
        let said = context.run(&["check", image, "--platform", "linux/amd64"]);
        let last = said.trim_end().lines().next_back().unwrap_or_default();
        last.split_once(" passes ").unwrap().1.to_owned()
    };
    let of_definition = last("tini.yaml");
    context.run(&[
        "build",
        "tini.yaml",
        "--platform",
        "linux/amd64",
        "-o",
        "oci:made",
    ]);
    assert_eq!(last("oci:made"), of_definition);
    assert!(of_definition.contains("0 errors"), "{of_definition}");
}

/// The words by which busybox and shells are known must not make the program that looks for them one.
#[test]
fn this_program_is_neither_a_shell_nor_busybox() {
    let context = Context::new();
    let program = context.work().join("root/usr/bin/distil");
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_distil"), &program).unwrap();
    let output = context.bare(&["check", "rootfs:root"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("rootfs:root"), "{text}");
    for word in ["busybox", "a shell", "S101", "S102"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}
