//! Bundles of Sigstore's public instance, as they are and tampered with.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use distil_attest::bundle::{Bundle, BundleError};
use distil_attest::keyless::{KeylessError, Name, Trust, TrustRoot};
use serde_json::{Value, json};

const ROOT: &[u8] = include_bytes!("keyless/public-good.json");
const DSSE: &[u8] = include_bytes!("keyless/dsse-v0.3.json");
const INTOTO: &[u8] = include_bytes!("keyless/intoto-v0.1.json");
const STAGING: &[u8] = include_bytes!("keyless/staging.json");
const REKOR_2: &[u8] = include_bytes!("keyless/dsse-rekor2.json");

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const NAME: &str =
    "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main";
const INTOTO_NAME: &str =
    "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main";

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn trust(root: &Value, name: Name, issuer: &str) -> Trust {
    Trust {
        root: TrustRoot::parse(root.to_string().as_bytes()).unwrap(),
        name,
        issuer: issuer.to_owned(),
    }
}

fn exact(name: &str) -> Name {
    Name::Exact(name.to_owned())
}

fn verify(bundle: &Value, trust: &Trust) -> Result<u64, BundleError> {
    let bundle = Bundle::parse(bundle.to_string().as_bytes())?;
    bundle.verify_keyless(trust).map(|(who, _)| who.time)
}

