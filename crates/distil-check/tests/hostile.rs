//! Images that mean harm: the result is an error or a finding, soon, with little memory, and never
//! looks like a pass.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;

use common::{Image, layer, names, zip};
use distil_fixture::{ElfBuilder, Entry, EntryKind, tar};
use distil_inspect::{ContainerConfig, Limits, Options, merge, read, read_directory, read_layers};
use distil_oci::layer::BytesBlob;
use distil_oci::{Compression, Layer, LayerWriter};
use distil_tree::TreePath;

fn file(path: &str) -> Entry {
    Entry::file(path, "x")
}

fn refused(tar: &[u8]) -> String {
    let diff = match read(tar, Limits::default()) {
        Ok(diff) => diff,
        Err(error) => return error.to_string(),
    };
    merge(vec![diff]).unwrap_err().to_string()
}

fn mode(layers: &[&[Entry]], path: &str) -> u32 {
    let filesystem = merge(layers.iter().map(|entries| layer(entries)).collect()).unwrap();
    filesystem.tree.get(&TreePath::of(path)).unwrap().meta.mode
}

/// CVE-2026-33056: a directory where a link is changes the mode of what the link leads to.
#[test]
fn modes_do_not_go_through_links() {
    let below = [
        Entry::directory("etc").mode(0o755),
        Entry::symlink("x", "etc"),
        Entry::symlink("y", "/etc"),
    ];
    let above = [
        Entry::directory("x").mode(0o777),
        Entry::directory("y").mode(0o777),
    ];
    let both = [&below[..], &above].concat();
    for layers in [&[&below[..], &above][..], &[&both]] {
        assert_eq!(mode(layers, "etc"), 0o755);
        assert_eq!(mode(layers, "x"), 0o777);
    }
}

/// CVE-2026-33055 and CVE-2025-62518: two readers take the size from different places, and what is
/// the content for one are members for the other.
#[test]
fn sizes_are_said_once() {
    let hidden = tar(&[file("evil")], 0);
    let size = hidden.len().to_string();
    let in_header = Entry::verbatim("x", EntryKind::File(hidden.clone()));
    let refused = [refused(&tar(&[in_header.clone().pax("size", "0")], 0)), {
        let nothing = Entry::verbatim("x", EntryKind::File(Vec::new())).pax("size", &size);
        let bytes = tar(&[nothing], 0);
        refused(&[&bytes[..bytes.len() - 1024], &hidden].concat())
    }];
    assert_eq!(refused, ["`x` in the tar archive has two sizes"; 2]);
    // Said twice, and the same: the one content is all there is.
    let same = tar(&[in_header.pax("size", &size)], 0);
    let filesystem = merge(vec![read(same.as_slice(), Limits::default()).unwrap()]).unwrap();
    assert!(filesystem.tree.get(&TreePath::of("evil")).is_none());
}

/// CVE-2026-25121, CVE-2026-42574, CVE-2024-1753: names without any `..` that leave by a link, and
/// links to the root of whoever reads.
#[test]
fn links_end_inside_of_the_image() {
    let image = Image::default()
        .link("host", "/../../../..")
        .link("deep", "host/../..")
        .link("etc", "../../../../../etc")
        .entrypoint(&["/host/etc/hostname"])
        .workdir("/deep")
        .volume("/host/proc")
        .env("SSL_CERT_FILE", "/host/etc/passwd");
    let found = names(&image);
    assert!(found.contains(&"program-missing".to_owned()), "{found:?}");
    assert!(found.contains(&"certificate-path".to_owned()), "{found:?}");
    let through = [
        Entry::symlink("a", "/"),
        Entry::symlink("b", "a/a/a/../../../.."),
        file("b/x"),
    ];
    let filesystem = merge(vec![layer(&through)]).unwrap();
    assert!(filesystem.tree.get(&TreePath::of("x")).is_some());
    // A directory of this machine is read without following its links.
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/etc", folder.path().join("etc")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("x")).unwrap();
    let filesystem = merge(vec![
        read_directory(folder.path(), Options::default()).unwrap(),
    ])
    .unwrap();
    for path in ["etc/passwd", "x"].map(TreePath::of) {
        assert!(filesystem.tree.follow(&path).is_none(), "{path}");
    }
}

