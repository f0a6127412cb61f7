//! Which archive is opened, and how strictly.

use std::time::{Duration, SystemTime};

use crate::distribution::Area;
use crate::suite::Suite;

use super::keys::Keys;
use super::mirrors::Mirrors;
use super::moment::Moment;
use super::pocket::{PocketOptions, PocketPlace};

/// Which archive, and how strictly.
#[derive(Debug, Clone)]
pub struct ArchiveOptions {
    /// The release.
    pub suite: Suite,
    /// Debian's name of the architecture, such as `amd64`.
    pub architecture: String,
    /// Where to look.
    pub mirrors: Mirrors,
    /// Whose signatures count.
    pub keys: Keys,
    /// The distribution's components that are read beside those that images are made from.
    pub components: Vec<String>,
    /// Whether the suite of backports is read, too.
    pub backports: bool,
    /// The moment whose state of the distribution's archive is opened; the state of now if there is none.
    pub snapshot: Option<Moment>,
    /// Suites of other archives.
    pub others: Vec<PocketOptions>,
    /// Whether a Release is taken though its `Valid-Until` has passed.
    pub allow_expired: bool,
    /// How long a Release is taken as it is before a mirror is asked whether there is a newer.
    pub freshness: Duration,
    /// The time now.
    pub now: SystemTime,
}

impl ArchiveOptions {
    /// The moment at which a Release of a suite has to be valid.
    pub(super) fn moment(&self, pocket: &PocketOptions) -> SystemTime {
        let snapshot = self.snapshot.filter(|_| pocket.is_own);
        snapshot.map_or(self.now, Moment::time)
    }

    /// All suites that packages come from: those of the release, its backports, and those of other
    /// archives.
    pub fn pockets(&self) -> Vec<PocketOptions> {
        let mut names = self.suite.pockets();
        if self.backports {
            names.push((self.suite.backports(), Area::Main));
        }
        let usual = self.suite.distribution.components.iter();
        let usual = usual.map(|component| (*component).to_owned());
        let components: Vec<String> = usual.chain(self.components.iter().cloned()).collect();
        let own = names.into_iter().map(|(name, area)| PocketOptions {
            place: PocketPlace::Suite(name.clone()),
            name,
            components: components.clone(),
            mirrors: self.mirrors.of(area),
            keys: self.keys.clone(),
            check_valid_until: true,
            is_own: true,
        });
        own.chain(self.others.iter().cloned()).collect()
    }
}
