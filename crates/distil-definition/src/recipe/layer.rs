//! What one layer of an image is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use distil_debian::package::BinaryPackage;
use distil_debian::relation::Alternatives;
use distil_tree::TreePath;
use rustls_pki_types::CertificateDer;

use super::bundle::NewBundle;
use super::java::NewJava;
use super::node::NewNode;
use super::position::Position;
use super::python::NewPython;
use super::written::{Reason, WrittenPatterns};
use crate::format::{Accounts, KeyStore};
use crate::layers::LayerBudget;

/// What one layer is made of.
#[derive(Debug, Clone)]
pub struct LayerRecipe {
    /// The definition's name.
    pub definition: String,
    /// The packages that it asks for.
    pub packages: Vec<PackageRequest>,
    /// Relations that this definition leaves out, with the reasons.
    pub without: BTreeMap<String, Reason>,
    /// Files that it leaves out.
    pub drop: WrittenPatterns,
    /// Files that it keeps against the default policy.
    pub keep: WrittenPatterns,
    /// In a layer of several definitions: what one of them keeps, and how many of the patterns in
    /// `drop` are of those below it, which do not hold against that.
    pub recovered: Vec<(usize, WrittenPatterns)>,
    /// Libraries that may be missing, with the reasons.
    pub excuse: BTreeMap<String, Reason>,
    /// Packages, and patterns of files, that may be there although no such image should have
    /// them, with the reasons.
    pub allow: BTreeMap<String, Reason>,
    /// Symbolic links.
    pub links: Vec<NewLink>,
    /// Directories.
    pub directories: Vec<Addition>,
    /// Files with their bytes.
    pub files: Vec<NewFile>,
    /// Downloads and directories.
    pub bundles: Vec<NewBundle>,
    /// Python applications.
    pub pythons: Vec<NewPython>,
    /// Node.js applications.
    pub nodes: Vec<NewNode>,
    /// Layers of Java applications.
    pub javas: Vec<NewJava>,
    /// All accounts so far, those of the layers below first.
    pub accounts: Accounts,
    /// Certificates that are trusted beside Debian's.
    pub certificates: Vec<NewCertificates>,
    /// When Java's key store is made of them.
    pub key_store: KeyStore,
    /// Where a definition asks for compiled files of Python's sources, if one does: of all those that
    /// have none in this layer or below.
    pub bytecode: Option<Position>,
    /// How many layers of the image it may be packed into.
    pub budget: LayerBudget,
    /// Whether it is the layer with busybox.
    pub is_debug: bool,
    /// Entries that may have no effect: the catalogue's.
    pub lenient: BTreeSet<String>,
}

impl LayerRecipe {
    /// A layer of nothing, and a single one.
    pub fn new(definition: &str) -> Self {
        Self {
            definition: definition.to_owned(),
            packages: Vec::new(),
            without: BTreeMap::new(),
            drop: WrittenPatterns::none(),
            keep: WrittenPatterns::none(),
            recovered: Vec::new(),
            excuse: BTreeMap::new(),
            allow: BTreeMap::new(),
            links: Vec::new(),
            directories: Vec::new(),
            files: Vec::new(),
            bundles: Vec::new(),
            pythons: Vec::new(),
            nodes: Vec::new(),
            javas: Vec::new(),
            accounts: Accounts::default(),
            certificates: Vec::new(),
            key_store: KeyStore::default(),
            bytecode: None,
            budget: LayerBudget::SINGLE,
            is_debug: false,
            lenient: BTreeSet::new(),
        }
    }

