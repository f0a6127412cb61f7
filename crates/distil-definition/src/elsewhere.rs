//! The part of the format that brings files which no Debian package ships: downloads and
//! directories.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Another archive of Debian packages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveItem {
    /// Paragraphs as apt's `.sources` files have them (sources.list(5)), or the path of such a file.
    /// `Signed-By` is required.
    pub sources: String,
    /// Patterns of the packages that may be taken from it, whatever Debian's archive has. If there is
    /// none, those that Debian's archive does not have and those that the definition asks for by
    /// name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// How much its packages are preferred; Debian's have 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
}

/// A file or an archive that is downloaded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DownloadItem {
    /// Its address: `http://` or `https://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The SHA-256 digest of its bytes, in hexadecimal digits. Without one the build fails, and
    /// prints the digest that it saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What differs by platform. With any, the platform of the image must be among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<DownloadVariant>,
    /// What it is, where its name does not say it: archives are unpacked, files are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<DownloadFormat>,
    /// Patterns of the files of an archive that are taken, relative to what `strip` leaves; all of
    /// them if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// How many leading directories are taken off the paths of an archive.
    #[serde(default)]
    pub strip: usize,
    /// The directory that an archive is unpacked to, or the path of a file; a path that ends in a
    /// slash is a directory that the file is put into.
    pub to: String,
    /// The name or number of the owner of all that comes, and of the group behind a colon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The mode of files, in octal digits: directories, and in archives programs, may be entered and
    /// executed by those who may read them. If none is given, 0644 for files and 0755 for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// What it is to scanners and in a software bill of materials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentItem>,
}

/// What a download is on one platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DownloadVariant {
    /// The platform, such as `linux/arm64`.
    pub platform: String,
    /// Its address, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The digest of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DownloadFormat {
    /// A file, which is taken as it is.
    File,
    /// A tar archive, compressed by gzip, xz, Zstandard or bzip2, or not at all.
    Tar,
    /// A zip archive.
    Zip,
}

/// A software component, as a software bill of materials names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentItem {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its licence, as an SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Its package URL, by which scanners look advisories up; it cannot be one of a Debian package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
}

/// A directory, or a part of another image, that is copied.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyItem {
    /// The directory, relative to the definition. What `.distilignore`, or else `.dockerignore`,
    /// beside the definition names is left out. Or an image with a path in it, such as
    /// `oci-archive:build.tar:/out/app` or `docker://registry.example.org/build:1.2:/out/app`.
    pub from: String,
    /// The directory of the image that its contents go to; of a file of another image, its path, or with a
    /// slash at the end the directory that it is put into.
    pub to: String,
    /// Patterns of what is left out, relative to `from`, as `.dockerignore` writes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// The name or number of the owner of all that is copied, and of the group behind a colon. If
    /// none is given, root, or who it is in the other image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The mode of files, in octal digits: directories and programs may be entered and executed by
    /// those who may read them. If none is given, 0644 for files and 0755 for programs, or
    /// what it is in the other image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}
