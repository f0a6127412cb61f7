//! A code object of Python's, as an interpreter answers it.

#![no_main]

use distil_bytecode::canonical;
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match canonical(bytes) {
        Ok(form) => {
            assert_eq!(canonical(&form).as_ref(), Ok(&form), "it is not its own form");
            // A reference has five bytes, and stands for two at least.
            assert!(form.len() <= 3 * bytes.len(), "it grows");
        }
        Err(error) => explain(&error),
    }
});
