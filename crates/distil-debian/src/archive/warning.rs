//! What is odd about a Release that is trusted all the same.
//!
//! A signature proves who made a Release, not that it is the newest: who can answer in a mirror's
//! place can offer an old one, with packages whose faults are known since. Where it has a
//! `Valid-Until`, that ends this after some days; the main suites of a released Debian have none.
//! So the store remembers how new a Release was that it has seen.

use distil_store::{Key, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::options::ArchiveOptions;
use super::pocket::PocketOptions;
use crate::date;
use crate::release::Release;

/// How far a Release's time may be ahead of this machine's, in seconds: clocks differ.
const AHEAD: i64 = 24 * 3600;

/// The largest [`Seen`].
const MAX_SEEN: u64 = 1 << 10;

/// Something that a user should know of the Release of a suite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseWarning {
    /// It is older than one that was used before.
    #[error(
        "the Release of `{pocket}` is dated {}, and one of {} was used before: the mirror is out of \
         date, or something keeps newer files away",
        date::format(*.date), date::format(*.newest)
    )]
    Older {
        /// The suite.
        pocket: String,
        /// The Release's `Date`, in seconds since 1970.
        date: i64,
        /// That of the newest that was seen.
        newest: i64,
    },
    /// It is from the future.
    #[error(
        "the Release of `{pocket}` is dated {}, and now is {}: the clock of this machine or that of \
         the archive is wrong",
        date::format(*.date), date::format(*.now)
    )]
    Future {
        /// The suite.
        pocket: String,
        /// The Release's `Date`, in seconds since 1970.
        date: i64,
        /// The time of this machine.
        now: i64,
    },
}

/// The newest Release of a suite that was seen.
#[derive(Serialize, Deserialize)]
struct Seen {
    /// Its `Date`, in seconds since 1970.
    date: i64,
}

/// What is odd about a Release; remembers it if it is the newest one.
///
/// An archive is known by its keys and by what it says of itself, and not by its mirrors. Who
/// allows what has expired uses an old archive on purpose, and is not warned of that.
pub(super) fn of(
    pocket: &PocketOptions,
    release: &Release,
    options: &ArchiveOptions,
    store: &Store,
) -> Result<Vec<ReleaseWarning>, StoreError> {
    if options.snapshot.is_some() && pocket.is_own {
        // An older state on purpose.
        return Ok(Vec::new());
    }
    let now = date::unix_seconds(options.now);
    if release.date.saturating_sub(now) > AHEAD {
        // Not remembered: any later one would be older.
        return Ok(vec![ReleaseWarning::Future {
            pocket: pocket.name.clone(),
            date: release.date,
            now,
        }]);
    }
    let keys = pocket.keys.identity();
    let said = |field: &Option<String>| field.clone().unwrap_or_default();
    let (origin, label) = (said(&release.origin), said(&release.label));
    let inputs = [
        b"1",
        keys.as_bytes().as_slice(),
        origin.as_bytes(),
        label.as_bytes(),
        pocket.name.as_bytes(),
    ];
    let key = Key::new("release-seen", &inputs);
    let seen = store.value(&key, MAX_SEEN);
    let seen: Option<Seen> = seen.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match seen {
        Some(Seen { date }) if date > release.date => {
            let warning = ReleaseWarning::Older {
                pocket: pocket.name.clone(),
                date: release.date,
                newest: date,
            };
            let is_meant = options.allow_expired || !pocket.check_valid_until;
            return Ok(if is_meant { Vec::new() } else { vec![warning] });
        }
        Some(Seen { date }) if date == release.date => {}
        _ => {
            let seen = Seen { date: release.date };
            if let Ok(bytes) = serde_json::to_vec(&seen) {
                store.record(&key, &store.put(&bytes)?)?;
            }
        }
    }
    Ok(Vec::new())
}
