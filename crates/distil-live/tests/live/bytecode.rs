//! Python's compiled files: they are what the image's own interpreter compiles, they are used, and they are the
//! same whoever makes them, for whichever platform.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use distil_live::context::DISTIL;
use distil_live::{Archive, Context, Engine, Outcome, Request, Rootfs};

const YAML: &str = "name: compiled\nfrom: python3\nbytecode: true\n\
    files:\n\
    - {path: /app/main.py, text: \"import settings\\nprint(settings.value)\\n\"}\n\
    - {path: /app/settings.py, text: \"value = 'built'\\n\"}\n\
    config: {env: {PYTHONPATH: /app}}\n";

const COMPARE: &str = include_str!("programs/bytecode.py");

const READ_ONLY: [&str; 3] = ["--read-only", "--user", "65532"];

fn request(suite: &'static str, arch: &'static str) -> Request {
    Request::definition("compiled", YAML, suite, arch)
}

fn are_what_python_compiles(suite: &'static str) {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let image = request(suite, "amd64").build();
    let compared = docker
        .container(image.in_engine(docker))
        .options(READ_ONLY)
        .args(["-W", "ignore", "-c", COMPARE])
        .output()
        .success();
    let found = compared.json();
    assert!(found["found"].as_u64() > Some(500), "{found}");
    for key in ["wrong", "missing"] {
        assert!(found[key].as_array().unwrap().is_empty(), "{key}: {found}");
    }
    // Of the library as they are, of the application if their sources are the same.
    assert_eq!(found["flags"].to_string(), "[[false,1],[false,3],[true,3]]");
}

#[test]
fn they_are_what_python_compiles_trixie() {
    are_what_python_compiles("trixie");
}

#[test]
fn they_are_what_python_compiles_bookworm() {
    are_what_python_compiles("bookworm");
}

#[test]
fn they_are_what_python_compiles_forky() {
    are_what_python_compiles("forky");
}

/// `-v` says of each module where it comes from.
#[test]
fn they_are_used() {
    let image = request("trixie", "amd64").build();
    for engine in Engine::ALL.into_iter().filter_map(Engine::get) {
        let outcome = engine
            .container(image.in_engine(engine))
            .options(READ_ONLY)
            .args([
                "-v",
                "-c",
                "import asyncio, ssl, http.server, sqlite3, email, settings",
            ])
            .output()
            .success();
        let said = outcome.stderr();
        let from = |end: &str| {
            let lines = said
                .lines()
                .filter(|line| line.starts_with("# code object from"));
            lines.filter(|line| line.ends_with(end)).count()
        };
        assert!(from(".pyc'") > 100, "{}", outcome.report());
        assert_eq!(from(".py'"), 0, "{}", outcome.report());
        assert!(!said.contains("# wrote"), "{}", outcome.report());
    }
}

/// As a ConfigMap is: the compiled file is of another source, and is not taken.
#[test]
fn a_file_that_is_mounted_over_a_source_counts() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    let context = Context::new();
    let settings = context.write("settings.py", "value = 'mounted'\n");
    let image = request("trixie", "amd64").build();
    let run = |options: &[&str]| {
        let run = docker.container(image.in_engine(docker)).options(READ_ONLY);
        let run = run.options(options.iter().copied());
        run.args(["/app/main.py"]).output().success().stdout()
    };
    assert_eq!(run(&[]), "built\n");
    let volume = format!("{}:/app/settings.py:ro", settings.display());
    assert_eq!(run(&["--volume", &volume]), "mounted\n");
}

fn compiled(rootfs: &Rootfs) -> BTreeMap<String, Vec<u8>> {
    let paths = rootfs.iter().map(|(path, _)| path.to_owned());
    // That is of an architecture's own source.
    let paths = paths.filter(|path| path.ends_with(".pyc") && !path.contains("_sysconfigdata_"));
    paths
        .map(|path| {
            let bytes = rootfs.read(&path).to_vec();
            (path, bytes)
        })
        .collect()
}

/// Compiled by this machine's interpreter, whatever the image's platform is.
#[test]
fn all_platforms_have_the_same() {
    let [amd64, arm64] = ["amd64", "arm64"].map(|arch| {
        let image = request("trixie", arch).build();
        compiled(&image.rootfs())
    });
    assert!(amd64.len() > 500);
    assert!(amd64 == arm64, "they differ");
}

/// And the interpreter of that platform takes them.
#[test]
fn another_platforms_interpreter_takes_them() {
    let Some(docker) = Engine::Docker.get() else {
        return;
    };
    if !Engine::runs("arm64") {
        return;
    }
    let image = request("trixie", "arm64").build();
    let outcome = docker
        .container(image.in_engine(docker))
        .platform(&image.platform())
        .options(READ_ONLY)
        .args(["-v", "-c", "import ssl, settings; print(settings.value)"])
        .output()
        .success();
    assert_eq!(outcome.stdout(), "built\n");
    assert!(
        outcome
            .stderr()
            .contains("# code object from '/usr/lib/python3.13/__pycache__/ssl."),
        "{}",
        outcome.report()
    );
}

/// Another store, one core, another place: other processes, which compile other files before.
#[test]
fn another_store_and_one_core_make_the_same() {
    let bytes = |context: &Context| std::fs::read(context.path("compiled.tar")).unwrap();
    let build = [
        "build",
        "compiled.yaml",
        "--suite",
        "trixie",
        "--platform",
        "linux/amd64",
    ];
    let here = Context::new();
    here.write("compiled.yaml", YAML);
    here.distil(build).success();
    let there = Context::new();
    there.write("compiled.yaml", YAML);
    let mut command = Command::new("taskset");
    command
        .args(["-c", "0"])
        .arg(DISTIL.as_path())
        .args(build)
        .current_dir(there.folder())
        .env("DISTIL_STORE", there.path("another-store"));
    Outcome::of(&command, Duration::from_secs(600)).success();
    assert!(bytes(&here) == bytes(&there), "the archives differ");
    let archive = Archive::open(&here.path("compiled.tar")).image("amd64");
    assert!(
        archive
            .rootfs()
            .get("/app/__pycache__/main.cpython-313.pyc")
            .is_some()
    );
}

/// Nobody's `check` finds anything in it that the same image without them does not have.
#[test]
fn check_finds_nothing_more() {
    let findings = |yaml: &str| {
        let context = Context::new();
        context.write("compiled.yaml", yaml);
        let image = [
            "build",
            "-q",
            "compiled.yaml",
            "--suite",
            "trixie",
            "-o",
            "oci:layout",
        ];
        context.distil(image).success();
        let outcome = context.distil(["check", "oci:layout", "--format", "json"]);
        let found = outcome.json();
        found["findings"].as_array().unwrap().len()
    };
    let with = findings(YAML);
    assert_eq!(with, findings(&YAML.replace("bytecode: true\n", "")));
}
