//! The health probe that distil puts into images that have no program to write one in: which bytes it
//! has, where it goes, and the command that an engine runs.
//!
//! The program itself is `probe.c` beside this file; README.md says how it is made.

mod address;
mod check;

pub use address::{Address, AddressError};
pub use check::{Check, InvalidStatus, Status};

/// The path of the probe in an image.
pub const PATH: &str = "/usr/libexec/distil-probe";

/// The name that bills of materials have for it.
pub const NAME: &str = "distil-probe";

/// The version of what it does: raised when it does something else.
pub const VERSION: &str = "1";

/// The probe for an architecture, by Debian's name of that; none if there is none for it.
pub fn program(architecture: &str) -> Option<&'static [u8]> {
    let program: &[u8] = match architecture {
        "amd64" => include_bytes!("../programs/distil-probe-amd64"),
        "arm64" => include_bytes!("../programs/distil-probe-arm64"),
        "armhf" => include_bytes!("../programs/distil-probe-armhf"),
        "ppc64el" => include_bytes!("../programs/distil-probe-ppc64el"),
        "riscv64" => include_bytes!("../programs/distil-probe-riscv64"),
        "s390x" => include_bytes!("../programs/distil-probe-s390x"),
        _ => return None,
    };
    Some(program)
}
