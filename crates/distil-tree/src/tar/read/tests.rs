use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;

use proptest::prelude::*;
use tar::EntryType;

use super::*;
use crate::tar::{FileInput, MemberKind};

fn read(bytes: &[u8], limits: Limits) -> Result<Vec<(Member, Vec<u8>)>, ReadError> {
    let mut members = Vec::new();
    Reader::new(bytes, limits).for_each(|member, content| {
        let mut bytes = Vec::new();
        let source = content.read_to_end(&mut bytes);
        source.map_err(|source| ReadError::Damaged { members: 0, source })?;
        members.push((member, bytes));
        Ok::<(), ReadError>(())
    })?;
    Ok(members)
}

fn header(kind: EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(5);
    header
}

fn archive(members: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, name, bytes) in members {
        let mut header = header(*kind, bytes.len() as u64);
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn pax(record: &str) -> Vec<u8> {
    let mut length = record.len() + 3;
    length = record.len() + 2 + length.to_string().len();
    format!("{length} {record}\n").into_bytes()
}

#[test]
fn empty_numbers_are_zero_and_other_noise_is_refused() {
    let with = |fill: u8| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::Directory);
        header.set_size(0);
        let old = header.as_old_mut();
        old.name[0] = b'd';
        for field in [&mut old.mode, &mut old.uid, &mut old.gid] {
            field.fill(fill);
        }
        old.mtime.fill(fill);
        header.set_cksum();
        read(header.as_bytes(), Limits::default())
    };
    for empty in [0, b' '] {
        let (member, _) = with(empty).unwrap().remove(0);
        let numbers = (member.mode, member.uid, member.gid, member.mtime);
        assert_eq!(numbers, (0, 0, 0, 0));
    }
    let error = with(b'x').unwrap_err();
    assert_eq!(
        error.to_string(),
        "`d` in the tar archive has a damaged header"
    );
}

#[test]
fn files_with_their_content() {
    let bytes = archive(&[
        (EntryType::Regular, "a", b"hello"),
        (EntryType::Directory, "d/", b""),
    ]);
    let members = read(&bytes, Limits::default()).unwrap();
    assert_eq!(members[0].0.kind, MemberKind::File(5));
    assert_eq!(
        (members[0].0.path.as_slice(), members[0].0.mtime),
        (&b"a"[..], 5)
    );
    assert_eq!(members[0].1, b"hello");
    assert_eq!(members[1].0.kind, MemberKind::Directory);
}

#[test]
fn long_names_of_both_kinds() {
    let long = "x/".repeat(80) + "end";
    let gnu = archive(&[
        (
            EntryType::GNULongName,
            "././@LongLink",
            format!("{long}\0").as_bytes(),
        ),
        (EntryType::Regular, "short", b"1"),
    ]);
    let pax = archive(&[
        (EntryType::XHeader, "pax", &pax(&format!("path={long}"))),
        (EntryType::Regular, "short", b"1"),
    ]);
    for bytes in [gnu, pax] {
        assert_eq!(
            read(&bytes, Limits::default()).unwrap()[0].0.path,
            long.as_bytes()
        );
    }
}

#[test]
fn what_could_be_misread_is_refused() {
    let refused = |members: &[(EntryType, &str, &[u8])]| {
        read(&archive(members), Limits::default())
            .unwrap_err()
            .to_string()
    };
    let file = (EntryType::Regular, "f", &b"12"[..]);
    let size = pax("size=9");
    assert_eq!(
        refused(&[(EntryType::XHeader, "p", &size), file]),
        "`f` in the tar archive has two sizes"
    );
    let unknown = pax("GNU.sparse.major=1");
    assert!(refused(&[(EntryType::XHeader, "p", &unknown), file]).contains("GNU.sparse.major"));
    assert!(refused(&[(EntryType::GNUSparse, "s", b"")]).contains("sparse"));
    assert!(refused(&[(EntryType::Symlink, "s", b"")]).contains("no link target"));
    assert!(refused(&[(EntryType::Directory, "d", b"12")]).contains("has content"));
    assert!(refused(&[(EntryType::XHeader, "p", b"99 path=x\n")]).contains("damaged"));
    assert!(refused(&[(EntryType::XGlobalHeader, "p", &pax("path=x"))]).contains("`path`"));
    assert!(refused(&[(EntryType::new(b'Z'), "z", b"")]).contains("unknown type"));
}

