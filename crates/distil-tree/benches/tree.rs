//! The tree of an image: making it, following its links, and writing it as a tar stream and
//! reading that again. `cargo bench -p distil-tree`.

#![allow(missing_docs, reason = "what `criterion_group!` makes has none")]

use std::hint::black_box;
use std::io;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use distil_tree::tar::{Limits, ReadError, Reader, Writer};
use distil_tree::{Entry, Kind, Metadata, Origin, Tree, TreePath};

/// About as many as an image of Java with some libraries has.
const FILES: usize = 10_000;

/// Of each file, as is usual for a text of a language's library.
const SIZE: usize = 6_000;

fn entry(kind: Kind, mode: u32) -> Entry {
    Entry {
        meta: Metadata {
            mode,
            ..Metadata::root(mode, 1_750_000_000)
        },
        kind,
        origin: Origin::Package("package".into()),
        layer: 0,
    }
}

fn files() -> Vec<(TreePath, Entry)> {
    let content: Vec<u8> = (0..SIZE).map(|at| b"distil image "[at % 13]).collect();
    (0..FILES)
        .map(|number| {
            let path = format!("usr/lib/part{}/folder{}/{number}", number % 7, number % 97);
            let kind = match number % 20 {
                0 => Kind::symlink(format!("{}", number + 97 * 7)),
                _ => Kind::file(content.clone()),
            };
            (TreePath::of(&path), entry(kind, 0o644))
        })
        .collect()
}

fn tree_of(files: &[(TreePath, Entry)]) -> Tree {
    let mut tree = Tree::new();
    for (path, file) in files {
        for folder in path.ancestors() {
            if tree.get(&folder).is_none() {
                let folder_entry = entry(Kind::Directory, 0o755);
                tree.insert(&folder, folder_entry).expect("there is room");
            }
        }
        tree.insert(path, file.clone()).expect("there is room");
    }
    tree
}

fn trees(criterion: &mut Criterion) {
    let files = files();
    let tree = tree_of(&files);
    criterion.bench_function("tree/insert 10,000 files", |bencher| {
        bencher.iter(|| black_box(tree_of(&files)));
    });
    criterion.bench_function("tree/follow 10,000 paths", |bencher| {
        bencher.iter(|| {
            let found = files.iter().filter(|(path, _)| tree.follow(path).is_some());
            black_box(found.count())
        });
    });
}

fn tars(criterion: &mut Criterion) {
    let tree = tree_of(&files());
    let mut tar = Writer::new(Vec::new());
    for (path, entry) in tree.iter().filter(|(path, _)| !path.is_root()) {
        tar.append(path, entry).expect("memory takes everything");
    }
    let tar = tar.finish().expect("memory takes everything");
    let mut group = criterion.benchmark_group("tar");
    group.throughput(Throughput::Bytes(tar.len() as u64));
    group.bench_function("write", |bencher| {
        bencher.iter(|| {
            let mut writer = Writer::new(io::sink());
            for (path, entry) in tree.iter().filter(|(path, _)| !path.is_root()) {
                writer.append(path, entry).expect("a sink takes everything");
            }
            writer.finish().expect("a sink takes everything")
        });
    });
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            let mut members = 0;
            Reader::new(&tar[..], Limits::default())
                .for_each(|_, _| {
                    members += 1;
                    Ok::<_, ReadError>(())
                })
                .expect("it was just written");
            members
        });
    });
    group.finish();
}

criterion_group!(benches, trees, tars);
criterion_main!(benches);
