//! Keys in PEM (RFC 7468), told apart by their labels.

use super::KeyError;

/// The largest file that is read: an encrypted key has less than a kilobyte.
const MAX_SIZE: usize = 64 << 10;

/// What is in a PEM file.
pub(super) struct Pem {
    pub(super) label: String,
    pub(super) bytes: Vec<u8>,
}

/// The labels of keys that cosign encrypts; the second one is that of its first versions.
const ENCRYPTED: [&str; 2] = [
    "ENCRYPTED SIGSTORE PRIVATE KEY",
    "ENCRYPTED COSIGN PRIVATE KEY",
];

impl Pem {
    /// Reads a file of one PEM block, with whatever text before it.
    pub(super) fn read(text: &[u8]) -> Result<Self, KeyError> {
        if text.len() > MAX_SIZE {
            return Err(KeyError::TooLarge { limit: MAX_SIZE });
        }
        // Spaces at the ends of files are none of PEM's business, and not of ours.
        let text = text.trim_ascii();
        let (label, bytes) = pem_rfc7468::decode_vec(text).map_err(|_| KeyError::NotPem)?;
        Ok(Self {
            label: label.to_owned(),
            bytes,
        })
    }

    pub(super) fn is_encrypted(&self) -> bool {
        ENCRYPTED.contains(&self.label.as_str())
    }

    /// Why it is not what was meant.
    pub(super) fn refusal(&self) -> KeyError {
        let label = self.label.clone();
        match label.as_str() {
            "PUBLIC KEY" => KeyError::IsPublic,
            "CERTIFICATE" | "TRUSTED CERTIFICATE" => KeyError::IsCertificate,
            "ENCRYPTED PRIVATE KEY" => KeyError::EncryptedPkcs8,
            "EC PRIVATE KEY" | "RSA PRIVATE KEY" | "DSA PRIVATE KEY" | "OPENSSH PRIVATE KEY" => {
                KeyError::NotPkcs8 { label }
            }
            _ => KeyError::Label { label },
        }
    }
}
