//! Flags of `vendor`.

use std::path::PathBuf;

use clap::Args;

use super::format::Format;
use super::request::Archive;

#[derive(Debug, Args)]
pub(crate) struct Vendor {
    /// Definitions whose locks are vendored: FILE.yaml, or with `--lock` a NAME of the catalogue
    #[arg(
        value_name = "IMAGE",
        required_unless_present = "check",
        conflicts_with = "check"
    )]
    pub(crate) images: Vec<String>,

    /// Directory to fill; what is there and right stays, and nothing is removed
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "check",
        conflicts_with = "check"
    )]
    pub(crate) to: Option<PathBuf>,

    /// Read a directory, and list what is missing or damaged; the exit status is 1 if anything is
    #[arg(long, value_name = "DIR")]
    pub(crate) check: Option<PathBuf>,

    /// Lock of the only image [default: `app.lock` of `app.yaml`]
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub(crate) lock: Option<PathBuf>,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) archive: Archive,

    /// Print errors only
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
