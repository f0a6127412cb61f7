//! Libraries for several platforms side by side, and those that programs do without.

use super::{base, node, python};
use crate::common::{Image, has, names};
use distil_check::Severity::{Error, Info, Warning};
use distil_fixture::{ElfBuilder, Machine};

const MODULES: &str = "app/node_modules";
const SITE: &str = "usr/lib/python3.13/site-packages";

fn glibc() -> Vec<u8> {
    ElfBuilder::plugin()
        .needed("libc.so.6")
        .payload("\0napi_register_module_v1\0")
        .build()
}

fn musl() -> Vec<u8> {
    ElfBuilder::plugin()
        .needed("libc.so")
        .payload("\0napi_register_module_v1\0")
        .build()
}

fn with(files: &[(&str, Vec<u8>)]) -> Image {
    files.iter().fold(node(), |image, (path, bytes)| {
        image.file(&format!("{MODULES}/{path}"), bytes)
    })
}

#[test]
fn builds_for_musl_beside_those_for_glibc() {
    for (own, other) in [
        (
            "@r/r-linux-x64-gnu/r.linux-x64-gnu.node",
            "@r/r-linux-x64-musl/r.linux-x64-musl.node",
        ),
        (
            "@i/s-linux-x64/lib/s-linux-x64.node",
            "@i/s-linuxmusl-x64/lib/s-linuxmusl-x64.node",
        ),
        (
            "b/prebuilds/linux-x64/n.glibc.node",
            "b/prebuilds/linux-x64/n.musl.node",
        ),
        (
            "b/prebuilds/linux-x64/n.node",
            "b/prebuilds/android-x64/n.node",
        ),
    ] {
        let both = with(&[(own, glibc()), (other, musl())]);
        assert!(names(&both).is_empty(), "{other}: {:?}", names(&both));
        let alone = with(&[(other, musl())]);
        assert!(
            has(
                &alone,
                "library-missing",
                Error,
                "Error: libc.so: cannot open"
            ),
            "{other}"
        );
        let finding = &alone.findings()[0];
        assert!(
            finding.remedy.contains("was built for musl"),
            "{}",
            finding.remedy
        );
    }
}

#[test]
fn builds_for_other_machines() {
    let arm = ElfBuilder::plugin()
        .machine(Machine::Aarch64)
        .needed("libx.so.9")
        .build();
    let both = with(&[
        ("b/prebuilds/linux-x64/n.node", glibc()),
        ("b/prebuilds/linux-arm64/n.node", arm.clone()),
    ]);
    assert!(names(&both).is_empty(), "{:?}", names(&both));
    let alone = with(&[("b/prebuilds/linux-arm64/n.node", arm)]);
    assert!(has(&alone, "wrong-machine", Info, ""));
}

#[test]
fn plug_ins_that_nothing_is_linked_with() {
    let plugin = ElfBuilder::shared("libauth.so")
        .needed("libldap.so.2")
        .build();
    let image = base().file("app/plugin/libauth.so", plugin.clone());
    assert!(has(&image, "library-missing", Warning, "libldap.so.2"));
    // What something is linked with is none.
    let linked = ElfBuilder::plugin()
        .needed("libauth.so")
        .runpath("$ORIGIN")
        .payload("\0PyInit_x\0")
        .build();
    let image = image.file("app/plugin/x.so", linked);
    assert!(has(&image, "library-missing", Error, "libldap.so.2"));
}

