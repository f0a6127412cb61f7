//! What only the maker of an image knows of its contents.

use std::collections::BTreeMap;

use distil_store::Digest;
use distil_tree::TreePath;

use super::parts::Part;

/// Where the packages and files of an image are from. Nothing is known of an image that was not
/// just made.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    packages: BTreeMap<[String; 3], Digest>,
    files: BTreeMap<TreePath, String>,
    parts: Vec<Part>,
    /// The part of each file that has one, as an index of `parts`.
    of_parts: BTreeMap<TreePath, usize>,
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

    /// Notes a part that no package ships, if it was not noted before.
    pub fn add_part(&mut self, part: Part) {
        if !self.parts.contains(&part) {
            self.parts.push(part);
        }
    }

    /// Notes that a file is of a part that was noted.
    pub fn add_file_of_part(&mut self, path: TreePath, part: &Part) {
        if let Some(number) = self.parts.iter().position(|one| one == part) {
            self.of_parts.insert(path, number);
        }
    }

    /// The parts that were noted.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(super) fn part_of(&self, path: &TreePath) -> Option<&Part> {
        self.parts.get(*self.of_parts.get(path)?)
    }

    pub(super) fn package(&self, name: &str, version: &str, architecture: &str) -> Option<Digest> {
        let key = [name, version, architecture].map(str::to_owned);
        self.packages.get(&key).copied()
    }

    pub(super) fn file(&self, path: &TreePath) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }
}
