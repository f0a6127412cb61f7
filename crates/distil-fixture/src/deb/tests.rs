use std::io::Read;

use super::DebBuilder;
use crate::ar::DebFault;
use crate::compression::Compression;
use crate::tarball::{Entry, EntryKind};

/// Name, size field and body of each member of an `ar`, as far as they can be read.
fn members(deb: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut rest = deb.strip_prefix(b"!<arch>\n").unwrap();
    let mut members = Vec::new();
    while rest.len() >= 60 {
        let (header, body) = rest.split_at(60);
        assert_eq!(&header[58..], b"`\n");
        let name = std::str::from_utf8(&header[..16]).unwrap().trim_end();
        let size = std::str::from_utf8(&header[48..58]).unwrap().trim_end();
        let size: usize = size.parse().unwrap();
        members.push((name.to_owned(), body[..size].to_vec()));
        rest = body.get(size + size % 2..).unwrap_or_default();
    }
    members
}

fn names(deb: &[u8]) -> Vec<String> {
    members(deb).into_iter().map(|(name, _)| name).collect()
}

/// Path, mode and content of each entry of `data.tar`, which must not be compressed.
fn entries(deb: &DebBuilder) -> Vec<(String, u32, Vec<u8>)> {
    let deb = deb.clone().data_compression(Compression::None).build();
    let (_, data) = members(&deb)
        .into_iter()
        .find(|(name, _)| name == "data.tar")
        .unwrap();
    tar::Archive::new(&data[..])
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mode = entry.header().mode().unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (path, mode, content)
        })
        .collect()
}

fn hello() -> DebBuilder {
    DebBuilder::new("hello", "1:2.10-3", "amd64")
        .depends("libc6 (>= 2.34)")
        .executable("/usr/bin/hello", "#!")
        .conffile("/etc/hello.conf", "a=1\n")
        .hard_link("/usr/bin/hi", "/usr/bin/hello")
        .symlink("/usr/bin/hey", "hello")
}

#[test]
fn a_sound_package_has_three_members_and_its_directories() {
    assert_eq!(hello().file_name(), "hello_2.10-3_amd64.deb");
    assert_eq!(
        names(&hello().build()),
        ["debian-binary", "control.tar.xz", "data.tar.xz"]
    );
    let entries = entries(&hello());
    let listed: Vec<(&str, u32)> = entries
        .iter()
        .map(|(path, mode, _)| (path.as_str(), *mode))
        .collect();
    assert_eq!(
        listed,
        [
            ("./", 0o755),
            ("./usr/", 0o755),
            ("./usr/bin/", 0o755),
            ("./usr/bin/hello", 0o755),
            ("./etc/", 0o755),
            ("./etc/hello.conf", 0o644),
            ("./usr/bin/hi", 0o755),
            ("./usr/bin/hey", 0o777),
        ]
    );
    assert_eq!(hello().build(), hello().build());
}

#[test]
fn control_says_what_the_fields_say_and_md5sums_leave_conffiles_out() {
    let deb = hello().control_compression(Compression::None).build();
    let (_, control) = members(&deb).swap_remove(1);
    let text = |wanted: &str| {
        let mut archive = tar::Archive::new(&control[..]);
        let mut entry = archive
            .entries()
            .unwrap()
            .map(Result::unwrap)
            .find(|entry| *entry.path_bytes() == *format!("./{wanted}").as_bytes())
            .unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        text
    };
    assert!(text("control").contains("\nDepends: libc6 (>= 2.34)\n"));
    assert_eq!(text("conffiles"), "/etc/hello.conf\n");
    let sums = text("md5sums");
    assert!(sums.ends_with("  usr/bin/hello\n"), "{sums}");
    assert_eq!(sums.lines().count(), 1, "{sums}");
}

#[test]
fn names_beyond_a_header_come_back_whole() {
    let long = format!("/usr/share/{}/file", "x".repeat(150));
    let target = "y".repeat(180);
    for entry in [
        Entry::symlink(&long, &target),
        Entry::symlink(&long, &target).pax_long_names(),
    ] {
        let tar = crate::tar(&[entry], 0);
        let mut archive = tar::Archive::new(&tar[..]);
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path_bytes(), format!(".{long}").as_bytes());
        assert_eq!(entry.link_name_bytes().unwrap(), target.as_bytes());
    }
}

