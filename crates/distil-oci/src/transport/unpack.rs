//! Archives that can only be read once, since they are compressed or come out of a pipe: copied to
//! a temporary file as far as they are archives, and within bounds.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use distil_tree::tar::Input;

use crate::decompress::decompress;

/// The most that an archive may unpack to: far above any real image, and below what would fill most
/// disks.
const MAX_UNPACKED: u64 = 32 << 30;

/// An archive may unpack to so many bytes, and to so many more for each of its own. Layers in an
/// archive are compressed already, or are programs and libraries, of which a byte makes less than
/// ten; no more than a few files of an image are all zeros.
const FREE: u64 = 256 << 20;
const MAX_RATIO: u64 = 64;

/// What may follow the end of an archive: `tar` fills its last record, of 10 KiB or what `-b` says.
const MAX_TRAILER: u64 = 1 << 20;

/// Copies a stream to a temporary file while it is read.
pub(crate) struct Unpacker {
    source: Box<dyn Read + Send>,
    /// How many bytes of the packed archive were read.
    packed: Arc<AtomicU64>,
    unpacked: u64,
    copy: File,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Limits {
    free: u64,
    trailer: u64,
}

impl Unpacker {
    /// Reads the archive that comes out of `archive`, whether it is compressed or not.
    pub(crate) fn new(archive: impl Read + Send + 'static) -> io::Result<Self> {
        let packed = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            inner: archive,
            count: Arc::clone(&packed),
        };
        Ok(Self {
            source: decompress(counted, MAX_UNPACKED)?,
            packed,
            unpacked: 0,
            copy: tempfile::tempfile()?,
            limits: Limits {
                free: FREE,
                trailer: MAX_TRAILER,
            },
        })
    }

    /// Reads on to the end, which is where a damaged stream shows, and gives the copy.
    pub(crate) fn finish(mut self) -> io::Result<File> {
        let trailer = self.limits.trailer;
        let read = io::copy(&mut self.source.by_ref().take(trailer + 1), &mut io::sink())?;
        if read > trailer {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("more than {trailer} bytes follow the end of the archive"),
            ));
        }
        Ok(self.copy)
    }

    /// Refuses what unpacks to more than an archive of images.
    fn count(&mut self, bytes: usize) -> io::Result<()> {
        self.unpacked += bytes as u64;
        let packed = self.packed.load(Ordering::Relaxed);
        let most = packed
            .saturating_mul(MAX_RATIO)
            .saturating_add(self.limits.free);
        match self.unpacked <= most {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!(
                    "{packed} bytes of it unpack to more than {most}, which no archive of images does"
                ),
            )),
        }
    }
}

impl Input for Unpacker {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.source.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.count(filled)?;
        self.copy.write_all(&buffer[..filled])?;
        Ok(filled)
    }

    fn skip(&mut self, size: u64) -> io::Result<u64> {
        let mut buffer = vec![0; 128 << 10];
        let mut left = size;
        while left > 0 {
            let wanted = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            let filled = self.fill(&mut buffer[..wanted])?;
            left -= filled as u64;
            if filled < wanted {
                break;
            }
        }
        Ok(size - left)
    }
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use distil_tree::tar::{self as tree_tar, ReadError, Unknown, Walk};

    fn archive(content: &[u8]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, "x", content).unwrap();
        builder.into_inner().unwrap()
    }

    /// What is read of a packed archive when few bytes are free.
    fn unpack(archive: &[u8]) -> Result<u64, String> {
        let packed = zstd::encode_all(archive, 1).unwrap();
        let mut unpacker = Unpacker::new(io::Cursor::new(packed)).unwrap();
        unpacker.limits = Limits {
            free: 4 << 20,
            trailer: 4096,
        };
        let mut walk = Walk::new(unpacker, tree_tar::Limits::default(), Unknown::Skipped);
        let failed = |error: ReadError| match error {
            ReadError::Damaged { source, .. } => source.to_string(),
            error => error.to_string(),
        };
        while walk.next_member().map_err(failed)?.is_some() {}
        let copy = walk.into_input().finish().map_err(|e| e.to_string())?;
        Ok(copy.metadata().unwrap().len())
    }

    fn with_trailer(bytes: usize) -> Vec<u8> {
        let mut archive = archive(b"content");
        archive.resize(archive.len() + bytes, 0);
        archive
    }

    #[test]
    fn zeros_unpack_to_so_much_and_no_more() {
        assert!(unpack(&archive(&vec![0; 3 << 20])).is_ok());
        let error = unpack(&archive(&vec![0; 64 << 20])).err().unwrap();
        assert!(error.contains("which no archive of images does"), "{error}");
    }

    #[test]
    fn what_follows_the_end_is_bounded() {
        assert_eq!(unpack(&with_trailer(4096)), Ok(2048));
        insta::assert_snapshot!(unpack(&with_trailer(4097)).err().unwrap(), @"more than 4096 bytes follow the end of the archive");
    }

    #[test]
    fn what_is_no_archive_is_refused_before_it_is_unpacked() {
        let mut noise = archive(b"content");
        noise[0] ^= 1;
        noise.resize(3 << 20, 0);
        insta::assert_snapshot!(unpack(&noise).err().unwrap(), @"there is no valid header at byte 0");
    }
}
