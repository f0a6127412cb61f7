//! Flags of `sbom`, and those of other commands that write bills of materials.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::documents::AttachAs;
use super::request::Made;

#[derive(Debug, Args)]
pub(crate) struct Sbom {
    /// NAME or NAME:VARIANT of the catalogue, a definition's FILE.yaml, or an image: an archive,
    /// an OCI layout, or TRANSPORT:PLACE
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Format [default: by the name of the output, else spdx]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<SbomFormat>,

    /// File to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Attach the document to the image in its registry or OCI layout
    #[arg(long, help_heading = "Attestations")]
    pub(crate) attach: bool,

    #[command(flatten)]
    pub(crate) places: AttachAs,

    /// Private key that signs what is attached: FILE, `env:VARIABLE` or `command:COMMAND`
    #[arg(
        long,
        value_name = "KEY",
        requires = "attach",
        help_heading = "Signatures"
    )]
    pub(crate) sign_key: Option<String>,

    /// Password of an encrypted key: FILE, `env:VARIABLE` or `command:COMMAND`
    /// [default: env:COSIGN_PASSWORD]
    #[arg(
        long,
        value_name = "SOURCE",
        requires = "sign_key",
        help_heading = "Signatures"
    )]
    pub(crate) key_password: Option<String>,

    #[command(flatten)]
    pub(crate) made: Made,
}

/// Formats of bills of materials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SbomFormat {
    /// SPDX 2.3, JSON
    Spdx,
    /// CycloneDX 1.6, JSON
    Cyclonedx,
}

/// Bills of materials of images that are built.
#[derive(Debug, Default, Args)]
pub(crate) struct SbomOutput {
    /// File for the bill of materials: CycloneDX if it is called `*.cdx.json`, else SPDX; may be
    /// repeated
    ///
    /// Of several platforms, each has a document, and the name must contain `${platform}`.
    #[arg(long = "sbom", value_name = "FILE", help_heading = "Attestations")]
    pub(crate) sboms: Vec<PathBuf>,
}
