//! What keeps processes that share a store out of one another's way.
//!
//! Every process that may write to a store has a *lease*: a number, higher than all before it,
//! and a folder of that name in `tmp`, in which it holds a lock for as long as it lives. The
//! system drops the lock however the process ends, so a folder whose lock can be had is what a
//! killed process left, and goes.
//!
//! The numbers are the store's clock, too: what a process uses gets the newest number for its
//! modification time (in seconds since 1970, which is no date that anybody means). So the order in
//! which things were used last does not depend on the machine's clock, and what carries the number
//! of a living process, or a higher one, is what a running build may need.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// The file whose lock is held for a moment by whoever takes a lease, marks something as used,
/// or takes something away. It holds the number of the newest lease.
const LOCK: &str = "lock";

/// The lock in the folder of a lease.
const HELD: &str = "held";

/// The right to write to a store, and the folder for it.
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
    /// Whether its process has ended. Asked with the store's lock only: whoever is about to take
    /// a lease has that.
    fn is_stale(&self) -> bool {
        match File::open(self.folder.join(HELD)) {
            Ok(file) => file.try_lock().is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    fn remove(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn leases(tmp: &Path) -> Result<Vec<Other>, StoreError> {
    let mut leases = Vec::new();
    for entry in fs::read_dir(tmp).map_err(StoreError::io("read", tmp))? {
        let entry = entry.map_err(StoreError::io("read", tmp))?;
        let name = entry.file_name();
        if let Some(number) = name.to_str().and_then(|name| name.parse().ok()) {
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
    /// Whether it is one: some network file systems have no locks.
    pub(crate) is_real: bool,
}

/// Waits for the store's lock.
pub(crate) fn exclusive(root: &Path) -> Result<Locked, StoreError> {
    let path = root.join(LOCK);
    let open = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let file = open.map_err(StoreError::io("open", &path))?;
    let is_real = locked(file.lock(), &path)?;
    Ok(Locked {
        file,
        path,
        is_real,
    })
}

/// Waits until nobody takes anything away.
pub(crate) fn shared(root: &Path) -> Result<Locked, StoreError> {
    let path = root.join(LOCK);
    let file = File::open(&path).map_err(StoreError::io("open", &path))?;
    let is_real = locked(file.lock_shared(), &path)?;
    Ok(Locked {
        file,
        path,
        is_real,
    })
}

fn locked(result: io::Result<()>, path: &Path) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(false),
        Err(error) => Err(StoreError::io("lock", path)(error)),
    }
}

impl Locked {
    /// The number of the newest lease; 0 where nothing sensible is written.
    pub(crate) fn newest(&mut self) -> u64 {
        let mut text = String::new();
        let read = (&self.file).take(32).read_to_string(&mut text);
        let number = read.ok().and_then(|_| text.trim_end().parse().ok());
        // What a file's time can hold.
        number.unwrap_or(0).min(i64::MAX as u64 / 2)
    }

    fn set_newest(&mut self, number: u64) -> Result<(), StoreError> {
        let mut write = || {
            self.file.rewind()?;
            // Numbers only grow, so that nothing is left of the one before.
            writeln!(self.file, "{number:020}")
        };
        write().map_err(StoreError::io("write to", &self.path))
    }
}
