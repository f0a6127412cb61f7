//! Envelopes of signed payloads (DSSE, `secure-systems-lab/dsse`, `protocol.md` and `envelope.md`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::key::{KeyError, PrivateKey, PublicKey};
use crate::keyless::{Identity, KeylessError, Signed, Trust};

/// The type of a payload that is an in-toto statement (in-toto attestation framework,
/// `spec/v1/envelope.md`).
pub const STATEMENT: &str = "application/vnd.in-toto+json";

/// The most signatures of one envelope that are looked at.
const MAX_SIGNATURES: usize = 64;

/// A payload with signatures over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The payload in base64.
    payload: String,
    /// Its type, which is signed, too.
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<Signature>,
}

/// A signature in an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    /// Unauthenticated, and so looked at by nobody here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    keyid: String,
    sig: String,
}

/// Why an envelope says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The payload is no base64.
    #[error("the payload of the envelope is no base64")]
    Payload,
    /// There is no signature.
    #[error("the envelope has no signature")]
    Unsigned,
    /// There are more signatures than are looked at.
    #[error("the envelope has more than {limit} signatures")]
    TooMany {
        /// How many are looked at.
        limit: usize,
    },
    /// No signature is that of the key.
    #[error("no signature of the envelope is by the key `{key}`")]
    Key {
        /// The digest of the key.
        key: String,
    },
}

impl Envelope {
    /// Signs a payload.
    ///
    /// # Errors
    /// If signing fails.
    pub fn sign(key: &PrivateKey, payload_type: &str, payload: &[u8]) -> Result<Self, KeyError> {
        let signature = key.sign(&encoded(payload_type, payload))?;
        Ok(Self {
            payload: BASE64_STANDARD.encode(payload),
            payload_type: payload_type.to_owned(),
            signatures: vec![Signature {
                keyid: String::new(),
                sig: BASE64_STANDARD.encode(signature),
            }],
        })
    }

    /// The type of the payload, which nobody has verified.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The payload, which nobody has verified.
    ///
    /// # Errors
    /// If it is no base64.
    pub fn unverified_payload(&self) -> Result<Vec<u8>, EnvelopeError> {
        // DSSE allows both alphabets of base64.
        let decoded = BASE64_STANDARD
            .decode(&self.payload)
            .or_else(|_| base64::prelude::BASE64_URL_SAFE.decode(&self.payload));
        decoded.map_err(|_| EnvelopeError::Payload)
    }

    /// The payload, if one of the signatures is the key's.
    ///
    /// # Errors
    /// If none is.
    pub fn verify(&self, key: &PublicKey) -> Result<Vec<u8>, EnvelopeError> {
        if self.signatures.is_empty() {
            return Err(EnvelopeError::Unsigned);
        }
        if self.signatures.len() > MAX_SIGNATURES {
            return Err(EnvelopeError::TooMany {
                limit: MAX_SIGNATURES,
            });
        }
        let payload = self.unverified_payload()?;
        let message = encoded(&self.payload_type, &payload);
        let is_by_key = |one: &Signature| {
            let signature = BASE64_STANDARD
                .decode(&one.sig)
                .or_else(|_| base64::prelude::BASE64_URL_SAFE.decode(&one.sig));
            signature.is_ok_and(|signature| key.verify(&message, &signature))
        };
        match self.signatures.iter().any(is_by_key) {
            true => Ok(payload),
            false => Err(EnvelopeError::Key {
                key: key.fingerprint().to_string(),
            }),
        }
    }

    /// Who has signed it by a certificate, and the payload. With a certificate there is one signature
    /// (client specification of Sigstore, 4).
    pub(crate) fn verify_keyless(
        &self,
        trust: &Trust,
        material: &Value,
        proof: bool,
    ) -> Result<(Identity, Vec<u8>), KeylessError> {
        let [one] = self.signatures.as_slice() else {
            let count = self.signatures.len();
            return Err(KeylessError::Signatures { count });
        };
        let damaged = KeylessError::Damaged { what: "envelope" };
        let payload = self.unverified_payload().map_err(|_| damaged.clone())?;
        let signature = BASE64_STANDARD
            .decode(&one.sig)
            .or_else(|_| base64::prelude::BASE64_URL_SAFE.decode(&one.sig));
        let signed = Signed {
            message: &encoded(&self.payload_type, &payload),
            signature: &signature.map_err(|_| damaged)?,
            payload: &payload,
        };
        let identity = trust.verify(material, proof, signed)?;
        Ok((identity, payload))
    }
}

/// What is signed: "pre-authentication encoding" of the protocol.
fn encoded(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_as_the_protocol_has_it() {
        // The example of the protocol's text.
        assert_eq!(
            encoded("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }
}
