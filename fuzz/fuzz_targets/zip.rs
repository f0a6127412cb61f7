//! Zip archives, as jars and wheels are: their lists, and the beginnings of their entries.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| distil_fuzz::check::zip(data));