fn packed(entries: &[Entry], compression: Compression) -> Layer {
    let mut writer = LayerWriter::new(Vec::new(), compression, NonZeroUsize::MIN);
    writer.write_all(&tar(entries, 0)).unwrap();
    let (bytes, facts) = writer.finish().unwrap();
    Layer::new(compression, &facts, Arc::new(BytesBlob(bytes.into())))
}

/// On two threads.
fn two() -> Options {
    Options {
        threads: NonZeroUsize::new(2).unwrap(),
        ..Options::default()
    }
}

#[test]
fn thousands_of_layers() {
    const COUNT: usize = 2000;
    let elf = ElfBuilder::shared("libx.so").build();
    let layers: Vec<Layer> = (0..COUNT)
        .map(|number| {
            let entries = [
                Entry::file(&format!("lib/lib{number}.so"), &elf),
                file(&format!("lib/.wh.lib{}.so", number.wrapping_sub(2))),
                Entry::hard_link("again", &format!("lib/lib{number}.so")),
                Entry::directory(&format!("{}d", "d/".repeat(number % 50))),
            ];
            packed(&entries, Compression::None)
        })
        .collect();
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    let diffs = read_layers(&layers, two()).unwrap();
    assert!(open() < before + 20, "one temporary file for all layers");
    let filesystem = merge(diffs).unwrap();
    let libraries = filesystem.tree.children(&TreePath::of("lib")).count();
    assert_eq!(libraries, 2);
    common::findings(&filesystem, &ContainerConfig::default());
    // Limits are those of the whole image.
    let few = Options {
        limits: Limits {
            members: 5000,
            ..Limits::default()
        },
        ..two()
    };
    let (_, error) = read_layers(&layers, few).unwrap_err();
    insta::assert_snapshot!(error, @"the image has more than 5000 files");
}

#[test]
fn layers_that_unpack_to_much_more() {
    let bomb = [Entry::verbatim("x", EntryKind::Zeros(64 << 20))];
    let small = Options {
        limits: Limits {
            unpacked: 8 << 20,
            ..Limits::default()
        },
        ..two()
    };
    for compression in [
        Compression::Gzip { level: 1 },
        Compression::Zstd { level: 1 },
    ] {
        let layer = packed(&bomb, compression);
        assert!(layer.size() < 1 << 20);
        let (number, error) = read_layers(&[layer], small).unwrap_err();
        assert!(error.to_string().contains("more than 8388608"), "{error}");
        assert_eq!(number, 0);
        // Of what is within the limits, zeros are not kept.
        read_layers(&[packed(&bomb, compression)], two()).unwrap();
    }
}

#[test]
fn layers_that_are_cut_off_or_changed() {
    let entries = [file("a"), Entry::file("b", vec![b'x'; 5000]), file("c")];
    let whole = packed(&entries, Compression::Gzip { level: 6 });
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut whole.open().unwrap(), &mut bytes).unwrap();
    let with = |bytes: Vec<u8>| {
        Layer::from_parts(
            whole.media_type().clone(),
            whole.digest(),
            whole.size(),
            whole.diff_id(),
            Arc::new(BytesBlob(bytes.into())),
        )
    };
    assert!(read_layers(&[with(bytes.clone())], two()).is_ok());
    for end in 0..bytes.len() {
        let cut = with(bytes[..end].to_vec());
        assert!(read_layers(&[cut], two()).is_err(), "{end}");
        let mut changed = bytes.clone();
        changed[end] ^= 1;
        let changed = with(changed);
        assert!(read_layers(&[changed], two()).is_err(), "{end}");
    }
    let longer = with([bytes, b"more".to_vec()].concat());
    assert!(read_layers(&[longer], two()).is_err());
}

