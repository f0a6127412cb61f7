//! Keyless signatures by an instance of Sigstore in miniature: each way in which one can be wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use distil_attest::bundle::{Bundle, BundleError};
use distil_attest::keyless::{Identity, KeylessError, Name, Trust, TrustRoot};
use distil_fixture::{Keyless, KeylessFault as Fault, Rekor, SIGNED_AT, Sigstore};
use serde_json::{Value, json};

const PAYLOAD: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1"}"#;

fn trust(root: &Value, how: &Keyless) -> Trust {
    Trust {
        root: TrustRoot::parse(root.to_string().as_bytes()).unwrap(),
        name: Name::Exact(how.identity.clone()),
        issuer: how.issuer.clone(),
    }
}

fn verify(bundle: &Value, trust: &Trust) -> Result<Identity, KeylessError> {
    let bundle = Bundle::parse(bundle.to_string().as_bytes()).unwrap();
    match bundle.verify_keyless(trust) {
        Ok((identity, payload)) => {
            assert_eq!(payload, PAYLOAD);
            Ok(identity)
        }
        Err(BundleError::Certificate(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    }
}

fn signed(rekor: Rekor, fault: Option<Fault>) -> Result<Identity, KeylessError> {
    let instance = Sigstore::new();
    let how = Keyless {
        rekor,
        fault,
        ..Keyless::default()
    };
    let bundle = instance.bundle(PAYLOAD, &how);
    verify(&bundle, &trust(&instance.trusted_root(), &how))
}

#[test]
fn what_is_sound_counts() {
    for rekor in [Rekor::One, Rekor::Two] {
        let how = Keyless::default();
        let identity = signed(rekor, None).unwrap();
        let wanted = Identity {
            name: how.identity,
            issuer: how.issuer,
            time: SIGNED_AT,
        };
        assert_eq!(identity, wanted, "{rekor:?}");
    }
}

#[test]
fn what_is_wrong_in_one_way_does_not_count() {
    use KeylessError as E;
    let other = |what| E::OtherEntry { what };
    let both = [
        (Fault::OtherKey, E::Signature),
        (Fault::NoCertificateTimestamp, E::CertificateLog),
        (Fault::ForeignCertificateTimestamp, E::CertificateLog),
        (Fault::OtherCertificateTimestamp, E::CertificateLog),
        (Fault::NoEntry, E::NoEntry),
        (Fault::NoTime, E::NoTime),
        (Fault::NoProof, E::Proof),
        (Fault::OtherProof, E::Proof),
        (Fault::ForeignCheckpoint, E::Checkpoint),
        (Fault::OtherSignature, other("signature")),
        (Fault::OtherContent, other("content")),
        (Fault::OtherCertificate, other("certificate")),
    ];
    for rekor in [Rekor::One, Rekor::Two] {
        for (fault, why) in &both {
            let found = signed(rekor, Some(*fault)).unwrap_err();
            assert_eq!(found, *why, "{rekor:?} {fault:?}");
        }
        for fault in [
            Fault::OtherAuthority,
            Fault::OtherPurpose,
            Fault::NoPurpose,
            Fault::Expired,
            Fault::Early,
        ] {
            let found = signed(rekor, Some(fault)).unwrap_err();
            assert!(matches!(found, E::Chain { .. }), "{fault:?}: {found}");
        }
    }
    for (fault, why) in [
        (Fault::ForeignPromise, E::Promise),
        (Fault::TwoSignatures, other("signature")),
    ] {
        assert_eq!(signed(Rekor::One, Some(fault)), Err(why));
    }
    for (fault, why) in [
        (Fault::ForeignTimestamp, E::Timestamp),
        (Fault::OtherTimestamp, E::OtherTimestamp),
    ] {
        assert_eq!(signed(Rekor::Two, Some(fault)), Err(why));
    }
}

/// The certificate has to be valid at every time that somebody has signed.
#[test]
fn one_time_does_not_stand_for_another() {
    let instance = Sigstore::new();
    let how = Keyless::default();
    let mut bundle = instance.bundle(PAYLOAD, &how);
    let root = instance.trusted_root();
    // Of another instance, whose clock nobody trusts: nothing is taken away by it.
    let second = Keyless {
        rekor: Rekor::Two,
        ..Keyless::default()
    };
    let foreign = Sigstore::new().bundle(PAYLOAD, &second);
    let stamps = &foreign["verificationMaterial"]["timestampVerificationData"];
    bundle["verificationMaterial"]["timestampVerificationData"] = stamps.clone();
    verify(&bundle, &trust(&root, &how)).unwrap();
    // An entry of a log that nobody trusts is no proof that is missing only.
    let entry = &foreign["verificationMaterial"]["tlogEntries"][0];
    let entries = bundle["verificationMaterial"]["tlogEntries"].as_array_mut();
    entries.unwrap().push(entry.clone());
    assert!(verify(&bundle, &trust(&root, &how)).is_err());
    let entries = json!(vec![entry.clone(); 9]);
    bundle["verificationMaterial"]["tlogEntries"] = entries;
    let what = "verification material";
    let found = verify(&bundle, &trust(&root, &how));
    assert_eq!(found, Err(KeylessError::Damaged { what }));
}

/// Whoever has a log's checkpoint can make a tree of their own of the same size, with a proof.
#[test]
fn a_checkpoint_of_another_tree_proves_nothing() {
    let (instance, how) = (Sigstore::new(), Keyless::default());
    let trust = trust(&instance.trusted_root(), &how);
    let checkpoint = |bundle: &mut Value| {
        let proof = &mut bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"];
        proof["checkpoint"].take()
    };
    let mut bundle = instance.bundle(PAYLOAD, &how);
    verify(&bundle, &trust).unwrap();
    let mut other = instance.bundle(br#"{"_type":"other"}"#, &how);
    let (own, others) = (checkpoint(&mut bundle), checkpoint(&mut other));
    let size = |one: &Value| {
        let note = one["envelope"].as_str().unwrap();
        note.lines().nth(1).unwrap().to_owned()
    };
    assert_eq!(size(&own), size(&others));
    let entry = &mut bundle["verificationMaterial"]["tlogEntries"][0];
    entry["inclusionProof"]["checkpoint"] = others;
    assert_eq!(verify(&bundle, &trust), Err(KeylessError::Proof));
}

/// The certificate of a clock is in the trust root; who has made it counts all the same.
#[test]
fn a_clock_needs_its_authority() {
    let instance = Sigstore::new();
    let how = Keyless {
        rekor: Rekor::Two,
        ..Keyless::default()
    };
    let bundle = instance.bundle(PAYLOAD, &how);
    let mut root = instance.trusted_root();
    verify(&bundle, &trust(&root, &how)).unwrap();
    let other = Sigstore::new().trusted_root();
    let last = "/timestampAuthorities/0/certChain/certificates/1";
    *root.pointer_mut(last).unwrap() = other.pointer(last).unwrap().clone();
    let found = verify(&bundle, &trust(&root, &how));
    assert_eq!(found, Err(KeylessError::Timestamp));
}

#[test]
fn another_instance_is_not_trusted() {
    let how = Keyless::default();
    let bundle = Sigstore::new().bundle(PAYLOAD, &how);
    let mut root = Sigstore::new().trusted_root();
    let found = verify(&bundle, &trust(&root, &how));
    assert_eq!(found, Err(KeylessError::UnknownLog));
    // Without one of its kinds of services there is no trust root.
    for field in ["certificateAuthorities", "ctlogs", "tlogs"] {
        let kept = root[field].take();
        root[field] = json!([]);
        assert!(TrustRoot::parse(root.to_string().as_bytes()).is_err());
        root[field] = kept;
    }
    TrustRoot::parse(root.to_string().as_bytes()).unwrap();
    root["mediaType"] = json!("application/vnd.dev.sigstore.trustedroot+json;version=9");
    assert!(TrustRoot::parse(root.to_string().as_bytes()).is_err());
}

/// A URI is a name as well, and the issuer is a part of who it is.
#[test]
fn the_name_and_the_issuer_have_to_be_those_that_are_asked_for() {
    let instance = Sigstore::new();
    let root = instance.trusted_root();
    let how = Keyless {
        identity: "https://ci.example.org/team/app@main".to_owned(),
        ..Keyless::default()
    };
    let bundle = instance.bundle(PAYLOAD, &how);
    verify(&bundle, &trust(&root, &how)).unwrap();
    let pattern = |pattern: &str| Trust {
        name: Name::pattern(pattern).unwrap(),
        ..trust(&root, &how)
    };
    verify(&bundle, &pattern("^https://ci.example.org/team/")).unwrap();
    for wrong in [
        trust(&root, &Keyless::default()),
        pattern("^https://ci.example.org/other/"),
        Trust {
            issuer: "https://accounts.example.com".to_owned(),
            ..trust(&root, &how)
        },
    ] {
        let found = verify(&bundle, &wrong);
        assert!(matches!(found, Err(KeylessError::Identity { .. })));
    }
}
