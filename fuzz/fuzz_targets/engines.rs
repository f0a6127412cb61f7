//! Layers on top of one another, compared with small models of engines.

#![no_main]

use distil_fuzz::engines;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| engines::compare(&engines::layers(data)));
