//! Decompressing the members of a package (deb(5): `control.tar` and `data.tar`).

use std::io::{self, Read};
use std::num::NonZeroUsize;

use distil_tree::Printable;
use liblzma::stream::{IGNORE_CHECK, MtStreamBuilder, Stream};

use super::error::DebError;

/// The most memory that decompressing may take: `xz -9` needs 65 MiB, and dpkg's own packages
/// no more.
const XZ_MEMORY: u64 = 256 << 20;

/// The memory up to which several threads decompress one member. dpkg-deb packs blocks of 24 MiB
/// (three times the dictionary of `xz -6`), and a thread holds one of them unpacked: enough for
/// two, and packages with larger blocks are read by one.
const XZ_THREADING_MEMORY: u64 = 96 << 20;

/// A package smaller than this has a single block: 24 MiB are hardly ever packed into less.
pub const FEWEST_SHARED_BYTES: u64 = 5 << 20;

/// The largest window of zstd that is accepted, as a power of two: what `zstd -19` uses and
/// what decoders accept without being asked.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Decompresses a member by the ending of its name.
///
/// What follows the first stream of xz is no part of it, as dpkg has it.
pub(super) fn decompress<'a>(
    input: impl Read + 'a,
    extension: &str,
    name: &str,
    threads: NonZeroUsize,
) -> Result<Box<dyn Read + 'a>, DebError> {
    let failed = |source: io::Error| DebError::Ar {
        source: Box::new(source),
    };
    Ok(match extension {
        "" => Box::new(input),
        ".gz" => Box::new(flate2::read::MultiGzDecoder::new(input)),
        ".xz" => {
            let stream = xz(threads).map_err(|error| failed(error.into()))?;
            Box::new(liblzma::read::XzDecoder::new_stream(input, stream))
        }
        ".zst" => {
            let mut decoder = zstd::Decoder::new(input).map_err(failed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(failed)?;
            Box::new(decoder)
        }
        _ => {
            let name = Printable(name.as_bytes()).to_string();
            let message = format!("the compression of its `{name}` is not supported");
            return Err(DebError::Format(message));
        }
    })
}

fn xz(threads: NonZeroUsize) -> Result<Stream, liblzma::stream::Error> {
    match u32::try_from(threads.get()) {
        // The package's own digest is over all of it, and not as slow as CRC-64.
        Ok(1) | Err(_) => Stream::new_stream_decoder(XZ_MEMORY, IGNORE_CHECK),
        Ok(threads) => MtStreamBuilder::new()
            .threads(threads)
            .memlimit_threading(XZ_THREADING_MEMORY)
            .memlimit_stop(XZ_MEMORY)
            .decoder(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    /// Blocks of a megabyte of what hardly compresses, as several threads pack it.
    fn blocks(length: usize) -> (Vec<u8>, Vec<u8>) {
        let mut state = 1_u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 28) as u8
        };
        let plain: Vec<u8> = (0..length).map(|_| byte()).collect();
        let encoder = MtStreamBuilder::new()
            .threads(1)
            .preset(0)
            .block_size(1 << 20)
            .encoder();
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), encoder.unwrap());
        encoder.write_all(&plain).unwrap();
        (plain, encoder.finish().unwrap())
    }

    fn read(packed: &[u8], threads: usize) -> io::Result<Vec<u8>> {
        let threads = NonZeroUsize::new(threads).unwrap();
        let mut plain = Vec::new();
        let reader = decompress(packed, ".xz", "data.tar.xz", threads);
        reader.map_err(io::Error::other)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn blocks_read_alike_on_any_number_of_threads() {
        let (plain, packed) = blocks(5 << 20);
        for threads in [1, 2, 3, 16] {
            assert!(read(&packed, threads).unwrap() == plain, "{threads}");
        }
    }

    #[test]
    fn a_second_stream_is_no_part_of_a_member() {
        let (plain, packed) = blocks(3 << 20);
        let two = [&packed[..], &packed[..]].concat();
        for threads in [1, 2] {
            assert!(read(&two, threads).unwrap() == plain, "{threads}");
        }
    }

    static BLOCKS: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| blocks(3 << 20));

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn what_is_cut_off_is_an_error(end in 0_usize..1 << 21) {
            let (_, packed) = &*BLOCKS;
            let end = end.min(packed.len() - 1);
            prop_assert!(read(&packed[..end], 1).is_err());
            prop_assert!(read(&packed[..end], 3).is_err());
        }

        #[test]
        fn what_is_damaged_ends(place in 0_usize..1 << 20, byte: u8) {
            let (plain, packed) = &*BLOCKS;
            let mut packed = packed.clone();
            packed[place] = byte;
            // Wrong bytes are found by the package's digest; here it is enough that it ends, and
            // with no more bytes than there are.
            for threads in [1, 3] {
                if let Ok(read) = read(&packed, threads) {
                    prop_assert!(read.len() <= plain.len());
                }
            }
        }
    }
}
