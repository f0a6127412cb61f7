//! Why a keyring cannot be read, or a signature cannot be trusted.

use std::fmt;

use super::fingerprint::Fingerprint;
use super::packets::MAX_BYTES;
use crate::date;

/// A file is not a usable keyring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The file is larger than any keyring.
    #[error("keyring `{name}` has {size} bytes; at most {MAX_BYTES} are read")]
    TooLarge {
        /// The name that the caller gave the keyring.
        name: String,
        /// Its size in bytes.
        size: usize,
    },
    /// GnuPG's own database format, which only GnuPG reads.
    #[error(
        "keyring `{name}` is a GnuPG keybox; write its keys into another file with `gpg --export`"
    )]
    Keybox {
        /// The name that the caller gave the keyring.
        name: String,
    },
    /// The file has private keys.
    #[error("keyring `{name}` holds a secret key; it needs the public one (`gpg --export`)")]
    SecretKey {
        /// The name that the caller gave the keyring.
        name: String,
    },
    /// The ASCII armour is not well-formed.
    #[error("the ASCII armour of keyring `{name}` is damaged")]
    Armour {
        /// The name that the caller gave the keyring.
        name: String,
        /// What is wrong with it.
        #[source]
        source: std::io::Error,
    },
    /// The sequence of packets breaks off or is none.
    #[error("keyring `{name}` is damaged or is none: {why} at byte {offset}")]
    Packets {
        /// The name that the caller gave the keyring.
        name: String,
        /// Where the packet begins, in bytes of the binary form.
        offset: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No certificate in the file can be used.
    #[error("keyring `{name}` has no OpenPGP certificate that can be read")]
    Empty {
        /// The name that the caller gave the keyring.
        name: String,
    },
}

/// A signed text cannot be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The file is larger than any Release file.
    #[error("the file has {size} bytes; at most {MAX_BYTES} are read")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// The file is something else: a web page of a captive portal, say.
    #[error(
        "it is not a signed file: it begins with `{begins}` instead of \
         `-----BEGIN PGP SIGNED MESSAGE-----`"
    )]
    NotSigned {
        /// The beginning of the file.
        begins: String,
    },
    /// There is a signed text but no signature.
    #[error("it has no signature")]
    NoSignature,
    /// The frame of a clearsigned message is broken, or there is more than one.
    #[error("line {line}: {why}")]
    Malformed {
        /// The line's number, from 1.
        line: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// The text is not UTF-8, as Debian Policy (section 5.1) wants control files to be.
    #[error("the signed text is not UTF-8")]
    NotUtf8(#[from] std::str::Utf8Error),
    /// The ASCII armour of the signature is not well-formed.
    #[error("the ASCII armour of the signature is damaged")]
    Armour(#[source] std::io::Error),
    /// What should be signatures are no OpenPGP packets, or other ones.
    #[error("the signature is damaged: {why}")]
    Damaged {
        /// What is wrong with it.
        why: &'static str,
    },
    /// All signatures are by keys that are not in the keyring.
    #[error(
        "it is signed by {}, which no keyring in use has; if you trust the archive, \
         name a keyring that has the key with `--keyring`",
        keys(unknown)
    )]
    UnknownKeys {
        /// The keys that the signatures name, each by fingerprint or, failing that, key ID.
        unknown: Vec<String>,
    },
    /// There are signatures by keys of the keyring, and none of them can be trusted.
    #[error(
        "no signature can be trusted: {}{}",
        list(refusals, "; "),
        and_unknown(unknown)
    )]
    Refused {
        /// Why, for each signature by a key of the keyring, in the order of the file.
        refusals: Vec<Refusal>,
        /// The keys of the other signatures.
        unknown: Vec<String>,
    },
}

/// A signature by a key of the keyring that is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Who signed, or is said to have signed.
    pub signer: Signer,
    /// What is wrong with the signature or the key.
    pub reason: Reason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.signer, self.reason)
    }
}

/// A certificate, and which of its keys made a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The fingerprint of the primary key, which names the certificate.
    pub certificate: Fingerprint,
    /// The fingerprint of the key that signed: the primary key or a subkey.
    pub key: Fingerprint,
    /// The certificate's first user ID, control characters escaped; empty if it has none.
    pub user_id: String,
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.certificate)?;
        if self.key != self.certificate {
            write!(f, " (subkey {})", self.key)?;
        }
        if !self.user_id.is_empty() {
            write!(f, " of `{}`", self.user_id)?;
        }
        Ok(())
    }
}

/// What is wrong with a signature, or with the key that made it. Times are in Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The signature does not belong to this text: the text or the signature was changed.
    #[error("the signature does not fit the text, one of them was changed")]
    Bad,
    /// The signature's hash can be forged.
    #[error("the signature uses {hash}, which is too weak")]
    WeakHash {
        /// The algorithm.
        hash: String,
    },
    /// The key can be broken, or its algorithm is refused.
    #[error("the key is too weak ({what})")]
    WeakKey {
        /// The algorithm and the size of the key.
        what: String,
    },
    /// The key's holder, or somebody whom they named for it, took it back.
    #[error("the key is revoked")]
    Revoked,
    /// The key is past its time.
    #[error("the key expired on {}", date::format(*.at))]
    KeyExpired {
        /// When it expired.
        at: i64,
    },
    /// No valid self-signature holds the key.
    #[error("the certificate does not vouch for the key: {why}")]
    Unbound {
        /// What is missing.
        why: &'static str,
    },
    /// The key is for something else, such as encryption.
    #[error("the key is not meant for signing")]
    NotForSigning,
    /// The signature's own time is over.
    #[error("the signature expired on {}", date::format(*.at))]
    Expired {
        /// When it expired.
        at: i64,
    },
    /// The signature was made after now.
    #[error(
        "the signature was made on {}, which is in the future; is this machine's clock right?",
        date::format(*.at)
    )]
    Future {
        /// When it says that it was made.
        at: i64,
    },
    /// The signature is older than its key.
    #[error("the signature is older than the key")]
    OlderThanKey,
    /// The signature is of a kind that does not sign a text, or an obsolete version, or has parts
    /// that may not be ignored.
    #[error("the signature cannot be used: {why}")]
    Unsupported {
        /// What is not supported.
        why: &'static str,
    },
}

fn list<T: fmt::Display>(items: &[T], between: &str) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(between)
}

fn keys(unknown: &[String]) -> String {
    let word = if unknown.len() == 1 { "key" } else { "keys" };
    format!("{word} {}", list(unknown, ", "))
}

fn and_unknown(unknown: &[String]) -> String {
    if unknown.is_empty() {
        return String::new();
    }
    format!("; no keyring in use has {}", keys(unknown))
}
