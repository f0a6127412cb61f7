//! Keys: which certificates are believed, and when.

use super::*;

fn unbound(reason: Option<Reason>) -> &'static str {
    match reason {
        Some(Reason::Unbound { why }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn good_keys_of_every_kind() {
    use pgp::crypto::ecc_curve::ECCCurve;
    for (kind, version) in [
        (KeyType::Ed25519Legacy, KeyVersion::V4),
        (KeyType::Ed25519, KeyVersion::V4),
        (KeyType::Ed25519, KeyVersion::V6),
        (KeyType::ECDSA(ECCCurve::P256), KeyVersion::V4),
        (KeyType::Rsa(2048), KeyVersion::V4),
    ] {
        let forge = Forge::of(1, &kind, version);
        let certificate = forge.good_with_subkey();
        assert_eq!(primary_reason(&forge, &certificate), None, "{kind:?}");
        assert_eq!(subkey_reason(&forge, &certificate), None, "{kind:?}");
    }
}

#[test]
fn curves_go_with_their_hashes() {
    use pgp::crypto::ecc_curve::ECCCurve;
    let of = |curve| Forge::of(1, &KeyType::ECDSA(curve), KeyVersion::V4);
    let signed = |forge: &Forge, hash| {
        let certificate = forge.certificate(certified().hash(hash)).keyring();
        let signature = signing().hash(hash).text(&forge.primary, TEXT);
        reason(verify(&clearsigned(TEXT, &[signature]), &certificate))
    };
    assert_eq!(signed(&of(ECCCurve::P384), HashAlgorithm::Sha384), None);
    let why = "its key is none of RSA, Ed25519, and ECDSA with P-256 or P-384";
    assert_eq!(
        signed(&of(ECCCurve::P521), HashAlgorithm::Sha512),
        Some(Reason::Unsupported { why })
    );
    let why = "its curve does not go with its hash";
    assert_eq!(
        signed(&of(ECCCurve::P256), HashAlgorithm::Sha512),
        Some(Reason::Unsupported { why })
    );
}

#[test]
fn weak_keys_are_refused() {
    for (kind, what) in [
        (KeyType::Rsa(1024), "RSA of 1024 bits"),
        (KeyType::Dsa(pgp::composed::DsaKeySize::B1024), "DSA"),
    ] {
        let forge = Forge::of(1, &kind, KeyVersion::V4);
        let what = what.to_owned();
        let weak = Some(Reason::WeakKey { what });
        assert_eq!(primary_reason(&forge, &forge.good()), weak);
        assert_eq!(subkey_reason(&forge, &forge.good_with_subkey()), weak);
    }
}

#[test]
fn a_strong_subkey_does_not_mend_a_weak_primary_key() {
    let strong = Forge::new(1);
    let mut weak = Forge::of(1, &KeyType::Rsa(1024), KeyVersion::V4);
    weak.subkey = strong.subkey;
    let what = "RSA of 1024 bits".to_owned();
    assert_eq!(
        subkey_reason(&weak, &weak.good_with_subkey()),
        Some(Reason::WeakKey { what })
    );
}

#[test]
fn weak_hashes_are_refused() {
    let forge = Forge::of(1, &KeyType::Rsa(2048), KeyVersion::V4);
    for (hash, name) in [
        (HashAlgorithm::Md5, "MD5"),
        (HashAlgorithm::Sha1, "SHA1"),
        (HashAlgorithm::Ripemd160, "RIPEMD160"),
        (HashAlgorithm::Sha224, "SHA224"),
    ] {
        let hash_name = name.to_owned();
        assert_eq!(
            signature_reason(&forge, signing().hash(hash)),
            Some(Reason::WeakHash { hash: hash_name })
        );

        let certified = certified().hash(hash);
        assert_eq!(
            unbound(primary_reason(&forge, &forge.certificate(certified))),
            "its self-signatures use a hash that is too weak"
        );
        let bound = forge.bind(forge.binding().hash(hash));
        assert_eq!(
            unbound(subkey_reason(
                &forge,
                &forge.good().subkey().signature(&bound)
            )),
            "the subkey's binding signature uses a hash that is too weak"
        );
        let back = forge.back(says(SignatureType::KeyBinding).hash(hash));
        let binding = says(SignatureType::SubkeyBinding)
            .flags(true)
            .with(SubpacketData::EmbeddedSignature(Box::new(back)));
        let bound = forge.bind(binding);
        assert_eq!(
            unbound(subkey_reason(
                &forge,
                &forge.good().subkey().signature(&bound)
            )),
            "the subkey's binding has no valid back signature"
        );
        // Revoking is easy.
        let revocation = forge.direct(says(SignatureType::KeyRevocation).hash(hash));
        assert_eq!(
            primary_reason(&forge, &with_direct(&forge, &revocation)),
            Some(Reason::Revoked)
        );
    }
    for hash in [HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
        assert_eq!(signature_reason(&forge, signing().hash(hash)), None);
    }
    for hash in [HashAlgorithm::Sha3_256, HashAlgorithm::Sha3_512] {
        let why = "its hash is none of SHA-256, SHA-384 and SHA-512";
        let unsupported = Some(Reason::Unsupported { why });
        assert_eq!(signature_reason(&forge, signing().hash(hash)), unsupported);
    }
}

#[test]
fn expired_keys_are_refused_whenever_they_signed() {
    let forge = Forge::new(1);
    let lifetime = |seconds| {
        let says = certified().flags(true).lifetime(seconds);
        forge.certificate(says)
    };
    let expired = |seconds| {
        let at = i64::from(MADE + seconds);
        Some(Reason::KeyExpired { at })
    };
    // Before the signature; between it and now; now; a second later; never.
    for seconds in [DAY, NOW - MADE - DAY / 2, NOW - MADE] {
        assert_eq!(primary_reason(&forge, &lifetime(seconds)), expired(seconds));
    }
    assert_eq!(primary_reason(&forge, &lifetime(NOW - MADE + 1)), None);
    assert_eq!(primary_reason(&forge, &lifetime(0)), None);

    // What it says reads well.
    let keyring = lifetime(DAY).keyring();
    let error = verify(&clearsigned(TEXT, &[forge.sign(TEXT)]), &keyring).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "no signature can be trusted: key {} of `Test key 1 <1@archive.example>`: the key \
             expired on 2026-03-02 00:00:00 UTC",
            forge.fingerprint()
        )
    );
}