#[test]
fn unusual_entries_are_what_they_claim_to_be() {
    let sparse = EntryKind::Sparse(4096, vec![(0, vec![1; 512]), (2048, vec![2; 512])]);
    let tar = crate::tar(
        &[
            Entry::verbatim("./sparse", sparse),
            Entry::verbatim("./fifo", EntryKind::Fifo),
            Entry::verbatim("./tty", EntryKind::CharacterDevice(5, 0)),
            Entry::verbatim(b"./\xff", EntryKind::File(vec![7])).mode(0o4755),
            Entry::verbatim("../out", EntryKind::HardLink(b"../../etc/shadow".to_vec())),
            Entry::file("/x", "")
                .pax("VENDOR.key", "value")
                .owner(1 << 40, 5),
        ],
        9,
    );
    let mut archive = tar::Archive::new(&tar[..]);
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut sparse = entries.next().unwrap();
    let mut content = Vec::new();
    sparse.read_to_end(&mut content).unwrap();
    assert_eq!(content.len(), 4096);
    assert_eq!((content[0], content[600], content[2048]), (1, 0, 2));
    assert!(entries.next().unwrap().header().entry_type().is_fifo());
    let tty = entries.next().unwrap();
    assert_eq!(tty.header().device_major().unwrap(), Some(5));
    let strange = entries.next().unwrap();
    assert_eq!(*strange.path_bytes(), *b"./\xff");
    assert_eq!(strange.header().mode().unwrap(), 0o4755);
    assert_eq!(*entries.next().unwrap().path_bytes(), *b"../out");
    let mut last = entries.next().unwrap();
    assert_eq!(last.header().uid().unwrap(), 1 << 40);
    let mut records = last.pax_extensions().unwrap().unwrap();
    let record = records.next().unwrap().unwrap();
    assert_eq!(record.key().unwrap(), "VENDOR.key");
    assert_eq!(record.value().unwrap(), "value");
}

#[test]
fn a_broken_checksum_is_noticed() {
    let tar = crate::tar(&[Entry::file("/x", "").broken_checksum()], 0);
    assert!(
        tar::Archive::new(&tar[..])
            .entries()
            .unwrap()
            .next()
            .unwrap()
            .is_err()
    );
}

#[test]
fn faults_change_the_members() {
    let sound = hello().build();
    let with = |fault| hello().fault(fault).build();
    assert_eq!(with(DebFault::TruncatedAt(100)), sound[..100]);
    assert_eq!(
        names(&with(DebFault::DataBeforeControl))[1..],
        ["data.tar.xz", "control.tar.xz"]
    );
    assert_eq!(
        names(&with(DebFault::DuplicateData))[2..],
        ["data.tar.xz", "data.tar.xz"]
    );
    assert_eq!(names(&with(DebFault::NoFormatVersion))[0], "control.tar.xz");
    assert_eq!(names(&with(DebFault::NoData)).len(), 2);
    assert_eq!(
        members(&with(DebFault::FormatVersion(b"3.0\n".to_vec())))[0].1,
        b"3.0\n"
    );
    assert!(with(DebFault::TrailingGarbage(b"junk".to_vec())).ends_with(b"junk"));
    assert_eq!(
        names(&with(DebFault::MemberBeforeData("_gpg".into(), vec![1])))[2],
        "_gpg"
    );
    for fault in [
        DebFault::CorruptData(-40),
        DebFault::CorruptControl(10),
        DebFault::ShortData(8),
        DebFault::DataTail(vec![0]),
        DebFault::SizeField("data".into(), "99999999".into()),
        DebFault::HeaderEnd("control".into()),
        DebFault::Renamed("data".into(), "data.tar.bz2".into()),
        DebFault::Magic(b"!<arch>X".to_vec()),
    ] {
        assert_ne!(with(fault.clone()), sound, "{fault:?}");
    }
}

#[test]
fn a_bomb_is_small_until_it_is_unpacked() {
    let deb = DebBuilder::new("bomb", "1", "all")
        .bomb("/bomb", 64 << 20)
        .data_compression(Compression::Zstd)
        .build();
    assert!(deb.len() < 64 << 10, "{} bytes", deb.len());
}
