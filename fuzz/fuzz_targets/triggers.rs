//! What a package watches.

#![no_main]

use distil_fuzz::installed::triggers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| triggers(text));
