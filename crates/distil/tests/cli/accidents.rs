//! What comes into an image by accident, and how a definition lets it in.

use distil_fixture::{DebBuilder, ElfBuilder, Entry};

use crate::context::Context;

fn program() -> Vec<u8> {
    ElfBuilder::executable().needed("libc.so.6").build()
}

fn deb(name: &str) -> DebBuilder {
    DebBuilder::new(name, "1", "amd64")
}

/// `tool` needs `middle`, which needs things that no image should have.
fn context() -> Context {
    Context::with_packages(vec![
        deb("tool")
            .depends("middle, perl-base")
            .file("usr/share/tool/x", "x"),
        deb("middle").depends("dash, mount, apt"),
        deb("dash")
            .executable("usr/bin/dash", program())
            .symlink("usr/bin/sh", "dash"),
        deb("mount").entry(Entry::file("usr/bin/mount", program()).mode(0o4755)),
        deb("wall").entry(Entry::file("usr/bin/wall", program()).mode(0o2755)),
        deb("apt").executable("usr/bin/apt-get", program()),
        deb("perl-base")
            .executable("usr/bin/perl5.40.1", program())
            .symlink("usr/bin/perl", "perl5.40.1"),
        deb("gcc-14")
            .executable("usr/bin/x86_64-linux-gnu-gcc-14", program())
            .symlink("usr/bin/gcc", "x86_64-linux-gnu-gcc-14"),
        deb("strace").executable("usr/bin/strace", program()),
        deb("jre")
            .executable("usr/lib/jvm/x/bin/java", program())
            .symlink("usr/bin/java", "../lib/jvm/x/bin/java"),
    ])
}

