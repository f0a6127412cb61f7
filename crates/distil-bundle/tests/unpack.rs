//! Archives, good and hostile, read into bundles.

#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)]

use std::fs::File;
use std::io::Write;

use distil_bundle::{ArchiveFormat, BundleError, BundleFile, EntryKind, Limits, unpack};
use distil_fixture::{Entry, tar};
use proptest::prelude::*;

/// A file of these bytes, as the store has one.
fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    file
}

fn read(bytes: &[u8], format: ArchiveFormat) -> Result<BundleFile, BundleError> {
    let limits = Limits { size: 1 << 20 };
    let written = unpack(file(bytes), format, limits, Vec::new())?;
    let size = written.len() as u64;
    Ok(BundleFile::open(file(&written), size).unwrap())
}

fn message(bytes: &[u8], format: ArchiveFormat) -> String {
    let error = read(bytes, format).unwrap_err();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// The entries in one line each: path, kind, content.
fn lines(bundle: &BundleFile) -> Vec<String> {
    let line = |entry: &distil_bundle::BundleEntry| {
        let path = &entry.path;
        match &entry.kind {
            EntryKind::Directory => format!("{path}/"),
            EntryKind::Symlink(target) => format!("{path} -> {target}"),
            EntryKind::File { .. } | EntryKind::HardLink(_) => {
                let (content, executable) = bundle.content(entry).unwrap();
                let bytes = content.read(1 << 20).unwrap();
                let mark = if executable { "*" } else { "" };
                format!("{path}{mark} = {}", String::from_utf8(bytes).unwrap())
            }
        }
    };
    bundle.entries().iter().map(line).collect()
}

fn archive() -> Vec<u8> {
    let entries = [
        Entry::directory("./node/bin"),
        Entry::file("./node/bin/node", "program").mode(0o4755),
        Entry::hard_link("./node/bin/nodejs", "./node/bin/node"),
        Entry::symlink("./node/bin/npm", "../lib/npm.js"),
        Entry::file("./node/lib/npm.js", "text").owner(1000, 1000),
    ];
    tar(&entries, 0)
}

const LINES: [&str; 6] = [
    "node/",
    "node/bin/",
    "node/bin/node* = program",
    "node/bin/nodejs* = program",
    "node/bin/npm -> ../lib/npm.js",
    "node/lib/npm.js = text",
];

fn compressed(format: ArchiveFormat, tar: &[u8]) -> Vec<u8> {
    match format {
        ArchiveFormat::TarGz => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            writer.write_all(tar).unwrap();
            writer.finish().unwrap()
        }
        ArchiveFormat::TarXz => {
            let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 1);
            writer.write_all(tar).unwrap();
            writer.finish().unwrap()
        }
        ArchiveFormat::TarBz2 => {
            let mut writer = bzip2::write::BzEncoder::new(Vec::new(), Default::default());
            writer.write_all(tar).unwrap();
            writer.finish().unwrap()
        }
        ArchiveFormat::TarZst => zstd::encode_all(tar, 1).unwrap(),
        _ => tar.to_vec(),
    }
}

#[test]
fn tar_archives_are_read_whatever_compresses_them() {
    for format in [
        ArchiveFormat::PlainTar,
        ArchiveFormat::TarGz,
        ArchiveFormat::TarXz,
        ArchiveFormat::TarZst,
        ArchiveFormat::TarBz2,
    ] {
        let bytes = compressed(format, &archive());
        for asked in [format, ArchiveFormat::Tar] {
            let mut found = lines(&read(&bytes, asked).unwrap());
            found.retain(|line| line != "node/lib/");
            assert_eq!(found, LINES, "{format:?}");
        }
        let cut = &bytes[..(bytes.len() / 2).min(2000)];
        assert!(read(cut, format).is_err(), "{format:?} cut off");
    }
}

