//! Flags of `rebuild`.

use std::path::PathBuf;

use clap::Args;

use super::format::Format;
use super::request::Made;

#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    /// Image to make again: an archive, an OCI layout, or TRANSPORT:PLACE
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// What it was made of: a definition's FILE.yaml, or NAME or NAME:VARIANT of the catalogue
    /// [default: the sources that `build --embed` attached to it]
    #[arg(value_name = "DEFINITION")]
    pub(crate) made_of: Option<String>,

    /// Directory of the files that a definition attached to the image names [default: this one]
    #[arg(long, value_name = "DIR", conflicts_with = "made_of")]
    pub(crate) directory: Option<PathBuf>,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) made: Made,
}
