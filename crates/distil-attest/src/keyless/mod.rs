//! Signatures without a key of one's own: by a certificate that an authority has made for an identity
//! and a few minutes, with an entry in a transparency log that says when (sigstore/architecture-docs,
//! `client-spec.md`, 4). What is believed comes from a trust root that is given, and from no network.

mod algorithm;
pub(crate) mod annotations;
mod body;
mod certificate;
mod entry;
mod error;
mod timestamp;
mod trust_root;

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::Value;

pub use self::error::KeylessError;
pub use self::trust_root::{MAX_TRUST_ROOT, TrustRoot};

pub(crate) use self::body::Signed;

use self::body::About;
use self::certificate::Certificate;
use self::entry::Entry;

/// The most entries of a log, and the most timestamps, that a signature may have.
const MAX_ENTRIES: usize = 8;

/// For whom a certificate must be.
#[derive(Debug, Clone)]
pub enum Name {
    /// For this name: an address or a URI.
    Exact(String),
    /// For a name in which the expression is found. As in cosign it may be anywhere, so that
    /// expressions begin with `^` and end with `$`.
    Pattern(Regex),
}

impl Name {
    /// A pattern.
    ///
    /// # Errors
    /// If it is no regular expression, or one that is too large.
    pub fn pattern(pattern: &str) -> Result<Self, KeylessError> {
        let built = RegexBuilder::new(pattern).size_limit(1 << 20).build();
        built.map(Self::Pattern).map_err(|error| {
            // The library shows the expression, too, over several lines.
            let text = error.to_string();
            let problem = text.lines().last().unwrap_or_default();
            KeylessError::Pattern {
                pattern: pattern.to_owned(),
                problem: problem.trim_start_matches("error: ").to_owned(),
            }
        })
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(wanted) => wanted == name,
            Self::Pattern(pattern) => pattern.is_match(name),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Pattern(pattern) => f.write_str(pattern.as_str()),
        }
    }
}

/// Whose certificates count, and whom they are believed from.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The authorities and logs.
    pub root: TrustRoot,
    /// For whom a certificate must be.
    pub name: Name,
    /// The service that must have vouched for them, by its URL.
    pub issuer: String,
}

/// Who has signed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name in the certificate.
    pub name: String,
    /// The service that vouched for it.
    pub issuer: String,
    /// When the signature was there, in seconds since 1970, by a log or a timestamp authority.
    pub time: u64,
}

/// The verification material of a bundle (sigstore/protobuf-specs, `sigstore_bundle.proto`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    certificate: Option<RawBytes>,
    x509_certificate_chain: Option<Chain>,
    #[serde(default)]
    tlog_entries: Vec<Entry>,
    #[serde(default)]
    timestamp_verification_data: Option<Timestamps>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    #[serde(default)]
    rfc3161_timestamps: Vec<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamp {
    signed_timestamp: String,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<RawBytes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: String,
}

impl Trust {
    /// Who has made a signature, if it is one of those that count. `proof`: whether entries of the log
    /// need proofs of inclusion.
    pub(crate) fn verify(
        &self,
        material: &Value,
        proof: bool,
        signed: Signed<'_>,
    ) -> Result<Identity, KeylessError> {
        let what = "verification material";
        let material: Material =
            Material::deserialize(material).map_err(|_| KeylessError::Damaged { what })?;
        let chain = material.x509_certificate_chain.as_ref();
        // What is between it and the root is the trust root's to say.
        let leaf = material.certificate.as_ref();
        let leaf = leaf.or_else(|| chain.and_then(|chain| chain.certificates.first()));
        let leaf = leaf.and_then(|leaf| BASE64_STANDARD.decode(&leaf.raw_bytes).ok());
        let certificate = Certificate::parse(leaf.ok_or(KeylessError::Damaged { what })?)?;
        if !certificate.verifies(signed.message, signed.signature) {
            return Err(KeylessError::Signature);
        }
        let about = About {
            certificate: certificate.der(),
            signed,
        };
        let stamps = material.timestamp_verification_data.unwrap_or_default();
        let stamps = stamps.rfc3161_timestamps;
        if material.tlog_entries.len() > MAX_ENTRIES || stamps.len() > MAX_ENTRIES {
            return Err(KeylessError::Damaged { what });
        }
        if material.tlog_entries.is_empty() {
            return Err(KeylessError::NoEntry);
        }
        // A clock that is not in the trust root says nothing, and so takes nothing away.
        let (mut times, mut problem) = (Vec::new(), KeylessError::NoTime);
        for stamp in &stamps {
            match self.time(stamp, signed.signature) {
                Ok(time) => times.push(time),
                Err(error) => problem = error,
            }
        }
        let mut logged = Vec::new();
        for entry in &material.tlog_entries {
            let time = entry.verify(&self.root, &about, proof, &times);
            let time = time.map_err(|error| match error {
                KeylessError::NoTime => problem.clone(),
                other => other,
            })?;
            logged.extend(time);
        }
        times.extend(logged);
        for time in &times {
            certificate.verify(&self.root, *time)?;
        }
        let time = times.into_iter().min().ok_or(problem)?;
        let (name, issuer) = certificate.identity()?;
        match self.name.matches(&name) && self.issuer == issuer {
            true => Ok(Identity { name, issuer, time }),
            false => Err(KeylessError::Identity {
                name: name.chars().take(300).collect(),
                issuer: issuer.chars().take(300).collect(),
            }),
        }
    }
    /// The time of a timestamp of a signature.
    fn time(&self, stamp: &Timestamp, signature: &[u8]) -> Result<u64, KeylessError> {
        let response = BASE64_STANDARD.decode(&stamp.signed_timestamp);
        let response = response.map_err(|_| KeylessError::Damaged { what: "timestamp" })?;
        timestamp::time(&response, signature, &self.root)
    }
}
