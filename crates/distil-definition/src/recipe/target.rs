//! Which image of a definition is to be made.

use std::time::SystemTime;

use distil_debian::suite::Suite;

use super::variant::Variant;
use crate::architecture::Architecture;

/// Which image of a definition.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its variant.
    pub variant: Variant,
    /// The release of Debian.
    pub suite: Suite,
    /// The architecture.
    pub architecture: Architecture,
    /// When certificates that definitions bring have to be valid.
    pub now: SystemTime,
}
