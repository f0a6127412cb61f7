//! What a pocket may provide, where that is not everything.

use std::collections::BTreeSet;

use distil_tree::Patterns;

/// What a pocket may provide, and how much its packages are preferred.
#[derive(Debug, Clone)]
pub enum PocketRule {
    /// Nothing, for now.
    Nothing,
    /// Packages of names that no pocket without a rule has, and those that are asked for by name.
    /// It never replaces what a dependency takes from elsewhere.
    Additions {
        /// The names that are asked for.
        asked: BTreeSet<String>,
        /// The priority; that of the pocket if there is none.
        priority: Option<i32>,
    },
    /// Packages whose names match patterns, wherever else they are.
    Named {
        /// The patterns, each with a slash before it.
        patterns: Patterns,
        /// The priority; that of the pocket if there is none.
        priority: Option<i32>,
    },
    /// Some packages before those of all other pockets, and all others only where nothing else
    /// does: as apt treats backports, of which some are asked for.
    Backports {
        /// The names of the former.
        preferred: BTreeSet<String>,
    },
}

/// The priority of what is asked for from backports.
const ASKED: i32 = 990;

/// That of everything else there: as apt's for a suite that is `NotAutomatic` and
/// `ButAutomaticUpgrades` (apt_preferences(5)).
const NOT_AUTOMATIC: i32 = 100;

impl PocketRule {
    /// Whether packages of a name may be provided; `is_elsewhere` says whether a pocket without a
    /// rule has some.
    pub(super) fn admits(&self, name: &str, is_elsewhere: impl FnOnce() -> bool) -> bool {
        match self {
            Self::Nothing => false,
            Self::Additions { asked, .. } => asked.contains(name) || !is_elsewhere(),
            Self::Named { patterns, .. } => patterns.any(&format!("/{name}")),
            Self::Backports { .. } => true,
        }
    }

    /// The priority of the packages of a name, in a pocket of priority `usual`.
    pub(super) fn priority(&self, name: &str, usual: i32) -> i32 {
        match self {
            Self::Nothing => usual,
            Self::Additions { priority, .. } | Self::Named { priority, .. } => {
                priority.unwrap_or(usual)
            }
            Self::Backports { preferred } if preferred.contains(name) => ASKED,
            Self::Backports { .. } => NOT_AUTOMATIC,
        }
    }
}
