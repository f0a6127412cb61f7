//! The copyright file of a package, of which the licences are taken.

#![no_main]

use distil_debian::copyright::{Expression, expressions, licences};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let names = licences(file);
    let text = String::from_utf8_lossy(file).to_lowercase();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    for name in &names {
        assert!(!name.is_empty(), "{names:?}");
        for word in name.split_whitespace() {
            assert!(text.contains(&word.to_lowercase()), "{name:?}");
        }
    }
    for expression in expressions(file) {
        let again = Expression::parse(&expression.to_string());
        assert_eq!(again.spdx(), expression.spdx());
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.+ ()".contains(c);
        assert!(expression.spdx().chars().all(plain), "{expression:?}");
    }
    // It is read line by line: what is said twice is said once.
    assert_eq!(licences(&[file, b"\n", file].concat()), names);
});
