//! What the fuzz targets share: mutations that leave checksums right, a clock that stands still,
//! and files for the parsers that read no bytes but files.

mod archives;
pub mod check;
pub mod engines;
mod files;
pub mod headers;
pub mod image;
pub mod installed;

pub use archives::{ar_member, mutate_archive};
pub use files::{file, folder};

use std::error::Error;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When signatures and Release files are judged: 1 March 2026. Fixed, so that an input gives the
/// same in every run.
pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_772_323_200)
}

/// The text that `make-seeds` signs, and the only one that the fuzzer has a signature for.
pub const SIGNED_TEXT: &str = include_str!("../seeds/signed-text");

/// Writes an error and its causes out, as the command would: messages are code, too. They are
/// printed where `DISTIL_FUZZ_VERBOSE` is set, to see why an input is refused.
pub fn explain(error: &dyn Error) {
    static VERBOSE: LazyLock<bool> =
        LazyLock::new(|| std::env::var_os("DISTIL_FUZZ_VERBOSE").is_some());
    let mut next = Some(error);
    while let Some(error) = next {
        let message = error.to_string();
        assert!(!message.is_empty(), "an error without a message: {error:?}");
        if *VERBOSE {
            eprintln!("refused: {message}");
        }
        next = error.source();
    }
}
