//! What is done with an archive before an image can be made: reading its index, ordering
//! versions, solving, and unpacking packages.
//!
//! The inputs are made up, of the size and shape of trixie's, so that they are the same
//! everywhere: `cargo bench -p distil-debian`.

#![allow(missing_docs, reason = "what `criterion_group!` makes has none")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io;
use std::num::NonZeroUsize;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use distil_debian::deb::{Expected, unpack};
use distil_debian::index::{Condensed, PackageIndex, Pocket, Table, Text, condense};
use distil_debian::relation::Relation;
use distil_debian::solve::{Request, solve};
use distil_debian::version::Version;
use distil_fixture::{Compression, DebBuilder};
use distil_store::{Blob, Digest, Store};

/// As many as trixie has for one architecture.
const PACKAGES: u64 = 68_000;

/// Numbers that look random and are the same every time (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        let Self(state) = self;
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % limit
    }
}

fn version(numbers: &mut Numbers) -> String {
    let (major, minor, revision) = (numbers.below(20), numbers.below(40), numbers.below(9));
    match numbers.below(4) {
        0 => format!("1:{major}.{minor}-{revision}"),
        1 => format!("{major}.{minor}+dfsg-{revision}+b1"),
        2 => format!("{major}.{minor}~rc{revision}-1"),
        _ => format!("{major}.{minor}.{revision}-1+deb13u1"),
    }
}

/// A `Packages` file. Each package depends on a few that come before it, mostly on early ones, as
/// libraries are.
fn packages_file() -> String {
    let mut numbers = Numbers(1);
    let mut text = String::new();
    for number in 0..PACKAGES {
        let version = version(&mut numbers);
        let _ = write!(
            text,
            "Package: package{number}\nSource: source{}\nVersion: {version}\n\
             Installed-Size: {}\nMaintainer: Somebody <somebody@example.org>\n\
             Architecture: amd64\n",
            number / 3,
            numbers.below(10_000),
        );
        if number > 0 {
            let depends: Vec<String> = (0..numbers.below(8))
                .map(|_| {
                    let range = [1 + number / 100, number].map(|range| range.min(number));
                    let range = range.into_iter().nth(usize::from(numbers.below(5) == 0));
                    let name = numbers.below(range.unwrap_or(number));
                    match numbers.below(3) {
                        0 => format!("package{name} (>= 0)"),
                        1 => format!("package{name} | virtual{}", name % 100),
                        _ => format!("package{name}"),
                    }
                })
                .collect();
            if !depends.is_empty() {
                let _ = writeln!(text, "Depends: {}", depends.join(", "));
            }
        }
        if numbers.below(10) == 0 {
            let _ = writeln!(text, "Provides: virtual{}", numbers.below(100));
        }
        let _ = write!(
            text,
            "Description: something that somebody may want to have on a machine\n\
             Homepage: https://example.org/package{number}\n\
             Description-md5: {:032x}\nTag: implemented-in::c, role::shared-lib, \
             devel::library, interface::commandline\nSection: libs\nPriority: optional\n\
             Filename: pool/main/p/package{number}/package{number}_{number}_amd64.deb\n\
             Size: {}\nMD5sum: {:032x}\nSHA256: {:064x}\n\n",
            numbers.below(u64::MAX),
            numbers.below(1 << 20),
            numbers.below(u64::MAX),
            numbers.below(u64::MAX),
        );
    }
    text
}

/// What the store keeps of an index: the table and the text.
fn condensed(text: &str, threads: usize) -> (Table, Vec<u8>) {
    let threads = NonZeroUsize::new(threads).expect("some threads");
    let mut output = Vec::new();
    let table =
        condense(text.as_bytes(), "amd64", threads, &mut output).expect("the text is an index");
    (table, output)
}

/// Opens what the store has, as a build does.
fn index(table: &Blob, text: &Blob) -> PackageIndex {
    let table = table.read(u64::MAX).expect("a file").expect("undamaged");
    let table = Table::from_bytes(table).expect("what was condensed");
    let text = Text::stored(text.clone()).expect("a file");
    let condensed = Condensed::new(table, text).expect("what was condensed");
    let mut index = PackageIndex::new("amd64");
    let pocket = Pocket {
        name: "trixie".to_owned(),
        priority: 500,
    };
    index
        .add_condensed(condensed, pocket)
        .expect("there is room for one");
    index
}

