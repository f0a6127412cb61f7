//! The format of the file. These types are the format, and its JSON Schema is made from them.

use std::collections::BTreeMap;

use distil_debian::package::MultiArch;
use distil_debian::relation::Relations;
use distil_debian::version::Version;
use distil_definition::recipe::{Origin, Variant};
use distil_oci::Compression;
use distil_store::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::part::{ProvidedList, Timestamp, WrittenDependency, WrittenReason};

/// The version of the format.
pub const SCHEMA_VERSION: u32 = 1;

/// What the images of one definition are made of, exactly, on all their platforms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// The version of this format.
    pub schema_version: u32,
    /// The release of Debian.
    pub suite: String,
    /// What decides an image's bytes beside its contents.
    pub formats: Formats,
    /// The definitions that were locked, the lowest first.
    pub definitions: Vec<DefinitionState>,
    /// The states of the archive that the packages were chosen from.
    pub archives: Vec<ArchiveState>,
    /// The files that definitions bring from beside them.
    #[serde(default)]
    pub files: Vec<FileState>,
    /// What definitions download, on all platforms.
    #[serde(default)]
    pub downloads: Vec<DownloadState>,
    /// The packages on each platform, sorted by platform.
    pub platforms: Vec<PlatformLock>,
}

/// What decides an image's bytes beside its contents: numbers that change only when bytes change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Formats {
    /// How files are chosen from packages, and which files and configuration are made.
    pub image: u32,
    /// How the files of a layer are written, and where its stream is cut.
    pub layer: u32,
    /// How layers are compressed.
    pub compression: Codec,
    /// The level of the compression; 0 where there is none.
    pub level: u8,
    /// The version of the codec's output.
    pub codec: u32,
}

/// Codecs of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// None.
    None,
}

impl Codec {
    /// The word that the file has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::None => "none",
        }
    }
}

impl Formats {
    /// The numbers of a format and a compression.
    pub fn new(image: u32, layer: u32, compression: Compression) -> Self {
        let (codec, level) = match compression {
            Compression::None => (Codec::None, 0),
            Compression::Gzip { level } => (Codec::Gzip, level),
            Compression::Zstd { level } => (Codec::Zstd, level),
        };
        Self {
            image,
            layer,
            compression: codec,
            level,
            codec: compression.version(),
        }
    }

    /// How layers are compressed.
    pub fn compression(self) -> Compression {
        let level = self.level;
        match self.compression {
            Codec::None => Compression::None,
            Codec::Gzip => Compression::Gzip { level },
            Codec::Zstd => Compression::Zstd { level },
        }
    }
}

/// A definition as it was when it was locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefinitionState {
    /// Its name.
    pub name: String,
    /// Where it is from.
    pub origin: DefinitionOrigin,
    /// The digest of the meaning of each key that it has. A comment means nothing.
    #[schemars(with = "BTreeMap<String, String>")]
    pub keys: BTreeMap<String, Digest>,
}

/// Where a definition is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DefinitionOrigin {
    /// The catalogue.
    Catalogue,
    /// A file.
    File,
    /// The flags of the command line.
    Flags,
}

impl DefinitionOrigin {
    /// The word that the file has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::File => "file",
            Self::Flags => "flags",
        }
    }
}

impl From<Origin> for DefinitionOrigin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Catalogue => Self::Catalogue,
            Origin::File => Self::File,
            Origin::Flags => Self::Flags,
        }
    }
}

/// The state of one suite of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveState {
    /// The suite, such as `trixie-security`.
    pub suite: String,
    /// The release's number, such as `13.2`, where it has one.
    #[serde(default)]
    pub version: Option<String>,
    /// The `Date` of its Release.
    #[schemars(with = "String")]
    pub date: Timestamp,
    /// The digest of its Release: of the signed text, which `InRelease` and `Release` share.
    #[schemars(with = "String")]
    pub release: Digest,
    /// The fingerprints of the keys that signed it.
    pub keys: Vec<String>,
    /// Whose archive it is, as its Release says; none of Debian's own.
    #[serde(default)]
    pub origin: Option<String>,
}

