//! `distil build --program`: an image for a program alone.

use distil_fixture::{DebBuilder, ElfBuilder, Machine, debian_like, debian_security_like};
use serde_json::Value;

use crate::context::Context;
use crate::images::files;

const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// An archive with libraries beside those of the bases, and an index of contents.
fn context() -> Context {
    let library = |package: &str, soname: &str| {
        DebBuilder::new(package, "1.0-1", "amd64")
            .executable(
                &format!("{LIBRARIES}/{soname}"),
                ElfBuilder::shared(soname).needed("libc.so.6").build(),
            )
            .depends("libc6")
    };
    let packages = vec![
        library("libpq5", "libpq.so.5"),
        library("libodd7", "libodd.so.3"),
    ];
    let archive =
        debian_like("trixie").with("trixie", |pocket| pocket.packages(packages).contents(true));
    Context::with(archive, debian_security_like("trixie"))
}

fn program(context: &Context, path: &str, program: &ElfBuilder) {
    let path = context.work().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, program.build()).unwrap();
}

/// What the image is based on and has beside it, as the note says, and its layers' definitions.
fn built(context: &Context, arguments: &[&str]) -> String {
    let mut all = vec!["build", "--platform", "linux/amd64"];
    all.extend(arguments);
    let output = context.command(&all).output().unwrap();
    let said = context.stderr(&output);
    assert!(output.status.success(), "{said}");
    said.lines()
        .find(|line| line.starts_with("note: "))
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn the_smallest_base_with_what_the_program_needs() {
    let context = context();
    let dynamic = || ElfBuilder::executable().needed("libc.so.6");
    let cases = [
        ("static", ElfBuilder::static_executable()),
        ("plain", dynamic()),
        ("tls", dynamic().needed("libssl.so.3")),
        ("cplusplus", dynamic().needed("libstdc++.so.6")),
        (
            "database",
            dynamic().needed("libpq.so.5").needed("libssl.so.3"),
        ),
        ("odd", dynamic().needed("libodd.so.3")),
        // The loader is needed, whatever it says.
        ("nothing", ElfBuilder::executable()),
    ];
    let mut said = Vec::new();
    for (name, elf) in cases {
        program(&context, name, &elf);
        said.push(built(&context, &["--program", name]));
        let image = files(&context.work().join(format!("{name}.tar")));
        assert_eq!(image[&format!("app/{name}")].bytes, elf.build(), "{name}");
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn the_image_is_called_like_the_program_and_runs_it() {
    let context = context();
    program(
        &context,
        "out/bin/Server",
        &ElfBuilder::executable()
            .needed("libown.so.1")
            .runpath("$ORIGIN/../lib"),
    );
    program(
        &context,
        "out/lib/libown.so.1",
        &ElfBuilder::shared("libown.so.1").needed("libpq.so.5"),
    );
    let document = context.run(&[
        "build",
        "--program",
        "out/bin/Server",
        "--platform",
        "linux/amd64",
        "--format",
        "json",
        "--cmd=--port 80",
    ]);
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["images"][0]["references"][0], "server:latest");
    let shown = context.run_bare(&["show", "oci-archive:server.tar", "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        shown["config"]["entrypoint"],
        serde_json::json!(["/app/bin/Server"])
    );
    assert_eq!(shown["config"]["cmd"], serde_json::json!(["--port", "80"]));
    let image = files(&context.work().join("server.tar"));
    assert_eq!(image["app/bin/Server"].mode, 0o755);
    assert_eq!(image["app/lib/libown.so.1"].mode, 0o644);
    assert!(image.contains_key(&format!("{LIBRARIES}/libpq.so.5")));
}

#[test]
fn an_image_that_is_named_is_the_base() {
    let context = context();
    program(
        &context,
        "server",
        &ElfBuilder::executable().needed("libpq.so.5"),
    );
    let said = built(
        &context,
        &["cc:nonroot", "--program", "server", "--add", "libodd7"],
    );
    insta::assert_snapshot!(said, @"note: `server` needs `libpq5` (libpq.so.5) beside what `cc:nonroot` has");
    assert!(context.work().join("server-nonroot.tar").exists());
    // A static program, too, may stand on more than it needs.
    program(&context, "static", &ElfBuilder::static_executable());
    let said = built(&context, &["base", "--program", "static"]);
    insta::assert_snapshot!(said, @"note: `static` is statically linked; the image is `base` with it");
}

#[test]
fn the_platform_is_the_programs() {
    let context = context();
    let arm = ElfBuilder::static_executable().machine(Machine::Aarch64);
    program(&context, "arm", &arm);
    let document = context.run(&["build", "--program", "arm", "--format", "json"]);
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(
        document["images"][0]["platforms"][0]["platform"],
        "linux/arm64"
    );
}

#[test]
fn programs_that_no_image_is_for() {
    let context = context();
    let executable = ElfBuilder::executable;
    program(&context, "arm", &executable().machine(Machine::Aarch64));
    program(
        &context,
        "musl",
        &executable().interpreter("/lib/ld-musl-x86_64.so.1"),
    );
    program(
        &context,
        "strange",
        &executable().needed("libnone.so.1").needed("libno.so"),
    );
    program(
        &context,
        "new",
        &executable()
            .needed("libc.so.6")
            .requires("libc.so.6", "GLIBC_9.99"),
    );
    std::fs::write(context.work().join("script"), "#!/bin/sh\n").unwrap();
    let fails = |arguments: &[&str]| {
        let mut all = vec!["build", "--platform", "linux/amd64"];
        all.extend(arguments);
        context.fails(&all)
    };
    let said = [
        fails(&["--program", "arm"]),
        fails(&["--program", "musl"]),
        fails(&["--program", "strange"]),
        fails(&["--program", "new"]),
        fails(&["--program", "script"]),
        fails(&["--program", "missing"]),
        fails(&["--program", "."]),
        fails(&["base", "cc", "--program", "arm"]),
        fails(&["--platform", "linux/arm64", "--program", "arm"]),
        fails(&[]),
    ];
    insta::assert_snapshot!(said.join("\n"));
}
