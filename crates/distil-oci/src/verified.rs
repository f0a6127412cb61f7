//! Readers that compare what they hand on with a digest.

use std::io::{self, Read};

use distil_store::{Digest, Hasher};

/// Hands bytes on, and fails instead of ending when they were not the expected ones.
pub(crate) struct Verified<R> {
    inner: R,
    hasher: Hasher,
    read: u64,
    digest: Digest,
    size: Option<u64>,
    done: bool,
}

impl<R: Read> Verified<R> {
    /// Expects content with this digest and, where it is known, this many bytes.
    pub(crate) fn new(inner: R, digest: Digest, size: Option<u64>) -> Self {
        Self {
            inner,
            hasher: Hasher::default(),
            read: 0,
            digest,
            size,
            done: false,
        }
    }

    fn check(&mut self) -> io::Result<()> {
        if let Some(size) = self.size.filter(|size| *size != self.read) {
            return Err(wrong(format!(
                "the content of `{}` is {} bytes long instead of {size}",
                self.digest, self.read
            )));
        }
        let found = self.hasher.clone().finish();
        if found != self.digest {
            return Err(wrong(format!(
                "the content of `{}` has the digest `{found}`",
                self.digest
            )));
        }
        self.done = true;
        Ok(())
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.read += count as u64;
        if let Some(size) = self.size.filter(|size| self.read > *size) {
            return Err(wrong(format!(
                "the content of `{}` is longer than {size} bytes",
                self.digest
            )));
        }
        if count == 0 && !self.done {
            self.check()?;
        }
        Ok(count)
    }
}

fn wrong(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut reader: impl Read) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        match reader.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn content_is_given_only_if_it_is_the_expected_one() {
        let digest = Digest::of("content");
        let verified = |bytes: &'static [u8], size| read(Verified::new(bytes, digest, size));
        assert_eq!(verified(b"content", Some(7)), Ok(b"content".to_vec()));
        assert_eq!(verified(b"content", None), Ok(b"content".to_vec()));
        insta::assert_snapshot!(verified(b"conten", Some(7)).unwrap_err(), @"the content of `sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73` is 6 bytes long instead of 7");
        insta::assert_snapshot!(verified(b"contents", Some(7)).unwrap_err(), @"the content of `sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73` is longer than 7 bytes");
        insta::assert_snapshot!(verified(b"Content", Some(7)).unwrap_err(), @"the content of `sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73` has the digest `sha256:47bd29075f8b8019f0beec6d86beda7c9bf67aaf05053dcbe0b3bcb63968517f`");
    }

    #[test]
    fn the_end_is_reached_again_and_again() {
        let mut reader = Verified::new(&b"content"[..], Digest::of("content"), Some(7));
        let mut bytes = [0; 100];
        assert_eq!(reader.read(&mut []).unwrap(), 0);
        assert_eq!(reader.read(&mut bytes).unwrap(), 7);
        assert_eq!(reader.read(&mut bytes).unwrap(), 0);
        assert_eq!(reader.read(&mut bytes).unwrap(), 0);
    }
}
