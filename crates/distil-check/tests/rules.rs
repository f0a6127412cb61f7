//! For each rule an image that has the fault, and one that has not.

mod common;

use common::{Image, has, names, zip};
use distil_check::Severity::{Error, Info, Warning};
use distil_fixture::{ElfBuilder, Machine};

fn libc() -> Vec<u8> {
    ElfBuilder::shared("libc.so.6")
        .defines("GLIBC_2.17")
        .defines("GLIBC_2.36")
        .build()
}

const LIB: &str = "usr/lib/x86_64-linux-gnu";

/// An image with a C library and a program that is started.
fn base() -> Image {
    let loader = ElfBuilder::shared("ld-linux-x86-64.so.2").build();
    Image::default()
        .program("usr/lib64/ld-linux-x86-64.so.2", loader)
        .link("lib64", "usr/lib64")
        .link("lib", "usr/lib")
        .file(&format!("{LIB}/libc.so.6"), libc())
        .program(
            "app/run",
            ElfBuilder::executable()
                .requires("libc.so.6", "GLIBC_2.17")
                .build(),
        )
        .folder("tmp", 0o1777)
        .entrypoint(&["/app/run"])
        .user("65532")
}

fn python() -> Image {
    base()
        .program(
            "usr/bin/python3.13",
            ElfBuilder::executable().needed("libc.so.6").build(),
        )
        .link("usr/bin/python3", "python3.13")
        .file("usr/lib/python3.13/os.py", "")
        .entrypoint(&["/usr/bin/python3"])
}

#[test]
fn what_is_right_has_no_finding() {
    assert!(names(&base()).is_empty(), "{:?}", names(&base()));
    assert!(names(&python()).is_empty(), "{:?}", names(&python()));
}

#[test]
fn programs_that_are_not_there() {
    let image = base().entrypoint(&["/app/other"]);
    assert!(has(
        &image,
        "program-missing",
        Error,
        "exec: \"/app/other\": stat /app/other: no such file or directory"
    ));
    let image = base().entrypoint(&["other"]);
    assert!(has(
        &image,
        "program-missing",
        Error,
        "exec: \"other\": executable file not found in $PATH"
    ));
    let image = base().entrypoint(&["/app"]);
    assert!(has(
        &image,
        "program-not-executable",
        Error,
        "exec: \"/app\": permission denied"
    ));
    let image = base().file("app/data", "x").entrypoint(&["/app/data"]);
    assert!(has(
        &image,
        "program-not-executable",
        Error,
        "exec: \"/app/data\": permission denied"
    ));
}

#[test]
fn shell_form_without_a_shell() {
    let image = base().entrypoint(&[]).cmd(&["/bin/sh", "-c", "app $X"]);
    assert!(has(
        &image,
        "shell-form",
        Error,
        "exec: \"/bin/sh\": stat /bin/sh: no such file or directory"
    ));
    let image = python().cmd(&["/bin/sh", "-c", "app.py"]);
    assert!(has(
        &image,
        "shell-form",
        Error,
        "can't open file '/bin/sh': [Errno 2] No such file or directory"
    ));
    let image = base()
        .program("usr/bin/sh", "")
        .link("bin", "usr/bin")
        .entrypoint(&["/bin/sh", "-c", "x"]);
    assert!(has(&image, "signals", Info, ""));
    assert!(!names(&image).contains(&"shell-form".to_owned()));
}

#[test]
fn the_runtime_twice() {
    let image = python().cmd(&["python", "app.py"]);
    assert!(has(
        &image,
        "repeated-program",
        Error,
        "can't open file '//python': [Errno 2] No such file or directory"
    ));
    let image = base().program(
        "usr/bin/node",
        ElfBuilder::executable().needed("libc.so.6").build(),
    );
    let image = image
        .entrypoint(&["/usr/bin/node"])
        .cmd(&["node", "app.js"])
        .workdir("/app");
    assert!(has(
        &image,
        "repeated-program",
        Error,
        "Error: Cannot find module '/app/node'"
    ));
    let image = python().cmd(&["/app.py"]);
    assert!(has(
        &image,
        "argument-missing",
        Warning,
        "can't open file '/app.py'"
    ));
    assert!(names(&python().file("app.py", "").cmd(&["/app.py"])).is_empty());
}

