//! Flags for what is attached to images where they are written.

use std::path::PathBuf;

use clap::Args;

use super::documents::Documents;
use super::sign::Signing;

/// What is signed and attached when an image is written.
#[derive(Debug, Default, Args)]
pub(crate) struct AttachOutput {
    #[command(flatten)]
    pub(crate) documents: Documents,

    /// Attach the definition and its lock, of which `distil rebuild` makes the image again: short for
    /// `--attach sources`
    #[arg(long, help_heading = "Attestations")]
    pub(crate) embed: bool,

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
