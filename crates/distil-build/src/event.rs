//! What is told while an image is made.

use distil_attest::key::PublicKey;
use distil_attest::sign::Signed;
use distil_debian::archive::Moment;
use distil_oci::{Location, Platform, Reference};

/// A step of making an image, or something that has happened in it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The Releases and indexes of the archive are read.
    ReadingArchive,
    /// These are those of a state that the archive had.
    Snapshot {
        /// The moment.
        moment: Moment,
    },
    /// The archive's indexes of contents are read.
    ReadingContents,
    /// The packages are being chosen.
    Solving,
    /// Packages are to be fetched and unpacked.
    Fetching {
        /// How many.
        packages: u64,
        /// The bytes of their `.deb` files in all.
        bytes: u64,
    },
    /// One of these packages is there.
    Fetched {
        /// Its name.
        package: &'a str,
        /// The bytes of its `.deb` file.
        bytes: u64,
    },
    /// A file of no package is being downloaded.
    Downloading {
        /// Its address.
        url: &'a str,
    },
    /// The tree is made of the packages.
    Assembling,
    /// The layers are written and compressed.
    Compressing,
    /// Another machine makes the layers of a base, and they are waited for.
    Awaiting {
        /// The definition of the base.
        definition: &'a str,
    },
    /// All that moves is done, for now: images are made, or making one failed.
    Idle,
    /// An output was right already and is left alone.
    Unchanged {
        /// The image's first name.
        reference: &'a Reference,
        /// The output.
        location: &'a Location,
    },
    /// An output was written.
    Wrote {
        /// The image's first name.
        reference: &'a Reference,
        /// The output.
        location: &'a Location,
        /// The bytes of the image's layers, as they are stored, of all platforms.
        bytes: u64,
        /// Whether a file was there with something else in it, which is gone now.
        replaced: bool,
    },
    /// The files of an image were written into a directory.
    WroteRoot {
        /// The image's definition.
        name: &'a str,
        /// The output.
        location: &'a Location,
        /// How many files.
        files: u64,
        /// The bytes in them.
        bytes: u64,
    },
    /// Blobs of an image are to be in a registry.
    Pushing {
        /// How many.
        blobs: u64,
        /// Their bytes in all.
        bytes: u64,
    },
    /// One of these blobs is there, sent or not.
    BlobPushed {
        /// Its bytes.
        bytes: u64,
    },
    /// An image is in a registry.
    Pushed {
        /// Where.
        location: &'a Location,
        /// What was done for it.
        pushed: &'a Pushed,
    },
    /// A document was attached to an image.
    Attached {
        /// Of which type it is.
        predicate_type: &'a str,
        /// Where the image is.
        place: &'a Location,
        /// The image's platform.
        platform: &'a Platform,
        /// Whether it is signed, too.
        is_signed: bool,
    },
    /// An image was signed.
    Signed {
        /// Where it is.
        place: &'a Location,
        /// By which key.
        key: &'a PublicKey,
        /// What of it.
        signed: &'a [Signed],
    },
    /// Something that a user should know.
    Warning(Warning<'a>),
}

/// What was done to have an image in a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pushed {
    /// The tags that lead to it.
    pub tags: Vec<String>,
    /// Whether one of them led elsewhere before, or nowhere.
    pub moved: bool,
    /// How many blobs were sent.
    pub uploaded: u64,
    /// The bytes of those.
    pub bytes: u64,
    /// How many blobs the registry took from another of its repositories.
    pub mounted: u64,
    /// How many blobs were there.
    pub present: u64,
}

/// Something that a user should know of an image that was made, or of the session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Warning<'a> {
    /// The image's layers are compressed by zstd, which Docker before version 23 may not load.
    Zstd,
    /// Maintainer scripts of packages would have done what distil did not do in their place.
    ScriptsNotRun {
        /// The packages that have such scripts, sorted.
        packages: &'a [String],
    },
    /// Packages of npm have scripts that would be run when they are installed, and nothing prebuilt instead.
    InstallScripts {
        /// The packages, as `NAME@VERSION`, sorted.
        packages: &'a [String],
    },
    /// The files of a root file system are the user's own, since only root can give them others'.
    OwnersNotKept,
    /// A Release of the archive is trusted, and something about it is odd.
    Release(&'a distil_debian::archive::ReleaseWarning),
    /// An authority that a definition brings is refused by programs that check strictly.
    StrictlyRefused {
        /// The file that it is in, as the definition has it.
        file: &'a str,
        /// The authority, and what is wrong with it.
        refusal: &'a distil_definition::StrictRefusal,
    },
    /// A definition changed since it was locked, in what does not touch its packages.
    LockDiffers {
        /// The lock.
        lock: &'a str,
        /// What changed.
        change: &'a distil_lock::file::Change,
    },
    /// The store cannot be written, so that nothing that was made is kept.
    StoreReadOnly {
        /// Its directory.
        root: &'a std::path::Path,
    },
    /// Files of the store were damaged, and were made again.
    StoreDamaged {
        /// How many.
        files: u64,
    },
    /// What a cache has is not used, or it does not take what was made.
    CacheUnused {
        /// The cache.
        repository: &'a distil_oci::reference::Repository,
        /// Why.
        error: &'a crate::cache::CacheError,
    },
    /// The layers of a base that another part has did not come in time.
    LayersLate {
        /// The definition of the base.
        definition: &'a str,
    },
    /// The store could not be kept to its size.
    StoreNotPruned {
        /// Why.
        error: &'a distil_store::StoreError,
    },
}

impl Warning<'_> {
    /// A word for the kind of warning, which stays.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Zstd => "zstd-layers",
            Self::ScriptsNotRun { .. } => "scripts-not-run",
            Self::InstallScripts { .. } => "install-scripts-not-run",
            Self::OwnersNotKept => "owners-not-kept",
            Self::Release(_) => "release",
            Self::StrictlyRefused { .. } => "strictly-refused",
            Self::LockDiffers { .. } => "lock-differs",
            Self::StoreReadOnly { .. } => "store-read-only",
            Self::StoreDamaged { .. } => "store-damaged",
            Self::CacheUnused { .. } => "cache-unused",
            Self::LayersLate { .. } => "layers-late",
            Self::StoreNotPruned { .. } => "store-not-pruned",
        }
    }
}

/// Who is told of what happens. Called from several threads.
pub trait Events: Send + Sync {
    /// Takes one event.
    fn event(&self, event: Event<'_>);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Events for Silent {
    fn event(&self, _: Event<'_>) {}
}
