//! Wrappers, and what the arguments of runtimes name.

use super::{base, elf, node, python};
use crate::common::{Image, has, names, zip};
use distil_check::Severity::{Error, Warning};

fn tini() -> Image {
    python().program("usr/bin/tini", elf())
}

#[test]
fn what_is_behind_a_wrapper() {
    let words = ["/usr/bin/tini", "--", "/usr/bin/python3"];
    let fine = tini()
        .entrypoint(&words)
        .file("app.py", "")
        .cmd(&["/app.py"]);
    assert!(names(&fine).is_empty(), "{:?}", names(&fine));
    let gone = tini().entrypoint(&words).cmd(&["/app.py"]);
    assert!(has(
        &gone,
        "argument-missing",
        Error,
        "can't open file '/app.py'"
    ));
    let ruby = tini().entrypoint(&["/usr/bin/tini", "--", "ruby"]);
    assert!(has(
        &ruby,
        "program-missing",
        Error,
        "exec ruby failed: No such file or directory"
    ));
    let env = python().program("usr/bin/env", elf());
    let env = env.entrypoint(&["env", "A=1", "/usr/bin/python4"]);
    assert!(has(
        &env,
        "program-missing",
        Error,
        "env: \u{2018}/usr/bin/python4\u{2019}: No such file"
    ));
    // Any program that is given another one.
    let agent = python().program("usr/bin/agent", elf());
    let agent = agent.entrypoint(&["agent", "run", "--", "python3"]);
    assert!(names(&agent).is_empty(), "{:?}", names(&agent));
    let by_script = python()
        .file("usr/lib/python3.13/site-packages/gunicorn/__main__.py", "")
        .cmd(&["-m", "gunicorn", "app:app"]);
    assert!(names(&by_script).is_empty(), "{:?}", names(&by_script));
}

#[test]
fn commands_in_place_of_scripts() {
    let message = "can't open file '//gunicorn'";
    assert!(has(
        &python().cmd(&["gunicorn", "a:b"]),
        "argument-missing",
        Error,
        message
    ));
    let message = "Error: Cannot find module '/app/npm'";
    assert!(has(
        &node().cmd(&["npm", "start"]),
        "argument-missing",
        Error,
        message
    ));
}

#[test]
fn modules_of_python() {
    let site = "usr/lib/python3.13/site-packages";
    let with = |file: &str| {
        python()
            .file(&format!("{site}/{file}"), "")
            .cmd(&["-m", "a.b"])
    };
    let message = "/usr/bin/python3: No module named a.b";
    assert!(has(
        &python().cmd(&["-m", "a.b"]),
        "argument-missing",
        Error,
        message
    ));
    assert!(has(
        &with("a/__init__.py"),
        "argument-missing",
        Error,
        message
    ));
    assert!(names(&with("a/b.py")).is_empty());
    assert!(names(&with("a/b/__main__.py")).is_empty());
    let package = with("a/b/__init__.py");
    let message =
        "No module named a.b.__main__; 'a.b' is a package and cannot be directly executed";
    assert!(has(&package, "argument-missing", Error, message));
    let here = python().file("srv/a/b.py", "").cmd(&["-m", "a.b"]);
    assert!(has(&here, "argument-missing", Error, "No module named a.b"));
    assert!(names(&here.clone().workdir("/srv")).is_empty());
    assert!(names(&here.clone().env("PYTHONPATH", "/srv")).is_empty());
    let isolated = here.env("PYTHONPATH", "/srv").cmd(&["-I", "-m", "a.b"]);
    assert!(has(
        &isolated,
        "argument-missing",
        Error,
        "No module named a.b"
    ));
    // By a file of paths, and where a hook may find anything.
    let by_path = python()
        .file("srv/a/b.py", "")
        .file(&format!("{site}/x.pth"), "/srv\n");
    assert!(names(&by_path.cmd(&["-m", "a.b"])).is_empty());
    let hook = python()
        .file(&format!("{site}/x.pth"), "import finder\n")
        .cmd(&["-m", "a.b"]);
    assert!(names(&hook).is_empty());
    let custom = python()
        .file(&format!("{site}/sitecustomize.py"), "")
        .cmd(&["-m", "a.b"]);
    assert!(names(&custom).is_empty());
    // Of a virtual environment, by the path that starts it.
    let venv = python()
        .file("v/pyvenv.cfg", "home = /usr/bin\nversion = 3.13.5\n")
        .link("v/bin/python", "/usr/bin/python3.13")
        .file("v/lib/python3.13/site-packages/a/b.py", "");
    assert!(names(&venv.clone().entrypoint(&["/v/bin/python", "-m", "a.b"])).is_empty());
    assert!(has(
        &venv.cmd(&["-m", "a.b"]),
        "argument-missing",
        Error,
        "No module named a.b"
    ));
}

