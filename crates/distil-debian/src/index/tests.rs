use std::error::Error as _;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;

use distil_store::{Blob, Store};
use proptest::prelude::*;

use super::testing::{index_of, packages_file, trixie};
use super::*;

fn pocket(name: &str, priority: i32) -> Pocket {
    Pocket {
        name: name.to_owned(),
        priority,
    }
}

/// The candidates of a name, with their pockets.
fn candidates(index: &PackageIndex, name: &str) -> Vec<String> {
    index
        .candidates(name)
        .unwrap()
        .iter()
        .map(|package| {
            let pocket = &index.pockets()[usize::from(package.pocket)].name;
            format!("{} {pocket}", package.version)
        })
        .collect()
}

#[test]
fn the_best_candidate_is_of_the_best_pocket_and_then_the_newest() {
    let index = index_of(&[
        ("trixie", 500, "a 1\nb 1"),
        ("trixie-security", 500, "a 1.1"),
        ("trixie-backports", 100, "a 2\na 3"),
    ]);
    assert_eq!(
        candidates(&index, "a"),
        [
            "1.1 trixie-security",
            "1 trixie",
            "3 trixie-backports",
            "2 trixie-backports"
        ]
    );
    assert_eq!(candidates(&index, "b"), ["1 trixie"]);
    assert!(candidates(&index, "c").is_empty());
    assert_eq!(index.package_names(), ["a", "b"]);
    assert_eq!(index.len(), 5);
}

#[test]
fn a_held_package_is_the_only_one_of_its_name() {
    let old = index_of(&[("trixie", 500, "a 1; Provides: b; Priority: required")]);
    let old = old.candidates("a").unwrap().remove(0);
    // A pocket has it still, perhaps another one than before.
    let mut index = index_of(&[("trixie", 500, "c 1"), ("trixie-updates", 500, "a 1\na 2")]);
    assert!(index.hold(old.clone(), "trixie").unwrap());
    assert_eq!(candidates(&index, "a"), ["1 trixie-updates"]);
    // None has it, and not even its pocket is there.
    let mut index = index_of(&[("trixie", 500, "a 2; Priority: standard\nc 1")]);
    assert!(!index.hold(old, "trixie-security").unwrap());
    assert_eq!(candidates(&index, "a"), ["1 trixie-security"]);
    assert_eq!(candidates(&index, "c"), ["1 trixie"]);
    let held = index.candidates("a").unwrap().remove(0);
    assert_eq!(held.priority, crate::package::Priority::Standard);
    assert_eq!(index.providers("b"), ["a"]);
}

#[test]
fn the_same_package_in_two_pockets_is_one() {
    let same = [
        ("trixie-updates", 500, "a 1"),
        ("trixie", 500, "a 1\na 1"),
        ("trixie-security", 400, "a 1"),
    ];
    assert_eq!(candidates(&index_of(&same), "a"), ["1 trixie"]);
}

#[test]
fn other_bytes_of_the_same_version_are_another_package() {
    let other = format!("a 1; SHA256: {}", "0".repeat(64));
    let pockets = [
        ("trixie", 500, "a 1"),
        ("trixie-security", 500, other.as_str()),
    ];
    let reversed: Vec<_> = pockets.iter().rev().copied().collect();
    for index in [index_of(&pockets), index_of(&reversed)] {
        assert_eq!(candidates(&index, "a"), ["1 trixie", "1 trixie-security"]);
    }
}

#[test]
fn architectures_of_others_are_left_out() {
    let index = trixie("a 1; Architecture: arm64\nb 1; Architecture: all\nc 1");
    assert_eq!(index.package_names(), ["b", "c"]);
}

#[test]
fn providers_are_those_of_any_version() {
    let index = trixie(
        "c 1; Provides: virtual (= 1), virtual (= 2), other
         a 1; Provides: virtual, a
         a 2
         d 1; Provides: folded,↵several; Description: short↵and | long
         virtual 1; Provides: virtual",
    );
    assert_eq!(index.providers("virtual"), ["a", "c"]);
    assert_eq!(index.providers("other"), ["c"]);
    assert!(index.providers("a").is_empty());
    assert_eq!(
        index.virtual_names(),
        ["a", "folded", "other", "several", "virtual"]
    );
}

