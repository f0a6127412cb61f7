//! Layers that cost nothing to write and much to read: each ends soon, with an error where there is
//! too much.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use distil_fixture::{Entry, EntryKind, tar};
use distil_inspect::{AmbiguityKind, Changeset, Filesystem, Limits, merge, packages, read};

/// How long each may take, where it is compiled with few optimisations and the machine is busy. What
/// is not linear in these takes minutes.
const DEADLINE: Duration = Duration::from_secs(30);

fn in_time<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
    result
}

fn layer(entries: &[Entry]) -> Changeset {
    read(tar(entries, 0).as_slice(), Limits::default()).unwrap()
}

fn merged(layers: &[&[Entry]]) -> Filesystem {
    merge(layers.iter().map(|entries| layer(entries)).collect()).unwrap()
}

fn refused(limits: Limits, entries: &[Entry]) -> String {
    let error = read(tar(entries, 0).as_slice(), limits).unwrap_err();
    error.to_string()
}

fn file(path: &str, content: impl AsRef<[u8]>) -> Entry {
    Entry::verbatim(path, EntryKind::File(content.as_ref().to_vec()))
}

/// 200,000 members in 119 directories each, none of which has a member: 1.4 MB of gzip, and 6 GB.
#[test]
fn directories_without_members_are_counted() {
    let path = |number: usize| format!("{number}/{}x", "a/".repeat(118));
    let entries: Vec<Entry> = (0..2000).map(|number| file(&path(number), "")).collect();
    let few = Limits {
        members: 100_000,
        ..Limits::default()
    };
    insta::assert_snapshot!(refused(few, &entries), @"the image has more than 100000 files");
    let short = Limits {
        names: 4 << 20,
        ..Limits::default()
    };
    insta::assert_snapshot!(refused(short, &entries), @"the image has more than 4194304 bytes of file names");
}

/// 32 files of 64 MiB each, as zeros are packed well: 2 MB, and 3.1 GB.
#[test]
fn metadata_has_a_limit_in_all() {
    let path = |number: usize| format!("var/lib/dpkg/status.d/{number}");
    let entries: Vec<Entry> = (0..8)
        .map(|number| Entry::verbatim(path(number), EntryKind::Zeros(256 << 10)))
        .collect();
    let small = Limits {
        documents: 1 << 20,
        ..Limits::default()
    };
    insta::assert_snapshot!(refused(small, &entries), @"the image has more than 1048576 bytes of documents");
    assert!(read(tar(&entries, 0).as_slice(), Limits::default()).is_ok());
}

/// 400 stanzas of packages whose copyright is one file with 70,000 names.
#[test]
fn licences_are_read_once() {
    let names: String = (0..70_000)
        .map(|number| format!("License: L{number}\n"))
        .collect();
    let stanza = |number: usize| {
        let text = format!("Package: p{number}\nVersion: 1\nArchitecture: all\n\n");
        file(&format!("var/lib/dpkg/status.d/p{number}"), text)
    };
    let mut entries: Vec<Entry> = (0..400).map(stanza).collect();
    entries.push(file("usr/share/doc/p0/copyright", names));
    entries.extend((1..400).map(|number| {
        let path = format!("usr/share/doc/p{number}");
        Entry::verbatim(path, EntryKind::Symlink(b"p0".to_vec()))
    }));
    let filesystem = merged(&[&entries]);
    let packages = in_time(|| packages(&filesystem.tree).unwrap());
    assert_eq!(packages.len(), 400);
    assert!(!packages[7].licences.is_empty());
    let first = &packages[0].licences;
    assert!(packages.iter().all(|one| Arc::ptr_eq(&one.licences, first)));
}

#[test]
fn many_devices_and_whiteouts_are_no_work() {
    let fifo = |number: usize| Entry::verbatim(format!("f{number}"), EntryKind::Fifo);
    let fifos: Vec<Entry> = (0..40_000).map(fifo).collect();
    let gone: Vec<Entry> = (0..40_000)
        .map(|n| file(&format!(".wh.f{n}"), ""))
        .collect();
    in_time(|| {
        assert_eq!(merged(&[&fifos, &fifos]).devices.len(), 40_000);
        let filesystem = merged(&[&fifos, &gone]);
        assert!(filesystem.devices.is_empty());
        assert_eq!(filesystem.layers[1].hidden.entries, 40_000);
    });
}

/// Links to links to links, each through thousands of directories.
#[test]
fn links_are_followed_within_limits() {
    let long = Entry::verbatim("x", EntryKind::Symlink(vec![b'a'; 60 << 10]));
    insta::assert_snapshot!(refused(Limits::default(), &[long]), @"`x` in the layer is a link whose target is longer than Linux allows");
    let around = format!("{}d", "d/../".repeat(800));
    let mut entries = vec![Entry::directory("d")];
    let link = |number: usize| match number {
        0 => Entry::symlink("l0", &around),
        _ => Entry::symlink(
            &format!("l{number}"),
            format!("l{}/../{around}", number - 1),
        ),
    };
    entries.extend((0..39).map(link));
    for number in 0..2000 {
        // Another directory each time, so that nothing is remembered.
        entries.push(file(&format!("l38/{number}/x"), ""));
    }
    let error = in_time(|| refused(Limits::default(), &entries));
    insta::assert_snapshot!(error, @"the image has more than 10000000 steps through links and opaque directories");
}

#[test]
fn what_engines_would_take_for_something_else() {
    let other = [file("x", "").owner(1 << 32, 0)];
    insta::assert_snapshot!(refused(Limits::default(), &other), @"`x` in the layer has an owner or group above what Linux knows");
    let opaque = Entry::directory("d").pax("SCHILY.xattr.trusted.overlay.opaque", "y");
    let filesystem = merged(&[&[opaque]]);
    let kinds: Vec<_> = filesystem
        .ambiguities
        .iter()
        .map(|(_, one)| &one.kind)
        .collect();
    assert_eq!(kinds, [&AmbiguityKind::OverlayAttribute]);
}

#[test]
fn what_each_layer_did() {
    let lower = [
        Entry::directory("d"),
        file("d/a", "aa"),
        file("d/b", "bb"),
        file("c", "c"),
    ];
    let upper = [file("d/a", "new"), file("d/.wh.b", ""), file("e", "e")];
    let filesystem = merged(&[&lower, &upper]);
    let amounts = |layer: usize| {
        let changes = filesystem.layers[layer];
        let amounts = [changes.added, changes.replaced, changes.hidden];
        amounts.map(|amount| (amount.entries, amount.bytes))
    };
    assert_eq!(amounts(0), [(4, 5), (0, 0), (0, 0)]);
    // What is hidden is in the image all the same: its bytes are told.
    assert_eq!(amounts(1), [(1, 1), (1, 2), (1, 2)]);
}
