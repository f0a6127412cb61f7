//! Outputs that were found to be right, so that they are not read again while nobody touches them.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use distil_oci::transport::WriteOptions;
use distil_oci::{Location, Manifest};
use distil_store::{Key, KeyBuilder, Store};
use serde::{Deserialize, Serialize};

use crate::session::IDENTITY;

/// How coarse a file system's times may be: two changes of a file this close to one another may bear
/// the same time. Linux stamps at its tick, of 10 ms at most.
const COARSE: Duration = Duration::from_millis(50);

/// The same where times have whole seconds alone.
const COARSEST: Duration = Duration::from_secs(3);

/// The largest record.
const MAX_RECORD: u64 = 4096;

/// What changes whenever somebody changes a file, whatever they do to hide it: the time of its last
/// change of status cannot be set.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct State {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl State {
    fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// Whether it is so long ago that a change from now on shows.
    fn is_settled(&self, now: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let (Ok(seconds), Ok(nanoseconds)) = (seconds.try_into(), nanoseconds.try_into()) else {
            return false;
        };
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        let coarse = if nanoseconds == 0 { COARSEST } else { COARSE };
        now.duration_since(changed).is_ok_and(|age| age > coarse)
    }
}

/// An output that is a file, before it is looked at.
pub(crate) struct Output {
    key: Key,
    state: State,
}

impl Output {
    /// Of an archive that is there.
    pub(crate) fn of(
        manifest: &Manifest,
        location: &Location,
        options: &WriteOptions<'_>,
    ) -> Option<Self> {
        let path: &Path = match location {
            Location::OciArchive { path, .. } | Location::DockerArchive { path, .. } => path,
            _ => return None,
        };
        let state = State::of(&fs::metadata(path).ok().filter(Metadata::is_file)?);
        let mut key = KeyBuilder::new("output");
        key.input(IDENTITY)
            .input(manifest.digest().as_bytes())
            .input(location.to_string())
            .input(options.modified.to_le_bytes());
        for name in options.names {
            key.input(name.to_string());
        }
        Some(Self {
            key: key.finish(),
            state,
        })
    }

    /// Whether it was right when it was read last, and nobody has touched it since.
    pub(crate) fn is_known(&self, store: &Store) -> bool {
        let value = store.value(&self.key, MAX_RECORD);
        value.is_some_and(|value| {
            serde_json::from_slice(&value).is_ok_and(|known: State| known == self.state)
        })
    }

    /// Remembers that it is right, unless it could change without a trace. That it could not be
    /// remembered costs time, and no more.
    pub(crate) fn remember(self, store: &Store) {
        if self.state.is_settled(SystemTime::now())
            && let Ok(value) = serde_json::to_vec(&self.state)
            && let Ok(blob) = store.put(&value)
        {
            let _ = store.record(&self.key, &blob);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(seconds: i64, nanoseconds: i64) -> State {
        State {
            device: 1,
            inode: 2,
            size: 3,
            modified: (0, 0),
            changed: (seconds, nanoseconds),
        }
    }

    #[test]
    fn what_has_just_changed_is_not_settled() {
        let at = |milliseconds| SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
        let state = changed(100, 1_000_000);
        assert!(state.is_settled(at(100_060)));
        assert!(!state.is_settled(at(100_020)));
        assert!(!state.is_settled(at(99_000)), "a clock that went back");
        assert!(!changed(100, 0).is_settled(at(102_900)));
        assert!(changed(100, 0).is_settled(at(103_100)));
        assert!(!changed(-1, 0).is_settled(at(103_100)));
    }
}
