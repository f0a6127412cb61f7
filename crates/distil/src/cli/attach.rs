//! Flags for what is attached to images in registries.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::sign::Signing;

/// What is signed and attached when an image is written to a registry.
#[derive(Debug, Default, Args)]
pub(crate) struct AttachOutput {
    /// Document to attach to the image in its registry, signed if there is a key; may be repeated
    #[arg(
        long,
        value_enum,
        value_name = "DOCUMENT",
        value_delimiter = ',',
        help_heading = "Attestations"
    )]
    pub(crate) attach: Vec<Attachment>,

    /// Report of Trivy or Grype on the image, in JSON: what `--vex` and `--attach openvex` are about
    #[arg(long, value_name = "FILE", help_heading = "Attestations")]
    pub(crate) vex_from: Option<PathBuf>,

    /// File for the matches of that report whose code is not in the image, as OpenVEX 0.2.0
    #[arg(
        long,
        value_name = "FILE",
        requires = "vex_from",
        help_heading = "Attestations"
    )]
    pub(crate) vex: Option<PathBuf>,

    /// Private key that signs the image and what is attached: FILE, `env:VARIABLE` or
    /// `command:COMMAND`
    #[arg(long, value_name = "KEY", help_heading = "Signatures")]
    pub(crate) sign_key: Option<String>,

    #[command(flatten)]
    pub(crate) signing: Signing,
}

/// Documents about an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Attachment {
    /// Bill of materials, SPDX 2.3
    Spdx,
    /// Bill of materials, CycloneDX 1.6
    Cyclonedx,
    /// From what the image was built, SLSA 1.0
    Provenance,
    /// Matches of the report of `--vex-from` whose code is not in the image, OpenVEX 0.2.0
    Openvex,
}
