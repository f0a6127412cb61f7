//! Up to three versions, one a line, and the laws of their order.

#![no_main]

use std::cmp::Ordering;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use distil_debian::version::Version;
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut versions: Vec<Version> = Vec::new();
    for text in text.split('\n').take(3) {
        match text.parse::<Version>() {
            Ok(version) => {
                assert_eq!(version.to_string(), text);
                let revision = version
                    .revision()
                    .map_or(String::new(), |text| format!("-{text}"));
                let tail = format!("{}{revision}", version.upstream());
                assert!(text == tail || text.ends_with(&format!(":{tail}")));
                versions.push(version);
            }
            Err(error) => explain(&error),
        }
    }
    for left in &versions {
        assert_eq!(left.cmp(left), Ordering::Equal);
        for right in &versions {
            assert_eq!(left.cmp(right), right.cmp(left).reverse());
            assert_eq!(left == right, left.cmp(right).is_eq());
            if left == right {
                assert_eq!(hash(left), hash(right), "{left} = {right}");
            }
            for third in &versions {
                assert!(left > right || right > third || left <= third);
            }
        }
    }
});

fn hash(version: &Version) -> u64 {
    let mut hasher = DefaultHasher::new();
    version.hash(&mut hasher);
    hasher.finish()
}
