//! A layer's bytes, of any compression.

#![no_main]

use std::io::Read;

use distil_fuzz::explain;
use distil_oci::decompress;
use libfuzzer_sys::fuzz_target;

const LIMIT: u64 = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let reader = match decompress(data, LIMIT) {
        Ok(reader) => reader,
        Err(error) => return explain(&error),
    };
    let mut bytes = Vec::new();
    match reader.take(2 * LIMIT).read_to_end(&mut bytes) {
        Ok(count) => assert!(count as u64 <= LIMIT, "more bytes than the limit"),
        Err(error) => explain(&error),
    }
});
