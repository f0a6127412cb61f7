//! Layers on top of one another, and layers that mean harm.

#![allow(clippy::unwrap_used)]

use distil_fixture::{Entry, EntryKind, tar};
use distil_inspect::{Changeset, Limits, merge, read};
use distil_tree::TreePath;

fn layer(entries: &[Entry]) -> Changeset {
    read(tar(entries, 0).as_slice(), Limits::default()).unwrap()
}

fn merged(layers: &[&[Entry]]) -> Vec<String> {
    let filesystem = merge(layers.iter().map(|entries| layer(entries)).collect()).unwrap();
    let entries = filesystem.tree.iter().filter(|(path, _)| !path.is_root());
    entries
        .map(|(path, entry)| format!("{path}@{}", entry.layer))
        .collect()
}

fn file(path: &str) -> Entry {
    Entry::file(path, "x")
}

fn fails(entries: &[Entry]) -> String {
    let diff = match read(tar(entries, 0).as_slice(), Limits::default()) {
        Ok(diff) => diff,
        Err(error) => return error.to_string(),
    };
    merge(vec![diff]).unwrap_err().to_string()
}

#[test]
fn whiteouts_hide_what_is_below_and_no_more() {
    let below = [file("a/x"), file("a/y"), file("b/z")];
    assert_eq!(
        merged(&[&below, &[file("a/.wh.x")]]),
        ["/a@0", "/a/y@0", "/b@0", "/b/z@0"]
    );
    assert_eq!(
        merged(&[&below, &[file(".wh.a"), file(".wh.nothing")]]),
        ["/b@0", "/b/z@0"]
    );
    // Wherever it stands in the archive, the layer's own files stay.
    let opaque = [file("a/new"), file("a/.wh..wh..opq")];
    assert_eq!(
        merged(&[&below, &opaque]),
        ["/a@0", "/a/new@1", "/b@0", "/b/z@0"]
    );
    let replaced = [file("a/x"), file("a/.wh.x")];
    assert_eq!(merged(&[&below, &replaced])[1], "/a/x@1");
    assert_eq!(merged(&[&below, &[file(".wh..wh.plnk")]]).len(), 5);
}

#[test]
fn kinds_replace_one_another() {
    let folder = [Entry::directory("a"), file("a/x")];
    assert_eq!(merged(&[&folder, &[file("a")]]), ["/a@1"]);
    assert_eq!(merged(&[&[file("a")], &folder]), ["/a@1", "/a/x@1"]);
}

#[test]
fn nothing_leads_out() {
    // CVE-2026-25121, CVE-2026-42574 and their like: by name, and by a link that is written through.
    let absolute = [Entry::verbatim("/etc/x", EntryKind::File(b"x".to_vec()))];
    assert_eq!(merged(&[&absolute]), ["/etc@0", "/etc/x@0"]);
    let through = [Entry::symlink("out", "../../../../tmp"), file("out/x")];
    assert_eq!(merged(&[&through]), ["/out@0", "/tmp@0", "/tmp/x@0"]);
    let dots = [Entry::verbatim("a/../../x", EntryKind::File(b"x".to_vec()))];
    insta::assert_snapshot!(fails(&dots), @"`a/../../x` in the layer has a `..` in it");
    let link = [Entry::verbatim(
        "x",
        EntryKind::HardLink(b"../../etc/shadow".to_vec()),
    )];
    insta::assert_snapshot!(fails(&link), @"`x` in the layer is a link to `../../etc/shadow`, which has a `..` in it");
    insta::assert_snapshot!(fails(&[file("a/.wh...")]), @"`./a/.wh...` in the layer hides no file that could be");
    insta::assert_snapshot!(fails(&[Entry::hard_link("x", "y")]), @"layer 1 of the image cannot be applied: `/x` is a hard link to `/y`, which is not there");
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    // CVE-2025-62518 and CVE-2026-33055: sizes that two readers take from different places.
    let size = [file("x").pax("size", "9")];
    assert!(!fails(&size).is_empty());
    let sparse = [Entry::verbatim(
        "x",
        EntryKind::Sparse(1 << 40, vec![(0, b"x".to_vec())]),
    )];
    insta::assert_snapshot!(fails(&sparse), @"`x` in the tar archive is sparse, which is not supported");
    let unknown = [file("x").pax("GNU.sparse.name", "y")];
    insta::assert_snapshot!(fails(&unknown), @"`a PAX header` in the tar archive has `GNU.sparse.name`, which is not supported");
}

#[test]
fn loops_end() {
    let around = [
        Entry::symlink("a", "b"),
        Entry::symlink("b", "a"),
        file("a/x"),
    ];
    insta::assert_snapshot!(fails(&around), @"`/a` in the layer holds members of the layer, where `/a` is a link that leads nowhere");
    let filesystem = merge(vec![layer(&around[..2])]).unwrap();
    assert!(filesystem.tree.resolve(&TreePath::of("a")).is_err());
    let chain: Vec<Entry> = (0..2000)
        .map(|n| {
            Entry::hard_link(
                &format!("l{n}"),
                &match n {
                    0 => "x".to_owned(),
                    n => format!("l{}", n - 1),
                },
            )
        })
        .collect();
    let all = [vec![file("x")], chain].concat();
    assert_eq!(merged(&[&all]).len(), 2001);
}

#[test]
fn there_are_limits() {
    let limits = |limits: Limits, entries: &[Entry]| {
        read(tar(entries, 0).as_slice(), limits)
            .unwrap_err()
            .to_string()
    };
    let many = [file("a"), file("b"), file("c")];
    let few = Limits {
        members: 2,
        ..Limits::default()
    };
    assert!(limits(few, &many).contains("more than 2"));
    let bomb = [Entry::verbatim("x", EntryKind::Zeros(1 << 20))];
    let small = Limits {
        unpacked: 1 << 16,
        ..Limits::default()
    };
    assert!(limits(small, &bomb).contains("more than 65536"));
    let elf = [Entry::file(
        "x",
        [b"\x7fELF".to_vec(), vec![0; 5000]].concat(),
    )];
    let kept = Limits {
        kept: 1000,
        ..Limits::default()
    };
    insta::assert_snapshot!(limits(kept, &elf), @"the image has more than 1000 bytes of programs and libraries");
}

#[test]
fn what_is_cut_off_is_no_image() {
    let bytes = tar(&[file("x"), file("y")], 0);
    for end in [1, 511, 512, 1024 + 100] {
        assert!(read(&bytes[..end], Limits::default()).is_err(), "{end}");
    }
    // What only fills up the last member may be missing: engines do without it, too.
    assert!(read(&bytes[..513], Limits::default()).is_ok());
}
