//! Reading a tar archive from outside, which may be hostile, as a stream of members.

#[cfg(test)]
mod tests;

use std::io::{self, Read};

use super::extensions::Unknown;
use super::member::{Limits, Member, ReadError, TooLarge, refused};
use super::walk::{Input, Walk};

/// Reads members of a tar archive one after another, each of which becomes part of a file system:
/// what is not known is refused.
pub struct Reader<R: Read>(Walk<Counted<R>>);

impl<R: Read> Reader<R> {
    /// A reader over `input`, which is the archive without compression.
    pub fn new(input: R, limits: Limits) -> Self {
        let counted = Counted {
            input,
            limit: limits.size,
            left: limits.size,
        };
        Self(Walk::new(counted, limits, Unknown::Refused))
    }

    /// Calls `visit` with each member and its bytes. What it does not read is skipped.
    ///
    /// All of the input is read, so that what decompresses it has checked its own sums; bytes
    /// other than zeros behind the archive's end are refused, since another reader may take
    /// them for members.
    ///
    /// # Errors
    /// If the archive cannot be read, or could be read in two ways; those of `visit`.
    pub fn for_each<E: From<ReadError>>(
        self,
        mut visit: impl FnMut(Member, &mut dyn Read) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self(mut walk) = self;
        while let Some(member) = walk.next_member()? {
            visit(member, &mut walk.content())?;
        }
        let mut buffer = [0; 4096];
        loop {
            let count = walk.rest(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            if buffer[..count].iter().any(|&byte| byte != 0) {
                return Err(refused(b"the end", "has more bytes behind it").into());
            }
        }
    }
}

/// Ends with an error once the limit is read, so that a bomb costs no more than the limit.
struct Counted<R> {
    input: R,
    limit: u64,
    left: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(TooLarge { limit: self.limit })),
        }
        Ok(count)
    }
}

impl<R: Read> Input for Counted<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn skip(&mut self, size: u64) -> io::Result<u64> {
        io::copy(&mut self.take(size), &mut io::sink())
    }
}
