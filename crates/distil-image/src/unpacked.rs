//! Packages of tests, unpacked as they come here.

use std::io::Write;
use std::num::NonZeroUsize;

use distil_debian::deb::{Expected, PackageFile, unpack};
use distil_fixture::DebBuilder;
use distil_store::Digest;

/// The contents of a package.
pub(crate) fn unpacked(deb: &DebBuilder) -> PackageFile {
    let bytes = deb.build();
    let expected = Expected {
        size: bytes.len() as u64,
        digest: Digest::of(&bytes),
    };
    let mut output = Vec::new();
    let threads = NonZeroUsize::MIN;
    unpack(bytes.as_slice(), expected, 1 << 20, threads, &mut output).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&output).unwrap();
    PackageFile::open(file, output.len() as u64).unwrap()
}
