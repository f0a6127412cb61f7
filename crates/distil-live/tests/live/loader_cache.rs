//! `/etc/ld.so.cache`, which is written without running `ldconfig`, is what `ldconfig` would write.

use std::collections::BTreeSet;

use distil_live::outcome::find_program;
use distil_live::{Context, Request, require};

use crate::{IMAGES, SUITES};

/// The entries of a cache as `ldconfig -p` prints them, in their order.
fn entries(context: &Context, cache: &str) -> Vec<String> {
    let ldconfig = find_program("ldconfig").expect("looked for before");
    let printed = context
        .run(ldconfig.to_str().unwrap(), ["-p", "-C", cache])
        .success();
    // The first line counts, the last one may name the version of the program that wrote the file.
    let entries: Vec<_> = printed
        .stdout()
        .lines()
        .filter(|line| line.contains(" => "))
        .map(|line| line.trim().to_owned())
        .collect();
    assert!(!entries.is_empty(), "{}", printed.report());
    entries
}

#[test]
fn ldconfig_would_have_written_the_same_entries() {
    let Some(ldconfig) = find_program("ldconfig") else {
        return require::missing("ldconfig is not installed");
    };
    for suite in SUITES {
        for image in IMAGES.into_iter().filter(|image| *image != "static") {
            let context = Context::new();
            let rootfs = Request::catalogue(image, suite, "amd64").build().rootfs();
            rootfs.write_to(&context.path("root"));
            context
                .run("cp", ["root/etc/ld.so.cache", "ours"])
                .success();
            let root = context.path("root");
            // `-X` leaves links alone: the packages' own are what the image has.
            context
                .run(
                    ldconfig.to_str().unwrap(),
                    ["-X", "-r", root.to_str().unwrap(), "-C", "/theirs"],
                )
                .success();
            let (ours, theirs) = (entries(&context, "ours"), entries(&context, "root/theirs"));
            let set = |entries: &[String]| entries.iter().cloned().collect::<BTreeSet<_>>();
            let differing: Vec<_> = set(&ours)
                .symmetric_difference(&set(&theirs))
                .cloned()
                .collect();
            assert!(
                differing.is_empty(),
                "{image} of {suite}, on one side only: {differing:#?}"
            );
            // The loader searches by bisection, so the order counts as much as the entries.
            assert_eq!(ours, theirs, "the order in {image} of {suite}");
        }
    }
}

#[test]
fn every_entry_leads_to_a_library_on_every_architecture() {
    if find_program("ldconfig").is_none() {
        return require::missing("ldconfig is not installed");
    }
    for (arch, flag) in [("amd64", "x86-64"), ("arm64", "AArch64")] {
        let context = Context::new();
        let rootfs = Request::catalogue("python3", "trixie", arch)
            .build()
            .rootfs();
        context.write("cache", rootfs.read("/etc/ld.so.cache"));
        let entries = entries(&context, "cache");
        assert!(entries.len() > 20, "{entries:#?}");
        for entry in &entries {
            let (name, place) = entry.split_once(" => ").unwrap();
            assert!(rootfs.read(place).starts_with(b"\x7fELF"), "{entry}");
            assert!(name.contains(flag), "{entry}");
        }
        assert!(
            entries.iter().any(|entry| entry.starts_with("libc.so.6 ")),
            "{entries:#?}"
        );
    }
}
