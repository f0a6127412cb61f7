//! Tests of archives that are read in place, and of names in them.

use super::*;
use crate::blob::BlobSource as _;
use proptest::prelude::*;
use std::io::{Read as _, Write as _};

fn entries(bytes: &[u8]) -> Result<Entries, ImageArchiveError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Entries::read(file)
}

fn error(bytes: &[u8]) -> String {
    match entries(bytes) {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    }
}

fn text(range: Option<FileRange>) -> String {
    let mut text = String::new();
    range
        .unwrap()
        .open()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

fn header(kind: tar::EntryType, name: &str, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn archive(fill: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    fill(&mut builder);
    builder.into_inner().unwrap()
}

fn add(builder: &mut tar::Builder<Vec<u8>>, name: &str, content: &str) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder
        .append_data(&mut header, name, content.as_bytes())
        .unwrap();
}

fn link(builder: &mut tar::Builder<Vec<u8>>, kind: tar::EntryType, name: &str, to: &str) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(0);
    builder.append_link(&mut header, name, to).unwrap();
}

#[test]
fn contents_are_found_under_short_and_long_names() {
    let long = "d/".repeat(100) + "x";
    let bytes = archive(|builder| {
        add(builder, "./a", "one");
        add(builder, &long, "two");
        builder
            .append_pax_extensions([("path", b"by/pax".as_slice()), ("mtime", b"1.5")])
            .unwrap();
        add(builder, "ignored", "three");
    });
    let entries = entries(&bytes).unwrap();
    assert_eq!(text(entries.file("a").unwrap()), "one");
    assert_eq!(text(entries.file(&long).unwrap()), "two");
    assert_eq!(text(entries.file("by/pax").unwrap()), "three");
    assert!(entries.file("ignored").unwrap().is_none());
}

#[test]
fn sizes_that_disagree_are_refused() {
    let mut bytes = archive(|builder| {
        builder
            .append_pax_extensions([("size", b"600".as_slice())])
            .unwrap();
    });
    bytes.truncate(1024);
    let sized = |size| {
        let mut bytes = bytes.clone();
        bytes.extend(header(tar::EntryType::Regular, "large", size).as_bytes());
        bytes.extend([b'x'; 600]);
        bytes.resize(1024 + 512 + 1024, 0);
        bytes.extend(header(tar::EntryType::Regular, "next", 0).as_bytes());
        bytes
    };
    // Programs that know no extended headers would go on in the middle of the content.
    insta::assert_snapshot!(error(&sized(0)), @"`large` in the archive has two sizes");
    let entries = entries(&sized(600)).unwrap();
    assert_eq!(text(entries.file("large").unwrap()), "x".repeat(600));
    assert!(entries.has("next"));
}

#[test]
fn what_is_no_plain_file_is_refused() {
    let bytes = archive(|builder| {
        add(builder, "a/x", "content");
        link(builder, tar::EntryType::Symlink, "b/good", "../a/x");
        link(builder, tar::EntryType::Symlink, "b/out", "../../a/x");
        link(builder, tar::EntryType::Symlink, "b/absolute", "/a/x");
        link(builder, tar::EntryType::Symlink, "b/chain", "good");
        link(builder, tar::EntryType::Link, "b/hard", "a/x");
    });
    let entries = entries(&bytes).unwrap();
    let error = |name| entries.file(name).unwrap_err().to_string();
    insta::assert_snapshot!(error("b/good"), @"`b/good` in the archive is a link");
    insta::assert_snapshot!(error("b/hard"), @"`b/hard` in the archive is neither a plain file nor a directory");
    let error = |name| entries.file_or_link(name).unwrap_err().to_string();
    insta::assert_snapshot!(error("b/out"), @"`b/out` in the archive is a link that leads out of it");
    insta::assert_snapshot!(error("b/absolute"), @"`b/absolute` in the archive is a link that leads out of it");
    insta::assert_snapshot!(error("b/chain"), @"`b/good` in the archive is a link");
    assert_eq!(text(entries.file_or_link("b/good").unwrap()), "content");
    assert_eq!(text(entries.file_or_link("a/x").unwrap()), "content");
}

#[test]
fn damage_is_reported() {
    let good = archive(|builder| add(builder, "a", &"x".repeat(1000)));
    insta::assert_snapshot!(error(&good[..300]), @"the archive is damaged: it ends too early");
    insta::assert_snapshot!(error(&good[..900]), @"the archive is damaged: it ends too early");
    let mut flipped = good.clone();
    flipped[0] = b'b';
    insta::assert_snapshot!(error(&flipped), @"the archive is damaged: there is no valid header at byte 0");
    let goes_on = [&[0; 512][..], &good].concat();
    insta::assert_snapshot!(error(&goes_on), @"`the end` in the archive has more bytes behind it");
    let huge = header(tar::EntryType::GNULongName, "x", 1 << 30);
    insta::assert_snapshot!(error(huge.as_bytes()), @"the archive is damaged: it has more than 65536 bytes in one header");
    let endless = header(tar::EntryType::Regular, "x", u64::MAX);
    insta::assert_snapshot!(error(endless.as_bytes()), @"the archive is damaged: it ends too early");
    let pending = header(tar::EntryType::GNULongName, "x", 0);
    insta::assert_snapshot!(error(pending.as_bytes()), @"the archive is damaged: it ends too early");
    insta::assert_snapshot!(error(&pending.as_bytes().repeat(9)), @"`a long name` in the archive comes twice for one member");
    let many = header(tar::EntryType::Directory, "x", 0)
        .as_bytes()
        .repeat(100_001);
    insta::assert_snapshot!(error(&many), @"the archive is damaged: it has more than 100000 members");
    // The end is found with and without the blocks that mark it.
    assert!(entries(&good[..1536]).unwrap().has("a"));
    assert!(!entries(b"").unwrap().has("a"));
}

