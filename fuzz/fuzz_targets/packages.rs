//! A `Packages` index: as it comes, and condensed, which changes no package.

#![no_main]

use std::num::NonZeroUsize;

use distil_debian::index::{Condensed, IndexError, PackageIndex, Pocket, Table, Text, condense};
use distil_fuzz::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let plain = index(data.to_vec());
    let mut written = Vec::new();
    let table = match condense(data, "amd64", NonZeroUsize::MIN, &mut written) {
        Ok(table) => table,
        Err(error) => return explain(&error),
    };
    assert_eq!(
        Table::from_bytes(table.as_bytes().to_vec()).as_ref(),
        Some(&table)
    );
    let mut again = Vec::new();
    condense(&written[..], "amd64", NonZeroUsize::MIN, &mut again)
        .expect("a condensed index is one");
    assert_eq!(again, written, "condensing twice is condensing once");
    let index = opened(table, written);
    // Comments are what condensing takes away without a look; one that stands alone between empty
    // lines spoils the plain index.
    let has_comment = data
        .split(|&byte| byte == b'\n')
        .any(|line| line.starts_with(b"#"));
    let plain = match plain {
        Err(error) if has_comment => return explain(&error),
        plain => plain.expect("an index that can be condensed can be added"),
    };
    assert_eq!(plain.package_names(), index.package_names());
    assert_eq!(plain.virtual_names(), index.virtual_names());
    for name in index.package_names() {
        // What is left out may have been malformed.
        let Ok(mut before) = plain.candidates(name) else {
            continue;
        };
        let packages = index.candidates(name).expect("it is in the plain index");
        for package in &mut before {
            // Condensing writes a field on one line, and this one's value is not looked at.
            package.section = package.section.replace('\n', "");
        }
        assert_eq!(before, packages);
        assert!(packages.iter().all(|package| package.name == name));
        assert!(!packages.is_empty());
    }
    for name in index.virtual_names() {
        assert_eq!(index.providers(name), plain.providers(name));
    }
    let _ = index.nearest("libfuzz1", 3);
});

/// What was condensed, twice, as [`index`] does it.
fn opened(table: Table, text: Vec<u8>) -> PackageIndex {
    let condensed = Condensed::new(table, Text::from(text)).expect("the text is the table's");
    let mut index = PackageIndex::new("amd64");
    for (name, priority) in [("trixie", 500), ("trixie-backports", 100)] {
        let name = name.to_owned();
        let added = index.add_condensed(condensed.clone(), Pocket { name, priority });
        added.expect("there is room for two");
    }
    index
}

fn index(text: Vec<u8>) -> Result<PackageIndex, IndexError> {
    let mut index = PackageIndex::new("amd64");
    for (name, priority) in [("trixie", 500), ("trixie-backports", 100)] {
        index.add(
            text.clone(),
            Pocket {
                name: name.to_owned(),
                priority,
            },
        )?;
    }
    Ok(index)
}
