use std::io::Write;
use std::num::NonZeroUsize;

use distil_fixture::{Compression, DebBuilder, DebFault, Entry, EntryKind as Member};
use distil_store::Digest;
use proptest::prelude::*;

use super::*;

fn unpack_bytes(bytes: &[u8]) -> Result<PackageFile, DebError> {
    let expected = Expected {
        size: bytes.len() as u64,
        digest: Digest::of(bytes),
    };
    let mut output = Vec::new();
    let package = unpack(bytes, expected, 1 << 20, NonZeroUsize::MIN, &mut output)?;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&output).unwrap();
    let read = PackageFile::open(file, output.len() as u64).unwrap();
    assert_eq!(read.package, package);
    Ok(read)
}

/// The error and its causes, as a user reads them.
fn message(error: DebError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

fn fails(deb: DebBuilder) -> String {
    message(
        unpack_bytes(&deb.build())
            .map(|file| file.package)
            .unwrap_err(),
    )
}

fn deb() -> DebBuilder {
    DebBuilder::new("hello", "1.0-1", "amd64").file("usr/bin/hello", "content")
}

#[test]
fn every_compression_reads_alike() {
    let read = |compression| unpack_bytes(&deb().compression(compression).build()).unwrap();
    let plain = read(Compression::None);
    assert!(plain.package.control.starts_with("Package: hello\n"));
    let entry = plain
        .package
        .entries
        .iter()
        .find(|entry| entry.path == "usr/bin/hello")
        .unwrap();
    assert_eq!(plain.content(entry).unwrap().read(100).unwrap(), b"content");
    let EntryKind::File { md5, .. } = &entry.kind else {
        panic!("{entry:?}")
    };
    assert_eq!(md5, "9a0364b9e99bb480dd25e1f0284c8555");
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
        assert_eq!(read(compression).package.entries, plain.package.entries);
    }
}

#[test]
fn hard_links_share_the_bytes_of_the_first() {
    let read = unpack_bytes(&deb().hard_link("usr/bin/hi", "usr/bin/hello").build()).unwrap();
    let entry = read
        .package
        .entries
        .iter()
        .find(|entry| entry.path == "usr/bin/hi")
        .unwrap();
    assert!(matches!(entry.kind, EntryKind::HardLink(_)));
    assert_eq!(read.content(entry).unwrap().read(100).unwrap(), b"content");
}

#[test]
fn other_bytes_than_announced_are_told_apart_from_malformed_packages() {
    let bytes = deb().build();
    let expected = Expected {
        size: bytes.len() as u64,
        digest: Digest::of(&bytes),
    };
    for changed in [
        &bytes[..bytes.len() - 7],
        &[&bytes[..], b"more"].concat(),
        b"<html>",
        b"",
    ] {
        let error = unpack(
            changed,
            expected,
            1 << 20,
            NonZeroUsize::MIN,
            &mut Vec::new(),
        )
        .unwrap_err();
        assert!(matches!(error, DebError::Digest { .. }), "{error}");
    }
}

#[test]
fn what_leads_out_is_refused() {
    let with = |entry: Entry| fails(deb().entry(entry));
    let verbatim = |path: &str, kind| Entry::verbatim(path, kind);
    let file = || Member::File(b"x".to_vec());
    insta::assert_snapshot!(with(verbatim("/etc/passwd", file())), @"`/etc/passwd` in it is absolute");
    insta::assert_snapshot!(fails(deb().parents(false).entry(verbatim("./../x", file()))), @"`./../x` in it has a `..` in it");
    insta::assert_snapshot!(
        with(Entry::symlink("usr/link", "../../etc/passwd")),
        @"`./usr/link` in it links out of the package, to `../../etc/passwd`"
    );
    insta::assert_snapshot!(
        with(Entry::hard_link("usr/hard", "../etc/passwd")),
        @"`./usr/hard` in it links to a name that has a `..` in it"
    );
    insta::assert_snapshot!(
        with(Entry::hard_link("usr/hard", "etc/none")),
        @"`./usr/hard` in it is a hard link to `/etc/none`, which is no file before it"
    );
}

