//! Writes the seeds that are no text: packages, archives, ELF files, keyrings, signatures. They
//! are the same in every run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use distil_fixture::{
    ArchiveBuilder, Compression, DebBuilder, ElfBuilder, Entry, EntryKind, KeyAlgorithm,
    KeyOptions, Machine, Pocket, Revocation, SigningKey, SubkeyOptions, WheelBuilder, keyring, sha256_hex,
    sign_clear_all, sign_detached_all, tar,
};

/// The time of everything: 1 October 2025.
const TIME: u64 = distil_fixture::DEFAULT_DATE;

fn main() -> io::Result<()> {
    let seeds = Seeds(Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds"));
    archives(&seeds)?;
    wheels(&seeds)?;
    packages(&seeds)?;
    elf_files(&seeds)?;
    signatures(&seeds)?;
    indexes(&seeds)?;
    images(&seeds)
}

/// The directory of the seeds.
struct Seeds(PathBuf);

impl Seeds {
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a seed lies in a directory"))?;
        fs::write(path, bytes)
    }
}

fn wheels(seeds: &Seeds) -> io::Result<()> {
    let wheel = WheelBuilder::new("shop", "1.0")
        .file("shop/__init__.py", "")
        .file("shop-1.0.data/scripts/old", "#!python\n")
        .file("shop-1.0.data/data/share/x", "x")
        .entry_points("[console_scripts]\nserve = shop.cli:main\n");
    seeds.write("wheel/schemes", wheel.build())?;
    let plain = WheelBuilder::new("shop", "1.0").executable("x.sh", "#!/bin/sh\n");
    seeds.write("wheel/plain", plain.build())
}

fn archives(seeds: &Seeds) -> io::Result<()> {
    let long = format!("/usr/share/{}", "long/".repeat(30));
    let gnu = [
        Entry::directory("/usr"),
        Entry::file("/usr/a", "content"),
        Entry::hard_link("/usr/b", "/usr/a"),
        Entry::symlink("/lib", "usr/lib"),
        Entry::file(&long, "")
            .mode(0o4755)
            .owner_names("root", "shadow"),
    ];
    let pax = [
        Entry::file(&long, "x").pax_long_names(),
        Entry::file("/a", "content")
            .pax("mtime", "1700000000.5")
            .pax("uname", "nobody"),
        Entry::file("/b", "")
            .pax("SCHILY.xattr.user.a", "b")
            .pax("uid", "4000000000"),
    ];
    // The last one has an extended attribute, which packages must not have.
    for (name, entries, packaged) in [("gnu", &gnu[..], &gnu[..]), ("pax", &pax[..], &pax[..2])] {
        seeds.write(&format!("tar/{name}"), short_tar(entries))?;
        seeds.write(&format!("deb/data-{name}"), short_tar(packaged))?;
    }
    let layer = short_tar(&gnu[..2]);
    seeds.write("layer/plain", &layer)?;
    seeds.write("layer/gzip", Compression::Gzip.compress(&layer))?;
    let members = ["one", "two"].map(|text| Compression::Gzip.compress(text.as_bytes()));
    seeds.write("layer/gzip-members", members.concat())?;
    seeds.write("layer/zstd", Compression::Zstd.compress(&layer))
}

/// A tar archive without the zeros that make its length a multiple of 10 KiB.
fn short_tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = tar(entries, TIME);
    let end = bytes
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    bytes.truncate(end.next_multiple_of(512) + 1024);
    bytes
}

