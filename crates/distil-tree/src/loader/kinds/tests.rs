use super::*;
use crate::loader::tests::{cache, library, tree};
use crate::loader::{Libc, Loader};
use crate::path::TreePath;
use crate::tree::Kind;
use distil_fixture::{ElfBuilder, Machine};

const AMD64: Abi = Abi {
    machine: 62,
    is_64: true,
    is_little_endian: true,
};

fn folders(glibc: u32, present: &[&'static str], kind: &str) -> Vec<String> {
    let kinds = Kinds::new(AMD64, Some(glibc), &present.iter().copied().collect());
    let mut others = kinds.others.into_iter();
    let kind = match kind {
        "" => kinds.common,
        _ => others.find(|one| one.name == kind).unwrap(),
    };
    let folders = kind.folders.into_iter();
    folders
        .map(|folder| String::from_utf8(folder).unwrap())
        .collect()
}

/// What `LD_DEBUG=libs` of Debian's glibc 2.36-9+deb12u14 showed for a program with a RUNPATH, on a
/// machine of AMD's of the level x86-64-v3: first the directories of `glibc-hwcaps`, then these.
#[test]
fn the_folders_are_tried_as_the_loader_does() {
    let shown = [
        "/tls/x86_64/x86_64/",
        "/tls/x86_64/",
        "/tls/x86_64/",
        "/tls/",
        "/x86_64/x86_64/",
        "/x86_64/",
        "/x86_64/",
        "/",
    ];
    assert_eq!(folders(36, &["tls", "x86_64", "haswell"], "x86_64"), shown);
    // What machines of all makers have of it.
    let common = ["/tls/x86_64/", "/tls/", "/x86_64/", "/"];
    assert_eq!(folders(36, &["tls", "x86_64", "haswell"], ""), common);
    let better = [
        "/glibc-hwcaps/x86-64-v4/",
        "/glibc-hwcaps/x86-64-v2/",
        "/haswell/avx512_1/",
        "/haswell/",
        "/avx512_1/",
        "/",
    ];
    let present = ["x86-64-v4", "x86-64-v2", "haswell", "avx512_1"];
    assert_eq!(folders(36, &present, "avx512_1"), better);
    // 2.31 has no levels yet, and 2.37 has nothing else.
    assert_eq!(folders(31, &present, "avx512_1"), better[2..]);
    let levels = ["/glibc-hwcaps/x86-64-v4/", "/glibc-hwcaps/x86-64-v2/", "/"];
    assert_eq!(folders(37, &present, "x86-64-v4"), levels);
    let common = folders(37, &["tls", "x86_64"], "");
    assert_eq!(common, ["/"]);
}

/// A glibc that has symbols up to a version, and words.
fn glibc(machine: Machine, version: &str, words: &str) -> (&'static str, Kind) {
    let libc = ElfBuilder::shared("libc.so.6")
        .machine(machine)
        .defines("GLIBC_2.2.5")
        .defines(version)
        .payload(words);
    ("usr/lib/libc.so.6", library(libc))
}

/// What every machine finds for a program with a RUNPATH, and what some find.
fn found(glibc: (&str, Kind), machine: Machine, files: &[&str]) -> (String, Vec<String>) {
    found_with(glibc, machine, files, Vec::new())
}

fn found_with(
    glibc: (&str, Kind),
    machine: Machine,
    files: &[&str],
    cache: Vec<u8>,
) -> (String, Vec<String>) {
    let program = ElfBuilder::executable()
        .machine(machine)
        .needed("libx.so.1")
        .runpath("/opt");
    let mut all = vec![glibc, ("app/run", library(program))];
    let paths: Vec<String> = files.iter().map(|f| format!("{f}/libx.so.1")).collect();
    all.extend(paths.iter().map(|path| {
        let x = ElfBuilder::shared("libx.so.1").machine(machine);
        (path.as_str(), library(x))
    }));
    all.push(("etc/ld.so.cache", Kind::file(cache)));
    let tree = tree(&all);
    let loader = Loader::new(&tree, None);
    let chain = [TreePath::of("app/run")];
    let usual = loader.find(&chain, b"libx.so.1", Libc::Glibc);
    let variants = loader.variants(&chain, b"libx.so.1", Libc::Glibc);
    let folder = |place: &TreePath| place.parent().unwrap_or_default().to_string();
    let variants = variants
        .iter()
        .map(|one| format!("{} {}", one.machines, folder(&one.library.place)))
        .collect();
    (
        usual.map_or_else(String::new, |one| folder(&one.place)),
        variants,
    )
}

/// Debian's bookworm.
fn bookworm() -> (&'static str, Kind) {
    let words = "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.";
    glibc(Machine::X86_64, "GLIBC_2.36", words)
}

const NONE: [&str; 0] = [];

#[test]
fn what_all_machines_have_is_found_on_all() {
    let amd64 = |files: &[&str]| found(bookworm(), Machine::X86_64, files);
    assert_eq!(amd64(&["opt/x86_64"]).0, "/opt/x86_64");
    assert_eq!(amd64(&["opt/x86_64", "opt"]).0, "/opt/x86_64");
    assert_eq!(amd64(&["opt/x86_64", "opt/tls", "opt"]).0, "/opt/tls");
    let all = ["opt/tls/x86_64", "opt/x86_64", "opt/tls", "opt"];
    assert_eq!(amd64(&all), ("/opt/tls/x86_64".into(), Vec::new()));
    // In the directories that the loader has built in, too.
    assert_eq!(amd64(&["usr/lib/x86_64"]).0, "/usr/lib/x86_64");
    // Such a directory of another architecture's is none.
    assert_eq!(amd64(&["opt/aarch64", "opt/neon"]), (String::new(), vec![]));
}

#[test]
fn what_some_machines_have_is_found_on_them() {
    let amd64 = |files: &[&str]| found(bookworm(), Machine::X86_64, files);
    let haswell = "haswell /opt/haswell";
    assert_eq!(
        amd64(&["opt/haswell"]),
        (String::new(), vec![haswell.into()])
    );
    let both = amd64(&["opt/haswell", "opt"]);
    assert_eq!(both, ("/opt".into(), vec![haswell.into()]));
    // `tls` comes before the platform.
    let both = amd64(&["opt/haswell", "opt/tls"]);
    assert_eq!(both, ("/opt/tls".into(), Vec::new()));
    // A level comes before both, and such a machine is of one.
    let v3 = "opt/glibc-hwcaps/x86-64-v3";
    let (usual, variants) = amd64(&["opt/haswell", "opt", v3]);
    assert_eq!(usual, "/opt");
    assert_eq!(variants, [format!("x86-64-v3 /{v3}")]);
    let (_, variants) = amd64(&["opt/xeon_phi", "opt/haswell/avx512_1", "opt"]);
    let better = ["avx512_1 /opt/haswell/avx512_1", "xeon_phi /opt/xeon_phi"];
    assert_eq!(variants, better);
}

#[test]
fn other_architectures_have_names_of_their_own() {
    let of = |machine, files: &[&str]| found(glibc(machine, "GLIBC_2.31", ""), machine, files);
    // Ubuntu's libc6-lse of 20.04.
    let lse = of(Machine::Aarch64, &["opt/atomics", "opt"]);
    assert_eq!(lse, ("/opt".into(), vec!["atomics /opt/atomics".into()]));
    assert_eq!(of(Machine::Aarch64, &["opt/aarch64"]).0, "/opt/aarch64");
    assert_eq!(of(Machine::I386, &["opt/i686"]).0, "/opt/i686");
    let sse2 = of(Machine::I386, &["opt/i686/sse2", "opt"]);
    assert_eq!(sse2, ("/opt".into(), vec!["sse2 /opt/i686/sse2".into()]));
    let arm = of(Machine::Arm, &["opt/vfp", "opt/neon/vfp"]);
    assert_eq!(arm, ("/opt/vfp".into(), vec!["neon /opt/neon/vfp".into()]));
    // A machine is of one platform, and looks into no directory of an older one.
    let (usual, variants) = of(Machine::Ppc64le, &["opt/power8", "opt/power9/altivec"]);
    assert_eq!(usual, "");
    assert_eq!(
        variants,
        ["power8 /opt/power8", "power9 /opt/power9/altivec"]
    );
    let (usual, variants) = of(Machine::S390x, &["opt/zarch", "opt/z14/vxe"]);
    assert_eq!(
        (usual.as_str(), variants),
        ("/opt/zarch", vec!["z14 /opt/z14/vxe".into()])
    );
    assert_eq!(of(Machine::Riscv64, &["opt/tls"]).0, "/opt/tls");
}

#[test]
fn newer_glibcs_look_into_none_of_them() {
    let files = ["opt/x86_64", "opt/haswell", "opt/tls"];
    let with = |version, words| {
        let glibc = glibc(Machine::X86_64, version, words);
        found(glibc, Machine::X86_64, &files)
    };
    let (usual, variants) = with("GLIBC_2.35", "");
    assert_eq!((usual.as_str(), variants), ("/opt/tls", vec![]));
    assert_eq!(with("GLIBC_2.38", ""), (String::new(), vec![]));
    // 2.37 has no symbols that 2.36 does not have.
    let words = "GNU C Library (Ubuntu GLIBC 2.37-0ubuntu2) stable release version 2.37.";
    assert_eq!(with("GLIBC_2.36", words), (String::new(), vec![]));
    // Nobody knows which glibc will be there.
    let unknown = ("usr/lib/other.so", library(ElfBuilder::plugin()));
    let unknown = found(unknown, Machine::X86_64, &files);
    assert_eq!(unknown, (String::new(), vec![]));
}

#[test]
fn glibcs_before_2_33_know_no_levels() {
    let v3 = "opt/glibc-hwcaps/x86-64-v3";
    let with = |version| {
        let glibc = glibc(Machine::X86_64, version, "");
        found(glibc, Machine::X86_64, &[v3, "opt"]).1
    };
    assert_eq!(with("GLIBC_2.32"), NONE);
    assert_eq!(with("GLIBC_2.33"), [format!("x86-64-v3 /{v3}")]);
}

/// In the order and with the bits that ldconfig of Debian's glibc 2.36-9+deb12u14 wrote for these
/// directories. Of them its loader took, on a machine of AMD's, `tls`; without that `x86_64`; without
/// both the one for all; and without that none.
#[test]
fn entries_of_the_cache_are_for_machines() {
    let entries = [
        ("tls/haswell", 0x8004_0000_0000_0000),
        ("tls", 0x8000_0000_0000_0000),
        ("haswell", 0x0004_0000_0000_0000),
        ("i686", 0x0002_0000_0000_0000),
        ("avx512_1", 4),
        // ldconfig adds where it should not.
        ("x86_64/x86_64", 4),
        ("x86_64", 2),
        ("sse2", 1),
        ("", 0),
    ];
    let without = |glibc, absent: &[&str]| {
        let there = entries.iter().filter(|(name, _)| !absent.contains(name));
        let paths: Vec<(String, u64)> = there
            .map(|(name, hwcap)| {
                let path = format!("srv/{name}");
                (path.trim_end_matches('/').to_owned(), *hwcap)
            })
            .collect();
        let shown: Vec<(String, u64)> = paths
            .iter()
            .map(|(path, hwcap)| (format!("/{path}/libx.so.1"), *hwcap))
            .collect();
        let lines: Vec<(&str, &str, u64)> = shown
            .iter()
            .map(|(path, hwcap)| ("libx.so.1", path.as_str(), *hwcap))
            .collect();
        let files: Vec<&str> = paths.iter().map(|(path, _)| path.as_str()).collect();
        found_with(glibc, Machine::X86_64, &files, cache(&lines, &[]))
    };
    let (usual, variants) = without(bookworm(), &[]);
    assert_eq!(
        (usual.as_str(), &variants[..]),
        ("/srv/tls", &["haswell /srv/tls/haswell".to_owned()][..])
    );
    let tls = ["tls", "tls/haswell"];
    let (usual, variants) = without(bookworm(), &tls);
    assert_eq!(usual, "/srv/x86_64");
    assert_eq!(variants, ["haswell /srv/haswell"]);
    let (usual, variants) = without(bookworm(), &["tls", "tls/haswell", "haswell", "x86_64"]);
    assert_eq!(usual, "/srv");
    assert_eq!(variants, ["avx512_1 /srv/avx512_1"]);
    let (usual, _) = without(bookworm(), &["tls", "tls/haswell", "x86_64", ""]);
    assert_eq!(usual, "");
    // A glibc of today takes the last alone.
    let (usual, variants) = without(glibc(Machine::X86_64, "GLIBC_2.41", ""), &[]);
    assert_eq!(
        (usual.as_str(), &variants[..]),
        ("/srv", &NONE.map(String::from)[..])
    );
    let (usual, _) = without(glibc(Machine::X86_64, "GLIBC_2.41", ""), &[""]);
    assert_eq!(usual, "");
}
