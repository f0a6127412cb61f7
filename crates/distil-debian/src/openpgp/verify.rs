//! Verifying the signatures on a text.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::armour::{BlockKind, dearmour};
use super::certificate::{Certificate, KeyIndex};
use super::cleartext;
use super::error::{Reason, Refusal, SignatureError, Signer};
use super::fingerprint::{Fingerprint, hex};
use super::key::PublicKey;
use super::keyring::Keyring;
use super::packets::{MAX_BYTES, Tag, packets};
use super::policy::{self, CLOCK_SKEW};
use super::signature::{Kind, Signature};
use crate::date;

/// A text that somebody in the keyring signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What was signed, and nothing else. From a clearsigned message: dash-unescaped, without
    /// white space at the ends of lines, each line ended by `\n`.
    pub text: String,
    /// The certificates whose signatures are good, by the fingerprint of the primary key; sorted.
    pub signers: Vec<Fingerprint>,
    /// The good signatures, sorted by certificate, key and time.
    pub signatures: Vec<GoodSignature>,
}

/// A signature that can be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodSignature {
    /// Who made it.
    pub signer: Signer,
    /// When it was made.
    pub created: SystemTime,
}

/// No Release file has more than a few; each costs a hash over the whole text.
const MAX_SIGNATURES: usize = 32;

/// Verifies a clearsigned file, such as `InRelease`, at the time `now`.
///
/// # Errors
/// If the file is anything but one clearsigned message, or none of its signatures is good. The
/// module's documentation says when one is.
pub fn verify_inline(
    message: &[u8],
    keyring: &Keyring,
    now: SystemTime,
) -> Result<Verified, SignatureError> {
    check_size(message)?;
    let message = std::str::from_utf8(message).map_err(|error| {
        // A binary file is told apart from a signed text with a wrong byte in it.
        if message.starts_with(b"-----BEGIN") {
            return SignatureError::NotUtf8(error);
        }
        let begins = message.iter().take(16);
        let begins = begins.flat_map(|b| b.escape_ascii()).map(char::from);
        SignatureError::NotSigned {
            begins: begins.collect(),
        }
    })?;
    let split = cleartext::split(message)?;
    let binary =
        dearmour(split.armour.as_bytes(), BlockKind::Signature).map_err(SignatureError::Armour)?;
    let signatures = read_signatures(&binary)?;
    let made_for_text = |kind| kind == Kind::TEXT;
    let good = judge(&split.text, &signatures, keyring, now, made_for_text)?;
    let mut text = split.text;
    text.push('\n');
    Ok(verified(text, good))
}

/// Verifies a text, such as `Release`, by a signature beside it, such as `Release.gpg`, which may
/// be armoured or not, at the time `now`. The text is given back as it is.
///
/// # Errors
/// If `signature` is no signature, or none in it is good. The module's documentation says when one
/// is.
pub fn verify_detached(
    text: &[u8],
    signature: &[u8],
    keyring: &Keyring,
    now: SystemTime,
) -> Result<Verified, SignatureError> {
    check_size(text)?;
    check_size(signature)?;
    let text = std::str::from_utf8(text)?;
    let dearmoured;
    let binary = if signature.first().is_some_and(|first| first & 0x80 != 0) {
        signature
    } else {
        dearmoured = dearmour(armoured_signature(signature)?, BlockKind::Signature)
            .map_err(SignatureError::Armour)?;
        &dearmoured
    };
    let signatures = read_signatures(binary)?;
    // A signature on text does not cover how lines end, so nothing may depend on it.
    let unix_lines = !text.contains('\r');
    let made_for_text = |kind| kind == Kind::BINARY || (kind == Kind::TEXT && unix_lines);
    let good = judge(text, &signatures, keyring, now, made_for_text)?;
    Ok(verified(text.to_owned(), good))
}

fn check_size(bytes: &[u8]) -> Result<(), SignatureError> {
    let size = bytes.len();
    if size > MAX_BYTES {
        return Err(SignatureError::TooLarge { size });
    }
    Ok(())
}

/// The one armoured block that a file with a detached signature consists of.
fn armoured_signature(file: &[u8]) -> Result<&[u8], SignatureError> {
    let block = file.trim_ascii();
    if block.is_empty() {
        return Err(SignatureError::NoSignature);
    }
    let damaged = |why| Err(SignatureError::Damaged { why });
    if !block.starts_with(cleartext::BEGIN_SIGNATURE.as_bytes()) {
        return damaged("the file does not begin with `-----BEGIN PGP SIGNATURE-----`");
    }
    if !block.ends_with(cleartext::END_SIGNATURE.as_bytes()) {
        return damaged("the file does not end with `-----END PGP SIGNATURE-----`");
    }
    let ends = block.windows(cleartext::END_SIGNATURE.len());
    if ends
        .filter(|w| *w == cleartext::END_SIGNATURE.as_bytes())
        .count()
        > 1
    {
        return damaged("there is more than one block");
    }
    Ok(block)
}