fn packages(seeds: &Seeds) -> io::Result<()> {
    let deb = DebBuilder::new("fuzz", "1:2.0-1", "amd64")
        .depends("libc6 (>= 2.36), a | b")
        .executable("/usr/bin/fuzz", "#!/bin/sh\n")
        .conffile("/etc/fuzz.conf", "a = b\n")
        .symlink("/usr/bin/zzuf", "fuzz")
        .hard_link("/usr/bin/fuzz2", "/usr/bin/fuzz")
        .script("postinst", "#!/bin/sh\nldconfig\n");
    for (name, compression) in [
        ("gz", Compression::Gzip),
        ("xz", Compression::Xz),
        ("zst", Compression::Zstd),
    ] {
        seeds.write(
            &format!("deb/{name}.deb"),
            deb.clone().compression(compression).build(),
        )?;
    }
    let control = short_tar(&[Entry::file("control", deb.control())]);
    let data = short_tar(&[Entry::directory("/usr"), Entry::file("/usr/a", "content")]);
    let members = [
        member("debian-binary", b"2.0\n"),
        member("control.tar", &control),
        member("data.tar", &data),
        member("_extra", b"x"),
    ];
    seeds.write(
        "deb/plain.deb",
        [b"!<arch>\n", &members.concat()[..]].concat(),
    )
}

/// A member of an `ar` archive (deb(5)).
fn member(name: &str, body: &[u8]) -> Vec<u8> {
    let header = format!(
        "{name:<16}{TIME:<12}{:<6}{:<6}{:<8}{:<10}`\n",
        0,
        0,
        100_644,
        body.len()
    );
    let padding: &[u8] = if body.len() % 2 == 1 { b"\n" } else { b"" };
    [header.as_bytes(), body, padding].concat()
}

fn elf_files(seeds: &Seeds) -> io::Result<()> {
    let library = ElfBuilder::shared("libfuzz.so.1")
        .needed("libc.so.6")
        .rpath("/opt/a:/opt/b");
    seeds.write("elf/library", library.build())?;
    let program = ElfBuilder::executable()
        .runpath("$ORIGIN/../lib")
        .requires("libc.so.6", "GLIBC_2.34");
    seeds.write("elf/program", program.build())?;
    seeds.write("elf/static", ElfBuilder::static_executable().build())?;
    let add_on = ElfBuilder::plugin()
        .defines("V_1")
        .function("node_api_module_get_api_version_v1", b"\xb8\x0a\0\0\0\xc3");
    seeds.write("elf/add-on", add_on.build())?;
    let big_endian = ElfBuilder::shared("libfuzz.so.1").machine(Machine::S390x);
    seeds.write("elf/big-endian", big_endian.build())
}

fn signatures(seeds: &Seeds) -> io::Result<()> {
    let rsa = KeyOptions {
        algorithm: KeyAlgorithm::Rsa2048,
        ..KeyOptions::default()
    };
    let subkey = KeyOptions {
        subkey: Some(SubkeyOptions::default()),
        ..KeyOptions::default()
    };
    let revoked = Revocation {
        time: TIME,
        compromised: true,
    };
    let revoked = KeyOptions {
        revoked: Some(revoked),
        ..KeyOptions::default()
    };
    let expired = KeyOptions {
        expires: Some(TIME),
        ..KeyOptions::default()
    };
    let good = [
        SigningKey::new(1),
        SigningKey::generate(2, rsa),
        SigningKey::generate(3, subkey),
    ];
    let bad = [
        SigningKey::generate(4, revoked),
        SigningKey::generate(5, expired),
    ];
    let (good, bad) = ([&good[0], &good[1], &good[2]], [&bad[0], &bad[1]]);
    seeds.write("keyring/good.pgp", keyring(&good))?;
    seeds.write("keyring/bad.pgp", keyring(&bad))?;
    seeds.write("keyring/armoured.asc", good[0].public_armored())?;

    let text = fs::read_to_string(seeds.0.join("signed-text"))?;
    seeds.write("signature/inline.asc", sign_clear_all(&good, &text, TIME))?;
    let detached = sign_detached_all(&good, text.as_bytes(), TIME);
    seeds.write("signature/detached.pgp", dearmoured(&detached))?;
    seeds.write("signature/detached.asc", good[0].sign_detached(&text, TIME))
}

