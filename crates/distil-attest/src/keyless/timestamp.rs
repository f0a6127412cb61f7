//! Times that a timestamp authority has signed (RFC 3161; RFC 5652, 5), of signatures whose log has no
//! clock of its own.

use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use x509_cert::der::{
    DateTime, Decode as _, Encode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _,
};

use super::algorithm::{HashFunction, verifies_by};
use super::certificate::{Certificate, TIME_STAMPING};
use super::error::KeylessError;
use super::trust_root::{Authority, TrustRoot};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The largest response that is read: those with a chain of certificates have 5 kB.
const MAX_RESPONSE: usize = 64 << 10;

/// The most parts of one structure; attributes are fewer than ten.
const MAX_PARTS: usize = 64;

/// The time of a response, in seconds since 1970, if it is about these bytes and an authority of the
/// trust root has signed it.
pub(super) fn time(response: &[u8], about: &[u8], root: &TrustRoot) -> Result<u64, KeylessError> {
    let token = (response.len() <= MAX_RESPONSE).then_some(response);
    let token = token.and_then(Token::parse);
    let token = token.ok_or(KeylessError::Damaged { what: "timestamp" })?;
    if token.imprint.0.digest(about).as_ref() != token.imprint.1 {
        return Err(KeylessError::OtherTimestamp);
    }
    let mut authorities = root.timestamp_authorities.iter();
    match authorities.any(|authority| token.is_by(authority)) {
        true => Ok(token.seconds),
        false => Err(KeylessError::Timestamp),
    }
}

/// What a response says, and the signature of it.
struct Token<'a> {
    /// The digest of what has the time.
    imprint: (HashFunction, &'a [u8]),
    seconds: u64,
    /// What is signed: attributes, one of which is the digest of the above.
    signed: Vec<u8>,
    function: Option<HashFunction>,
    signature: &'a [u8],
}

impl<'a> Token<'a> {
    /// Reads a `TimeStampResp`; `None` if it is none that grants a token.
    fn parse(response: &'a [u8]) -> Option<Self> {
        let response = AnyRef::from_der(response).ok()?;
        let [status, content] = exactly(parts(response, Tag::Sequence)?)?;
        // `granted` or `grantedWithMods`.
        let status = parts(status, Tag::Sequence)?;
        if status.first()?.decode_as::<u8>().ok()? > 1 {
            return None;
        }
        let [kind, content] = exactly(parts(content, Tag::Sequence)?)?;
        if kind.decode_as::<ObjectIdentifier>().ok()? != SIGNED_DATA {
            return None;
        }
        let data = AnyRef::from_der(tagged(content, 0)?).ok()?;
        let data = parts(data, Tag::Sequence)?;
        let (encapsulated, signers) = (data.get(2)?, data.last()?);
        let [kind, content] = exactly(parts(*encapsulated, Tag::Sequence)?)?;
        if kind.decode_as::<ObjectIdentifier>().ok()? != INFO {
            return None;
        }
        let info = <&OctetStringRef>::from_der(tagged(content, 0)?).ok()?;
        let info = info.as_bytes();
        let [signer] = exactly(parts(*signers, Tag::Set)?)?;
        let (imprint, seconds) = read_info(info)?;
        Self::signed(signer, info, imprint, seconds)
    }

