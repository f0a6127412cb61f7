//! The changelog of a package, compressed or not, of which an update tells the entries.

#![no_main]

use distil_debian::changelog::between;
use distil_debian::version::Version;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let version = |text: &str| text.parse::<Version>().ok();
    let (Some(old), Some(new)) = (version("1.0-1"), version("3.0-1")) else {
        return;
    };
    let entries = between(file, &old, &new);
    for entry in &entries {
        assert!(entry.version > old && entry.version <= new, "{entry:?}");
        let cves = entry.cves();
        assert!(cves.is_sorted_by(|a, b| a < b), "{cves:?}");
        for cve in cves {
            assert!(entry.text.contains(&cve), "{cve}");
        }
    }
    assert!(between(file, &new, &old).is_empty());
});