fn indexes(criterion: &mut Criterion) {
    let text = packages_file();
    let (table, stored) = condensed(&text, 1);
    let folder = tempfile::tempdir().expect("a directory");
    let store = Store::open(folder.path()).expect("a store");
    let put = |bytes: &[u8]| store.put(bytes).expect("room");
    let (table, stored) = (put(table.as_bytes()), put(&stored));
    let mut group = criterion.benchmark_group("index");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(text.len() as u64));
    for threads in [1, 2, 4] {
        group.bench_function(format!("condense on {threads} threads"), |bencher| {
            bencher.iter(|| condensed(black_box(&text), threads));
        });
        group.bench_function(
            format!("condense into the store on {threads} threads"),
            |bencher| {
                bencher.iter(|| {
                    let mut writer = store.create().expect("room");
                    let threads = NonZeroUsize::new(threads).expect("some threads");
                    condense(text.as_bytes(), "amd64", threads, &mut writer).expect("an index")
                });
            },
        );
    }
    group.throughput(Throughput::Bytes(table.size()));
    group.bench_function("open the condensed", |bencher| {
        bencher.iter(|| black_box(index(&table, &stored)));
    });
    group.finish();

    let index = index(&table, &stored);
    let mut group = criterion.benchmark_group("solve");
    for wanted in [1, 10, 100] {
        let mut numbers = Numbers(7);
        let install = (0..wanted).map(|_| {
            let name = format!("package{}", numbers.below(PACKAGES));
            Relation::to_any_version(&name).expect("a name").into()
        });
        let request = Request {
            install: install.collect(),
            ..Request::default()
        };
        let found = solve(&index, &request).expect("everything is there");
        let name = format!(
            "{wanted} of them, with {} others",
            found.packages.len() - wanted
        );
        group.bench_function(name, |bencher| bencher.iter(|| solve(&index, &request)));
    }
    group.finish();
}

fn versions(criterion: &mut Criterion) {
    let mut numbers = Numbers(3);
    let texts: Vec<String> = (0..10_000).map(|_| version(&mut numbers)).collect();
    let parse = |text: &String| -> Version { text.parse().expect("a version") };
    let versions: Vec<Version> = texts.iter().map(parse).collect();
    criterion.bench_function("versions/parse 10,000", |bencher| {
        bencher.iter(|| texts.iter().map(parse).collect::<Vec<_>>());
    });
    criterion.bench_function("versions/sort 10,000", |bencher| {
        let sort = |mut versions: Vec<Version>| {
            versions.sort_unstable();
            versions
        };
        bencher.iter_batched(|| versions.clone(), sort, BatchSize::LargeInput);
    });
}

/// Bytes that compress about as a program does, which is to a third.
fn program(size: usize) -> Vec<u8> {
    let mut numbers = Numbers(5);
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        let word = numbers.below(3_000);
        bytes.extend_from_slice(&word.to_le_bytes()[..3]);
        if numbers.below(3) == 0 {
            bytes.push(b'\0');
        }
    }
    bytes.truncate(size);
    bytes
}

fn packages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("unpack a package");
    group.sample_size(10);
    let content = program(8 << 20);
    group.throughput(Throughput::Bytes(content.len() as u64));
    for (name, compression) in [("xz", Compression::Xz), ("zstd", Compression::Zstd)] {
        let deb = DebBuilder::new("program", "1.0-1", "amd64")
            .executable("/usr/bin/program", &content)
            .data_compression(compression)
            .build();
        let expected = Expected {
            size: deb.len() as u64,
            digest: Digest::of(&deb),
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                unpack(
                    &deb[..],
                    expected,
                    u64::MAX,
                    NonZeroUsize::MIN,
                    &mut io::sink(),
                )
                .expect("a package")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, indexes, versions, packages);
criterion_main!(benches);