#[test]
fn each_is_shown_with_what_brought_it() {
    let context = context();
    insta::assert_snapshot!(context.fails(&["build", "base", "--add", "tool"]), @"
    status 1
    error: the image would have what attackers look for:
      a package manager: `/usr/bin/apt-get` from package `apt`, which `middle` depends on, which `tool` depends on, which `base+tool` asks for as `tool`
      a shell: `/usr/bin/dash`, `/usr/bin/sh` from package `dash`, which `middle` depends on, which `tool` depends on, which `base+tool` asks for as `tool`
      a setuid or setgid file: `/usr/bin/mount` from package `mount`, which `middle` depends on, which `tool` depends on, which `base+tool` asks for as `tool`
      an interpreter: `/usr/bin/perl`, `/usr/bin/perl5.40.1` from package `perl-base`, which `tool` depends on, which `base+tool` asks for as `tool`

    hint: `--without middle=REASON --without perl-base=REASON`, or `without: {middle: REASON, perl-base: REASON}` in the definition, leaves out what brings it, where nothing needs that

    hint: `--allow apt=REASON --allow dash=REASON --allow mount=REASON --allow perl-base=REASON`, or `allow: {apt: REASON, dash: REASON, mount: REASON, perl-base: REASON}` in the definition, lets it in
    ");
    insta::assert_snapshot!(context.fails(&["build", "base", "--add", "wall"]), @"
    status 1
    error: the image would have what attackers look for:
      a setuid or setgid file: `/usr/bin/wall` from package `wall`, which `base+wall` asks for as `wall`

    hint: `--allow wall=REASON`, or `allow: {wall: REASON}` in the definition, lets it in
    ");
}

#[test]
fn each_is_let_in_by_name_with_a_reason() {
    let context = context();
    context.define(
        "name: app\nfrom: base\npackages: [tool]\n\
         allow:\n  dash: scripts need it\n  /usr/bin/mount: it mounts\n  /usr/bin/perl*: runs scripts\n  apt: installs\n",
    );
    context.run(&["build", "app.yaml"]);
    let flags = ["dash=a", "mount=b", "apt=c", "perl-base=d"].map(|text| ["--allow", text]);
    let mut arguments = vec![
        "build",
        "base",
        "--add",
        "tool",
        "-o",
        "oci-archive:flags.tar",
    ];
    arguments.extend(flags.as_flattened());
    context.run(&arguments);
}

#[test]
fn compilers_and_debuggers_are_accidents_too() {
    let context = context();
    let add = ["build", "base", "--add", "gcc-14", "--add", "strace"];
    insta::assert_snapshot!(context.fails(&add), @"
    status 1
    error: the image would have what attackers look for:
      a compiler: `/usr/bin/gcc`, `/usr/bin/x86_64-linux-gnu-gcc-14` from package `gcc-14`, which `base+gcc-14+strace` asks for as `gcc-14`
      a debugger: `/usr/bin/strace` from package `strace`, which `base+gcc-14+strace` asks for as `strace`

    hint: `--allow gcc-14=REASON --allow strace=REASON`, or `allow: {gcc-14: REASON, strace: REASON}` in the definition, lets it in
    ");
    let flags = ["--allow", "gcc-14=a", "--allow", "strace=b"];
    context.run(&[&add[..], &flags[..]].concat());
}

/// It does not matter whether a package or the definition itself brings it.
#[test]
fn a_compiler_that_a_definition_copies() {
    let context = context();
    std::fs::write(context.work().join("tcc"), program()).unwrap();
    let yaml = "name: app\nfrom: base\nfiles: [{path: /opt/tcc, from: tcc, mode: 755}]\n";
    context.define(yaml);
    insta::assert_snapshot!(context.fails(&["build", "app.yaml"]), @"
    status 1
    error: the image would have what attackers look for:
      a compiler: `/opt/tcc` from definition `app`

    hint: `--allow /opt/tcc=REASON`, or `allow: {/opt/tcc: REASON}` in the definition, lets it in
    ");
    context.define(&format!("{yaml}allow: {{/opt/tcc: it compiles}}\n"));
    context.run(&["build", "app.yaml"]);
}

#[test]
fn java_is_one_beside_another_runtime_alone() {
    let context = context();
    context.run(&["build", "base", "--add", "jre"]);
    context.define(
        "name: app\nfrom: base\npackages: [perl-base, jre]\nconfig: {entrypoint: [perl]}\n",
    );
    insta::assert_snapshot!(context.fails(&["build", "app.yaml"]), @"
    status 1
    error: the image would have what attackers look for:
      an interpreter: `/usr/bin/java`, `/usr/lib/jvm/x/bin/java` from package `jre`, which `app` asks for as `jre`

    hint: `--allow jre=REASON`, or `allow: {jre: REASON}` in the definition, lets it in
    ");
}

#[test]
fn letting_in_what_is_not_there_is_a_mistake() {
    let context = context();
    let fails = |yaml: &str| {
        context.define(&format!("name: app\nfrom: base\n{yaml}\n"));
        context.fails(&["build", "app.yaml"])
    };
    insta::assert_snapshot!(fails("allow: {dash: x}"), @"
    status 1
    error: `allow: dash` of definition `app` allows nothing: the image has no such thing that would need it
     --> app.yaml:3:9
      |
    3 | allow: {dash: x}
      |         ^^^^
    ");
    insta::assert_snapshot!(fails("packages: [dash]\nallow: {dash: x, /usr/bin/mount: y}"), @"
    status 1
    error: `allow: /usr/bin/mount` of definition `app` allows nothing: the image has no such thing that would need it
     --> app.yaml:4:18
      |
    4 | allow: {dash: x, /usr/bin/mount: y}
      |                  ^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(fails("packages: [libffi8]\nallow: {libffi8: x}"), @"
    status 1
    error: `allow: libffi8` of definition `app` allows nothing: the image has no such thing that would need it
     --> app.yaml:4:9
      |
    4 | allow: {libffi8: x}
      |         ^^^^^^^
    ");
    // Letting one thing in lets no other in.
    insta::assert_snapshot!(fails("packages: [dash, wall]\nallow: {dash: x}"), @"
    status 1
    error: the image would have what attackers look for:
      a setuid or setgid file: `/usr/bin/wall` from package `wall`, which `app` asks for as `wall`

    hint: `--allow wall=REASON`, or `allow: {wall: REASON}` in the definition, lets it in
    ");
}

#[test]
fn the_file_of_a_definition_is_no_exception() {
    let context = context();
    let fails = |yaml: &str| {
        context.define(&format!("name: app\nfrom: base\n{yaml}\n"));
        context.fails(&["build", "app.yaml"])
    };
    insta::assert_snapshot!(fails("files: [{path: /app, text: x, mode: '4755'}]"), @"
    status 1
    error: the image would have what attackers look for:
      a setuid or setgid file: `/app` from definition `app`

    hint: `--allow /app=REASON`, or `allow: {/app: REASON}` in the definition, lets it in
    ");
    insta::assert_snapshot!(fails("files: [{path: /bin/sh, text: x, mode: '755'}]"), @"
    status 1
    error: the image would have what attackers look for:
      a shell: `/usr/bin/sh` from definition `app`

    hint: `--allow /usr/bin/sh=REASON`, or `allow: {/usr/bin/sh: REASON}` in the definition, lets it in
    ");
    insta::assert_snapshot!(fails("links: {/usr/local/bin/sh: /app}"), @"
    status 1
    error: the image would have what attackers look for:
      a shell: `/usr/local/bin/sh` from definition `app`

    hint: `--allow /usr/local/bin/sh=REASON`, or `allow: {/usr/local/bin/sh: REASON}` in the definition, lets it in
    ");
    insta::assert_snapshot!(fails("packages: [{name: dash, move: {/usr/bin/dash: /usr/bin/d}}]"), @"
    status 1
    error: the image would have what attackers look for:
      a shell: `/usr/bin/sh` from package `dash`, which `app` asks for as `dash`

    hint: `--allow dash=REASON`, or `allow: {dash: REASON}` in the definition, lets it in
    ");
}

fn runtime(entrypoint: &str) {
    let context = context();
    context.define(&format!(
        "name: app\nfrom: base\npackages: [perl-base]\nconfig: {{entrypoint: [{entrypoint}]}}\n"
    ));
    context.run(&["build", "app.yaml"]);
}

#[test]
fn the_runtime_itself_is_no_accident() {
    runtime("/usr/bin/perl");
}

#[test]
fn the_runtime_by_its_bare_name_is_no_accident() {
    runtime("perl");
}

/// What the debug variant alone has is allowed there, and not useless in the others.
#[test]
fn what_the_debug_variant_alone_has() {
    let context = context();
    context.define(
        "name: app\nfrom: base\ndebug: {packages: [wall]}\nallow: {wall: to warn everybody}\n",
    );
    for variant in ["app.yaml:debug", "app.yaml"] {
        context.run(&["build", variant]);
    }
}

#[test]
fn a_variant_of_a_definition_with_a_shell_of_its_own() {
    let context = context();
    context.define("name: app\nfrom: base\npackages: [dash]\nallow: {dash: scripts}\n");
    for variant in ["nonroot", "debug", "debug-nonroot"] {
        context.run(&["build", &format!("app.yaml:{variant}")]);
    }
}

/// What runs it is not there, so that it is of no use; but an entry without effect is a mistake.
#[test]
fn a_script_that_is_kept_stays_or_is_refused() {
    let script = deb("script").executable("usr/bin/script", "#!/usr/bin/gone\n");
    let context = Context::with_packages(vec![script]);
    context.define("name: app\nfrom: base\npackages: [script]\nkeep: [/usr/bin/script]\n");
    let output = context.command(&["build", "app.yaml"]).output().unwrap();
    if output.status.success() {
        let files = crate::images::files(&context.work().join("app.tar"));
        assert!(files.contains_key("usr/bin/script"));
    }
}

/// Each way to what nobody wants is closed at once, as low as can be: the database's client stays.
#[test]
fn what_the_hint_leaves_out_is_enough_and_no_more() {
    let context = Context::with_packages(vec![
        deb("client")
            .depends("client-17")
            .file("usr/share/client/x", "x"),
        deb("client-17")
            .depends("client-common")
            .file("usr/lib/client/17/psql", "x"),
        deb("client-common")
            .depends("perl-base, dash")
            .file("usr/share/client/wrapper", "x"),
        deb("other").depends("tool").file("usr/share/other/x", "x"),
        deb("tool").depends("dash").file("usr/share/tool/x", "x"),
        deb("dash").executable("usr/bin/dash", program()),
        deb("perl-base").executable("usr/bin/perl5.40.1", program()),
    ]);
    let hint = |arguments: &[&str]| {
        let said = context.fails(arguments);
        let hint = said
            .lines()
            .find_map(|line| line.strip_prefix("    hint: `--without"));
        let hint = hint.or_else(|| {
            let mut lines = said.lines();
            lines.find_map(|line| line.strip_prefix("hint: `--without"))
        });
        let flags = hint.and_then(|hint| hint.split('`').next()).unwrap();
        format!("--without{flags}").replace("REASON", "for-the-test")
    };
    let client = ["build", "base", "--add", "client", "-o", "oci:made"];
    let both = [
        "build", "base", "--add", "client", "--add", "other", "-o", "oci:made",
    ];
    for (arguments, expected) in [
        (&client[..], "--without client-common=for-the-test"),
        (
            &both[..],
            "--without dash=for-the-test --without perl-base=for-the-test",
        ),
    ] {
        let flags = hint(arguments);
        assert_eq!(flags, expected);
        let followed: Vec<&str> = arguments.iter().copied().chain(flags.split(' ')).collect();
        context.run(&followed);
        let shown = context.run(&["show", "oci:made", "--files"]);
        assert!(shown.contains("/usr/lib/client/17/psql"), "{shown}");
        std::fs::remove_dir_all(context.work().join("made")).unwrap();
    }
}
