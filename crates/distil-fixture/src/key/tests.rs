use pgp::composed::{CleartextSignedMessage, Deserializable, DetachedSignature, SignedPublicKey};

use super::{
    HashStrength, KeyAlgorithm, KeyOptions, Revocation, SigningKey, SubkeyOptions, keyring,
};

const TIME: u64 = 1_759_276_800;

fn parsed(key: &SigningKey) -> SignedPublicKey {
    SignedPublicKey::from_string(&key.public_armored())
        .unwrap()
        .0
}

#[test]
fn signatures_verify_with_the_certificate() {
    let text = "Origin: Debian\n- a dash\n\ntrailing \t\nlast\n";
    for algorithm in [
        KeyAlgorithm::Ed25519,
        KeyAlgorithm::Rsa1024,
        KeyAlgorithm::Rsa2048,
    ] {
        let key = SigningKey::generate(
            3,
            KeyOptions {
                algorithm,
                ..KeyOptions::default()
            },
        );
        let public = parsed(&key);
        public.verify_bindings().unwrap();
        let (message, _) =
            CleartextSignedMessage::from_string(&key.sign_clear(text, TIME)).unwrap();
        message.verify(&public.primary_key).unwrap();
        let (signature, _) =
            DetachedSignature::from_string(&key.sign_detached(text, TIME)).unwrap();
        signature
            .verify(&public.primary_key, text.as_bytes())
            .unwrap();
        assert!(signature.verify(&public.primary_key, b"other").is_err());
        let created = signature.signature.created().unwrap();
        assert_eq!(u64::from(created.as_secs()), TIME);
    }
}

#[test]
fn keys_and_signatures_are_always_the_same() {
    let [one, other] = [(), ()].map(|()| {
        let key = SigningKey::new(1);
        (key.public_binary(), key.sign_clear("a\n", TIME))
    });
    assert_eq!(one, other);
    assert_ne!(one.0, SigningKey::new(2).public_binary());
    // Archives' bytes hang on it.
    assert_eq!(
        SigningKey::new(1).fingerprint(),
        "fd39b9a99ea992b976f10c6fdf23fe5c73886414"
    );
}

#[test]
fn a_subkey_signs_in_place_of_the_primary_key() {
    let key = SigningKey::generate(
        1,
        KeyOptions {
            subkey: Some(SubkeyOptions::default()),
            ..KeyOptions::default()
        },
    );
    let public = parsed(&key);
    public.verify_bindings().unwrap();
    let (signature, _) = DetachedSignature::from_string(&key.sign_detached("x", TIME)).unwrap();
    signature
        .verify(&public.public_subkeys[0].key, b"x")
        .unwrap();
    assert!(signature.verify(&public.primary_key, b"x").is_err());
    assert_ne!(key.fingerprint(), key.signing_fingerprint());
}

#[test]
fn what_is_wrong_with_a_key_is_in_its_certificate() {
    let revoked = Some(Revocation {
        time: TIME,
        compromised: true,
    });
    let key = SigningKey::generate(
        1,
        KeyOptions {
            expires: Some(TIME),
            revoked,
            subkey: Some(SubkeyOptions {
                revoked,
                bound: false,
                ..SubkeyOptions::default()
            }),
            ..KeyOptions::default()
        },
    );
    let public = parsed(&key);
    assert_eq!(public.details.revocation_signatures.len(), 1);
    let certification = &public.details.users[0].signatures[0];
    let lifetime = certification.key_expiration_time().unwrap();
    assert_eq!(u64::from(lifetime.as_secs()) + 1_577_836_800, TIME);
    let subkey = &public.public_subkeys[0];
    assert_eq!(subkey.signatures.len(), 1);
    subkey.signatures[0]
        .verify_subkey_binding(&public.primary_key, &subkey.key)
        .unwrap();
}

#[test]
fn weak_digests_are_said_in_the_message() {
    let key = SigningKey::generate(
        1,
        KeyOptions {
            algorithm: KeyAlgorithm::Rsa2048,
            hash: HashStrength::Sha1,
            ..KeyOptions::default()
        },
    );
    assert!(key.sign_clear("x\n", TIME).contains("\nHash: SHA1\n"));
}

#[test]
fn a_keyring_has_every_key() {
    let (one, other) = (SigningKey::new(1), SigningKey::new(2));
    let ring = keyring(&[&one, &other]);
    assert_eq!(
        SignedPublicKey::from_bytes_many(&ring[..]).unwrap().count(),
        2
    );
}