#[test]
fn circles() {
    let image = Image::default()
        .link("bin", "bin")
        .link("usr/bin", "../bin")
        .link("lib", "lib64")
        .link("lib64", "lib")
        .link("etc/passwd", "group")
        .link("etc/group", "passwd")
        .link(
            "etc/ssl/certs/ca-certificates.crt",
            "../certs/ca-certificates.crt",
        )
        .link("etc/localtime", "localtime")
        .link("venv/bin/python", "python3")
        .link("venv/bin/python3", "python")
        .file("venv/pyvenv.cfg", "home = /bin\n")
        .program("run", "#!/run\n")
        .entrypoint(&["/run"])
        .workdir("/bin/x")
        .user("x")
        .env("PATH", "/bin:/usr/bin:/lib")
        .env("LD_LIBRARY_PATH", "/lib:/lib64")
        .env("TZ", "x")
        .volume("/lib/x");
    let found = names(&image);
    for rule in ["venv", "user-unknown", "time-zone"] {
        assert!(found.contains(&rule.to_owned()), "{rule} {found:?}");
    }
    // Libraries that need one another.
    let library = |own: &str, other: &str| {
        let library = ElfBuilder::shared(own).needed(other);
        library.runpath("$ORIGIN/../lib").build()
    };
    let image = Image::default()
        .file("usr/lib/a.so", library("a.so", "b.so"))
        .file("usr/lib/b.so", library("b.so", "a.so"));
    assert!(!names(&image).contains(&"library-missing".to_owned()));
}

#[test]
fn headers_that_lie() {
    let good = ElfBuilder::executable()
        .requires("libc.so.6", "GLIBC_2.17")
        .dlopen(r#"[{"priority":"required","soname":["x.so"]}]"#)
        .build();
    let image = |bytes: &[u8]| {
        Image::default()
            .program("run", bytes)
            .entrypoint(&["/run"])
            .user("1")
    };
    let is_told = |bytes: &[u8]| {
        let found = names(&image(bytes));
        let rules = [
            "damaged-elf",
            "loader-missing",
            "library-missing",
            "wrong-machine",
            "program-not-executable",
        ];
        rules
            .iter()
            .any(|rule| found.iter().any(|name| name == rule))
    };
    assert!(is_told(&good), "its loader is missing");
    // Each word of the headers as large as can be, and each as small.
    for at in 4..400.min(good.len() - 8) {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = good.clone();
            bytes[at..at + 8].fill(value);
            names(&image(&bytes));
        }
    }
    for end in 0..good.len() {
        let is_headers = end < 64;
        assert!(!is_headers || is_told(&good[..end]), "{end}");
        names(&image(&good[..end]));
    }
    // What is loaded of a file has to be there, whatever its headers say.
    let alone = ElfBuilder::static_executable()
        .payload("x".repeat(500))
        .build();
    assert!(!is_told(&alone));
    assert!(is_told(&alone[..300]));
}

#[test]
fn archives_that_lie() {
    let java = |jar: &[u8]| {
        Image::default()
            .file("usr/lib/jvm/x/release", "JAVA_VERSION=\"21\"\n")
            .file("app/a.jar", jar)
            .file("app/b.whl", jar)
            .file("usr/lib/python3.13/os.py", "")
    };
    let told = |jar: &[u8]| {
        let found = names(&java(jar));
        found.iter().filter(|name| *name == "damaged-jar").count()
    };
    let class = [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52];
    let good = zip(&[
        ("a.class", &class),
        ("x.dist-info/WHEEL", b"Tag: py3-none-any\n"),
    ]);
    assert_eq!(told(&good), 0);
    for bytes in [
        &b""[..],
        b"PK",
        b"no archive at all",
        b"PK\x05\x06",
        &[0; 70_000],
    ] {
        assert_eq!(told(bytes), 2, "{} bytes", bytes.len());
    }
    for end in 0..good.len() {
        assert_eq!(told(&good[..end]), 2, "{end}");
    }
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0xff;
        names(&java(&bytes));
    }
}

