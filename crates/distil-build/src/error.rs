//! Why an image could not be made, proved or written.

use distil_debian::archive::ArchiveError;
use distil_debian::index::IndexError;
use distil_definition::recipe::RecipeError;
use distil_image::{AssembleError, ConfigError, LayerError};
use distil_lock::java::JavaError;
use distil_lock::node::NodeError;
use distil_lock::python::PythonError;
use distil_lock::{BundleSourceError, ContentsError, ResolveError};
use distil_oci::{InvalidImage, Platform, TransportError};
use distil_store::StoreError;
use distil_tree::folder::FolderError;

use crate::attestations::AttestError;
use crate::images::ImagePartError;
use crate::inventory::InventoryError;
use crate::lock_error::LockError;
use crate::names::NameError;
use crate::platforms::PlatformError;
use crate::program_base::ProgramBaseError;
use crate::proof::ProofError;
use crate::request::RequestError;
use crate::settings::SettingsError;
use crate::vendored::VendorError;

/// Why an image could not be made, proved or written.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The request names what there is not.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// This machine's settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The definition is wrong.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The archive cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The packages contradict one another.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A stanza of an index is wrong.
    #[error("an index of packages cannot be read")]
    Index(#[source] IndexError),
    /// A lock cannot be made or used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A package cannot be had or read.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// Files of no package cannot be had.
    #[error(transparent)]
    Bundle(#[from] BundleSourceError),
    /// A part of another image cannot be copied.
    #[error(transparent)]
    ImagePart(#[from] ImagePartError),
    /// A Python application cannot be installed.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// A Node.js application cannot be installed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A Java application cannot be installed.
    #[error(transparent)]
    Java(#[from] JavaError),
    /// The files contradict one another, or the image would not run.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// A layer cannot be written.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The image cannot be put together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The image does not pass its profile of `check`.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// There is no image for a program.
    #[error(transparent)]
    Program(#[from] ProgramBaseError),
    /// The platforms are wrong or do not agree.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// Some platforms cannot be made, so that none is.
    #[error(
        "`{image}` cannot be built for {} of {} platforms, so it is built for none",
        failures.len(), failures.len() + others.len()
    )]
    Platforms {
        /// The image as it was asked for.
        image: String,
        /// Those that cannot be made, and why.
        failures: Vec<PlatformFailure>,
        /// The others.
        others: Vec<Platform>,
    },
    /// The images of the platforms make no index.
    #[error(transparent)]
    Image(#[from] InvalidImage),
    /// A name cannot be made of what the image has.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An output cannot be written.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A directory for a root file system cannot be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A directory cannot be filled or checked.
    #[error(transparent)]
    Vendor(#[from] VendorError),
    /// It is not known what is in the image.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// Nothing could be said of the image, or attached to it.
    #[error(transparent)]
    Attest(#[from] AttestError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody may be asked over the network, and packages are not on this machine.
    #[error("not in the store, and in no local mirror: {}{}", counted(packages.len()), listed(packages))]
    Offline {
        /// The packages, sorted by layer and name.
        packages: Vec<MissingPackage>,
    },
}

/// A package that is not on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The size of its file.
    pub bytes: u64,
}

fn counted(packages: usize) -> String {
    match packages {
        1 => "1 package".to_owned(),
        packages => format!("{packages} packages"),
    }
}

fn listed(packages: &[MissingPackage]) -> String {
    let lines = packages
        .iter()
        .map(|one| format!("\n  {} {} ({} bytes)", one.name, one.version, one.bytes));
    lines.collect()
}

/// Why an image cannot be made for one platform.
#[derive(Debug)]
pub struct PlatformFailure {
    /// The platform.
    pub platform: Platform,
    /// Why.
    pub error: BuildError,
}
