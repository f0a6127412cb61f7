//! The bytes of a file of a tree: in memory when small, part of a blob when not.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, LazyLock};

use distil_store::{Digest, ReadAt};

/// The bytes of a file of a tree. Cheap to clone.
#[derive(Clone)]
pub enum Content {
    /// Bytes in memory.
    Bytes(Arc<[u8]>),
    /// A part of a blob, or of a temporary file.
    Range(Arc<ContentRange>),
    /// The first bytes alone, of a file of which no more is needed. Reading on is an error.
    Head {
        /// The bytes.
        bytes: Arc<[u8]>,
        /// How many the file has.
        size: u64,
    },
}

/// A part of a file.
#[derive(Debug)]
pub struct ContentRange {
    /// The whole; it must not change while the tree is in use.
    pub file: Arc<dyn ReadAt>,
    /// The offset of the first byte.
    pub offset: u64,
    /// The number of bytes.
    pub size: u64,
}

/// What bytes are known by without being read: two with one id are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentId {
    /// The digest of the blob that they are a part of.
    pub digest: Digest,
    /// The offset of the first byte in it.
    pub offset: u64,
    /// The number of bytes.
    pub size: u64,
}

impl Content {
    /// A part of a file, which must not change while the tree is in use.
    pub fn range(file: Arc<dyn ReadAt>, offset: u64, size: u64) -> Self {
        Self::Range(Arc::new(ContentRange { file, offset, size }))
    }

    /// What the bytes are known by, if they are part of a blob whose digest is known.
    pub fn id(&self) -> Option<ContentId> {
        match self {
            Self::Range(range) => Some(ContentId {
                digest: range.file.identity()?,
                offset: range.offset,
                size: range.size,
            }),
            Self::Bytes(_) | Self::Head { .. } => None,
        }
    }

    /// A part of the bytes, without reading them; none if it is not inside, or if the bytes are in
    /// memory alone.
    pub fn part(&self, offset: u64, size: u64) -> Option<Self> {
        let Self::Range(whole) = self else {
            return None;
        };
        let end = offset.checked_add(size)?;
        let file = Arc::clone(&whole.file);
        (end <= whole.size).then(|| Self::range(file, whole.offset + offset, size))
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Range(range) => range.size,
            Self::Head { size, .. } => *size,
        }
    }

    /// A reader over the bytes, from the first on.
    pub fn reader(&self) -> ContentReader {
        ContentReader {
            content: self.clone(),
            position: 0,
        }
    }

    /// All bytes; an error if they are more than `limit`.
    pub fn read(&self, limit: u64) -> io::Result<Vec<u8>> {
        let size = self.size();
        if size > limit {
            let message = format!("the file has {size} bytes, {limit} are the limit");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let mut bytes = Vec::new();
        self.reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The first bytes, at most `count`.
    pub fn head(&self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader().take(count as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        /// There may be a million empty files.
        static EMPTY: LazyLock<Arc<[u8]>> = LazyLock::new(|| Arc::from([]));
        match bytes.is_empty() {
            true => Self::Bytes(Arc::clone(&EMPTY)),
            false => Self::Bytes(bytes.into()),
        }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        text.as_bytes().to_vec().into()
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.size())
    }
}

/// Reads a [`Content`]; may seek in it.
#[derive(Debug, Clone)]
pub struct ContentReader {
    content: Content,
    position: u64,
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.content.size().saturating_sub(self.position);
        let count = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if count == 0 {
            return Ok(0);
        }
        let buffer = &mut buffer[..count];
        let read = match &self.content {
            Content::Bytes(bytes) => {
                let start = usize::try_from(self.position).unwrap_or(usize::MAX);
                buffer.copy_from_slice(&bytes[start..start + count]);
                count
            }
            Content::Range(range) => {
                let read = range.file.read_at(buffer, range.offset + self.position)?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                read
            }
            Content::Head { bytes, .. } => {
                let start = usize::try_from(self.position).unwrap_or(usize::MAX);
                let known = bytes.get(start..).unwrap_or_default();
                if known.is_empty() {
                    return Err(io::Error::other(
                        "only the first bytes of the file were kept",
                    ));
                }
                let count = known.len().min(count);
                buffer[..count].copy_from_slice(&known[..count]);
                count
            }
        };
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for ContentReader {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.content.size().checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn range(bytes: &[u8], offset: u64, size: u64) -> Content {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Content::range(Arc::new(file), offset, size)
    }

    #[test]
    fn both_kinds_read_alike() {
        for content in [Content::from("hello"), range(b"[hello]", 1, 5)] {
            assert_eq!(content.size(), 5);
            assert_eq!(content.read(5).unwrap(), b"hello");
            assert!(content.read(4).is_err());
            assert_eq!(content.head(2).unwrap(), b"he");
            let mut reader = content.reader();
            reader.seek(SeekFrom::End(-2)).unwrap();
            let mut rest = String::new();
            reader.read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "lo");
            reader.seek(SeekFrom::Start(99)).unwrap();
            assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
        }
    }

    #[test]
    fn a_part_lies_inside_and_is_known_by_the_blob() {
        let folder = tempfile::tempdir().unwrap();
        let store = distil_store::Store::open(folder.path()).unwrap();
        let blob = store.put(b"[hello]").unwrap();
        let whole = |blob| Content::range(Arc::new(blob), 0, 7);
        let part = whole(blob.clone()).part(1, 5).unwrap();
        assert_eq!(part.read(5).unwrap(), b"hello");
        assert!(part.part(1, 5).is_none());
        assert!(part.part(u64::MAX, 2).is_none());
        // By no pointer and no path: another handle of the same blob is the same content.
        let again = store.get(&blob.digest()).unwrap();
        assert_eq!(part.id(), whole(again).part(1, 5).unwrap().id());
        assert_ne!(part.id(), whole(blob).part(1, 4).unwrap().id());
        assert!(range(b"[hello]", 1, 5).id().is_none());
    }

    #[test]
    fn of_a_head_no_more_is_known() {
        let bytes = b"#!/bin/sh".as_slice().into();
        let content = Content::Head { bytes, size: 100 };
        assert_eq!(content.size(), 100);
        assert_eq!(content.head(2).unwrap(), b"#!");
        assert!(content.read(100).is_err());
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        assert!(range(b"abc", 1, 5).read(10).is_err());
    }
}
