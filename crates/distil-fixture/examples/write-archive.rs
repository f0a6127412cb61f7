//! Writes the miniature Debian into a folder, to look at it with real tools:
//! `cargo run -p distil-fixture --example write-archive -- FOLDER trixie`.

use std::path::Path;

use distil_fixture::{ArchiveBuilder, DebBuilder, Pocket, debian_like};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, suite] = &arguments[..] else {
        eprintln!("usage: write-archive FOLDER SUITE");
        std::process::exit(2);
    };
    let builder = if suite == "tiny" {
        ArchiveBuilder::new().pocket(Pocket::new("tiny").package(
            DebBuilder::new("hello", "1:2.10-3", "amd64").executable("/usr/bin/hello", b"hi").file("/usr/share/hello/a-name-that-is-longer-than-the-one-hundred-bytes-that-a-tar-header-holds/and-longer-still/hello.txt", "x").conffile("/etc/hello.conf", "x=1\n").symlink("/usr/bin/hi", "hello").hard_link("/usr/bin/hey", "/usr/bin/hello"),
        ))
    } else {
        debian_like(suite)
    };
    let archive = builder.write(Path::new(folder))?;
    println!("{} {}", archive.url(), archive.keyring_path.display());
    Ok(())
}
