//! The copyright file of a package, of which the names of its licences are taken.

#![no_main]

use distil_debian::copyright::licences;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let names = licences(file);
    let text = String::from_utf8_lossy(file);
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    for name in &names {
        assert!(
            !name.is_empty() && !name.contains(char::is_whitespace),
            "{name:?}"
        );
        assert!(text.contains(name.as_str()), "{name:?}");
    }
    // It is read line by line: what is said twice is said once.
    assert_eq!(licences(&[file, b"\n", file].concat()), names);
});
