//! A lock: only what would be written is read.

#![no_main]

use distil_fuzz::explain;
use distil_lock::file::LockFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match LockFile::read(text, "fuzz.lock") {
    Ok(lock) => {
        assert_eq!(lock.to_text(), text.replace("\r\n", "\n"));
        for one in lock.platforms.iter().flat_map(|one| &one.packages) {
            let mut parts = one.path.split('/');
            assert!(
                !parts.any(|part| matches!(part, "" | "." | "..")),
                "{}",
                one.path
            );
        }
    }
    Err(error) => explain(&error),
});
