//! Whose signatures count.

use distil_store::{Digest, Hasher};

use crate::distribution::Distribution;
use crate::openpgp::Keyring;

/// The keys that an archive's Releases must be signed by.
#[derive(Debug, Clone)]
pub enum Keys {
    /// A distribution's own, which are parsed when a signature is looked at.
    Own(&'static Distribution),
    /// Those of files.
    Named {
        /// All of them together.
        keyring: Keyring,
        /// The digest of the files.
        identity: Digest,
    },
}

impl Keys {
    /// The keys of a keyring that was read from `files`.
    pub fn named<'a>(keyring: Keyring, files: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Hasher::default();
        for file in files {
            hasher.update(&(file.len() as u64).to_le_bytes());
            hasher.update(file);
        }
        let identity = hasher.finish();
        Self::Named { keyring, identity }
    }

    /// The keys.
    pub fn keyring(&self) -> &Keyring {
        match self {
            Self::Own(distribution) => distribution.keyring(),
            Self::Named { keyring, .. } => keyring,
        }
    }

    /// A digest that no other keys have.
    pub fn identity(&self) -> Digest {
        match self {
            Self::Own(distribution) => distribution.keyring_identity(),
            Self::Named { identity, .. } => *identity,
        }
    }
}