/// Entries that overlap: a small file has any number of large jars in it (Fifield, "A better zip
/// bomb").
#[test]
fn archives_that_unpack_to_much_more() {
    let java = |jar: &[u8]| {
        Image::default()
            .file("usr/lib/jvm/x/release", "JAVA_VERSION=\"21\"\n")
            .file("app/a.jar", jar)
    };
    let same = |name: &str, content: &[u8], count: usize| {
        let one = zip(&[(name, content)]);
        let list = one.len() - 22 - 46 - name.len();
        let record = &one[list..one.len() - 22];
        let mut bytes = one[..list].to_vec();
        for _ in 0..count {
            bytes.extend(record);
        }
        let size = u32::try_from(record.len() * count).unwrap();
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend([u16::try_from(count).unwrap().to_le_bytes(); 2].concat());
        bytes.extend(size.to_le_bytes());
        bytes.extend(u32::try_from(list).unwrap().to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    };
    let inner = same("in.jar", &zip(&[("x", b"")]), 1000);
    let middle = same("in.jar", &inner, 1000);
    let bomb = same("in.jar", &middle, 1000);
    assert!(bomb.len() < 1 << 20);
    assert!(names(&java(&bomb)).contains(&"not-examined".to_owned()));
    // One that is packed: only as much as is looked at is unpacked.
    let zeros = packed_entry("in.jar", 128 << 20);
    assert!(zeros.len() < 1 << 20);
    assert!(names(&java(&zeros)).contains(&"not-examined".to_owned()));
}

/// An archive with one entry of so many zeros.
fn packed_entry(name: &str, size: usize) -> Vec<u8> {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    let zeros = vec![0; 1 << 20];
    for _ in 0..size >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    let content = encoder.finish().unwrap();
    let mut bytes = zip(&[(name, &content)]);
    // The method of the entry, in its own header and in the list.
    bytes[8] = 8;
    let list = 30 + name.len() + content.len();
    bytes[list + 10] = 8;
    bytes
}

#[test]
fn words_that_move_a_terminal() {
    let evil = "\u{1b}[2J\u{7}\u{9b}x";
    let json = r#"[{"priority":"required","description":"\u001b[2J","soname":["\u001b[2J.so"]}]"#;
    let elf = ElfBuilder::executable()
        .needed(&format!("{evil}.so"))
        .requires("libc.so.6", &format!("GLIBC_{evil}"))
        .interpreter(&format!("/{evil}"))
        .dlopen(json)
        .build();
    let library = ElfBuilder::shared(evil)
        .needed(&format!("{evil}.so"))
        .build();
    let certificate = common::certificates::certificate(evil, 0, 1);
    let old = [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 99];
    let jar = zip(&[
        (&format!("{evil}.class"), &old),
        (&format!("{evil}.jar"), b"no jar"),
    ]);
    let image = Image::default()
        .program(&format!("bin/{evil}"), &elf)
        .program("bin/x", format!("#!/{evil} {evil}\n"))
        .program("bin/y", format!("#!/usr/bin/env {evil}\n"))
        .program("bin/sh", ElfBuilder::static_executable().build())
        .file("lib/a.so", library)
        .file(
            "etc/ssl/certs/ca-certificates.crt",
            common::certificates::pem(&[certificate]),
        )
        .file("usr/lib/jvm/x/release", "JAVA_VERSION=\"17\"\n")
        .file(&format!("app/{evil}.jar"), jar)
        .file(&format!("app/{evil}.whl"), "x")
        .file("usr/lib/python3.13/os.py", "")
        .file(
            "venv/pyvenv.cfg",
            format!("home = /{evil}\nversion = 3.12.{evil}\n"),
        )
        .link("venv/bin/python", &format!("/{evil}"))
        .file(&format!("a/{evil}.cpython-311-x.so"), "")
        .file(
            "b/x.dist-info/WHEEL",
            format!("Tag: cp313-cp313-{evil}\nTag: {evil}-{evil}-any\n"),
        )
        .file(
            "package.json",
            format!(r#"{{"engines":{{"node":">=99 {evil}"}}}}"#),
        )
        .file("usr/lib/libnode.so.115", "")
        .mode("package.json", 0o4777)
        .pax(
            "package.json",
            "SCHILY.xattr.security.capability",
            evil.as_bytes(),
        )
        .entrypoint(&["/bin/sh", "-c", evil])
        .cmd(&[evil, evil])
        .healthcheck(&["CMD", evil])
        .user(&format!("{evil}:{evil}"))
        .workdir(&format!("/{evil}"))
        .volume(&format!("/{evil}"))
        .writes(&format!("/{evil}"))
        .env("TZ", evil)
        .env("LANG", evil)
        .env("PATH", evil)
        .env("PYTHONPATH", evil)
        .env("LD_PRELOAD", evil)
        .env("TMPDIR", evil)
        .env("SSL_CERT_FILE", evil);
    let findings = image.findings();
    assert!(findings.len() > 20, "{findings:#?}");
    for one in findings {
        let paths = one.path.iter().chain(&one.others);
        let paths: String = paths.map(ToString::to_string).collect();
        let says = one.at_run_time.unwrap_or_default();
        for text in [one.problem, says, one.remedy, paths] {
            let is_control = |c: char| c.is_control() && c != '\n';
            assert!(!text.contains(is_control), "{text:?}");
        }
    }
}

#[test]
fn names_do_no_harm() {
    let evil = Entry::verbatim(b"a\x1b[31m\xff", EntryKind::File(b"#!/x\n".to_vec())).mode(0o755);
    let filesystem = merge(vec![layer(&[evil])]).unwrap();
    let config = ContainerConfig {
        entrypoint: vec!["/\u{1b}[31m".to_owned()],
        ..Default::default()
    };
    for finding in common::findings(&filesystem, &config) {
        let text = format!("{finding:?}{}", finding.problem);
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

/// How long each of these may take where the machine is busy; each took minutes, or would.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(60);

fn in_time(image: &Image) -> Vec<String> {
    let start = std::time::Instant::now();
    let found = names(image);
    assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
    found
}

/// Layers with many entries of a kind: `Image` looks for each path among all before it.
fn findings_of(entries: &[Entry]) -> usize {
    let start = std::time::Instant::now();
    let filesystem = merge(vec![layer(entries)]).unwrap();
    let count = common::findings(&filesystem, &ContainerConfig::default()).len();
    assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
    count
}

#[test]
fn thousands_of_dead_virtual_environments() {
    let entries: Vec<Entry> = (0..8000)
        .flat_map(|number| {
            [
                Entry::file(&format!("v{number}/pyvenv.cfg"), "home = /gone\n"),
                Entry::symlink(&format!("v{number}/bin/python"), "/gone/python3"),
            ]
        })
        .collect();
    assert!(findings_of(&entries) >= 8000);
}

#[test]
fn thousands_of_open_directories() {
    let open = |number: usize| Entry::directory(&format!("d{number}")).mode(0o777);
    let entries: Vec<Entry> = (0..20_000).map(open).collect();
    assert!(findings_of(&entries) >= 20_000);
}

#[test]
fn run_paths_times_needed_libraries() {
    let long = "x".repeat(100);
    let folders = (0..2000).map(|number| format!("/opt/{long}/{number}"));
    let folders: Vec<String> = folders.collect();
    let mut program = ElfBuilder::executable().runpath(&folders.join(":"));
    for number in 0..2000 {
        program = program.needed(&format!("lib{number}.so"));
    }
    let image = Image::default()
        .program("run", program.build())
        .program(
            "lib64/ld-linux-x86-64.so.2",
            ElfBuilder::shared("ld.so").build(),
        )
        .entrypoint(&["/run"]);
    let found = in_time(&image);
    assert!(!found.is_empty(), "it is told, one way or another");
}

#[test]
fn hard_links_are_read_once() {
    let large = [ElfBuilder::static_executable().build(), vec![0; 4 << 20]].concat();
    let first = Entry::file("f", large).mode(0o755);
    let link = |number: usize| Entry::hard_link(&format!("l{number}"), "f");
    let entries: Vec<Entry> = std::iter::once(first).chain((0..3000).map(link)).collect();
    findings_of(&entries);
}
