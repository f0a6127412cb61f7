//! A Debian archive on disk: pockets under `dists/`, packages under `pool/`, and the keyring
//! that signs for it.

mod fault;
mod pocket;
mod release;
mod write;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub use fault::{PocketFault, SignatureFault};
pub use pocket::{DEFAULT_DATE, Pocket};

use crate::key::{SigningKey, keyring};

/// One root of an archive, as a line of apt's sources names it.
///
/// ```
/// use distil_fixture::{ArchiveBuilder, DebBuilder, Pocket};
/// let archive = ArchiveBuilder::new()
///     .pocket(
///         Pocket::new("trixie")
///             .architectures(&["amd64"])
///             .package(DebBuilder::new("hello", "2.10-3", "amd64")),
///     )
///     .write_temp()
///     .unwrap();
/// assert!(archive.path("dists/trixie/InRelease").exists());
/// ```
#[derive(Debug, Clone)]
pub struct ArchiveBuilder {
    pockets: Vec<Pocket>,
    key: SigningKey,
    trusted: Vec<SigningKey>,
}

impl Default for ArchiveBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ArchiveBuilder {
    /// An archive without pockets, signed by `SigningKey::new(1)`, which its keyring holds.
    #[must_use]
    pub fn new() -> Self {
        Self {
            pockets: Vec::new(),
            key: SigningKey::new(1),
            trusted: Vec::new(),
        }
    }

    /// Adds a pocket.
    #[must_use]
    pub fn pocket(mut self, pocket: Pocket) -> Self {
        self.pockets.push(pocket);
        self
    }

    /// Changes the pocket of this name: `.with("trixie", |pocket| pocket.package(…))`.
    ///
    /// # Panics
    /// When there is no such pocket.
    #[must_use]
    pub fn with(mut self, name: &str, change: impl FnOnce(Pocket) -> Pocket) -> Self {
        let pocket = self
            .pockets
            .iter_mut()
            .find(|pocket| pocket.name == name)
            .unwrap_or_else(|| panic!("the archive has no pocket `{name}`"));
        *pocket = change(pocket.clone());
        self
    }

    /// Signs with this key, and has it in the keyring, instead of the usual one. An expired or
    /// revoked key is given here.
    #[must_use]
    pub fn key(mut self, key: SigningKey) -> Self {
        self.key = key;
        self
    }

    /// Puts one more key into the keyring.
    #[must_use]
    pub fn trust(mut self, key: SigningKey) -> Self {
        self.trusted.push(key);
        self
    }

    /// Writes the archive into `dir`, which is made if it is missing, and the keyring into
    /// `dir/keyring.gpg` (binary) and `dir/keyring.asc` (armoured, one block a key).
    ///
    /// Writing another state of an archive into the same directory is what a mirror does: files at
    /// fixed paths are replaced, those by hash and in the pool are added.
    ///
    /// # Errors
    /// When a file or a directory cannot be written.
    pub fn write(&self, dir: &Path) -> io::Result<Archive> {
        fs::create_dir_all(dir)?;
        for pocket in &self.pockets {
            pocket.write(dir, &self.key)?;
        }
        let keys: Vec<&SigningKey> = std::iter::once(&self.key).chain(&self.trusted).collect();
        let keyring_path = dir.join("keyring.gpg");
        fs::write(&keyring_path, keyring(&keys))?;
        let armored: String = keys.iter().map(|key| key.public_armored()).collect();
        fs::write(dir.join("keyring.asc"), armored)?;
        Ok(Archive {
            dir: fs::canonicalize(dir)?,
            keyring_path: fs::canonicalize(keyring_path)?,
            temporary: None,
        })
    }

    /// Writes the archive into a directory that is removed with the value returned.
    ///
    /// # Errors
    /// When a file or a directory cannot be written.
    pub fn write_temp(&self) -> io::Result<Archive> {
        let temporary = TempDir::new()?;
        let mut archive = self.write(temporary.path())?;
        archive.temporary = Some(temporary);
        Ok(archive)
    }
}

/// An archive that was written.
#[derive(Debug)]
pub struct Archive {
    /// Its root.
    pub dir: PathBuf,
    /// The binary keyring of the keys that sign for it.
    pub keyring_path: PathBuf,
    temporary: Option<TempDir>,
}

impl Archive {
    /// An archive that lies in a directory already, however it was made. Its keyring is named and
    /// need not be there.
    #[must_use]
    pub fn at(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            keyring_path: dir.join("keyring.gpg"),
            temporary: None,
        }
    }

    /// The root as `file:///…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("file://{}", self.dir.display())
    }

    /// A path under the root.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.join(relative)
    }

    /// The path of a package's file in the pool.
    ///
    /// # Panics
    /// When the pool has no file of this name.
    #[must_use]
    pub fn package_path(&self, file_name: &str) -> PathBuf {
        find(&self.dir.join("pool"), file_name)
            .unwrap_or_else(|| panic!("the pool has no `{file_name}`"))
    }

    /// Whether the directory is removed with this value.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

/// The file of this name under `dir`.
fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            find(&path, name)
        } else {
            (path.file_name()? == name).then_some(path)
        }
    })
}

#[cfg(test)]
mod tests;
