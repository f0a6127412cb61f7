//! A Sigstore in miniature: authorities of certificates and times, and logs, with keys of their own. What
//! it signs is sound, or wrong in one of the ways that matter.

mod artifact;
mod certificate;
mod der;
mod log;
mod timestamp;

pub use self::artifact::{bundle_artifact, cosign_payload, cosign_statement, payload_artifact};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use self::certificate::{
    Authority, CODE_SIGNING, Key, Subject, TIME_STAMPING, critical, extension,
};
use self::der::{bits, identifier, sequence, text, tlv};

/// A signature is made at this time if nothing else is said: in May 2026.
pub const SIGNED_AT: u64 = 1_780_000_000;

/// 2020 to 2040: when authorities and logs count.
const ERA: (u64, u64) = (1_577_836_800, 2_208_988_800);

const ORIGIN_1: &str = "rekor.example - 1";
const ORIGIN_2: &str = "log2.rekor.example";

/// The log that has an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rekor {
    /// Rekor 1: it signs a time.
    One,
    /// Rekor 2: the time is a timestamp authority's.
    Two,
}

/// What is wrong with a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeylessFault {
    /// An authority of the same name, with another key, has made the certificate.
    OtherAuthority,
    /// The certificate is for serving websites.
    OtherPurpose,
    /// The certificate has no purpose.
    NoPurpose,
    /// The certificate has no timestamp of a certificate log.
    NoCertificateTimestamp,
    /// Another key has signed that timestamp.
    ForeignCertificateTimestamp,
    /// That timestamp is of another certificate.
    OtherCertificateTimestamp,
    /// The certificate had expired.
    Expired,
    /// The certificate was not valid yet.
    Early,
    /// There is no entry of the log.
    NoEntry,
    /// Another key has signed the time of the entry.
    ForeignPromise,
    /// Nobody has signed a time.
    NoTime,
    /// There is no proof.
    NoProof,
    /// The proof is of another entry.
    OtherProof,
    /// Another key has signed the checkpoint.
    ForeignCheckpoint,
    /// The entry is about another signature of the same.
    OtherSignature,
    /// The entry of a statement is about another signature, too.
    TwoSignatures,
    /// The entry is about another content.
    OtherContent,
    /// The entry is about another certificate of the same key.
    OtherCertificate,
    /// Another key has signed the timestamp.
    ForeignTimestamp,
    /// The timestamp is of another signature.
    OtherTimestamp,
    /// The signature is by another key than the certificate's.
    OtherKey,
}

/// How something is signed.
#[derive(Debug, Clone)]
pub struct Keyless {
    /// The address for which the certificate is, or a URI.
    pub identity: String,
    /// The service that vouched for it.
    pub issuer: String,
    /// The log.
    pub rekor: Rekor,
    /// What is wrong.
    pub fault: Option<KeylessFault>,
}

impl Default for Keyless {
    fn default() -> Self {
        Self {
            identity: "release@example.org".to_owned(),
            issuer: "https://accounts.example.org".to_owned(),
            rekor: Rekor::One,
            fault: None,
        }
    }
}

/// The services.
#[derive(Debug)]
pub struct Sigstore {
    between: Authority,
    chain: [Vec<u8>; 2],
    certificate_log: Key,
    rekor: Key,
    rekor2: Ed25519KeyPair,
    clock: Key,
    clock_chain: [Vec<u8>; 2],
}

/// A signature, and what comes with it.
struct Signed {
    certificate: Vec<u8>,
    signature: Vec<u8>,
    entries: Value,
    stamps: Vec<String>,
}

impl Default for Sigstore {
    fn default() -> Self {
        Self::new()
    }
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn ed25519() -> Ed25519KeyPair {
    let random = ring::rand::SystemRandom::new();
    let made = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap()
}

fn subject<'a>(name: &'a str, key: &'a Key, purpose: Option<&'a str>) -> Subject<'a> {
    Subject {
        name,
        key,
        serial: 2,
        valid: ERA,
        is_authority: false,
        purpose,
        extensions: Vec::new(),
    }
}

