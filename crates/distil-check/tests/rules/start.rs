//! ENTRYPOINT, CMD, HEALTHCHECK, WORKDIR and `#!` lines.

use super::{base, python};
use crate::common::{Image, has, names};
use distil_check::Severity::{Error, Info, Warning};
use distil_fixture::ElfBuilder;

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
        .program("usr/bin/sh", ElfBuilder::static_executable().build())
        .link("bin", "usr/bin")
        .entrypoint(&["/bin/sh", "-c", "/app/run"]);
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
        Error,
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
        Warning,
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
    // Written on Windows: the name ends with a carriage return.
    let windows = python().program("usr/bin/tool", "#!/usr/bin/python3\r\n");
    let message = "exec /usr/bin/tool: no such file or directory";
    assert!(has(&windows, "script-interpreter", Warning, message));
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
fn files_that_are_no_programs() {
    let image = base().program("app/text", "print('x')\n");
    let message = "exec /app/text: exec format error";
    let started = image.clone().entrypoint(&["/app/text"]);
    assert!(has(&started, "program-not-executable", Error, message));
    assert!(names(&image).is_empty());
    let by_name = started.env("PATH", "/app").entrypoint(&["text"]);
    assert!(has(&by_name, "program-not-executable", Error, message));
}

#[test]
fn entry_points_that_run_what_they_are_given() {
    let tini = ElfBuilder::executable().needed("libc.so.6").build();
    let image = base()
        .program("usr/bin/tini", &tini)
        .entrypoint(&["/usr/bin/tini", "--"])
        .cmd(&["/bin/sh", "-c", "app"]);
    assert!(has(&image, "shell-form", Error, ""));
    let shell = image.program("usr/bin/sh", &tini).link("bin", "usr/bin");
    assert!(!names(&shell).contains(&"shell-form".to_owned()));
}

#[test]
fn commands_of_a_shell() {
    let elf = ElfBuilder::executable().needed("libc.so.6").build();
    let shell = || base().program("usr/bin/sh", &elf).link("bin", "usr/bin");
    let health = |line: &str| shell().healthcheck(&["CMD-SHELL", line]);
    let without_shell = |image: &Image| {
        let mut found = names(image);
        found.retain(|name| !matches!(name.as_str(), "shell" | "signals"));
        found
    };
    let image = health("curl -f localhost || exit 1");
    assert!(has(
        &image,
        "healthcheck",
        Error,
        "/bin/sh: 1: curl: not found"
    ));
    let there = image.program("usr/bin/curl", &elf);
    assert!(without_shell(&there).is_empty());
    for line in [
        "exit 0",
        "[ -f /x ]",
        "$PROBE",
        "test -f /x",
        "exec /app/run",
    ] {
        assert!(without_shell(&health(line)).is_empty(), "{line}");
    }
    let main = |line: &str| shell().entrypoint(&["/bin/sh", "-c", line]);
    let image = main("A=1 exec server --port $PORT");
    assert!(has(
        &image,
        "program-missing",
        Error,
        "/bin/sh: 1: server: not found"
    ));
    assert!(without_shell(&main("A=1 exec /app/run")).is_empty());
    let script = shell()
        .program("app/entry", "#!/bin/sh\nexec \"$@\"\n")
        .entrypoint(&["/app/entry"]);
    assert!(has(&script, "signals", Info, ""));
}
