//! Keys, certificates and signatures for tests, good ones and bad ones.

use pgp::armor::{self, BlockType};
use pgp::composed::KeyType;
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    KeyFlags, PacketTrait, PubKeyInner, PublicKey, PublicSubkey, SecretKey, SecretSubkey,
    Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData, UserId,
};
use pgp::types::{
    Duration, KeyDetails, KeyVersion, PacketHeaderVersion, Password, SigningKey, Tag, Timestamp,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::Keyring;

pub(super) const DAY: u32 = 24 * 60 * 60;
/// When keys are made: 2026-03-01.
pub(super) const MADE: u32 = 1_772_323_200;
/// When texts are signed: 30 days later.
pub(super) const SIGNED: u32 = MADE + 30 * DAY;
/// When they are verified: a day after that.
pub(super) const NOW: u32 = SIGNED + DAY;

/// A primary key, and a subkey that may or may not be used.
pub(super) struct Forge {
    pub(super) primary: SecretKey,
    pub(super) subkey: SecretSubkey,
    pub(super) user: UserId,
}

/// What goes into a signature, beside who makes it and on what.
#[derive(Clone)]
pub(super) struct Says {
    pub(super) kind: SignatureType,
    pub(super) hash: HashAlgorithm,
    pub(super) created: u32,
    pub(super) parts: Vec<Subpacket>,
    pub(super) unhashed: Vec<Subpacket>,
}

/// A user ID's certification, which lets the primary key sign.
pub(super) fn certified() -> Says {
    says(SignatureType::CertPositive).flags(true)
}

pub(super) fn says(kind: SignatureType) -> Says {
    Says {
        kind,
        hash: HashAlgorithm::Sha256,
        created: MADE,
        parts: Vec::new(),
        unhashed: Vec::new(),
    }
}

impl Says {
    pub(super) fn at(mut self, created: u32) -> Self {
        self.created = created;
        self
    }

    pub(super) fn hash(mut self, hash: HashAlgorithm) -> Self {
        self.hash = hash;
        self
    }

    pub(super) fn with(mut self, data: SubpacketData) -> Self {
        self.parts.push(Subpacket::regular(data).unwrap());
        self
    }

    pub(super) fn critical(mut self, data: SubpacketData) -> Self {
        self.parts.push(Subpacket::critical(data).unwrap());
        self
    }

    pub(super) fn unhashed(mut self, data: SubpacketData) -> Self {
        self.unhashed.push(Subpacket::regular(data).unwrap());
        self
    }

    /// The signed key expires so many seconds after it was made.
    pub(super) fn lifetime(self, seconds: u32) -> Self {
        self.with(SubpacketData::KeyExpirationTime(Duration::from_secs(
            seconds,
        )))
    }

    /// The signature expires so many seconds after it was made.
    pub(super) fn expires(self, seconds: u32) -> Self {
        let seconds = Duration::from_secs(seconds);
        self.with(SubpacketData::SignatureExpirationTime(seconds))
    }

    pub(super) fn flags(self, sign: bool) -> Self {
        let mut flags = KeyFlags::default();
        flags.set_certify(true);
        flags.set_sign(sign);
        self.with(SubpacketData::KeyFlags(flags))
    }

    fn config(self, by: &impl SigningKey) -> SignatureConfig {
        let mut config = match by.version() {
            KeyVersion::V6 => {
                let rng = StdRng::seed_from_u64(9);
                SignatureConfig::v6(rng, self.kind, by.algorithm(), self.hash).unwrap()
            }
            _ => SignatureConfig::v4(self.kind, by.algorithm(), self.hash),
        };
        let created = Timestamp::from_secs(self.created);
        config.hashed_subpackets = self.parts;
        for data in [
            SubpacketData::SignatureCreationTime(created),
            SubpacketData::IssuerFingerprint(by.fingerprint()),
        ] {
            let part = Subpacket::regular(data).unwrap();
            config.hashed_subpackets.push(part);
        }
        config.unhashed_subpackets = self.unhashed;
        if by.version() == KeyVersion::V4 {
            // GnuPG does without the fingerprint, but not without this.
            let id = SubpacketData::IssuerKeyId(by.legacy_key_id());
            let part = Subpacket::regular(id).unwrap();
            config.unhashed_subpackets.push(part);
        }
        config
    }

    pub(super) fn text(self, by: &impl SigningKey, text: &str) -> Signature {
        let config = self.config(by);
        config
            .sign(by, &Password::empty(), text.as_bytes())
            .unwrap()
    }
}

impl Forge {
    pub(super) fn new(seed: u64) -> Self {
        Self::of(seed, &KeyType::Ed25519Legacy, KeyVersion::V4)
    }

    pub(super) fn of(seed: u64, kind: &KeyType, version: KeyVersion) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut inner = || {
            let (public, secret) = kind.generate(&mut rng).unwrap();
            let made = Timestamp::from_secs(MADE);
            let inner = PubKeyInner::new(version, kind.to_alg(), made, None, public);
            (inner.unwrap(), secret)
        };
        let (public, secret) = inner();
        let public = PublicKey::from_inner(public).unwrap();
        let primary = SecretKey::new(public, secret).unwrap();
        let (public, secret) = inner();
        let public = PublicSubkey::from_inner(public).unwrap();
        let subkey = SecretSubkey::new(public, secret).unwrap();
        let name = format!("Test key {seed} <{seed}@archive.example>");
        Self {
            primary,
            subkey,
            user: UserId::from_str(PacketHeaderVersion::New, name).unwrap(),
        }
    }

    pub(super) fn fingerprint(&self) -> String {
        format!("{:X}", self.primary.fingerprint())
    }

    pub(super) fn subkey_fingerprint(&self) -> String {
        format!("{:X}", self.subkey.fingerprint())
    }

    pub(super) fn certify(&self, says: Says) -> Signature {
        let public = self.primary.public_key();
        says.config(&self.primary)
            .sign_certification(
                &self.primary,
                public,
                &Password::empty(),
                Tag::UserId,
                &self.user,
            )
            .unwrap()
    }

    pub(super) fn direct(&self, says: Says) -> Signature {
        self.direct_by(says, &self.primary)
    }

    pub(super) fn direct_by(&self, says: Says, by: &SecretKey) -> Signature {
        let public = self.primary.public_key();
        let config = says.config(by);
        config.sign_key(by, &Password::empty(), public).unwrap()
    }

    pub(super) fn bind(&self, says: Says) -> Signature {
        let primary = self.primary.public_key();
        let subkey = self.subkey.public_key();
        says.config(&self.primary)
            .sign_subkey_binding(&self.primary, primary, &Password::empty(), subkey)
            .unwrap()
    }

    pub(super) fn back(&self, says: Says) -> Signature {
        let primary = self.primary.public_key();
        let subkey = self.subkey.public_key();
        says.config(&self.subkey)
            .sign_primary_key_binding(&self.subkey, subkey, &Password::empty(), primary)
            .unwrap()
    }

    /// A certificate with a user ID and this signature on it.
    pub(super) fn certificate(&self, certification: Says) -> Certificate<'_> {
        Certificate::bare(self)
            .user()
            .signature(&self.certify(certification))
    }

    /// A certificate as it should be: the primary key may sign, and there is no subkey.
    pub(super) fn good(&self) -> Certificate<'_> {
        self.certificate(certified())
    }

    /// A good certificate with a signing subkey, bound as it should be.
    pub(super) fn good_with_subkey(&self) -> Certificate<'_> {
        self.good().subkey().signature(&self.bind(self.binding()))
    }

    /// What binds a signing subkey.
    pub(super) fn binding(&self) -> Says {
        let back = self.back(says(SignatureType::KeyBinding));
        says(SignatureType::SubkeyBinding)
            .flags(true)
            .with(SubpacketData::EmbeddedSignature(Box::new(back)))
    }

    /// The primary key's signature on a text.
    pub(super) fn sign(&self, text: &str) -> Signature {
        signing().text(&self.primary, text)
    }
}

