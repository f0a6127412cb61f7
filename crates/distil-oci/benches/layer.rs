//! Layers: compressing at the levels that may be asked for, on one core and on two, joining what was
//! compressed before, and decompressing. `cargo bench -p distil-oci`.
//!
//! The input is this very program, which compresses as programs do.

#![allow(missing_docs, reason = "what `criterion_group!` makes has none")]

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use distil_oci::{Compression, LayerWriter, decompress};
use distil_store::Store;

/// Enough pieces for two cores to share, and little enough for the slowest level.
const SIZE: usize = 8 << 20;

fn input() -> Vec<u8> {
    let program = std::env::current_exe().and_then(std::fs::read);
    let mut bytes = program.expect("a program can read itself");
    bytes.truncate(SIZE);
    bytes
}

fn compressed(input: &[u8], compression: Compression, threads: usize) -> Vec<u8> {
    let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
    let mut writer = LayerWriter::new(Vec::new(), compression, threads);
    writer.write_all(input).expect("memory takes everything");
    writer.finish().expect("memory takes everything").0
}

fn layers(criterion: &mut Criterion) {
    let input = input();
    let mut group = criterion.benchmark_group("compress");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(input.len() as u64));
    let gzip = |level| Compression::Gzip { level };
    let zstd = |level| Compression::Zstd { level };
    for (name, compression) in [
        ("gzip 1", gzip(1)),
        ("gzip 6", gzip(6)),
        ("gzip 9", gzip(9)),
        ("zstd 3", zstd(3)),
        ("zstd 9", zstd(9)),
        ("zstd 19", zstd(19)),
    ] {
        let size = compressed(&input, compression, 1).len();
        let percent = 100 * size / input.len();
        for threads in [1, 2] {
            let name = format!("{name}, to {percent} %, on {threads}");
            group.bench_function(name, |bencher| {
                bencher.iter(|| black_box(compressed(&input, compression, threads)));
            });
        }
    }
    group.finish();

    let mut group = criterion.benchmark_group("decompress");
    group.throughput(Throughput::Bytes(input.len() as u64));
    for (name, compression) in [("gzip", Compression::GZIP), ("zstd", Compression::ZSTD)] {
        let layer = compressed(&input, compression, 2);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let reader = decompress(io::Cursor::new(&layer), u64::MAX);
                io::copy(
                    &mut reader.expect("it was just compressed").by_ref(),
                    &mut io::sink(),
                )
            });
        });
    }
    group.finish();
}

/// What a layer costs whose pieces were all compressed before.
fn join(criterion: &mut Criterion) {
    let input = input();
    let folder = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(folder.path().join("store")).expect("a directory takes a store");
    let threads = NonZeroUsize::MIN;
    let written = || {
        let mut writer = LayerWriter::into_store(&store, Compression::GZIP, threads);
        for package in input.chunks(200_000) {
            writer.write_all(package).expect("the disk takes it");
            writer.boundary().expect("the disk takes it");
        }
        writer.finish_pieces().expect("the disk takes it")
    };
    written();
    let mut group = criterion.benchmark_group("join");
    group.throughput(Throughput::Bytes(input.len() as u64));
    group.bench_function("pieces of the store", |bencher| {
        bencher.iter(|| black_box(written()));
    });
    group.finish();
}

criterion_group!(benches, layers, join);
criterion_main!(benches);
