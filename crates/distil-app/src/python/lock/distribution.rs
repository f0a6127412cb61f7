//! A distribution that a lock pins, and its files.

use std::collections::BTreeSet;

use distil_store::Digest;
use percent_encoding::percent_decode_str;

use super::super::name::Name;
use super::LockError;

/// A distribution in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Its name.
    pub name: Name,
    /// Its version, as the lock has it.
    pub version: String,
    /// Whether the project itself asks for it, and not only another distribution.
    pub is_direct: bool,
    /// Its wheels, as far as the lock names them.
    pub wheels: Vec<Artifact>,
    /// Whether the lock names a source distribution, which is not installed.
    pub has_source: bool,
    /// The digests of files that may be taken, where the lock names no files (`requirements.txt`);
    /// an index says which files they are.
    pub hashes: BTreeSet<Digest>,
    /// The index that it is from, where the lock says so.
    pub index: Option<String>,
}

/// A file of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its file name, which for a wheel says where it fits.
    pub file: String,
    /// Where it is.
    pub place: ArtifactPlace,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its size in bytes, where the lock says it.
    pub size: Option<u64>,
}

/// Where a file of a distribution is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactPlace {
    /// At an address.
    Url(String),
    /// On this machine, relative to the lock file's directory.
    Path(String),
}

impl Artifact {
    /// A file by what a lock says: an address or a path, perhaps its name, and its hash.
    pub(super) fn new(
        owner: &Name,
        file: Option<&str>,
        place: ArtifactPlace,
        sha256: Option<&str>,
        size: Option<u64>,
    ) -> Result<Self, LockError> {
        let text = match &place {
            ArtifactPlace::Url(text) | ArtifactPlace::Path(text) => text.as_str(),
        };
        let file = file.map_or_else(|| file_name(text), str::to_owned);
        let Some(sha256) = sha256 else {
            return Err(LockError::NoHash {
                name: owner.clone(),
                file,
            });
        };
        let sha256 = Digest::from_hex(sha256).map_err(|_| LockError::BadHash {
            name: owner.clone(),
            file: file.clone(),
        })?;
        Ok(Self {
            file,
            place,
            sha256,
            size,
        })
    }
}

/// The last part of an address or a path, without query and fragment, and with `%2B` for `+` and
/// its kind read.
pub fn file_name(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let path = text.get(..end).unwrap_or_default();
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    percent_decode_str(last).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_of_files() {
        for (text, name) in [
            (
                "https://example.org/a/x-1%2Bcpu-py3-none-any.whl#sha256=0",
                "x-1+cpu-py3-none-any.whl",
            ),
            ("wheels/x.whl", "x.whl"),
            ("https://example.org/x.whl?a=/b", "x.whl"),
            ("%", "%"),
            ("%zz%4", "%zz%4"),
        ] {
            assert_eq!(file_name(text), name);
        }
    }
}
