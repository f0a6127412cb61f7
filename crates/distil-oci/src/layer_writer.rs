//! Makes a compressed layer of a tar stream, on all cores, with the same bytes on any number of
//! them.
//!
//! The stream is cut into pieces, and each becomes a gzip member or a Zstandard frame by itself;
//! both formats define the concatenation of such to be the whole (RFC 1952, 2.2; RFC 8878, 3).
//! Where it is cut depends on nothing but the number of bytes since the last [boundary], so neither
//! the sizes of the writes nor the number of threads can change a byte.
//!
//! [boundary]: LayerWriter::boundary

use std::io::{self, Write};
use std::num::NonZeroUsize;

use distil_store::{Digest, Hasher, HashingWriter, Store};
use serde::{Deserialize, Serialize};

use crate::compression::Compression;
use crate::piece_pool::{Compressor, PIECE};
use crate::pieces::{Piece, PieceCache};

/// What became of a tar stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// The digest of the compressed layer.
    pub digest: Digest,
    /// The number of its bytes.
    pub size: u64,
    /// The digest of the tar stream.
    pub diff_id: Digest,
    /// The number of bytes of the tar stream.
    pub unpacked_size: u64,
}

/// A writer that takes a tar stream and gives a compressed layer; compresses on all cores.
///
/// At most twice as many pieces are in memory as there are threads. Once a write has failed, all
/// that follow fail too.
pub struct LayerWriter<W: Write> {
    out: HashingWriter<W>,
    unpacked: Hasher,
    unpacked_size: u64,
    piece: Vec<u8>,
    pieces: u64,
    compression: Compression,
    threads: NonZeroUsize,
    compressor: Compressor,
    cache: Option<PieceCache>,
    stored: Vec<Piece>,
    failed: bool,
}

impl LayerWriter<io::Sink> {
    /// A writer of a layer whose pieces go into `store`, those that it has not yet.
    pub fn into_store(store: &Store, compression: Compression, threads: NonZeroUsize) -> Self {
        let mut writer = Self::new(io::sink(), compression, threads);
        writer.cache = Some(PieceCache::new(store.clone(), compression));
        writer
    }

    /// Ends the layer, and gives its pieces in their order.
    ///
    /// # Errors
    /// As [`LayerWriter::finish`].
    pub fn finish_pieces(mut self) -> io::Result<(LayerFacts, Vec<Piece>)> {
        let facts = self.end()?;
        Ok((facts, self.stored))
    }
}

impl<W: Write> LayerWriter<W> {
    /// A writer of a layer to `out`. Threads are started when there is something to do for them.
    pub fn new(out: W, compression: Compression, threads: NonZeroUsize) -> Self {
        Self {
            out: HashingWriter::new(out),
            unpacked: Hasher::default(),
            unpacked_size: 0,
            piece: Vec::new(),
            pieces: 0,
            compression,
            threads,
            compressor: Compressor::NotStarted,
            cache: None,
            stored: Vec::new(),
            failed: false,
        }
    }

    /// How many bytes the current piece has so far.
    pub fn pending(&self) -> usize {
        self.piece.len()
    }

    /// Ends the current piece, so that what follows is compressed independent of what came before:
    /// the same bytes between two boundaries are the same compressed bytes in every layer.
    ///
    /// # Errors
    /// As when writing.
    pub fn boundary(&mut self) -> io::Result<()> {
        self.guarded(|writer| {
            if writer.piece.is_empty() {
                return Ok(());
            }
            writer.end_piece(Followed::Perhaps)
        })
    }

    /// Ends the layer, and gives the inner writer back, flushed.
    ///
    /// # Errors
    /// When the inner writer fails, or an earlier write has failed.
    pub fn finish(mut self) -> io::Result<(W, LayerFacts)> {
        let facts = self.end()?;
        Ok((self.out.into_inner(), facts))
    }

    fn end(&mut self) -> io::Result<LayerFacts> {
        self.guarded(|writer| {
            // No bytes at all still have to be a member or a frame.
            if !writer.piece.is_empty() || writer.pieces == 0 {
                writer.end_piece(Followed::Never)?;
            }
            if let Compressor::Parallel(pool) = &mut writer.compressor {
                pool.drain(&mut writer.out, &mut writer.stored)?;
            }
            writer.out.flush()
        })?;
        Ok(LayerFacts {
            digest: self.out.digest(),
            size: self.out.written(),
            diff_id: self.unpacked.clone().finish(),
            unpacked_size: self.unpacked_size,
        })
    }

