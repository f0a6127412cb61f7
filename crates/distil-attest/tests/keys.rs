//! Keys of all kinds, good and bad.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use distil_attest::bundle::Bundle;
use distil_attest::dsse::{Envelope, STATEMENT};
use distil_attest::key::{Algorithm, KeyError, PrivateKey, PublicKey};

const ECDSA: &[u8] = include_bytes!("keys/ecdsa.key");
const ECDSA_PUBLIC: &[u8] = include_bytes!("keys/ecdsa.pub");
const ED25519: &[u8] = include_bytes!("keys/ed25519.key");
const ED25519_PUBLIC: &[u8] = include_bytes!("keys/ed25519.pub");
const OTHER_PUBLIC: &[u8] = include_bytes!("keys/other.pub");

#[test]
fn what_one_key_signs_its_public_key_verifies_and_no_other() {
    let other = PublicKey::from_pem(OTHER_PUBLIC).unwrap();
    for (private, public, algorithm) in [
        (ECDSA, ECDSA_PUBLIC, Algorithm::EcdsaP256),
        (ED25519, ED25519_PUBLIC, Algorithm::Ed25519),
    ] {
        assert!(!PrivateKey::is_encrypted(private).unwrap());
        let private = PrivateKey::from_pem(private, None).unwrap();
        let text = public;
        let public = PublicKey::from_pem(public).unwrap();
        assert_eq!(private.public(), &public);
        assert_eq!(public.algorithm(), algorithm);
        assert_eq!(public.to_pem().as_bytes(), text);
        let signature = private.sign(b"message").unwrap();
        assert!(public.verify(b"message", &signature));
        assert!(!public.verify(b"messagf", &signature));
        assert!(!other.verify(b"message", &signature));
        for at in 0..signature.len() {
            let mut tampered = signature.clone();
            tampered[at] ^= 1;
            assert!(!public.verify(b"message", &tampered), "byte {at}");
        }
        assert!(!public.verify(b"message", b""));
        // Nothing shows the key.
        assert!(!format!("{private:?}").contains("pair"));
    }
}