#[test]
fn the_newest_self_signature_says_when_a_key_expires() {
    let forge = Forge::new(1);
    let certify = |at, seconds| {
        let says = certified();
        forge.certify(says.at(at).lifetime(seconds))
    };
    let prolonged = [certify(MADE, DAY), certify(MADE + 5, 1000 * DAY)];
    let shortened = [certify(MADE, 1000 * DAY), certify(MADE + 5, DAY)];
    let expired = Some(Reason::KeyExpired {
        at: i64::from(MADE + DAY),
    });
    for (mut signatures, verdict) in [(prolonged, None), (shortened, expired.clone())] {
        for _ in 0..2 {
            signatures.reverse();
            let user = Certificate::bare(&forge).user();
            let certificate = signatures
                .iter()
                .fold(user, |certificate, s| certificate.signature(s));
            assert_eq!(primary_reason(&forge, &certificate), verdict);
        }
    }

    // One from the future does not speak yet, one that is over does not speak any more.
    let certificate = forge.good();
    let future = certificate.clone().signature(&certify(NOW + DAY, DAY));
    assert_eq!(primary_reason(&forge, &future), None);
    let says = certified().at(MADE + 5);
    let over = forge.certify(says.lifetime(DAY).expires(DAY));
    assert_eq!(primary_reason(&forge, &certificate.signature(&over)), None);

    // A signature directly on the key goes before those on user IDs.
    let direct = forge.direct(super::says(SignatureType::Key).lifetime(DAY));
    assert_eq!(
        primary_reason(&forge, &with_direct(&forge, &direct)),
        expired
    );
    let long = forge.certify(certified().at(MADE + 5).lifetime(1000 * DAY));
    let both = Certificate::bare(&forge).signature(&direct).user();
    assert_eq!(primary_reason(&forge, &both.signature(&long)), expired);
    // But not if it says nothing about the matter: Debian's are like that.
    let certified = super::certified().flags(true).lifetime(DAY);
    let silent = Certificate::bare(&forge)
        .signature(&forge.direct(super::says(SignatureType::Key).at(MADE + 9)))
        .user()
        .signature(&forge.certify(certified));
    assert_eq!(primary_reason(&forge, &silent), expired);
}