/// A zip archive of these entries: name, mode and content; stored, or deflated.
fn zip(entries: &[(&str, u32, &str)], deflate: bool) -> Vec<u8> {
    let (mut bytes, mut list) = (Vec::new(), Vec::new());
    for (name, mode, content) in entries {
        let offset = u32::try_from(bytes.len()).unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(content.as_bytes());
        let packed = match deflate {
            true => {
                let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), Default::default());
                writer.write_all(content.as_bytes()).unwrap();
                writer.finish().unwrap()
            }
            false => content.as_bytes().to_vec(),
        };
        let mut common = Vec::new();
        for half in [20_u16, 0, if deflate { 8 } else { 0 }, 0, 0] {
            common.extend(half.to_le_bytes());
        }
        for word in [crc.sum(), packed.len() as u32, content.len() as u32] {
            common.extend(word.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend(name.as_bytes());
        bytes.extend(&packed);
        list.extend(b"PK\x01\x02\x14\x03");
        list.extend(&common);
        list.extend([0; 6]);
        list.extend((mode << 16).to_le_bytes());
        list.extend(offset.to_le_bytes());
        list.extend(name.as_bytes());
    }
    let (start, length) = (bytes.len() as u32, list.len() as u32);
    bytes.extend(&list);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

#[test]
fn zip_archives_are_read_stored_and_deflated() {
    let entries = [
        ("tool/", 0o040_755, ""),
        ("tool/run", 0o100_755, "program program program"),
        ("tool/data.txt", 0o100_644, "text"),
        ("tool/link", 0o120_777, "run"),
    ];
    for deflate in [false, true] {
        let bundle = read(&zip(&entries, deflate), ArchiveFormat::Zip).unwrap();
        assert_eq!(
            lines(&bundle),
            [
                "tool/",
                "tool/run* = program program program",
                "tool/data.txt = text",
                "tool/link -> run"
            ]
        );
    }
}

#[test]
fn a_zip_archive_that_lies_is_an_error() {
    let good = zip(&[("a", 0o100_644, "content")], false);
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        message(&bytes, ArchiveFormat::Zip)
    };
    // The content, of which the list has the sum.
    assert!(with(31, b'X').contains("CRC-32"), "{}", with(31, b'X'));
    let list = good.len() - 22 - 47;
    let shorter = with(list + 24, 3);
    assert!(
        shorter.contains("as many bytes") || shorter.contains("more bytes"),
        "{shorter}"
    );
    let longer = with(list + 24, 90);
    assert!(longer.contains("fewer bytes"), "{longer}");
    assert!(with(list + 10, 99).contains("unknown way"));
    let special = zip(&[("pipe", 0o010_644, "")], false);
    assert!(message(&special, ArchiveFormat::Zip).contains("a device, a FIFO or a socket"));
    let huge = zip(&[("a", 0o100_644, &"x".repeat((1 << 20) + 1))], true);
    assert_eq!(
        message(&huge, ArchiveFormat::Zip),
        "it has more than 1048576 bytes"
    );
}

#[test]
fn what_leads_out_of_an_archive_is_refused() {
    let tar_of = |entries: &[Entry]| message(&tar(entries, 0), ArchiveFormat::PlainTar);
    let file = |path: &str| Entry::verbatim(path, distil_fixture::EntryKind::File(b"x".to_vec()));
    for (entries, expected) in [
        (vec![file("../etc/passwd")], "`../etc/passwd` in it"),
        (vec![file("/etc/passwd")], "`/etc/passwd` in it"),
        (vec![file("a/../../b")], "`a/../../b` in it"),
        (
            vec![Entry::symlink("a", "../../etc")],
            "`a` in it links out of it, to `../../etc`",
        ),
        (
            vec![Entry::symlink("a", "/etc"), file("a/passwd")],
            "`a/passwd` in it lies below `/a`, which is no directory",
        ),
        (
            vec![file("a"), file("a/b")],
            "`a/b` in it lies below `/a`, which is no directory",
        ),
        (vec![file("a"), file("a")], "`a` in it is there twice"),
        (vec![file("a/b"), file("a")], "`a` in it is there twice"),
        (
            vec![Entry::hard_link("a", "b")],
            "`a` in it is a hard link to `/b`, which is no file before it",
        ),
    ] {
        let message = tar_of(&entries);
        assert!(message.contains(expected), "{message}");
    }
    let zipped = message(&zip(&[("../x", 0o100_644, "x")], false), ArchiveFormat::Zip);
    assert!(zipped.contains("`../x` in it"), "{zipped}");
    let through = zip(&[("a", 0o120_777, "/etc"), ("a/b", 0o100_644, "x")], false);
    assert!(message(&through, ArchiveFormat::Zip).contains("lies below `/a`"));
}

#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    let zeros = tar(&[Entry::file("zeros", vec![0; 2 << 20])], 0);
    for format in [
        ArchiveFormat::TarGz,
        ArchiveFormat::TarXz,
        ArchiveFormat::TarZst,
        ArchiveFormat::TarBz2,
    ] {
        let message = message(&compressed(format, &zeros), format);
        assert_eq!(message, "the tar archive has more than 1048576 bytes");
    }
}

#[test]
fn what_is_not_what_its_name_says_is_told() {
    for (bytes, format, found) in [
        (
            &b"<html>Not found</html>"[..],
            ArchiveFormat::TarGz,
            "an HTML or XML page",
        ),
        (b"", ArchiveFormat::Zip, "an empty file"),
        (b"\x7fELF", ArchiveFormat::TarXz, "a program"),
        (
            &compressed(ArchiveFormat::TarXz, &archive()),
            ArchiveFormat::TarGz,
            "xz",
        ),
    ] {
        let message = message(bytes, format);
        assert!(
            message.ends_with(&format!("are those of {found}")),
            "{message}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_archive_is_read_or_refused(place in 0_usize..4096, byte: u8, zipped: bool) {
        let (mut bytes, format) = match zipped {
            true => (zip(&[("a/b", 0o100_755, "content"), ("c", 0o120_777, "a/b")], true), ArchiveFormat::Zip),
            false => (archive(), ArchiveFormat::PlainTar),
        };
        let place = place % bytes.len();
        bytes[place] = byte;
        let _ = read(&bytes, format);
    }
}
