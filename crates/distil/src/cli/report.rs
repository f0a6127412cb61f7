//! Flags of `report`.

use std::path::PathBuf;

use clap::Args;

use super::request::Made;

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// NAME or NAME:VARIANT of the catalogue, a definition's FILE.yaml, or an image: an archive,
    /// an OCI layout, or TRANSPORT:PLACE
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Another image: what differs from the first to this one is in the page, too
    #[arg(value_name = "OTHER")]
    pub(crate) other: Option<String>,

    /// File of the page, or `-` for stdout
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) made: Made,
}
