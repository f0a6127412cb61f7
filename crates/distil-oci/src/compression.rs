//! How the tar stream of a layer is compressed, and how that is recognised again.

use std::io;

use libdeflater::CompressionLvl;

use crate::spec::MediaType;

/// A layer's compression, and how hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// The tar stream as it is.
    None,
    /// gzip, which every engine and registry takes.
    Gzip {
        /// libdeflate's level, 0 (stored) or 1 (fast) to 12 (small).
        level: u8,
    },
    /// Zstandard, which Docker takes since version 23.
    Zstd {
        /// The library's level, 1 (fast) to 22 (small).
        level: u8,
    },
}

impl Compression {
    /// gzip at level 6: about 100 MB/s a core.
    pub const GZIP: Self = Self::Gzip { level: 6 };
    /// Zstandard at level 3, the library's own default: about 300 MB/s a core.
    pub const ZSTD: Self = Self::Zstd { level: 3 };

    /// Names the codec, its level and the version of its library: all that decides, together with a
    /// piece's bytes, what they become. Every key of something compressed has it.
    ///
    /// A test holds the bytes of both libraries; whoever changes what it expects raises the
    /// version here.
    pub fn identity(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Gzip { level } => format!("gzip {level} libdeflate {}", self.version()),
            Self::Zstd { level } => {
                let version = zstd::zstd_safe::version_number();
                format!("zstd {level} {version} {}", self.version())
            }
        }
    }

    /// The version of the codec's output: two that have the same number make the same bytes.
    pub fn version(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Gzip { .. } | Self::Zstd { .. } => 1,
        }
    }

    /// The media type of a layer compressed so (OCI image specification, "Image Layer Filesystem
    /// Changeset").
    pub fn media_type(self) -> MediaType {
        match self {
            Self::None => MediaType::ImageLayer,
            Self::Gzip { .. } => MediaType::ImageLayerGzip,
            Self::Zstd { .. } => MediaType::ImageLayerZstd,
        }
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self::GZIP
    }
}

/// The formats that a layer may come in, told apart by their first bytes: the media type does not
/// always say the truth, and archives of Docker's have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Plain,
    Gzip,
    Zstd,
    /// One that is recognised and not read.
    Unsupported(&'static str),
}

impl Format {
    /// How many bytes have to be looked at.
    pub(crate) const MAGIC_LENGTH: usize = 6;

    /// The format of content that begins with `head`.
    pub(crate) fn sniff(head: &[u8]) -> Self {
        match head {
            // RFC 1952, 2.3.1.
            [0x1f, 0x8b, ..] => Self::Gzip,
            // RFC 8878, 3.1.1: a frame, or a skippable frame before it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Unsupported("xz"),
            [b'B', b'Z', b'h', ..] => Self::Unsupported("bzip2"),
            _ => Self::Plain,
        }
    }
}

/// Compresses pieces, each by itself; the state is kept from piece to piece to save its making.
pub(crate) enum PieceCompressor {
    None,
    Gzip(Box<libdeflater::Compressor>),
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl PieceCompressor {
    /// The compressor of `compression`.
    pub(crate) fn new(compression: Compression) -> io::Result<Self> {
        let invalid = |name, level| {
            let message = format!("{name} has no compression level {level}");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        };
        match compression {
            Compression::None => Ok(Self::None),
            Compression::Gzip { level } => match CompressionLvl::new(level.into()) {
                Ok(valid) => Ok(Self::Gzip(Box::new(libdeflater::Compressor::new(valid)))),
                Err(_) => Err(invalid("gzip", level)),
            },
            Compression::Zstd { level } => {
                if !(1..=22).contains(&level) {
                    return Err(invalid("zstd", level));
                }
                let compressor = zstd::bulk::Compressor::new(level.into())?;
                Ok(Self::Zstd(Box::new(compressor)))
            }
        }
    }

    /// Puts `input` into `output` as one gzip member (without name and time) or Zstandard frame,
    /// in place of what was there.
    pub(crate) fn compress(&mut self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        output.clear();
        match self {
            Self::None => output.extend_from_slice(input),
            Self::Gzip(compressor) => {
                output.resize(compressor.gzip_compress_bound(input.len()), 0);
                let length = compressor
                    .gzip_compress(input, output)
                    .map_err(io::Error::other)?;
                output.truncate(length);
            }
            Self::Zstd(compressor) => {
                output.reserve(zstd::zstd_safe::compress_bound(input.len()));
                compressor.compress_to_buffer(input, output)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_that_do_not_exist_are_refused() {
        let error = |compression| match PieceCompressor::new(compression) {
            Ok(_) => panic!("accepted"),
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(error(Compression::Gzip { level: 13 }), @"gzip has no compression level 13");
        insta::assert_snapshot!(error(Compression::Zstd { level: 0 }), @"zstd has no compression level 0");
        for level in 0..=12 {
            assert!(PieceCompressor::new(Compression::Gzip { level }).is_ok());
        }
    }

    #[test]
    fn a_gzip_member_has_neither_name_nor_time() {
        let mut compressor = PieceCompressor::new(Compression::GZIP).unwrap();
        let mut output = b"rubbish".to_vec();
        compressor.compress(b"hello", &mut output).unwrap();
        // Flags and the four bytes of the time, RFC 1952, 2.3.
        assert_eq!(output[3..8], [0; 5]);
        assert_eq!(Format::sniff(&output), Format::Gzip);
    }
}
