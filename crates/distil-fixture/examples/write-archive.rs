//! Writes the miniature Debian into a folder, to look at it with real tools:
//! `cargo run -p distil-fixture --example write-archive -- FOLDER trixie`.

use std::path::Path;

use distil_fixture::{debian_like, debian_security_like};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, suite] = &arguments[..] else {
        eprintln!("usage: write-archive FOLDER trixie|bookworm");
        std::process::exit(2);
    };
    let folder = Path::new(folder);
    for (name, builder) in [
        ("debian", debian_like(suite)),
        ("debian-security", debian_security_like(suite)),
    ] {
        let archive = builder.write(&folder.join(name))?;
        println!("{} {}", archive.url(), archive.keyring_path.display());
    }
    Ok(())
}