#[test]
fn classes_and_jars() {
    let java = || {
        base()
            .program("usr/bin/java", elf())
            .entrypoint(&["/usr/bin/java"])
            .file(
                "app/l.jar",
                zip(&[("x/Main.class", b"\xca\xfe\xba\xbe\0\0\0\x34")]),
            )
    };
    let message = "Error: Could not find or load main class x.Main";
    let gone = java().cmd(&["-cp", "/app/classes", "x.Main"]);
    assert!(has(&gone, "argument-missing", Error, message));
    for path in ["/app/l.jar", "/app/*", "/gone:/app/l.jar"] {
        assert!(
            names(&java().cmd(&["-cp", path, "x.Main"])).is_empty(),
            "{path}"
        );
    }
    let directory = java().file("app/c/x/Main.class", b"\xca\xfe\xba\xbe\0\0\0\x34");
    assert!(names(&directory.cmd(&["-cp", "/app/c", "x.Main"])).is_empty());
    let by_variable = java().env("CLASSPATH", "/app/l.jar").cmd(&["x.Main"]);
    assert!(names(&by_variable).is_empty());
    let jar = java().cmd(&["-jar", "/app/l.jar"]);
    assert!(has(
        &jar,
        "wrong-runtime",
        Error,
        "no main manifest attribute, in /app/l.jar"
    ));
    // A manifest may name others.
    let manifest = zip(&[("META-INF/MANIFEST.MF", b"Class-Path: l.jar\n")]);
    let more = java()
        .file("app/m.jar", manifest)
        .cmd(&["-cp", "/app/m.jar", "x.Main"]);
    assert!(names(&more).is_empty());
}

#[test]
fn what_is_loaded_first() {
    let app = || node().file("app/a.js", "");
    let message = "Error: Cannot find module 'dotenv/config'";
    let gone = app().cmd(&["-r", "dotenv/config", "a.js"]);
    assert!(has(&gone, "argument-missing", Error, message));
    let there = gone.file("app/node_modules/dotenv/config.js", "");
    assert!(names(&there).is_empty());
    let archived = app()
        .file("app/.pnp.cjs", "")
        .cmd(&["-r", "dotenv/config", "a.js"]);
    assert!(names(&archived).is_empty());
    let by_variable = app().env("NODE_OPTIONS", "--import ./t.mjs").cmd(&["a.js"]);
    assert!(has(
        &by_variable,
        "variable-file",
        Error,
        "Cannot find module '/app/t.mjs'"
    ));
    assert!(names(&by_variable.file("app/t.mjs", "")).is_empty());
    let startup = python().env("PYTHONSTARTUP", "/x.py");
    assert!(has(&startup, "variable-file", Warning, ""));
    assert!(has(
        &python().env("PYTHONHOME", "/x"),
        "variable-file",
        Error,
        "No module named 'encodings'"
    ));
    // Nobody reads it.
    assert!(names(&base().env("PYTHONHOME", "/x")).is_empty());
}

#[test]
fn variables_that_nobody_replaces() {
    let image = |words: &[&str]| base().cmd(words);
    assert_eq!(names(&image(&["--port", "$PORT"])), ["unexpanded-variable"]);
    assert!(names(&image(&["--pattern", "^a$", "$1"])).is_empty());
    let code = python().cmd(&["-c", "print('$HOME')"]);
    assert!(names(&code).is_empty(), "{:?}", names(&code));
}

#[test]
fn what_is_below_a_volume_may_be_mounted() {
    let image = python()
        .folder("data", 0o1777)
        .volume("/data")
        .cmd(&["/data/x.py"]);
    assert!(has(&image, "argument-missing", Warning, ""));
}
