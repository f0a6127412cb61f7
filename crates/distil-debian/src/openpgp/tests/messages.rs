//! Messages: what may be around a signature, and what is told of it.

use super::*;

#[test]
fn a_good_message_gives_its_text_and_its_signer() {
    let forge = Forge::new(1);
    let text = "Origin: Example\n\n- a\nend";
    let message = clearsigned(&text.replace("- a", "- - a  "), &[forge.sign(text)]);
    let verified = verify(&message, &forge.good().keyring()).unwrap();
    assert_eq!(verified.text, format!("{text}\n"));
    assert_eq!(
        verified
            .signers
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [forge.fingerprint()]
    );
    let [signature] = &verified.signatures[..] else {
        panic!("{verified:?}");
    };
    assert_eq!(signature.created, time(SIGNED));
    assert_eq!(signature.signer.key, verified.signers[0]);
    assert_eq!(signature.signer.user_id, "Test key 1 <1@archive.example>");
}

#[test]
fn one_good_signature_suffices() {
    let (known, stranger) = (Forge::new(1), Forge::new(2));
    let bad = known.sign("another text");
    let signatures = [stranger.sign(TEXT), bad, known.sign(TEXT)];
    let verified = verify(&clearsigned(TEXT, &signatures), &known.good().keyring()).unwrap();
    assert_eq!(verified.signers.len(), 1);
    assert_eq!(verified.signers[0].to_string(), known.fingerprint());
}

#[test]
fn several_signers_are_sorted() {
    let forges = [Forge::new(1), Forge::new(2), Forge::new(3)];
    let mut keyring = Keyring::default();
    for forge in &forges {
        keyring.extend(&forge.good().keyring());
    }
    let mut signatures: Vec<_> = forges.iter().map(|forge| forge.sign(TEXT)).collect();
    signatures.push(forges[0].sign(TEXT));
    let mut expected: Vec<_> = forges.iter().map(Forge::fingerprint).collect();
    expected.sort();
    for _ in 0..signatures.len() {
        signatures.rotate_left(1);
        let verified = verify(&clearsigned(TEXT, &signatures), &keyring).unwrap();
        let signers: Vec<_> = verified.signers.iter().map(ToString::to_string).collect();
        assert_eq!(signers, expected);
        assert_eq!(verified.signatures.len(), 4);
    }
}

#[test]
fn a_signature_of_an_unknown_kind_does_not_spoil_the_others() {
    let forge = Forge::new(1);
    // Version 9, which does not exist; and version 4 with nothing behind it.
    let mut bytes = vec![0xC2, 3, 9, 1, 1, 0xC2, 1, 4];
    bytes.extend(packets(&[forge.sign(TEXT)]));
    let message = clearsigned(TEXT, &[]);
    let head = message.find("-----BEGIN PGP SIGNATURE").unwrap();
    let message = format!(
        "{}{}",
        &message[..head],
        armour(&bytes, BlockType::Signature)
    );
    assert_eq!(
        verify(&message, &forge.good().keyring())
            .unwrap()
            .signers
            .len(),
        1
    );
    // Alone they are nobody's.
    let alone = armour(&bytes[..8], BlockType::Signature);
    let message = format!("{}{alone}", &message[..head]);
    let error = verify(&message, &forge.good().keyring()).unwrap_err();
    assert!(
        matches!(error, SignatureError::UnknownKeys { .. }),
        "{error:?}"
    );
}

#[test]
fn unknown_keys_are_named() {
    let (known, stranger) = (Forge::new(1), Forge::new(2));
    let keyring = known.good().keyring();
    let error = verify(&clearsigned(TEXT, &[stranger.sign(TEXT)]), &keyring).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "it is signed by key {}, which no keyring in use has; if you trust the archive, name \
             a keyring that has the key with `--keyring`",
            stranger.fingerprint()
        )
    );
    let error = verify(
        &clearsigned(TEXT, &[stranger.sign(TEXT)]),
        &Keyring::default(),
    );
    assert!(matches!(error, Err(SignatureError::UnknownKeys { .. })));
}

