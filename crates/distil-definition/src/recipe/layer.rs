//! What one layer of an image is made of.

use std::collections::{BTreeMap, BTreeSet};

use distil_debian::relation::Alternatives;
use distil_tree::{Patterns, TreePath};
use rustls_pki_types::CertificateDer;

use super::place::{Place, Text};
use crate::format::{Accounts, KeyStore};

/// What one layer is made of.
#[derive(Debug, Clone)]
pub struct LayerRecipe {
    /// The definition's name.
    pub definition: String,
    /// The packages that it asks for.
    pub packages: Vec<PackageRequest>,
    /// Relations that this definition leaves out, with the reasons.
    pub without: BTreeMap<String, String>,
    /// Files that it leaves out.
    pub drop: Patterns,
    /// Files that it keeps against the default policy.
    pub keep: Patterns,
    /// In a layer of several definitions: what one of them keeps, and how many of the patterns in
    /// `drop` are of those below it, which do not hold against that.
    pub recovered: Vec<(usize, Patterns)>,
    /// Libraries that may be missing, with the reasons.
    pub excuse: BTreeMap<String, String>,
    /// Packages, and patterns of files, that may be there although no such image should have
    /// them, with the reasons.
    pub allow: BTreeMap<String, String>,
    /// Symbolic links.
    pub links: Vec<(TreePath, String)>,
    /// Folders.
    pub directories: Vec<Addition>,
    /// Files with their bytes.
    pub files: Vec<NewFile>,
    /// All accounts so far, those of the layers below first.
    pub accounts: Accounts,
    /// Certificates that are trusted beside Debian's.
    pub certificates: Vec<NewCertificates>,
    /// When Java's key store is made of them.
    pub key_store: KeyStore,
    /// Whether it is the layer with busybox.
    pub is_debug: bool,
    /// Entries that may have no effect: the catalogue's.
    pub lenient: BTreeSet<String>,
    /// Entries with variables filled in, with what is written instead.
    pub written: BTreeMap<String, String>,
    /// The definitions' texts, to show places in, that of the highest last; none for what the
    /// command line says.
    pub texts: Vec<Text>,
    /// Whether it is the layer of a `dev`, where additions may stand under that key, too.
    pub is_dev: bool,
}

impl LayerRecipe {
    /// A layer of nothing.
    pub fn new(definition: &str) -> Self {
        Self {
            definition: definition.to_owned(),
            packages: Vec::new(),
            without: BTreeMap::new(),
            drop: Patterns::none(),
            keep: Patterns::none(),
            recovered: Vec::new(),
            excuse: BTreeMap::new(),
            allow: BTreeMap::new(),
            links: Vec::new(),
            directories: Vec::new(),
            files: Vec::new(),
            accounts: Accounts::default(),
            certificates: Vec::new(),
            key_store: KeyStore::default(),
            is_debug: false,
            lenient: BTreeSet::new(),
            written: BTreeMap::new(),
            texts: Vec::new(),
            is_dev: false,
        }
    }

    /// Whether it is a mistake that this entry has no effect. In the user's own definitions it
    /// was written for a reason; in the catalogue's Debian may drop a file any day, and that
    /// must not break everybody's builds.
    pub fn must_matter(&self, entry: &str) -> bool {
        !self.lenient.contains(entry)
    }

    /// Where an entry stands in the definition.
    pub fn place(&self, key: &str, entry: &str) -> Place {
        let entry = self.written.get(entry).map_or(entry, String::as_str);
        let keys = [Some(key), self.is_dev.then_some("dev")];
        let mut places = self.texts.iter().rev().flat_map(|text| {
            let keys = keys.into_iter().flatten();
            keys.map(|key| text.place(key, entry))
        });
        places
            .find(|place| *place != Place::default())
            .unwrap_or_default()
    }
}

/// A package that a definition asks for.
#[derive(Debug, Clone)]
pub struct PackageRequest {
    /// The relation, reduced to the architecture.
    pub relation: Alternatives,
    /// The files that are taken; all if there is no pattern.
    pub only: Patterns,
    /// Files that go elsewhere.
    pub moved: BTreeMap<TreePath, TreePath>,
}

/// A file that a definition adds.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Its place.
    pub addition: Addition,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The file that they are from, as the definition names it; none if they are its own text.
    pub from: Option<String>,
}

/// A file of certificates that a definition adds.
#[derive(Debug, Clone)]
pub struct NewCertificates {
    /// The file, as the definition names it.
    pub from: String,
    /// The certificates in it.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// The place, owner and mode of a folder or file that a definition adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Its path.
    pub path: TreePath,
    /// The names or numbers of its owner and, behind a colon, its group; root if there is none.
    /// Accounts may come from packages, so they are looked up when those are there.
    pub owner: Option<String>,
    /// Its mode; that of a new file or folder, or of the folder that is there, if there is none.
    pub mode: Option<u32>,
}
