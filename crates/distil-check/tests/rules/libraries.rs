//! What programs load: loaders, libraries, versions of symbols.

use super::{base, python};
use crate::common::{Image, cache, has, names};
use distil_check::Severity::{Error, Info, Warning};
use distil_fixture::{ElfBuilder, Machine};

#[test]
fn loaders_and_machines() {
    let musl = ElfBuilder::executable()
        .interpreter("/lib/ld-musl-x86_64.so.1")
        .build();
    assert!(has(
        &base().program("app/run", musl),
        "loader-missing",
        Error,
        "exec /app/run: no such file or directory"
    ));
    let arm = ElfBuilder::executable().machine(Machine::Aarch64).build();
    assert!(has(
        &base().program("app/run", arm),
        "wrong-machine",
        Error,
        "exec /app/run: exec format error"
    ));
    assert!(has(
        &base().program("app/run", "\x7fELF but not really"),
        "damaged-elf",
        Error,
        "exec format error"
    ));
}

#[test]
fn libraries_that_are_missing_and_found() {
    let needs = || {
        ElfBuilder::executable()
            .needed("libx.so.1")
            .needed("libc.so.6")
    };
    let x = || ElfBuilder::shared("libx.so.1").needed("libc.so.6").build();
    let image = base().program("app/run", needs().build());
    assert!(has(
        &image,
        "library-missing",
        Error,
        "/app/run: error while loading shared libraries: libx.so.1: cannot open shared object file: No such file or directory"
    ));
    let fine = [
        base()
            .program("app/run", needs().build())
            .file("usr/lib/libx.so.1", x()),
        base()
            .program("app/run", needs().runpath("$ORIGIN/../lib").build())
            .file("lib/libx.so.1", x()),
        base()
            .program("app/run", needs().rpath("${ORIGIN}/l").build())
            .file("app/l/libx.so.1", x()),
        base()
            .program("app/run", needs().build())
            .file("opt/libx.so.1", x())
            .env("LD_LIBRARY_PATH", "/opt"),
        base()
            .program("app/run", needs().build())
            .file("opt/x/libx.so.1", x())
            .file(
                "etc/ld.so.cache",
                cache(&[("libx.so.1", "/opt/x/libx.so.1")]),
            ),
    ];
    for image in &fine {
        assert!(names(image).is_empty(), "{:?}", names(image));
    }
    // What brings a library by an RPATH hands it on; by a RUNPATH it does not.
    let y = || ElfBuilder::shared("liby.so.1").needed("libx.so.1").build();
    let through = |builder: ElfBuilder| {
        let program = builder.needed("liby.so.1").needed("libc.so.6").build();
        base()
            .program("app/run", program)
            .file("app/l/libx.so.1", x())
            .file("app/l/liby.so.1", y())
    };
    assert!(names(&through(ElfBuilder::executable().rpath("$ORIGIN/l"))).is_empty());
    assert!(has(
        &through(ElfBuilder::executable().runpath("$ORIGIN/l")),
        "library-missing",
        Error,
        "libx.so.1"
    ));
    // What is loaded already is not looked for.
    let both = ElfBuilder::executable()
        .runpath("$ORIGIN/l")
        .needed("libx.so.1")
        .needed("liby.so.1")
        .build();
    let image = base()
        .program("app/run", both)
        .file("app/l/libx.so.1", x())
        .file("app/l/liby.so.1", y());
    assert!(names(&image).is_empty(), "{:?}", names(&image));
    // A module that nobody is linked with.
    let module = ElfBuilder::plugin()
        .needed("libpq.so.5")
        .payload("\0PyInit_m\0")
        .build();
    let image = python().file("usr/lib/python3.13/site-packages/m.so", module.clone());
    assert!(has(
        &image,
        "library-missing",
        Error,
        "ImportError: libpq.so.5: cannot open shared object file"
    ));
    let elsewhere = image.file("opt/libpq.so.5", ElfBuilder::shared("libpq.so.5").build());
    assert!(has(&elsewhere, "library-missing", Info, ""));
}

#[test]
fn what_a_package_lacks_on_purpose_is_a_warning() {
    let module = ElfBuilder::shared("libj.so")
        .needed("libpcsclite.so.1")
        .build();
    let image = base().file("usr/lib/libj.so", module).file(
        "var/lib/dpkg/status.d/j.md5sums",
        "0123456789abcdef0123456789abcdef  usr/lib/libj.so\n",
    );
    assert!(has(&image, "library-missing", Warning, "libpcsclite.so.1"));
}

