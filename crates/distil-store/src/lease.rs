//! What keeps processes that share a store out of one another's way.
//!
//! Every process that may write to a store has a *lease*: a number, higher than all before it,
//! and a directory of that name in `tmp`, in which it holds a lock for as long as it lives. The
//! system drops the lock however the process ends, so a directory whose lock can be had is what a
//! killed process left, and goes.
//!
//! The numbers are the store's clock, too: what a process uses gets the newest number for its
//! modification time (in seconds since 1970, which is no date that anybody means). So the order in
//! which things were used last does not depend on the machine's clock, and what carries the number
//! of a living process, or a higher one, is what a running build may need.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::error::StoreError;
use crate::plain;

/// The file whose lock is held for a moment by whoever takes a lease, marks something as used,
/// or takes something away. It holds the number of the newest lease.
const LOCK: &str = "lock";

/// The lock in the directory of a lease.
const HELD: &str = "held";

/// The highest number that is taken for a lease's: the times of files hold it on every file system,
/// and no store is opened as often. What is higher was written by somebody else.
const HIGHEST: u64 = 1 << 30;

/// The right to write to a store, and the directory for it.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) number: u64,
    pub(crate) folder: PathBuf,
    /// None where the file system has no locks.
    _held: Option<File>,
}

impl Lease {
    /// Takes the next lease, and removes what ended processes left.
    pub(crate) fn take(root: &Path) -> Result<Self, StoreError> {
        let tmp = root.join("tmp");
        let mut lock = exclusive(root)?;
        let leases = leases(&tmp)?;
        for lease in leases
            .iter()
            .filter(|lease| lock.is_real && lease.is_stale())
        {
            lease.remove();
        }
        let newest = leases.iter().map(|lease| lease.number).max();
        let number = lock.newest().max(newest.unwrap_or(0)) + 1;
        lock.set_newest(number)?;
        let folder = tmp.join(number.to_string());
        plain::clear_way(&folder).map_err(StoreError::io("remove", &folder))?;
        fs::create_dir(&folder).map_err(StoreError::io("create", &folder))?;
        let held = folder.join(HELD);
        let file = File::create(&held).map_err(StoreError::io("create", &held))?;
        let held = match file.try_lock() {
            Ok(()) => Some(file),
            Err(_) => None,
        };
        Ok(Self {
            number,
            folder,
            _held: held,
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A lease of some process.
#[derive(Debug)]
struct Other {
    number: u64,
    folder: PathBuf,
}

impl Other {
    /// Whether its process has ended, or never was. Asked with the store's lock only: whoever is
    /// about to take a lease has that.
    fn is_stale(&self) -> bool {
        match plain::open(&self.folder.join(HELD)) {
            Ok(file) => file.try_lock().is_ok(),
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ),
        }
    }

    fn remove(&self) {
        let _ = match fs::symlink_metadata(&self.folder).is_ok_and(|found| found.is_dir()) {
            true => fs::remove_dir_all(&self.folder),
            false => fs::remove_file(&self.folder),
        };
    }
}

fn leases(tmp: &Path) -> Result<Vec<Other>, StoreError> {
    let mut leases = Vec::new();
    for entry in fs::read_dir(tmp).map_err(StoreError::io("read", tmp))? {
        let entry = entry.map_err(StoreError::io("read", tmp))?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number.filter(|number| *number <= HIGHEST) {
            let folder = entry.path();
            leases.push(Other { number, folder });
        }
    }
    Ok(leases)
}

/// The lowest number of a process that lives, but for `own`; removes what others left.
///
/// Asked with the store's lock.
pub(crate) fn lowest_living(root: &Path, own: Option<u64>) -> Result<Option<u64>, StoreError> {
    let mut lowest = None;
    for lease in leases(&root.join("tmp"))? {
        if own == Some(lease.number) {
            continue;
        }
        match lease.is_stale() {
            true => lease.remove(),
            false => lowest = Some(lowest.map_or(lease.number, |low: u64| low.min(lease.number))),
        }
    }
    Ok(lowest)
}

/// The store's lock, held until dropped.
#[derive(Debug)]
pub(crate) struct Locked {
    file: File,
    path: PathBuf,
    root: PathBuf,
    /// Whether nobody else has it.
    is_exclusive: bool,
    /// Whether it is one: some network file systems have no locks.
    pub(crate) is_real: bool,
}

/// Waits for the store's lock.
pub(crate) fn exclusive(root: &Path) -> Result<Locked, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    locked(root, &mut options, true)
}

/// Waits until nobody takes anything away.
pub(crate) fn shared(root: &Path) -> Result<Locked, StoreError> {
    // Reading is enough, and the file there already, but for one that somebody took away.
    match locked(root, OpenOptions::new().read(true), false) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            exclusive(root)
        }
        locked => locked,
    }
}

fn locked(
    root: &Path,
    options: &mut OpenOptions,
    is_exclusive: bool,
) -> Result<Locked, StoreError> {
    let path = root.join(LOCK);
    let open = || StoreError::io("open", &path);
    loop {
        plain::clear_way(&path).map_err(StoreError::io("remove", &path))?;
        let file = plain::open_with(&path, options).map_err(open())?;
        let lock = match is_exclusive {
            true => file.lock(),
            false => file.lock_shared(),
        };
        let is_real = match lock {
            Ok(()) => true,
            Err(error) if has_no_locks(&error) => false,
            Err(error) => return Err(StoreError::io("lock", &path)(error)),
        };
        // Whoever found something else in its place may have made another file meanwhile.
        let own = file.metadata().map_err(open())?;
        let there = plain::metadata(&path);
        if there.is_some_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino())) {
            return Ok(Locked {
                file,
                path,
                root: root.to_owned(),
                is_exclusive,
                is_real,
            });
        }
    }
}

/// The highest number of all leases that there are.
fn newest_taken(root: &Path) -> u64 {
    let leases = leases(&root.join("tmp")).unwrap_or_default();
    leases.iter().map(|lease| lease.number).max().unwrap_or(0)
}

/// Whether a lock could not be had because the file system has none at all (flock(2), fcntl(2)): some
/// network file systems do not.
pub fn has_no_locks(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP)
    ) || error.kind() == io::ErrorKind::Unsupported
}

impl Locked {
    /// The number of the newest lease. Where nothing sensible is written, that of the newest one that
    /// has not ended; 0 without one.
    pub(crate) fn newest(&mut self) -> u64 {
        let mut text = String::new();
        let read = (&self.file).take(32).read_to_string(&mut text);
        let number = read.ok().and_then(|_| text.trim_end().parse().ok());
        match number.filter(|number| *number <= HIGHEST) {
            // Whoever only marks what it uses does so often, and its own number is enough then.
            Some(number) if !self.is_exclusive => number,
            number => number.unwrap_or(0).max(newest_taken(&self.root)),
        }
    }

    fn set_newest(&mut self, number: u64) -> Result<(), StoreError> {
        let mut write = || {
            self.file.rewind()?;
            let line = format!("{number:020}\n");
            self.file.write_all(line.as_bytes())?;
            // Nothing is left of the one before, whatever was written.
            self.file.set_len(line.len() as u64)
        };
        write().map_err(StoreError::io("write to", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_locks_is_known_by_what_it_says() {
        for number in [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP] {
            assert!(has_no_locks(&number.into()), "{number}");
        }
        for number in [Errno::ACCESS, Errno::WOULDBLOCK, Errno::INTR] {
            assert!(!has_no_locks(&number.into()), "{number}");
        }
    }
}
