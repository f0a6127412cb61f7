//! Signatures: a clearsigned message as it comes, or the input as a signature beside a text. Only
//! one text was ever signed by a key of this keyring, so nothing else may be accepted.

#![no_main]

use std::sync::LazyLock;

use distil_debian::openpgp::{Keyring, verify_detached, verify_inline};
use distil_fuzz::{SIGNED_TEXT, explain, now};
use libfuzzer_sys::fuzz_target;

static KEYRING: LazyLock<Keyring> = LazyLock::new(|| {
    let fixture = include_bytes!("../seeds/keyring/good.pgp");
    let mut keyring = Keyring::parse(fixture, "fixture").expect("a keyring");
    keyring.extend(Keyring::debian());
    keyring
});

fuzz_target!(|data: &[u8]| {
    let verified = match data.starts_with(b"-----BEGIN PGP SIGNED MESSAGE") {
        true => verify_inline(data, &KEYRING, now()),
        false => verify_detached(SIGNED_TEXT.as_bytes(), data, &KEYRING, now()),
    };
    match verified {
        Ok(verified) => {
            assert_eq!(verified.text, SIGNED_TEXT, "nobody signed this");
            assert!(!verified.signers.is_empty() && !verified.signatures.is_empty());
        }
        Err(error) => explain(&error),
    }
});