#[test]
fn a_condensed_index_says_the_same() {
    let plain = packages_file(
        "a 1; Maintainer: x; Depends: b,↵ c; Description: d↵more; provides: e,↵f (= 1)
         b 1; Tag: x::y; Priority: required",
    );
    let (table, text) = condensed(&plain).unwrap();
    assert_eq!(table.packages(), 2);
    insta::assert_snapshot!(text, @"
    Package: a
    Version: 1
    Depends: b,  c
    provides: e, f (= 1)
    Architecture: amd64
    Filename: pool/a_1_amd64.deb
    Size: 1000
    SHA256: 042a5f2e7634c4c80a75691b6b89dfe4e1758558ce99e7346b5297b68fa95d11

    Package: b
    Version: 1
    Priority: required
    Architecture: amd64
    Filename: pool/b_1_amd64.deb
    Size: 1000
    SHA256: dc67949bdca3c2e1bb86890c76a58a0faf09d5b1493daa9d18411e7210f81260

    ");
    let index = |text: Vec<u8>| {
        let mut index = PackageIndex::new("amd64");
        index.add(text, pocket("trixie", 500)).unwrap();
        index
    };
    let (plain, small) = (index(plain.into_bytes()), index(text.clone().into()));
    for name in ["a", "b"] {
        assert_eq!(
            plain.candidates(name).unwrap(),
            small.candidates(name).unwrap()
        );
    }
    assert_eq!(plain.providers("f"), small.providers("f"));
    // But for the lines, which are those of the text that was read.
    assert_eq!(condensed(&text).unwrap().1, text);
}

fn threads(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

fn condensed(text: &str) -> Result<(Table, String), IndexError> {
    condensed_on(1, text)
}

fn condensed_on(number: usize, text: &str) -> Result<(Table, String), IndexError> {
    let mut output = Vec::new();
    let table = condense(text.as_bytes(), "amd64", threads(number), &mut output)?;
    Ok((table, String::from_utf8(output).unwrap()))
}

/// An index of a text that is in memory.
fn opened((table, text): (Table, String)) -> PackageIndex {
    let mut index = PackageIndex::new("amd64");
    let found = Condensed::new(table, Text::from(text.into_bytes())).unwrap();
    index.add_condensed(found, pocket("trixie", 500)).unwrap();
    index
}

/// Some blocks long.
fn long() -> String {
    let lines: Vec<String> = (0..20_000)
        .map(|n| {
            format!(
                "p{n} 1; Provides: v{}, w; Architecture: {}",
                n % 7,
                ["all", "amd64", "arm64"][n % 3]
            )
        })
        .collect();
    packages_file(&lines.join("\n"))
}

#[test]
fn threads_change_nothing() {
    let text = long();
    let one = condensed_on(1, &text).unwrap();
    assert_eq!(one.0.packages(), 13_334);
    for number in 2..5 {
        assert!(
            condensed_on(number, &text).unwrap() == one,
            "{number} threads"
        );
    }
    let index = opened(one);
    assert_eq!(candidates(&index, "p19999"), ["1 trixie"]);
    assert!(candidates(&index, "p2").is_empty(), "of arm64");
    assert_eq!(index.providers("w").len(), 13_334);
}

#[test]
fn a_fault_far_down_is_found_on_any_number_of_threads() {
    let bad = packages_file("bad 1; Provides: |");
    let text = [long(), bad, long()].join("\n");
    let cut = text.get(..text.len() - 100).unwrap();
    for number in 1..4 {
        let said = |text: &str| {
            let found = condensed_on(number, text);
            found.map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(
            said(&text).unwrap_err(),
            "the stanza of `bad` at line 160001 of the package index is wrong"
        );
        assert!(said(cut).is_err());
    }
}

#[test]
fn a_wrong_stanza_is_named_with_its_line() {
    let said = |error: IndexError| match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    let text = |line: &str| packages_file(&format!("good 1\n{line}"));
    let condensing = |line: &str| said(condensed(&text(line)).unwrap_err());
    insta::assert_snapshot!(condensing("../bad 1"), @"the stanza of `../bad` at line 8 of the package index is wrong: `../bad` in `Package` is not a package's name");
    insta::assert_snapshot!(condensing("bad 1; Provides: a | b"), @"the stanza of `bad` at line 8 of the package index is wrong: the relations in `Provides` are wrong");
    insta::assert_snapshot!(condensing("bad 1; rubbish"), @"the package index is malformed: line 10 is neither `Name: value` nor the continuation of a field: `rubbish`");
    insta::assert_snapshot!(said(condense(&b"Package: a\n\nPackage: \xff\n"[..], "amd64", threads(1), &mut std::io::sink()).unwrap_err()), @"the package index is malformed: the paragraph at line 3 is not UTF-8");
    // Whoever asks for such a package is told then, by the line of the text that was read.
    let asking = |line: &str| {
        let text = format!("Description: long\n{}", text(line));
        let index = opened(condensed(&text).unwrap());
        assert!(index.candidates("good").is_ok());
        said(index.candidates("bad").unwrap_err())
    };
    insta::assert_snapshot!(asking("bad 1; Filename: /etc/x"), @"the stanza of `bad` at line 9 of the package index of `trixie` is wrong: the path `/etc/x` in `Filename` is not a plain relative one");
    insta::assert_snapshot!(asking("bad 1; Depends: a | | b"), @"the stanza of `bad` at line 9 of the package index of `trixie` is wrong: the relations in `Depends` are wrong");
    insta::assert_snapshot!(asking("bad _"), @"the stanza of `bad` at line 9 of the package index of `trixie` is wrong: the version in `Version` is wrong");

    let adding = |line: &str| {
        let mut index = PackageIndex::new("amd64");
        let added = index.add(text(line).into_bytes(), pocket("trixie", 500));
        // Nothing of a refused text stays.
        assert!(index.is_empty() && index.pockets().is_empty());
        said(added.unwrap_err())
    };
    insta::assert_snapshot!(adding("../bad 1"), @"the stanza of `../bad` at line 8 of the package index of `trixie` is wrong: `../bad` in `Package` is not a package's name");
    insta::assert_snapshot!(adding("bad 1; Architecture:"), @"the stanza of `bad` at line 8 of the package index of `trixie` is wrong: the field `Architecture` is missing");
    insta::assert_snapshot!(adding("bad 1; Provides: a | b"), @"the stanza of `bad` at line 8 of the package index of `trixie` is wrong: the relations in `Provides` are wrong");

    let asking = |line: &str| {
        said(
            trixie(&format!("good 1\n{line}"))
                .candidates("bad")
                .unwrap_err(),
        )
    };
    insta::assert_snapshot!(asking("bad 1; Size: x"), @"the stanza of `bad` at line 8 of the package index of `trixie` is wrong: `x` in `Size` is not a number");
    insta::assert_snapshot!(asking("bad 1; rubbish"), @"the package index is malformed: line 10 is neither `Name: value` nor the continuation of a field: `rubbish`");

    let mut index = PackageIndex::new("amd64");
    let error = index
        .add(b"\xff".to_vec(), pocket("trixie", 500))
        .unwrap_err();
    insta::assert_snapshot!(said(error), @"the package index of `trixie` is not UTF-8");
}

/// The text in a store, and an index that reads it there.
fn stored(store: &Store, text: &str) -> (Blob, PackageIndex) {
    let (table, text) = condensed_on(2, text).unwrap();
    let blob = store.put(text.as_bytes()).unwrap();
    let found = Condensed::new(table, Text::stored(blob.clone()).unwrap()).unwrap();
    let mut index = PackageIndex::new("amd64");
    index.add_condensed(found, pocket("trixie", 500)).unwrap();
    (blob, index)
}

#[test]
fn a_text_in_the_store_says_the_same_as_one_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let text = long();
    let (_, index) = stored(&store, &text);
    let memory = opened(condensed(&text).unwrap());
    for name in memory.package_names() {
        let packages = index.candidates(name).unwrap();
        assert_eq!(packages, memory.candidates(name).unwrap());
        assert_eq!((packages.len(), &*packages[0].name), (1, name));
    }
}

#[test]
fn nothing_that_is_damaged_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let lines: Vec<String> = (0..60)
        .map(|n| format!("p{n} 1; Depends: x (= 1)"))
        .collect();
    let text = packages_file(&lines.join("\n"));
    let good = opened(condensed(&text).unwrap());
    let names = good.package_names();
    let size = stored(&store, &text).0.size();
    let mut damaged = 0;
    for place in (0..size).step_by(97) {
        let (blob, index) = stored(&store, &text);
        // In place, as a disk that forgets: the open file is the one that changes.
        let file = std::fs::File::options()
            .write(true)
            .open(blob.path())
            .unwrap();
        let mut byte = [0];
        blob.open()
            .unwrap()
            .read_exact_at(&mut byte, place)
            .unwrap();
        file.write_all_at(&[byte[0] ^ 1], place).unwrap();
        let mut refused = 0;
        for name in &names {
            match index.candidates(name) {
                Ok(packages) => assert_eq!(packages, good.candidates(name).unwrap()),
                Err(error @ IndexError::Damaged { .. }) => {
                    assert_eq!(
                        error.to_string(),
                        "the package index of `trixie` is damaged in the store"
                    );
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        // Those of one block, and not those of the others.
        assert!(0 < refused && refused < names.len() / 2, "{refused}");
        damaged += 1;
        assert!(store.get(&blob.digest()).is_none());
        assert_eq!(store.damaged(), damaged, "each is counted once");
    }
    assert!(damaged > 50);
}

#[test]
fn a_text_that_was_cut_off_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (table, text) = condensed(&long()).unwrap();
    let (blob, index) = stored(&store, &long());
    let file = std::fs::File::options().write(true).open(blob.path());
    file.unwrap().set_len(1000).unwrap();
    // Whoever has it open already is told when it matters.
    assert!(matches!(
        index.candidates("p19999"),
        Err(IndexError::Damaged { .. })
    ));
    let cut = store.put(&text.as_bytes()[1..]).unwrap();
    assert!(Condensed::new(table, Text::stored(cut).unwrap()).is_none());
}

#[test]
fn names_that_are_like_a_mistyped_one() {
    let index = trixie(
        "python3 1
         python3-minimal 1
         pyhton3-x 1
         perl 1; Provides: perl-base-abi
         libssl3t64 1; Provides: libssl3 (= 1)",
    );
    let nearest = |name: &str| index.nearest(name, 3);
    assert_eq!(nearest("pyhton3"), ["python3", "pyhton3-x"]);
    assert_eq!(nearest("python"), ["python3", "python3-minimal"]);
    assert_eq!(nearest("libss3"), ["libssl3"]);
    assert_eq!(nearest("prel"), ["perl"]);
    assert!(nearest("nothing-like-it").is_empty());
    assert!(nearest("").is_empty());
    assert_eq!(index.nearest("python", 1), ["python3"]);
}

proptest! {
    #[test]
    fn any_text_is_indexed_or_refused(text in "([PAVp]\\w{0,3}: ?\\w?\n|Package: a\n|Architecture: all\n|Provides: [ab,|]{1,3}\n|\n| x\n){0,9}") {
        let mut index = PackageIndex::new("amd64");
        if index.add(text.clone().into_bytes(), pocket("p", 0)).is_ok() {
            for name in ["a", "b"] {
                let _ = index.candidates(name);
                let _ = index.providers(name);
            }
        }
        let _ = condensed(&text);
    }

    #[test]
    fn the_order_of_the_text_does_not_matter(order in Just((0..8).collect::<Vec<usize>>()).prop_shuffle()) {
        let lines = [
            "a 1; Provides: v", "a 2", "b 1; Provides: v", "c 1; Provides: v, w", "a 1",
            "a 1; Filename: other.deb", "v 1", "b 1; Architecture: all; SHA256: 00000000000000000000000000000000000000000000000000000000000000aa",
        ];
        let shuffled: Vec<&str> = order.iter().map(|at| lines[*at]).collect();
        let (one, other) = (trixie(&lines.join("\n")), trixie(&shuffled.join("\n")));
        for name in ["a", "b", "c", "v", "w"] {
            prop_assert_eq!(one.candidates(name).unwrap(), other.candidates(name).unwrap());
            prop_assert_eq!(one.providers(name), other.providers(name));
        }
    }
}