#[test]
fn names_are_bounded_together() {
    // Names, and what links lead to, of 64 KiB each.
    let long = vec![b'x'; 64 << 10];
    let extended = |kind| {
        let head = header(kind, "long", long.len() as u64);
        [head.as_bytes(), &long[..]].concat()
    };
    let directory = header(tar::EntryType::Directory, "x", 0);
    let named = [
        &extended(tar::EntryType::GNULongName),
        &directory.as_bytes()[..],
    ]
    .concat();
    let linking = |number: usize| {
        let symlink = header(tar::EntryType::Symlink, &format!("x{number}"), 0);
        [
            &extended(tar::EntryType::GNULongLink),
            &symlink.as_bytes()[..],
        ]
        .concat()
    };
    assert!(entries(&named.repeat(256)).is_ok());
    insta::assert_snapshot!(error(&named.repeat(257)), @"the archive is damaged: the names in it have more than 16777216 bytes");
    let links: Vec<u8> = (0..128).flat_map(linking).collect();
    let both = [named.repeat(128), links].concat();
    insta::assert_snapshot!(error(&both), @"the archive is damaged: the names in it have more than 16777216 bytes");
}

#[test]
fn an_entry_has_one_name() {
    let pax = |pairs: &[(&str, &str)]| {
        let mut bytes = archive(|builder| {
            let pairs = pairs.iter().map(|(key, value)| (*key, value.as_bytes()));
            builder.append_pax_extensions(pairs).unwrap();
        });
        bytes.truncate(1024);
        bytes
    };
    let global = |pairs: &[(&str, &str)]| {
        let mut bytes = pax(pairs);
        bytes[156] = b'g';
        let sum = checksum(bytes[..512].try_into().unwrap());
        bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes
    };
    let long = [
        header(tar::EntryType::GNULongName, "long", 5).as_bytes(),
        &b"other"
            .iter()
            .copied()
            .chain([0; 507])
            .collect::<Vec<u8>>()[..],
    ]
    .concat();
    let file = archive(|builder| add(builder, "a", "content"));
    let with = |before: &[u8]| [before, &file].concat();
    insta::assert_snapshot!(error(&with(&[pax(&[("path", "b")]), long.clone()].concat())), @"`a long name` in the archive comes twice for one member");
    insta::assert_snapshot!(error(&with(&[long.clone(), long.clone()].concat())), @"`a long name` in the archive comes twice for one member");
    insta::assert_snapshot!(error(&with(&global(&[("path", "b")]))), @"`a global PAX header` in the archive has `path`, which is not supported for a whole archive");
    assert!(
        entries(&with(&global(&[("comment", "b")])))
            .unwrap()
            .has("a")
    );
    assert!(entries(&with(&long)).unwrap().has("other"));
    // As Go's reader, and thus Docker, has it.
    assert!(entries(&with(&pax(&[("path", "")]))).unwrap().has("a"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        noise in prop::collection::vec((0usize..4096, any::<u8>()), 0..8),
        length in 0usize..5000,
    ) {
        let mut bytes = archive(|builder| {
            add(builder, &"d/".repeat(100), "two");
            add(builder, "x", "three");
        });
        for (place, byte) in noise {
            if let Some(old) = bytes.get_mut(place) {
                *old = byte;
            }
            // Valid sums let the damage through to what comes after.
            let block = place / 512 * 512;
            if let Some(Ok(block)) = bytes.get_mut(block..block + 512).map(<&mut [u8; 512]>::try_from) {
                let sum = checksum(block);
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        bytes.truncate(length);
        let _ = entries(&bytes);
    }

    /// What is accepted unpacks to the same files wherever names are looked at as paths.
    #[test]
    fn accepted_names_are_different_paths_within_the_archive(
        names in prop::collection::vec("(/|\\./|\\.\\./|[ab]/){0,3}[ab.]{1,2}/?", 1..5),
    ) {
        let mut bytes: Vec<u8> = names
            .iter()
            .flat_map(|name| *header(tar::EntryType::Symlink, name, 0).as_bytes())
            .collect();
        bytes.extend([0; 1024]);
        if entries(&bytes).is_ok() {
            let mut paths = std::collections::BTreeSet::new();
            for name in &names {
                let mut path = Vec::new();
                prop_assert!(!name.starts_with('/'), "{names:?}");
                for part in name.split('/').filter(|part| !matches!(*part, "" | ".")) {
                    prop_assert!(part != "..", "{names:?}");
                    path.push(part);
                }
                prop_assert!(!path.is_empty() && paths.insert(path), "{names:?}");
            }
            let is_below = |path: &Vec<&str>| (1..path.len()).any(|end| paths.contains(&path[..end]));
            prop_assert!(!paths.iter().any(is_below), "{names:?}");
        }
    }
}

/// The sum of all bytes of a header, those of the sum itself counted as spaces.
fn checksum(block: &[u8; 512]) -> u32 {
    let byte = |(place, byte): (usize, &u8)| match place {
        148..156 => u32::from(b' '),
        _ => u32::from(*byte),
    };
    block.iter().enumerate().map(byte).sum()
}
