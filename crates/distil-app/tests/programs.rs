//! Programs: which of their libraries go with them, what they need, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use distil_app::program::Program;
use distil_fixture::{ElfBuilder, Machine};
use tempfile::TempDir;

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn files(program: &Program) -> Vec<&str> {
    program
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect()
}

fn needs(program: &Program) -> String {
    let needs = program.needs.iter();
    let needs = needs.map(|(name, by)| format!("{name} {by:?}"));
    needs.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_static_program_needs_nothing() {
    let directory = Directory::new();
    let place = directory.write("server", ElfBuilder::static_executable().build());
    let program = Program::read(&place).unwrap();
    assert!(!program.is_dynamic && program.needs.is_empty());
    assert_eq!(
        (program.name.as_str(), files(&program)),
        ("server", vec!["server"])
    );
}

#[test]
fn libraries_beside_the_program_go_with_it() {
    let directory = Directory::new();
    let program = ElfBuilder::executable()
        .interpreter(LOADER)
        .needed("libown.so.1")
        .needed("libpq.so.5")
        .needed("libc.so.6")
        .runpath("$ORIGIN/../lib:/opt/lib");
    let place = directory.write("out/bin/server", program.build());
    let own = ElfBuilder::shared("libown.so.1")
        .needed("libdeep.so.2")
        .needed("libz.so.1")
        .runpath("${ORIGIN}/deep");
    directory.write("out/lib/libown.so.1", own.build());
    let deep = ElfBuilder::shared("libdeep.so.2")
        .needed("libown.so.1")
        .runpath("$ORIGIN/..");
    directory.write("out/lib/deep/libdeep.so.2", deep.build());
    // Of another machine, it is not the one that the loader takes.
    let other = ElfBuilder::shared("libpq.so.5").machine(Machine::Aarch64);
    directory.write("out/lib/libpq.so.5", other.build());
    let program = Program::read(&place).unwrap();
    assert_eq!(
        files(&program),
        ["bin/server", "lib/libown.so.1", "lib/deep/libdeep.so.2"]
    );
    insta::assert_snapshot!(needs(&program), @r#"
    libc.so.6 {"server"}
    libpq.so.5 {"server"}
    libz.so.1 {"libown.so.1"}
    "#);
    // Through a link, the loader looks where the program really is.
    let link = directory.0.path().join("link");
    std::os::unix::fs::symlink(&place, &link).unwrap();
    let linked = Program::read(&link).unwrap();
    assert_eq!(linked.name, "link");
    assert_eq!(files(&linked), files(&program));
}

#[test]
fn what_is_no_program_for_debian_is_refused() {
    let directory = Directory::new();
    let dynamic = |loader: &str| ElfBuilder::executable().interpreter(loader).build();
    let cut: Vec<u8> = {
        let bytes = dynamic(LOADER);
        bytes[..100].to_vec()
    };
    let cases: [(&str, Vec<u8>); 12] = [
        ("script", b"#!/bin/sh\n".to_vec()),
        ("empty", Vec::new()),
        ("windows.exe", b"MZ\x90".to_vec()),
        ("macos", b"\xcf\xfa\xed\xfe\x07\0\0\x01".to_vec()),
        ("universal", b"\xca\xfe\xba\xbe\0\0\0\x02".to_vec()),
        ("Main.class", b"\xca\xfe\xba\xbe\0\0\0\x41".to_vec()),
        ("app.jar", b"PK\x03\x04".to_vec()),
        ("text", b"hello".to_vec()),
        ("libx.so", ElfBuilder::shared("libx.so").build()),
        ("musl", dynamic("/lib/ld-musl-x86_64.so.1")),
        (
            "nix",
            dynamic("/nix/store/x-glibc/lib/ld-linux-x86-64.so.2"),
        ),
        ("cut", cut),
    ];
    let mut said = Vec::new();
    for (name, bytes) in cases {
        let place = directory.write(name, bytes);
        said.push(format!("{name} {}", Program::read(&place).unwrap_err()));
    }
    let of = |path: &Path| Program::read(path).unwrap_err().to_string();
    said.push(format!("(none) {}", of(&directory.0.path().join("none"))));
    said.push(format!("(directory) {}", of(directory.0.path())));
    said.push(format!("(device) {}", of(Path::new("/dev/null"))));
    insta::assert_snapshot!(said.join("\n"));
}