#[test]
fn health_checks() {
    let image = base().healthcheck(&["CMD-SHELL", "curl -f localhost"]);
    assert!(has(
        &image,
        "healthcheck",
        Error,
        "exec: \"/bin/sh\": stat /bin/sh"
    ));
    let image = base().healthcheck(&["CMD", "curl", "localhost"]);
    assert!(has(
        &image,
        "healthcheck",
        Error,
        "exec: \"curl\": executable file not found in $PATH"
    ));
    assert!(names(&base().healthcheck(&["CMD", "/app/run"])).is_empty());
    assert!(names(&base().healthcheck(&["NONE"])).is_empty());
}

#[test]
fn working_folders() {
    assert!(has(
        &base().workdir("/app/run"),
        "workdir",
        Error,
        "not a directory"
    ));
    let image = base().folder("home", 0o700).workdir("/home");
    assert!(has(
        &image,
        "workdir",
        Error,
        "chdir to cwd (\"/home\") set in config.json failed: permission denied"
    ));
    assert!(names(&base().workdir("/app")).is_empty());
}

#[test]
fn scripts_without_their_interpreters() {
    let image = base()
        .program("app/script", "#!/bin/bash\n")
        .entrypoint(&["/app/script"]);
    assert!(has(
        &image,
        "script-interpreter",
        Error,
        "exec /app/script: no such file or directory"
    ));
    assert!(has(
        &base().program("usr/bin/tool", "#!/bin/sh\n"),
        "script-interpreter",
        Warning,
        ""
    ));
    assert!(has(
        &base().program("opt/tool", "#!/bin/sh\n"),
        "script-interpreter",
        Info,
        ""
    ));
    assert!(names(&python().program("usr/bin/tool", "#!/usr/bin/python3\n")).is_empty());
    let env = base().program(
        "usr/bin/env",
        ElfBuilder::executable().needed("libc.so.6").build(),
    );
    let env = env
        .program("app/x", "#!/usr/bin/env ruby\n")
        .entrypoint(&["/app/x"]);
    assert!(has(
        &env,
        "script-interpreter",
        Error,
        "env: 'ruby': No such file or directory"
    ));
}

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
                common::cache(&[("libx.so.1", "/opt/x/libx.so.1")]),
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
    let module = ElfBuilder::plugin().needed("libpq.so.5").build();
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
fn python_modules_and_wheels() {
    let site = "usr/lib/python3.13/site-packages";
    let module = ElfBuilder::plugin().needed("libc.so.6").build();
    let old = format!("{site}/pkg/_x.cpython-311-x86_64-linux-gnu.so");
    let image = python().file(&old, module.clone());
    assert!(has(
        &image,
        "python-abi",
        Error,
        "ModuleNotFoundError: No module named 'pkg._x'"
    ));
    for name in ["_x.cpython-313-x86_64-linux-gnu.so", "_x.abi3.so"] {
        assert!(
            names(&python().file(&format!("{site}/pkg/{name}"), module.clone())).is_empty(),
            "{name}"
        );
    }
    let both = python()
        .file(&old, module.clone())
        .file(&old.replace("311", "313"), module.clone());
    assert!(names(&both).is_empty());
    let lost = python().file("usr/lib/python3.11/site-packages/flask/__init__.py", "");
    assert!(has(
        &lost,
        "python-abi",
        Error,
        "ModuleNotFoundError: No module named 'flask'"
    ));
    let wheel = |tag: &str| {
        python().file(
            &format!("{site}/x-1.dist-info/WHEEL"),
            format!("Wheel-Version: 1.0\nTag: {tag}\n"),
        )
    };
    for tag in [
        "py3-none-any",
        "cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64",
        "cp38-abi3-manylinux_2_36_x86_64",
        "cp313-cp313-manylinux_2_39_x86_64.manylinux2014_x86_64",
    ] {
        assert!(names(&wheel(tag)).is_empty(), "{tag}");
    }
    for tag in [
        "cp312-cp312-manylinux_2_17_x86_64",
        "cp313-cp313-manylinux_2_38_x86_64",
        "cp313-cp313-musllinux_1_2_x86_64",
        "cp313-cp313-manylinux2014_aarch64",
        "cp314-abi3-linux_x86_64",
        "py3-none-win_amd64",
    ] {
        assert!(has(&wheel(tag), "wheel-tag", Error, ""), "{tag}");
    }
    assert!(has(
        &python().env("PYTHONPATH", "/nowhere"),
        "pythonpath",
        Warning,
        ""
    ));
    assert!(names(&python().env("PYTHONPATH", "/app")).is_empty());
    let whl = zip(&[("x-1.dist-info/WHEEL", b"Tag: cp27-cp27m-linux_x86_64\n")]);
    assert!(has(&python().file("app/x.whl", whl), "wheel-tag", Info, ""));
    assert!(has(
        &python().file("app/x.whl", "PK no"),
        "damaged-jar",
        Warning,
        ""
    ));
}

