//! `distil verify`: who has signed an image, and what of it.

use std::path::PathBuf;

use distil_attest::attach::is_possible_at;
use distil_attest::bundle::BundleError;
use distil_attest::key::PublicKey;
use distil_attest::verify::{
    self, Form, Rejected, Rejection, Signatory, Verification, Verified, VerifyError, verify,
};
use distil_attest::{sources, statement};
use distil_oci::reference::{Reference, Repository};
use distil_oci::{Image, Location, Opened, Platform, Registries, transport};
use distil_store::Digest;
use distil_tree::printable;
use serde::Serialize;

use super::attach::attachable;
use super::registries;
use crate::cli;
use crate::error::CommandError;
use crate::signatories::Signatories;
use crate::table::{print, print_json, print_table, table};

/// Types of attestations that have short names.
const TYPES: [(&str, &str); 5] = [
    ("spdx", "https://spdx.dev/Document"),
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("provenance", statement::PROVENANCE),
    ("openvex", "https://openvex.dev/ns"),
    ("sources", sources::PREDICATE_TYPE),
];

pub(crate) fn run(arguments: &cli::Verify) -> Result<(), CommandError> {
    let place = attachable(&arguments.image)?;
    let signatories = Signatories::read(&arguments.keys, &arguments.certificates)?;
    let keys = &signatories.keys;
    let required: Vec<&str> = arguments
        .required
        .iter()
        .map(|word| predicate_type(word))
        .collect::<Result<_, _>>()?;
    let identity = match &arguments.identity {
        Some(word) => Some(repository(word)?),
        None => own_name(&place),
    };
    let registries = registries(&arguments.archive, &arguments.registry);
    let opened = transport::open(&place, &registries)?;
    let wanted = arguments.platform.as_deref().map(str::parse::<Platform>);
    let wanted = wanted.transpose().map_err(CommandError::usage)?;
    let digest = match &wanted {
        Some(platform) => opened.image_for(Some(platform))?.digest(),
        None => opened.manifest().digest(),
    };
    let policy = signatories.policy(identity.as_ref());
    let found = verify(&place, digest, policy, &registries);
    let found = found.map_err(|error| failed(error, identity.as_ref()))?;
    let types = |one: &Verified| one.predicate_type.clone();
    let signed: Vec<String> = found.verified.iter().map(types).collect();
    if let Some(missing) = required
        .iter()
        .find(|one| !signed.iter().any(|s| s == *one))
    {
        let message = format!("`{digest}` has no signed attestation of the type `{missing}`");
        return Err(CommandError::failure(message));
    }
    match arguments.format {
        cli::Format::Json => print_json(&Document::of(&found, &named(&place), keys)),
        cli::Format::Table => tables(&found, &arguments.keys, keys),
    }
}

/// Rejects a place that has no signatures, where an image must have one.
pub(crate) fn require_place(
    location: &Location,
    signers: &cli::Signers,
) -> Result<(), CommandError> {
    if signers.is_empty() || is_possible_at(location) {
        return Ok(());
    }
    let message =
        format!("`{location}` is neither in a registry nor an OCI layout, where signatures are");
    let flag = match signers.keys.is_empty() {
        true => "--trust-root",
        false => "--verify-key",
    };
    Err(CommandError::usage(message).hint(format!("leave `{flag}` out")))
}

/// Rejects an image in a registry or a layout that none of the signers has signed: it by itself, or what its
/// name leads to, which has its digest. Nothing is asked where there are no signers.
pub(crate) fn require_signature(
    opened: &Opened,
    image: &Image,
    signers: &cli::Signers,
    registries: &Registries,
) -> Result<(), CommandError> {
    require_place(opened.location(), signers)?;
    if signers.is_empty() {
        return Ok(());
    }
    let signatories = Signatories::of(signers)?;
    let place = opened.location();
    let identity = own_name(place);
    let policy = signatories.policy(identity.as_ref());
    let top = opened.manifest().digest();
    let found = verify(place, top, policy, registries);
    let found = match found {
        Err(VerifyError::Unsigned { .. }) if top != image.digest() => {
            verify(place, image.digest(), policy, registries)
        }
        found => found,
    };
    found.map_err(|error| failed(error, identity.as_ref()))?;
    Ok(())
}

/// What the signers say of an image by itself.
pub(crate) fn statements(
    place: &Location,
    image: Digest,
    signers: &cli::Signers,
    registries: &Registries,
) -> Result<Verification, CommandError> {
    require_place(place, signers)?;
    let signatories = Signatories::of(signers)?;
    let identity = own_name(place);
    let policy = signatories.policy(identity.as_ref());
    let found = verify::statements(place, image, policy, registries);
    found.map_err(|error| failed(error, identity.as_ref()))
}

/// The repository that signatures at a place must name; none in a layout.
fn own_name(place: &Location) -> Option<Repository> {
    match place {
        Location::Registry(reference) => Some(reference.repository().clone()),
        _ => None,
    }
}

/// An image as the document for programs names it.
fn named(place: &Location) -> String {
    match place {
        Location::Registry(reference) => reference.to_string(),
        other => other.to_string(),
    }
}

fn predicate_type(word: &str) -> Result<&str, CommandError> {
    let known = TYPES.iter().find(|(short, _)| *short == word);
    match known {
        Some((_, uri)) => Ok(uri),
        None if word.contains("://") => Ok(word),
        None => {
            let known = TYPES.map(|(short, _)| format!("`{short}`")).join(", ");
            Err(
                CommandError::usage(format!("`{word}` is no type of attestations"))
                    .hint(format!("types are {known}, and URIs")),
            )
        }
    }
}