    /// Does `work` unless something failed before, and remembers when it fails.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        if self.failed {
            return Err(io::Error::other("an earlier write of the layer failed"));
        }
        let result = work(self);
        self.failed = result.is_err();
        result
    }

    /// Hands the current piece to the compressor, which begins its work at the first one.
    fn end_piece(&mut self, followed: Followed) -> io::Result<()> {
        self.pieces += 1;
        if let Compressor::NotStarted = self.compressor {
            let threads = match followed {
                Followed::Perhaps => self.threads,
                // A layer of a single piece needs no threads.
                Followed::Never => NonZeroUsize::MIN,
            };
            self.compressor = Compressor::start(self.compression, threads, self.cache.as_ref())?;
        }
        match &mut self.compressor {
            Compressor::NotStarted => {}
            Compressor::Inline { worker, output } => {
                self.stored.extend(worker.compress(&self.piece, output)?);
                self.out.write_all(output)?;
            }
            Compressor::Parallel(pool) => {
                pool.make_room(&mut self.out, &mut self.stored)?;
                pool.submit(&mut self.piece)?;
            }
        }
        self.piece.clear();
        Ok(())
    }
}

impl<W: Write> Write for LayerWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.guarded(|writer| {
            if writer.piece.capacity() == 0 {
                writer.piece.reserve_exact(PIECE);
            }
            let count = bytes.len().min(PIECE - writer.piece.len());
            let taken = &bytes[..count];
            writer.unpacked.update(taken);
            writer.unpacked_size += count as u64;
            writer.piece.extend_from_slice(taken);
            if writer.piece.len() == PIECE {
                writer.end_piece(Followed::Perhaps)?;
            }
            Ok(count)
        })
    }

    /// Does nothing: ending a piece here would make the bytes depend on when somebody flushes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether other pieces come after one.
#[derive(Clone, Copy)]
enum Followed {
    Perhaps,
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read as _;

    const ALL: [Compression; 3] = [Compression::None, Compression::GZIP, Compression::ZSTD];

