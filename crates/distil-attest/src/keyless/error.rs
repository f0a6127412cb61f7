//! Why a signature by a certificate does not count.

/// Why a signature by a certificate does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeylessError {
    /// The trust root cannot be read.
    #[error("it is no trust root of Sigstore (`trusted_root.json`): {problem}")]
    TrustRoot {
        /// Why.
        problem: String,
    },
    /// The pattern of an identity is no regular expression.
    #[error("`{pattern}` is no regular expression: {problem}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        problem: String,
    },
    /// What verifies the signature is damaged or incomplete.
    #[error("its {what} cannot be read")]
    Damaged {
        /// What is.
        what: &'static str,
    },
    /// An envelope that is signed by a certificate has one signature.
    #[error("its envelope has {count} signatures; with a certificate there is one")]
    Signatures {
        /// How many there are.
        count: usize,
    },
    /// The certificate's key has not made the signature.
    #[error("its signature is not by the key of its certificate")]
    Signature,
    /// No authority of the trust root has made the certificate for signing at the time.
    #[error("no certificate authority of the trust root vouches for its certificate: {problem}")]
    Chain {
        /// Why.
        problem: String,
    },
    /// No certificate transparency log of the trust root has the certificate.
    #[error("its certificate is in no certificate transparency log of the trust root")]
    CertificateLog,
    /// The signature is in no transparency log.
    #[error("it has no entry of a transparency log")]
    NoEntry,
    /// The entry is of a log that the trust root does not have, or had at another time.
    #[error("its entry is of a transparency log that the trust root does not have for that time")]
    UnknownLog,
    /// No timestamp authority of the trust root has signed the time.
    #[error("its timestamp is by no timestamp authority that the trust root has for that time")]
    Timestamp,
    /// The timestamp is of another signature.
    #[error("its timestamp is of another signature")]
    OtherTimestamp,
    /// There is no time that somebody has signed.
    #[error("its time is signed neither by a transparency log nor by a timestamp authority")]
    NoTime,
    /// The log has not signed the time and position of the entry.
    #[error("the time of its log entry is not signed by the log")]
    Promise,
    /// The entry does not lead to the root of the log.
    #[error("its log entry has no proof that leads to a checkpoint of the log")]
    Proof,
    /// The checkpoint is not the log's.
    #[error("the checkpoint of its log entry is not signed by the log")]
    Checkpoint,
    /// The entry is of a kind that cannot be read.
    #[error("its log entry is of the kind `{kind}`, which cannot be read")]
    Kind {
        /// The kind.
        kind: String,
    },
    /// The entry is about another signature, certificate or content.
    #[error("its log entry is about another {what}")]
    OtherEntry {
        /// What is another one.
        what: &'static str,
    },
    /// The certificate is for somebody else.
    #[error(
        "its certificate is for `{name}`, by the word of `{issuer}`, and not for who was asked for"
    )]
    Identity {
        /// For whom it is.
        name: String,
        /// Who vouched for them.
        issuer: String,
    },
}