/// Why the bundle with an entry `dsse` does not count after a change of it or of the trust root.
fn rejected(change: impl Fn(&mut Value, &mut Value)) -> KeylessError {
    let (mut bundle, mut root) = (value(DSSE), value(ROOT));
    change(&mut bundle, &mut root);
    match verify(&bundle, &trust(&root, exact(NAME), ISSUER)) {
        Err(BundleError::Certificate(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Changes one byte in the middle of what is in base64.
fn flip(value: &mut Value) {
    let text = value.as_str().unwrap();
    let at = text.len() / 2;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    *value = json!(format!("{}{other}{}", &text[..at], &text[at + 1..]));
}

#[test]
fn bundles_of_the_public_instance_count() {
    let root = value(ROOT);
    let found = verify(&value(DSSE), &trust(&root, exact(NAME), ISSUER));
    assert_eq!(found.unwrap(), 1_756_728_839);
    let found = verify(&value(INTOTO), &trust(&root, exact(INTOTO_NAME), ISSUER));
    assert_eq!(found.unwrap(), 1_692_374_735);
    let pattern = Name::pattern("^https://github.com/prefix-dev/").unwrap();
    verify(&value(DSSE), &trust(&root, pattern, ISSUER)).unwrap();
    // Without a trust root none counts.
    let bundle = Bundle::parse(DSSE).unwrap();
    assert_eq!(bundle.envelope().unwrap_err(), BundleError::Keyless);
}

/// Rekor 2 has no clock: the time is that of a timestamp authority.
#[test]
fn entries_of_the_second_rekor_need_a_timestamp_and_a_proof() {
    use KeylessError as E;
    let check = |change: &dyn Fn(&mut Value, &mut Value)| {
        let (mut bundle, mut root) = (value(REKOR_2), value(STAGING));
        change(&mut bundle["verificationMaterial"], &mut root);
        let name = exact("jku@goto.fi");
        match verify(
            &bundle,
            &trust(&root, name, "https://github.com/login/oauth"),
        ) {
            Ok(time) => Ok(time),
            Err(BundleError::Certificate(error)) => Err(error),
            Err(other) => panic!("{other:?}"),
        }
    };
    let at = |path: &'static str, change: &dyn Fn(&mut Value)| {
        check(&|material, _| change(material.pointer_mut(path).unwrap())).unwrap_err()
    };
    const STAMPS: &str = "/timestampVerificationData/rfc3161Timestamps";
    const STAMP: &str = "/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
    const ENTRY: &str = "/tlogEntries/0";
    assert_eq!(check(&|_, _| {}), Ok(1_779_781_341));
    assert_eq!(at(STAMPS, &|all| *all = json!([])), E::NoTime);
    assert_eq!(
        at(STAMP, &|one| *one = json!("AAAA")),
        E::Damaged { what: "timestamp" }
    );
    // What the entry says of its time is nobody's word.
    let said = check(&|material, _| {
        material["tlogEntries"][0]["integratedTime"] = json!("1779781400");
        material["timestampVerificationData"] = Value::Null;
    });
    assert_eq!(said, Err(E::NoTime));
    let unproved = at(ENTRY, &|entry| {
        entry.as_object_mut().unwrap().remove("inclusionProof");
    });
    assert_eq!(unproved, E::Proof);
    // Of another signature, though by the authority.
    let other = check(&|material, _| {
        let stamp = include_bytes!("keyless/other-timestamp.b64");
        let stamp = std::str::from_utf8(stamp).unwrap().trim();
        material["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"] =
            json!(stamp);
    });
    assert_eq!(other, Err(E::OtherTimestamp));
    let unknown = check(&|_, root| root["timestampAuthorities"] = json!([]));
    assert_eq!(unknown, Err(E::Timestamp));
    let late = check(&|_, root| {
        for one in root["timestampAuthorities"].as_array_mut().unwrap() {
            one["validFor"]["start"] = json!("2027-01-01T00:00:00Z");
        }
    });
    assert_eq!(late, Err(E::Timestamp));
    // A certificate of an authority of certificates is none of a clock.
    let purpose = check(&|_, root| {
        let authority = root["certificateAuthorities"][0].clone();
        root["timestampAuthorities"] = json!([authority]);
    });
    assert_eq!(purpose, Err(E::Timestamp));
}

/// Each byte of a timestamp says something, or is of what nobody reads.
#[test]
fn no_byte_of_a_timestamp_changes_its_time() {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    let (bundle, root) = (value(REKOR_2), value(STAGING));
    let trust = trust(
        &root,
        exact("jku@goto.fi"),
        "https://github.com/login/oauth",
    );
    const STAMP: &str =
        "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
    let stamp = bundle.pointer(STAMP).and_then(Value::as_str).unwrap();
    let stamp = BASE64_STANDARD.decode(stamp).unwrap();
    let mut counted = 0;
    for at in 0..stamp.len() {
        let mut changed = stamp.clone();
        changed[at] ^= 1;
        let mut bundle = bundle.clone();
        *bundle.pointer_mut(STAMP).unwrap() = json!(BASE64_STANDARD.encode(changed));
        if let Ok(time) = verify(&bundle, &trust) {
            assert_eq!(time, 1_779_781_341);
            counted += 1;
        }
    }
    // The version of the response, and the certificates in it, which are not what is trusted.
    assert!(
        counted < stamp.len() * 3 / 4,
        "{counted} of {}",
        stamp.len()
    );
}

#[test]
fn another_identity_or_issuer_does_not_count() {
    let root = value(ROOT);
    let pattern = |text: &str| Name::pattern(text).unwrap();
    for (name, issuer) in [
        (exact(INTOTO_NAME), ISSUER),
        (exact(""), ISSUER),
        (exact(&NAME[..NAME.len() - 1]), ISSUER),
        (pattern("^https://github.com/prefix-dev$"), ISSUER),
        (exact(NAME), "https://accounts.google.com"),
        (exact(NAME), ""),
    ] {
        let error = verify(&value(DSSE), &trust(&root, name, issuer)).unwrap_err();
        let is_identity = matches!(&error, BundleError::Certificate(KeylessError::Identity { name, .. }) if name == NAME);
        assert!(is_identity, "{error}");
    }
    assert!(Name::pattern("(").is_err());
}

#[test]
fn what_is_tampered_with_does_not_count() {
    use KeylessError as E;
    const ENTRY: &str = "/verificationMaterial/tlogEntries/0";
    let at = |bundle: &mut Value, path: &str, change: &dyn Fn(&mut Value)| {
        change(bundle.pointer_mut(path).unwrap());
    };
    let entry = |path: &'static str, change: &dyn Fn(&mut Value)| {
        rejected(|bundle, _| at(bundle, &format!("{ENTRY}{path}"), change))
    };
    let payload = rejected(|b, _| at(b, "/dsseEnvelope/payload", &flip));
    assert_eq!(payload, E::Signature);
    let kind = rejected(|b, _| at(b, "/dsseEnvelope/payloadType", &|v| *v = json!("x")));
    assert_eq!(kind, E::Signature);
    let twice = rejected(|b, _| {
        let all = b.pointer_mut("/dsseEnvelope/signatures").unwrap();
        let one = all[0].clone();
        all.as_array_mut().unwrap().push(one);
    });
    assert_eq!(twice, E::Signatures { count: 2 });
    let none = rejected(|b, _| b["verificationMaterial"]["tlogEntries"] = json!([]));
    assert_eq!(none, E::NoEntry);
    assert_eq!(
        entry("/integratedTime", &|v| *v = json!("1756728840")),
        E::Promise
    );
    assert_eq!(entry("/integratedTime", &|v| *v = json!("0")), E::NoTime);
    assert_eq!(
        entry("/integratedTime", &|v| *v = json!("1")),
        E::UnknownLog
    );
    assert_eq!(entry("/inclusionPromise", &|v| *v = Value::Null), E::NoTime);
    assert_eq!(entry("/logIndex", &|v| *v = json!("1")), E::Promise);
    assert_eq!(entry("/logId/keyId", &flip), E::UnknownLog);
    assert_eq!(entry("/canonicalizedBody", &flip), E::Promise);
    assert_eq!(entry("/inclusionProof", &|v| *v = Value::Null), E::Proof);
    assert_eq!(
        entry("/inclusionProof/logIndex", &|v| *v = json!("1")),
        E::Proof
    );
    assert_eq!(entry("/inclusionProof/hashes/0", &flip), E::Proof);
    assert_eq!(entry("/inclusionProof/rootHash", &flip), E::Proof);
    let text = |v: &mut Value| *v = json!(v.as_str().unwrap().replacen("rekor", "other", 1));
    assert_eq!(
        entry("/inclusionProof/checkpoint/envelope", &text),
        E::Checkpoint
    );
    // Logs and authorities by other keys, or at other times.
    let other = value(ROOT)["ctlogs"][0]["publicKey"]["rawBytes"].clone();
    let log = rejected(|_, root| root["tlogs"][0]["publicKey"]["rawBytes"] = other.clone());
    assert_eq!(log, E::Promise);
    let late = json!({"start": "2030-01-01T00:00:00Z"});
    let log = rejected(|_, root| root["tlogs"][0]["publicKey"]["validFor"] = late.clone());
    assert_eq!(log, E::UnknownLog);
    let logs = rejected(|_, root| {
        for log in root["ctlogs"].as_array_mut().unwrap() {
            log["publicKey"]["rawBytes"] = other.clone();
        }
    });
    assert_eq!(logs, E::CertificateLog);
    let logs = rejected(|_, root| {
        for log in root["ctlogs"].as_array_mut().unwrap() {
            log["publicKey"]["validFor"] = late.clone();
        }
    });
    assert_eq!(logs, E::CertificateLog);
    let authorities = rejected(|_, root| {
        for one in root["certificateAuthorities"].as_array_mut().unwrap() {
            one["validFor"] = late.clone();
        }
    });
    assert!(matches!(authorities, E::Chain { .. }));
    let authorities = rejected(|_, root| {
        let all = root["certificateAuthorities"].as_array_mut().unwrap();
        all.truncate(1);
        all[0]["validFor"] = json!({"start": "2021-01-01T00:00:00Z"});
    });
    assert!(matches!(authorities, E::Chain { .. }));
    // The log's entry of another signature, with all that belongs to it.
    let entries = value(INTOTO)["verificationMaterial"]["tlogEntries"].clone();
    let foreign = rejected(|b, _| b["verificationMaterial"]["tlogEntries"] = entries.clone());
    assert_eq!(foreign, E::OtherEntry { what: "content" });
}
