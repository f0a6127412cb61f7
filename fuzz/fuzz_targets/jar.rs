//! Jars: what they need beside them, their classes, and the parts of Spring Boot applications.

#![no_main]

use std::io::{Cursor, sink};

use distil_app::java::{Jar, SpringBoot};
use distil_fuzz::explain;
use distil_tree::TreePath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut jar = match Jar::open(Cursor::new(bytes)) {
        Ok(jar) => jar,
        Err(error) => return explain(&error),
    };
    if let Err(error) = jar.check() {
        explain(&error);
    }
    for entry in jar.class_path(&TreePath::of("lib")).unwrap_or_default() {
        assert!(entry.path.parts().all(|part| part != b".." && part != b"."));
    }
    if let Err(error) = jar.classes(21, "") {
        explain(&error);
    }
    if let Ok(Some(coordinates)) = jar.coordinates() {
        assert!(!coordinates.group.contains(['/', '@', '?']));
    }
    let boot = match SpringBoot::of(&mut jar) {
        Ok(Some(boot)) => boot,
        Ok(None) => return,
        Err(error) => return explain(&error),
    };
    for library in boot.layers.iter().flat_map(|layer| &layer.libraries) {
        assert!(library.path.is_within(&TreePath::of("lib")));
        if let Err(error) = library.write(&mut jar, &mut sink()) {
            explain(&error);
        }
    }
    match boot.write_application(&mut jar, Vec::new()) {
        Ok(written) => {
            let written = Jar::open(Cursor::new(written)).expect("what is written is a jar");
            let manifest = written.manifest().expect("it has a manifest");
            assert_eq!(manifest.get("Main-Class"), Some(boot.start_class.as_str()));
        }
        Err(error) => explain(&error),
    }
});
