//! Reading a blob while it is still being written.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// How far a writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// So many bytes are in the file, and more may come.
    Written(u64),
    /// The blob is complete, with so many bytes.
    Complete(u64),
    /// It will never be.
    GivenUp,
}

#[derive(Debug)]
struct Shared {
    stage: Mutex<Stage>,
    changed: Condvar,
}

/// The writer's end. Dropped before the blob is complete, it tells that it never will be.
#[derive(Debug)]
pub(crate) struct Followed(Arc<Shared>);

impl Followed {
    /// Begins to tell how far a writer of `file` is, which has `written` bytes so far.
    pub(crate) fn new(file: File, written: u64) -> (Self, Follower) {
        let shared = Arc::new(Shared {
            stage: Mutex::new(Stage::Written(written)),
            changed: Condvar::new(),
        });
        let follower = Follower {
            file,
            shared: Arc::clone(&shared),
            position: 0,
        };
        (Self(shared), follower)
    }

    /// So many bytes are in the file now.
    pub(crate) fn advance(&self, written: u64) {
        self.set(Stage::Written(written));
    }

    /// All bytes are in the file.
    pub(crate) fn complete(self, size: u64) {
        self.set(Stage::Complete(size));
    }

    fn set(&self, stage: Stage) {
        let mut now = self.0.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != stage && !matches!(*now, Stage::Complete(_)) {
            *now = stage;
            self.0.changed.notify_all();
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.set(Stage::GivenUp);
    }
}

/// Reads a blob from its beginning while it is still being written, and waits for what is to come.
///
/// What it gives is not verified: whoever follows a download must not let anybody see what became
/// of the bytes before the download has ended well. Reading fails once the writer gives up.
#[derive(Debug)]
pub struct Follower {
    file: File,
    shared: Arc<Shared>,
    position: u64,
}

impl Follower {
    /// How many bytes can be read now; waits until there are some, and gives none at the end.
    fn available(&self) -> io::Result<u64> {
        let stage = self.shared.stage.lock();
        let mut stage = stage.unwrap_or_else(PoisonError::into_inner);
        loop {
            match *stage {
                Stage::Complete(size) => return Ok(size.saturating_sub(self.position)),
                Stage::Written(written) if written > self.position => {
                    return Ok(written - self.position);
                }
                Stage::GivenUp => return Err(io::ErrorKind::UnexpectedEof.into()),
                Stage::Written(_) => {}
            }
            let waited = self.shared.changed.wait(stage);
            stage = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Read for Follower {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = usize::try_from(self.available()?).unwrap_or(usize::MAX);
        let wanted = available.min(buffer.len());
        let read = self.file.read_at(&mut buffer[..wanted], self.position)?;
        if read == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::Store;

    fn follow(pieces: &[Vec<u8>], is_committed: bool) -> io::Result<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut writer = store.create().unwrap();
        let mut follower = writer.follow().unwrap();
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            follower.read_to_end(&mut bytes).map(|_| bytes)
        });
        for piece in pieces {
            writer.write_all(piece).unwrap();
        }
        match is_committed {
            true => drop(writer.commit().unwrap()),
            false => drop(writer),
        }
        reader.join().unwrap()
    }

    proptest! {
        #[test]
        fn a_follower_reads_what_is_written(
            // Some fit into the writer's buffer, some do not.
            sizes in proptest::collection::vec(prop_oneof![0_usize..100, 60_000_usize..200_000], 0..6),
            seed: u8,
        ) {
            let piece = |size: usize| -> Vec<u8> { (0..=seed).cycle().take(size).collect() };
            let pieces: Vec<Vec<u8>> = sizes.into_iter().map(piece).collect();
            prop_assert_eq!(follow(&pieces, true).unwrap(), pieces.concat());
        }
    }

    #[test]
    fn what_is_given_up_has_no_end() {
        for pieces in [vec![], vec![vec![0; 100]], vec![vec![0; 200_000]]] {
            let error = follow(&pieces, false).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn what_was_buffered_before_is_read_too() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut writer = store.create().unwrap();
        writer.write_all(b"early ").unwrap();
        let mut follower = writer.follow().unwrap();
        writer.write_all(b"and late").unwrap();
        writer.commit().unwrap();
        assert_eq!(io::read_to_string(&mut follower).unwrap(), "early and late");
    }
}
