//! What may be wrong with an archive on purpose.

use crate::compression::Compression;

/// What is wrong with a pocket. Architectures and packages are named as Debian names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PocketFault {
    /// Release has wrong digests for this architecture's indexes.
    IndexDigest(String),
    /// Release has wrong sizes for this architecture's indexes.
    IndexSize(String),
    /// The index of this architecture in this compression is not what Release says: a byte of
    /// it is wrong, at its path and by hash.
    IndexCorrupt(String, Compression),
    /// The index of this architecture in this compression is what Release says, and does not
    /// decompress.
    IndexUndecodable(String, Compression),
    /// The index of this architecture in this compression decompresses to something else than
    /// the plain index that Release lists.
    IndexPlainDiffers(String, Compression),
    /// The index of this architecture in this compression is listed and is not there.
    IndexMissing(String, Compression),
    /// Release does not list any index of this architecture.
    IndexUnlisted(String),
    /// Release says `Acquire-By-Hash: yes`, and nothing lies by hash.
    NoByHash,
    /// The indexes at their paths are those of another state; by hash they are right.
    StaleCanonical,
    /// Release lists MD5 sums only.
    OnlyMd5,
    /// The index has a wrong SHA-256 for this package.
    PackageDigest(String),
    /// The index has a size for this package that is one too large.
    PackageSize(String),
    /// The index has neither SHA-256 nor MD5 of this package.
    PackageWithoutDigest(String),
    /// This package's file in the pool lacks its second half.
    PackageTruncated(String),
    /// This package's file in the pool has a wrong byte in its middle.
    PackageCorrupt(String),
    /// This package's file is not in the pool.
    PackageMissing(String),
    /// The signature is not what it should be.
    Signature(SignatureFault),
}

/// What is wrong with the signature of a pocket. A key that is expired, revoked or not allowed
/// to sign is made with [`KeyOptions`](crate::KeyOptions) and given to the archive as its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureFault {
    /// The text was changed after it was signed.
    Altered,
    /// The key that signed is not in the keyring.
    UnknownKey,
    /// `InRelease` is text without a signature, and there is no `Release.gpg`.
    Unsigned,
    /// There is no `InRelease`, but `Release` and `Release.gpg`.
    NoInRelease,
    /// There is no `InRelease`, but `Release` without `Release.gpg`.
    NoInReleaseUnsigned,
    /// There is none of the three files.
    NoRelease,
    /// A stanza that nobody signed stands in `InRelease` before the signed message.
    TextBefore,
    /// A stanza that nobody signed stands in `InRelease` after the signature.
    TextAfter,
    /// `InRelease` ends in the middle of its signature.
    Truncated,
}