#[test]
fn a_changed_text_is_refused_and_the_key_named() {
    let forge = Forge::new(1);
    let keyring = forge.good().keyring();
    let message = clearsigned(TEXT, &[forge.sign(TEXT), Forge::new(2).sign(TEXT)]);
    let error = verify(&message.replace("stable", "stab1e"), &keyring).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "no signature can be trusted: key {} of `Test key 1 <1@archive.example>`: the \
             signature does not fit the text, one of them was changed; no keyring in use has key {}",
            forge.fingerprint(),
            Forge::new(2).fingerprint()
        )
    );
    for changed in [
        message.replace("Origin", "Origin "),
        message.replace("\nSuite", "\n\nSuite"),
        message.replace("\nSuite", "\n Suite"),
        message.replace("\nSuite", "Suite"),
        message.replace("stable", "stable\nx"),
        message.replace("stable", "stable\n"),
        message.replace("Origin", "\nOrigin"),
        message.replace("stable", "stable\u{a0}"),
        message.replace("stable", "stable\u{b}"),
        message.replace("stable", "stable\0"),
    ] {
        assert_eq!(
            reason(verify(&changed, &keyring)),
            Some(Reason::Bad),
            "{changed:?}"
        );
    }
}

#[test]
fn text_outside_of_the_message_is_refused() {
    let forge = Forge::new(1);
    let keyring = forge.good().keyring();
    let good = clearsigned(TEXT, &[forge.sign(TEXT)]);
    assert!(verify(&good, &keyring).is_ok());
    let other = clearsigned("Origin: Evil", &[forge.sign("Origin: Evil")]);
    for bad in [
        format!("Origin: Evil\n{good}"),
        format!("{good}Origin: Evil\n"),
        format!("{good}{other}"),
        format!("{good}{good}"),
        good.replace(TEXT, &good),
        good.replace("Hash: SHA256", "Origin: Evil"),
        good.replace("Hash: SHA256", "Hash: SHA256\nOrigin: Evil"),
    ] {
        let error = verify(&bad, &keyring).unwrap_err();
        assert!(
            matches!(error, SignatureError::Malformed { .. }),
            "{bad}: {error:?}"
        );
    }
}

#[test]
fn white_space_at_line_ends_is_not_signed_and_not_given() {
    let forge = Forge::new(1);
    let message = clearsigned(TEXT, &[forge.sign(TEXT)]).replace("Example", "Example \t ");
    let verified = verify(&message, &forge.good().keyring()).unwrap();
    assert_eq!(verified.text, format!("{TEXT}\n"));
    let dos = message.replace('\n', "\r\n");
    assert_eq!(
        verify(&dos, &forge.good().keyring()).unwrap().text,
        verified.text
    );
}

#[test]
fn files_without_a_signature_are_told_apart() {
    let keyring = Keyring::default();
    let error = verify("<!DOCTYPE html>\n<p>Please log in", &keyring).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it is not a signed file: it begins with `<!DOCTYPE html>` instead of `-----BEGIN PGP \
         SIGNED MESSAGE-----`"
    );
    let error = verify_inline(b"\x1f\x8b\x08\xff", &keyring, time(NOW)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains(r"begins with `\x1f\x8b\x08\xff`"),
        "{error}"
    );
    let message = clearsigned(TEXT, &[]);
    let error = verify(&message, &keyring).unwrap_err();
    assert!(
        matches!(
            error,
            SignatureError::NoSignature | SignatureError::Armour(_)
        ),
        "{error:?}"
    );
    let message = message.replace("Origin", "Or\u{e9}gin").into_bytes();
    let latin1: Vec<u8> = message.iter().copied().filter(|&b| b != 0xC3).collect();
    let error = verify_inline(&latin1, &keyring, time(NOW)).unwrap_err();
    assert!(matches!(error, SignatureError::NotUtf8(_)), "{error:?}");
}

#[test]
fn large_files_are_refused_unread() {
    let large = vec![b'a'; MAX_BYTES + 1];
    let keyring = Keyring::default();
    let refused =
        |error| matches!(error, Err(SignatureError::TooLarge { size }) if size == MAX_BYTES + 1);
    assert!(refused(verify_inline(&large, &keyring, time(NOW))));
    assert!(refused(verify_detached(&large, b"", &keyring, time(NOW))));
    assert!(refused(verify_detached(b"", &large, &keyring, time(NOW))));
    assert!(matches!(
        Keyring::parse(&large, "big"),
        Err(KeyringError::TooLarge { .. })
    ));
}

