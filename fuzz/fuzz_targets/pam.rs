//! A profile of PAM that a package brings, and the template that it is put into.

#![no_main]

use distil_fuzz::installed::pam;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| pam(text));
