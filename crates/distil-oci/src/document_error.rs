//! Why documents, and what they refer to, make no image.

use std::io;

use distil_store::Digest;

use crate::ambiguous::AmbiguousKey;
use crate::invalid::InvalidImage;
use crate::platform::Platform;

/// The documents of an image, an index or an artifact cannot be used, or a blob that they refer to
/// is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// A document is not what its type says.
    #[error("failed to understand {document}")]
    Json {
        /// Which document.
        document: String,
        /// What is wrong, and where.
        #[source]
        source: serde_json::Error,
    },
    /// A document means one thing to some engines, and another to others.
    #[error("{document} is ambiguous, so it is rejected")]
    Ambiguous {
        /// Which document.
        document: String,
        /// The key that can be.
        #[source]
        source: AmbiguousKey,
    },
    /// A document says that it is of another type than what refers to it.
    #[error("{document} has the media type `{own}`, but is referred to as `{referred}`")]
    OtherMediaType {
        /// Which document.
        document: String,
        /// What it says itself.
        own: String,
        /// What the descriptor says.
        referred: String,
    },
    /// A document is too large.
    #[error("{document} is larger than {limit} bytes")]
    TooLarge {
        /// Which document, or what they are together.
        document: String,
        /// How large it may be, in bytes.
        limit: u64,
    },
    /// More entries than an index sensibly has.
    #[error("{index} has more than {limit} entries, the most that are supported")]
    TooManyEntries {
        /// Which index.
        index: String,
        /// How many it may have.
        limit: usize,
    },
    /// Images are looked for in an index that has indexes in it.
    #[error("an index in an index is not supported")]
    NestedIndex,
    /// Indexes in indexes, deeper than anybody needs.
    #[error("there are indexes in indexes, more than {0} deep")]
    TooDeep(usize),
    /// A layout has a version of another format.
    #[error("the OCI image layout has version `{0}`; only `1.0.0` is known")]
    LayoutVersion(String),
    /// A digest of another algorithm.
    #[error("`{0}` is not a SHA-256 digest, the only algorithm that is supported")]
    DigestAlgorithm(String),
    /// A blob is not there.
    #[error("the blob `{0}` is missing")]
    MissingBlob(Digest),
    /// A blob has another size than its descriptor says.
    #[error("the blob `{digest}` is {found} bytes long instead of {expected}")]
    BlobSize {
        /// Its digest.
        digest: Digest,
        /// The size in the descriptor.
        expected: u64,
        /// The size that was found.
        found: u64,
    },
    /// A blob cannot be read, or has another content than its digest says.
    #[error("failed to read the blob `{digest}`")]
    Blob {
        /// Its digest.
        digest: Digest,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is something, but no image.
    #[error("`{0}` is not the media type of an image")]
    NotAnImage(String),
    /// A layer that must not be passed on, or is somewhere else.
    #[error(
        "the layer `{digest}` is a foreign one (`{media_type}`); such layers are not supported"
    )]
    ForeignLayer {
        /// Its digest.
        digest: String,
        /// Its media type.
        media_type: String,
    },
    /// A layer that is not a layer of a file system.
    #[error("`{0}` is not the media type of a layer")]
    LayerMediaType(String),
    /// There are images, but none for the platform.
    #[error("there is no image for `{wanted}`, only for {}", listed(.known))]
    NoPlatform {
        /// The platform.
        wanted: Platform,
        /// Those that there are images for.
        known: Vec<Platform>,
    },
    /// Parts that do not fit.
    #[error("the image contradicts itself")]
    Image(#[source] InvalidImage),
}

fn listed(platforms: &[Platform]) -> String {
    let names: Vec<String> = platforms.iter().map(|p| format!("`{p}`")).collect();
    names.join(", ")
}
