//! What installing a wheel makes, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};

use distil_app::FileSink;
use distil_app::python::wheel::{InstalledFile, Scheme, Wheel};
use distil_fixture::{WheelBuilder, zip};
use distil_store::Digest;
use distil_tree::TreePath;
use proptest::prelude::*;

/// The files by path: whether they are executable, and their bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Files(BTreeMap<String, (bool, Vec<u8>)>);

impl FileSink for Files {
    fn file(
        &mut self,
        path: &TreePath,
        is_executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        assert_eq!(bytes.len() as u64, size, "{path}");
        let path = String::from_utf8_lossy(path.as_bytes()).into_owned();
        self.0.insert(path, (is_executable, bytes));
        Ok(())
    }
}

fn scheme(is_requested: bool) -> Scheme {
    Scheme {
        interpreter: "/usr/bin/python3".to_owned(),
        is_requested,
    }
}

fn try_install(bytes: Vec<u8>, name: &str) -> Result<(Files, Vec<InstalledFile>), String> {
    let mut files = Files::default();
    let installed = Wheel::open(Cursor::new(bytes), name)
        .and_then(|mut wheel| wheel.install(&scheme(true), &mut files));
    match installed {
        Ok(installed) => Ok((files, installed)),
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text += &format!(": {error}");
                cause = error.source();
            }
            Err(text)
        }
    }
}

fn install(wheel: &WheelBuilder) -> (Files, Vec<InstalledFile>) {
    try_install(wheel.build(), &wheel.file_name()).unwrap()
}

fn refused(wheel: &WheelBuilder) -> String {
    try_install(wheel.build(), &wheel.file_name()).unwrap_err()
}

/// The layout is that of `pip install --target`, with which the live tests compare it.
#[test]
fn every_scheme_goes_where_pip_puts_it() {
    let data = "Shop_App-1.0.data";
    let wheel = WheelBuilder::new("Shop_App", "1.0")
        .file("shop/__init__.py", "x = 1\n")
        .executable("shop/tool.sh", "#!/bin/sh\n")
        .file(&format!("{data}/purelib/pure.py"), "")
        .file(&format!("{data}/platlib/plat/x.so"), "so")
        .file(&format!("{data}/headers/shop.h"), "h")
        .file(&format!("{data}/data/share/shop/a b,c.txt"), "data")
        .file(&format!("{data}/scripts/old"), "#!python -s\nprint(1)\n")
        .file(&format!("{data}/scripts/shell"), "#!/bin/sh\n")
        .file(
            &format!("{data}/scripts/serve"),
            "wrapper of the entry point\n",
        )
        .entry_points("[console_scripts]\nserve = shop.cli:main\n");
    let (files, installed) = install(&wheel);
    let listed: Vec<String> = files
        .0
        .iter()
        .map(|(path, (is_executable, bytes))| {
            let mark = if *is_executable { "x" } else { "-" };
            format!("{mark} {path} {}", bytes.len())
        })
        .collect();
    insta::assert_snapshot!(listed.join("\n"));
    let text = |path: &str| String::from_utf8(files.0[path].1.clone()).unwrap();
    assert_eq!(text("bin/old"), "#!/usr/bin/python3\nprint(1)\n");
    assert_eq!(text("bin/shell"), "#!/bin/sh\n");
    assert!(text("bin/serve").contains("from shop.cli import main\n"));
    let record = text("Shop_App-1.0.dist-info/RECORD");
    insta::assert_snapshot!(record);
    // Each file is in it, with its digest.
    assert_eq!(record.lines().count(), files.0.len());
    for file in &installed {
        let (_, bytes) = &files.0[file.path.as_str().unwrap()];
        assert_eq!(
            (file.sha256, file.size),
            (Digest::of(bytes), bytes.len() as u64)
        );
    }
    // The order and the bytes are the same in each run.
    assert_eq!(install(&wheel), (files, installed));
}

