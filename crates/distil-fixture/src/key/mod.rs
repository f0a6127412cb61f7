//! OpenPGP keys and signatures that are the same in every run (RFC 9580, version 4).
//!
//! Key material comes from a seed, times are given, and neither Ed25519 nor RSA signatures have
//! randomness, so keyrings and signed files are reproducible to the byte. Everything a verifier must look
//! at can be made wrong: expiry, revocation, bindings of subkeys, flags, weak digests.

mod material;

use pgp::armor::BlockType;
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    KeyFlags, Packet, PublicKey, PublicSubkey, RevocationCode, SecretKey, SecretSubkey, Signature,
    SignatureConfig, SignatureType, Subpacket, SubpacketData, UserId,
};
use pgp::ser::Serialize;
use pgp::types::{Duration, KeyDetails, Password, Tag};

use crate::digest::hex;
use material::{material, timestamp};

/// When keys are made that are not given a time: 1 January 2020.
const DEFAULT_CREATED: u64 = 1_577_836_800;

/// A key with the means to sign.
#[derive(Debug, Clone)]
pub struct SigningKey {
    options: KeyOptions,
    primary: SecretKey,
    subkey: Option<SecretSubkey>,
}

/// How a key is made. Times are in seconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOptions {
    /// What kind of key it is; a subkey is always Ed25519.
    pub algorithm: KeyAlgorithm,
    /// The user ID.
    pub user_id: String,
    /// When the key was made.
    pub created: u64,
    /// When the key expires.
    pub expires: Option<u64>,
    /// The revocation of the key.
    pub revoked: Option<Revocation>,
    /// Whether the key's flags allow it to sign data; certifying it always may.
    pub can_sign: bool,
    /// A subkey, which then makes the signatures instead of the primary key.
    pub subkey: Option<SubkeyOptions>,
    /// The digest that signatures over data are made with.
    pub hash: HashStrength,
    /// The digest that the key's own certifications are made with.
    pub certification_hash: HashStrength,
}

impl Default for KeyOptions {
    fn default() -> Self {
        Self {
            algorithm: KeyAlgorithm::Ed25519,
            user_id: "Fixture Archive Key <fixture@mirror.example>".to_owned(),
            created: DEFAULT_CREATED,
            expires: None,
            revoked: None,
            can_sign: true,
            subkey: None,
            hash: HashStrength::Sha256,
            certification_hash: HashStrength::Sha512,
        }
    }
}

/// The kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// Ed25519, from the seed.
    Ed25519,
    /// RSA of 2048 bits, as Debian's keys are RSA; whatever the seed, it is the same key.
    Rsa2048,
    /// RSA of 1024 bits, which is too weak; whatever the seed, it is the same key.
    Rsa1024,
}

/// How a signing subkey is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubkeyOptions {
    /// When the subkey was made.
    pub created: u64,
    /// When the subkey expires.
    pub expires: Option<u64>,
    /// The revocation of the subkey.
    pub revoked: Option<Revocation>,
    /// Whether the primary key signed that the subkey is its own (signature type 0x18).
    pub bound: bool,
    /// Whether the subkey signed that it belongs to the primary key (type 0x19), which a subkey
    /// that signs must have.
    pub back_signature: bool,
    /// Whether the binding's flags allow the subkey to sign data.
    pub can_sign: bool,
}

impl Default for SubkeyOptions {
    fn default() -> Self {
        Self {
            created: DEFAULT_CREATED,
            expires: None,
            revoked: None,
            bound: true,
            back_signature: true,
            can_sign: true,
        }
    }
}

/// The revocation of a key or a subkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// When it was revoked, in seconds since the epoch.
    pub time: u64,
    /// Whether the key material is said to be compromised, which spoils signatures made before
    /// as well. Otherwise the key is said to be superseded.
    pub compromised: bool,
}

/// The digest that a signature is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashStrength {
    /// SHA-256, as Debian's archive signs.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1, which no archive may use any more. Only an RSA key signs with it.
    Sha1,
    /// MD5. Only an RSA key signs with it.
    Md5,
}

impl HashStrength {
    fn algorithm(self) -> HashAlgorithm {
        match self {
            Self::Sha256 => HashAlgorithm::Sha256,
            Self::Sha512 => HashAlgorithm::Sha512,
            Self::Sha1 => HashAlgorithm::Sha1,
            Self::Md5 => HashAlgorithm::Md5,
        }
    }

    /// The name in a clearsigned message's `Hash:` header.
    fn header(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
            Self::Sha1 => "SHA1",
            Self::Md5 => "MD5",
        }
    }
}

