//! Flags of `rebuild`.

use clap::Args;

use super::format::Format;
use super::request::Made;

#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    /// Image to make again: an archive, an OCI layout, or TRANSPORT:PLACE
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// What it was made of: a definition's FILE.yaml, or NAME or NAME:VARIANT of the catalogue
    #[arg(value_name = "DEFINITION")]
    pub(crate) made_of: String,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) made: Made,
}
