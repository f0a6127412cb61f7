//! Writes a miniature Debian into a directory, to look at it with real tools, or to measure with:
//!
//! ```text
//! cargo run -p distil-fixture --example write-archive -- FOLDER trixie|bookworm
//! cargo run -p distil-fixture --example write-archive -- FOLDER scale PACKAGES BYTES
//! ```
//!
//! `scale` adds so many packages with so many bytes each to trixie, and `everything`, which
//! depends on them all.

use std::path::Path;
use std::process::ExitCode;

use distil_fixture::{ArchiveBuilder, Compression, DebBuilder, debian_like, debian_security_like};

/// The files of each package of `scale`.
const FILES: u64 = 10;

fn main() -> std::io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (folder, suite, archive) = match arguments[..] {
        [folder, "scale", packages, bytes] => match (packages.parse(), bytes.parse()) {
            (Ok(packages), Ok(bytes)) => (folder, "trixie", scale(packages, bytes)),
            _ => return Ok(usage()),
        },
        [folder, suite @ ("trixie" | "bookworm")] => (folder, suite, debian_like(suite)),
        _ => return Ok(usage()),
    };
    let folder = Path::new(folder);
    for (name, builder) in [
        ("debian", archive),
        ("debian-security", debian_security_like(suite)),
    ] {
        let archive = builder.write(&folder.join(name))?;
        println!("{} {}", archive.url(), archive.keyring_path.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn usage() -> ExitCode {
    eprintln!("usage: write-archive FOLDER trixie|bookworm|scale [PACKAGES BYTES]");
    ExitCode::from(2)
}

fn scale(packages: u64, bytes: u64) -> ArchiveBuilder {
    debian_like("trixie").with("trixie", |mut pocket| {
        let names: Vec<String> = (0..packages)
            .map(|number| format!("part{number}"))
            .collect();
        for (number, name) in (0..).zip(&names) {
            let mut deb = DebBuilder::new(name, "1.0-1", "amd64")
                // xz would take longer to make than all that is measured.
                .data_compression(Compression::Zstd);
            for file in 0..FILES {
                let content = content(number * FILES + file, bytes / FILES);
                deb = deb.file(&format!("/usr/lib/{name}/file{file}"), content);
            }
            pocket = pocket.package(deb);
        }
        let everything = DebBuilder::new("everything", "1.0-1", "all").depends(&names.join(", "));
        pocket.package(everything)
    })
}

/// Bytes that compress about as a program does, others for each `seed`.
fn content(seed: u64, size: u64) -> Vec<u8> {
    let mut state = seed.wrapping_add(1);
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < size {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let word = (state >> 33) % 3_000;
        bytes.extend_from_slice(&word.to_le_bytes()[..3]);
    }
    bytes
}
