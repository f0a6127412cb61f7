//! An index of contents: what is kept of it comes back, and names nothing that is not a package.

#![no_main]

use distil_debian::contents::LibraryIndex;
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // What is kept is read from the store, where it may be damaged.
    if let Err(error) = LibraryIndex::from_bytes(data) {
        explain(&error);
    }
    let index = match LibraryIndex::read(data) {
        Ok(index) => index,
        Err(error) => return explain(&error),
    };
    let kept = index.to_bytes();
    let again = LibraryIndex::from_bytes(&kept).expect("what was kept can be read");
    assert_eq!(again, index);
    for line in kept.split(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(line).expect("names are ASCII");
        let Some((name, packages)) = line.split_once(' ') else {
            assert!(line.is_empty(), "{line:?}");
            continue;
        };
        assert!(name.contains(".so") && !name.contains('/'), "{name:?}");
        let listed: Vec<&str> = index.packages_of(name).collect();
        assert_eq!(listed.join(" "), packages);
    }
});
