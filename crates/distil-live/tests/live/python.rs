//! What a Python program expects of the image: the whole standard library, text, time, threads, TLS.

use std::collections::BTreeMap;

use distil_live::{Engine, Request};

use crate::python;

const STDLIB: &str = include_str!("programs/stdlib.py");
const RUNTIME: &str = include_str!("programs/runtime.py");

/// Modules that cannot be imported in any Debian Python without further packages, and why. A name
/// stands for its submodules too.
const ABSENT: &[(&str, &str)] = &[
    ("_android_support", "for Android alone"),
    ("_gdbm", "python3-gdbm has it"),
    ("_ios_support", "for iOS alone"),
    ("_msi", "for Windows alone"),
    ("_overlapped", "for Windows alone"),
    (
        "_pyrepl._minimal_curses",
        "stands in where _curses is missing, and looks for a library by running compilers",
    ),
    ("_pyrepl.windows_console", "for Windows alone"),
    ("_scproxy", "for macOS alone"),
    ("_tkinter", "python3-tk has it"),
    ("_winapi", "for Windows alone"),
    ("_winreg", "for Windows alone"),
    ("_wmi", "for Windows alone"),
    ("asyncio.windows_events", "for Windows alone"),
    ("asyncio.windows_utils", "for Windows alone"),
    ("ctypes.wintypes", "for Windows alone"),
    ("dbm.gnu", "needs _gdbm"),
    ("distutils", "python3-distutils has it until 3.11"),
    ("encodings.mbcs", "for Windows alone"),
    ("encodings.oem", "for Windows alone"),
    ("ensurepip", "python3-venv has it"),
    ("idlelib", "idle-python3 has it"),
    ("lib2to3", "python3-lib2to3 has it until 3.12"),
    ("msilib", "for Windows alone"),
    ("msvcrt", "for Windows alone"),
    ("multiprocessing.popen_spawn_win32", "for Windows alone"),
    ("nt", "for Windows alone"),
    ("ossaudiodev", "for sound devices that Linux no longer has"),
    ("test", "libpython3-testsuite has it"),
    ("tkinter", "python3-tk has it"),
    ("turtle", "needs tkinter"),
    ("turtledemo", "needs tkinter"),
    ("winreg", "for Windows alone"),
    ("winsound", "for Windows alone"),
];

fn excused(module: &str) -> bool {
    ABSENT.iter().any(|(name, _)| {
        module
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn imports_its_library(suite: &'static str, arch: &'static str) {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    if !Engine::runs(arch) {
        return;
    }
    let image = Request::catalogue("python3", suite, arch).build();
    let outcome = docker
        .container(image.in_engine(docker))
        .platform(&image.platform())
        .args(["-c", STDLIB])
        .output()
        .success();
    let found = outcome.json();
    let failed: BTreeMap<&str, &str> = found["failed"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(module, error)| (module.as_str(), error.as_str().unwrap_or("")))
        .filter(|(module, _)| !excused(module))
        .collect();
    assert!(failed.is_empty(), "{suite} {arch}: {failed:#?}");
    // So that a program that looks at nothing cannot pass.
    assert!(
        found["imported"].as_u64() > Some(550),
        "{}",
        outcome.report()
    );
}

#[test]
fn whole_standard_library_trixie_amd64() {
    imports_its_library("trixie", "amd64");
}

#[test]
fn whole_standard_library_trixie_arm64() {
    imports_its_library("trixie", "arm64");
}

#[test]
fn whole_standard_library_bookworm_amd64() {
    imports_its_library("bookworm", "amd64");
}

#[test]
fn whole_standard_library_bookworm_arm64() {
    imports_its_library("bookworm", "arm64");
}

#[test]
fn whole_standard_library_forky_amd64() {
    imports_its_library("forky", "amd64");
}

fn keeps_promises(suite: &'static str, arch: &'static str) {
    if !Engine::runs(arch) {
        return;
    }
    let image = Request::catalogue("python3", suite, arch).build();
    let how = if Engine::is_native(arch) {
        "native"
    } else {
        "emulated"
    };
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let outcome = engine
            .container(image.in_engine(engine))
            .platform(&image.platform())
            .args(["-c", RUNTIME, how])
            .output()
            .success();
        assert_eq!(outcome.stdout(), "ok\n", "{}", outcome.report());
        assert!(
            !outcome.stderr().contains("libgcc_s"),
            "{}",
            outcome.report()
        );
    }
}

#[test]
fn runtime_promises_trixie_amd64() {
    keeps_promises("trixie", "amd64");
}

#[test]
fn runtime_promises_trixie_arm64() {
    keeps_promises("trixie", "arm64");
}

#[test]
fn runtime_promises_bookworm_amd64() {
    keeps_promises("bookworm", "amd64");
}

#[test]
fn runtime_promises_bookworm_arm64() {
    keeps_promises("bookworm", "arm64");
}

#[test]
fn runtime_promises_forky_amd64() {
    keeps_promises("forky", "amd64");
}

#[test]
fn runs_read_only_without_capabilities_as_any_user() {
    let image = python().build();
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        engine
            .container(image.in_engine(engine))
            .options(["--read-only", "--cap-drop", "ALL", "--user", "1000730000:0"])
            .options(["--security-opt", "no-new-privileges"])
            .args([
                "-c",
                "import os, ssl, sqlite3; os.chdir('/home/nonroot'); print(os.getuid())",
            ])
            .output()
            .success()
            .mentions("1000730000");
    }
}

#[test]
fn python_is_found_by_its_usual_names() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let image = python().build();
    for name in [
        "/usr/bin/python",
        "/usr/bin/python3",
        "python",
        "python3",
        "/bin/python3",
    ] {
        let run = docker.container(image.in_engine(docker)).entrypoint(name);
        run.args(["-c", "import sys; print(sys.prefix)"])
            .output()
            .success()
            .mentions("/usr");
    }
}