#[test]
fn damaged_armour_is_told() {
    let forge = Forge::new(1);
    let keyring = forge.good().keyring();
    let good = clearsigned(TEXT, &[forge.sign(TEXT)]);
    let body = good.rfind("\n\n").unwrap() + 10;
    let mut letters = good.clone().into_bytes();
    letters[body] = b'!';
    let error = verify_inline(&letters, &keyring, time(NOW)).unwrap_err();
    assert!(
        matches!(
            error,
            SignatureError::Armour(_) | SignatureError::Damaged { .. }
        ),
        "{error:?}"
    );
    let key_block = armour(&forge.good().bytes, BlockType::PublicKey);
    let swapped = good[..good.find("-----BEGIN PGP SIGNATURE").unwrap()].to_owned()
        + &key_block.replace("PUBLIC KEY BLOCK", "SIGNATURE");
    let error = verify(&swapped, &keyring).unwrap_err();
    assert!(matches!(error, SignatureError::Damaged { .. }), "{error:?}");
}

#[test]
fn too_many_signatures_are_refused() {
    let forge = Forge::new(1);
    let signature = forge.sign(TEXT);
    let keyring = forge.good().keyring();
    let many = vec![signature; 33];
    assert!(verify(&clearsigned(TEXT, &many[..32]), &keyring).is_ok());
    let error = verify(&clearsigned(TEXT, &many), &keyring).unwrap_err();
    assert!(matches!(error, SignatureError::Damaged { .. }), "{error:?}");
}

#[test]
fn detached_signatures() {
    let forge = Forge::new(1);
    let keyring = forge.good().keyring();
    let now = time(NOW);
    let text = "Origin: Example  \r\nSuite: stable\n";
    let binary = packets(&[says(SignatureType::Binary)
        .at(SIGNED)
        .text(&forge.primary, text)]);
    let armoured = armour(&binary, BlockType::Signature);
    for signature in [&binary[..], armoured.as_bytes()] {
        let verified = verify_detached(text.as_bytes(), signature, &keyring, now).unwrap();
        assert_eq!(verified.text, text);
        let changed = verify_detached(b"Origin: Evil\n", signature, &keyring, now);
        assert_eq!(reason(changed), Some(Reason::Bad));
    }

    let unix = text.replace('\r', "");
    let textual = packets(&[forge.sign(&unix)]);
    assert!(verify_detached(unix.as_bytes(), &textual, &keyring, now).is_ok());
    // The same signature fits the text with other line ends; what is read must not depend on it.
    assert!(matches!(
        reason(verify_detached(text.as_bytes(), &textual, &keyring, now)),
        Some(Reason::Unsupported { .. })
    ));

    for (signature, why) in [
        ("", "no signature"),
        ("\n", "no signature"),
        ("<html>", "does not begin"),
        (&format!("x\n{armoured}"), "does not begin"),
        (&format!("{armoured}x"), "does not end"),
        (&format!("{armoured}{armoured}"), "more than one block"),
    ] {
        let error = verify_detached(text.as_bytes(), signature.as_bytes(), &keyring, now);
        let error = error.unwrap_err().to_string();
        assert!(error.contains(why), "{signature}: {error}");
    }
    assert!(verify_detached(&[0xFF], &binary, &keyring, now).is_err());
}

#[test]
fn a_signature_for_something_else_does_not_sign_a_text() {
    let forge = Forge::new(1);
    let signature = says(SignatureType::Binary)
        .at(SIGNED)
        .text(&forge.primary, TEXT);
    assert!(matches!(
        reason(verify(
            &clearsigned(TEXT, &[signature]),
            &forge.good().keyring()
        )),
        Some(Reason::Unsupported { .. })
    ));
    let certification = forge.certify(says(SignatureType::CertPositive));
    assert!(matches!(
        reason(verify(
            &clearsigned(TEXT, &[certification]),
            &forge.good().keyring()
        )),
        Some(Reason::Unsupported { .. })
    ));
}

