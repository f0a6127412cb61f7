//! Digests as npm writes them (W3C, "Subresource Integrity", 3.3): `sha512-BASE64`.

use std::fmt;
use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha384, Sha512};

/// A digest of an archive. Of several, the strongest counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Integrity {
    /// SHA-1, of packages that were published before 2017.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
    /// SHA-384.
    Sha384([u8; 48]),
    /// SHA-512.
    Sha512([u8; 64]),
}

/// Why a text has no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` has no digest of SHA-512, SHA-384, SHA-256 or SHA-1", .0.escape_debug())]
pub struct IntegrityError(String);

impl Integrity {
    /// Reads the strongest digest of a list.
    ///
    /// # Errors
    /// If there is none that is known.
    pub fn parse(text: &str) -> Result<Self, IntegrityError> {
        let digests = text.split_ascii_whitespace().filter_map(|one| {
            let (algorithm, rest) = one.split_once('-')?;
            let encoded = rest.split('?').next()?;
            let bytes = STANDARD.decode(encoded).ok()?;
            Some(match algorithm {
                "sha1" => Self::Sha1(bytes.try_into().ok()?),
                "sha256" => Self::Sha256(bytes.try_into().ok()?),
                "sha384" => Self::Sha384(bytes.try_into().ok()?),
                "sha512" => Self::Sha512(bytes.try_into().ok()?),
                _ => return None,
            })
        });
        digests
            .max()
            .ok_or_else(|| IntegrityError(text.chars().take(200).collect()))
    }

    /// Whether this is the digest of what a reader gives.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn is_of(&self, input: impl Read) -> io::Result<bool> {
        let digest = match self {
            Self::Sha1(_) => digest_of::<Sha1>(input),
            Self::Sha256(_) => digest_of::<Sha256>(input),
            Self::Sha384(_) => digest_of::<Sha384>(input),
            Self::Sha512(_) => digest_of::<Sha512>(input),
        };
        Ok(digest? == self.as_bytes())
    }

    /// The name of the algorithm, as directories of files by their digests have it: `SHA512`.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha1(_) => "SHA1",
            Self::Sha256(_) => "SHA256",
            Self::Sha384(_) => "SHA384",
            Self::Sha512(_) => "SHA512",
        }
    }

    /// The bytes of the digest.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
            Self::Sha384(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
        }
    }
}

fn digest_of<D: Digest>(mut input: impl Read) -> io::Result<Vec<u8>> {
    let mut hasher = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().to_vec()),
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.algorithm().to_ascii_lowercase();
        write!(f, "{name}-{}", STANDARD.encode(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_counts() {
        let sha1 = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=";
        let sha512 = format!("sha512-{}", STANDARD.encode([7; 64]));
        assert!(matches!(Integrity::parse(sha1), Ok(Integrity::Sha1(_))));
        let both = Integrity::parse(&format!("{sha1} {sha512}?x md5-AAAA")).unwrap();
        assert_eq!(both.to_string(), sha512);
        // Of nothing, by sha1sum(1).
        let empty = Integrity::parse("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=").unwrap();
        assert!(empty.is_of(&b""[..]).unwrap() && !empty.is_of(&b"x"[..]).unwrap());
        for text in ["", "sha512", "sha512-AAAA", "md5-AAAA", "sha1-@"] {
            assert!(Integrity::parse(text).is_err(), "{text}");
        }
    }
}
