//! Flags of `build`.

use std::path::PathBuf;

use clap::Args;

use super::attach::AttachOutput;
use super::format::ReportFormat;
use super::request::{Archive, Definition, LayerCompression, Registry, UseLock};
use super::sbom::SbomOutput;
use super::shared::{Share, SharedCache};

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// What to build: NAME or NAME:VARIANT of the catalogue, or a definition's FILE.yaml
    #[arg(required_unless_present = "program", value_name = "IMAGE")]
    pub(crate) images: Vec<String>,

    /// Program to make an image for, on IMAGE or else on the smallest of `static`, `base-nossl`,
    /// `base` and `cc` that has what it needs
    ///
    /// Libraries that it needs are resolved to packages of the suite; those that it has with it
    /// (`$ORIGIN`) go with it. The image is called like the program, runs it, and is for its machine.
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,

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

    /// Make the image a second time, with an empty store and another number of threads, and fail if
    /// the bytes are others
    #[arg(long)]
    pub(crate) check: bool,

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

    #[command(flatten)]
    pub(crate) cache: SharedCache,

    #[command(flatten)]
    pub(crate) share: Share,

    #[command(flatten)]
    pub(crate) sbom: SbomOutput,

    #[command(flatten)]
    pub(crate) attach: AttachOutput,

    /// Output format: a line for each image, JSON, or a report of failures and warnings
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,

    /// Print errors only, and on stdout the digest alone
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