#[test]
fn virtual_environments() {
    let venv = |home: &str, target: &str, minor: u32| {
        python()
            .file(
                "venv/pyvenv.cfg",
                format!("home = {home}\nversion = 3.{minor}.1\n"),
            )
            .link("venv/bin/python", target)
            .file(
                &format!("venv/lib/python3.{minor}/site-packages/flask/__init__.py"),
                "",
            )
            .entrypoint(&["/usr/bin/python3"])
    };
    let lost = venv("/usr/local/bin", "/usr/local/bin/python3.13", 13);
    assert!(has(
        &lost,
        "venv",
        Error,
        "exec: \"/venv/bin/python\": stat /venv/bin/python: no such file or directory"
    ));
    assert!(has(
        &venv("/usr/bin", "/usr/bin/python3.13", 12),
        "venv",
        Error,
        "No module named 'flask'"
    ));
    assert!(names(&venv("/usr/bin", "/usr/bin/python3.13", 13)).is_empty());
    assert!(has(
        &venv("/usr/local/bin", "/usr/bin/python3.13", 13),
        "venv",
        Warning,
        ""
    ));
}

#[test]
fn add_ons_of_node() {
    let addon = |symbol: &str| {
        ElfBuilder::plugin()
            .payload(format!("\0{symbol}\0"))
            .build()
    };
    let node = |addon: Vec<u8>| {
        base()
            .file(
                "usr/lib/libnode.so.115",
                ElfBuilder::shared("libnode.so.115").build(),
            )
            .file("app/x.node", addon)
    };
    let image = node(addon("node_register_module_v108"));
    assert!(has(
        &image,
        "node-addon",
        Error,
        "using NODE_MODULE_VERSION 108. This version of Node.js requires NODE_MODULE_VERSION 115."
    ));
    assert!(names(&node(addon("node_register_module_v115"))).is_empty());
    assert!(names(&node(addon("napi_register_module_v1"))).is_empty());
}

#[test]
fn classes_for_a_newer_java() {
    let class = |version: u8| [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, version];
    let java = |jar: Vec<u8>| {
        base()
            .file("usr/lib/jvm/x/release", "JAVA_VERSION=\"17.0.9\"\n")
            .file("app/a.jar", jar)
    };
    let manifest = b"Main-Class: com.x.Main\n";
    let jar = |version: u8| {
        zip(&[
            ("META-INF/MANIFEST.MF", manifest),
            ("com/x/Main.class", &class(version)),
        ])
    };
    let message = "java.lang.UnsupportedClassVersionError: com/x/Main has been compiled by a more recent version of the Java Runtime (class file version 65.0), this version of the Java Runtime only recognizes class file versions up to 61.0";
    assert!(has(&java(jar(65)), "java-class-version", Error, message));
    assert!(names(&java(jar(61))).is_empty());
    let multi = zip(&[
        ("a.class", &class(52)),
        ("META-INF/versions/21/a.class", &class(65)),
    ]);
    assert!(names(&java(multi)).is_empty());
    let few = zip(&[
        ("a.class", &class(52)),
        ("b.class", &class(52)),
        ("c.class", &class(65)),
    ]);
    assert!(has(&java(few), "java-class-version", Warning, ""));
    let inner = zip(&[("BOOT-INF/lib/in.jar", &jar(65))]);
    assert!(has(&java(inner), "java-class-version", Error, message));
    assert!(has(
        &java(b"PK\x03\x04 cut".to_vec()),
        "damaged-jar",
        Warning,
        "Invalid or corrupt jarfile"
    ));
}

