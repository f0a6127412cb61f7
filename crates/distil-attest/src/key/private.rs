//! Private keys: PKCS #8 in PEM (RFC 5958), and the same encrypted as cosign does it.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::pem::Pem;
use super::public::algorithm;
use super::{Algorithm, KeyError, PublicKey, encrypted};

/// A private key. Nothing prints it.
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// Whether a key in PEM is encrypted, so that it takes a password.
    ///
    /// # Errors
    /// If it is no PEM.
    pub fn is_encrypted(text: &[u8]) -> Result<bool, KeyError> {
        Ok(Pem::read(text)?.is_encrypted())
    }

    /// Reads a key in PEM. `password` is not looked at for one that is not encrypted.
    ///
    /// # Errors
    /// If it is no private key, or of a kind that is not used, or the password is wrong.
    pub fn from_pem(text: &[u8], password: Option<&[u8]>) -> Result<Self, KeyError> {
        let mut pem = Pem::read(text)?;
        let bytes = Zeroizing::new(std::mem::take(&mut pem.bytes));
        if pem.is_encrypted() {
            let password = password.ok_or(KeyError::NoPassword)?;
            return Self::from_pkcs8(&encrypted::decrypt(&bytes, password)?);
        }
        match pem.label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(&bytes),
            _ => Err(pem.refusal()),
        }
    }

    /// Reads a `PrivateKeyInfo`.
    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let damaged = |problem| KeyError::Damaged { problem };
        let kind = algorithm_of(der).ok_or(damaged("it is no `PrivateKeyInfo`"))?;
        let (pair, point) = match kind? {
            Algorithm::EcdsaP256 => {
                let random = SystemRandom::new();
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &random);
                let pair = pair.map_err(|_| {
                    damaged("its numbers fit no point of the curve, or its public part is missing")
                })?;
                let point = pair.public_key().as_ref().to_vec();
                (Pair::Ecdsa(pair), point)
            }
            Algorithm::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
                let pair = pair.map_err(|_| damaged("its seed has not 32 bytes"))?;
                let point = pair.public_key().as_ref().to_vec();
                (Pair::Ed25519(pair), point)
            }
        };
        let algorithm = match &pair {
            Pair::Ecdsa(_) => Algorithm::EcdsaP256,
            Pair::Ed25519(_) => Algorithm::Ed25519,
        };
        Ok(Self {
            public: PublicKey::of_point(algorithm, &point)?,
            pair,
        })
    }

    /// The public key of it.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message.
    ///
    /// # Errors
    /// If the machine has no random numbers, which ECDSA takes.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                let signature = signature.map_err(|_| KeyError::Random)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// The kind of key in a `PrivateKeyInfo`; `None` if it is none. What follows the algorithm is left
/// to who reads the key.
fn algorithm_of(der: &[u8]) -> Option<Result<Algorithm, KeyError>> {
    let sequence = AnyRef::from_der(der).ok()?;
    let mut reader = SliceReader::new(sequence.value()).ok()?;
    let _version: u8 = reader.decode().ok()?;
    let identifier: AlgorithmIdentifierRef<'_> = reader.decode().ok()?;
    Some(algorithm(&identifier))
}
