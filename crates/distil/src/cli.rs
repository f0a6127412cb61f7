//! The command line, as it is written. Commands make sense of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use distil_build::{ArchiveSettings, RegistrySettings};

/// Distroless container images out of Debian packages: a language runtime, the libraries it
/// needs, and nothing else.
#[derive(Debug, Parser)]
#[command(
    name = "distil",
    version = env!("DISTIL_VERSION"),
    max_term_width = 100,
    propagate_version = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make images
    Build(Build),
    /// List the catalogue
    List(List),
    /// Show what is in an image: packages, sizes, layers, configuration
    Show(Show),
    /// Say why a package or a file is in an image, or why it is not
    Why(Why),
    /// Show how two images differ: packages, files, sizes, configuration
    Diff(Diff),
    /// Show what the store holds, make it smaller, or check it
    Cache(Cache),
    /// Copy an image into a registry, with what is attached to it
    Push(Push),
    /// Prove that an image, anybody's, is fit to run without a shell, and has nothing to attack with
    Check(Check),
    /// Print a shell's completions of this command
    Completions(Completions),
    /// Write the manual pages of this command into a folder
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// What to build: NAME or NAME:VARIANT of the catalogue, or a definition's FILE.yaml
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<String>,

    /// Name that the image carries into `docker load`; may be repeated [default: NAME:VARIANT]
    ///
    /// An output in a registry that names no tag gets the tags of all names. `${version:PACKAGE}`,
    /// `${version:PACKAGE:minor}`, `${version:PACKAGE:major}`, `${suite}` and `${date}` are
    /// replaced: `'python3:${version:python3:minor}'`.
    #[arg(short = 't', long = "tag", value_name = "NAME[:TAG]")]
    pub(crate) tags: Vec<String>,

    /// Where to write it, as TRANSPORT:PLACE; may be repeated [default: an archive here]
    ///
    /// `oci-archive:FILE` and `docker-archive:FILE` write the same file, which every engine
    /// loads; `oci:DIR[:TAG]` writes an OCI layout; `docker-daemon:NAME:TAG` loads the image
    /// into a running Docker; `docker://REGISTRY/NAME[:TAG]` pushes it to a registry;
    /// `rootfs:DIR` writes the bare files.
    #[arg(short, long = "output", value_name = "PLACE")]
    pub(crate) outputs: Vec<String>,

    /// Platforms, such as `linux/amd64,linux/arm64`, or `all` [default: this machine's]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,

    /// How layers are compressed; before version 23, not every Docker loads zstd
    #[arg(long, value_enum, default_value_t)]
    pub(crate) compression: Codec,

    /// Level of the compression: 1 to 12 of gzip [default: 6], 1 to 22 of zstd [default: 3]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) compression_level: Option<u8>,

    #[command(flatten)]
    pub(crate) definition: Definition,

    #[command(flatten)]
    pub(crate) archive: Archive,

    #[command(flatten)]
    pub(crate) registry: Registry,

    /// Say nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// What changes a definition from the command line.
#[derive(Debug, Default, Args)]
pub(crate) struct Definition {
    /// Release of Debian to build from
    #[arg(long, default_value = "trixie")]
    pub(crate) suite: String,

    /// One more package, with or without a version; may be repeated
    #[arg(long = "add", value_name = "PACKAGE", help_heading = "Changes")]
    pub(crate) packages: Vec<String>,

    /// A dependency to do without, and why; may be repeated
    #[arg(long, value_name = "PACKAGE=REASON", help_heading = "Changes")]
    pub(crate) without: Vec<String>,

    /// Package or path to let in though no such image should have it, and why; may be repeated
    #[arg(long, value_name = "WHAT=REASON", help_heading = "Changes")]
    pub(crate) allow: Vec<String>,

    /// Library that may be missing, and why; may be repeated
    #[arg(long, value_name = "LIBRARY=REASON", help_heading = "Changes")]
    pub(crate) excuse: Vec<String>,

