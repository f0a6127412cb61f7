//! What the files of a bundle are to others: where they are from, and which software they are.

use std::fmt;
use std::sync::Arc;

use distil_store::Digest;
use serde::{Deserialize, Serialize};

/// A software component, as a software bill of materials names it (CycloneDX 1.5, "components").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Component {
    /// Its name, such as `node`.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its licence, as an SPDX expression.
    pub license: Option<String>,
    /// Its package URL, by which scanners look advisories up (<https://github.com/package-url>).
    pub purl: Option<String>,
}

/// Where the files of a bundle are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// What it is, in one word: `download`, `directory`.
    pub kind: &'static str,
    /// Its name: the address without anything secret, or the path as the definition has it.
    pub from: Arc<str>,
    /// The digest of its bytes as they came; of a directory, of all that is taken of it.
    pub digest: Digest,
    /// What it is to scanners, if it says so.
    pub component: Option<Component>,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.from)
    }
}
