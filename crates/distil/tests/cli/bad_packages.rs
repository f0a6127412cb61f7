//! Packages that are hostile or contradict one another.

use distil_fixture::{DebBuilder, ElfBuilder, Entry, EntryKind};

use crate::context::Context;

fn added(package: DebBuilder) -> String {
    let name = package.name().to_owned();
    Context::with_packages(vec![package]).fails(&["build", "base", "--add", &name])
}

fn deb(name: &str) -> DebBuilder {
    DebBuilder::new(name, "1.0-1", "amd64")
}

#[test]
fn what_leads_out_of_the_image() {
    let file = EntryKind::File(b"x".to_vec());
    let absolute = deb("evil").entry(Entry::verbatim("/etc/passwd", file.clone()));
    insta::assert_snapshot!(added(absolute), @r#"
    status 1
    error: failed to read package `evil 1.0-1`
      cause: `/etc/passwd` in it is absolute
    "#);
    let parent = deb("evil")
        .parents(false)
        .entry(Entry::verbatim("../x", file));
    insta::assert_snapshot!(added(parent), @r#"
    status 1
    error: failed to read package `evil 1.0-1`
      cause: `../x` in it has a `..` in it
    "#);
    let link = deb("evil").entry(Entry::symlink("usr/x", "../../../etc"));
    insta::assert_snapshot!(added(link), @r#"
    status 1
    error: failed to read package `evil 1.0-1`
      cause: `./usr/x` in it links out of the package, to `../../../etc`
    "#);
    let device = deb("evil").entry(Entry::verbatim("./dev/x", EntryKind::CharacterDevice(1, 1)));
    insta::assert_snapshot!(added(device), @r#"
    status 1
    error: failed to read package `evil 1.0-1`
      cause: `./dev/x` in it is a character device, which packages must not ship
    "#);
}

/// Such a name would delete a file of a layer instead of being one.
#[test]
fn names_that_delete() {
    insta::assert_snapshot!(added(deb("evil").file("etc/.wh.passwd", "")), @r"
    status 1
    error: package `evil` has `/etc/.wh.passwd`, which no image can have: in a layer, a name that begins with `.wh.` stands for a file that is deleted
    ");
    insta::assert_snapshot!(added(deb("evil").directory("usr/share/.wh.evil")), @r"
    status 1
    error: package `evil` has `/usr/share/.wh.evil`, which no image can have: in a layer, a name that begins with `.wh.` stands for a file that is deleted
    ");
    insta::assert_snapshot!(added(deb("evil").file("etc/.wh..wh..opq", "")), @r"
    status 1
    error: package `evil` has `/etc/.wh..wh..opq`, which no image can have: in a layer, a name that begins with `.wh.` stands for a file that is deleted
    ");
    let alternative = "update-alternatives --install /usr/bin/.wh.x x /usr/bin/evil 1";
    let alternative = deb("evil")
        .executable("usr/bin/evil", ElfBuilder::executable().build())
        .script("postinst", &format!("#!/bin/sh\n{alternative}\n"));
    insta::assert_snapshot!(added(alternative), @r"
    status 1
    error: generated `alternatives` has `/usr/bin/.wh.x`, which no image can have: in a layer, a name that begins with `.wh.` stands for a file that is deleted
    ");
    let context = Context::new();
    let fails = |line: &str| {
        context.define(&format!("name: app\nfrom: base\n{line}\n"));
        context.fails(&["build", "app.yaml"])
    };
    insta::assert_snapshot!(fails("files: [{path: /etc/.wh.passwd, text: x}]"), @r"
    status 1
    error: `files` of definition `app` has `/etc/.wh.passwd`, which no image can have: in a layer, a name that begins with `.wh.` stands for a file that is deleted
     --> app.yaml:3:16
      |
    3 | files: [{path: /etc/.wh.passwd, text: x}]
      |                ^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("links: {/usr/.wh.bin/x: y}"), @r"
    status 1
    error: `links` of definition `app` has `/usr/.wh.bin/x`, which no image can have: in a layer, a name that begins with `.wh.` stands for a file that is deleted
     --> app.yaml:3:9
      |
    3 | links: {/usr/.wh.bin/x: y}
      |         ^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("directories: [{path: /.wh..wh..opq}]"), @r"
    status 1
    error: `directories` of definition `app` has `/.wh..wh..opq`, which no image can have: in a layer, a name that begins with `.wh.` stands for a file that is deleted
     --> app.yaml:3:22
      |
    3 | directories: [{path: /.wh..wh..opq}]
      |                      ^^^^^^^^^^^^^
    ");
}

#[test]
fn two_packages_with_one_path() {
    let other = deb("other").file("etc/services", "mine");
    insta::assert_snapshot!(added(other), @r#"
    status 1
    error: packages `netbase` and `other` both ship `/etc/services`, and neither says that it replaces the other's files
    "#);
    let replacing = deb("other")
        .field("Replaces", "netbase")
        .file("etc/services", "mine");
    let context = Context::with_packages(vec![replacing]);
    context.run(&["build", "base", "--add", "other"]);
}

#[test]
fn libraries_that_are_missing() {
    let program = ElfBuilder::executable().needed("libgone.so.7").build();
    insta::assert_snapshot!(added(deb("app").executable("usr/bin/app", program)), @"
    status 1
    error: the image would lack libraries that its files need:
      `/usr/bin/app` needs `libgone.so.7`

    hint: `packages`, or `--add`, adds the package that has it, often one that is only recommended; `drop` leaves out the file that needs it; `excuse: {libgone.so.7: REASON}`, or `--excuse libgone.so.7=REASON`, says that it may be missing
    ");
}

#[test]
fn shells_and_setuid_files_are_caught_with_what_brought_them() {
    let shell = ElfBuilder::executable().needed("libc.so.6").build();
    let dash = deb("dash").executable("usr/bin/dash", shell);
    let app = deb("app").depends("dash").file("usr/share/app/x", "x");
    let context = Context::with_packages(vec![dash, app]);
    insta::assert_snapshot!(context.fails(&["build", "base", "--add", "app"]), @"
    status 1
    error: the image would have what attackers look for:
      a shell: `/usr/bin/dash` from package `dash`, which `app` depends on, which `base+app` asks for as `app`

    hint: `--without dash=REASON`, or `without: {dash: REASON}` in the definition, leaves out what brings it, where nothing needs that

    hint: `--allow dash=REASON`, or `allow: {dash: REASON}` in the definition, lets it in
    ");
    let setuid = Entry::file("usr/bin/su", "x").mode(0o4755);
    insta::assert_snapshot!(added(deb("su").entry(setuid)), @"
    status 1
    error: the image would have what attackers look for:
      a setuid or setgid file: `/usr/bin/su` from package `su`, which `base+su` asks for as `su`

    hint: `--allow su=REASON`, or `allow: {su: REASON}` in the definition, lets it in
    ");
}

#[test]
fn scripts_that_cannot_run_are_left_out_and_counted() {
    let script = deb("tool")
        .executable("usr/bin/tool", "#!/bin/sh\n")
        .file("usr/share/x", "x");
    let context = Context::with_packages(vec![script]);
    let shown = context.run(&["show", "base", "--add", "tool", "--format", "json"]);
    assert!(
        shown.contains("scripts whose interpreter is not in the image"),
        "{shown}"
    );
}
