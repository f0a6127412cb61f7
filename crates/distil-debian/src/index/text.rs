//! The text of an index, of which a stanza is read at a time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use distil_store::{Blob, Digest, StoreError};

use crate::index::table::{Entry, Table};

/// The text that a [`Table`] is the table of.
#[derive(Debug, Clone)]
pub struct Text(Source);

#[derive(Debug, Clone)]
enum Source {
    Memory(Vec<u8>),
    /// The file is held open, so that it stays what it is whatever becomes of the store.
    Stored {
        blob: Blob,
        file: Arc<File>,
        size: u64,
    },
}

impl From<Vec<u8>> for Text {
    /// A text whose bytes are known to be right.
    fn from(bytes: Vec<u8>) -> Self {
        Self(Source::Memory(bytes))
    }
}

impl Text {
    /// A text in the store. None of it is read yet; what is read later is verified then, block by
    /// block.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn stored(blob: Blob) -> Result<Self, StoreError> {
        let file = Arc::new(blob.open()?);
        let size = blob.size();
        Ok(Self(Source::Stored { blob, file, size }))
    }

    pub(super) fn length(&self) -> u64 {
        match &self.0 {
            Source::Memory(bytes) => bytes.len() as u64,
            Source::Stored { size, .. } => *size,
        }
    }

    /// The bytes of a stanza. If they are damaged in the store, the whole text is taken out of it.
    pub(super) fn stanza(&self, entry: &Entry, table: &Table) -> io::Result<Vec<u8>> {
        match &self.0 {
            Source::Memory(bytes) => part(bytes, entry.start, entry.end, 0),
            Source::Stored { blob, file, .. } => {
                read(file, entry, table).inspect_err(|_| {
                    // It tells the store. What goes wrong with that is no worse than what did.
                    let _ = blob.verify();
                })
            }
        }
    }
}

/// Reads the block that has the stanza, verifies it, and gives the stanza alone.
fn read(file: &File, entry: &Entry, table: &Table) -> io::Result<Vec<u8>> {
    let (start, block) = table.block_at(entry.start).ok_or_else(no_stanza)?;
    let mut bytes = vec![0; block.end.saturating_sub(start) as usize];
    file.read_exact_at(&mut bytes, u64::from(start))?;
    if Digest::of(&bytes) != block.digest {
        let message = format!(
            "its bytes {start} to {} are not those that were written",
            block.end
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    part(&bytes, entry.start, entry.end, start)
}

/// The bytes from `start` to `end` of a text of which the bytes from `before` are given.
fn part(bytes: &[u8], start: u32, end: u32, before: u32) -> io::Result<Vec<u8>> {
    let place = |place: u32| place.checked_sub(before).map(|place| place as usize);
    let range = place(start).zip(place(end));
    let found = range.and_then(|(start, end)| bytes.get(start..end));
    found.map(<[u8]>::to_vec).ok_or_else(no_stanza)
}

fn no_stanza() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "it is not the text of its table",
    )
}
