//! What generated files are made from, and how they are put into a layer.
//!
//! What is there already with the same bytes stays as it is, in the layer below.

use distil_debian::suite::Suite;
use distil_definition::recipe::LayerRecipe;
use distil_definition::{Accounts, Architecture};
use distil_tree::{Content, Entry, InsertError, Kind, Metadata, Origin, Tree, TreePath};

use crate::assembly::InstalledPackage;
use crate::whiteout::is_whiteout;

/// The most bytes of a file that a generator reads: bundles and control files are far smaller.
pub(crate) const MAX_INPUT: u64 = 64 << 20;

/// What the time zone is told to be from. It is a choice, and so a definition may replace it.
pub(crate) const TIME_ZONE: &str = "the time zone";

/// What the bundle of certificates, and Java's, are told to be from.
pub(crate) const CERTIFICATES: &str = "the bundle of certificates";
pub(crate) const KEY_STORE: &str = "Java's key store";

/// What os-release is told to be from.
pub(crate) const OS_RELEASE: &str = "os-release";

/// What the metadata of packages is told to be from.
pub(crate) const PACKAGE_METADATA: &str = "package metadata";

/// The name of the package that a generated file is made of, where it is one: the file changes with it, and
/// has its time.
pub(crate) fn made_of<'a>(what: &str, path: &'a TreePath) -> Option<&'a str> {
    match what {
        CERTIFICATES | KEY_STORE => Some("ca-certificates"),
        OS_RELEASE => Some("base-files"),
        TIME_ZONE => Some("tzdata"),
        PACKAGE_METADATA => {
            let name = std::str::from_utf8(path.name()?).ok()?;
            Some(name.strip_suffix(".md5sums").unwrap_or(name))
        }
        _ => None,
    }
}

/// What generators see, and where they write.
pub(crate) struct Generation<'a> {
    /// The tree so far.
    pub(crate) tree: &'a mut Tree,
    /// All packages so far.
    pub(crate) packages: &'a [InstalledPackage],
    /// The number of the current layer.
    pub(crate) layer: usize,
    /// What the current layer is made of.
    pub(crate) recipe: &'a LayerRecipe,
    /// All accounts so far.
    pub(crate) accounts: &'a Accounts,
    /// The release of Debian.
    pub(crate) suite: Suite,
    /// The architecture.
    pub(crate) architecture: Architecture,
    /// The time that generated files get: the newest of what they were made from.
    pub(crate) mtime: i64,
    /// The time that they get instead, where one is given.
    pub(crate) epoch: Option<i64>,
}

/// Why a file cannot be generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A file that it is made from cannot be read.
    #[error("failed to read `{path}` to make {what}")]
    Read {
        /// The file.
        path: TreePath,
        /// What was to be made.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A file that it is made from is not what it should be.
    #[error("`{path}`, from which {what} is made, {problem}")]
    Input {
        /// The file.
        path: String,
        /// What was to be made.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Java's key store is asked for, and there is no Java.
    #[error("`{package}` is for Java's key store, and the image has no Java machine to read it")]
    NoJava {
        /// The package that asks for it.
        package: &'static str,
    },
    /// It would have a name that an image cannot have.
    #[error(
        "failed to put {what} into the image: in a layer, the name of `{path}` stands for a file \
         that is deleted"
    )]
    Whiteout {
        /// What was made.
        what: &'static str,
        /// Its path.
        path: TreePath,
    },
    /// It has no place in the tree.
    #[error("failed to put {what} into the image")]
    Insert {
        /// What was made.
        what: &'static str,
        /// Why.
        source: InsertError,
    },
}

impl Generation<'_> {
    /// Puts a file of root's into the tree.
    pub(crate) fn file(
        &mut self,
        what: &'static str,
        path: &TreePath,
        bytes: Vec<u8>,
    ) -> Result<(), GenerateError> {
        self.put(what, path, Kind::file(bytes), 0o644)
    }

    /// Puts a symbolic link into the tree.
    pub(crate) fn link(
        &mut self,
        what: &'static str,
        path: &TreePath,
        target: &str,
    ) -> Result<(), GenerateError> {
        self.put(what, path, Kind::symlink(target), 0o777)
    }

    pub(crate) fn put(
        &mut self,
        what: &'static str,
        path: &TreePath,
        kind: Kind,
        mode: u32,
    ) -> Result<(), GenerateError> {
        if self.has_already(path, &kind) {
            return Ok(());
        }
        if is_whiteout(path) {
            let path = path.clone();
            return Err(GenerateError::Whiteout { what, path });
        }
        let entry = Entry {
            kind,
            meta: Metadata::root(mode, self.time_of(what, path)),
            origin: Origin::Generated(what.into()),
            layer: self.layer,
        };
        let inserted = self.tree.insert(path, entry);
        inserted
            .map(drop)
            .map_err(|source| GenerateError::Insert { what, source })
    }

    /// The time of a generated file: that of the package that it is made of, or the newest of them all.
    pub(crate) fn time_of(&self, what: &str, path: &TreePath) -> i64 {
        let package = made_of(what, path);
        let mut packages = self.packages.iter();
        let package = packages.find(|one| Some(one.locked.name.as_str()) == package);
        let files = package.iter().flat_map(|one| &one.files);
        let times = files.filter_map(|path| Some(self.tree.get(path)?.meta.mtime));
        self.epoch.or_else(|| times.max()).unwrap_or(self.mtime)
    }

    pub(crate) fn has_already(&self, path: &TreePath, kind: &Kind) -> bool {
        match (self.tree.get(path).map(|entry| &entry.kind), kind) {
            (Some(Kind::Symlink(there)), Kind::Symlink(new)) => there == new,
            (Some(Kind::File(there)), Kind::File(new)) => {
                let bytes = |content: &Content| content.read(MAX_INPUT).ok();
                there.content.size() == new.content.size()
                    && bytes(&there.content) == bytes(&new.content)
            }
            _ => false,
        }
    }

    /// The bytes of a file of the tree, links followed; none if there is no such file.
    pub(crate) fn read(
        &self,
        what: &'static str,
        path: &TreePath,
    ) -> Result<Option<Vec<u8>>, GenerateError> {
        let Some((place, entry)) = self.tree.follow(path) else {
            return Ok(None);
        };
        let Kind::File(node) = &entry.kind else {
            return Ok(None);
        };
        let failed = |source| GenerateError::Read {
            path: place,
            what,
            source,
        };
        node.content.read(MAX_INPUT).map(Some).map_err(failed)
    }
}
