//! Python's modules, wheels and virtual environments.

use super::{base, python};
use crate::common::{Image, has, names, zip};
use distil_check::Severity::{Error, Info, Warning};
use distil_fixture::ElfBuilder;

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
fn suffixes_of_modules() {
    let site = "usr/lib/python3.13/site-packages";
    let module = || ElfBuilder::plugin().needed("libc.so.6").build();
    let with = |suffix: &str| python().file(&format!("{site}/m{suffix}"), module());
    for suffix in [".cpython-313-x86_64-linux-gnu.so", ".cpython-313.so", ".so"] {
        let found = names(&with(suffix));
        assert!(found.is_empty(), "{suffix} {found:?}");
    }
    for suffix in [
        ".cpython-313-x86_64-linux-musl.so",
        ".cpython-313-aarch64-linux-gnu.so",
        ".cpython-313t-x86_64-linux-gnu.so",
        ".cpython-312-x86_64-linux-gnu.so",
    ] {
        let message = "ModuleNotFoundError: No module named 'm'";
        assert!(has(&with(suffix), "python-abi", Error, message), "{suffix}");
    }
    // One without the global lock.
    let program = ElfBuilder::executable().needed("libc.so.6").build();
    let free = base()
        .program("usr/bin/python3.14t", program)
        .file("usr/lib/python3.14t/os.py", "")
        .entrypoint(&["/usr/bin/python3.14t"]);
    let with = |suffix: &str| free.clone().file(&format!("opt/m{suffix}"), module());
    assert!(names(&with(".cpython-314t-x86_64-linux-gnu.so")).is_empty());
    let usual = with(".cpython-314-x86_64-linux-gnu.so");
    assert!(has(&usual, "python-abi", Error, ""));
    let wheel = |tag: &str| {
        let text = format!("Tag: {tag}\n");
        free.clone().file("opt/x-1.dist-info/WHEEL", text)
    };
    assert!(names(&wheel("cp314-cp314t-linux_x86_64")).is_empty());
    let usual = wheel("cp314-cp314-linux_x86_64");
    assert!(has(&usual, "wheel-tag", Error, ""));
}

#[test]
fn scripts_of_virtual_environments() {
    let venv = python()
        .file("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.13.1\n")
        .link("venv/bin/python", "/usr/bin/python3.13")
        .program("venv/bin/app", "#!/venv/bin/python\n")
        .env("PATH", "/venv/bin")
        .entrypoint(&["app"]);
    assert!(names(&venv).is_empty(), "{:?}", names(&venv));
    // Made elsewhere, and copied.
    let moved = venv.program("venv/bin/app", "#!/build/venv/bin/python\n");
    let message = "exec /venv/bin/app: no such file or directory";
    assert!(has(&moved, "script-interpreter", Error, message));
}

#[test]
fn pythons_that_packages_ask_for() {
    let site = "usr/lib/python3.13/site-packages";
    let with = |wanted: &str, tag: &str| {
        let metadata = format!(
            "Metadata-Version: 2.1\nName: x\n{wanted}\n\nRequires-Python: >=4 is not a field here\n"
        );
        python()
            .file(&format!("{site}/x-1.dist-info/METADATA"), metadata)
            .file(
                &format!("{site}/x-1.dist-info/WHEEL"),
                format!("Tag: {tag}\n"),
            )
    };
    for wanted in [">=3.14", "<3.13", ">=3.8,<3.12"] {
        let image = with(&format!("Requires-Python: {wanted}"), "py3-none-any");
        assert!(has(&image, "wheel-tag", Warning, ""), "{wanted}");
    }
    for field in [
        "Requires-Python: >=3.9",
        "requires-python: ~=3.13",
        "Summary: x",
        "Requires-Python: ?",
    ] {
        let found = names(&with(field, "py3-none-any"));
        assert!(found.is_empty(), "{field} {found:?}");
    }
    // What the wheel's own tags say is not said twice.
    let both = with("Requires-Python: <3.13", "cp312-cp312-linux_x86_64");
    assert_eq!(names(&both), ["wheel-tag"]);
}

#[test]
fn wheels_for_musl() {
    let musl = |version: &str| {
        let loader = ElfBuilder::shared("libc.musl-x86_64.so.1")
            .payload(format!("\0musl libc (x86_64)\nVersion %s\n\0{version}\0"))
            .build();
        let program = ElfBuilder::executable()
            .interpreter("/lib/ld-musl-x86_64.so.1")
            .build();
        Image::default()
            .program("lib/ld-musl-x86_64.so.1", loader)
            .program("usr/bin/python3.13", program)
            .file("usr/lib/python3.13/os.py", "")
            .folder("tmp", 0o1777)
            .entrypoint(&["/usr/bin/python3.13"])
            .user("65532")
    };
    let wheel = |image: &Image, tag: &str| {
        let path = "usr/lib/python3.13/site-packages/x-1.dist-info/WHEEL";
        image
            .clone()
            .file(path, format!("Tag: cp313-cp313-{tag}\n"))
    };
    let image = musl("1.2.5");
    for tag in ["musllinux_1_1_x86_64", "musllinux_1_2_x86_64"] {
        let found = names(&wheel(&image, tag));
        assert!(found.is_empty(), "{tag} {found:?}");
    }
    for tag in [
        "musllinux_1_3_x86_64",
        "musllinux_1_2_aarch64",
        "manylinux_2_17_x86_64",
    ] {
        assert!(has(&wheel(&image, tag), "wheel-tag", Error, ""), "{tag}");
    }
    let old = wheel(&musl("1.1.24"), "musllinux_1_2_x86_64");
    assert!(has(&old, "wheel-tag", Error, ""));
    // A version that is not told is no reason for a finding, and glibc is one.
    assert!(names(&wheel(&musl("?"), "musllinux_1_2_x86_64")).is_empty());
    assert!(has(
        &wheel(&python(), "musllinux_1_1_x86_64"),
        "wheel-tag",
        Error,
        ""
    ));
}
