//! Keyrings: what may be in them, and what Debian's have.

use super::*;

#[test]
fn keyrings_may_be_armoured_and_of_several_parts() {
    let forges = [Forge::new(1), Forge::new(2)];
    let [first, second] = forges.each_ref().map(|forge| forge.good());
    let fingerprints = |keyring: &Keyring| -> Vec<String> {
        let all = keyring.certificates();
        all.map(|c| c.fingerprint().to_string()).collect()
    };
    let expected = forges.each_ref().map(Forge::fingerprint);

    let binary = [first.bytes.clone(), second.bytes.clone()].concat();
    let together = armour(&binary, BlockType::PublicKey);
    let apart = format!("# one\n{}\n\ntwo:\n{}", first.armoured(), second.armoured());
    let dos = apart.replace('\n', "\r\n");
    for bytes in [
        &binary,
        together.as_bytes(),
        apart.as_bytes(),
        dos.as_bytes(),
    ] {
        assert_eq!(
            fingerprints(&Keyring::parse(bytes, "test").unwrap()),
            expected
        );
    }

    // What is not a key, or not one that can be read, is passed over.
    let odd = first
        .clone()
        .raw(Tag::Trust, &[1])
        .raw(Tag::PublicKey, &[9, 1, 2]);
    let odd = odd
        .raw(Tag::UserId, b"nobody")
        .raw(Tag::PublicKey, &[3, 0, 0]);
    let odd = odd
        .raw(Tag::UserAttribute, b"?")
        .raw(Tag::PublicSubkey, &[5]);
    assert_eq!(fingerprints(&odd.keyring()), &expected[..1]);
    assert_eq!(primary_reason(&forges[0], &odd), None);

    let user_ids = odd.keyring();
    let certificate = user_ids.certificates().next().unwrap();
    assert_eq!(certificate.user_ids(), ["Test key 1 <1@archive.example>"]);
}

#[test]
fn keys_of_old_versions_are_passed_over() {
    // Version 3: time, days of validity, RSA, a modulus of 2048 bits, the exponent 65537.
    let mut body = vec![3, 0, 0, 0, 0, 0, 0, 1, 8, 0];
    body.extend([0xFF; 256]);
    body.extend([0, 17, 1, 0, 1]);
    let forge = Forge::new(1);
    let certificate = forge.good().raw(Tag::PublicKey, &body);
    let certificate = certificate.raw(Tag::UserId, b"old");
    assert_eq!(certificate.keyring().certificates().count(), 1);
    let subkey = forge.good().raw(Tag::PublicSubkey, &body).keyring();
    let certificate = subkey.certificates().next().unwrap();
    assert_eq!(certificate.key_fingerprints().count(), 1);
}

#[test]
fn files_that_are_no_keyrings_are_told_apart() {
    let forge = Forge::new(1);
    let error = |bytes: &[u8]| Keyring::parse(bytes, "my.gpg").unwrap_err();

    let keybox = b"\0\0\0\x20\x01\x01\0\x02KBXf\0\0\0\0";
    assert!(matches!(error(keybox), KeyringError::Keybox { .. }));
    for nothing in [&b""[..], b"hello\n", b"<html>"] {
        assert!(matches!(error(nothing), KeyringError::Empty { .. }));
    }
    let good = forge.good().bytes;
    assert!(matches!(
        error(&good[..good.len() - 1]),
        KeyringError::Packets { .. }
    ));
    let armoured = forge.good().armoured();
    let torn = &armoured.as_bytes()[..armoured.len() - 40];
    assert!(matches!(error(torn), KeyringError::Armour { .. }));
    let signature = armour(&packets(&[forge.sign(TEXT)]), BlockType::Signature);
    assert!(matches!(
        error(signature.as_bytes()),
        KeyringError::Armour { .. }
    ));
    let signature = packets(&[forge.sign(TEXT)]);
    assert!(matches!(error(&signature), KeyringError::Empty { .. }));
    let mut secret = Vec::new();
    pgp::packet::PacketTrait::to_writer_with_header(&forge.primary, &mut secret).unwrap();
    assert!(matches!(error(&secret), KeyringError::SecretKey { .. }));
    let secret = armour(&secret, BlockType::PrivateKey);
    assert!(matches!(
        error(secret.as_bytes()),
        KeyringError::SecretKey { .. }
    ));
    assert_eq!(
        error(b"hello").to_string(),
        "keyring `my.gpg` has no OpenPGP certificate that can be read"
    );
}

#[test]
fn user_ids_cannot_write_to_the_terminal() {
    let mut forge = Forge::new(1);
    let name = "Evil\u{1b}[2J\n<x@archive.example>";
    forge.user = pgp::packet::UserId::from_str(Default::default(), name).unwrap();
    let keyring = forge.good().keyring();
    let certificate = keyring.certificates().next().unwrap();
    assert_eq!(
        certificate.user_ids(),
        ["Evil\\u{1b}[2J\\n<x@archive.example>"]
    );
}

