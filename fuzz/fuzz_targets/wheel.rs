//! Python's wheels.

#![no_main]

use std::io::{Cursor, Read};

use distil_app::FileSink;
use distil_app::python::wheel::{Scheme, Wheel};
use distil_fuzz::explain;
use distil_tree::TreePath;
use libfuzzer_sys::fuzz_target;

struct Sizes;

impl FileSink for Sizes {
    fn file(
        &mut self,
        path: &TreePath,
        _: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> std::io::Result<()> {
        assert!(path.parts().all(|part| part != b".." && part != b"."));
        assert_eq!(std::io::copy(content, &mut std::io::sink())?, size);
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut wheel = match Wheel::open(Cursor::new(bytes), "shop-1.0-py3-none-any.whl") {
        Ok(wheel) => wheel,
        Err(error) => return explain(&error),
    };
    let scheme = Scheme {
        interpreter: "/usr/bin/python3".to_owned(),
        is_requested: true,
    };
    if let Err(error) = wheel.install(&scheme, &mut Sizes) {
        explain(&error);
    }
});