/// The forge's signature with these parts for what names its maker.
fn sign_as(forge: &Forge, names: Vec<SubpacketData>) -> pgp::packet::Signature {
    let mut config = forge.sign(TEXT).config().unwrap().clone();
    let names = names.into_iter().map(Subpacket::regular);
    config.unhashed_subpackets = names.map(Result::unwrap).collect();
    let hashed = &mut config.hashed_subpackets;
    hashed.retain(|part| !matches!(part.data, SubpacketData::IssuerFingerprint(_)));
    let password = Password::empty();
    config
        .sign(&forge.primary, &password, TEXT.as_bytes())
        .unwrap()
}

#[test]
fn a_signature_that_names_nobody_is_nobodys() {
    let forge = Forge::new(1);
    let message = clearsigned(TEXT, &[sign_as(&forge, vec![])]);
    let error = verify(&message, &forge.good().keyring()).unwrap_err();
    assert!(
        error.to_string().contains("key that it does not name"),
        "{error}"
    );
}

#[test]
fn a_signature_may_name_its_key_by_id_alone() {
    let forge = Forge::new(1);
    let id = SubpacketData::IssuerKeyId(forge.primary.legacy_key_id());
    let message = clearsigned(TEXT, &[sign_as(&forge, vec![id])]);
    assert!(verify(&message, &forge.good().keyring()).is_ok());
    let error = verify(&message, &Forge::new(2).good().keyring()).unwrap_err();
    let id = forge.fingerprint()[24..].to_owned();
    assert!(
        error.to_string().contains(&format!("by key {id},")),
        "{error}"
    );
}

#[test]
fn a_signature_that_names_another_key_is_not_that_keys() {
    let (forge, other) = (Forge::new(1), Forge::new(2));
    let mut keyring = forge.good().keyring();
    keyring.extend(&other.good().keyring());
    let id = SubpacketData::IssuerKeyId(other.primary.legacy_key_id());
    let message = clearsigned(TEXT, &[sign_as(&forge, vec![id])]);
    assert_eq!(reason(verify(&message, &keyring)), Some(Reason::Bad));
}

proptest! {
    #[test]
    fn arbitrary_messages_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let keyring = Forge::new(1).good().keyring();
        prop_assert!(verify_inline(&bytes, &keyring, time(NOW)).is_err());
        prop_assert!(verify_detached(b"x", &bytes, &keyring, time(NOW)).is_err());
        let _ = Keyring::parse(&bytes, "arbitrary");
    }

    #[test]
    fn mutated_messages_never_panic_and_never_lie(
        at in any::<prop::sample::Index>(),
        byte: u8,
        cut in any::<prop::sample::Index>(),
        cuts: bool,
    ) {
        let forge = Forge::new(1);
        let mut message = clearsigned(TEXT, &[forge.sign(TEXT)]).into_bytes();
        let at = at.index(message.len());
        message[at] = byte;
        if cuts {
            message.truncate(cut.index(message.len()));
        }
        if let Ok(verified) = verify_inline(&message, &forge.good().keyring(), time(NOW)) {
            prop_assert_eq!(verified.text, format!("{}\n", TEXT));
        }
    }

    /// Whatever is believed, the `pgp` crate believes, too, if it can read it.
    #[test]
    fn mutated_signature_packets_never_panic_and_never_lie(
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        use pgp::composed::{Deserializable as _, DetachedSignature};
        let forge = Forge::new(1);
        let mut bytes = packets(&[says(SignatureType::Binary).at(SIGNED).text(&forge.primary, TEXT)]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let keyring = forge.good().keyring();
        let armoured = armour(&bytes, BlockType::Signature);
        let signatures = [&bytes[..], armoured.as_bytes()];
        let believed = signatures.map(|signature| {
            verify_detached(TEXT.as_bytes(), signature, &keyring, time(NOW)).is_ok()
        });
        prop_assert_eq!(believed[0], believed[1]);
        // It reads all of what is not signed, where nothing counts here but names of keys.
        if believed[0] && let Ok(signature) = DetachedSignature::from_bytes(&bytes[..]) {
            prop_assert!(signature.verify(forge.primary.public_key(), TEXT.as_bytes()).is_ok());
        }
    }
}