#[test]
fn what_one_copy_of_a_certificate_knows_counts_for_all() {
    let forge = Forge::new(1);
    let stale = forge.good_with_subkey().keyring();
    let revocation = forge.direct(says(SignatureType::KeyRevocation));
    let fresh = with_direct(&forge, &revocation).keyring();
    let message = clearsigned(TEXT, &[forge.sign(TEXT)]);
    assert!(verify(&message, &stale).is_ok());
    for (mut first, second) in [(stale.clone(), &fresh), (fresh.clone(), &stale)] {
        first.extend(second);
        assert_eq!(first.certificates().count(), 1);
        assert_eq!(reason(verify(&message, &first)), Some(Reason::Revoked));
    }
    let unreadable = forge.good().raw(Tag::Signature, &[4, 0x20]).keyring();
    let mut both = stale.clone();
    both.extend(&unreadable);
    assert_eq!(reason(verify(&message, &both)), Some(Reason::Revoked));
    // The subkey's, too; and a subkey that only one copy has can sign.
    let revocation = forge.bind(says(SignatureType::SubkeyRevocation));
    let fresh = forge.good_with_subkey().signature(&revocation).keyring();
    let message = clearsigned(TEXT, &[signing().text(&forge.subkey, TEXT)]);
    for (mut first, second) in [(stale.clone(), &fresh), (fresh.clone(), &stale)] {
        first.extend(second);
        assert_eq!(reason(verify(&message, &first)), Some(Reason::Revoked));
    }
    let mut without = forge.good().keyring();
    without.extend(&stale);
    let verified = verify(&message, &without).unwrap();
    let [signature] = &verified.signatures[..] else {
        panic!("{verified:?}");
    };
    assert_eq!(signature.signer.key.to_string(), forge.subkey_fingerprint());
    assert_eq!(
        signature.signer.certificate.to_string(),
        forge.fingerprint()
    );
    // The same file twice changes nothing.
    let both = [forge.good().bytes, forge.good().bytes].concat();
    let twice = Keyring::parse(&both, "twice").unwrap();
    assert_eq!(twice.certificates().count(), 1);
}

#[test]
fn debians_keys_are_all_there_and_may_all_sign() {
    let keyring = Keyring::debian();
    let known: Vec<_> = keyring
        .certificates()
        .map(|c| (c.fingerprint().to_string(), c.user_ids().join(", ")))
        .collect();
    let expected = [
        (
            "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
            "Debian Archive Automatic Signing Key (12/bookworm) <ftpmaster@debian.org>",
        ),
        (
            "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0",
            "Debian Security Archive Automatic Signing Key (12/bookworm) <ftpmaster@debian.org>",
        ),
        (
            "4D64FEC119C2029067D6E791F8D2585B8783D481",
            "Debian Stable Release Key (12/bookworm) <debian-release@lists.debian.org>",
        ),
        (
            "04B54C3CDCA79751B16BC6B5225629DF75B188BD",
            "Debian Archive Automatic Signing Key (13/trixie) <ftpmaster@debian.org>",
        ),
        (
            "5E04A1E3223A19A20706E20F9904613D4CCE68C6",
            "Debian Security Archive Automatic Signing Key (13/trixie) <ftpmaster@debian.org>",
        ),
        (
            "41587F7DB8C774BCCF131416762F67A0B2C39DE4",
            "Debian Stable Release Key (13/trixie) <debian-release@lists.debian.org>",
        ),
    ]
    .map(|(fingerprint, user)| (fingerprint.to_owned(), user.to_owned()));
    assert_eq!(known, expected);

    // Until they expire: the release keys of bookworm on 2031-01-19 at the earliest.
    let in_2030 = 1_893_456_000;
    let in_2040 = 2_208_988_800;
    for (certificate, index, _) in keyring.keys() {
        assert_eq!(certificate.key_state(index, in_2030).verdict, Ok(()));
        assert!(matches!(
            certificate.key_state(index, in_2040).verdict,
            Err(Reason::KeyExpired { .. })
        ));
    }
}

proptest! {
    #[test]
    fn mutated_keyrings_never_panic(
        at in any::<prop::sample::Index>(),
        byte: u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let forge = Forge::new(1);
        let mut bytes = forge.good_with_subkey().bytes;
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(keyring) = Keyring::parse(bytes, "mutated") {
                for (certificate, index, _) in keyring.keys() {
                    let _ = certificate.key_state(index, NOW.into());
                }
            }
        }
    }
}

#[test]
fn ubuntus_key_of_2018_may_sign() {
    let keyring = Keyring::ubuntu();
    let in_2036 = 2_082_758_400;
    let mut keys = keyring.keys().filter(|(certificate, index, _)| {
        let of_2018 = "F6ECB3762474EDA9D21B7022871920D1991BC93C";
        certificate.fingerprint().to_string() == of_2018
            && certificate.key_state(*index, in_2036).verdict == Ok(())
    });
    assert!(keys.next().is_some());
}