#[test]
fn versions_of_symbols() {
    let new = ElfBuilder::executable()
        .requires("libc.so.6", "GLIBC_2.38")
        .build();
    let image = base().program("app/run", new);
    assert!(has(
        &image,
        "symbol-version",
        Error,
        "/app/run: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /app/run)"
    ));
    // Of an image of Debian's it is known which release the build's first stage was of.
    let remedies = |image: &Image| -> Vec<String> {
        let findings = image.findings().into_iter();
        let of_rule = findings.filter(|one| one.rule.name == "symbol-version");
        of_rule.map(|one| one.remedy).collect()
    };
    assert!(!remedies(&image)[0].contains("trixie"));
    let image = image.file("etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n");
    assert_eq!(
        remedies(&image),
        [
            "it was built on Debian trixie or newer, and this image is made of bookworm: build it on \
             bookworm, or take an image of trixie"
        ]
    );
    let other = ElfBuilder::shared("libz.so.1").defines("ZLIB_1.2").build();
    let needs = ElfBuilder::executable()
        .requires("libz.so.1", "ZLIB_1.3")
        .needed("libc.so.6")
        .build();
    let image = base()
        .program("app/run", needs)
        .file("usr/lib/libz.so.1", other);
    assert!(has(
        &image,
        "symbol-version",
        Error,
        "version `ZLIB_1.3' not found"
    ));
    // Without any version the loader only warns.
    let bare = ElfBuilder::shared("libz.so.1").build();
    let needs = ElfBuilder::executable()
        .requires("libz.so.1", "ZLIB_1.3")
        .needed("libc.so.6")
        .build();
    let image = base()
        .program("app/run", needs)
        .file("usr/lib/libz.so.1", bare);
    assert!(names(&image).is_empty());
}

#[test]
fn what_is_loaded_by_name_at_run_time() {
    let note = |priority: &str| {
        let json = format!(
            r#"[{{"feature":"zstd","description":"Compression","priority":"{priority}","soname":["libzstd.so.1","libzstd.so.2"]}}]"#
        );
        let program = ElfBuilder::executable().needed("libc.so.6").dlopen(&json);
        base().program("app/run", program.build())
    };
    assert!(has(&note("required"), "dlopen-missing", Warning, ""));
    assert!(has(&note("recommended"), "dlopen-missing", Info, ""));
    assert!(names(&note("suggested")).is_empty());
    let library = ElfBuilder::shared("libzstd.so.2").build();
    let there = note("required").file("usr/lib/libzstd.so.2", library);
    assert!(names(&there).is_empty(), "{:?}", names(&there));
    let odd = ElfBuilder::executable()
        .needed("libc.so.6")
        .dlopen("{no json");
    assert!(names(&base().program("app/run", odd.build())).is_empty());
}

#[test]
fn what_is_loaded_first() {
    let image = base().env("LD_PRELOAD", "/usr/lib/libjemalloc.so.2");
    let message = "ERROR: ld.so: object '/usr/lib/libjemalloc.so.2' from LD_PRELOAD cannot be preloaded (cannot open shared object file): ignored.";
    assert!(has(&image, "library-missing", Warning, message));
    let library = ElfBuilder::shared("libjemalloc.so.2").build();
    let there = image.file("usr/lib/libjemalloc.so.2", &library);
    assert!(names(&there).is_empty(), "{:?}", names(&there));
    let by_name = base()
        .env("LD_PRELOAD", "libjemalloc.so.2")
        .file("usr/lib/libjemalloc.so.2", &library);
    assert!(names(&by_name).is_empty(), "{:?}", names(&by_name));
}