#[test]
fn limits_hold() {
    let bytes = archive(&[
        (EntryType::Regular, "a", &[0; 4096]),
        (EntryType::Regular, "b", b""),
    ]);
    let limited = |limits| {
        let reader = Reader::new(&bytes[..], limits);
        let result: Result<(), ReadError> = reader.for_each(|_, _| Ok(()));
        result.unwrap_err().to_string()
    };
    let limits = Limits::default();
    assert!(
        limited(Limits {
            size: 2048,
            ..limits
        })
        .contains("more than 2048 bytes")
    );
    assert!(
        limited(Limits {
            members: 1,
            ..limits
        })
        .contains("more than 1 members")
    );
    let long = archive(&[(EntryType::GNULongName, "l", &[b'x'; 2000])]);
    let error = read(
        &long,
        Limits {
            extension: 1000,
            ..limits
        },
    )
    .unwrap_err();
    assert!(error.to_string().contains("one header"));
}

#[test]
fn names_have_a_limit_of_their_own() {
    let name = vec![b'x'; 60 << 10];
    let long = (EntryType::GNULongName, "l", name.as_slice());
    let members: Vec<_> = (0..2400)
        .map(|number| match number % 2 {
            0 => long,
            _ => (EntryType::Regular, "f", &b""[..]),
        })
        .collect();
    let error = read(&archive(&members), Limits::default()).unwrap_err();
    assert!(error.to_string().contains("bytes of names"), "{error}");
}

#[test]
fn a_cut_archive_is_an_error() {
    let bytes = archive(&[(EntryType::Regular, "a", &[1; 4096])]);
    assert!(matches!(
        read(&bytes[..1000], Limits::default()),
        Err(ReadError::Damaged { .. })
    ));
    let extension = archive(&[(EntryType::GNULongName, "l", b"name\0")]);
    assert!(matches!(
        read(&extension, Limits::default()),
        Err(ReadError::Damaged { .. })
    ));
}

/// All members as an archive that only holds files has them, with the offsets of their bytes.
fn positions(bytes: &[u8]) -> Result<Vec<(Member, u64)>, ReadError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    positions_in(&file)
}

fn positions_in(file: &File) -> Result<Vec<(Member, u64)>, ReadError> {
    let input = FileInput::new(file).unwrap();
    let mut walk = Walk::new(input, Limits::default(), Unknown::Skipped);
    let mut found = Vec::new();
    while let Some(member) = walk.next_member()? {
        found.push((member, walk.offset()));
    }
    Ok(found)
}

/// Go's `archive/tar`, which engines read with, keeps what the header has.
#[test]
fn a_record_without_a_value_takes_nothings_place() {
    let record = [pax("path="), pax("linkpath="), pax("uid="), pax("mtime=")].concat();
    for (kind, bytes) in [
        (EntryType::XHeader, record),
        (EntryType::GNULongName, b"\0".to_vec()),
    ] {
        let bytes = archive(&[(kind, "p", &bytes), (EntryType::Regular, "f", b"12")]);
        let member = &read(&bytes, Limits::default()).unwrap()[0].0;
        assert_eq!(
            (&member.path[..], member.uid, member.mtime),
            (&b"f"[..], 0, 5)
        );
        assert_eq!(&positions(&bytes).unwrap()[0].0, member);
    }
}

#[test]
fn what_comes_twice_is_refused() {
    let file = (EntryType::Regular, "f", &b"12"[..]);
    let twice = [pax("path=x"), pax("path=")].concat();
    let link = pax("linkpath=x");
    let path = pax("path=x");
    let name = (EntryType::GNULongName, "n", &b"long\0"[..]);
    for members in [
        vec![(EntryType::XHeader, "p", &twice[..]), file],
        vec![(EntryType::XHeader, "p", &path[..]), name, file],
        vec![name, (EntryType::XHeader, "p", &path[..]), file],
        vec![name, name, file],
    ] {
        let bytes = archive(&members);
        for error in [
            read(&bytes, Limits::default()).unwrap_err(),
            positions(&bytes).unwrap_err(),
        ] {
            assert!(error.to_string().contains("twice"), "{error}");
        }
    }
    let both = archive(&[name, (EntryType::XHeader, "p", &link), file]);
    assert_eq!(read(&both, Limits::default()).unwrap()[0].0.path, b"long");
}

