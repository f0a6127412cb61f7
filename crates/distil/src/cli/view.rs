//! Flags of the commands that look at images: `list`, `show`, `why` and `diff`.

use clap::{Args, ValueEnum};

use super::format::Format;
use super::request::Made;

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