#[test]
fn only_what_was_asked_for_is_marked_so() {
    let wheel = WheelBuilder::new("x", "1");
    let mut files = Files::default();
    Wheel::open(Cursor::new(wheel.build()), &wheel.file_name())
        .unwrap()
        .install(&scheme(false), &mut files)
        .unwrap();
    assert!(!files.0.contains_key("x-1.dist-info/REQUESTED"));
    assert_eq!(files.0["x-1.dist-info/INSTALLER"].1, b"distil\n");
    assert!(install(&wheel).0.0.contains_key("x-1.dist-info/REQUESTED"));
}

#[test]
fn what_no_wheel_may_do_is_refused() {
    let wheel = || WheelBuilder::new("x", "1");
    let cases = [
        wheel().file("/etc/passwd", "root"),
        wheel().file("../../etc/passwd", "root"),
        wheel().file("x/../../y", ""),
        wheel().file("x.data/unknown/y", ""),
        wheel().file("x-1.data/data", ""),
        wheel().file("x-1.data/unknown/y", ""),
        wheel().file("a", "1").file("./a", "2"),
        wheel().file("a", "1").file("x-1.data/data/a", "2"),
        wheel()
            .file("a", "1")
            .record("a,sha256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,1\n"),
        wheel().file("other-1.dist-info/METADATA", ""),
        wheel().dist_info("x"),
        wheel().metadata("Name: y\nVersion: 1\n"),
        wheel().metadata("Name: x\nVersion: 2\n"),
        wheel().metadata(""),
        wheel().wheel_version("2.0"),
        wheel().entry_points("[console_scripts]\n../../sh = a:b\n"),
        wheel().entry_points("[console_scripts]\nsh = a:b;import os\n"),
    ];
    let said: Vec<String> = cases.iter().map(refused).collect();
    insta::assert_snapshot!(said.join("\n"));
    let name = "x-1-py3-none-any.whl";
    let others = [
        try_install(Vec::new(), name),
        try_install(zip(&[]), name),
        try_install(
            zip(&[("x-1.dist-info/WHEEL", b"Wheel-Version: 1.0\n", 0)]),
            name,
        ),
        try_install(zip(&[("x-1.dist-info/WHEEL", b"\xff\xfe", 0)]), name),
        try_install(wheel().build(), "y-1-py3-none-any.whl"),
        try_install(wheel().build(), "x-1.tar.gz"),
    ];
    let said: Vec<String> = others.into_iter().map(Result::unwrap_err).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn spellings_of_one_name_and_version_are_one() {
    let wheel = WheelBuilder::new("Foo_Bar", "1.0").metadata("Name: foo.bar\nVersion: 1.0.0\n");
    install(&wheel);
    let bytes = wheel.build();
    try_install(bytes, "foo_bar-1.0-py3-none-any.whl").unwrap();
}

#[test]
fn a_list_that_lies_about_sizes_is_an_error() {
    let wheel = WheelBuilder::new("x", "1").file("a", "content".repeat(100));
    let bytes = wheel.build();
    let list = bytes
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .unwrap();
    for size in [0_u32, 699, 701, u32::MAX - 1] {
        let mut changed = bytes.clone();
        changed[list + 24..list + 28].copy_from_slice(&size.to_le_bytes());
        let said = try_install(changed, &wheel.file_name()).unwrap_err();
        assert!(
            said.contains("cannot be unpacked") || said.contains("RECORD"),
            "{said}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_wheels_are_errors_and_never_panics(
        changes in proptest::collection::vec((0usize..1200, any::<u8>()), 1..6)
    ) {
        let wheel = WheelBuilder::new("x", "1")
            .file("a/b.py", "x = 1")
            .entry_points("[console_scripts]\nx = a.b:c\n");
        let mut bytes = wheel.build();
        for (index, byte) in changes {
            if let Some(place) = bytes.get_mut(index) { *place = byte; }
        }
        if let Ok((files, _)) = try_install(bytes, &wheel.file_name()) {
            for path in files.0.keys() {
                prop_assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."));
            }
        }
    }
}
