//! The bytes of a blob as requests send them: all of them or a part, and again where one failed.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use distil_net::Body;

use crate::blob::DescribedBlob;

/// A blob that is sent in one request or in several. One reader goes through it as long as each part
/// begins where the last one ended, so that nothing is read twice without need.
pub(super) struct Source {
    blob: DescribedBlob,
    kept: Mutex<Option<Position>>,
}

/// A reader, and how far it is.
struct Position {
    reader: Box<dyn Read + Send>,
    at: u64,
}

impl Source {
    pub(super) fn new(blob: DescribedBlob) -> Arc<Self> {
        Arc::new(Self {
            blob,
            kept: Mutex::default(),
        })
    }

    /// `length` bytes from `offset` on.
    pub(super) fn body(self: &Arc<Self>, offset: u64, length: u64) -> Body {
        let source = Arc::clone(self);
        Body::new(length, move || {
            Ok(Box::new(Part {
                position: Some(source.position(offset)?),
                left: length,
                source: Arc::clone(&source),
            }))
        })
    }

    fn kept(&self) -> MutexGuard<'_, Option<Position>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reader that is at `offset`.
    fn position(&self, offset: u64) -> io::Result<Position> {
        if let Some(kept) = self.kept().take_if(|kept| kept.at == offset) {
            return Ok(kept);
        }
        let mut reader = self.blob.open()?;
        let skipped = io::copy(&mut (&mut reader).take(offset), &mut io::sink())?;
        match skipped == offset {
            true => Ok(Position { reader, at: offset }),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// A part of a blob that is being read.
struct Part {
    position: Option<Position>,
    left: u64,
    source: Arc<Source>,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(position) = &mut self.position else {
            return Ok(0);
        };
        let wanted = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let Some(buffer) = buffer.get_mut(..wanted).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        let count = position.reader.read(buffer)?;
        position.at += count as u64;
        self.left -= count as u64;
        // The reader compares the digest at its end, which has to be before the last bytes are sent.
        if position.at == self.source.blob.size() {
            position.reader.read_exact(&mut [0; 1]).or_else(ended)?;
        }
        Ok(count)
    }
}

/// The end is what should come.
fn ended(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Ok(()),
        _ => Err(error),
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // What was not read to its end may have failed.
        if self.left == 0 {
            *self.source.kept() = self.position.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::BlobSource;
    use crate::spec::MediaType;
    use distil_store::Digest;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counted(Vec<u8>, AtomicUsize);

    impl BlobSource for Arc<Counted> {
        fn open(&self) -> io::Result<Box<dyn Read + Send>> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(io::Cursor::new(self.0.clone())))
        }
    }

    fn source(bytes: &[u8], digest: Digest) -> (Arc<Source>, Arc<Counted>) {
        let counted = Arc::new(Counted(bytes.to_vec(), AtomicUsize::default()));
        let blob = DescribedBlob::new(
            MediaType::ImageLayer,
            digest,
            bytes.len() as u64,
            Arc::new(Arc::clone(&counted)),
        );
        (Source::new(blob), counted)
    }

    fn read(source: &Arc<Source>, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        source.open_part(offset, length)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    impl Source {
        fn open_part(self: &Arc<Self>, offset: u64, length: u64) -> io::Result<Part> {
            Ok(Part {
                position: Some(self.position(offset)?),
                left: length,
                source: Arc::clone(self),
            })
        }
    }

    #[test]
    fn parts_that_follow_one_another_are_read_by_one_reader() {
        let (source, counted) = source(b"0123456789", Digest::of("0123456789"));
        assert_eq!(read(&source, 0, 4).unwrap(), b"0123");
        assert_eq!(read(&source, 4, 4).unwrap(), b"4567");
        assert_eq!(read(&source, 8, 2).unwrap(), b"89");
        assert_eq!(counted.1.load(Ordering::Relaxed), 1);
        assert_eq!(read(&source, 4, 4).unwrap(), b"4567", "again");
        assert_eq!(counted.1.load(Ordering::Relaxed), 2);
        assert!(read(&source, 11, 1).is_err());
    }

    #[test]
    fn the_last_bytes_of_other_content_are_not_given() {
        let (source, _) = source(b"0123456789", Digest::of("other"));
        assert!(read(&source, 0, 10).is_err());
        assert_eq!(read(&source, 0, 9).unwrap(), b"012345678");
    }
}
