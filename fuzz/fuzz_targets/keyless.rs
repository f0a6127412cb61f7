//! Trust roots, bundles with certificates, and what is in them in base64: whatever is put into a sound
//! bundle, it is rejected, or says the same as before.

#![no_main]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use distil_attest::bundle::Bundle;
use distil_attest::keyless::{Name, Trust, TrustRoot};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::sync::LazyLock;

static TRUST: LazyLock<Trust> = LazyLock::new(|| Trust {
    root: TrustRoot::parse(include_bytes!(
        "../../crates/distil-attest/tests/keyless/staging.json"
    ))
    .expect("the trust root of the tests"),
    name: Name::pattern("").expect("a pattern for everybody"),
    issuer: "https://github.com/login/oauth".to_owned(),
});

static BUNDLE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_slice(include_bytes!(
        "../../crates/distil-attest/tests/keyless/dsse-rekor2.json"
    ))
    .expect("the bundle of the tests")
});

/// When the bundle was signed.
static TIME: LazyLock<u64> = LazyLock::new(|| {
    verify(BUNDLE.to_string().as_bytes()).expect("the bundle of the tests counts")
});

fn verify(bundle: &[u8]) -> Option<u64> {
    let bundle = Bundle::parse(bundle).ok()?;
    let (identity, _) = bundle.verify_keyless(&TRUST).ok()?;
    Some(identity.time)
}

fuzz_target!(|data: &[u8]| {
    let Some((&which, data)) = data.split_first() else {
        return;
    };
    const ENTRY: &str = "/verificationMaterial/tlogEntries/0";
    let encoded = || json!(BASE64_STANDARD.encode(data));
    let (path, value) = match which {
        b'r' => {
            let _ = TrustRoot::parse(data);
            return;
        }
        b'b' => {
            assert!(verify(data).is_none_or(|time| time == *TIME));
            return;
        }
        b't' => (
            "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp"
                .to_owned(),
            encoded(),
        ),
        b'c' => (
            "/verificationMaterial/certificate/rawBytes".to_owned(),
            encoded(),
        ),
        b'e' => (format!("{ENTRY}/canonicalizedBody"), encoded()),
        b'p' => (
            format!("{ENTRY}/inclusionProof/checkpoint/envelope"),
            json!(String::from_utf8_lossy(data)),
        ),
        _ => return,
    };
    let mut bundle = BUNDLE.clone();
    *bundle.pointer_mut(&path).expect("a part of the bundle") = value;
    let found = verify(bundle.to_string().as_bytes());
    assert!(found.is_none_or(|time| time == *TIME));
});