#[test]
fn what_is_no_key_or_of_another_kind_is_told() {
    let rsa = include_bytes!("keys/rsa.pub");
    let p384 = include_bytes!("keys/p384.key");
    let sec1 = include_bytes!("keys/sec1.key");
    let encrypted = include_bytes!("keys/pkcs8-encrypted.key");
    let certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let empty = b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let public = b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n";
    let mut said = Vec::new();
    for private in [
        &b""[..],
        b"key",
        ECDSA_PUBLIC,
        p384,
        sec1,
        encrypted,
        certificate,
        empty,
        &[b'x'; 70_000],
    ] {
        said.push(PrivateKey::from_pem(private, None).unwrap_err().to_string());
    }
    said.push("---".to_owned());
    for other in [
        &b"\xff"[..],
        ECDSA,
        sec1,
        encrypted,
        rsa,
        certificate,
        public,
    ] {
        said.push(PublicKey::from_pem(other).unwrap_err().to_string());
    }
    insta::assert_snapshot!(said.join("\n"), @"
    it is not in PEM format
    it is not in PEM format
    it is a public key, and signing takes the private key
    it is a key for ECDSA P-384; keys for ECDSA P-256 and Ed25519 can be used
    it is a private key in the format `EC PRIVATE KEY`; PKCS #8 (`PRIVATE KEY`) is needed
    it is encrypted in the format of PKCS #8 (`ENCRYPTED PRIVATE KEY`), which cannot be read
    it is a certificate, and not a key
    its content is damaged: it is no `PrivateKeyInfo`
    it is larger than 65536 bytes, which no key is
    ---
    it is not in PEM format
    it is a private key, and verifying takes the public key
    it is a private key, and verifying takes the public key
    it is a private key, and verifying takes the public key
    it is a key for RSA; keys for ECDSA P-256 and Ed25519 can be used
    it is a certificate, and not a key
    its content is damaged: it is no `SubjectPublicKeyInfo`
    ");
}

/// A key as cosign encrypts it, and its password.
const COSIGN: &[u8] = include_bytes!("keys/cosign.key");
const COSIGN_PUBLIC: &[u8] = include_bytes!("keys/cosign.pub");
const PASSWORD: &[u8] = b"distil";

#[test]
fn keys_of_cosign_open_by_their_password() {
    assert!(PrivateKey::is_encrypted(COSIGN).unwrap());
    let key = PrivateKey::from_pem(COSIGN, Some(PASSWORD)).unwrap();
    assert_eq!(key.public(), &PublicKey::from_pem(COSIGN_PUBLIC).unwrap());
    for (password, error) in [
        (None, KeyError::NoPassword),
        (Some(&b""[..]), KeyError::WrongPassword),
        (Some(&b"distil\n"[..]), KeyError::WrongPassword),
    ] {
        assert_eq!(PrivateKey::from_pem(COSIGN, password).unwrap_err(), error);
    }
    // Damaged, encrypted otherwise, or too costly: nothing is tried.
    let text = String::from_utf8(COSIGN.to_vec()).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    use base64::Engine as _;
    let json = base64::prelude::BASE64_STANDARD.decode(body).unwrap();
    let json = String::from_utf8(json).unwrap();
    let mut said = Vec::new();
    for (from, to) in [
        ("\"scrypt\"", "\"argon2\""),
        ("nacl/secretbox", "aes"),
        ("\"N\":65536", "\"N\":1073741824"),
        ("\"N\":65536", "\"N\":65537"),
        ("\"p\":1", "\"p\":1000000"),
        ("\"r\":8", "\"r\":0"),
        ("\"nonce\":\"", "\"nonce\":\"AAAA"),
        ("\"salt\":\"", "\"salt\":\"?"),
        ("\"kdf\"", "\"kdg\""),
    ] {
        assert!(json.contains(from), "{json}");
        let changed = json.replacen(from, to, 1);
        let body = base64::prelude::BASE64_STANDARD.encode(changed);
        let mut pem = String::from("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n");
        for line in body.as_bytes().chunks(64) {
            pem += std::str::from_utf8(line).unwrap();
            pem.push('\n');
        }
        pem += "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
        let error = PrivateKey::from_pem(pem.as_bytes(), Some(PASSWORD)).unwrap_err();
        said.push(format!("{to}: {error}"));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    "argon2": it is encrypted with argon2, which cannot be read
    aes: it is encrypted with aes, which cannot be read
    "N":1073741824: deriving its key would take more than 256 MiB of memory
    "N":65537: its content is damaged: its parameters of scrypt are impossible
    "p":1000000: deriving its key would take more than 256 MiB of memory
    "r":0: its content is damaged: its parameters of scrypt are impossible
    "nonce":"AAAA: its content is damaged: its nonce has not 24 bytes
    "salt":"?: its content is damaged: its salt is no base64
    "kdg": its content is damaged: it is no JSON document as cosign writes it
    "#);
}

#[test]
fn an_envelope_says_nothing_that_was_not_signed() {
    let key = PrivateKey::from_pem(ECDSA, None).unwrap();
    let other = PublicKey::from_pem(OTHER_PUBLIC).unwrap();
    let envelope = Envelope::sign(&key, STATEMENT, b"{}").unwrap();
    assert_eq!(envelope.verify(key.public()).unwrap(), b"{}");
    assert!(envelope.verify(&other).is_err());
    let bundle = Bundle::new(envelope).to_bytes(key.public());
    let read = Bundle::parse(&bundle).unwrap();
    assert_eq!(
        read.envelope().unwrap().verify(key.public()).unwrap(),
        b"{}"
    );
    let text = String::from_utf8(bundle).unwrap();
    // Another payload, and another type of it.
    for (from, to) in [("\"e30=\"", "\"e31=\""), (STATEMENT, "application/json")] {
        assert!(text.contains(from), "{text}");
        let changed = Bundle::parse(text.replace(from, to).as_bytes()).unwrap();
        assert!(changed.envelope().unwrap().verify(key.public()).is_err());
    }
    let mut said = Vec::new();
    for bundle in [
        "",
        "{}",
        r#"{"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1", "verificationMaterial": {}}"#,
        r#"{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {}, "messageSignature": {}}"#,
        &text.replace("publicKey", "nothing"),
    ] {
        said.push(Bundle::parse(bundle.as_bytes()).unwrap_err().to_string());
    }
    let keyless = Bundle::parse(text.replace("publicKey", "certificate").as_bytes()).unwrap();
    said.push(keyless.envelope().unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"), @"
    it is no Sigstore bundle: EOF while parsing a value at line 1 column 0
    it is no Sigstore bundle: missing field `mediaType` at line 1 column 2
    it is a bundle of the type `application/vnd.dev.sigstore.bundle+json;version=0.1`; version 0.3 can be read
    it has a signature of a file, and no signed statement about an image
    it has neither a key nor a certificate to be verified by
    it is signed by a certificate (keyless), and there is no trust root to verify it by
    ");
}
