//! Layers on top of one another, and what rules find in them: up to three tar archives in one input.

#![no_main]

use distil_fuzz::{check, mutate_archive};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_archive(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| check::layers(data));