#[test]
fn the_user_id_that_was_certified_last_says_when_a_key_expires() {
    let mut forge = Forge::new(1);
    let long = (
        forge.user.clone(),
        forge.certify(certified().lifetime(1000 * DAY)),
    );
    forge.user = Forge::new(2).user;
    let short = (
        forge.user.clone(),
        forge.certify(certified().at(MADE + 5).lifetime(DAY)),
    );
    for users in [[&long, &short], [&short, &long]] {
        let certificate = users
            .iter()
            .fold(Certificate::bare(&forge), |all, (user, by)| {
                all.packet(user).signature(by)
            });
        assert_eq!(
            primary_reason(&forge, &certificate),
            Some(Reason::KeyExpired {
                at: i64::from(MADE + DAY)
            })
        );
    }
}

#[test]
fn a_key_needs_a_self_signature() {
    let (forge, other) = (Forge::new(1), Forge::new(2));
    let nothing = "it has no valid self-signature";
    let bare = Certificate::bare(&forge);
    assert_eq!(unbound(primary_reason(&forge, &bare)), nothing);
    assert_eq!(
        unbound(primary_reason(&forge, &bare.clone().user())),
        nothing
    );

    // One on the key is enough, with no user ID at all.
    let direct = bare
        .clone()
        .signature(&forge.direct(says(SignatureType::Key).flags(true)));
    assert_eq!(primary_reason(&forge, &direct), None);

    // One by somebody else is not, whatever it claims; nor one on another user ID.
    let stranger = forge.direct_by(says(SignatureType::Key), &other.primary);
    let by_other = bare.clone().signature(&stranger);
    assert_eq!(unbound(primary_reason(&forge, &by_other)), nothing);
    let elsewhere = bare.clone().packet(&other.user);
    let elsewhere = elsewhere.signature(&forge.certify(certified()));
    assert_eq!(unbound(primary_reason(&forge, &elsewhere)), nothing);

    // Nor one that is over, or not yet.
    let over = certified().expires(DAY);
    assert_eq!(
        unbound(primary_reason(&forge, &forge.certificate(over))),
        nothing
    );
    let future = certified().at(NOW + DAY);
    assert_eq!(
        unbound(primary_reason(&forge, &forge.certificate(future))),
        nothing
    );
}