impl Sigstore {
    /// Services with new keys.
    pub fn new() -> Self {
        let (root, between) = (Authority::new("root"), Authority::new("between"));
        let clock = Key::new();
        let authority = |name, key| Subject {
            is_authority: true,
            ..subject(name, key, None)
        };
        let own = root.certify(&authority("root", &root.key));
        let chain = [
            root.certify(&authority("between", &between.key)),
            own.clone(),
        ];
        let clock_certificate = root.certify(&Subject {
            serial: 9,
            ..subject("clock", &clock, Some(TIME_STAMPING))
        });
        Self {
            between,
            chain,
            certificate_log: Key::new(),
            rekor: Key::new(),
            rekor2: ed25519(),
            clock,
            clock_chain: [clock_certificate, own],
        }
    }

    /// Its `trusted_root.json`.
    pub fn trusted_root(&self) -> Value {
        let valid = json!({"start": "2020-01-01T00:00:00Z"});
        let log = |url: &str, key: &[u8], details: &str, id: &[u8]| {
            json!({
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": base64(key),
                    "keyDetails": details,
                    "validFor": valid,
                },
                "logId": {"keyId": base64(id)},
            })
        };
        let p256 = "PKIX_ECDSA_P256_SHA_256";
        let authority = |uri: &str, chain: &[Vec<u8>; 2]| {
            let certificates = chain.each_ref().map(|der| json!({"rawBytes": base64(der)}));
            json!({
                "subject": {"organization": "example.org", "commonName": "root"},
                "uri": uri,
                "certChain": {"certificates": certificates},
                "validFor": valid,
            })
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [
                log("https://rekor.example", &self.rekor.public(), p256, &self.rekor.log_id()),
                log("https://log2.rekor.example", &self.rekor2_public(), "PKIX_ED25519", &self.rekor2_id()),
            ],
            "certificateAuthorities": [authority("https://fulcio.example", &self.chain)],
            "ctlogs": [log(
                "https://ct.example",
                &self.certificate_log.public(),
                p256,
                &self.certificate_log.log_id(),
            )],
            "timestampAuthorities": [authority("https://clock.example", &self.clock_chain)],
        })
    }

    fn rekor2_public(&self) -> Vec<u8> {
        let key = self.rekor2.public_key().as_ref();
        sequence(&[sequence(&[identifier("1.3.101.112")]), bits(key)])
    }

    /// As `C2SP/signed-note` names keys of Ed25519.
    fn rekor2_id(&self) -> Vec<u8> {
        let key = self.rekor2.public_key().as_ref();
        let named = [ORIGIN_2.as_bytes(), b"\n\x01", key].concat();
        digest(&SHA256, &named).as_ref().to_vec()
    }

    /// A bundle 0.3 of an envelope with a payload that is an in-toto statement.
    pub fn bundle(&self, payload: &[u8], how: &Keyless) -> Value {
        const TYPE: &str = "application/vnd.in-toto+json";
        let head = format!("DSSEv1 {} {TYPE} {} ", TYPE.len(), payload.len());
        let message = [head.as_bytes(), payload].concat();
        let signed = self.sign(&message, Some(payload), how);
        let stamps: Vec<Value> = signed
            .stamps
            .iter()
            .map(|one| json!({"signedTimestamp": one}))
            .collect();
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": base64(&signed.certificate)},
                "tlogEntries": signed.entries,
                "timestampVerificationData": {"rfc3161Timestamps": stamps},
            },
            "dsseEnvelope": {
                "payload": base64(payload),
                "payloadType": TYPE,
                "signatures": [{"sig": base64(&signed.signature)}],
            },
        })
    }

    /// The annotations of a signature under a tag, as cosign 2 writes them.
    pub fn annotations(&self, payload: &[u8], how: &Keyless) -> Value {
        let signed = self.sign(payload, None, how);
        let mut annotations = json!({
            "dev.cosignproject.cosign/signature": base64(&signed.signature),
            "dev.sigstore.cosign/certificate": pem(&signed.certificate),
            "dev.sigstore.cosign/chain": self.chain.each_ref().map(|der| pem(der)).concat(),
        });
        if let Some(entry) = signed.entries.get(0) {
            let id: String = self
                .rekor
                .log_id()
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            let number = |name: &str| entry[name].as_str().unwrap().parse::<u64>().unwrap();
            let bundle = json!({
                "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
                "Payload": {
                    "body": entry["canonicalizedBody"],
                    "integratedTime": number("integratedTime"),
                    "logIndex": number("logIndex"),
                    "logID": id,
                },
            });
            annotations["dev.sigstore.cosign/bundle"] = json!(bundle.to_string());
        }
        annotations
    }

    /// Signs a message, which is the frame of a payload or nothing else.
    fn sign(&self, message: &[u8], payload: Option<&[u8]>, how: &Keyless) -> Signed {
        use KeylessFault as Fault;
        let is = |fault| how.fault == Some(fault);
        let (key, foreign) = (Key::new(), Key::new());
        let certificate = self.certificate(&key, how);
        let signature = match is(Fault::OtherKey) {
            true => foreign.sign(message),
            false => key.sign(message),
        };
        let logged_signature = match is(Fault::OtherSignature) {
            true => key.sign(message),
            false => signature.clone(),
        };
        let logged_certificate = match is(Fault::OtherCertificate) {
            true => self.certificate(&key, how),
            false => certificate.clone(),
        };
        let other = is(Fault::OtherContent).then_some(b"other content".as_slice());
        let body = match how.rekor {
            Rekor::One => body_1(
                &logged_signature,
                &logged_certificate,
                other.unwrap_or(message),
                payload.map(|payload| other.unwrap_or(payload)),
            ),
            Rekor::Two => body_2(
                &logged_signature,
                &logged_certificate,
                other.unwrap_or(message),
            ),
        };
        let body = match is(Fault::TwoSignatures) {
            true => with_two_signatures(&body),
            false => body,
        };
        let entries = match is(Fault::NoEntry) {
            true => json!([]),
            false => json!([self.entry(&body, how, &foreign)]),
        };
        let stamped = match is(Fault::OtherTimestamp) {
            true => b"other signature".to_vec(),
            false => signature.clone(),
        };
        let by = match is(Fault::ForeignTimestamp) {
            true => &foreign,
            false => &self.clock,
        };
        let stamp = timestamp::response(&stamped, SIGNED_AT, by, "root", 9, &self.clock_chain[0]);
        let is_stamped = how.rekor == Rekor::Two && !is(Fault::NoTime);
        Signed {
            certificate,
            signature,
            entries,
            stamps: is_stamped.then(|| base64(stamp)).into_iter().collect(),
        }
    }

    fn certificate(&self, key: &Key, how: &Keyless) -> Vec<u8> {
        use KeylessFault as Fault;
        let named = match how.identity.contains("://") {
            true => tlv(0x86, how.identity.as_bytes()),
            false => tlv(0x81, how.identity.as_bytes()),
        };
        let leaf = Subject {
            serial: 77,
            valid: match how.fault {
                Some(Fault::Expired) => (SIGNED_AT - 700, SIGNED_AT - 100),
                Some(Fault::Early) => (SIGNED_AT + 100, SIGNED_AT + 700),
                _ => (SIGNED_AT - 60, SIGNED_AT + 540),
            },
            extensions: vec![
                critical("2.5.29.17", &sequence(&[named])),
                extension("1.3.6.1.4.1.57264.1.1", how.issuer.as_bytes()),
                extension("1.3.6.1.4.1.57264.1.8", &text(&how.issuer)),
            ],
            ..subject(
                "",
                key,
                match how.fault {
                    Some(Fault::OtherPurpose) => Some("1.3.6.1.5.5.7.3.1"),
                    Some(Fault::NoPurpose) => None,
                    _ => Some(CODE_SIGNING),
                },
            )
        };
        let other = Authority::new("between");
        let authority = match how.fault {
            Some(Fault::OtherAuthority) => &other,
            _ => &self.between,
        };
        if how.fault == Some(Fault::NoCertificateTimestamp) {
            return authority.certify(&leaf);
        }
        authority.certify_logged(&leaf, |issuer, unsigned| {
            let milliseconds = (SIGNED_AT * 1000).to_be_bytes();
            let logged = match how.fault {
                Some(Fault::OtherCertificateTimestamp) => b"another one",
                _ => unsigned,
            };
            let length = u32::try_from(logged.len()).unwrap().to_be_bytes();
            let message = [
                &[0, 0],
                &milliseconds[..],
                &[0, 1],
                issuer,
                &length[1..],
                logged,
                &[0, 0],
            ]
            .concat();
            let signature = match how.fault {
                Some(Fault::ForeignCertificateTimestamp) => Key::new().sign(&message),
                _ => self.certificate_log.sign(&message),
            };
            let length = u16::try_from(signature.len()).unwrap().to_be_bytes();
            let id = self.certificate_log.log_id();
            // Version, log, time, no extensions; SHA-256 with ECDSA.
            let parts = [
                &[0],
                &id[..],
                &milliseconds,
                &[0, 0],
                &[4, 3],
                &length,
                &signature,
            ];
            parts.concat()
        })
    }

    fn entry(&self, body: &[u8], how: &Keyless, foreign: &Key) -> Value {
        use KeylessFault as Fault;
        let is = |fault| how.fault == Some(fault);
        let proved = match is(Fault::OtherProof) {
            true => b"another entry",
            false => body,
        };
        let is_foreign = is(Fault::ForeignCheckpoint);
        let mut entry = match how.rekor {
            Rekor::One => {
                let by = match is(Fault::ForeignPromise) {
                    true => foreign,
                    false => &self.rekor,
                };
                let (index, promise) = log::promise(body, SIGNED_AT, &self.rekor, by);
                let id = self.rekor.log_id();
                let proof = log::proof(ORIGIN_1, proved, &id, |text| match is_foreign {
                    true => foreign.sign(text),
                    false => self.rekor.sign(text),
                });
                let mut entry = json!({
                    "logIndex": index.to_string(),
                    "logId": {"keyId": base64(&id)},
                    "integratedTime": SIGNED_AT.to_string(),
                    "inclusionProof": proof,
                });
                if !is(Fault::NoTime) {
                    entry["inclusionPromise"] = json!({"signedEntryTimestamp": base64(promise)});
                }
                entry
            }
            Rekor::Two => {
                let id = self.rekor2_id();
                let other = ed25519();
                let proof = log::proof(ORIGIN_2, proved, &id, |text| {
                    let key = if is_foreign { &other } else { &self.rekor2 };
                    key.sign(text).as_ref().to_vec()
                });
                json!({
                    "logIndex": proof["logIndex"],
                    "logId": {"keyId": base64(&id)},
                    "inclusionProof": proof,
                })
            }
        };
        let kind: Value = serde_json::from_slice(body).unwrap();
        entry["kindVersion"] = json!({"kind": kind["kind"], "version": kind["apiVersion"]});
        entry["canonicalizedBody"] = json!(base64(body));
        if is(Fault::NoProof) {
            entry.as_object_mut().unwrap().remove("inclusionProof");
        }
        entry
    }
}

