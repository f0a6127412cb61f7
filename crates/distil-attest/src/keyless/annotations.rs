//! Keyless signatures under tags, as cosign up to version 2 writes them: the certificate and the log's
//! promise are annotations (cosign, `specs/SIGNATURE_SPEC.md`).

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::KeylessError;

/// The annotation that has the certificate in PEM.
pub(crate) const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";

/// The one that has the entry of the log.
const BUNDLE: &str = "dev.sigstore.cosign/bundle";

/// The one that has a timestamp.
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// An entry of Rekor 1, as cosign keeps it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Bundle {
    signed_entry_timestamp: String,
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    body: String,
    #[serde(rename = "integratedTime")]
    integrated_time: u64,
    #[serde(rename = "logIndex")]
    log_index: u64,
    /// In hexadecimal.
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
struct Timestamp {
    #[serde(rename = "SignedRFC3161Timestamp")]
    response: String,
}

/// The verification material that annotations have, in the form of a bundle's.
pub(crate) fn material(annotations: &HashMap<String, String>) -> Result<Value, KeylessError> {
    let damaged = |what| KeylessError::Damaged { what };
    let certificate = annotations.get(CERTIFICATE).map_or("", String::as_str);
    let certificate = pem_rfc7468::decode_vec(certificate.trim().as_bytes());
    let (_, certificate) = certificate.map_err(|_| damaged("certificate"))?;
    let mut material = json!({"certificate": {"rawBytes": BASE64_STANDARD.encode(certificate)}});
    if let Some(bundle) = annotations.get(BUNDLE) {
        let bundle: Bundle = serde_json::from_str(bundle).map_err(|_| damaged("log entry"))?;
        let entry = bundle.payload;
        let id = bytes(&entry.log_id).ok_or_else(|| damaged("log entry"))?;
        material["tlogEntries"] = json!([{
            "logIndex": entry.log_index,
            "logId": {"keyId": BASE64_STANDARD.encode(id)},
            "integratedTime": entry.integrated_time,
            "inclusionPromise": {"signedEntryTimestamp": bundle.signed_entry_timestamp},
            "canonicalizedBody": entry.body,
        }]);
    }
    if let Some(stamp) = annotations.get(TIMESTAMP) {
        let stamp: Timestamp = serde_json::from_str(stamp).map_err(|_| damaged("timestamp"))?;
        let stamps = json!([{"signedTimestamp": stamp.response}]);
        material["timestampVerificationData"] = json!({"rfc3161Timestamps": stamps});
    }
    Ok(material)
}

/// The bytes of a string in hexadecimal.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let pairs = digits.chunks(2).map(|pair| {
        let byte = pair.iter().fold(0, |sum, digit| sum * 16 + digit);
        u8::try_from(byte).ok()
    });
    pairs.collect()
}
