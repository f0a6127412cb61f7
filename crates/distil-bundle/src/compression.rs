//! Decompressing tar archives from outside, with bounded memory.

use std::io::{self, Read};

use liblzma::stream::Stream;

use crate::format::ArchiveFormat;

/// The most memory that decompressing xz may take: `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;

/// The largest window of zstd that is accepted, as a power of two: what `zstd -19` uses, and what
/// decoders accept without being asked. `--long=27` is as large.
const ZSTD_WINDOW_LOG: u32 = 27;

/// The bytes of a tar archive, of all streams or members of the compressed file.
pub(crate) fn decompress<'a>(
    input: impl Read + 'a,
    format: ArchiveFormat,
) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match format {
        ArchiveFormat::TarGz => Box::new(flate2::read::MultiGzDecoder::new(input)),
        ArchiveFormat::TarXz => {
            let flags = liblzma::stream::CONCATENATED;
            let stream = Stream::new_stream_decoder(XZ_MEMORY, flags)?;
            Box::new(liblzma::read::XzDecoder::new_stream(input, stream))
        }
        ArchiveFormat::TarZst => {
            let mut decoder = zstd::Decoder::new(input)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        ArchiveFormat::TarBz2 => Box::new(bzip2::read::MultiBzDecoder::new(input)),
        ArchiveFormat::File | ArchiveFormat::Tar | ArchiveFormat::PlainTar | ArchiveFormat::Zip => {
            Box::new(input)
        }
    })
}
