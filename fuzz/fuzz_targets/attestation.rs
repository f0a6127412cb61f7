//! Keys, bundles, payloads and statements, as registries and users bring them: what is read is
//! bounded, and nothing is taken for signed.

#![no_main]

use distil_attest::bundle::Bundle;
use distil_attest::dsse::Envelope;
use distil_attest::key::{PrivateKey, PublicKey};
use distil_attest::simple_signing::Payload;
use distil_attest::statement::Statement;
use libfuzzer_sys::fuzz_target;

const KEY: &[u8] = include_bytes!("../../crates/distil-attest/tests/keys/ecdsa.pub");

fuzz_target!(|data: &[u8]| {
    let key = PublicKey::from_pem(KEY).expect("the key of the tests");
    if let Ok(public) = PublicKey::from_pem(data) {
        let again = PublicKey::from_pem(public.to_pem().as_bytes()).expect("what was written");
        assert_eq!(again, public);
    }
    let _ = PublicKey::from_der(data);
    let _ = PrivateKey::is_encrypted(data);
    // Without a password, since deriving a key takes long on purpose.
    if let Ok(private) = PrivateKey::from_pem(data, None) {
        let signature = private.sign(data).expect("random numbers");
        assert!(private.public().verify(data, &signature));
    }
    if let Ok(bundle) = Bundle::parse(data)
        && let Ok(envelope) = bundle.envelope()
    {
        assert!(envelope.verify(&key).is_err(), "nobody has signed it");
    }
    if let Ok(envelope) = serde_json::from_slice::<Envelope>(data) {
        assert!(envelope.verify(&key).is_err(), "nobody has signed it");
    }
    if let Some(payload) = Payload::parse(data) {
        let again = Payload::parse(&payload.to_bytes("distil"));
        assert_eq!(again, Some(payload));
    }
    if let Some(statement) = Statement::parse(data) {
        assert_eq!(Statement::parse(&statement.to_bytes()), Some(statement));
    }
});