    /// File of this machine to put into the image, with its mode if it is neither 0644 nor, for
    /// what can be executed, 0755; may be repeated
    #[arg(
        long = "file",
        value_name = "HOST:IMAGE[:MODE]",
        help_heading = "Changes"
    )]
    pub(crate) files: Vec<String>,

    /// PEM file of a certificate authority to trust; may be repeated
    #[arg(long = "ca", value_name = "FILE", help_heading = "Changes")]
    pub(crate) authorities: Vec<String>,

    /// Program that a container runs: words separated by blanks, or a JSON array
    #[arg(long, value_name = "COMMAND", help_heading = "Changes")]
    pub(crate) entrypoint: Option<String>,

    /// Arguments for when none are given: words separated by blanks, or a JSON array
    #[arg(long, value_name = "ARGUMENTS", help_heading = "Changes")]
    pub(crate) cmd: Option<String>,

    /// Variable of the environment; may be repeated
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Changes")]
    pub(crate) env: Vec<String>,

    /// User that the program runs as: a number, or the name of an account
    #[arg(long, value_name = "USER[:GROUP]", help_heading = "Changes")]
    pub(crate) user: Option<String>,

    /// Label, which becomes an annotation, too; may be repeated
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Changes")]
    pub(crate) label: Vec<String>,
}

/// Where packages come from, and what is kept of them.
#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// Mirror of Debian's archive; may be repeated [default: as apt on this machine is set up]
    ///
    /// `security=ADDRESS` names a mirror of the security archive; without one it is looked for
    /// beside and in the others. Goes before those that the definition names, and these before
    /// the ones of DISTIL_MIRROR, which are separated by blanks.
    #[arg(long = "mirror", value_name = "ADDRESS", help_heading = "Archive")]
    pub(crate) mirrors: Vec<String>,

    /// Keyring whose keys sign the archive, of all mirrors and instead of Debian's: `debian` means
    /// those; may be repeated
    #[arg(long = "keyring", value_name = "FILE", help_heading = "Archive")]
    pub(crate) keyrings: Vec<PathBuf>,

    /// Take a Release though its `Valid-Until` has passed
    #[arg(long, help_heading = "Archive")]
    pub(crate) allow_expired: bool,

    /// Ask mirrors for a newer Release, however fresh the one in the store is
    #[arg(long, help_heading = "Archive")]
    pub(crate) refresh: bool,

    /// Seconds that a mirror may be silent
    #[arg(long, value_name = "SECONDS", default_value_t = 30, help_heading = "Archive",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,

    /// Folder of the store [default: $XDG_CACHE_HOME/distil]
    #[arg(
        long,
        value_name = "DIR",
        env = "DISTIL_STORE",
        help_heading = "Archive"
    )]
    pub(crate) store: Option<PathBuf>,

    /// Size that the store is kept to, such as `500MB` or `20GB` [default: 10GB]
    #[arg(
        long = "store-limit",
        value_name = "SIZE",
        env = "DISTIL_STORE_LIMIT",
        help_heading = "Archive"
    )]
    pub(crate) store_limit: Option<String>,
}

