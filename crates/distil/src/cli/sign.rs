//! Flags of `sign` and `verify`.

use std::path::PathBuf;

use clap::Args;

use super::certificates::Certificates;
use super::documents::Documents;
use super::format::Format;
use super::request::{Archive, Registry};

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// Image in a registry, `docker://REGISTRY/NAME:TAG` or `…@DIGEST`, or in an OCI layout
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Private key: FILE, `env:VARIABLE`, or `command:COMMAND` that prints it
    ///
    /// ECDSA P-256 or Ed25519, in PEM: PKCS #8, or encrypted by `cosign generate-key-pair`.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,

    #[command(flatten)]
    pub(crate) documents: Documents,

    #[command(flatten)]
    pub(crate) signing: Signing,

    #[command(flatten)]
    pub(crate) archive: Archive,

    #[command(flatten)]
    pub(crate) registry: Registry,

    /// Print errors only
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// How signatures are made and written.
#[derive(Debug, Default, Args)]
pub(crate) struct Signing {
    /// Password of an encrypted key: FILE, `env:VARIABLE` or `command:COMMAND`
    /// [default: env:COSIGN_PASSWORD]
    #[arg(long, value_name = "SOURCE", help_heading = "Signatures")]
    pub(crate) key_password: Option<String>,

    /// Also write signatures under tags (`sha256-….sig`), for cosign up to version 2, skopeo and
    /// Podman
    #[arg(long, help_heading = "Signatures")]
    pub(crate) signature_tags: bool,
}

/// Whose signature an image must have that is read from a registry.
#[derive(Debug, Default, Args)]
pub(crate) struct Signers {
    /// File of a public key in PEM, one of which must have signed the image in its registry or OCI
    /// layout; may be repeated
    #[arg(long = "verify-key", value_name = "FILE", help_heading = "Signatures")]
    pub(crate) keys: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) certificates: Certificates,
}

impl Signers {
    /// Whether nobody must have signed it.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.certificates.trust_root.is_none()
    }
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Image in a registry, `docker://REGISTRY/NAME:TAG` or `…@DIGEST`, or in an OCI layout
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// File of a public key in PEM, one of which must have signed the image unless a certificate of
    /// `--trust-root` has; may be repeated
    #[arg(
        long = "key",
        value_name = "FILE",
        required_unless_present = "trust_root"
    )]
    pub(crate) keys: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) certificates: Certificates,

    /// Repository that the signature must name, for a copy of a signed image
    /// [default: that of the image; in a layout, none]
    #[arg(long, value_name = "REGISTRY/NAME")]
    pub(crate) identity: Option<String>,

    /// Type of an attestation that must be signed, too: `spdx`, `cyclonedx`, `provenance`,
    /// `openvex`, `sources` or a URI; may be repeated
    #[arg(long = "require", value_name = "TYPE")]
    pub(crate) required: Vec<String>,

    /// Platform, to verify its image alone [default: all of the image]
    #[arg(long)]
    pub(crate) platform: Option<String>,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) archive: Archive,

    #[command(flatten)]
    pub(crate) registry: Registry,
}
