//! Gives the program an identity: the digest of everything that it is compiled from.
//!
//! What one program keeps in the store under a key, another must not take for what it would have
//! made itself. A version number is not enough for that while the program is being worked on. It is
//! where the crate was packaged alone: what a version was published as does not change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let workspace = crates.join("..");
    let mut files = Vec::new();
    // Beside a package from a registry lie those of everybody.
    let is_packaged = !crates.join("distil-store/Cargo.toml").is_file();
    let siblings = match is_packaged {
        true => Vec::new(),
        false => fs::read_dir(&crates)?.collect(),
    };
    for entry in siblings {
        let folder = entry?.path();
        // These are for tests alone.
        let is_test = ["distil-fixture", "distil-live"]
            .iter()
            .any(|name| folder.ends_with(name));
        if !is_test && folder.is_dir() {
            for name in ["src", "keyrings", "images", "programs", "Cargo.toml"] {
                watch(&folder.join(name), &mut files)?;
            }
        }
    }
    if !is_packaged {
        for name in ["Cargo.lock", "Cargo.toml"] {
            watch(&workspace.join(name), &mut files)?;
        }
    }
    files.sort();
    let mut hasher = Sha256::new();
    hasher.update(env!("CARGO_PKG_VERSION"));
    for file in files {
        let bytes = fs::read(&file)?;
        let name = file.strip_prefix(&crates).unwrap_or(&file);
        hasher.update(name.as_os_str().as_encoded_bytes());
        hasher.update([0]);
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    let digest = hasher.finalize();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=DISTIL_IDENTITY={hex}");
    Ok(())
}

/// Notes all files in `path`, and has this run again when one changes.
fn watch(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        println!("cargo::rerun-if-changed={}", path.display());
        for entry in fs::read_dir(path)? {
            watch(&entry?.path(), files)?;
        }
    } else if path.is_file() {
        println!("cargo::rerun-if-changed={}", path.display());
        files.push(path.to_owned());
    }
    Ok(())
}