/// A file that a definition brings from beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileState {
    /// The definition that names it.
    pub definition: String,
    /// The file, as the definition names it.
    pub from: String,
    /// Its path in the image; none of a file of certificates, which go to several places.
    #[serde(default)]
    pub path: Option<String>,
    /// How many bytes are taken of it.
    pub size: u64,
    /// The digest of these bytes; of certificates, of those in DER.
    #[schemars(with = "String")]
    pub digest: Digest,
}

/// Something that a definition downloads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DownloadState {
    /// The definition that names it.
    pub definition: String,
    /// Its address, without what may be secret in it.
    pub url: String,
    /// The digest of its bytes.
    #[schemars(with = "String")]
    pub digest: Digest,
}

/// Variants whose packages differ. `nonroot` and `debug-nonroot` have those of `latest` and `debug`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum VariantName {
    /// The image itself.
    Latest,
    /// The image with busybox.
    Debug,
    /// The fuller image for the first stage of a build.
    Dev,
}

impl VariantName {
    /// The word that the file has for it.
    pub fn as_str(self) -> &'static str {
        self.variant().name()
    }

    /// The variant itself.
    pub fn variant(self) -> Variant {
        match self {
            Self::Latest => Variant::Latest,
            Self::Debug => Variant::Debug,
            Self::Dev => Variant::Dev,
        }
    }
}

impl From<Variant> for VariantName {
    fn from(variant: Variant) -> Self {
        match variant {
            Variant::Latest | Variant::Nonroot => Self::Latest,
            Variant::Debug | Variant::DebugNonroot => Self::Debug,
            Variant::Dev => Self::Dev,
        }
    }
}

impl LockFile {
    /// What is locked for a platform, such as `linux/arm64`.
    pub fn platform(&self, name: &str) -> Option<&PlatformLock> {
        self.platforms.iter().find(|one| one.platform == name)
    }
}

/// The packages on one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformLock {
    /// The platform, such as `linux/arm64`.
    pub platform: String,
    /// The variants that were locked.
    pub variants: Vec<VariantName>,
    /// Dependencies that the image leaves out.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// The same of the debug variants, where it is not the same.
    #[serde(default)]
    pub debug_left_out: Option<Vec<LeftOut>>,
    /// The packages of all variants, sorted by name.
    pub packages: Vec<PackageLock>,
}

/// A dependency that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// The package, the field and the dependency.
    #[schemars(with = "String")]
    pub dependency: WrittenDependency,
    /// The entry of `without` that says so.
    pub without: String,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageLock {
    /// Its name.
    pub name: String,
    /// Its version.
    #[schemars(with = "String")]
    pub version: Version,
    /// Debian's name of its architecture, or `all`.
    pub architecture: String,
    /// The source package that it was built from.
    pub source: String,
    /// The version of that, where it is another one.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub source_version: Option<Version>,
    /// The suite whose index names it.
    pub suite: String,
    /// The path of its `.deb` below the root of a mirror.
    pub path: String,
    /// The size of its `.deb` in bytes.
    pub size: u64,
    /// The digest of its `.deb`.
    #[schemars(with = "String")]
    pub digest: Digest,
    /// The `Date` of the last Release that named it, where a newer state of the archive does not.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub last_seen: Option<Timestamp>,
    /// `Installed-Size`: an estimate of the unpacked size, in KiB.
    #[serde(default)]
    pub installed_size: u64,
    /// `Multi-Arch`, where it is not `no`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub multi_arch: MultiArch,
    /// `Pre-Depends`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub pre_depends: Relations,
    /// `Depends`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub depends: Relations,
    /// `Provides`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub provides: ProvidedList,
    /// `Conflicts`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub conflicts: Relations,
    /// `Breaks`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub breaks: Relations,
    /// `Replaces`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub replaces: Relations,
    /// The layer that it is in; none of a package that only `dev` has.
    #[serde(default)]
    pub layer: Option<String>,
    /// Why it is in the image.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub reasons: Vec<WrittenReason>,
    /// Why it is in `dev`, beside that.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub dev: Vec<WrittenReason>,
}