#[test]
fn revoked_keys_are_refused_whatever_the_date_and_reason() {
    let forge = Forge::new(1);
    for at in [MADE, SIGNED - 1, SIGNED + 1, NOW + 1000 * DAY] {
        for reason in [
            RevocationCode::NoReason,
            RevocationCode::KeySuperseded,
            RevocationCode::KeyCompromised,
            RevocationCode::KeyRetired,
        ] {
            let says = says(SignatureType::KeyRevocation)
                .at(at)
                .expires(1)
                .with(SubpacketData::RevocationReason(reason, Bytes::new()));
            let revocation = forge.direct(says);
            let certificate = with_direct(&forge, &revocation);
            assert_eq!(primary_reason(&forge, &certificate), Some(Reason::Revoked));
            // Even where it does not belong.
            let misplaced = forge.good().signature(&revocation);
            assert_eq!(primary_reason(&forge, &misplaced), Some(Reason::Revoked));
            let with_subkey = forge.good_with_subkey().signature(&revocation);
            assert_eq!(subkey_reason(&forge, &with_subkey), Some(Reason::Revoked));
        }
    }
    // The clock changes nothing.
    let revocation = forge.direct(says(SignatureType::KeyRevocation).at(SIGNED));
    let keyring = with_direct(&forge, &revocation).keyring();
    for now in [0, SIGNED - 60, SIGNED + 60, u32::MAX] {
        let message = clearsigned(TEXT, &[forge.sign(TEXT)]);
        let refused = verify_inline(message.as_bytes(), &keyring, time(now));
        assert_eq!(reason(refused), Some(Reason::Revoked));
    }
}

#[test]
fn only_the_holder_and_named_revokers_can_revoke() {
    let (forge, other) = (Forge::new(1), Forge::new(2));
    let revocation = forge.direct_by(says(SignatureType::KeyRevocation), &other.primary);
    assert_eq!(
        primary_reason(&forge, &with_direct(&forge, &revocation)),
        None
    );
    // Whose text it is matters, too.
    let elsewhere = other.direct_by(says(SignatureType::KeyRevocation), &forge.primary);
    assert_eq!(
        primary_reason(&forge, &with_direct(&forge, &elsewhere)),
        None
    );

    let revoker = RevocationKey::new(
        RevocationKeyClass::Default,
        PublicKeyAlgorithm::EdDSALegacy,
        other.primary.fingerprint().as_bytes(),
    );
    let naming = says(SignatureType::Key).with(SubpacketData::RevocationKey(revoker));
    let named = with_direct(&forge, &forge.direct(naming.clone()));
    assert_eq!(primary_reason(&forge, &named), None);
    // The naming does not help anybody else.
    let stranger = Forge::new(3).primary;
    let by_stranger = forge.direct_by(says(SignatureType::KeyRevocation), &stranger);
    assert_eq!(primary_reason(&forge, &named.signature(&by_stranger)), None);
    let revoked = Certificate::bare(&forge)
        .signature(&forge.direct(naming))
        .signature(&revocation)
        .user()
        .signature(&forge.certify(certified()));
    assert_eq!(primary_reason(&forge, &revoked), Some(Reason::Revoked));
}

#[test]
fn a_revocation_that_cannot_be_read_counts() {
    let forge = Forge::new(1);
    for (body, verdict) in [
        (&[4, 0x20, 1][..], Some(Reason::Revoked)),
        (&[6, 0x20][..], Some(Reason::Revoked)),
        (&[4, 0x13, 1][..], None),
        (&[][..], None),
    ] {
        let certificate = Certificate::bare(&forge)
            .raw(Tag::Signature, body)
            .user()
            .signature(&forge.certify(certified()));
        assert_eq!(primary_reason(&forge, &certificate), verdict);
    }
    // On something that is not understood, too.
    let certificate = forge.good().raw(Tag::UserAttribute, b"?");
    let unreadable = certificate.clone().raw(Tag::Signature, &[4, 0x20]);
    assert_eq!(primary_reason(&forge, &unreadable), Some(Reason::Revoked));
    let revocation = forge.direct(says(SignatureType::KeyRevocation));
    let misplaced = certificate.signature(&revocation);
    assert_eq!(primary_reason(&forge, &misplaced), Some(Reason::Revoked));

    let subkey = forge.good_with_subkey().raw(Tag::Signature, &[4, 0x28]);
    assert_eq!(subkey_reason(&forge, &subkey), Some(Reason::Revoked));
    assert_eq!(primary_reason(&forge, &subkey), None);
}

