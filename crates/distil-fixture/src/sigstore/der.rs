//! The few pieces of DER (X.690) that certificates and timestamps are made of.

use crate::date::civil;

pub(super) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = value.len();
    match length {
        0..128 => bytes.push(u8::try_from(length).unwrap()),
        _ => {
            let length = length.to_be_bytes();
            let from = length.iter().position(|byte| *byte != 0).unwrap();
            bytes.push(0x80 | u8::try_from(length.len() - from).unwrap());
            bytes.extend(&length[from..]);
        }
    }
    bytes.extend(value);
    bytes
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(super) fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x31, &parts.concat())
}

/// `[number] EXPLICIT`.
pub(super) fn explicit(number: u8, value: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, value)
}

pub(super) fn octets(value: &[u8]) -> Vec<u8> {
    tlv(4, value)
}

pub(super) fn bits(value: &[u8]) -> Vec<u8> {
    tlv(3, &[&[0], value].concat())
}

pub(super) fn text(value: &str) -> Vec<u8> {
    tlv(12, value.as_bytes())
}

pub(super) fn integer(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let from = bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
    let sign: &[u8] = if bytes[from] >= 128 { &[0] } else { &[] };
    tlv(2, &[sign, &bytes[from..]].concat())
}

pub(super) fn identifier(dotted: &str) -> Vec<u8> {
    let numbers: Vec<u64> = dotted
        .split('.')
        .map(|word| word.parse().unwrap())
        .collect();
    let mut bytes = Vec::new();
    let first = numbers[0] * 40 + numbers[1];
    for number in std::iter::once(&first).chain(&numbers[2..]) {
        let mut groups = vec![u8::try_from(number & 0x7f).unwrap()];
        let mut rest = number >> 7;
        while rest > 0 {
            groups.push(0x80 | u8::try_from(rest & 0x7f).unwrap());
            rest >>= 7;
        }
        bytes.extend(groups.iter().rev());
    }
    tlv(6, &bytes)
}

/// `UTCTime` (RFC 5280, 4.1.2.5.1), which ends with the year 2049.
pub(super) fn utc(seconds: u64) -> Vec<u8> {
    tlv(23, &digits(seconds).as_bytes()[2..])
}

/// `GeneralizedTime`.
pub(super) fn generalized(seconds: u64) -> Vec<u8> {
    tlv(24, digits(seconds).as_bytes())
}

fn digits(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
}
