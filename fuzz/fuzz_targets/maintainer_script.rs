//! What packages want done at installation: a maintainer script, and what they declare.

#![no_main]

use distil_maintscript::missing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for file in [
        "preinst",
        "postinst",
        "usr/lib/sysusers.d/x.conf",
        "usr/lib/tmpfiles.d/x.conf",
    ] {
        for what in missing(file, text) {
            assert!(!what.contains(['\u{1b}', '\0']), "{what:?}");
        }
    }
});