#[test]
fn a_revoked_user_id_does_not_speak() {
    let forge = Forge::new(1);
    let revocation = forge.certify(says(SignatureType::CertRevocation).at(MADE + 5));
    let revoked = forge.good().signature(&revocation);
    assert_eq!(
        unbound(primary_reason(&forge, &revoked)),
        "it has no valid self-signature"
    );
    let again = forge.certify(certified().at(MADE + 6));
    assert_eq!(
        primary_reason(&forge, &revoked.clone().signature(&again)),
        None
    );
    // Not before its time.
    let future = forge.certify(certified().at(NOW + DAY));
    assert!(primary_reason(&forge, &revoked.signature(&future)).is_some());
}

#[test]
fn a_signing_subkey_is_bound_both_ways() {
    let forge = Forge::new(1);
    let good = || forge.good().subkey();
    assert_eq!(
        unbound(subkey_reason(&forge, &good())),
        "the subkey has no valid binding signature"
    );
    // Adopting somebody's subkey: a binding, but not by the subkey.
    let adopted = forge.bind(says(SignatureType::SubkeyBinding).flags(true));
    assert_eq!(
        unbound(subkey_reason(&forge, &good().signature(&adopted))),
        "the subkey's binding has no valid back signature"
    );
    // Nor is one enough that the subkey gave to another primary key.
    let mut other = Forge::new(2);
    other.subkey = Forge::new(1).subkey;
    let back = other.back(says(SignatureType::KeyBinding));
    let stolen = says(SignatureType::SubkeyBinding)
        .flags(true)
        .with(SubpacketData::EmbeddedSignature(Box::new(back)));
    let stolen = forge.bind(stolen);
    assert_eq!(
        unbound(subkey_reason(&forge, &good().signature(&stolen))),
        "the subkey's binding has no valid back signature"
    );
    // The back signature may stand where it is not signed itself.
    let back = forge.back(says(SignatureType::KeyBinding));
    let unhashed = says(SignatureType::SubkeyBinding)
        .flags(true)
        .unhashed(SubpacketData::EmbeddedSignature(Box::new(back)));
    let unhashed = forge.bind(unhashed);
    assert_eq!(subkey_reason(&forge, &good().signature(&unhashed)), None);
    // And it may be over.
    let back = forge.back(says(SignatureType::KeyBinding).expires(DAY));
    let over = says(SignatureType::SubkeyBinding)
        .flags(true)
        .with(SubpacketData::EmbeddedSignature(Box::new(back)));
    let over = forge.bind(over);
    assert_eq!(
        unbound(subkey_reason(&forge, &good().signature(&over))),
        "the subkey's binding has no valid back signature"
    );
    // A revocation alone binds nothing, though it is a good signature by the primary key.
    let revocation = forge.bind(says(SignatureType::SubkeyRevocation));
    assert_eq!(
        subkey_reason(&forge, &good().signature(&revocation)),
        Some(Reason::Revoked)
    );
}

#[test]
fn subkeys_expire_and_are_revoked() {
    let forge = Forge::new(1);
    let good = || forge.good().subkey();
    let expired = Some(Reason::KeyExpired {
        at: i64::from(MADE + DAY),
    });
    let short = forge.bind(forge.binding().lifetime(DAY));
    assert_eq!(subkey_reason(&forge, &good().signature(&short)), expired);
    let longer = forge.bind(forge.binding().at(MADE + 5).lifetime(1000 * DAY));
    let prolonged = good().signature(&longer).signature(&short);
    assert_eq!(subkey_reason(&forge, &prolonged), None);
    assert_eq!(primary_reason(&forge, &good().signature(&short)), None);

    // With its primary key.
    let certified = certified().lifetime(DAY);
    let primary = forge.certificate(certified).subkey();
    let bound = forge.bind(forge.binding());
    assert_eq!(subkey_reason(&forge, &primary.signature(&bound)), expired);

    for at in [MADE, NOW + DAY] {
        let revocation = forge.bind(says(SignatureType::SubkeyRevocation).at(at));
        let revoked = forge.good_with_subkey().signature(&revocation);
        assert_eq!(subkey_reason(&forge, &revoked), Some(Reason::Revoked));
        assert_eq!(primary_reason(&forge, &revoked), None);
        // A later binding does not bring a subkey back.
        let again = forge.bind(forge.binding().at(SIGNED));
        let revoked = revoked.signature(&again);
        assert_eq!(subkey_reason(&forge, &revoked), Some(Reason::Revoked));
    }
    let over = forge.bind(forge.binding().expires(DAY));
    unbound(subkey_reason(&forge, &good().signature(&over)));
}

