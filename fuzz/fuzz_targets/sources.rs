//! This machine's apt sources, in both formats. Read from a directory, the only way there is.

#![no_main]

use std::fs;

use distil_debian::distribution::DEBIAN;
use distil_debian::sources::{SignedBy, Source, Sources, own_mirrors};
use distil_fuzz::folder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: fs::create_dir_all(folder().join("sources.list.d")).expect("a temporary directory"),
    |data: &[u8]| {
        fs::write(folder().join("sources.list"), data).expect("room for a temporary file");
        fs::write(folder().join("sources.list.d/a.sources"), data).expect("room for another");
        let Sources { sources, warnings } = Sources::read(folder());
        for warning in warnings {
            assert!(!warning.to_string().is_empty());
        }
        // A keyring that is named by its path would be looked for on this machine.
        let names_no_file = |source: &Source| {
            !source.signed_by.iter().any(|signed_by| matches!(signed_by, SignedBy::File(_)))
        };
        let sources: Vec<Source> = sources.into_iter().filter(names_no_file).collect();
        let mirrors = own_mirrors(&sources, &DEBIAN);
        for uri in mirrors.main.iter().chain(&mirrors.security) {
            assert!(sources.iter().any(|source| source.uris.iter().any(|one| one.starts_with(uri))));
        }
    }
);
