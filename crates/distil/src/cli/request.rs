//! Flags that say which image is meant and how it is made: what changes its definition, its lock,
//! where its packages come from, how its layers are compressed, how registries are reached.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use distil_build::{ArchiveSettings, RegistrySettings};
use distil_debian::archive::Moment;

use super::sign::Signers;

/// How layers are compressed.
#[derive(Debug, Default, Args)]
pub(crate) struct LayerCompression {
    /// Compression of layers; before version 23, not every Docker loads zstd [default: as the lock
    /// says, else gzip]
    #[arg(long, value_enum, hide_default_value = true)]
    pub(crate) compression: Option<Codec>,

    /// Compression level: 1 to 12 for gzip [default: 6], 1 to 22 for zstd [default: 3]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) compression_level: Option<u8>,
}

/// Codecs of layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Codec {
    /// Readable by every engine
    #[default]
    Gzip,
    /// Smaller and faster to unpack
    Zstd,
    /// No compression
    None,
}

/// Whether packages are from a lock.
#[derive(Debug, Default, Args)]
pub(crate) struct UseLock {
    /// Lock that the packages are from [default: `app.lock` of `app.yaml`, if it is there]
    #[arg(long, value_name = "FILE", help_heading = "Lock")]
    pub(crate) lock: Option<PathBuf>,

    /// Fail if there is no lock, or it does not fit the definition exactly
    #[arg(long, help_heading = "Lock")]
    pub(crate) locked: bool,

    /// Choose packages anew though there is a lock
    #[arg(long, conflicts_with_all = ["lock", "locked"], help_heading = "Lock")]
    pub(crate) no_lock: bool,
}

/// What changes a definition from the command line.
#[derive(Debug, Default, Args)]
pub(crate) struct Definition {
    /// Release of Debian to build from, by name or number
    #[arg(long, default_value = "trixie")]
    pub(crate) suite: String,

    /// One more package, with or without a version; may be repeated
    #[arg(long = "add", value_name = "PACKAGE", help_heading = "Changes")]
    pub(crate) packages: Vec<String>,

    /// File of another archive in apt's deb822 format, such as `company.sources`; may be repeated
    #[arg(long = "archive", value_name = "FILE", help_heading = "Changes")]
    pub(crate) archives: Vec<String>,

    /// Dependency to leave out, and why; may be repeated
    #[arg(long, value_name = "PACKAGE=REASON", help_heading = "Changes")]
    pub(crate) without: Vec<String>,

    /// Package or path to allow although `check` rejects it, and why; may be repeated
    #[arg(long, value_name = "WHAT=REASON", help_heading = "Changes")]
    pub(crate) allow: Vec<String>,

    /// Library that may be missing, and why; may be repeated
    #[arg(long, value_name = "LIBRARY=REASON", help_heading = "Changes")]
    pub(crate) excuse: Vec<String>,

    /// Local file to copy into the image [default mode: 0755 for executables, else 0644]; may be
    /// repeated
    #[arg(
        long = "file",
        value_name = "HOST:IMAGE[:MODE]",
        help_heading = "Changes"
    )]
    pub(crate) files: Vec<String>,

    /// Local directory to copy into the image, without what its `.distilignore` or `.dockerignore`
    /// names, or an image with a path in it (`oci-archive:build.tar:/out`); may be repeated
    #[arg(long = "copy", value_name = "HOST:IMAGE", help_heading = "Changes")]
    pub(crate) copies: Vec<String>,

    /// PEM file of a certificate authority to trust; may be repeated
    #[arg(long = "ca", value_name = "FILE", help_heading = "Changes")]
    pub(crate) authorities: Vec<String>,

    /// Program of the image: words separated by spaces, or a JSON array of strings
    #[arg(long, value_name = "COMMAND", help_heading = "Changes")]
    pub(crate) entrypoint: Option<String>,

    /// Default arguments: words separated by spaces, or a JSON array of strings
    #[arg(long, value_name = "ARGUMENTS", help_heading = "Changes")]
    pub(crate) cmd: Option<String>,

    /// Environment variable; may be repeated
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Changes")]
    pub(crate) env: Vec<String>,

    /// User of the program: a number or the name of an account
    #[arg(long, value_name = "USER[:GROUP]", help_heading = "Changes")]
    pub(crate) user: Option<String>,

    /// Label, also set as an annotation; may be repeated
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Changes")]
    pub(crate) label: Vec<String>,
}

