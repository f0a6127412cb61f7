//! Reads a layer's tar stream, whatever its compression.

use std::io::{self, Chain, Cursor, Read};
use std::num::NonZeroUsize;

use flate2::bufread::MultiGzDecoder;

use crate::compression::Format;
use crate::members::Members;

/// The largest window that a Zstandard frame may ask for, as a power of two: 128 MiB, what the
/// format's own tools allow unless told otherwise.
const ZSTD_WINDOW_LOG: u32 = 27;

/// The tar stream of a layer that may be compressed by gzip or Zstandard (of any number of members
/// or frames), or not at all, which its first bytes tell.
///
/// # Errors
/// When `reader` fails at its beginning, and when the compression is another. The reader that is
/// returned fails when there are more than `limit` unpacked bytes.
pub fn decompress<'a>(
    reader: impl Read + Send + 'a,
    limit: u64,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let (format, whole) = sniff(reader)?;
    unpacked(format, whole, limit)
}

/// The same on several threads, which helps where gzip has many members, as in distil's own layers.
/// The bytes are the same, and so are the errors.
///
/// # Errors
/// As [`decompress`].
pub fn decompress_on(
    threads: NonZeroUsize,
    reader: impl Read + Send + 'static,
    limit: u64,
) -> io::Result<Box<dyn Read + Send>> {
    let (format, whole) = sniff(reader)?;
    if format == Format::Gzip {
        return Ok(Box::new(Limited::new(Members::new(whole, threads), limit)));
    }
    unpacked(format, whole, limit)
}

/// A reader, with what was read of it put back.
type Sniffed<R> = Chain<Cursor<Vec<u8>>, R>;

/// The bytes from the first on, and the format that these tell.
fn sniff<R: Read>(mut reader: R) -> io::Result<(Format, Sniffed<R>)> {
    let mut head = Vec::with_capacity(Format::MAGIC_LENGTH);
    reader
        .by_ref()
        .take(Format::MAGIC_LENGTH as u64)
        .read_to_end(&mut head)?;
    let format = Format::sniff(&head);
    Ok((format, Cursor::new(head).chain(reader)))
}

fn unpacked<'a>(
    format: Format,
    whole: impl Read + Send + 'a,
    limit: u64,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match format {
        Format::Plain => Box::new(Limited::new(whole, limit)),
        Format::Gzip => {
            let buffered = io::BufReader::with_capacity(1 << 16, whole);
            Box::new(Limited::new(MultiGzDecoder::new(buffered), limit))
        }
        Format::Zstd => {
            let mut decoder = zstd::Decoder::new(whole)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(Limited::new(decoder, limit))
        }
        Format::Unsupported(name) => {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("layers compressed by {name} are not supported"),
            ));
        }
    })
}

/// Fails, instead of ending, after so many bytes.
struct Limited<R> {
    inner: R,
    limit: u64,
    left: u64,
}

impl<R: Read> Limited<R> {
    fn new(inner: R, limit: u64) -> Self {
        Self {
            inner,
            limit,
            left: limit,
        }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => {
                self.left = left;
                Ok(count)
            }
            None => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("there are more than {} unpacked bytes", self.limit),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(bytes: &[u8], limit: u64) -> io::Result<Vec<u8>> {
        let mut unpacked = Vec::new();
        decompress(bytes, limit)?.read_to_end(&mut unpacked)?;
        Ok(unpacked)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut encoder = flate2::bufread::GzEncoder::new(bytes, flate2::Compression::default());
        encoder.read_to_end(&mut packed).unwrap();
        packed
    }

    #[test]
    fn members_and_frames_are_read_as_one() {
        let joined = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        assert_eq!(unpack(&joined, 7).unwrap(), b"one two");
        let frame = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
        // With a skippable frame of four bytes in front, RFC 8878, 3.1.2.
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
        let joined = [&skippable[..], &frame(b"one "), &frame(b"two")].concat();
        assert_eq!(unpack(&joined, 7).unwrap(), b"one two");
        assert_eq!(unpack(b"one two", 7).unwrap(), b"one two");
        assert_eq!(unpack(b"", 0).unwrap(), b"");
    }

    #[test]
    fn one_byte_above_the_limit_is_an_error() {
        let zeros = vec![0; 1_000_000];
        for packed in [
            gzip(&zeros),
            zstd::encode_all(&zeros[..], 1).unwrap(),
            zeros.clone(),
        ] {
            assert_eq!(unpack(&packed, 1_000_000).unwrap().len(), 1_000_000);
            let error = unpack(&packed, 999_999).unwrap_err();
            assert_eq!(
                error.to_string(),
                "there are more than 999999 unpacked bytes"
            );
        }
    }

    #[test]
    fn what_is_cut_short_or_broken_is_an_error() {
        let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        for packed in [gzip(&bytes), zstd::encode_all(&bytes[..], 1).unwrap()] {
            for end in [7, packed.len() / 2, packed.len() - 1] {
                assert!(unpack(&packed[..end], u64::MAX).is_err(), "{end}");
            }
        }
        let mut broken = gzip(&bytes);
        let middle = broken.len() / 2;
        broken[middle] ^= 0xff;
        assert!(unpack(&broken, u64::MAX).is_err());
    }

    #[test]
    fn other_compressions_are_named() {
        for (head, name) in [(&b"\xfd7zXZ\0"[..], "xz"), (b"BZh91AY&SY", "bzip2")] {
            let error = unpack(head, 100).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("layers compressed by {name} are not supported")
            );
        }
    }
}
