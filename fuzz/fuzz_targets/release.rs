//! A Release file. The paths in it become parts of URLs and of the store.

#![no_main]

use std::time::UNIX_EPOCH;

use distil_debian::release::Release;
use distil_fuzz::{explain, now};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let release = match Release::parse(text) {
        Ok(release) => release,
        Err(error) => return explain(&error),
    };
    for (path, entry) in &release.files {
        assert_eq!(release.file(path), Some(entry));
        assert!(!path.starts_with('/') && path.split('/').all(|part| part != ".."));
    }
    for time in [UNIX_EPOCH, now()] {
        if let Err(error) = release.check_fresh(time) {
            explain(&error);
        }
    }
    for suite in ["trixie", "trixie/updates", release.name()] {
        if let Err(error) = release.check_identity(suite) {
            explain(&error);
        }
    }
});