#[test]
fn only_a_folder_can_be_the_root() {
    let root = |kind| fails(deb().parents(false).entry(Entry::verbatim("./", kind)));
    for kind in [
        Member::Symlink(b"../x".to_vec()),
        Member::File(b"x".to_vec()),
        Member::HardLink(b"usr/bin/hello".to_vec()),
    ] {
        let text = root(kind);
        let is_file = text.contains("has content and the name of a directory");
        assert!(
            is_file || text.contains("is the root of the file system"),
            "{text}"
        );
    }
}

#[test]
fn what_no_package_ships_is_refused() {
    let with = |entry: Entry| fails(deb().entry(entry));
    let device = Member::CharacterDevice(1, 3);
    insta::assert_snapshot!(
        with(Entry::verbatim("./dev/null", device)),
        @"`./dev/null` in it is a character device, which packages must not ship"
    );
    insta::assert_snapshot!(
        with(Entry::verbatim("./fifo", Member::Fifo)),
        @"`./fifo` in it is a FIFO, which packages must not ship"
    );
    insta::assert_snapshot!(
        with(Entry::file("usr/bin/hello", "again")),
        @"`./usr/bin/hello` in it is there twice"
    );
    insta::assert_snapshot!(
        with(Entry::file("x", "x").pax("GNU.sparse.name", "y")),
        @"its `data.tar.xz` cannot be read: `a PAX header` in the tar archive has `GNU.sparse.name`, which is not supported"
    );
    insta::assert_snapshot!(
        with(Entry::file("x", "x").pax("SCHILY.xattr.security.capability", "\u{1}")),
        @"`./x` in it has extended attributes, which Debian's packages never have"
    );
}

#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    let bomb = deb()
        .data_compression(Compression::Zstd)
        .bomb("usr/share/zeros", 1 << 28);
    let bytes = bomb.build();
    assert!(bytes.len() < 1 << 20, "{}", bytes.len());
    let expected = Expected {
        size: bytes.len() as u64,
        digest: Digest::of(&bytes),
    };
    let mut output = Vec::new();
    let error = unpack(
        &bytes[..],
        expected,
        1 << 20,
        NonZeroUsize::MIN,
        &mut output,
    )
    .unwrap_err();
    assert!(output.len() <= 1 << 20, "{}", output.len());
    insta::assert_snapshot!(message(error), @"its `data.tar.zst` cannot be read: the tar archive has more than 1048576 bytes");
}

#[test]
fn a_malformed_package_says_where() {
    let with = |fault| fails(deb().fault(fault));
    insta::assert_snapshot!(
        with(DebFault::NoFormatVersion), @"it has no `debian-binary`");
    insta::assert_snapshot!(
        with(DebFault::FormatVersion(b"3.0\n".to_vec())),
        @"its format is `3.0`, and only version 2 is known");
    insta::assert_snapshot!(
        with(DebFault::DataBeforeControl),
        @"its second member is `data.tar.xz` instead of `control.tar`");
    insta::assert_snapshot!(with(DebFault::NoData), @"it has no `data.tar`");
    insta::assert_snapshot!(
        with(DebFault::DuplicateData), @"it has `data.tar.xz` beside another of its kind");
    insta::assert_snapshot!(
        with(DebFault::DuplicateControl), @"it has `control.tar.xz` where `data.tar` should be");
    insta::assert_snapshot!(
        with(DebFault::Magic(b"#!/bin/sh".to_vec())),
        @"it is damaged: it does not begin as a Debian package does");
    insta::assert_snapshot!(
        with(DebFault::Renamed("data.tar".to_owned(), "data.tar.lzma".to_owned())),
        @"the compression of its `data.tar.lzma` is not supported");
    insta::assert_snapshot!(
        with(DebFault::TruncatedAt(200)), @"its `control.tar.xz` cannot be read: the tar archive is damaged or cut off after 0 members: premature eof");
}

#[test]
fn damaged_compression_is_an_error() {
    for fault in [
        DebFault::CorruptData(40),
        DebFault::ShortData(8),
        DebFault::CorruptControl(30),
    ] {
        let text = fails(deb().fault(fault));
        assert!(text.contains("cannot be read"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_changes_never_panic(
        changes in proptest::collection::vec((0usize..4096, any::<u8>()), 1..12),
        plain: bool,
    ) {
        let compression = if plain { Compression::None } else { Compression::Xz };
        let mut bytes = deb().compression(compression).build();
        let length = bytes.len();
        for (index, byte) in changes {
            bytes[index % length] = byte;
        }
        let _ = unpack_bytes(&bytes);
    }
}
