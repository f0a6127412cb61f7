//! Certificates that nobody signed: rules look at names and dates alone. DER (X.690), X.509 (RFC
//! 5280) and the bundles and key stores that hold them.

use std::time::{Duration, SystemTime};

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let size = content.len();
    let length = match size {
        0..128 => vec![size as u8],
        128..256 => vec![0x81, size as u8],
        _ => vec![0x82, (size >> 8) as u8, size as u8],
    };
    [vec![tag], length, content].concat()
}

fn time(seconds: u64) -> Vec<u8> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let text = humantime::format_rfc3339_seconds(time).to_string();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    // UTCTime, as it has to be until 2049.
    tlv(0x17, &[format!("{}Z", &digits[2..]).as_bytes()])
}

/// An extension whose object identifier is `2.5.29.N`.
fn extension(number: u8, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = match is_critical {
        true => tlv(1, &[&[0xff]]),
        false => Vec::new(),
    };
    let identifier = tlv(6, &[&[0x55, 0x1d, number]]);
    tlv(0x30, &[&identifier, &critical, &tlv(4, &[value])])
}

/// The certificate of an authority with a common name that is valid from one second to another.
pub(crate) fn certificate(name: &str, begins: u64, ends: u64) -> Vec<u8> {
    let key_usage = extension(15, true, &tlv(3, &[&[1, 0b110]]));
    authority(name, begins, ends, &key_usage)
}

/// The same without a key usage.
pub(crate) fn certificate_without_key_usage(name: &str, begins: u64, ends: u64) -> Vec<u8> {
    authority(name, begins, ends, &[])
}

fn authority(name: &str, begins: u64, ends: u64, key_usage: &[u8]) -> Vec<u8> {
    let constraints = extension(19, true, &tlv(0x30, &[&tlv(1, &[&[0xff]])]));
    let identifier = extension(14, false, &tlv(4, &[&[7; 20]]));
    let common_name = tlv(6, &[&[0x55, 4, 3]]);
    let text = tlv(0x0c, &[name.as_bytes()]);
    let name = tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[&common_name, &text])])]);
    let algorithm = tlv(
        0x30,
        &[&tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]])],
    );
    let key_type = [
        tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]]),
        tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]]),
    ];
    let key_type = tlv(0x30, &[&key_type[0], &key_type[1]]);
    let bits = tlv(3, &[&[0; 66]]);
    let tbs = tlv(
        0x30,
        &[
            &tlv(0xa0, &[&tlv(2, &[&[2]])]),
            &tlv(2, &[&[1]]),
            &algorithm,
            &name,
            &tlv(0x30, &[&time(begins), &time(ends)]),
            &name,
            &tlv(0x30, &[&key_type, &bits]),
            &tlv(0xa3, &[&tlv(0x30, &[&constraints, key_usage, &identifier])]),
        ],
    );
    tlv(0x30, &[&tbs, &algorithm, &bits])
}

/// Certificates as a bundle has them (RFC 7468).
pub(crate) fn pem(certificates: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for der in certificates {
        text += "-----BEGIN CERTIFICATE-----\n";
        for line in base64(der).as_bytes().chunks(64) {
            text += &format!("{}\n", String::from_utf8_lossy(line));
        }
        text += "-----END CERTIFICATE-----\n";
    }
    text
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three
            .iter()
            .chain(&[0; 2])
            .take(3)
            .fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        for place in 0..4 {
            match place <= three.len() {
                true => text.push(char::from(LETTERS[word >> (18 - 6 * place) & 63])),
                false => text.push('='),
            }
        }
    }
    text
}

/// A key store in Java's own format, version 2; its digest is nobody's business here.
pub(crate) fn jks(certificates: &[Vec<u8>]) -> Vec<u8> {
    let word = |number: usize| (number as u32).to_be_bytes();
    let mut bytes = [
        &[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2][..],
        &word(certificates.len()),
    ]
    .concat();
    for der in certificates {
        let entry = [
            &word(2)[..],
            &[0, 1, b'a'],
            &[0; 8],
            &[0, 5],
            b"X.509",
            &word(der.len()),
            der,
        ];
        bytes.extend(entry.concat());
    }
    [bytes, vec![0; 20]].concat()
}

/// As much of a PKCS #12 without a password as is looked at: octet strings.
pub(crate) fn pkcs12(certificates: &[Vec<u8>]) -> Vec<u8> {
    let bags: Vec<Vec<u8>> = certificates
        .iter()
        .map(|der| tlv(0x30, &[&tlv(0xa0, &[&tlv(4, &[der])])]))
        .collect();
    let bags: Vec<&[u8]> = bags.iter().map(Vec::as_slice).collect();
    tlv(0x30, &[&tlv(2, &[&[3]]), &tlv(0x30, &bags)])
}
