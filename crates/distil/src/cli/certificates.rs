//! Flags for signatures by certificates, as `cosign verify` has them.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

/// Whose certificates count, and who is trusted to have made them.
#[derive(Debug, Default, Args)]
#[command(group(
    ArgGroup::new("certificate_name").args(["certificate_identity", "certificate_identity_regexp"])
))]
pub(crate) struct Certificates {
    /// File of Sigstore's trust root (`trusted_root.json`): the authorities, logs and clocks by which
    /// keyless signatures are verified, without any network
    #[arg(
        long,
        value_name = "FILE",
        requires_all = ["certificate_name", "certificate_oidc_issuer"],
        help_heading = "Keyless signatures"
    )]
    pub(crate) trust_root: Option<PathBuf>,

    /// Who must have signed the image: the address or URI in the certificate
    #[arg(
        long,
        value_name = "NAME",
        requires = "trust_root",
        help_heading = "Keyless signatures"
    )]
    pub(crate) certificate_identity: Option<String>,

    /// The same as a regular expression, which matches anywhere: begin with `^` and end with `$`
    #[arg(
        long,
        value_name = "PATTERN",
        requires = "trust_root",
        help_heading = "Keyless signatures"
    )]
    pub(crate) certificate_identity_regexp: Option<String>,

    /// URL of the service that must have vouched for them, such as
    /// `https://token.actions.githubusercontent.com`
    #[arg(
        long,
        value_name = "URL",
        requires = "trust_root",
        help_heading = "Keyless signatures"
    )]
    pub(crate) certificate_oidc_issuer: Option<String>,
}
