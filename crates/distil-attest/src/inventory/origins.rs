//! What only the maker of an image knows of its contents.

use std::collections::BTreeMap;

use distil_store::Digest;
use distil_tree::TreePath;

/// Where the packages and files of an image are from. Nothing is known of an image that was not
/// just made.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    packages: BTreeMap<[String; 3], Digest>,
    files: BTreeMap<TreePath, String>,
}

impl Origins {
    /// Notes the digest of a package's archive (its `.deb` file).
    pub fn add_package(&mut self, name: &str, version: &str, architecture: &str, digest: Digest) {
        let key = [name, version, architecture].map(str::to_owned);
        self.packages.insert(key, digest);
    }

    /// Notes what made a file that no package has.
    pub fn add_file(&mut self, path: TreePath, from: impl Into<String>) {
        self.files.insert(path, from.into());
    }

    pub(super) fn package(&self, name: &str, version: &str, architecture: &str) -> Option<Digest> {
        let key = [name, version, architecture].map(str::to_owned);
        self.packages.get(&key).copied()
    }

    pub(super) fn file(&self, path: &TreePath) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }
}
