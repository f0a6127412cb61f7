use super::*;
use proptest::prelude::*;

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
    }
}
