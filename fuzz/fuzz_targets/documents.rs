//! Documents that rules read: `WHEEL` with its tags, `pyvenv.cfg`, `package.json`, the loader's cache,
//! certificates, key stores, accounts; and the words of a configuration.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| distil_fuzz::check::documents(data));