    /// Takes what a definition adds by itself out of a layer with an application, or with compiled files of
    /// what is below, as a layer on top: an edit of the application's own code then leaves the layer of
    /// its dependencies as it is. None if there is nothing of that, or nothing else. A Java application says
    /// itself which layers it has.
    pub(super) fn split_own(&mut self) -> Vec<Self> {
        let has_others = !self.pythons.is_empty()
            || !self.nodes.is_empty()
            || !self.javas.is_empty()
            || self.bytecode.is_some();
        let mut javas = std::mem::take(&mut self.javas).into_iter();
        let own_java = javas.next_back();
        self.javas.extend(javas.next());
        let has_own = !self.files.is_empty() || !self.bundles.is_empty() || own_java.is_some();
        if !has_others || !has_own {
            return Vec::new();
        }
        let above = |name: &str| Self {
            accounts: self.accounts.clone(),
            excuse: self.excuse.clone(),
            allow: self.allow.clone(),
            lenient: self.lenient.clone(),
            bytecode: self.bytecode.clone(),
            ..Self::new(&format!("{}:{name}", self.definition))
        };
        let mut layers: Vec<Self> = javas
            .zip(2..)
            .map(|(java, number)| Self {
                javas: vec![java],
                ..above(&format!("dependencies-{number}"))
            })
            .collect();
        layers.push(Self {
            javas: own_java.into_iter().collect(),
            ..above("own")
        });
        if let Some(own) = layers.last_mut() {
            own.files = std::mem::take(&mut self.files);
            own.bundles = std::mem::take(&mut self.bundles);
            own.directories = std::mem::take(&mut self.directories);
            own.links = std::mem::take(&mut self.links);
        }
        let others = u32::try_from(layers.len()).unwrap_or(u32::MAX);
        self.budget.image = self.budget.image.saturating_sub(others);
        layers
    }

    /// Whether it is a mistake that this entry has no effect. In the user's own definitions it
    /// was written for a reason; in the catalogue's Debian may drop a file any day, and that
    /// must not break everybody's builds.
    pub fn must_matter(&self, entry: &str) -> bool {
        !self.lenient.contains(entry)
    }
}

/// A package that a definition asks for.
#[derive(Debug, Clone)]
pub struct PackageRequest {
    /// The relation, reduced to the architecture.
    pub relation: Alternatives,
    /// The files that are taken; all if there is no pattern.
    pub only: WrittenPatterns,
    /// Files that go elsewhere.
    pub moved: BTreeMap<TreePath, NewPath>,
    /// The suite that it is taken from, if the definition names one.
    pub suite: Option<String>,
    /// The `.deb` that it is, if the definition names one.
    pub local: Option<Arc<LocalPackage>>,
    /// The position of the entry in the definition.
    pub position: Position,
}

/// A `.deb` of this machine.
#[derive(Debug, Clone)]
pub struct LocalPackage {
    /// The file, as the definition names it, with variables filled in.
    pub from: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub package: BinaryPackage,
}

/// Where a package's file goes instead of its own path.
#[derive(Debug, Clone)]
pub struct NewPath {
    /// The path.
    pub path: TreePath,
    /// The position of the file's own path in the definition.
    pub position: Position,
}

/// A symbolic link that a definition adds.
#[derive(Debug, Clone)]
pub struct NewLink {
    /// Its path.
    pub path: TreePath,
    /// Its target.
    pub target: String,
    /// The position of its path in the definition.
    pub position: Position,
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
    /// Whether it takes the place of the file that is there already.
    pub replace: bool,
}

/// A file of certificates that a definition adds.
#[derive(Debug, Clone)]
pub struct NewCertificates {
    /// The file, as the definition names it.
    pub from: String,
    /// The certificates in it.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// The place, owner and mode of a directory or file that a definition adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Its path.
    pub path: TreePath,
    /// The names or numbers of its owner and, behind a colon, its group; root if there is none.
    /// Accounts may come from packages, so they are looked up when those are there.
    pub owner: Option<String>,
    /// Its mode; that of a new file or directory, or of the directory that is there, if there is none.
    pub mode: Option<u32>,
    /// The position of its path in the definition.
    pub position: Position,
    /// The position of its owner.
    pub owner_position: Position,
}
