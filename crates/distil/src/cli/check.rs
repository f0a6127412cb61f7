//! Flags of `check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::format::ReportFormat;
use super::request::{Archive, Registry};
use super::sign::Signers;

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// What `build` accepts, or an image: an archive, an OCI layout, or TRANSPORT:PLACE
    #[arg(value_name = "IMAGE", required_unless_present = "explain")]
    pub(crate) image: Option<String>,

    /// Explain a rule, by its name or id, instead of checking
    #[arg(long, value_name = "RULE", conflicts_with = "image")]
    pub(crate) explain: Option<String>,

    /// What the image is for [default: that of the policy, else `debug` for debug variants and
    /// `distroless` for others]
    #[arg(long, value_enum, value_name = "PROFILE", help_heading = "Policy")]
    pub(crate) profile: Option<Profile>,

    /// Finding to allow: a rule, optionally for a pattern of paths; may be repeated
    #[arg(long = "allow", value_name = "RULE[=PATH]", help_heading = "Policy")]
    pub(crate) allowed: Vec<String>,

    /// Directory that the program writes to, in addition to its volumes; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Policy")]
    pub(crate) writable: Vec<String>,

    /// Policy file: profile, and allowances with reasons and expiry dates [default: check.yaml, if it
    /// exists]
    #[arg(long, value_name = "FILE", help_heading = "Policy")]
    pub(crate) policy: Option<PathBuf>,

    /// Lowest severity that fails the check [default: error]
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Policy")]
    pub(crate) fail_on: Option<FailOn>,

    /// Download the archive's index of contents (about 40 MB), to name the packages of missing
    /// libraries
    #[arg(long, help_heading = "Archive")]
    pub(crate) contents: bool,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,

    /// Platform [default: this machine's, else the first]
    #[arg(long)]
    pub(crate) platform: Option<String>,

    /// Release of Debian that a definition is built from, by name or number
    #[arg(long, default_value = "trixie")]
    pub(crate) suite: String,

    #[command(flatten)]
    pub(crate) archive: Archive,

    #[command(flatten)]
    pub(crate) registry: Registry,

    #[command(flatten)]
    pub(crate) signers: Signers,
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Production
    Distroless,
    /// With busybox to look around
    Debug,
    /// To build in
    Dev,
    /// Kubernetes' restricted pod security
    Kubernetes,
    /// Random users
    Openshift,
}

/// Severities that can fail a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Warnings, too
    Warning,
    /// Errors alone
    Error,
}