    /// The signature of a `SignerInfo`, which has its signed attributes.
    fn signed(
        signer: AnyRef<'a>,
        info: &[u8],
        imprint: (HashFunction, &'a [u8]),
        seconds: u64,
    ) -> Option<Self> {
        let signer = parts(signer, Tag::Sequence)?;
        let function = algorithm(*signer.get(2)?)?;
        let function = HashFunction::of(function)?;
        let attributes = tagged(*signer.get(3)?, 0)?;
        // Signed as the set that they are, and not by the tag that they have here (RFC 5652, 5.4).
        let set = AnyRef::new(Tag::Set, attributes).ok()?;
        let value = |kind: ObjectIdentifier| attribute(set, kind);
        let of = value(CONTENT_TYPE)?.decode_as::<ObjectIdentifier>().ok()?;
        let claimed = value(MESSAGE_DIGEST)?;
        let claimed = claimed.decode_as::<&OctetStringRef>().ok()?;
        if of != INFO || claimed.as_bytes() != function.digest(info).as_ref() {
            return None;
        }
        let kind = algorithm(*signer.get(4)?)?;
        let function = match kind {
            ED25519 => None,
            RSA => Some(function),
            kind => Some(HashFunction::of_signatures(kind)?),
        };
        let signature = signer.get(5)?.decode_as::<&OctetStringRef>().ok()?;
        Some(Self {
            imprint,
            seconds,
            signed: set.to_der().ok()?,
            function,
            signature: signature.as_bytes(),
        })
    }

    /// Whether the certificate of an authority, which its chain vouches for at the time, has signed.
    fn is_by(&self, authority: &Authority) -> bool {
        let certificate = authority.intermediates.first();
        let certificate = certificate.and_then(|der| Certificate::parse(der.clone()).ok());
        certificate.is_some_and(|certificate| {
            let key = certificate.key();
            authority.valid.contains(self.seconds)
                && key.is_some_and(|key| {
                    verifies_by(&key, self.function, &self.signed, self.signature)
                })
                && certificate
                    .issuer(authority, &TIME_STAMPING, self.seconds)
                    .is_ok()
        })
    }
}

/// The digest and the time of a `TSTInfo`.
fn read_info(info: &[u8]) -> Option<((HashFunction, &[u8]), u64)> {
    let info = parts(AnyRef::from_der(info).ok()?, Tag::Sequence)?;
    if info.first()?.decode_as::<u8>().ok()? != 1 {
        return None;
    }
    let [function, imprint] = exactly(parts(*info.get(2)?, Tag::Sequence)?)?;
    let function = HashFunction::of(algorithm(function)?)?;
    let imprint = imprint.decode_as::<&OctetStringRef>().ok()?;
    let time = info.get(4)?;
    let is_time = time.tag() == Tag::GeneralizedTime;
    let time = is_time.then(|| seconds(time.value())).flatten()?;
    Some(((function, imprint.as_bytes()), time))
}

/// The seconds of a time that may have a fraction, which is left out (RFC 3161, 2.4.2).
fn seconds(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() != 14 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let number = |from: usize, to: usize| whole.get(from..to)?.parse::<u8>().ok();
    let time = DateTime::new(
        whole.get(..4)?.parse().ok()?,
        number(4, 6)?,
        number(6, 8)?,
        number(8, 10)?,
        number(10, 12)?,
        number(12, 14)?,
    );
    Some(time.ok()?.unix_duration().as_secs())
}

/// The identifier of an `AlgorithmIdentifier`.
fn algorithm(value: AnyRef<'_>) -> Option<ObjectIdentifier> {
    let identifier = parts(value, Tag::Sequence)?;
    identifier.first()?.decode_as().ok()
}

/// The only value of the only attribute of a kind.
fn attribute(set: AnyRef<'_>, kind: ObjectIdentifier) -> Option<AnyRef<'_>> {
    let mut found = None;
    for one in parts(set, Tag::Set)? {
        let [this, values] = exactly(parts(one, Tag::Sequence)?)?;
        if this.decode_as::<ObjectIdentifier>().ok()? == kind {
            let [value] = exactly(parts(values, Tag::Set)?)?;
            if found.replace(value).is_some() {
                return None;
            }
        }
    }
    found
}

/// What is in a structure.
fn parts(value: AnyRef<'_>, tag: Tag) -> Option<Vec<AnyRef<'_>>> {
    if value.tag() != tag {
        return None;
    }
    let mut reader = SliceReader::new(value.value()).ok()?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        if found.len() == MAX_PARTS {
            return None;
        }
        found.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(found)
}

fn exactly<const N: usize>(parts: Vec<AnyRef<'_>>) -> Option<[AnyRef<'_>; N]> {
    parts.try_into().ok()
}

/// What is under a tag of the structure's own.
fn tagged(value: AnyRef<'_>, number: u32) -> Option<&[u8]> {
    let wanted = Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(number),
    };
    (value.tag() == wanted).then(|| value.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_second() {
        assert_eq!(seconds(b"20260513192333Z"), Some(1_778_700_213));
        assert_eq!(seconds(b"20260513192333.25Z"), Some(1_778_700_213));
        for text in [
            "20260513192333",
            "20260513192333+01",
            "20261313192333Z",
            "202605131923Z",
            "20260513192333.Z",
            "+0260513192333Z",
        ] {
            assert_eq!(seconds(text.as_bytes()), None, "{text}");
        }
    }
}