/// What a signature on a clearsigned text says.
pub(super) fn signing() -> Says {
    says(SignatureType::Text).at(SIGNED)
}

/// A certificate, packet by packet.
#[derive(Clone)]
pub(super) struct Certificate<'a> {
    forge: &'a Forge,
    pub(super) bytes: Vec<u8>,
}

impl<'a> Certificate<'a> {
    pub(super) fn bare(forge: &'a Forge) -> Self {
        let certificate = Self {
            forge,
            bytes: Vec::new(),
        };
        certificate.packet(forge.primary.public_key())
    }

    pub(super) fn packet(mut self, packet: &impl PacketTrait) -> Self {
        packet.to_writer_with_header(&mut self.bytes).unwrap();
        self
    }

    pub(super) fn user(self) -> Self {
        let user = &self.forge.user;
        self.packet(user)
    }

    pub(super) fn subkey(self) -> Self {
        let subkey = self.forge.subkey.public_key();
        self.packet(subkey)
    }

    pub(super) fn signature(self, signature: &Signature) -> Self {
        self.packet(signature)
    }

    /// A packet with any body, in the new format.
    pub(super) fn raw(mut self, tag: Tag, body: &[u8]) -> Self {
        self.bytes.push(0xC0 | u8::from(tag));
        self.bytes.push(0xFF);
        let length = u32::try_from(body.len()).unwrap();
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(body);
        self
    }

    pub(super) fn keyring(&self) -> Keyring {
        Keyring::parse(&self.bytes, "test").unwrap()
    }

    pub(super) fn armoured(&self) -> String {
        armour(&self.bytes, BlockType::PublicKey)
    }
}

pub(super) fn packets(signatures: &[Signature]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for signature in signatures {
        signature.to_writer_with_header(&mut bytes).unwrap();
    }
    bytes
}

pub(super) fn armour(bytes: &[u8], kind: BlockType) -> String {
    struct Raw<'a>(&'a [u8]);
    impl pgp::ser::Serialize for Raw<'_> {
        fn to_writer<W: std::io::Write>(&self, writer: &mut W) -> pgp::errors::Result<()> {
            Ok(writer.write_all(self.0)?)
        }
        fn write_len(&self) -> usize {
            self.0.len()
        }
    }
    let mut text = Vec::new();
    armor::write(&Raw(bytes), kind, &mut text, None, true).unwrap();
    String::from_utf8(text).unwrap()
}

/// A clearsigned message of a text that needs no escaping.
pub(super) fn clearsigned(text: &str, signatures: &[Signature]) -> String {
    let armour = armour(&packets(signatures), BlockType::Signature);
    format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}\n{armour}")
}
