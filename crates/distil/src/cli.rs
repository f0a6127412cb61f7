//! The command line, as it is written. Commands make sense of it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Distroless container images out of Debian packages: a language runtime, the libraries it
/// needs, and nothing else.
#[derive(Debug, Parser)]
#[command(
    name = "distil",
    version,
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
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// What to build: NAME or NAME:VARIANT of the catalogue, or a definition's FILE.yaml
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<String>,

    /// Name that the image carries into `docker load`; may be repeated [default: NAME:VARIANT]
    #[arg(short = 't', long = "tag", value_name = "NAME[:TAG]")]
    pub(crate) tags: Vec<String>,

    /// Where to write it, as TRANSPORT:PLACE; may be repeated [default: an archive here]
    ///
    /// `oci-archive:FILE` and `docker-archive:FILE` write the same file, which every engine
    /// loads; `oci:DIR[:TAG]` writes an OCI layout; `docker-daemon:NAME:TAG` loads the image
    /// into a running Docker.
    #[arg(short, long = "output", value_name = "PLACE")]
    pub(crate) outputs: Vec<String>,

    /// Platforms, such as `linux/amd64,linux/arm64`, or `all` [default: this machine's]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,

    /// Level of gzip's compression of layers, 1 to 12
    #[arg(long, value_name = "LEVEL", default_value_t = 6,
          value_parser = clap::value_parser!(u8).range(1..=12))]
    pub(crate) compression_level: u8,

    #[command(flatten)]
    pub(crate) definition: Definition,

    #[command(flatten)]
    pub(crate) archive: Archive,

    /// Say nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// What changes a definition from the command line.
#[derive(Debug, Args)]
pub(crate) struct Definition {
    /// Release of Debian to build from
    #[arg(long, default_value = "trixie")]
    pub(crate) suite: String,

    /// One more package, with or without a version; may be repeated
    #[arg(long = "add", value_name = "PACKAGE")]
    pub(crate) packages: Vec<String>,

    /// Program that a container runs, with arguments separated by blanks
    #[arg(long, value_name = "COMMAND")]
    pub(crate) entrypoint: Option<String>,
}

/// Where packages come from, and what is kept of them.
#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// Mirror of Debian's archive; may be repeated [default: as apt on this machine is set up]
    ///
    /// `security=ADDRESS` names a mirror of the security archive; without one it is looked for
    /// beside and in the others.
    #[arg(
        long = "mirror",
        value_name = "ADDRESS",
        env = "DISTIL_MIRROR",
        value_delimiter = ' ',
        help_heading = "Archive"
    )]
    pub(crate) mirrors: Vec<String>,

    /// Keyring whose keys sign the archive, instead of Debian's; may be repeated
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

    /// Platform [default: this machine's]
    #[arg(long)]
    pub(crate) platform: Option<String>,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) definition: Definition,

    #[command(flatten)]
    pub(crate) archive: Archive,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}
