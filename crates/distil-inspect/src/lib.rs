//! One reading of any image: the merged file system with what each layer did for it, packages,
//! licences and configuration.
//!
//! ```text
//! layers ─► changesets ─► file system ─┐
//!    (read)         (merge)            ├─► inspection ─► packages, runtimes, …
//!         configuration ───────────────┘
//! ```
//!
//! Nothing of the image is executed or unpacked. What cannot be read is an error, so that half a
//! look never passes for a whole one; what engines read in several ways is told as such.

mod ambiguity;
mod changeset;
pub mod closure;
pub mod command;
mod container;
mod error;
pub mod exposure;
mod inspection;
mod kept;
mod limits;
mod merge;
mod packages;
pub mod program;
mod read;
pub mod runtime;
pub mod search;
mod stage;

pub use ambiguity::{Ambiguity, AmbiguityKind};
pub use changeset::{Changeset, Entry, FileContent};
pub use container::ContainerConfig;
pub use distil_tree::zip::{Archive as ZipArchive, ZipError};
pub use error::{InspectError, LayerError, MergeError};
pub use inspection::Inspection;
pub use kept::{LIBRARY_CALLS, MAX_DOCUMENT, is_archive, is_document, is_python_module, largest};
pub use limits::Limits;
pub use merge::{Amount, Device, Filesystem, LayerChanges, ReplacedLink, merge};
pub use packages::{Package, PackagesError, owned, packages};
pub use read::{Options, read, read_directory, read_layers, read_tar};
pub use stage::{BuildStage, newer_release, release};
