//! What is believed and what is not.

use std::time::{Duration as Seconds, SystemTime, UNIX_EPOCH};

use pgp::armor::BlockType;
use pgp::bytes::Bytes;
use pgp::composed::KeyType;
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{Notation, RevocationCode, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails, KeyVersion, Password, RevocationKey, RevocationKeyClass, Tag};
use proptest::prelude::*;

use super::forge::{
    Certificate, DAY, Forge, MADE, NOW, SIGNED, Says, armour, certified, clearsigned, packets,
    says, signing,
};
use super::*;

mod keyrings;
mod keys;
mod messages;

const TEXT: &str = "Origin: Example\nSuite: stable";

fn time(seconds: u32) -> SystemTime {
    UNIX_EPOCH + Seconds::from_secs(seconds.into())
}

fn verify(message: &str, keyring: &Keyring) -> Result<Verified, SignatureError> {
    verify_inline(message.as_bytes(), keyring, time(NOW))
}

/// The forge's certificate with this signature directly on its primary key, before the user ID.
fn with_direct<'a>(forge: &'a Forge, signature: &pgp::packet::Signature) -> Certificate<'a> {
    let certification = forge.certify(certified());
    Certificate::bare(forge)
        .signature(signature)
        .user()
        .signature(&certification)
}

/// What is wrong with a text that the forge's primary key signed, by this certificate.
fn primary_reason(forge: &Forge, certificate: &Certificate<'_>) -> Option<Reason> {
    reason(verify(
        &clearsigned(TEXT, &[forge.sign(TEXT)]),
        &certificate.keyring(),
    ))
}

/// What is wrong with a text that the forge's subkey signed, by this certificate.
fn subkey_reason(forge: &Forge, certificate: &Certificate<'_>) -> Option<Reason> {
    let signature = signing().text(&forge.subkey, TEXT);
    reason(verify(
        &clearsigned(TEXT, &[signature]),
        &certificate.keyring(),
    ))
}

/// What is wrong with this signature of a key whose certificate is good.
fn signature_reason(forge: &Forge, says: Says) -> Option<Reason> {
    let signature = says.text(&forge.primary, TEXT);
    let keyring = forge.good().keyring();
    reason(verify(&clearsigned(TEXT, &[signature]), &keyring))
}

fn reason(result: Result<Verified, SignatureError>) -> Option<Reason> {
    match result {
        Ok(_) => None,
        Err(SignatureError::Refused { refusals, .. }) => {
            let [refusal] = &refusals[..] else {
                panic!("{refusals:?}");
            };
            Some(refusal.reason.clone())
        }
        Err(other) => panic!("{other:?}"),
    }
}
