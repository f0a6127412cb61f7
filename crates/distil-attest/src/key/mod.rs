//! Keys that sign and verify: ECDSA on P-256 with SHA-256, and Ed25519; what cosign makes and reads
//! without a service.

mod encrypted;
mod error;
mod pem;
mod private;
mod public;

use std::fmt;

pub use self::error::KeyError;
pub use self::private::PrivateKey;
pub use self::public::PublicKey;

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// ECDSA on the curve P-256 with SHA-256 (FIPS 186-5), signatures in DER.
    EcdsaP256,
    /// Ed25519 (RFC 8032), of the message itself.
    Ed25519,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256 => "ECDSA P-256",
            Self::Ed25519 => "Ed25519",
        })
    }
}
