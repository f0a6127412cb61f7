use super::*;
use crate::tree::{Entry, Metadata, Origin};
use distil_fixture::{ElfBuilder, Machine};

pub(super) fn tree(files: &[(&str, Kind)]) -> Tree {
    let mut tree = Tree::new();
    for (path, kind) in files {
        let meta = Metadata::root(0o755, 0);
        let origin = Origin::Package("test".into());
        let entry = Entry {
            kind: kind.clone(),
            meta,
            origin,
            layer: 0,
        };
        tree.insert(&TreePath::of(path), entry).unwrap();
    }
    tree
}

pub(super) fn library(builder: ElfBuilder) -> Kind {
    Kind::file(builder.build())
}

fn unmet(tree: &Tree) -> Vec<String> {
    let loader = Loader::of_whole(tree).unwrap();
    let mut unmet = Vec::new();
    for (path, facts) in loader.files() {
        let interpreter = facts.interpreter.as_ref();
        let interpreter = interpreter.filter(|one| loader.at(one, facts.abi).is_none());
        let missing = loader.load_alone(path).missing;
        let names = missing.iter().map(|(_, name)| name);
        let text = |name: &Vec<u8>| format!("{path} needs {}", crate::printable(name));
        unmet.extend(interpreter.into_iter().chain(names).map(text));
    }
    unmet
}

#[test]
fn libraries_are_found_where_the_cache_says() {
    let needs = || library(ElfBuilder::shared("a.so").needed("libb.so.1"));
    let b = || library(ElfBuilder::shared("libb.so.1"));
    let there = [("a.so", needs()), ("opt/lib/libb.so.1", b())];
    assert_eq!(unmet(&tree(&there)), ["/a.so needs libb.so.1"]);
    let [one, two] = there;
    // The loader reads the cache, and ldconfig the configuration.
    let cache = Kind::file(cache(&[("libb.so.1", "/opt/lib/libb.so.1", 0)], &[]));
    let told = tree(&[one, two, ("etc/ld.so.cache", cache)]);
    assert!(unmet(&told).is_empty());
    let configuration = Kind::file("# comment\n/opt/lib\n");
    let told = tree(&[("etc/ld.so.conf.d/x.conf", configuration)]);
    let folders = configured_folders(&told).unwrap();
    assert_eq!(folders, ["opt/lib", "lib", "usr/lib"].map(TreePath::of));
    assert!(unmet(&tree(&[("a.so", needs()), ("usr/lib/libb.so.1", b())])).is_empty());
}

#[test]
fn runpath_knows_its_origin() {
    let a = ElfBuilder::shared("a.so")
        .needed("libb.so.1")
        .runpath("$ORIGIN/../private");
    let b = library(ElfBuilder::shared("libb.so.1"));
    let found = tree(&[("opt/x/a.so", library(a)), ("opt/private/libb.so.1", b)]);
    assert!(unmet(&found).is_empty());
}

#[test]
fn another_machines_library_is_none() {
    let b = ElfBuilder::shared("libb.so.1").machine(Machine::Aarch64);
    let a = ElfBuilder::shared("a.so").needed("libb.so.1");
    let wrong = tree(&[("a.so", library(a)), ("usr/lib/libb.so.1", library(b))]);
    assert_eq!(unmet(&wrong), ["/a.so needs libb.so.1"]);
}

#[test]
fn links_that_lead_nowhere_do_not_help() {
    let a = library(ElfBuilder::shared("a.so").needed("libb.so.1"));
    let broken = tree(&[
        ("a.so", a),
        ("usr/lib/libb.so.1", Kind::symlink("libb.so.1.2")),
    ]);
    assert_eq!(unmet(&broken).len(), 1);
}

/// What an entry of the cache for the first level wants.
const LEVEL: u64 = 1 << 62;