fn pem(der: &[u8]) -> String {
    let text = base64(der);
    let lines = text.as_bytes().chunks(64);
    let lines: String = lines
        .map(|line| format!("{}\n", std::str::from_utf8(line).unwrap()))
        .collect();
    format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
}

fn hex(bytes: &[u8]) -> String {
    crate::sha256_hex(bytes)
}

/// An entry of Rekor 1: `dsse` of an envelope, `hashedrekord` of anything else.
fn body_1(signature: &[u8], certificate: &[u8], message: &[u8], payload: Option<&[u8]>) -> Vec<u8> {
    let certificate = base64(pem(certificate));
    let body = match payload {
        Some(payload) => {
            let envelope = json!({
                "payload": base64(payload),
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": base64(signature)}],
            });
            json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
                "envelopeHash": {"algorithm": "sha256", "value": hex(envelope.to_string().as_bytes())},
                "payloadHash": {"algorithm": "sha256", "value": hex(payload)},
                "signatures": [{"signature": base64(signature), "verifier": certificate}],
            }})
        }
        None => json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": hex(message)}},
            "signature": {"content": base64(signature), "publicKey": {"content": certificate}},
        }}),
    };
    body.to_string().into_bytes()
}

/// The entry of a statement with its signature twice.
fn with_two_signatures(body: &[u8]) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(body).unwrap();
    let list = body["spec"]["signatures"].as_array_mut().unwrap();
    list.push(list[0].clone());
    body.to_string().into_bytes()
}

/// An entry of Rekor 2.
fn body_2(signature: &[u8], certificate: &[u8], message: &[u8]) -> Vec<u8> {
    json!({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
        "data": {"algorithm": "SHA2_256", "digest": base64(digest(&SHA256, message).as_ref())},
        "signature": {"content": base64(signature), "verifier": {
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "x509Certificate": {"rawBytes": base64(certificate)},
        }},
    }}})
    .to_string()
    .into_bytes()
}
