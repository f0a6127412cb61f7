//! An archive of images: a tar file with an OCI layout, with what `docker save` writes, or with
//! both. See `image_documents` for what is behind the digests.

#![no_main]

use distil_fuzz::{image, mutate_archive};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| image::open(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_archive(data, size, max_size, seed)
});