impl SigningKey {
    /// The key of this seed with the usual options: made in 2020, never expiring.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::generate(seed, KeyOptions::default())
    }

    /// The key of this seed. The same seed and options give the same key, fingerprint included.
    #[must_use]
    pub fn generate(seed: u64, options: KeyOptions) -> Self {
        let (public, secret) = material(options.algorithm, seed, "primary", options.created);
        let primary = SecretKey::new(PublicKey::from_inner(public).unwrap(), secret).unwrap();
        let subkey = options.subkey.as_ref().map(|subkey| {
            let (public, secret) = material(KeyAlgorithm::Ed25519, seed, "subkey", subkey.created);
            SecretSubkey::new(PublicSubkey::from_inner(public).unwrap(), secret).unwrap()
        });
        Self {
            options,
            primary,
            subkey,
        }
    }

    /// The fingerprint of the primary key, in lower-case hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(self.primary.fingerprint().as_bytes())
    }

    /// The fingerprint of the key that makes the signatures, in lower-case hexadecimal.
    #[must_use]
    pub fn signing_fingerprint(&self) -> String {
        match &self.subkey {
            Some(subkey) => hex(subkey.fingerprint().as_bytes()),
            None => self.fingerprint(),
        }
    }

    /// The certificate as binary packets, as in `/usr/share/keyrings/*.gpg`.
    #[must_use]
    pub fn public_binary(&self) -> Vec<u8> {
        serialize(&self.certificate())
    }

    /// The certificate in ASCII armour, as in `*.asc` and in `Signed-By`.
    #[must_use]
    pub fn public_armored(&self) -> String {
        armor(&self.certificate(), BlockType::PublicKey)
    }

    /// `text` clearsigned (RFC 9580 §7) at `time`, as `InRelease` is.
    #[must_use]
    pub fn sign_clear(&self, text: &str, time: u64) -> String {
        sign_clear_all(&[self], text, time)
    }

    /// The armoured detached signature over `text` at `time`, as `Release.gpg` is.
    #[must_use]
    pub fn sign_detached(&self, text: impl AsRef<[u8]>, time: u64) -> String {
        sign_detached_all(&[self], text.as_ref(), time)
    }
}

/// `text` clearsigned by several keys, as Debian signs with the keys of two releases.
#[must_use]
pub fn sign_clear_all(keys: &[&SigningKey], text: &str, time: u64) -> String {
    // RFC 9580 §7.2: line endings are CR LF, trailing white space is not signed, nor is the
    // line ending before the signature.
    let body = text.strip_suffix('\n').unwrap_or(text);
    let lines: Vec<&str> = body.split('\n').collect();
    let signed = lines
        .iter()
        .map(|line| line.trim_end_matches([' ', '\t', '\r']))
        .collect::<Vec<_>>()
        .join("\r\n");
    let packets: Vec<Packet> = keys
        .iter()
        .map(|key| {
            key.sign_data(SignatureType::Text, signed.as_bytes(), time)
                .into()
        })
        .collect();
    let mut hashes: Vec<&str> = keys.iter().map(|key| key.options.hash.header()).collect();
    hashes.dedup();
    let mut message = String::from("-----BEGIN PGP SIGNED MESSAGE-----\n");
    for hash in hashes {
        message.push_str(&format!("Hash: {hash}\n"));
    }
    message.push('\n');
    for line in lines {
        if line.starts_with('-') {
            message.push_str("- ");
        }
        message.push_str(line);
        message.push('\n');
    }
    message.push_str(&armor(&packets, BlockType::Signature));
    message
}

/// The detached signatures of several keys over `text`, in one armoured block.
#[must_use]
pub fn sign_detached_all(keys: &[&SigningKey], text: &[u8], time: u64) -> String {
    let packets: Vec<Packet> = keys
        .iter()
        .map(|key| key.sign_data(SignatureType::Binary, text, time).into())
        .collect();
    armor(&packets, BlockType::Signature)
}

/// A keyring of these keys' certificates, in binary.
#[must_use]
pub fn keyring(keys: &[&SigningKey]) -> Vec<u8> {
    keys.iter().flat_map(|key| key.public_binary()).collect()
}

impl SigningKey {
    fn certificate(&self) -> Vec<Packet> {
        let public = self.primary.public_key();
        let mut packets: Vec<Packet> = vec![public.clone().into()];
        if let Some(revocation) = self.options.revoked {
            packets.push(self.revoke_primary(revocation).into());
        }
        let user_id = UserId::from_str(Default::default(), &self.options.user_id).unwrap();
        let certification = self
            .config(
                SignatureType::CertPositive,
                self.options.created,
                self.certification_data(),
            )
            .sign_certification(
                &self.primary,
                public,
                &Password::empty(),
                Tag::UserId,
                &user_id,
            )
            .unwrap();
        packets.push(user_id.into());
        packets.push(certification.into());
        if let (Some(subkey), Some(options)) = (&self.subkey, &self.options.subkey) {
            packets.push(subkey.public_key().clone().into());
            if let Some(revocation) = options.revoked {
                packets.push(self.revoke_subkey(subkey, revocation).into());
            }
            if options.bound {
                packets.push(self.bind(subkey, options).into());
            }
        }
        packets
    }

    /// What the self-certification says of the primary key.
    fn certification_data(&self) -> Vec<SubpacketData> {
        let mut flags = KeyFlags::default();
        flags.set_certify(true);
        flags.set_sign(self.options.can_sign);
        let mut data = vec![
            SubpacketData::KeyFlags(flags),
            SubpacketData::IsPrimary(true),
        ];
        if let Some(expires) = self.options.expires {
            data.push(expiration(self.options.created, expires));
        }
        data
    }

