//! The compressions that members of a `.deb` (deb(5)) and indexes of an archive come in.

use std::io::{self, Write};

/// How a member or an index is compressed.
///
/// Levels are fixed, so that the same input gives the same bytes in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// As it is.
    None,
    /// gzip, without name or time in its header.
    Gzip,
    /// xz, as Debian's packages are.
    Xz,
    /// Zstandard, as Ubuntu's packages are.
    Zstd,
}

impl Compression {
    /// The ending that this compression gives a file's name, with its dot: `.xz`, or nothing.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
        }
    }

    /// Compresses `plain`.
    #[must_use]
    pub fn compress(self, plain: &[u8]) -> Vec<u8> {
        self.compress_with(|sink| sink.write_all(plain))
    }

    /// Compresses what `fill` writes, without holding the plain bytes.
    pub(crate) fn compress_with(
        self,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Vec<u8> {
        self.try_compress_with(fill)
            .unwrap_or_else(|error| panic!("compressing into memory failed: {error}"))
    }

    fn try_compress_with(
        self,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<Vec<u8>> {
        match self {
            Self::None => {
                let mut plain = Vec::new();
                fill(&mut plain)?;
                Ok(plain)
            }
            Self::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
                fill(&mut encoder)?;
                encoder.finish()
            }
            Self::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
                fill(&mut encoder)?;
                encoder.finish()
            }
            Self::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3)?;
                encoder.include_checksum(true)?;
                fill(&mut encoder)?;
                encoder.finish()
            }
        }
    }
}