impl From<&Archive> for ArchiveSettings {
    fn from(archive: &Archive) -> Self {
        Self {
            mirrors: archive.mirrors.clone(),
            keyrings: archive.keyrings.clone(),
            allow_expired: archive.allow_expired,
            refresh: archive.refresh,
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

#[derive(Debug, Args)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show what the store holds
    Info(CacheInfo),
    /// Remove what was not used for the longest time, but nothing that a running build needs
    Prune(CachePrune),
    /// Read everything, and remove what is damaged; the status is 1 if something was
    Verify(CacheVerify),
}

#[derive(Debug, Args)]
pub(crate) struct CacheInfo {
    #[command(flatten)]
    pub(crate) place: StorePlace,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CachePrune {
    /// Remove all that no running build needs
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) place: StorePlace,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CacheVerify {
    #[command(flatten)]
    pub(crate) place: StorePlace,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Which store, and how large it may be.
#[derive(Debug, Args)]
pub(crate) struct StorePlace {
    /// Folder of the store [default: $XDG_CACHE_HOME/distil]
    #[arg(long, value_name = "DIR", env = "DISTIL_STORE")]
    pub(crate) store: Option<PathBuf>,

    /// Size that the store is kept to, such as `500MB` or `20GB` [default: 10GB]
    #[arg(long = "store-limit", value_name = "SIZE", env = "DISTIL_STORE_LIMIT")]
    pub(crate) limit: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// NAME or NAME:VARIANT of the catalogue, a definition's FILE.yaml, or an image: an archive,
    /// an OCI layout, or TRANSPORT:PLACE
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// List the files, too
    #[arg(long = "files")]
    pub(crate) with_files: bool,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: GraphFormat,

    #[command(flatten)]
    pub(crate) made: Made,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// NAME or NAME:VARIANT of the catalogue, or a definition's FILE.yaml
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Path of a file of the image, from the root on, or the name of a package
    #[arg(value_name = "PATH|PACKAGE")]
    pub(crate) what: String,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) made: Made,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The one: what `build` builds or `show` shows
    #[arg(value_name = "IMAGE")]
    pub(crate) old: String,

    /// The other
    #[arg(value_name = "IMAGE")]
    pub(crate) new: String,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) made: Made,
}

#[derive(Debug, Args)]
pub(crate) struct Push {
    /// What `build` builds, or an image: an archive, an OCI layout, or TRANSPORT:PLACE
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Where it goes: `docker://REGISTRY/NAME[:TAG]`
    #[arg(value_name = "DESTINATION")]
    pub(crate) destination: String,

    /// Tag that leads to it, beside that of the destination; may be repeated [default: latest, or
    /// the variant's]
    ///
    /// `${version:PACKAGE}`, `${version:PACKAGE:minor}`, `${version:PACKAGE:major}`, `${suite}`
    /// and `${date}` are replaced: `-t '${version:python3}-${date}'`.
    #[arg(short = 't', long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// Copy what is attached to the image, such as signatures, too
    #[arg(long)]
    pub(crate) referrers: bool,

    /// Platforms to make, or the one to copy of an image that has several [default: this machine's,
    /// or all that are there]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,

    #[command(flatten)]
    pub(crate) definition: Definition,

    #[command(flatten)]
    pub(crate) archive: Archive,

    #[command(flatten)]
    pub(crate) registry: Registry,

    /// Say nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// What `build` builds, or an image: an archive, an OCI layout, or TRANSPORT:PLACE
    #[arg(value_name = "IMAGE", required_unless_present = "explain")]
    pub(crate) image: Option<String>,

    /// Say all about a rule, by its name or id, instead of checking
    #[arg(long, value_name = "RULE", conflicts_with = "image")]
    pub(crate) explain: Option<String>,

    /// What the image is for [default: that of the policy, else distroless; of a debug variant debug]
    #[arg(long, value_enum, value_name = "PROFILE", help_heading = "Policy")]
    pub(crate) profile: Option<Profile>,

    /// Finding to allow: a rule, with a pattern of paths or everywhere; may be repeated
    #[arg(long = "allow", value_name = "RULE[=PATH]", help_heading = "Policy")]
    pub(crate) allowed: Vec<String>,

    /// Folder that the image's program writes to, beside its volumes; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Policy")]
    pub(crate) writable: Vec<String>,

    /// Policy: profile, allowances with their reasons and days [default: check.yaml, if it is here]
    #[arg(long, value_name = "FILE", help_heading = "Policy")]
    pub(crate) policy: Option<PathBuf>,

    /// Severity from which on a finding fails the check [default: error]
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Policy")]
    pub(crate) fail_on: Option<FailOn>,

    /// Get the archive's index of contents, to name the packages of missing libraries (some 40 MB)
    #[arg(long, help_heading = "Archive")]
    pub(crate) contents: bool,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    /// Platform [default: this machine's, else the first]
    #[arg(long)]
    pub(crate) platform: Option<String>,

    /// Release of Debian that a definition is built from
    #[arg(long, default_value = "trixie")]
    pub(crate) suite: String,

    #[command(flatten)]
    pub(crate) archive: Archive,

    #[command(flatten)]
    pub(crate) registry: Registry,
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Production
    Distroless,
    /// With busybox to look around
    Debug,
    /// To build in
    Dev,
    /// Kubernetes' restricted pod security
    Kubernetes,
    /// Random users
    Openshift,
}

/// Severities that can fail a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Warnings, too
    Warning,
    /// Errors alone
    Error,
}

/// How an image is made that is named by its definition.
#[derive(Debug, Args)]
pub(crate) struct Made {
    /// Platform [default: this machine's]
    #[arg(long)]
    pub(crate) platform: Option<String>,

    #[command(flatten)]
    pub(crate) definition: Definition,

    #[command(flatten)]
    pub(crate) archive: Archive,

    #[command(flatten)]
    pub(crate) registry: Registry,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Folder that the pages go to
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// Codecs of layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Codec {
    /// Every engine reads it
    #[default]
    Gzip,
    /// Smaller and faster to unpack
    Zstd,
    /// Not at all
    None,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// The graph of dependencies, for Graphviz
    Dot,
}
