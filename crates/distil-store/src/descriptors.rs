//! How many files a process may have open, and the few blobs that are.
//!
//! A build refers to thousands of blobs. They are known by their digests, and opened when they are
//! read; the ones that were read last stay open, so that reading one in small parts opens it once.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::digest::Digest;

/// The number of files that this process may have open at once (`RLIMIT_NOFILE`, the soft limit).
pub fn descriptor_limit() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

/// Raises that number as far as the system lets the process: to the hard limit. Where it cannot,
/// it stays.
pub fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let current = maximum;
        let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum });
    }
}

/// The blobs that were read last, open.
#[derive(Debug)]
pub(crate) struct OpenBlobs {
    /// The one that was used last is the last.
    open: Mutex<VecDeque<(Digest, Arc<File>)>>,
    most: usize,
}

impl OpenBlobs {
    /// An eighth of what the process may have open: the rest is for what is being written, for
    /// connections and for other stores.
    pub(crate) fn new() -> Self {
        Self {
            open: Mutex::default(),
            most: (descriptor_limit() / 8).clamp(2, 64),
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Digest, Arc<File>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The blob's file, opened by `open` if it is not.
    pub(crate) fn get<E>(
        &self,
        digest: &Digest,
        open: impl FnOnce() -> Result<File, E>,
    ) -> Result<Arc<File>, E> {
        let mut files = self.lock();
        let found = files.iter().rposition(|(of, _)| of == digest);
        let file = match found.and_then(|found| files.remove(found)) {
            Some((_, file)) => file,
            // Others wait meanwhile: opening is quick, and two would open the same one twice.
            None => Arc::new(open()?),
        };
        files.push_back((*digest, Arc::clone(&file)));
        if files.len() > self.most {
            files.pop_front();
        }
        Ok(file)
    }

    /// Closes a blob that turned out to be damaged, or is being replaced.
    pub(crate) fn forget(&self, digest: &Digest) {
        self.lock().retain(|(of, _)| of != digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_open_and_the_last_ones_stay_so() {
        let blobs = OpenBlobs {
            open: Mutex::default(),
            most: 2,
        };
        let opened = std::cell::Cell::new(0);
        let read = |name: &str| {
            let open = || {
                opened.set(opened.get() + 1);
                tempfile::tempfile()
            };
            blobs.get(&Digest::of(name), open).unwrap();
        };
        for name in ["a", "b", "a", "a", "c", "a"] {
            read(name);
        }
        assert_eq!((opened.get(), blobs.lock().len()), (3, 2));
        read("b");
        assert_eq!(opened.get(), 4, "the one unused for longest was closed");
        blobs.forget(&Digest::of("b"));
        read("b");
        assert_eq!(opened.get(), 5);
    }

    /// In a process of its own, which may have few files open.
    #[test]
    fn hundreds_of_blobs_need_few_open_files() {
        const ALONE: &str = "DISTIL_STORE_TEST_ALONE";
        if std::env::var_os(ALONE).is_none() {
            let name = "descriptors::tests::hundreds_of_blobs_need_few_open_files";
            let output = std::process::Command::new("sh")
                .args(["-c", "ulimit -n 32; exec \"$@\"", "sh"])
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", name])
                .env(ALONE, "1")
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains("1 passed"), "{text}");
            return;
        }
        assert_eq!(descriptor_limit(), 32);
        let folder = tempfile::tempdir().unwrap();
        let store = crate::Store::open(folder.path()).unwrap();
        let blobs: Vec<crate::Blob> = (0..300_u32)
            .map(|number| store.put(&number.to_le_bytes()).unwrap())
            .collect();
        let threads = std::num::NonZeroUsize::new(4).unwrap();
        for _ in 0..2 {
            let read = crate::parallel::map(&blobs, threads, |blob| {
                let mut bytes = [0; 4];
                crate::ReadAt::read_exact_at(blob, &mut bytes, 0).unwrap();
                u32::from_le_bytes(bytes)
            });
            assert_eq!(read, (0..300).collect::<Vec<u32>>());
        }
    }
}
