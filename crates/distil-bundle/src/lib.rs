//! Files of an image that no Debian package ships: a downloaded file or archive, a directory of
//! this machine, later the packages of a language.
//!
//! ```text
//! archive, directory ─► BundleWriter ─► one file of the store ─► BundleFile
//!               (unpack, Listing)                          (entries, contents)
//! ```
//!
//! A bundle knows nothing of where its files go in an image; whoever places it says that. Its
//! [`Provenance`] says where it is from.

mod bundle;
mod component;
mod compression;
mod error;
mod format;
mod listing;
mod rules;
mod unpack;
mod writer;

pub use bundle::{BundleEntry, BundleFile, EntryKind, Ownership};
pub use component::{Component, Provenance};
pub use error::{BundleError, ListingError};
pub use format::ArchiveFormat;
pub use listing::{IGNORE_FILES, Listed, ListedKind, Listing};
pub use rules::PathRules;
pub use unpack::{Limits, unpack};
pub use writer::BundleWriter;
