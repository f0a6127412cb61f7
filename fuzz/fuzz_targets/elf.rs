//! The facts of an ELF file, the symbols that it exports, and what its functions return.

#![no_main]

use std::io::Cursor;

use distil_fuzz::explain;
use distil_tree::elf::{exports, is_elf, parse, returned_number};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let facts = match parse(Cursor::new(data)) {
        Ok(facts) => facts,
        Err(error) => return explain(&error),
    };
    assert!(is_elf(data), "only an ELF file has an ELF file's facts");
    let names = facts
        .needed
        .iter()
        .chain(&facts.interpreter)
        .chain(&facts.soname);
    for name in names.chain(&facts.rpath).chain(&facts.runpath) {
        assert!(!name.contains(&0), "a string ends at its NUL byte");
        assert!(name.len() <= data.len());
    }
    assert_eq!(parse(Cursor::new(data)).as_ref(), Ok(&facts));
    let exported = exports(Cursor::new(data));
    assert!(exported.iter().all(|name| !name.contains('\0')));
    let number = |name| returned_number(Cursor::new(data), name);
    if number("node_api_module_get_api_version_v1").is_some() {
        assert_eq!(number("no_such_function"), None);
    }
});