    fn threads(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    /// Bytes that are neither constant nor incompressible.
    fn sample(length: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            [b'a' + u8::try_from(state >> 61).unwrap(); 3]
        })
        .flatten()
        .take(length)
        .collect()
    }

    /// The layer of `tar`, written in pieces of the sizes in `cuts`, with boundaries after the
    /// bytes in `boundaries`.
    fn layer(
        tar: &[u8],
        cuts: &[usize],
        boundaries: &[usize],
        compression: Compression,
        workers: usize,
    ) -> (Vec<u8>, LayerFacts) {
        let mut writer = LayerWriter::new(Vec::new(), compression, threads(workers));
        let mut cuts = cuts.iter().cycle();
        let mut written = 0;
        let ends = boundaries.iter().copied().chain([tar.len()]);
        for end in ends {
            while written < end {
                let next = cuts.next().map_or(end, |cut| (written + cut).min(end));
                writer.write_all(&tar[written..next]).unwrap();
                written = next;
            }
            if end < tar.len() {
                writer.boundary().unwrap();
            }
        }
        writer.finish().unwrap()
    }

    fn unpacked(layer: Vec<u8>) -> Vec<u8> {
        let mut bytes = Vec::new();
        crate::decompress::decompress(io::Cursor::new(layer), u64::MAX)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    }

    #[test]
    fn the_facts_are_those_of_the_bytes() {
        let tar = sample(5 * PIECE + 17, 3);
        for compression in ALL {
            let (bytes, facts) = layer(&tar, &[7777], &[], compression, 2);
            assert_eq!(facts.digest, Digest::of(&bytes));
            assert_eq!(facts.size, bytes.len() as u64);
            assert_eq!(facts.diff_id, Digest::of(&tar));
            assert_eq!(facts.unpacked_size, tar.len() as u64);
            assert!(unpacked(bytes) == tar, "{compression:?}");
        }
    }

    #[test]
    fn an_empty_layer_is_a_valid_one() {
        for compression in ALL {
            let (bytes, facts) = layer(&[], &[1], &[], compression, 4);
            assert_eq!(facts.unpacked_size, 0);
            assert_eq!(bytes.is_empty(), compression == Compression::None);
            assert_eq!(unpacked(bytes), b"");
        }
    }

    #[test]
    fn what_lies_between_boundaries_compresses_to_the_same_bytes_everywhere() {
        let (one, two) = (sample(PIECE + 5, 5), sample(1000, 9));
        let both = [one.as_slice(), &two].concat();
        for compression in ALL {
            let (first, _) = layer(&one, &[4096], &[], compression, 2);
            let (second, _) = layer(&two, &[4096], &[], compression, 1);
            let (whole, _) = layer(&both, &[4096], &[one.len()], compression, 2);
            assert!(whole == [first, second].concat(), "{compression:?}");
        }
    }

    #[test]
    fn pieces_from_a_store_make_the_same_layer() {
        use crate::blob::BlobSource as _;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let tar = sample(3 * PIECE + 17, 3);
        for compression in ALL {
            let (bytes, facts) = layer(&tar, &[7777], &[PIECE + 3], compression, 1);
            let in_store = || {
                let mut writer = LayerWriter::into_store(&store, compression, threads(2));
                writer.write_all(&tar[..PIECE + 3]).unwrap();
                writer.boundary().unwrap();
                writer.write_all(&tar[PIECE + 3..]).unwrap();
                let (found, pieces) = writer.finish_pieces().unwrap();
                assert_eq!(found, facts);
                assert_eq!(pieces.len(), 5);
                let blobs = pieces.iter().map(|piece| store.get(&piece.digest).unwrap());
                let blobs: Vec<_> = blobs.collect();
                let mut joined = Vec::new();
                let mut reader = crate::pieces::PiecesBlob(blobs.clone()).open().unwrap();
                reader.read_to_end(&mut joined).unwrap();
                assert!(joined == bytes, "{compression:?}");
                blobs
            };
            in_store();
            let written = store.written();
            let blobs = in_store();
            assert_eq!(store.written(), written, "made again: {compression:?}");
            // Damage is found, and what is damaged made again.
            std::fs::write(blobs[1].path(), b"damaged").unwrap();
            in_store();
        }
        assert_eq!(store.damaged(), 3);
    }

    #[test]
    fn boundaries_without_bytes_between_them_add_nothing() {
        let mut writer = LayerWriter::new(Vec::new(), Compression::GZIP, threads(2));
        writer.boundary().unwrap();
        writer.write_all(b"x").unwrap();
        writer.boundary().unwrap();
        writer.boundary().unwrap();
        let (bytes, _) = writer.finish().unwrap();
        assert_eq!(bytes, layer(b"x", &[1], &[], Compression::GZIP, 1).0);
    }

    #[test]
    fn the_bytes_of_both_formats_stay_what_they_are() {
        // These change when a compression library changes its output, and with them every image.
        let tar = sample(2 * PIECE + 99, 1);
        let digest = |compression| layer(&tar, &[100_000], &[], compression, 2).1.digest;
        insta::assert_snapshot!(digest(Compression::GZIP), @"sha256:b1dae4fffc583d725a7f50bbb0c9c323be1ab48d3a44fa7d19eeb2c7f1d45d3a");
        insta::assert_snapshot!(digest(Compression::ZSTD), @"sha256:8bcd5f0cd80ef7c7a6dd899a08c84c6c858a3edbed1b184c6cf1c53e7d4dd5ea");
    }

    /// Takes so many bytes, then there is no space left.
    struct SmallDisk(usize);

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.0);
            self.0 -= count;
            match count {
                0 if !bytes.is_empty() => Err(io::ErrorKind::StorageFull.into()),
                _ => Ok(count),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_reported_and_nothing_can_follow() {
        let tar = sample(9 * PIECE, 11);
        for compression in ALL {
            for workers in [1, 2] {
                let mut writer =
                    LayerWriter::new(SmallDisk(100_000), compression, threads(workers));
                let error = match writer.write_all(&tar) {
                    Err(error) => error,
                    Ok(()) => panic!("{compression:?} took everything"),
                };
                assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{compression:?}");
                assert!(writer.write(b"x").is_err());
                assert!(writer.boundary().is_err());
                assert!(writer.finish().is_err());
            }
        }
    }

    #[test]
    fn an_impossible_level_is_an_error_of_the_first_piece() {
        let mut writer = LayerWriter::new(Vec::new(), Compression::Gzip { level: 99 }, threads(2));
        writer.write_all(b"x").unwrap();
        assert!(writer.finish().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn neither_writes_nor_threads_change_a_byte(
            length in 0..3 * PIECE,
            seed: u64,
            cuts in prop::collection::vec(1..2 * PIECE, 1..6),
            mut boundaries in prop::collection::vec(0..3 * PIECE, 0..4),
            workers in 1usize..6,
            compression in prop::sample::select(&ALL[..]),
        ) {
            let tar = sample(length, seed);
            boundaries.retain(|place| *place < length);
            boundaries.sort_unstable();
            let plain = layer(&tar, &[PIECE], &boundaries, compression, 1);
            let other = layer(&tar, &cuts, &boundaries, compression, workers);
            prop_assert!(plain == other);
            prop_assert!(unpacked(other.0) == tar);
        }
    }
}
