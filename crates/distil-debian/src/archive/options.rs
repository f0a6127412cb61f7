//! Which archive is opened, and how strictly.

use std::time::{Duration, SystemTime};

use crate::suite::Suite;

use super::keys::Keys;
use super::mirrors::Mirrors;

/// Which archive, and how strictly.
#[derive(Debug, Clone)]
pub struct ArchiveOptions {
    /// The release of Debian.
    pub suite: Suite,
    /// Debian's name of the architecture, such as `amd64`.
    pub architecture: String,
    /// Where to look.
    pub mirrors: Mirrors,
    /// Whose signatures count.
    pub keys: Keys,
    /// Whether a Release is taken though its `Valid-Until` has passed.
    pub allow_expired: bool,
    /// How long a Release is taken as it is before a mirror is asked whether there is a newer.
    pub freshness: Duration,
    /// The time now.
    pub now: SystemTime,
}
