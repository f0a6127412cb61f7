//! What an image is made of, exactly, and how each part is had.
//!
//! ```text
//! recipe, index ─► lock ─► contents
//!            (resolve)  (fetch, from a PackageSource)
//! ```
//!
//! A [`Lock`] names every package by its digest and by where it lies in an archive, so that it is
//! had again without opening the archive: from the store, from any mirror, or from a directory.

mod bundles;
mod causes;
mod contents;
mod elsewhere;
pub mod file;
mod gate;
pub mod java;
mod lock;
pub mod node;
pub mod python;
mod resolve;
mod resolve_error;
mod source;
mod view;

pub use bundles::{Bundle, BundleSourceError, fetch_bundles, fetch_downloads, look_at};
pub use contents::{Contents, ContentsError, Fetch, fetch, missing, stored};
pub use elsewhere::Elsewhere;
pub use lock::{
    ArchiveFile, LOCAL, LocalFile, Lock, LockedDownload, LockedLayer, LockedPackage,
    PackageRelations,
};
pub use resolve::{downloads_of, local_files_of, resolve};
pub use resolve_error::ResolveError;
pub use source::{
    DirectorySource, LocalSource, MirrorSource, PackageSource, ReadFile, SnapshotSource, Sources,
    StoreSource,
};
