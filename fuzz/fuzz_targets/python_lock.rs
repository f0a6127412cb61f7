//! Lock files of Python's tools: the first line is the name, the rest the file.

#![no_main]

use distil_app::python::lock::{LockFile, Selection, outdated};
use distil_app::python::{Environment, Machine, choose};
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (name, text) = text.split_once('\n').unwrap_or(("uv.lock", text));
    let lock = match LockFile::parse(name, text) {
        Ok(lock) => lock,
        Err(error) => return explain(&error),
    };
    if let Err(error) = outdated(&lock, text) {
        explain(&error);
    }
    let environment = Environment {
        minor: 13,
        full_version: "3.13.5".to_owned(),
        machine: Machine::X86_64,
        glibc: (2, 41),
    };
    let found = match lock.select(&Selection::default(), &environment) {
        Ok(found) => found,
        Err(error) => return explain(&error),
    };
    assert!(found.is_sorted_by(|one, other| one.name < other.name));
    for distribution in &found {
        if let Ok(wheel) = choose(distribution, &environment) {
            assert!(distribution.wheels.contains(wheel));
        }
    }
});
