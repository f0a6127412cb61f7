//! The lock: what an image is made of, exactly.

use std::collections::BTreeMap;

use distil_debian::archive::PocketState;
use distil_debian::package::{BinaryPackage, MultiArch, Priority, SourceReference};
use distil_debian::relation::{Provided, Relations};
use distil_debian::solve::{Omitted, Reason};
use distil_debian::version::Version;
use distil_store::Digest;
use serde::{Deserialize, Serialize};

/// The suite of packages that are files of this machine, in no archive.
pub const LOCAL: &str = "local";

/// The packages and files of an image, for one platform. It names each by its digest and by where
/// it lies in an archive, so that it can be had again without any index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The release of Debian.
    pub suite: String,
    /// Debian's name of the architecture.
    pub architecture: String,
    /// The states of the archive that the packages are from.
    pub states: Vec<PocketState>,
    /// The packages of each layer, the lowest first.
    pub layers: Vec<LockedLayer>,
    /// Dependencies of the packages that were left out.
    pub omitted: Vec<Omitted>,
    /// The files and directories that definitions bring from beside them.
    pub files: Vec<LocalFile>,
    /// What definitions download.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<LockedDownload>,
}

/// The packages that one layer adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedLayer {
    /// The definition's name.
    pub definition: String,
    /// The packages, sorted by name. In a `dev`, those of the image come first, layer by layer.
    pub packages: Vec<LockedPackage>,
}

/// A package of an image, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedPackage {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Debian's name of its architecture, or `all`.
    pub architecture: String,
    /// The source package that it was built from.
    pub source: SourceReference,
    /// `Multi-Arch`: dpkg's database names the files of a package that is `same` otherwise.
    #[serde(default)]
    pub multi_arch: MultiArch,
    /// What it asks of other packages: an update of another one has to fit it.
    #[serde(default)]
    pub relations: PackageRelations,
    /// `Installed-Size`: an estimate of the unpacked size, in KiB.
    #[serde(default)]
    pub installed_size_kib: u64,
    /// Its `.deb`.
    pub file: ArchiveFile,
    /// Why it is there, sorted; never empty.
    pub reasons: Vec<Reason>,
}

/// A file of an archive: what it is, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveFile {
    /// The suite whose index names it, such as `trixie-security`: that decides which mirrors have
    /// it.
    pub suite: String,
    /// Its path below the archive's root: relative, without `.` and `..`.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 digest of its bytes.
    pub sha256: Digest,
    /// The `Date` of the last Release that named it, in seconds since 1970, where that is not the
    /// one of the lock's state of the suite: what an update left as it was while its archive moved
    /// on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<i64>,
}

/// What a package says of others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRelations {
    /// `Pre-Depends`.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub pre_depends: Relations,
    /// `Depends`.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub depends: Relations,
    /// `Provides`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provides: Vec<Provided>,
    /// `Conflicts`.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub conflicts: Relations,
    /// `Breaks`.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub breaks: Relations,
    /// `Replaces`: whose files it may take over.
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub replaces: Relations,
}

/// Something that a definition downloads, exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LockedDownload {
    /// The definition.
    pub definition: String,
    /// The address, without what may be secret in it.
    pub url: String,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// A file, or a directory with all that is copied of it, that a definition brings from beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalFile {
    /// The definition.
    pub definition: String,
    /// The file, as the definition names it.
    pub from: String,
    /// Its path in the image; none of a file of certificates, which go to several places.
    pub path: Option<String>,
    /// The digest of what is taken of it: its bytes, or those of its certificates in DER; of a
    /// directory, of the list of its entries with their digests.
    pub digest: Digest,
    /// How many bytes these are.
    pub size: u64,
}

impl Lock {
    /// All packages, with the number of the layer of each.
    pub fn packages(&self) -> impl Iterator<Item = (usize, &LockedPackage)> {
        let layers = self.layers.iter().enumerate();
        layers.flat_map(|(number, layer)| layer.packages.iter().map(move |one| (number, one)))
    }

    /// Whose archive a package is from, as its Release says, where that is not Debian's own.
    pub fn vendor(&self, package: &LockedPackage) -> Option<&str> {
        let suite = &package.file.suite;
        let state = self.states.iter().find(|state| state.name == *suite);
        state?.origin.as_deref()
    }

    /// The source of each package with its version, by the package's name.
    pub fn sources(&self) -> BTreeMap<String, String> {
        let packages = self.packages();
        let sources = packages.map(|(_, one)| (one.name.clone(), one.source.to_string()));
        sources.collect()
    }
}

impl LockedPackage {
    /// A package that an index has in `suite`, and why it is in the image.
    pub fn new(package: BinaryPackage, suite: &str, reasons: Vec<Reason>) -> Self {
        Self {
            name: package.name,
            version: package.version,
            architecture: package.architecture,
            source: package.source,
            multi_arch: package.multi_arch,
            relations: PackageRelations {
                pre_depends: package.pre_depends,
                depends: package.depends,
                provides: package.provides,
                conflicts: package.conflicts,
                breaks: package.breaks,
                replaces: package.replaces,
            },
            installed_size_kib: package.installed_size_kib,
            file: ArchiveFile {
                suite: suite.to_owned(),
                path: package.filename,
                size: package.size,
                sha256: package.sha256,
                last_seen: None,
            },
            reasons,
        }
    }

    /// The package as an index would have it, to be held there while others are updated.
    pub fn to_binary_package(&self) -> BinaryPackage {
        let relations = self.relations.clone();
        BinaryPackage {
            name: self.name.clone(),
            version: self.version.clone(),
            architecture: self.architecture.clone(),
            source: self.source.clone(),
            pre_depends: relations.pre_depends,
            depends: relations.depends,
            provides: relations.provides,
            conflicts: relations.conflicts,
            breaks: relations.breaks,
            replaces: relations.replaces,
            multi_arch: self.multi_arch,
            priority: Priority::default(),
            essential: false,
            section: String::new(),
            installed_size_kib: self.installed_size_kib,
            filename: self.file.path.clone(),
            size: self.file.size,
            sha256: self.file.sha256,
            pocket: 0,
        }
    }
}