/// The bytes in an armoured block (RFC 9580, section 6), whose writer is known.
fn dearmoured(block: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let body = block.split_once("\n\n").expect("a block with a head").1;
    let lines = body
        .lines()
        .take_while(|line| !line.starts_with(['=', '-']));
    let values: Vec<u32> = lines
        .flat_map(str::bytes)
        .filter_map(|byte| DIGITS.iter().position(|&digit| digit == byte))
        .map(|value| u32::try_from(value).expect("six bits"))
        .collect();
    let group = |values: &[u32]| {
        let bits =
            values.iter().fold(0, |bits, value| bits << 6 | value) << (6 * (4 - values.len()));
        bits.to_be_bytes()[1..values.len()].to_vec()
    };
    values.chunks(4).flat_map(group).collect()
}

fn indexes(seeds: &Seeds) -> io::Result<()> {
    let pocket = Pocket::new("trixie")
        .architectures(&["amd64"])
        .compressions(&[Compression::None])
        .field("Origin", "Debian")
        .field("Codename", "trixie")
        .valid_until(Some(TIME + 604_800))
        .package(DebBuilder::new("a", "1.0-1", "amd64").depends("b (>= 1) | c, d:any"))
        .package(
            DebBuilder::new("b", "1.0-1", "amd64")
                .provides("c (= 2), d")
                .source("bb (3)"),
        )
        .package(
            DebBuilder::new("d", "1:0.9~rc1", "all")
                .multi_arch("allowed")
                .field("Breaks", "b (<< 1)"),
        );
    let archive = ArchiveBuilder::new().pocket(pocket).write_temp()?;
    let suite = archive.path("dists/trixie");
    let index = fs::read(suite.join("main/binary-amd64/Packages"))?;
    seeds.write("packages/index", &index)?;
    seeds.write("solve/index", &index)?;
    seeds.write("control/index", &index)?;
    seeds.write("release/fixture", fs::read(suite.join("Release"))?)
}

/// Archives of one image, as OCI lays them out and as Docker before version 25 saves them.
fn images(seeds: &Seeds) -> io::Result<()> {
    let layer = short_tar(&[Entry::file("/a", "content")]);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["sha256:{}"]}}}}"#,
        sha256_hex(&layer)
    );
    let descriptor = |kind: &str, bytes: &[u8]| {
        let (digest, size) = (sha256_hex(bytes), bytes.len());
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.{kind}","digest":"sha256:{digest}","size":{size}}}"#
        )
    };
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
        descriptor("config.v1+json", config.as_bytes()),
        descriptor("layer.v1.tar", &layer)
    );
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        descriptor("manifest.v1+json", manifest.as_bytes())
    );
    let blob = |bytes: &[u8]| {
        Entry::verbatim(
            format!("blobs/sha256/{}", sha256_hex(bytes)),
            EntryKind::File(bytes.to_vec()),
        )
    };
    let file =
        |name: &str, text: &str| Entry::verbatim(name, EntryKind::File(text.as_bytes().to_vec()));
    let oci = [
        file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#),
        blob(&layer),
        blob(config.as_bytes()),
        blob(manifest.as_bytes()),
        file("index.json", &index),
    ];
    seeds.write("image_archive/oci", short_tar(&oci))?;
    let saved = r#"[{"Config":"config.json","RepoTags":["fuzz:latest"],"Layers":["0/layer.tar","1/layer.tar"]}]"#;
    let digest = format!("\"sha256:{}\"", sha256_hex(&layer));
    let config = config.replace(&digest, &format!("{digest},{digest}"));
    let docker = [
        file("config.json", &config),
        Entry::verbatim("0/layer.tar", EntryKind::File(layer)),
        Entry::verbatim(
            "1/layer.tar",
            EntryKind::Symlink(b"../0/layer.tar".to_vec()),
        ),
        file("manifest.json", saved),
    ];
    let docker = short_tar(&docker);
    seeds.write("image_archive/docker", &docker)?;
    seeds.write(
        "image_archive/docker-gzip",
        Compression::Gzip.compress(&docker),
    )
}
