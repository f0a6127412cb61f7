//! Zip archives, as jars and wheels are: their lists, and the beginnings of their entries.

#![no_main]

use std::io::Cursor;

use distil_check::ZipArchive;
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

const LIMIT: u64 = 1 << 10;

fuzz_target!(|data: &[u8]| {
    let mut archive = match ZipArchive::new(Cursor::new(data)) {
        Ok(archive) => archive,
        Err(error) => return explain(&error),
    };
    for entry in archive.entries().to_vec() {
        match archive.head(&entry, LIMIT) {
            Ok(bytes) => assert!(bytes.len() as u64 <= LIMIT, "more bytes than the limit"),
            Err(error) => explain(&error),
        }
        if let Err(error) = archive.stored(&entry) {
            explain(&error);
        }
    }
});