#[test]
fn of_an_archive_that_holds_files_only_names_and_bytes_count() {
    let unknown = pax("SCHILY.dev=1");
    let global = pax("vendor=1");
    let bytes = archive(&[
        (EntryType::XGlobalHeader, "g", &global),
        (EntryType::XHeader, "p", &unknown),
        (EntryType::Regular, "a", b"1"),
        (EntryType::new(b'V'), "label", b"skipped"),
        (EntryType::Regular, "b", b"23"),
    ]);
    assert!(read(&bytes, Limits::default()).is_err());
    let found = positions(&bytes).unwrap();
    let seen: Vec<_> = found
        .iter()
        .map(|(member, offset)| (&member.path[..], usize::try_from(*offset).unwrap()))
        .collect();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        (seen[0].0, &bytes[seen[0].1..seen[0].1 + 1]),
        (&b"a"[..], &b"1"[..])
    );
    assert_eq!(
        (seen[1].0, &bytes[seen[1].1..seen[1].1 + 2]),
        (&b"b"[..], &b"23"[..])
    );
    // But not what others would misread.
    let sparse = pax("GNU.sparse.major=1");
    let path = pax("path=x");
    for (kind, bytes) in [
        (EntryType::XHeader, &sparse[..]),
        (EntryType::XGlobalHeader, &path[..]),
        (EntryType::GNUSparse, b""),
        (EntryType::Regular, b"content"),
    ] {
        let name = if kind == EntryType::Regular {
            "f/"
        } else {
            "f"
        };
        let bytes = archive(&[(kind, name, bytes), (EntryType::Regular, "f", b"12")]);
        positions(&bytes).unwrap_err();
        read(&bytes, Limits::default()).unwrap_err();
    }
}

#[test]
fn a_size_that_no_header_can_hold_is_that_of_the_record() {
    let file = tempfile::tempfile().unwrap();
    let size = (8_u64 << 30) + 1;
    let written = |size: u64| {
        let record = pax(&format!("size={size}"));
        let bytes = archive(&[
            (EntryType::XHeader, "p", &record),
            (EntryType::Regular, "f", b""),
        ]);
        bytes[..bytes.len() - 1024].to_vec()
    };
    let start = written(size);
    file.write_all_at(&start, 0).unwrap();
    let next = start.len() as u64 + size.next_multiple_of(512);
    file.write_all_at(&archive(&[(EntryType::Regular, "next", b"")]), next)
        .unwrap();
    let found = positions_in(&file).unwrap();
    assert_eq!(found[0].0.kind, MemberKind::File(size));
    assert_eq!(
        (found[0].1, &found[1].0.path[..]),
        (start.len() as u64, &b"next"[..])
    );
    // What a header could have held, and does not, is hidden from those who go by headers.
    let error = positions(&written(600)).unwrap_err();
    assert_eq!(error.to_string(), "`f` in the tar archive has two sizes");
}

#[test]
fn the_end_is_found_with_and_without_what_marks_it() {
    let bytes = archive(&[(EntryType::Regular, "a", b"12345")]);
    for length in [bytes.len(), 1536, 1024, 512 + 5] {
        assert_eq!(read(&bytes[..length], Limits::default()).unwrap().len(), 1);
        assert_eq!(positions(&bytes[..length]).unwrap().len(), 1);
    }
    for length in [512 + 4, 511, 1] {
        read(&bytes[..length], Limits::default()).unwrap_err();
        positions(&bytes[..length]).unwrap_err();
    }
    assert!(positions(b"").unwrap().is_empty());
    let goes_on = [&[0; 512][..], &bytes].concat();
    read(&goes_on, Limits::default()).unwrap_err();
    positions(&goes_on).unwrap_err();
    let mut flipped = bytes.clone();
    flipped[0] ^= 1;
    read(&flipped, Limits::default()).unwrap_err();
    positions(&flipped).unwrap_err();
}

proptest! {
    #[test]
    fn arbitrary_changes_never_panic(changes in proptest::collection::vec(
        (0usize..3072, any::<u8>()), 1..20)) {
        let record = pax("path=abc");
        let mut bytes = archive(&[
            (EntryType::XHeader, "p", &record),
            (EntryType::Regular, "a", b"hello"),
        ]);
        for (index, byte) in changes {
            if let Some(place) = bytes.get_mut(index) { *place = byte; }
        }
        let _ = read(&bytes, Limits { size: 1 << 20, ..Limits::default() });
        let _ = positions(&bytes);
    }
}