/// Where packages come from, and what is kept of them.
#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// Mirror of Debian's archive; may be repeated [default: the sources of apt on this machine]
    ///
    /// `security=ADDRESS` is a mirror of the security archive; without one, it is searched for
    /// beside and in the others. Mirrors given here take precedence over those of the definition,
    /// and these over DISTIL_MIRROR, in which addresses are separated by spaces.
    #[arg(long = "mirror", value_name = "ADDRESS", help_heading = "Archive")]
    pub(crate) mirrors: Vec<String>,

    /// Snapshot service, for `--snapshot`, and for what a lock names and no mirror has any more
    /// [default: Debian's]
    ///
    /// An address with `{archive}` (`debian` or `debian-security`) and `{time}`
    /// (`20251114T082210Z`) in it. Goes before the one that the definition names, and that before
    /// DISTIL_SNAPSHOT_SERVICE.
    #[arg(
        long = "snapshot-service",
        value_name = "ADDRESS",
        help_heading = "Archive"
    )]
    pub(crate) snapshot_service: Option<String>,

    /// Build from the state that Debian's archive had at a moment, such as `20261101T000000Z`
    #[arg(long, value_name = "TIME", help_heading = "Archive")]
    pub(crate) snapshot: Option<Moment>,

    /// Keyring that verifies the archive of all mirrors, instead of Debian's keys (`debian`); may be
    /// repeated
    #[arg(long = "keyring", value_name = "FILE", help_heading = "Archive")]
    pub(crate) keyrings: Vec<PathBuf>,

    /// Accept a Release whose `Valid-Until` has passed
    #[arg(long, help_heading = "Archive")]
    pub(crate) allow_expired: bool,

    /// Ask mirrors for a newer Release even if the one in the store is fresh
    #[arg(long, help_heading = "Archive")]
    pub(crate) refresh: bool,

    /// Ask nobody over the network: what is not in the store or in a local mirror is listed
    #[arg(long, conflicts_with = "refresh", help_heading = "Archive")]
    pub(crate) offline: bool,

    /// Seconds to wait for a silent mirror
    #[arg(long, value_name = "SECONDS", default_value_t = 30, help_heading = "Archive",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,

    /// Directory of the store [env: DISTIL_STORE] [default: $XDG_CACHE_HOME/distil]
    #[arg(long, value_name = "DIR", help_heading = "Archive")]
    pub(crate) store: Option<PathBuf>,

    /// Size limit of the store, such as `500MB` or `20GB` [env: DISTIL_STORE_LIMIT] [default: 10GB]
    #[arg(long = "store-limit", value_name = "SIZE", help_heading = "Archive")]
    pub(crate) store_limit: Option<String>,
}

impl From<&Archive> for ArchiveSettings {
    fn from(archive: &Archive) -> Self {
        Self {
            mirrors: archive.mirrors.clone(),
            snapshot: archive.snapshot,
            snapshot_service: archive.snapshot_service.clone(),
            keyrings: archive.keyrings.clone(),
            allow_expired: archive.allow_expired,
            refresh: archive.refresh,
            offline: archive.offline,
            timeout: Duration::from_secs(archive.timeout),
            store: archive.store.clone(),
            store_limit: archive.store_limit.clone(),
        }
    }
}

/// How registries are reached.
#[derive(Debug, Args)]
pub(crate) struct Registry {
    /// File with the credentials of registries [default: those of `podman login`, `docker login`]
    #[arg(long = "authfile", value_name = "FILE", help_heading = "Registry")]
    pub(crate) auth_file: Option<PathBuf>,

    /// With `false`, take whatever certificate a registry shows, and plain HTTP where it has none
    #[arg(
        long = "tls-verify",
        value_name = "BOOL",
        default_value_t = true,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Registry"
    )]
    pub(crate) verify_tls: bool,
}

impl From<&Registry> for RegistrySettings {
    fn from(registry: &Registry) -> Self {
        Self {
            auth_file: registry.auth_file.clone(),
            skip_tls_verification: !registry.verify_tls,
        }
    }
}

/// How an image is made that is named by its definition.
#[derive(Debug, Args)]
pub(crate) struct Made {
    /// Platform [default: this machine's]
    #[arg(long)]
    pub(crate) platform: Option<String>,

    #[command(flatten)]
    pub(crate) lock: UseLock,

    #[command(flatten)]
    pub(crate) definition: Definition,

    #[command(flatten)]
    pub(crate) archive: Archive,

    #[command(flatten)]
    pub(crate) registry: Registry,

    #[command(flatten)]
    pub(crate) signers: Signers,
}
