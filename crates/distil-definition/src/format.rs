//! The format of definitions, the YAML files that say what an image is.
//!
//! These types are the format. Unknown keys are refused, and the JSON Schema that editors use
//! is generated from them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::application::{JavaItem, NodeItem, PythonItem};
use crate::elsewhere::{ArchiveItem, CopyItem, DownloadItem};
use crate::healthcheck::Healthcheck;
use crate::item::{OneOrMany, PackageItem};
use crate::layers::Layers;

/// An image, or a layer on top of another definition's image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Definition {
    /// The image's name.
    pub name: String,
    /// What it is for, in one line.
    pub description: String,
    /// What this image stands on: a name of the catalogue, or the path of another definition,
    /// relative to this one.
    pub from: Option<String>,
    /// The releases of Debian that it can be made from; all of them if there is none.
    pub suites: OneOrMany,
    /// Whether the layers of what it stands on are shared, and how many layers there are.
    pub layers: Layers,
    /// Mirrors of Debian's archive to build from.
    pub mirrors: Vec<String>,
    /// A snapshot service that has what no mirror has any more, for what a lock names: an
    /// address with `{archive}` and `{time}` in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_service: Option<String>,
    /// The moment whose state of Debian's archive the image is built from, such as
    /// `20261101T000000Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Other archives of Debian packages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<ArchiveItem>,
    /// Components of Debian's archive: `main` and, beside it, `contrib`, `non-free` and
    /// `non-free-firmware`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// Packages that are taken from the release's backports; what they need is, too, where the
    /// release does not have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backports: Vec<String>,
    /// Debian packages: names, relations with versions and alternatives, files of this machine, or
    /// some of a package's files.
    pub packages: Vec<PackageItem>,
    /// Relations that are left out on purpose: the name that they ask for, and the reason.
    pub without: BTreeMap<String, String>,
    /// Patterns of files that are left out, beside those that every image leaves out.
    pub drop: Vec<String>,
    /// Patterns of files that are kept although every image leaves them out.
    pub keep: Vec<String>,
    /// Libraries that some file asks for and that are left out on purpose: name and reason.
    pub excuse: BTreeMap<String, String>,
    /// What the image has although no such image should, each with the reason: a package, or a
    /// pattern of paths.
    pub allow: BTreeMap<String, String>,
    /// What else is so on some suites or architectures.
    pub when: Vec<Overlay>,
    /// Symbolic links: path and target.
    pub links: BTreeMap<String, String>,
    /// Directories that no package ships.
    pub directories: Vec<DirectoryItem>,
    /// Files that no package ships.
    pub files: Vec<FileItem>,
    /// Files and archives that are downloaded, known by their digests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<DownloadItem>,
    /// Directories of this machine that are copied whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copy: Vec<CopyItem>,
    /// A Python application's distributions, from its lock file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonItem>,
    /// A Node.js application's packages, from its lock file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeItem>,
    /// A Java application, from its jar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub java: Option<JavaItem>,
    /// Whether Python's sources come with their compiled files, so that a container does not compile
    /// what it imports each time that it starts. As the definition says that this one stands on, if it is
    /// not said; else they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytecode: Option<bool>,
    /// Users and groups, beside those of the definition that this one stands on.
    pub accounts: Accounts,
    /// Certificates of authorities.
    pub certificates: Certificates,
    /// How a container of the image runs.
    pub config: Config,
    /// What the debug variant has beside busybox.
    pub debug: Debug,
    /// What the dev variant has beside a shell, apt and a compiler.
    pub dev: Dev,
}

