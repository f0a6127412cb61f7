//! An archive of any kind, unpacked into a bundle as it may be in an image: what comes out can be
//! opened, and no entry lies outside or behind a link.

#![no_main]

use std::collections::BTreeMap;
use std::io::{Seek, Write};

use distil_bundle::{ArchiveFormat, BundleFile, EntryKind, Limits, unpack};
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

fn file(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("a file can be written");
    file.rewind().expect("a file has a beginning");
    file
}

fuzz_target!(|data: &[u8]| {
    let format = match data.starts_with(b"PK") {
        true => ArchiveFormat::Zip,
        false => ArchiveFormat::Tar,
    };
    let written = match unpack(file(data), format, Limits { size: 1 << 20 }, Vec::new()) {
        Ok(written) => written,
        Err(error) => return explain(&error),
    };
    let bundle = BundleFile::open(file(&written), written.len() as u64).expect("what was written");
    let mut kinds = BTreeMap::new();
    for entry in bundle.entries() {
        assert!(entry.path.split('/').all(|part| !matches!(part, "" | "." | "..")));
        assert!(kinds.insert(entry.path.clone(), &entry.kind).is_none());
        if let Some((content, _)) = bundle.content(entry) {
            content.read(1 << 21).expect("the bytes are there");
        }
    }
    for path in kinds.keys() {
        if let Some((parent, _)) = path.rsplit_once('/') {
            assert_eq!(kinds.get(parent), Some(&&EntryKind::Directory));
        }
    }
});
