//! Bytes that are read at positions, by any number of threads at once.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::digest::Digest;

/// Bytes that can be read at any position, from any thread.
///
/// They must not change while anything refers to them.
pub trait ReadAt: fmt::Debug + Send + Sync {
    /// Reads some bytes from `offset` (in bytes) on into `buffer`; none at the end.
    ///
    /// # Errors
    /// What the system reports.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The digest of all the bytes, where it is known without reading them: a part of them is then
    /// known by it, its offset and its size.
    fn identity(&self) -> Option<Digest> {
        None
    }

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// Also if there are fewer.
    fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    buffer = buffer.get_mut(count..).unwrap_or_default();
                    offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A file of the machine's, of whose bytes nobody knows the digest: a temporary one.
impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
}
