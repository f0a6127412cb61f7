//! The fuzz targets of what `check` reads, over their seeds and mutations of these by a fixed random
//! number. `DISTIL_FUZZ_RUNS` says how many of each; fuzz/README.md tells of the real fuzzer.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]
#![allow(
    unreachable_pub,
    reason = "what is included is public where it comes from"
)]

#[path = "../../../fuzz/src/check.rs"]
mod targets;

#[path = "../../../fuzz/src/headers.rs"]
mod headers;

use std::error::Error;
use std::path::Path;

/// Writes an error and its causes out: messages are code, too.
fn explain(error: &dyn Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        assert!(!error.to_string().is_empty(), "no message: {error:?}");
        next = error.source();
    }
}

/// Numbers that look random and are the same in every run (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// A few changes, as fuzzers make them.
    fn mutate(&mut self, data: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        for _ in 0..=self.below(6) {
            let at = self.below(data.len());
            let end = (at + 1 + self.below(16)).min(data.len());
            match self.below(8) {
                0 if at < data.len() => data[at] ^= 1 << self.below(8),
                1 if at < data.len() => data[at] = self.next() as u8,
                2 => data[at..end].fill([0, 0xff, 0x7f, b'/'][self.below(4)]),
                3 => drop(data.drain(at..end)),
                4 => data.truncate(at.max(1)),
                5 => {
                    let copy = data[at..end].to_vec();
                    let to = self.below(data.len());
                    data.splice(to..to, copy);
                }
                6 => {
                    // Numbers at the border of what fits.
                    let number = [0, 1, 0xff, 0xffff, 0x7fff_ffff, u64::MAX][self.below(6)];
                    let bytes = number.to_le_bytes();
                    let size = [2, 4, 8][self.below(3)].min(data.len() - at);
                    data[at..at + size].copy_from_slice(&bytes[..size]);
                }
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len());
                    let to = (from + self.below(600)).min(other.len());
                    data.splice(at..end, other[from..to].iter().copied());
                }
            }
            data.truncate(64 << 10);
        }
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(name);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

fn run(name: &str, usual: usize, is_tar: bool, target: impl Fn(&[u8])) {
    let seeds = seeds(name);
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| target(seed));
    let runs = std::env::var("DISTIL_FUZZ_RUNS").ok();
    let runs = runs.map_or(usual, |runs| runs.parse().unwrap());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for number in 0..runs {
        let mut data = seeds[number % seeds.len()].clone();
        random.mutate(&mut data, &seeds);
        if is_tar && number % 8 != 0 {
            headers::mend_headers(&mut data);
        }
        target(&data);
    }
}

#[test]
fn layers() {
    run("merge", 1000, true, targets::layers);
}

#[test]
fn documents() {
    run("documents", 1000, false, targets::documents);
}

#[test]
fn archives() {
    run("zip", 5000, false, targets::zip);
}

#[test]
fn elf_files() {
    // As files of an image, whose rules go on where the parser ends.
    run("elf", 1000, false, targets::documents);
}
