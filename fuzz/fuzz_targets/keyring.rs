//! A keyring of the user's, in binary or in armour, and a signature judged by its keys.

#![no_main]

use distil_debian::openpgp::{Keyring, verify_inline};
use distil_fuzz::{SIGNED_TEXT, explain, now};
use libfuzzer_sys::fuzz_target;

const SIGNED: &[u8] = include_bytes!("../seeds/signature/inline.asc");

fuzz_target!(|data: &[u8]| {
    let mut keyring = match Keyring::parse(data, "fuzz") {
        Ok(keyring) => keyring,
        Err(error) => return explain(&error),
    };
    assert!(!keyring.is_empty());
    for certificate in keyring.certificates() {
        assert!(!certificate.fingerprint().to_string().is_empty());
        assert!(certificate.key_fingerprints().count() > 0);
        let _ = certificate.user_ids();
    }
    match verify_inline(SIGNED, &keyring, now()) {
        Ok(verified) => assert_eq!(verified.text, SIGNED_TEXT),
        Err(error) => explain(&error),
    }
    let copy = keyring.clone();
    keyring.extend(&copy);
    assert_eq!(keyring.certificates().count(), copy.certificates().count());
});
