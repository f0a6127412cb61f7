//! The algorithms that OpenPGP has numbers for (RFC 9580, section 9), as far as they matter to who
//! only verifies.

use std::fmt;

use ring::digest;

/// A hash algorithm, by its number (section 9.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HashAlgorithm(u8);

impl HashAlgorithm {
    pub(super) const SHA256: Self = Self(8);
    pub(super) const SHA384: Self = Self(9);
    pub(super) const SHA512: Self = Self(10);

    pub(super) fn of(number: u8) -> Self {
        Self(number)
    }

    /// What computes it; `None` for those that are too weak, and for SHA-3, which no archive uses.
    pub(super) fn digest(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::SHA256 => Some(&digest::SHA256),
            Self::SHA384 => Some(&digest::SHA384),
            Self::SHA512 => Some(&digest::SHA512),
            _ => None,
        }
    }

    /// Whether texts with the same hash can be made, or nearly so: those that apt's policy for
    /// `sqv` (`default-sequoia.config` of apt 3.0) refuses since February 2026.
    pub(super) fn is_weak(self) -> bool {
        matches!(self.0, 1 | 2 | 3 | 11)
    }

    /// How many bytes of salt a signature of version 6 has (section 9.5, table 23).
    pub(super) fn salt(self) -> Option<usize> {
        match self {
            Self::SHA256 => Some(16),
            Self::SHA384 => Some(24),
            Self::SHA512 => Some(32),
            _ => None,
        }
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("MD5"),
            2 => f.write_str("SHA1"),
            3 => f.write_str("RIPEMD160"),
            8 => f.write_str("SHA256"),
            9 => f.write_str("SHA384"),
            10 => f.write_str("SHA512"),
            11 => f.write_str("SHA224"),
            12 => f.write_str("SHA3-256"),
            14 => f.write_str("SHA3-512"),
            number => write!(f, "hash {number}"),
        }
    }
}

/// An algorithm for public keys, by its number (section 9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyAlgorithm(u8);

impl KeyAlgorithm {
    pub(super) const RSA: Self = Self(1);
    pub(super) const RSA_SIGN: Self = Self(3);
    pub(super) const DSA: Self = Self(17);
    pub(super) const ECDSA: Self = Self(19);
    /// Ed25519 as GnuPG has written it since long before RFC 9580.
    pub(super) const EDDSA_LEGACY: Self = Self(22);
    pub(super) const ED25519: Self = Self(27);

    pub(super) fn of(number: u8) -> Self {
        Self(number)
    }

    pub(super) fn is_rsa(self) -> bool {
        self == Self::RSA || self == Self::RSA_SIGN
    }
}