#[test]
fn the_environment() {
    assert!(has(
        &base().env("SSL_CERT_FILE", "/etc/x.pem"),
        "certificate-path",
        Error,
        ""
    ));
    assert!(
        names(
            &base()
                .env("SSL_CERT_FILE", "/etc/x.pem")
                .file("etc/x.pem", "")
        )
        .is_empty()
    );
    assert!(has(
        &base().env("TZ", "Europe/Zurich"),
        "time-zone",
        Warning,
        ""
    ));
    let zone = base()
        .env("TZ", "Europe/Zurich")
        .file("usr/share/zoneinfo/Europe/Zurich", "TZif");
    assert!(names(&zone).is_empty());
    for zone in ["UTC", "CET-1CEST"] {
        assert!(names(&base().env("TZ", zone)).is_empty(), "{zone}");
    }
    assert!(has(&base().env("LANG", "C.UTF-8"), "locale", Warning, ""));
    assert!(
        names(
            &base()
                .env("LANG", "C.UTF-8")
                .folder("usr/lib/locale/C.utf8", 0o755)
        )
        .is_empty()
    );
}

#[test]
fn users() {
    assert!(has(
        &base().user("app"),
        "user-unknown",
        Error,
        "unable to find user app: no matching entries in passwd file"
    ));
    assert!(has(
        &base().user("1:g"),
        "user-unknown",
        Error,
        "unable to find group g: no matching entries in group file"
    ));
    let named = base().user("app").file("etc/passwd", "app:x:7:7::/:/x\n");
    assert_eq!(names(&named), ["user-name"]);
    assert_eq!(names(&base().user("")), ["user-root"]);
    let closed = base().folder("app", 0o700);
    assert!(has(
        &closed,
        "not-reachable",
        Error,
        "exec: \"/app/run\": permission denied"
    ));
    let own = base().folder("app", 0o700).owner("app", 65532);
    assert_eq!(names(&own), ["random-user"]);
    let volume = base().folder("data", 0o755).volume("/data");
    assert!(has(&volume, "not-writable", Warning, "Permission denied"));
    assert!(has(
        &base().folder("tmp", 0o755),
        "temporary-folder",
        Warning,
        ""
    ));
}

#[test]
fn the_surface() {
    let elf = || ElfBuilder::executable().needed("libc.so.6");
    for (path, rule) in [
        ("usr/bin/bash", "shell"),
        ("usr/bin/apt-get", "package-manager"),
        ("usr/bin/gcc-14", "compiler"),
        ("usr/bin/x86_64-linux-gnu-ld.bfd", "compiler"),
        ("usr/bin/perl5.40", "interpreter"),
        ("usr/bin/gdb", "debugger"),
    ] {
        assert_eq!(
            names(&base().program(path, elf().build())),
            [rule],
            "{path}"
        );
    }
    let shell = elf()
        .payload("\0OPTIND=1\0getopts\0unalias\0PS4\0ulimit\0")
        .build();
    assert_eq!(names(&base().program("app/innocent", shell)), ["shell"]);
    let applets = |list: &str| {
        elf()
            .payload(format!("BusyBox v1.37\0[\0[[\0{list}\0\0"))
            .build()
    };
    let busybox = base()
        .program("x", applets("ash\0wget"))
        .link("usr/bin/dpkg", "/x")
        .link("usr/bin/wget", "/x");
    assert_eq!(names(&busybox), ["shell"]);
    assert_eq!(
        names(&base().program("x", applets("cat\0wget"))),
        ["toolbox"]
    );
    // By its name alone, with a link that is called like something else.
    let plain = base()
        .program("busybox/busybox", "")
        .link("usr/bin/rpm", "/busybox/busybox");
    assert_eq!(names(&plain), ["shell"]);
    assert_eq!(names(&base().file("x", "").mode("x", 0o4755)), ["setuid"]);
    assert_eq!(
        names(&base().file("x", "").mode("x", 0o666)),
        ["world-writable"]
    );
    assert_eq!(names(&base().folder("var", 0o777)), ["world-writable"]);
    let capability = base().program("x", elf().build()).pax(
        "x",
        "SCHILY.xattr.security.capability",
        b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    );
    assert!(has(&capability, "file-capability", Error, ""));
    assert_eq!(names(&base().fifo("x")), ["device"]);
}
