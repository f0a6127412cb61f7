//! Parts of an image that no package of the distribution ships: packages of Python and Node.js, and
//! downloads, each with an identity of its own.
//!
//! The maker of an image knows all of them. In an image of others, the distributions of Python are
//! found by their metadata (Core metadata specifications of the Python Packaging Authority, `Name`,
//! `Version` and `License-Expression`), as scanners find them.

use std::collections::BTreeSet;

use distil_inspect::MAX_DOCUMENT;
use distil_store::Digest;
use distil_tree::{Tree, TreePath};

use crate::purl;

/// The most parts that are listed: far more than the largest application has.
const MAX_PARTS: usize = 20_000;

/// The longest value of a field that is read.
const MAX_FIELD: usize = 512;

/// A part of an image that no package of the distribution ships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its version, where it is known.
    pub version: Option<String>,
    /// Its package URL, where it has one.
    pub purl: Option<String>,
    /// Its licence as an expression of SPDX, as whoever names the part declares it.
    pub licence: Option<String>,
    /// The digest of what came: a wheel, the archive of a package, a download.
    pub digest: Option<Digest>,
    /// Where it is from: an address without anything secret, or the name of a file.
    pub from: Option<String>,
}

/// Adds the distributions of Python that no package has and nobody has named.
pub(super) fn add_found(parts: &mut Vec<Part>, tree: &Tree, owned: &BTreeSet<TreePath>) {
    let mut known: BTreeSet<String> = parts.iter().filter_map(|one| one.purl.clone()).collect();
    for (path, entry) in tree.iter() {
        let is_metadata = path.name() == Some(b"METADATA")
            && path
                .parent()
                .is_some_and(|parent| parent.as_bytes().ends_with(b".dist-info"));
        let Some(file) = entry
            .file()
            .filter(|_| is_metadata && !owned.contains(path))
        else {
            continue;
        };
        // What was not kept, or is no text, has no metadata.
        let bytes = file.content.read(MAX_DOCUMENT).unwrap_or_default();
        let Some(part) = std::str::from_utf8(&bytes).ok().and_then(of_metadata) else {
            continue;
        };
        if parts.len() < MAX_PARTS && part.purl.clone().is_none_or(|purl| known.insert(purl)) {
            parts.push(part);
        }
    }
    parts.sort_by(|a, b| (&a.name, &a.version, &a.from).cmp(&(&b.name, &b.version, &b.from)));
}

/// The distribution that metadata is of; none if it does not say.
fn of_metadata(text: &str) -> Option<Part> {
    let fields = || text.lines().take_while(|line| !line.trim().is_empty());
    let field = |name: &str| {
        let found = fields().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let value = found?.trim();
        (!value.is_empty() && value.len() <= MAX_FIELD).then(|| value.to_owned())
    };
    let (name, version) = (field("Name")?, field("Version")?);
    Some(Part {
        purl: Some(purl::python(&name, &version)),
        licence: field("License-Expression"),
        name,
        version: Some(version),
        digest: None,
        from: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn metadata_names_a_distribution() {
        let part = of_metadata(
            "Metadata-Version: 2.4\nName: Flask_Thing.x\nVersion: 3.1\nLicense-Expression: BSD-3-Clause\n\nName: other\n",
        );
        let part = part.unwrap();
        assert_eq!(part.name, "Flask_Thing.x");
        assert_eq!(part.purl.as_deref(), Some("pkg:pypi/flask-thing-x@3.1"));
        assert_eq!(part.licence.as_deref(), Some("BSD-3-Clause"));
        for text in [
            "",
            "Name: x\n",
            "Name:\nVersion: 1\n",
            "\nName: x\nVersion: 1\n",
        ] {
            assert_eq!(of_metadata(text), None, "{text}");
        }
    }
}