    fn bind(&self, subkey: &SecretSubkey, options: &SubkeyOptions) -> Signature {
        let mut flags = KeyFlags::default();
        flags.set_sign(options.can_sign);
        let mut data = vec![SubpacketData::KeyFlags(flags)];
        if let Some(expires) = options.expires {
            data.push(expiration(options.created, expires));
        }
        if options.back_signature {
            let hash = self.options.certification_hash;
            let mut config = SignatureConfig::v4(
                SignatureType::KeyBinding,
                subkey.algorithm(),
                hash.algorithm(),
            );
            fill(&mut config, subkey, options.created, Vec::new());
            let back = config
                .sign_primary_key_binding(
                    subkey,
                    subkey.public_key(),
                    &Password::empty(),
                    self.primary.public_key(),
                )
                .unwrap();
            data.push(SubpacketData::EmbeddedSignature(Box::new(back)));
        }
        self.config(SignatureType::SubkeyBinding, options.created, data)
            .sign_subkey_binding(
                &self.primary,
                self.primary.public_key(),
                &Password::empty(),
                subkey.public_key(),
            )
            .unwrap()
    }

    fn revoke_primary(&self, revocation: Revocation) -> Signature {
        self.config(
            SignatureType::KeyRevocation,
            revocation.time,
            vec![reason(revocation)],
        )
        .sign_key(&self.primary, &Password::empty(), self.primary.public_key())
        .unwrap()
    }

    /// A subkey's revocation is computed like its binding, with another type (RFC 9580 §5.2.4).
    fn revoke_subkey(&self, subkey: &SecretSubkey, revocation: Revocation) -> Signature {
        self.config(
            SignatureType::SubkeyRevocation,
            revocation.time,
            vec![reason(revocation)],
        )
        .sign_subkey_binding(
            &self.primary,
            self.primary.public_key(),
            &Password::empty(),
            subkey.public_key(),
        )
        .unwrap()
    }

    /// A signature of the primary key over itself or its parts.
    fn config(&self, kind: SignatureType, time: u64, data: Vec<SubpacketData>) -> SignatureConfig {
        let hash = self.options.certification_hash.algorithm();
        let mut config = SignatureConfig::v4(kind, self.primary.algorithm(), hash);
        fill(&mut config, &self.primary, time, data);
        config
    }

    fn sign_data(&self, kind: SignatureType, data: &[u8], time: u64) -> Signature {
        let hash = self.options.hash.algorithm();
        match &self.subkey {
            Some(subkey) => {
                let mut config = SignatureConfig::v4(kind, subkey.algorithm(), hash);
                fill(&mut config, subkey, time, Vec::new());
                config.sign(subkey, &Password::empty(), data)
            }
            None => {
                let mut config = SignatureConfig::v4(kind, self.primary.algorithm(), hash);
                fill(&mut config, &self.primary, time, Vec::new());
                config.sign(&self.primary, &Password::empty(), data)
            }
        }
        .unwrap()
    }
}

/// Packets one after another, as they stand in a binary file.
fn serialize(packets: &[Packet]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for packet in packets {
        packet.to_writer(&mut bytes).unwrap();
    }
    bytes
}

/// Packets in ASCII armour, with its checksum as GnuPG writes it.
fn armor(packets: &[Packet], kind: BlockType) -> String {
    let mut text = Vec::new();
    pgp::armor::write(&Packets(packets), kind, &mut text, None, true).unwrap();
    String::from_utf8(text).unwrap()
}

/// Several packets as one thing to serialize.
struct Packets<'a>(&'a [Packet]);

impl Serialize for Packets<'_> {
    fn to_writer<W: std::io::Write>(&self, writer: &mut W) -> pgp::errors::Result<()> {
        self.0
            .iter()
            .try_for_each(|packet| packet.to_writer(writer))
    }

    fn write_len(&self) -> usize {
        self.0.iter().map(Serialize::write_len).sum()
    }
}

/// Sets what every signature says: when it was made and by whom.
fn fill(config: &mut SignatureConfig, key: &impl KeyDetails, time: u64, data: Vec<SubpacketData>) {
    let mut hashed = vec![
        SubpacketData::IssuerFingerprint(key.fingerprint()),
        SubpacketData::SignatureCreationTime(timestamp(time)),
    ];
    hashed.extend(data);
    config.hashed_subpackets = hashed
        .into_iter()
        .map(|data| Subpacket::regular(data).unwrap())
        .collect();
    config.unhashed_subpackets =
        vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id())).unwrap()];
}

fn reason(revocation: Revocation) -> SubpacketData {
    let code = if revocation.compromised {
        RevocationCode::KeyCompromised
    } else {
        RevocationCode::KeySuperseded
    };
    SubpacketData::RevocationReason(code, Default::default())
}

fn expiration(created: u64, expires: u64) -> SubpacketData {
    let seconds = u32::try_from(expires - created).unwrap();
    SubpacketData::KeyExpirationTime(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
