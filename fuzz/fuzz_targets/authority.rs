//! A file of certificates that a definition brings.

#![no_main]

use std::time::SystemTime;

use distil_definition::authorities;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pem: &[u8]| {
    match authorities(pem, SystemTime::UNIX_EPOCH) {
        Ok(found) => assert!(!found.is_empty()),
        Err(problem) => assert!(!problem.contains(['\u{1b}', '\0']), "{problem:?}"),
    }
});
