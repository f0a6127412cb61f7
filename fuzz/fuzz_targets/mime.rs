//! A description of types of files.

#![no_main]

use distil_fuzz::installed::mime;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| mime(text));
