//! Flags of `lock`.

use std::path::PathBuf;

use clap::Args;

use super::format::Format;
use super::request::{Archive, Definition, LayerCompression};

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