/// A cache with entries for levels, which are told by their numbers, or for capabilities.
pub(super) fn cache(entries: &[(&str, &str, u64)], levels: &[&str]) -> Vec<u8> {
    let mut strings = Vec::new();
    let start = 48 + entries.len() * 24;
    let mut put = |text: &str| {
        let at = start + strings.len();
        strings.extend_from_slice(text.as_bytes());
        strings.push(0);
        u32::try_from(at).unwrap()
    };
    let mut lines = Vec::new();
    for (name, path, hwcap) in entries {
        for word in [0x303, put(name), put(path), 0] {
            lines.extend(word.to_le_bytes());
        }
        lines.extend(hwcap.to_le_bytes());
    }
    let names: Vec<u32> = levels.iter().map(|level| put(level)).collect();
    let extension = u32::try_from(start + strings.len()).unwrap();
    let mut bytes = b"glibc-ld.so.cache1.1".to_vec();
    let count = u32::try_from(entries.len()).unwrap();
    for word in [count, 0, 2, extension, 0, 0, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(lines);
    bytes.extend(strings);
    let size = 4 * u32::try_from(names.len()).unwrap();
    for word in [0xeaa4_2174, 1, 1, 0, extension + 24, size] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(names.into_iter().flat_map(u32::to_le_bytes));
    bytes
}

#[test]
fn better_machines_look_into_more_folders() {
    let program = || library(ElfBuilder::executable().needed("libx.so.1"));
    let x = || library(ElfBuilder::shared("libx.so.1"));
    let found = |files: &[(&str, Kind)]| {
        let tree = tree(files);
        let loader = Loader::new(&tree, None);
        let chain = [TreePath::of("app/run")];
        let usual = loader.find(&chain, b"libx.so.1", Libc::Glibc);
        let variants = loader.variants(&chain, b"libx.so.1", Libc::Glibc);
        let variants: Vec<String> = variants
            .into_iter()
            .map(|one| format!("{} {}", one.machines, one.library.place))
            .collect();
        (usual.map(|found| found.place.to_string()), variants)
    };
    let v3 = "usr/lib/glibc-hwcaps/x86-64-v3/libx.so.1";
    let only = found(&[("app/run", program()), (v3, x())]);
    assert_eq!(only, (None, vec![format!("x86-64-v3 /{v3}")]));
    let usual = "usr/lib/libx.so.1";
    let both = [("app/run", program()), (v3, x()), (usual, x())];
    let expected = (Some(format!("/{usual}")), vec![format!("x86-64-v3 /{v3}")]);
    assert_eq!(found(&both), expected);
    // Of another machine's levels nobody hears.
    let other = found(&[
        ("app/run", program()),
        ("usr/lib/glibc-hwcaps/power10/libx.so.1", x()),
        (usual, x()),
    ]);
    assert_eq!(other, (Some(format!("/{usual}")), Vec::new()));
    // A directory that the cache alone knows.
    let v2 = "opt/glibc-hwcaps/x86-64-v2/libx.so.1";
    let (path, best) = (format!("/{v2}"), format!("/{v3}"));
    let entries = [
        ("libx.so.1", best.as_str(), LEVEL | 1),
        ("libx.so.1", path.as_str(), LEVEL),
    ];
    let levels = ["x86-64-v2", "x86-64-v3"];
    let cached = found(&[
        ("app/run", program()),
        (v2, x()),
        (v3, x()),
        ("etc/ld.so.cache", Kind::file(cache(&entries, &levels))),
    ]);
    let expected = vec![format!("x86-64-v2 /{v2}"), format!("x86-64-v3 /{v3}")];
    assert_eq!(cached, (None, expected));
}

#[test]
fn there_is_a_limit_to_what_is_loaded() {
    let mut program = ElfBuilder::executable();
    let mut names = Vec::new();
    for number in 0..20 {
        let name = format!("libx{number}.so");
        program = program.needed(&name);
        names.push((
            format!("usr/lib/{name}"),
            library(ElfBuilder::shared(&name)),
        ));
    }
    let mut files = vec![("run", library(program))];
    files.extend(
        names
            .iter()
            .map(|(path, kind)| (path.as_str(), kind.clone())),
    );
    let tree = tree(&files);
    let mut loader = Loader::new(&tree, None);
    loader.max_loads = 50;
    let run = TreePath::of("run");
    assert_eq!(loader.load(&run).files.len(), 21);
    assert!(!loader.is_exhausted());
    loader.load(&run);
    loader.load(&run);
    assert!(loader.is_exhausted());
}