#[test]
fn tokens_and_caches_of_the_loader() {
    let needs = || {
        ElfBuilder::executable()
            .needed("libx.so.1")
            .needed("libc.so.6")
    };
    let x = || ElfBuilder::shared("libx.so.1").needed("libc.so.6").build();
    let foreign = ElfBuilder::shared("libx.so.1")
        .machine(Machine::Aarch64)
        .build();
    // `$LIB` is Debian's directory; a library for another machine is passed over.
    let fine = base()
        .program("app/run", needs().runpath("/opt/$LIB").build())
        .file("opt/lib/x86_64-linux-gnu/libx.so.1", x());
    assert!(names(&fine).is_empty(), "{:?}", names(&fine));
    let second = base()
        .program("app/run", needs().runpath("/opt/arm:/opt/x").build())
        .file("opt/arm/libx.so.1", &foreign)
        .file("opt/x/libx.so.1", x());
    assert_eq!(names(&second), ["wrong-machine"]);
    let only = base()
        .program("app/run", needs().runpath("/opt/arm").build())
        .file("opt/arm/libx.so.1", &foreign);
    assert!(has(&only, "library-missing", Error, "libx.so.1"));
    // A cache that names what is gone, or is none, does not help.
    let cache = cache(&[("libx.so.1", "/opt/x/libx.so.1")]);
    let cached = base()
        .program("app/run", needs().build())
        .file("etc/ld.so.cache", &cache);
    assert!(has(&cached, "library-missing", Error, "libx.so.1"));
    let there = cached.file("opt/x/libx.so.1", x());
    assert!(names(&there).is_empty());
    let cut = there.file("etc/ld.so.cache", &cache[..60]);
    assert!(has(&cut, "library-missing", Error, "libx.so.1"));
    // A link through a directory that is a link, and back up from there.
    let up = base()
        .program("app/run", needs().runpath("/opt/link/../libs").build())
        .link("opt/link", "/srv/a/b")
        .folder("srv/a/b", 0o755)
        .file("srv/a/libs/libx.so.1", x());
    assert!(names(&up).is_empty(), "{:?}", names(&up));
}

#[test]
fn libraries_for_better_machines() {
    let folder = "usr/lib/x86_64-linux-gnu";
    let level = format!("{folder}/glibc-hwcaps/x86-64-v3/libx.so.1");
    let usual = format!("{folder}/libx.so.1");
    let x = |version: &str| {
        ElfBuilder::shared("libx.so.1")
            .defines("X_1")
            .defines(version)
            .build()
    };
    let needs = ElfBuilder::executable()
        .needed("libc.so.6")
        .requires("libx.so.1", "X_2")
        .build();
    let image = base().program("app/run", needs);
    let message = "/app/run: error while loading shared libraries: libx.so.1";
    let only = image.clone().file(&level, x("X_2"));
    assert!(has(&only, "library-missing", Warning, message));
    let both = image.file(&usual, x("X_2"));
    assert!(names(&both.clone().file(&level, x("X_2"))).is_empty());
    // The library of the better machines is an older one.
    let message = "glibc-hwcaps/x86-64-v3/libx.so.1: version `X_2' not found";
    let old = both.file(&level, x("X_0"));
    assert!(has(&old, "symbol-version", Error, message));
}

#[test]
fn libraries_for_some_machines_of_older_glibcs() {
    let needs = ElfBuilder::executable()
        .needed("libc.so.6")
        .requires("libx.so.1", "X_2")
        .runpath("/opt");
    let x = |version: &str| {
        let x = ElfBuilder::shared("libx.so.1").defines("X_1");
        x.defines(version).build()
    };
    let libc = |version: &str| {
        let libc = ElfBuilder::shared("libc.so.6").defines("GLIBC_2.2.5");
        libc.defines(version).build()
    };
    let with = |version: &str| {
        let image = base().program("app/run", needs.clone().build());
        image.file("usr/lib/x86_64-linux-gnu/libc.so.6", libc(version))
    };
    let missing = "/app/run: error while loading shared libraries: libx.so.1";
    let all = with("GLIBC_2.36").file("opt/x86_64/libx.so.1", x("X_2"));
    assert!(names(&all).is_empty(), "{:?}", names(&all));
    let some = with("GLIBC_2.36").file("opt/haswell/libx.so.1", x("X_2"));
    assert!(has(&some, "library-missing", Warning, missing));
    // Both for all machines and for some, of which those for some are older ones.
    let message = "opt/haswell/libx.so.1: version `X_2' not found";
    let usual = with("GLIBC_2.36").file("opt/libx.so.1", x("X_2"));
    for both in [all, usual] {
        let old = both.file("opt/haswell/libx.so.1", x("X_0"));
        assert!(has(&old, "symbol-version", Error, message));
    }
    // Newer ones look into none of them.
    let new = with("GLIBC_2.38").file("opt/x86_64/libx.so.1", x("X_2"));
    assert!(has(&new, "library-missing", Error, missing));
    let new = with("GLIBC_2.38")
        .file("opt/libx.so.1", x("X_2"))
        .file("opt/haswell/libx.so.1", x("X_0"));
    assert!(names(&new).is_empty(), "{:?}", names(&new));
}
