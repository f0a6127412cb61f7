//! Whom one trusts: Sigstore's `trusted_root.json`, versions 0.1 and 0.2 (sigstore/protobuf-specs,
//! `sigstore_trustroot.proto`).

use std::time::UNIX_EPOCH;

use super::error::KeylessError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

/// The largest trust root that is read: the public instance's has 7 kB.
pub const MAX_TRUST_ROOT: u64 = 1 << 20;

/// Authorities of certificates and logs, with the times at which they are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRoot {
    pub(super) authorities: Vec<Authority>,
    pub(super) certificate_logs: Vec<Log>,
    pub(super) transparency_logs: Vec<Log>,
    /// Of each the first of the certificates is that of the clock itself.
    pub(super) timestamp_authorities: Vec<Authority>,
}

/// An authority: its root and what is between, each in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) root: Vec<u8>,
    pub(super) intermediates: Vec<Vec<u8>>,
    pub(super) valid: Period,
}

/// A log by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) id: Vec<u8>,
    /// `SubjectPublicKeyInfo` in DER.
    pub(super) key: Vec<u8>,
    pub(super) valid: Period,
}

/// Seconds since 1970, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    start: u64,
    end: Option<u64>,
}

impl Period {
    pub(super) fn contains(self, seconds: u64) -> bool {
        self.start <= seconds && self.end.is_none_or(|end| seconds <= end)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: String,
    #[serde(default)]
    tlogs: Vec<LogEntry>,
    #[serde(default)]
    certificate_authorities: Vec<AuthorityEntry>,
    #[serde(default)]
    ctlogs: Vec<LogEntry>,
    #[serde(default)]
    timestamp_authorities: Vec<AuthorityEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogEntry {
    public_key: KeyEntry,
    log_id: LogId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyEntry {
    raw_bytes: String,
    valid_for: PeriodEntry,
}

/// How a log is named (sigstore/protobuf-specs, `sigstore_common.proto`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogId {
    pub(super) key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorityEntry {
    cert_chain: ChainEntry,
    valid_for: PeriodEntry,
}

#[derive(Deserialize)]
struct ChainEntry {
    certificates: Vec<CertificateEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CertificateEntry {
    raw_bytes: String,
}

#[derive(Deserialize)]
struct PeriodEntry {
    start: String,
    end: Option<String>,
}

impl TrustRoot {
    /// Reads a trust root.
    ///
    /// # Errors
    /// If it is none, of a version that is not known, or has no authority or no logs of both kinds.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeylessError> {
        let document: Document = serde_json::from_slice(bytes).map_err(|e| bad(e.to_string()))?;
        let kind = document.media_type.as_str();
        let is_known = [
            "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
            "application/vnd.dev.sigstore.trustedroot.v0.2+json",
        ];
        if !is_known.contains(&kind) {
            let kind: String = kind.chars().take(100).collect();
            return Err(bad(format!("it is of the type `{kind}`")));
        }
        let logs = |entries: Vec<LogEntry>| {
            let logs = entries.into_iter().map(log);
            logs.collect::<Result<Vec<_>, _>>()
        };
        let authorities = document.certificate_authorities.into_iter().map(authority);
        let clocks = document.timestamp_authorities.into_iter().map(authority);
        let root = Self {
            authorities: authorities.collect::<Result<_, _>>()?,
            certificate_logs: logs(document.ctlogs).and_then(|all| some(all, "`ctlogs`"))?,
            transparency_logs: logs(document.tlogs).and_then(|all| some(all, "`tlogs`"))?,
            timestamp_authorities: clocks.collect::<Result<_, _>>()?,
        };
        match root.authorities.is_empty() {
            true => Err(bad("it has no `certificateAuthorities`".to_owned())),
            false => Ok(root),
        }
    }
}

fn bad(problem: String) -> KeylessError {
    KeylessError::TrustRoot { problem }
}

fn some(logs: Vec<Log>, what: &str) -> Result<Vec<Log>, KeylessError> {
    match logs.is_empty() {
        true => Err(bad(format!("it has no {what}"))),
        false => Ok(logs),
    }
}

fn base64(text: &str) -> Result<Vec<u8>, KeylessError> {
    let decoded = BASE64_STANDARD.decode(text);
    decoded.map_err(|_| bad("a key, certificate or identifier is no base64".to_owned()))
}

fn seconds(text: &str) -> Result<u64, KeylessError> {
    let time = humantime::parse_rfc3339(text).ok();
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since
        .map(|since| since.as_secs())
        .ok_or_else(|| bad("a time is not in the form of RFC 3339 in UTC".to_owned()))
}

fn period(entry: &PeriodEntry) -> Result<Period, KeylessError> {
    Ok(Period {
        start: seconds(&entry.start)?,
        end: entry.end.as_deref().map(seconds).transpose()?,
    })
}

fn log(entry: LogEntry) -> Result<Log, KeylessError> {
    Ok(Log {
        id: base64(&entry.log_id.key_id)?,
        key: base64(&entry.public_key.raw_bytes)?,
        valid: period(&entry.public_key.valid_for)?,
    })
}

fn authority(entry: AuthorityEntry) -> Result<Authority, KeylessError> {
    let certificates = entry.cert_chain.certificates.iter();
    let mut chain: Vec<_> = certificates
        .map(|one| base64(&one.raw_bytes))
        .collect::<Result<_, _>>()?;
    // From what issues to the root.
    let root = chain.pop();
    let root = root.ok_or_else(|| bad("an authority has no certificate".to_owned()))?;
    Ok(Authority {
        root,
        intermediates: chain,
        valid: period(&entry.valid_for)?,
    })
}
