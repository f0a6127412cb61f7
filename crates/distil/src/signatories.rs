//! Whose signatures count, as flags say it: keys, and holders of certificates.

use std::path::PathBuf;

use distil_attest::key::PublicKey;
use distil_attest::keyless::{MAX_TRUST_ROOT, Name, Trust, TrustRoot};
use distil_attest::verify::Policy;
use distil_oci::reference::Repository;

use crate::cli;
use crate::error::CommandError;
use crate::keys::{self, read_file};

/// Whose signatures count.
pub(crate) struct Signatories {
    /// The keys, in the order of their flags.
    pub(crate) keys: Vec<PublicKey>,
    trust: Option<Trust>,
}

impl Signatories {
    /// Reads what the flags name.
    pub(crate) fn read(
        keys: &[PathBuf],
        certificates: &cli::Certificates,
    ) -> Result<Self, CommandError> {
        Ok(Self {
            keys: keys::public(keys)?,
            trust: trust(certificates)?,
        })
    }

    /// The same of those flags that name them for what is read.
    pub(crate) fn of(signers: &cli::Signers) -> Result<Self, CommandError> {
        Self::read(&signers.keys, &signers.certificates)
    }

    /// The policy by which an image of a repository is verified.
    pub(crate) fn policy<'a>(&'a self, identity: Option<&'a Repository>) -> Policy<'a> {
        Policy {
            keys: &self.keys,
            trust: self.trust.as_ref(),
            identity,
        }
    }
}

fn trust(flags: &cli::Certificates) -> Result<Option<Trust>, CommandError> {
    // The command line has all three or none.
    let (Some(path), Some(issuer)) = (&flags.trust_root, &flags.certificate_oidc_issuer) else {
        return Ok(None);
    };
    let name = match (
        &flags.certificate_identity,
        &flags.certificate_identity_regexp,
    ) {
        (Some(name), _) => Name::Exact(name.clone()),
        (None, Some(pattern)) => Name::pattern(pattern).map_err(CommandError::usage)?,
        (None, None) => return Ok(None),
    };
    if let Some((flag, _)) = [
        (
            "--certificate-identity",
            flags.certificate_identity.as_ref(),
        ),
        (
            "--certificate-identity-regexp",
            flags.certificate_identity_regexp.as_ref(),
        ),
        ("--certificate-oidc-issuer", Some(issuer)),
    ]
    .iter()
    .find(|(_, value)| value.is_some_and(String::is_empty))
    {
        return Err(CommandError::usage(format!("`{flag}` is empty")));
    }
    let failed = |problem: String| {
        let message = format!(
            "failed to read the trust root `{}`: {problem}",
            path.display()
        );
        CommandError::usage(message)
    };
    let bytes = read_file(path, MAX_TRUST_ROOT).map_err(|error| failed(error.to_string()))?;
    let root = TrustRoot::parse(&bytes).map_err(|error| {
        failed(error.to_string()).hint(
            "`cosign trusted-root create` writes one; that of the public instance is \
             `trusted_root.json` of its TUF repository",
        )
    })?;
    Ok(Some(Trust {
        root,
        name,
        issuer: issuer.clone(),
    }))
}
