//! Flags for documents about images, and where they are attached.

use clap::{Args, ValueEnum};

/// Which documents are attached to an image, and where.
#[derive(Debug, Default, Args)]
pub(crate) struct Documents {
    /// Document to attach to the image where it is written, signed if there is a key; may be repeated
    #[arg(
        long,
        value_enum,
        value_name = "DOCUMENT",
        value_delimiter = ',',
        help_heading = "Attestations"
    )]
    pub(crate) attach: Vec<Attachment>,

    #[command(flatten)]
    pub(crate) places: AttachAs,
}

/// Where documents are attached.
#[derive(Debug, Default, Args)]
pub(crate) struct AttachAs {
    /// Where documents are attached; may be repeated [default: all]
    #[arg(
        long = "attach-as",
        value_enum,
        value_name = "FORM",
        value_delimiter = ',',
        help_heading = "Attestations"
    )]
    pub(crate) forms: Vec<AttachForm>,
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
    /// The definition and its lock, of which `distil rebuild` makes the image again
    Sources,
}

/// Where others look for documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AttachForm {
    /// Referrers of the image: Trivy, ORAS, cosign 3
    Referrer,
    /// The index of an image that is built now, as BuildKit does: Docker's tools
    Index,
    /// The tag `sha256-….att`, signed documents alone: cosign up to version 2
    Tag,
}
