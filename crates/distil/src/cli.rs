//! The command line, as it is written. Commands make sense of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::Styles;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use distil_build::{ArchiveSettings, RegistrySettings};

use crate::examples;

/// Build distroless container images from Debian packages: a language runtime, the libraries it
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

    /// Print what happens on the way on stderr: mirrors, Releases, steps; twice, each request
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = "Messages")]
    pub(crate) verbose: u8,

    /// When to print colours; `auto` honours NO_COLOR and CLICOLOR_FORCE
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        global = true,
        help_heading = "Messages"
    )]
    pub(crate) color: Color,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The command, with colours in its own messages as the command line asks for them. It is not
/// parsed when these are needed, so that the option is looked for in its words.
pub(crate) fn command() -> clap::Command {
    let words: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .take_while(|word| word != "--")
        .collect();
    let joined = words.iter().find_map(|word| word.strip_prefix("--color="));
    let next = words.iter().skip_while(|word| *word != "--color").nth(1);
    let choice = match joined.or(next.map(String::as_str)) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    };
    with_examples(Cli::command().color(choice), "")
}

/// A command and those below it, whose help ends with examples. `name` is empty for the first.
fn with_examples(command: clap::Command, name: &str) -> clap::Command {
    let header = Styles::styled();
    let header = header.get_header();
    let mut text = format!("{header}Examples:{header:#}");
    for (what, line) in examples::of(name) {
        text += &format!("\n  {what}:\n      {line}");
    }
    command.after_help(text).mut_subcommands(|below| {
        let path = format!("{name} {}", below.get_name());
        with_examples(below, path.trim_start())
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build images
    Build(Build),
    /// Pin every package of a definition in a file, or move the pins
    Lock(Lock),
    /// List the catalogue
    List(List),
    /// Show what is in an image: packages, sizes, layers, configuration
    Show(Show),
    /// Explain why a package or a file is in an image or is not
    Why(Why),
    /// Show how two images differ: packages, files, sizes, configuration
    Diff(Diff),
    /// Show, prune or verify the store
    Cache(Cache),
    /// Copy an image into a registry, with what is attached to it
    Push(Push),
    /// Check that an image runs without a shell and exposes a minimal attack surface
    Check(Check),
    /// Print the JSON Schema of definitions, for editors and validators
    Schema,
    /// Print completions for a shell
    Completions(Completions),
    /// Write the manual pages of this command into a directory
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// What to build: NAME or NAME:VARIANT of the catalogue, or a definition's FILE.yaml
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<String>,

    /// Name of the image in `docker load`; may be repeated [default: NAME:VARIANT, with the suite,
    /// platform and packages if they are not the default]
    ///
    /// An output in a registry that names no tag gets the tags of all names. `${version:PACKAGE}`,
    /// `${version:PACKAGE:minor}`, `${version:PACKAGE:major}`, `${suite}` and `${date}` are
    /// replaced: `'python3:${version:python3:minor}'`.
    #[arg(short = 't', long = "tag", value_name = "NAME[:TAG]")]
    pub(crate) tags: Vec<String>,

    /// Where to write the image, as TRANSPORT:PLACE; may be repeated [default: an archive in the
    /// current directory]
    ///
    /// `oci-archive:FILE` and `docker-archive:FILE` write the same file, which every engine
    /// loads; `oci:DIR[:TAG]` writes an OCI layout; `docker-daemon:NAME:TAG` loads the image
    /// into a running Docker; `docker://REGISTRY/NAME[:TAG]` pushes it to a registry;
    /// `rootfs:DIR` writes the files alone.
    #[arg(short, long = "output", value_name = "PLACE")]
    pub(crate) outputs: Vec<String>,

    /// Platforms, such as `linux/amd64,linux/arm64`, or `all` [default: this machine's]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,

    #[command(flatten)]
    pub(crate) compression: LayerCompression,

    #[command(flatten)]
    pub(crate) lock: UseLock,

    #[command(flatten)]
    pub(crate) definition: Definition,

    #[command(flatten)]
    pub(crate) archive: Archive,

    #[command(flatten)]
    pub(crate) registry: Registry,

    /// Output format: a line for each image, JSON, or a report of failures and warnings
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,

    /// Print errors only, and on stdout the digest alone
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

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

#[derive(Debug, Args)]
pub(crate) struct Lock {
    /// What to lock: a definition's FILE.yaml, or with `-o` a NAME of the catalogue
    #[arg(value_name = "IMAGE")]
    pub(crate) image: Option<String>,

    /// File of the lock [default: `app.lock` beside `app.yaml`]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Move the pins of these packages, by the names of binary or source packages, or of all
    #[arg(long, value_name = "PACKAGE", num_args = 0.., value_delimiter = ',')]
    pub(crate) update: Option<Vec<String>>,

    /// Print what would change and write nothing; the status is 3 if something would
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Build the image from the old pins and the new ones, too, and print which files, layers and
    /// configuration change, as `distil diff` does
    #[arg(long = "files")]
    pub(crate) with_files: bool,

    /// Accept an archive that is older than in the lock
    #[arg(long)]
    pub(crate) allow_older: bool,

    /// Platforms, such as `linux/amd64,linux/arm64`, or `all` [default: those of the lock, else
    /// linux/amd64, linux/arm64 and this machine's]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,

    #[command(flatten)]
    pub(crate) compression: LayerCompression,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) definition: Definition,

    #[command(flatten)]
    pub(crate) archive: Archive,

    /// Print errors only
    #[arg(short, long)]
    pub(crate) quiet: bool,
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

    /// Snapshot service, for what a lock names and no mirror has any more [default: Debian's]
    ///
    /// An address with `{archive}` (`debian` or `debian-security`) and `{time}`
    /// (`20251114T082210Z`) in it. Goes before the one that the definition names, and that before
    /// DISTIL_SNAPSHOT.
    #[arg(long, value_name = "ADDRESS", help_heading = "Archive")]
    pub(crate) snapshot: Option<String>,

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
            snapshot: archive.snapshot.clone(),
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
    /// Evict least recently used entries, except those that running builds need
    Prune(CachePrune),
    /// Read all entries and remove damaged ones; the exit status is 1 if there were any
    Verify(CacheVerify),
}

#[derive(Debug, Args)]
pub(crate) struct CacheInfo {
    #[command(flatten)]
    pub(crate) place: StorePlace,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CachePrune {
    /// Remove all entries that no running build needs
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) place: StorePlace,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CacheVerify {
    #[command(flatten)]
    pub(crate) place: StorePlace,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Which store, and how large it may be.
#[derive(Debug, Args)]
pub(crate) struct StorePlace {
    /// Directory of the store [env: DISTIL_STORE] [default: $XDG_CACHE_HOME/distil]
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,

    /// Size limit of the store, such as `500MB` or `20GB` [env: DISTIL_STORE_LIMIT] [default: 10GB]
    #[arg(long = "store-limit", value_name = "SIZE")]
    pub(crate) limit: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// NAME or NAME:VARIANT of the catalogue, a definition's FILE.yaml, or an image: an archive,
    /// an OCI layout, or TRANSPORT:PLACE
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Also list files
    #[arg(long = "files")]
    pub(crate) with_files: bool,

    /// Output format
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

    /// Absolute path of a file in the image, or the name of a package
    #[arg(value_name = "PATH|PACKAGE")]
    pub(crate) what: String,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) made: Made,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Old image: anything that `build` or `show` accepts
    #[arg(value_name = "IMAGE")]
    pub(crate) old: String,

    /// New image
    #[arg(value_name = "IMAGE")]
    pub(crate) new: String,

    /// Output format
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
    pub(crate) lock: UseLock,

    #[command(flatten)]
    pub(crate) definition: Definition,

    #[command(flatten)]
    pub(crate) archive: Archive,

    #[command(flatten)]
    pub(crate) registry: Registry,

    /// Print errors only
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// What `build` accepts, or an image: an archive, an OCI layout, or TRANSPORT:PLACE
    #[arg(value_name = "IMAGE", required_unless_present = "explain")]
    pub(crate) image: Option<String>,

    /// Explain a rule, by its name or id, instead of checking
    #[arg(long, value_name = "RULE", conflicts_with = "image")]
    pub(crate) explain: Option<String>,

    /// What the image is for [default: that of the policy, else `debug` for debug variants and
    /// `distroless` for others]
    #[arg(long, value_enum, value_name = "PROFILE", help_heading = "Policy")]
    pub(crate) profile: Option<Profile>,

    /// Finding to allow: a rule, optionally for a pattern of paths; may be repeated
    #[arg(long = "allow", value_name = "RULE[=PATH]", help_heading = "Policy")]
    pub(crate) allowed: Vec<String>,

    /// Directory that the program writes to, in addition to its volumes; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Policy")]
    pub(crate) writable: Vec<String>,

    /// Policy file: profile, and allowances with reasons and expiry dates [default: check.yaml, if it
    /// exists]
    #[arg(long, value_name = "FILE", help_heading = "Policy")]
    pub(crate) policy: Option<PathBuf>,

    /// Lowest severity that fails the check [default: error]
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Policy")]
    pub(crate) fail_on: Option<FailOn>,

    /// Download the archive's index of contents (about 40 MB), to name the packages of missing
    /// libraries
    #[arg(long, help_heading = "Archive")]
    pub(crate) contents: bool,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,

    /// Platform [default: this machine's, else the first]
    #[arg(long)]
    pub(crate) platform: Option<String>,

    /// Release of Debian that a definition is built from, by name or number
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
    pub(crate) lock: UseLock,

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
    /// Directory that the pages are written to
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
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

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}

/// Formats of what was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit's XML, for test reports
    Junit,
    /// Annotations of GitHub Actions
    Github,
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
