//! Why a key cannot be used. No message has any of its bytes.

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file is no PEM.
    #[error("it is not in PEM format")]
    NotPem,
    /// The file is larger than a key.
    #[error("it is larger than {limit} bytes, which no key is")]
    TooLarge {
        /// The largest that is read, in bytes.
        limit: usize,
    },
    /// A public key, where the private one is needed.
    #[error("it is a public key, and signing takes the private key")]
    IsPublic,
    /// A private key, where the public one is meant.
    #[error("it is a private key, and verifying takes the public key")]
    IsPrivate,
    /// A certificate, where a key is meant.
    #[error("it is a certificate, and not a key")]
    IsCertificate,
    /// PEM of another kind.
    #[error("it is a PEM file of `{label}`, which cannot be read")]
    Label {
        /// What it says it is.
        label: String,
    },
    /// The key is encrypted by another program than cosign.
    #[error(
        "it is encrypted in the format of PKCS #8 (`ENCRYPTED PRIVATE KEY`), which cannot be read"
    )]
    EncryptedPkcs8,
    /// An older format of private keys.
    #[error("it is a private key in the format `{label}`; PKCS #8 (`PRIVATE KEY`) is needed")]
    NotPkcs8 {
        /// The format.
        label: String,
    },
    /// The key is of a kind that is not used.
    #[error("it is a key for {algorithm}; keys for ECDSA P-256 and Ed25519 can be used")]
    Algorithm {
        /// The kind.
        algorithm: String,
    },
    /// The key's structure is damaged.
    #[error("its content is damaged: {problem}")]
    Damaged {
        /// What is wrong.
        problem: &'static str,
    },
    /// The key is encrypted, and no password was given.
    #[error("it is encrypted, and there is no password")]
    NoPassword,
    /// The password does not decrypt the key.
    #[error("the password is wrong, or the key is damaged")]
    WrongPassword,
    /// The key is encrypted in a way that cosign does not use.
    #[error("it is encrypted with {what}, which cannot be read")]
    Encryption {
        /// How.
        what: String,
    },
    /// Deriving the key from the password would take more memory or time than it should.
    #[error("deriving its key would take more than {limit} MiB of memory")]
    TooCostly {
        /// The limit in MiB.
        limit: u32,
    },
    /// The machine has no random numbers.
    #[error("this machine gives no random numbers")]
    Random,
}