/// What is added to a definition on some suites or architectures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Overlay {
    /// The suites; all of them if there is none.
    pub suite: OneOrMany,
    /// Debian's names of the architectures; all of them if there is none.
    pub architecture: OneOrMany,
    /// As in a definition.
    pub packages: Vec<PackageItem>,
    /// As in a definition.
    pub without: BTreeMap<String, String>,
    /// As in a definition.
    pub drop: Vec<String>,
    /// As in a definition.
    pub keep: Vec<String>,
    /// As in a definition.
    pub excuse: BTreeMap<String, String>,
    /// As in a definition.
    pub allow: BTreeMap<String, String>,
    /// As in a definition.
    pub links: BTreeMap<String, String>,
    /// As in a definition.
    pub directories: Vec<DirectoryItem>,
    /// As in a definition.
    pub files: Vec<FileItem>,
    /// As in a definition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<DownloadItem>,
    /// As in a definition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copy: Vec<CopyItem>,
    /// As in a definition.
    pub config: Config,
    /// As in a definition.
    pub debug: Debug,
    /// As in a definition.
    pub dev: Dev,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryItem {
    /// Its path.
    pub path: String,
    /// The name or number of its owner, and of its group behind a colon.
    #[serde(default)]
    pub owner: Option<String>,
    /// Its mode in octal digits; 0755 if none is given.
    #[serde(default)]
    pub mode: Option<String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileItem {
    /// Its path.
    pub path: String,
    /// Its text.
    #[serde(default)]
    pub text: Option<String>,
    /// The file whose bytes it has, relative to the definition.
    #[serde(default)]
    pub from: Option<String>,
    /// The name or number of its owner, and of its group behind a colon.
    #[serde(default)]
    pub owner: Option<String>,
    /// Its mode in octal digits; 0644 if none is given.
    #[serde(default)]
    pub mode: Option<String>,
    /// Whether it takes the place of the file that a package or a definition below has put there;
    /// owner and mode stay if none is given.
    #[serde(default)]
    pub replace: bool,
}

/// Users and groups.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Accounts {
    /// Users, in the order of `/etc/passwd`.
    pub users: Vec<User>,
    /// Groups, in the order of `/etc/group`.
    pub groups: Vec<Group>,
}

/// A user (passwd(5)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The group's number; the user's own number if none is given.
    #[serde(default)]
    pub gid: Option<u32>,
    /// The home directory.
    #[serde(default)]
    pub home: Option<String>,
    /// Who it is for; the name if none is given.
    #[serde(default)]
    pub comment: Option<String>,
}

/// A group (group(5)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The number.
    pub gid: u32,
    /// The names of its members.
    #[serde(default)]
    pub members: Vec<String>,
}

/// Certificates of authorities.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Certificates {
    /// PEM files, relative to the definition, that are trusted beside Debian's.
    pub extra: Vec<String>,
    /// Whether Java's key store is made of them, too.
    pub key_store: KeyStore,
}

/// When Java's key store is made of the certificates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyStore {
    /// Where the image has a Java machine.
    #[default]
    WithJava,
    /// Although the image has none: one is copied in later.
    Always,
}

/// How a container runs (OCI image specification, "Image Configuration").
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The program, and arguments that it always has.
    pub entrypoint: Option<Vec<String>>,
    /// Arguments that are used when none are given.
    pub cmd: Option<Vec<String>>,
    /// Environment variables, beside those of the definition that this one stands on.
    pub env: BTreeMap<String, String>,
    /// The user, by number or by the name of an account, which becomes its number; a group may
    /// follow behind a colon.
    pub user: Option<String>,
    /// The directory that the program starts in.
    pub workdir: Option<String>,
    /// Labels, which are annotations, too.
    pub labels: BTreeMap<String, String>,
    /// Ports that the program listens on, such as `8080/tcp`.
    pub ports: Vec<String>,
    /// Directories that are volumes.
    pub volumes: Vec<String>,
    /// The signal that ends the program: a name such as `SIGINT`, or a number.
    pub stop_signal: Option<String>,
    /// How an engine finds out whether the program works.
    pub healthcheck: Option<Healthcheck>,
}

/// What the debug variant has beside busybox.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Debug {
    /// Debian packages.
    pub packages: Vec<PackageItem>,
}

/// What the dev variant has beside a shell, apt and a compiler.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dev {
    /// Debian packages.
    pub packages: Vec<PackageItem>,
    /// Files that no package ships.
    pub files: Vec<FileItem>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
}