fn read_signatures(bytes: &[u8]) -> Result<Vec<Option<Signature>>, SignatureError> {
    let mut signatures = Vec::new();
    for packet in packets(bytes) {
        let packet = packet.map_err(|error| SignatureError::Damaged { why: error.why })?;
        match packet.tag {
            // One of a kind that is not known yet may stand beside one that is: `None`.
            Tag::Signature => signatures.push(Signature::parse(packet.body)),
            Tag::Marker | Tag::Padding => {}
            _ => {
                let why = "there is something else than signatures in it";
                return Err(SignatureError::Damaged { why });
            }
        }
        if signatures.len() > MAX_SIGNATURES {
            let why = "it has more than 32 signatures";
            return Err(SignatureError::Damaged { why });
        }
    }
    if signatures.is_empty() {
        return Err(SignatureError::NoSignature);
    }
    Ok(signatures)
}

/// The good ones among the signatures; an error if there is none.
fn judge(
    text: &str,
    signatures: &[Option<Signature>],
    keyring: &Keyring,
    now: SystemTime,
    made_for_text: impl Fn(Kind) -> bool,
) -> Result<Vec<GoodSignature>, SignatureError> {
    let now = date::unix_seconds(now);
    let mut good = Vec::new();
    let mut refusals = Vec::new();
    let mut unknown = Vec::new();
    for signature in signatures {
        let Some(signature) = signature else {
            unknown.push("of an unknown kind".to_owned());
            continue;
        };
        let mut known = false;
        for (certificate, index, key) in keyring.keys() {
            if !signature.names(key) {
                continue;
            }
            known = true;
            let signer = certificate.signer(key);
            let candidate = Candidate {
                certificate,
                index,
                key,
            };
            match candidate.check(signature, text, now, &made_for_text) {
                Ok(created) => good.push(GoodSignature { signer, created }),
                Err(reason) => refusals.push(Refusal { signer, reason }),
            }
        }
        if !known {
            unknown.push(issuer(signature));
        }
    }
    if !good.is_empty() {
        return Ok(good);
    }
    Err(if refusals.is_empty() {
        SignatureError::UnknownKeys { unknown }
    } else {
        SignatureError::Refused { refusals, unknown }
    })
}

/// A key that a signature names as its maker.
struct Candidate<'a> {
    certificate: &'a Certificate,
    index: KeyIndex,
    key: &'a PublicKey,
}

impl Candidate<'_> {
    /// When the signature was made, if it is good.
    ///
    /// What is wrong with the signature itself comes first, so that "the key is expired" is said
    /// only of a key that did sign this text.
    fn check(
        &self,
        signature: &Signature,
        text: &str,
        now: i64,
        made_for_text: impl Fn(Kind) -> bool,
    ) -> Result<SystemTime, Reason> {
        policy::check_form(signature)?;
        if !made_for_text(signature.kind) {
            return Err(Reason::Unsupported {
                why: "it is not a signature of such a text",
            });
        }
        policy::check_hash(signature)?;
        policy::check_key(self.key)?;
        policy::check_pair(self.key, signature.hash)?;
        if !signature.is_on_data(self.key, text.as_bytes()) {
            return Err(Reason::Bad);
        }
        let state = self.certificate.key_state(self.index, now);
        let at = signature.created();
        match state.verdict {
            Err(Reason::Revoked) => return Err(Reason::Revoked),
            // To a clock that is far behind, the key itself may be from the future, too.
            _ if at > now + CLOCK_SKEW => return Err(Reason::Future { at }),
            verdict => verdict?,
        }
        if at < state.made {
            return Err(Reason::OlderThanKey);
        }
        if let Some(at) = signature.expires().filter(|&at| at <= now) {
            return Err(Reason::Expired { at });
        }
        Ok(UNIX_EPOCH + Duration::from_secs(at.unsigned_abs()))
    }
}

/// Who the signature says made it.
fn issuer(signature: &Signature) -> String {
    match signature.issuers().next() {
        Some(issuer) => hex(issuer),
        None => "that it does not name".to_owned(),
    }
}

fn verified(text: String, mut signatures: Vec<GoodSignature>) -> Verified {
    signatures.sort_by(|a, b| {
        let order = |s: &GoodSignature| {
            (
                s.signer.certificate.clone(),
                s.signer.key.clone(),
                s.created,
            )
        };
        order(a).cmp(&order(b))
    });
    let mut signers: Vec<_> = signatures
        .iter()
        .map(|signature| signature.signer.certificate.clone())
        .collect();
    signers.dedup();
    Verified {
        text,
        signers,
        signatures,
    }
}