fn repository(word: &str) -> Result<Repository, CommandError> {
    let reference: Reference = word.parse().map_err(CommandError::usage)?;
    Ok(reference.repository().clone())
}

fn failed(error: VerifyError, identity: Option<&Repository>) -> CommandError {
    let has = |kind: fn(&Rejection) -> bool| matches!(&error, VerifyError::Unsigned { rejected, .. } if rejected.iter().any(|one| kind(&one.why)));
    let has_other_name = has(|why| matches!(why, Rejection::OtherName { .. }));
    let is_keyless = has(|why| matches!(why, Rejection::Bundle(BundleError::Keyless)));
    match error {
        VerifyError::Transport(error) => error.into(),
        other => {
            let error = CommandError::failure(other);
            match has_other_name {
                true => error.hint(match identity {
                    Some(identity) => format!(
                        "the signature was made for another name than `{identity}`; if this is \
                         meant to be a copy, `--identity NAME` accepts signatures of that name"
                    ),
                    None => {
                        "`--identity NAME` of `distil verify` accepts signatures that were made \
                             for that name"
                            .to_owned()
                    }
                }),
                false if is_keyless => error.hint(
                    "a keyless signature is verified with `--trust-root FILE`, \
                     `--certificate-identity NAME` and `--certificate-oidc-issuer URL`",
                ),
                false => error,
            }
        }
    }
}

fn short(uri: &str) -> &str {
    if uri == statement::SIGNATURE {
        return "signature";
    }
    let known = TYPES.iter().find(|(_, known)| *known == uri);
    known.map_or(uri, |(short, _)| short)
}

/// A time in the form of RFC 3339, which ends with the year 9999.
fn time(seconds: u64) -> String {
    const LAST: u64 = 253_402_300_799;
    let since = std::time::Duration::from_secs(seconds.min(LAST));
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since).to_string()
}

fn form(form: Form) -> &'static str {
    match form {
        Form::Referrer => "referrer",
        Form::Tag => "tag",
    }
}

fn tables(found: &Verification, paths: &[PathBuf], keys: &[PublicKey]) -> Result<(), CommandError> {
    print(found.digest)?;
    print("")?;
    let rows = found.verified.iter().map(|one| {
        let (by, key) = match &one.by {
            Signatory::Key(key) => (
                paths.get(*key).map(|path| path.display().to_string()),
                keys.get(*key).map(|key| key.fingerprint().to_string()),
            ),
            Signatory::Certified(who) => (
                Some(printable(who.name.as_bytes())),
                Some(printable(who.issuer.as_bytes())),
            ),
        };
        vec![
            short(&one.predicate_type).to_owned(),
            form(one.form).to_owned(),
            by.unwrap_or_default(),
            key.unwrap_or_default(),
            one.name.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    });
    let heading = ["VERIFIED", "IN", "BY", "KEY OR ISSUER", "NAME"];
    print_table(&table(&heading, rows.collect(), &[]))?;
    if found.rejected.is_empty() {
        return Ok(());
    }
    print("")?;
    let rows = found.rejected.iter().map(|one| {
        let blob = one.blob.map(|digest| digest.to_string());
        vec![
            blob.unwrap_or_else(|| "-".to_owned()),
            form(one.form).to_owned(),
            one.why.to_string(),
        ]
    });
    print_table(&table(&["REJECTED", "IN", "BECAUSE"], rows.collect(), &[]))
}

/// The result for programs; docs/json.md tells what the fields mean.
#[derive(Serialize)]
struct Document {
    schema_version: u32,
    image: String,
    digest: String,
    verified: Vec<VerifiedEntry>,
    rejected: Vec<RejectedEntry>,
}

#[derive(Serialize)]
struct VerifiedEntry {
    predicate_type: String,
    form: &'static str,
    blob: String,
    key: Option<String>,
    certificate: Option<CertificateEntry>,
    name: Option<String>,
}

#[derive(Serialize)]
struct CertificateEntry {
    identity: String,
    issuer: String,
    signed_at: String,
}

#[derive(Serialize)]
struct RejectedEntry {
    form: &'static str,
    blob: Option<String>,
    reason: String,
}

impl Document {
    fn of(found: &Verification, image: &str, keys: &[PublicKey]) -> Self {
        let verified = |one: &Verified| VerifiedEntry {
            predicate_type: one.predicate_type.clone(),
            form: form(one.form),
            blob: one.blob.to_string(),
            key: match &one.by {
                Signatory::Key(key) => keys.get(*key).map(|key| key.fingerprint().to_string()),
                Signatory::Certified(_) => None,
            },
            certificate: match &one.by {
                Signatory::Key(_) => None,
                Signatory::Certified(who) => Some(CertificateEntry {
                    identity: who.name.clone(),
                    issuer: who.issuer.clone(),
                    signed_at: time(who.time),
                }),
            },
            name: one.name.clone(),
        };
        let rejected = |one: &Rejected| RejectedEntry {
            form: form(one.form),
            blob: one.blob.map(|digest| digest.to_string()),
            reason: one.why.to_string(),
        };
        Self {
            schema_version: 1,
            image: image.to_owned(),
            digest: found.digest.to_string(),
            verified: found.verified.iter().map(verified).collect(),
            rejected: found.rejected.iter().map(rejected).collect(),
        }
    }
}