#[test]
fn odd_modules_of_a_package() {
    let module = |needs: &str| {
        ElfBuilder::plugin()
            .needed(needs)
            .payload("\0PyInit_x\0")
            .build()
    };
    let path = |package: &str, name: &str| {
        format!("{SITE}/{package}/{name}.cpython-313-x86_64-linux-gnu.so")
    };
    let image = python()
        .file(&path("numba/np/ufunc", "workqueue"), module("libc.so.6"))
        .file(&path("numba/np/ufunc", "tbbpool"), module("libtbb.so.12"));
    assert!(has(&image, "library-missing", Warning, "libtbb.so.12"));
    // At the top of a package, or in many of its modules, it is what the package needs.
    let top = python()
        .file(&path("pil", "fine"), module("libc.so.6"))
        .file(&path("pil", "imaging"), module("libjpeg.so.62"));
    assert!(has(&top, "library-missing", Error, "libjpeg.so.62"));
    let many = ["a", "b", "c"].iter().fold(image, |image, name| {
        image.file(&path("numba/np/ufunc", name), module("libtbb.so.12"))
    });
    assert!(has(&many, "library-missing", Error, "libtbb.so.12"));
}

#[test]
fn a_java_runtime_that_was_copied() {
    let library = |soname: &str, needs: &str| ElfBuilder::shared(soname).needed(needs).build();
    let image = base()
        .file(
            "opt/jre/lib/server/libjvm.so",
            library("libjvm.so", "libc.so.6"),
        )
        .file(
            "opt/jre/lib/libawt_xawt.so",
            library("libawt_xawt.so", "libX11.so.6"),
        )
        .file(
            "opt/jre/lib/libsplashscreen.so",
            library("libsplashscreen.so", "libX11.so.6"),
        )
        .file(
            "opt/jre/lib/libjawt.so",
            library("libjawt.so", "libXext.so.6"),
        );
    assert!(has(&image, "library-missing", Info, "libX11.so.6"));
    assert_eq!(names(&image), ["library-missing"]);
    let with_screen = image.clone().env("DISPLAY", ":0");
    assert!(has(&with_screen, "library-missing", Warning, "libX11.so.6"));
    let sound = image.file(
        "opt/jre/lib/libjsound.so",
        library("libjsound.so", "libasound.so.2"),
    );
    assert!(has(&sound, "library-missing", Warning, "libasound.so.2"));
    // What is no class library's is told as ever.
    let program = ElfBuilder::executable()
        .needed("libX11.so.6")
        .needed("libc.so.6")
        .build();
    let other = sound.program("app/run", program);
    assert!(has(
        &other,
        "library-missing",
        Error,
        "/app/run: error while loading shared libraries: libX11.so.6"
    ));
}

#[test]
fn stacks_that_glibc_does_not_make_executable() {
    let image = |version: &str, library: ElfBuilder| {
        let libc = ElfBuilder::shared("libc.so.6")
            .defines("GLIBC_2.17")
            .defines(version);
        python()
            .file("usr/lib/x86_64-linux-gnu/libc.so.6", libc.build())
            .file(&format!("{SITE}/x.abi3.so"), library.build())
    };
    let wants = || ElfBuilder::plugin().executable_stack();
    let message = "ImportError: /usr/lib/python3.13/site-packages/x.abi3.so: cannot enable executable stack as shared object requires: Invalid argument";
    assert!(has(
        &image("GLIBC_2.41", wants()),
        "executable-stack",
        Error,
        message
    ));
    assert!(names(&image("GLIBC_2.40", wants())).is_empty());
    assert!(names(&image("GLIBC_2.41", ElfBuilder::plugin())).is_empty());
    // What a program is linked with may have one.
    let linked = ElfBuilder::executable()
        .needed("libc.so.6")
        .needed("libx.so.1")
        .build();
    let library = ElfBuilder::shared("libx.so.1").executable_stack();
    let started = image("GLIBC_2.41", ElfBuilder::plugin())
        .program("app/run", linked)
        .file("usr/lib/libx.so.1", library.build());
    assert!(names(&started).is_empty(), "{:?}", names(&started));
}

#[test]
fn one_cause_of_a_program_without_its_loader() {
    let program = ElfBuilder::executable().needed("libc.so.6").build();
    let image = Image::default()
        .program("app/run", program)
        .folder("tmp", 0o1777)
        .entrypoint(&["/app/run"])
        .user("65532");
    assert_eq!(names(&image), ["loader-missing"]);
}