#[test]
fn key_flags_are_respected() {
    let forge = Forge::new(1);
    let certify_only = forge.certificate(says(SignatureType::CertPositive).flags(false));
    assert_eq!(
        primary_reason(&forge, &certify_only),
        Some(Reason::NotForSigning)
    );
    // Its subkey may well sign.
    let subkey = certify_only
        .subkey()
        .signature(&forge.bind(forge.binding()));
    assert_eq!(subkey_reason(&forge, &subkey), None);
    // Without flags, neither may.
    let unflagged = forge.certificate(says(SignatureType::CertPositive));
    assert_eq!(
        primary_reason(&forge, &unflagged),
        Some(Reason::NotForSigning)
    );
    let back = forge.back(says(SignatureType::KeyBinding));
    let back = SubpacketData::EmbeddedSignature(Box::new(back));
    for binding in [
        says(SignatureType::SubkeyBinding).with(back.clone()),
        says(SignatureType::SubkeyBinding).with(back).flags(false),
    ] {
        let subkey = forge.good().subkey().signature(&forge.bind(binding));
        assert_eq!(subkey_reason(&forge, &subkey), Some(Reason::NotForSigning));
    }
}

#[test]
fn signatures_have_their_time() {
    let forge = Forge::new(1);
    let at = |seconds: u32| i64::from(seconds);
    assert_eq!(signature_reason(&forge, signing().at(NOW + 29 * 60)), None);
    assert_eq!(
        signature_reason(&forge, signing().at(NOW + 31 * 60)),
        Some(Reason::Future {
            at: at(NOW + 31 * 60)
        })
    );
    // A clock that is behind even the key's making is told of, not the key.
    let message = clearsigned(TEXT, &[forge.sign(TEXT)]);
    let refused = verify_inline(
        message.as_bytes(),
        &forge.good().keyring(),
        time(MADE - DAY),
    );
    assert_eq!(reason(refused), Some(Reason::Future { at: at(SIGNED) }));
    assert_eq!(
        signature_reason(&forge, signing().expires(DAY)),
        Some(Reason::Expired {
            at: at(SIGNED + DAY)
        })
    );
    assert_eq!(signature_reason(&forge, signing().expires(DAY + 1)), None);
    assert_eq!(signature_reason(&forge, signing().expires(0)), None);
    assert_eq!(signature_reason(&forge, signing().at(MADE)), None);
    assert_eq!(
        signature_reason(&forge, signing().at(MADE - 1)),
        Some(Reason::OlderThanKey)
    );
}

#[test]
fn critical_parts_must_be_understood() {
    let forge = Forge::new(1);
    // The `pgp` crate neither makes nor accepts other unknown ones.
    let unknown = SubpacketData::Experimental(101, Bytes::from_static(b"x"));
    let notation = SubpacketData::Notation(Notation {
        readable: true,
        name: Bytes::from_static(b"n@archive.example"),
        value: Bytes::from_static(b"v"),
    });
    for data in [unknown, notation] {
        assert_eq!(signature_reason(&forge, signing().with(data.clone())), None);
        assert!(matches!(
            signature_reason(&forge, signing().critical(data.clone())),
            Some(Reason::Unsupported { .. })
        ));
        let certified = certified().critical(data);
        unbound(primary_reason(&forge, &forge.certificate(certified)));
    }
}
