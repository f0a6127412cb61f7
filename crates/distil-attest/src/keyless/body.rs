//! What entries of a transparency log are about (sigstore/rekor, `pkg/types`; sigstore/rekor-tiles,
//! `api/proto`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::algorithm::HashFunction;
use super::error::KeylessError;

/// What is signed, and the signature.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    /// What the key has signed.
    pub(crate) message: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// What of the message is no frame.
    pub(crate) payload: &'a [u8],
}

/// What an entry must be about.
pub(super) struct About<'a> {
    /// The certificate in DER.
    pub(super) certificate: &'a [u8],
    pub(super) signed: Signed<'a>,
}

pub(super) fn damaged() -> KeylessError {
    KeylessError::Damaged { what: "log entry" }
}

pub(super) fn base64(text: &str) -> Result<Vec<u8>, KeylessError> {
    BASE64_STANDARD.decode(text).map_err(|_| damaged())
}

/// Where the parts of an entry are in its JSON.
struct Form {
    /// Whether the digest is of the message that is signed, or of the payload in it.
    is_of_message: bool,
    algorithm: &'static str,
    digest: &'static str,
    signature: &'static str,
    certificate: &'static str,
    /// The list that may have one signature.
    list: Option<&'static str>,
    /// Whether it is of Rekor 2, which has digests and certificates in base64, and not in
    /// hexadecimal and PEM.
    is_second: bool,
}

const HASHEDREKORD_1: Form = Form {
    is_of_message: true,
    algorithm: "/spec/data/hash/algorithm",
    digest: "/spec/data/hash/value",
    signature: "/spec/signature/content",
    certificate: "/spec/signature/publicKey/content",
    list: None,
    is_second: false,
};

const DSSE_1: Form = Form {
    is_of_message: false,
    algorithm: "/spec/payloadHash/algorithm",
    digest: "/spec/payloadHash/value",
    signature: "/spec/signatures/0/signature",
    certificate: "/spec/signatures/0/verifier",
    list: Some("/spec/signatures"),
    is_second: false,
};

const INTOTO_2: Form = Form {
    is_of_message: false,
    algorithm: "/spec/content/payloadHash/algorithm",
    digest: "/spec/content/payloadHash/value",
    signature: "/spec/content/envelope/signatures/0/sig",
    certificate: "/spec/content/envelope/signatures/0/publicKey",
    list: Some("/spec/content/envelope/signatures"),
    is_second: false,
};

const HASHEDREKORD_2: Form = Form {
    is_of_message: true,
    algorithm: "/spec/hashedRekordV002/data/algorithm",
    digest: "/spec/hashedRekordV002/data/digest",
    signature: "/spec/hashedRekordV002/signature/content",
    certificate: "/spec/hashedRekordV002/signature/verifier/x509Certificate/rawBytes",
    list: None,
    is_second: true,
};

const DSSE_2: Form = Form {
    is_of_message: false,
    algorithm: "/spec/dsseV002/payloadHash/algorithm",
    digest: "/spec/dsseV002/payloadHash/digest",
    signature: "/spec/dsseV002/signatures/0/content",
    certificate: "/spec/dsseV002/signatures/0/verifier/x509Certificate/rawBytes",
    list: Some("/spec/dsseV002/signatures"),
    is_second: true,
};

/// Verifies that an entry is about a signature, its certificate and what is signed.
pub(super) fn matches(body: &[u8], about: &About<'_>) -> Result<(), KeylessError> {
    let other = |what| Err(KeylessError::OtherEntry { what });
    let body: Value = serde_json::from_slice(body).map_err(|_| damaged())?;
    let find = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let text = |pointer: &str| find(pointer).ok_or_else(damaged);
    let form = match (find("/kind"), find("/apiVersion")) {
        (Some("hashedrekord"), Some("0.0.1")) => HASHEDREKORD_1,
        (Some("hashedrekord"), Some("0.0.2")) => HASHEDREKORD_2,
        (Some("dsse"), Some("0.0.1")) => DSSE_1,
        (Some("dsse"), Some("0.0.2")) => DSSE_2,
        (Some("intoto"), Some("0.0.2")) => INTOTO_2,
        (kind, version) => {
            let kind = format!("{} {}", kind.unwrap_or("?"), version.unwrap_or("?"));
            let kind = kind.chars().take(100).collect();
            return Err(KeylessError::Kind { kind });
        }
    };
    let is_one = |at| body.pointer(at).and_then(Value::as_array).map(Vec::len) == Some(1);
    if !form.list.is_none_or(is_one) {
        return other("signature");
    }
    let function = HashFunction::named(text(form.algorithm)?);
    let of = match form.is_of_message {
        true => about.signed.message,
        false => about.signed.payload,
    };
    let digest = function.map(|function| function.digest(of));
    let digest = digest.as_ref().map(|digest| digest.as_ref());
    let digest = digest.map(|digest| match form.is_second {
        true => BASE64_STANDARD.encode(digest),
        false => digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    });
    if digest.as_deref() != Some(text(form.digest)?) {
        return other("content");
    }
    let logged = base64(text(form.signature)?)?;
    // Entries of the kind `intoto` have the base64 of the envelope, in base64 again.
    let is_signature = match find("/kind") {
        Some("intoto") => BASE64_STANDARD.decode(&logged).as_deref() == Ok(about.signed.signature),
        _ => logged == about.signed.signature,
    };
    if !is_signature {
        return other("signature");
    }
    let logged = base64(text(form.certificate)?)?;
    let logged = match form.is_second {
        true => Some(logged),
        false => pem_rfc7468::decode_vec(logged.trim_ascii())
            .ok()
            .map(|(_, der)| der),
    };
    match logged.as_deref() == Some(about.certificate) {
        true => Ok(()),
        false => other("certificate"),
    }
}
