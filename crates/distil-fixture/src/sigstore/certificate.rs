//! Keys, and certificates that one of them makes for another (RFC 5280; RFC 6962, 3).

use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::der::{bits, explicit, identifier, integer, octets, sequence, set, text, tlv, utc};

pub(super) const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
pub(super) const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
pub(super) const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";

/// A key of ECDSA P-256.
#[derive(Debug)]
pub(super) struct Key(EcdsaKeyPair);

impl Key {
    pub(super) fn new() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random).unwrap())
    }

    /// `SubjectPublicKeyInfo`.
    pub(super) fn public(&self) -> Vec<u8> {
        let algorithm = sequence(&[
            identifier("1.2.840.10045.2.1"),
            identifier("1.2.840.10045.3.1.7"),
        ]);
        sequence(&[algorithm, bits(self.0.public_key().as_ref())])
    }

    /// What logs are named by.
    pub(super) fn log_id(&self) -> Vec<u8> {
        digest(&SHA256, &self.public()).as_ref().to_vec()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.0.sign(&SystemRandom::new(), message).unwrap();
        signature.as_ref().to_vec()
    }
}

/// A key with a name, which makes certificates.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) key: Key,
    pub(super) name: &'static str,
}

/// What a certificate says.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) key: &'a Key,
    pub(super) serial: u64,
    pub(super) valid: (u64, u64),
    pub(super) is_authority: bool,
    /// The purpose, if there is one.
    pub(super) purpose: Option<&'a str>,
    /// More extensions.
    pub(super) extensions: Vec<Vec<u8>>,
}

pub(super) fn extension(kind: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[identifier(kind), octets(value)])
}

pub(super) fn critical(kind: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[identifier(kind), tlv(1, &[0xff]), octets(value)])
}

/// A distinguished name of one word.
pub(super) fn name(word: &str) -> Vec<u8> {
    match word {
        "" => sequence(&[]),
        word => sequence(&[set(&[sequence(&[identifier("2.5.4.3"), text(word)])])]),
    }
}

/// Names a key (RFC 5280, 4.2.1.2).
fn key_id(key: &Key) -> Vec<u8> {
    digest(&SHA256, &key.public()).as_ref()[..20].to_vec()
}

impl Authority {
    pub(super) fn new(name: &'static str) -> Self {
        let key = Key::new();
        Self { key, name }
    }

    pub(super) fn certify(&self, subject: &Subject<'_>) -> Vec<u8> {
        self.sign(self.unsigned(subject, None))
    }

    /// The same with a timestamp that a log makes of the certificate before.
    pub(super) fn certify_logged(
        &self,
        subject: &Subject<'_>,
        timestamp: impl Fn(&[u8], &[u8]) -> Vec<u8>,
    ) -> Vec<u8> {
        let issuer = self.key.log_id();
        let timestamp = timestamp(&issuer, &self.unsigned(subject, None));
        let sized = |bytes: &[u8]| {
            let length = u16::try_from(bytes.len()).unwrap();
            [&length.to_be_bytes(), bytes].concat()
        };
        let list = octets(&sized(&sized(&timestamp)));
        let extension = extension("1.3.6.1.4.1.11129.2.4.2", &list);
        self.sign(self.unsigned(subject, Some(extension)))
    }

    fn sign(&self, unsigned: Vec<u8>) -> Vec<u8> {
        let signature = bits(&self.key.sign(&unsigned));
        let algorithm = sequence(&[identifier(ECDSA_SHA256)]);
        sequence(&[unsigned, algorithm, signature])
    }

    fn unsigned(&self, subject: &Subject<'_>, last: Option<Vec<u8>>) -> Vec<u8> {
        let usage: &[u8] = match subject.is_authority {
            // `keyCertSign`, `cRLSign`; `digitalSignature`.
            true => &[3, 2, 1, 6],
            false => &[3, 2, 7, 0x80],
        };
        let constraints = match subject.is_authority {
            true => sequence(&[tlv(1, &[0xff])]),
            false => sequence(&[]),
        };
        let mut extensions = vec![
            critical("2.5.29.15", usage),
            critical("2.5.29.19", &constraints),
            extension("2.5.29.14", &octets(&key_id(subject.key))),
            extension("2.5.29.35", &sequence(&[tlv(0x80, &key_id(&self.key))])),
        ];
        if let Some(purpose) = subject.purpose {
            let purpose = sequence(&[identifier(purpose)]);
            extensions.push(critical("2.5.29.37", &purpose));
        }
        extensions.extend(subject.extensions.iter().cloned());
        extensions.extend(last);
        sequence(&[
            explicit(0, &integer(2)),
            integer(subject.serial),
            sequence(&[identifier(ECDSA_SHA256)]),
            name(self.name),
            sequence(&[utc(subject.valid.0), utc(subject.valid.1)]),
            name(subject.name),
            subject.key.public(),
            explicit(3, &sequence(&extensions)),
        ])
    }
}
