//! The hash of a certificate's subject, by which OpenSSL finds it in a directory
//! (`X509_NAME_hash(3)`, `c_rehash(1)`).
//!
//! OpenSSL hashes a canonical form of the name: every text in UTF-8, in lower case as far as
//! ASCII goes, without spaces at its ends and with single ones inside; the sets of attributes
//! one after another, without what holds them together. The hash is the first four bytes of
//! the SHA-1 of that, read as a number from the least significant on.

use sha1::{Digest, Sha1};
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Any, SetOfVec, Utf8StringRef};
use x509_cert::der::{Decode, Encode, Tag, Tagged};

/// The eight digits that a link's name begins with.
pub(super) fn name_hash(der: &[u8]) -> Result<String, String> {
    let damaged = |error: x509_cert::der::Error| format!("is not a certificate: {error}");
    let certificate = Certificate::from_der(der).map_err(damaged)?;
    let mut canonical = Vec::new();
    for attributes in certificate.tbs_certificate().subject().iter_rdn() {
        let mut set = SetOfVec::new();
        for attribute in attributes.iter() {
            let value = canonical_value(&attribute.value).map_err(damaged)?;
            let oid = attribute.oid;
            set.insert(AttributeTypeAndValue { oid, value })
                .map_err(damaged)?;
        }
        canonical.extend(set.to_der().map_err(damaged)?);
    }
    let hash = Sha1::digest(&canonical);
    Ok(format!(
        "{:02x}{:02x}{:02x}{:02x}",
        hash[3], hash[2], hash[1], hash[0]
    ))
}

fn canonical_value(value: &Any) -> Result<Any, x509_cert::der::Error> {
    let bytes = value.value();
    let text = match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        // Latin-1 in practice, which is how OpenSSL takes it.
        Tag::TeletexString => bytes.iter().map(|&byte| char::from(byte)).collect(),
        Tag::BmpString => {
            let units = bytes
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units)
                .map(|unit| unit.unwrap_or('\u{fffd}'))
                .collect()
        }
        _ => return Ok(value.clone()),
    };
    let words: Vec<&str> = text
        .split(is_blank)
        .filter(|word| !word.is_empty())
        .collect();
    let text = words.join(" ").to_ascii_lowercase();
    Any::encode_from(&Utf8StringRef::new(&text)?)
}

/// `isspace` of the C locale.
fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}
