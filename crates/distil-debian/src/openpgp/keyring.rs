//! The certificates whose signatures are believed.

use std::sync::{Arc, LazyLock};

use distil_store::{Digest, Hasher};

use super::armour::{BlockKind, dearmour};
use super::certificate::{Assembler, Certificate, KeyIndex};
use super::error::KeyringError;
use super::key::PublicKey;
use super::packets::{MAX_BYTES, Tag, packets};

/// A set of certificates that may sign. Where two copies of a certificate come together, what
/// either of them knows counts: a revocation above all.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    certificates: Vec<Arc<Certificate>>,
}

macro_rules! embedded {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/keyrings/", $name)).as_slice(),
        )
    };
}

/// Files of the packages `debian-archive-keyring` and `ubuntu-keyring`; `keyrings/README.md` says which versions.
const OF_DEBIAN: [(&str, &[u8]); 6] = [
    embedded!("debian-archive-bookworm-automatic.pgp"),
    embedded!("debian-archive-bookworm-security-automatic.pgp"),
    embedded!("debian-archive-bookworm-stable.pgp"),
    embedded!("debian-archive-trixie-automatic.pgp"),
    embedded!("debian-archive-trixie-security-automatic.pgp"),
    embedded!("debian-archive-trixie-stable.pgp"),
];

const OF_UBUNTU: [(&str, &[u8]); 1] = [embedded!("ubuntu-archive-keyring.pgp")];

static DEBIAN: LazyLock<Keyring> = LazyLock::new(|| all(&OF_DEBIAN));
static UBUNTU: LazyLock<Keyring> = LazyLock::new(|| all(&OF_UBUNTU));

fn all(files: &[(&str, &[u8])]) -> Keyring {
    let mut keyring = Keyring::default();
    for (name, bytes) in files {
        // A test reads them all; a file that cannot be read would only sign nothing.
        if let Ok(part) = Keyring::parse(bytes, name) {
            keyring.extend(&part);
        }
    }
    keyring
}

fn identity(files: &[(&str, &[u8])]) -> Digest {
    let mut hasher = Hasher::default();
    for (_, bytes) in files {
        hasher.update(bytes);
    }
    hasher.finish()
}

impl Keyring {
    /// The keys that sign Debian's own archive and its security archive, for bookworm, trixie,
    /// forky and sid. Parsed when first asked for.
    pub fn debian() -> &'static Self {
        &DEBIAN
    }

    /// The digest of what [`Keyring::debian`] is read from, which is known without reading it.
    pub fn debian_identity() -> Digest {
        identity(&OF_DEBIAN)
    }

    /// The keys that sign Ubuntu's archive, its pockets and its ports. Parsed when first asked for.
    pub fn ubuntu() -> &'static Self {
        &UBUNTU
    }

    /// The digest of what [`Keyring::ubuntu`] is read from, which is known without reading it.
    pub fn ubuntu_identity() -> Digest {
        identity(&OF_UBUNTU)
    }

    /// Reads a keyring: certificates one after another, in binary form or in one or more blocks of
    /// ASCII armour; text around the blocks is passed over. Certificates and packets that cannot
    /// be understood are left out. `name` is for messages.
    ///
    /// # Errors
    /// If the file is too large, damaged, of another kind, or has no certificate that is usable.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, KeyringError> {
        let name = || name.to_owned();
        if bytes.len() > MAX_BYTES {
            let size = bytes.len();
            return Err(KeyringError::TooLarge { name: name(), size });
        }
        // A keybox begins with a header blob: length (4 bytes), type, version, flags, magic.
        if bytes.get(8..12) == Some(b"KBXf") {
            return Err(KeyringError::Keybox { name: name() });
        }
        let mut assembler = Assembler::new();
        // Every packet begins with a byte whose highest bit is set; text has no such bytes.
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            take(bytes, &mut assembler, name)?;
        } else {
            for block in armoured_blocks(bytes) {
                if block.starts_with(b"-----BEGIN PGP PRIVATE KEY BLOCK") {
                    return Err(KeyringError::SecretKey { name: name() });
                }
                let binary = dearmour(block, BlockKind::PublicKey).map_err(|source| {
                    let name = name();
                    KeyringError::Armour { name, source }
                })?;
                take(&binary, &mut assembler, name)?;
            }
        }
        let mut keyring = Self::default();
        for certificate in assembler.finish() {
            keyring.add(Arc::new(certificate));
        }
        if keyring.certificates.is_empty() {
            return Err(KeyringError::Empty { name: name() });
        }
        Ok(keyring)
    }

    /// The certificates, in the order in which they were added.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.certificates.iter().map(AsRef::as_ref)
    }

    /// Whether no certificate is in the keyring, so that nothing can be verified.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// Adds the certificates of another keyring.
    pub fn extend(&mut self, other: &Self) {
        for certificate in &other.certificates {
            self.add(Arc::clone(certificate));
        }
    }

    fn add(&mut self, certificate: Arc<Certificate>) {
        let mut same = self.certificates.iter_mut();
        match same.find(|have| have.fingerprint() == certificate.fingerprint()) {
            Some(have) => *have = Arc::new(have.merged(&certificate)),
            None => self.certificates.push(certificate),
        }
    }

    /// All keys of all certificates.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&Certificate, KeyIndex, &PublicKey)> {
        self.certificates().flat_map(|certificate| {
            let keys = certificate.keys();
            keys.map(move |(index, key)| (certificate, index, key))
        })
    }
}

fn take(
    bytes: &[u8],
    assembler: &mut Assembler,
    name: impl Fn() -> String,
) -> Result<(), KeyringError> {
    for packet in packets(bytes) {
        let packet = packet.map_err(|error| KeyringError::Packets {
            name: name(),
            offset: error.offset,
            why: error.why,
        })?;
        if packet.tag == Tag::SecretKey {
            return Err(KeyringError::SecretKey { name: name() });
        }
        assembler.push(packet);
    }
    Ok(())
}

/// The armoured blocks of a text, of whatever kind, each from its `-----BEGIN` line to the end of
/// its `-----END` line. A block that does not end goes on to the end of the text.
fn armoured_blocks(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let begin = find_line(rest, b"-----BEGIN PGP ")?;
        let block = rest.get(begin..)?;
        let end = find_line(block, b"-----END PGP ").map_or(block.len(), |end| {
            let line = block.get(end..).unwrap_or_default();
            end + line.iter().position(|&b| b == b'\n').unwrap_or(line.len())
        });
        let (block, after) = block.split_at_checked(end)?;
        rest = after;
        Some(block)
    })
}

/// Where the first line begins that starts with `prefix`.
fn find_line(text: &[u8], prefix: &[u8]) -> Option<usize> {
    let mut start = 0;
    text.split_inclusive(|&b| b == b'\n').find_map(|line| {
        let here = start;
        start += line.len();
        line.starts_with(prefix).then_some(here)
    })
}
