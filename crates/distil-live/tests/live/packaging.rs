//! Tags and markers as Python's own `packaging` has them: that of pip, which decides what pip
//! installs.

use std::process::Command;
use std::time::Duration;

use distil_app::python::{Chosen, Environment, Machine, Marker, Tags};
use distil_live::Outcome;
use distil_live::context::workspace;
use serde_json::{Value, json};

const ORACLE: &str = include_str!("programs/packaging.py");

/// What `packaging` says for a Python.
fn asked(environment: &Environment, markers: &[String]) -> Value {
    let (major, minor) = environment.glibc;
    let question = json!({
        "minor": environment.minor,
        "version": environment.full_version,
        "machine": environment.machine.name(),
        "glibc": [major, minor],
        "markers": markers,
    });
    let python = workspace().join("target/test-venv/bin/python");
    let mut command = Command::new(python);
    command.args(["-c", ORACLE, &question.to_string()]);
    Outcome::of(&command, Duration::from_secs(60))
        .success()
        .json()
}

fn environments() -> Vec<Environment> {
    let machines = [
        ("amd64", (2, 41)),
        ("arm64", (2, 41)),
        ("armhf", (2, 36)),
        ("i386", (2, 36)),
        ("ppc64el", (2, 36)),
        ("riscv64", (2, 41)),
        ("s390x", (2, 42)),
    ];
    let all = machines.iter().flat_map(|(machine, glibc)| {
        // No pre-release: versions of `packaging` differ on what such a Python satisfies.
        [(11, "3.11.2"), (13, "3.13.5"), (14, "3.14.0")].map(|(minor, version)| Environment {
            minor,
            full_version: version.to_owned(),
            machine: Machine::of_debian(machine).unwrap(),
            glibc: *glibc,
        })
    });
    all.collect()
}

/// Comparisons of all variables with values around their own.
fn markers() -> Vec<String> {
    let mut markers = Vec::new();
    let versions = [
        "3",
        "3.9",
        "3.11",
        "3.11.2",
        "3.13",
        "3.13.*",
        "3.13.5",
        "3.14",
        "3.14.0rc2",
        "4.0a1",
        "x",
    ];
    for variable in [
        "python_version",
        "python_full_version",
        "implementation_version",
    ] {
        for value in versions {
            for sign in ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "==="] {
                // What is no version with a star is refused by `packaging` alone.
                if value.ends_with('*') && !matches!(sign, "==" | "!=") {
                    continue;
                }
                markers.push(format!("{variable} {sign} '{value}'"));
                // The other way round, versions of `packaging` differ on what is no final release.
                let is_final = value
                    .bytes()
                    .all(|byte| byte == b'.' || byte.is_ascii_digit());
                if is_final {
                    markers.push(format!("'{value}' {sign} {variable}"));
                }
            }
        }
        markers.push(format!("{variable} ~= '3.11.1'"));
        markers.push(format!("{variable} ~= '3.13'"));
    }
    for (variable, values) in [
        ("sys_platform", ["linux", "win32", "linux2"]),
        ("platform_machine", ["x86_64", "aarch64", "arm64"]),
        ("os_name", ["posix", "nt", ""]),
        ("platform_system", ["Linux", "Windows", "linux"]),
        (
            "platform_python_implementation",
            ["CPython", "PyPy", "cpython"],
        ),
        ("implementation_name", ["cpython", "pypy", "c"]),
    ] {
        for value in values {
            for sign in ["==", "!=", "<", ">=", "in", "not in"] {
                markers.push(format!("{variable} {sign} '{value}'"));
                markers.push(format!("'{value}' {sign} {variable}"));
            }
        }
    }
    for whole in [
        "os_name == 'posix' and python_version >= '3.9' or sys_platform == 'win32'",
        "os_name == 'nt' and (python_version >= '3.9' or sys_platform == 'linux')",
        "(os_name == 'nt' and python_version >= '3.9') or (sys_platform == 'linux')",
        "platform_python_implementation != \"PyPy\" and platform_machine not in 'arm64 aarch64'",
        "extra == 'x'",
        "extra != 'x' and os.name == 'posix'",
    ] {
        markers.push(whole.to_owned());
    }
    markers
}

#[test]
fn tags_are_in_the_order_of_pip() {
    for environment in environments() {
        let asked = asked(&environment, &[]);
        let expected: Vec<&str> = asked["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag.as_str().unwrap())
            .collect();
        let tags: Vec<String> = Tags::of(&environment).iter().collect();
        assert_eq!(tags, expected, "{environment}");
    }
}

#[test]
fn markers_are_what_pip_makes_of_them() {
    let markers = markers();
    for environment in environments() {
        let asked = asked(&environment, &markers);
        let answers = asked["markers"].as_array().unwrap();
        assert_eq!(answers.len(), markers.len());
        let different: Vec<String> = markers
            .iter()
            .zip(answers)
            .filter_map(|(marker, expected)| {
                let value = Marker::parse(marker)
                    .unwrap()
                    .evaluate(&environment, &Chosen::default());
                (expected != value).then(|| format!("{marker}: {value}, and {expected} to pip"))
            })
            .collect();
        assert!(different.is_empty(), "{environment}: {different:#?}");
    }
}
