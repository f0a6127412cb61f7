//! Flags of `push`.

use clap::Args;

use super::attach::AttachOutput;
use super::request::{Archive, Definition, Registry, UseLock};
use super::shared::SharedCache;

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

    /// Image for other platforms that joins it in one index; may be repeated
    ///
    /// Images that different machines made become one, with the digest that one machine would have given
    /// it for `--platform` in the same order.
    #[arg(long = "index", value_name = "IMAGE", conflicts_with = "platform")]
    pub(crate) joined: Vec<String>,

    /// Copy what is attached to the image, such as signatures, too
    #[arg(long)]
    pub(crate) referrers: bool,

    /// Platforms to make, or the one to copy of an image that has several [default: this machine's,
    /// or all that are there]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,

    #[command(flatten)]
    pub(crate) attach: AttachOutput,

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

    /// Print errors only
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
