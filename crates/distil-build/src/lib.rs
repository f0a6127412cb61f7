//! From a request to a proved image and its outputs: what `distil build` does, as a library.
//!
//! ```text
//! request ─► recipe ─► lock ─► contents ─► draft ─► proof ─► image ─► outputs
//! ```
//!
//! A [`Session`] is what is the same for all images of a run: the store, the mirrors and keys, how
//! layers are compressed, and who is told of the progress ([`Events`]). A [`Request`] names a
//! definition and which of its images is wanted; [`Session::build`] makes it for all platforms,
//! proves it and writes it. An image that was made of the same inputs before is found, not made.

mod applications;
mod attestations;
mod bytecode;
mod cache;
mod cached;
mod code;
mod default_name;
mod error;
mod event;
mod finished;
mod images;
mod inventory;
mod libraries;
mod lock_changes;
mod lock_error;
mod lock_path;
mod locking;
mod make;
mod meant;
mod mirrors;
mod names;
mod news;
mod output;
mod platforms;
mod program_base;
mod proof;
mod push;
mod request;
mod seen;
mod session;
mod settings;
mod shard;
mod size;
mod used_lock;
mod vendor;
mod vendor_check;
mod vendored;

pub use attestations::{
    AttestError, Attestation, Attestations, Document, Documented, Places, SourcesError,
};
pub use bytecode::CompileError;
pub use cache::{CacheError, CacheSettings};
pub use default_name::DefaultName;
pub use error::{BuildError, MissingPackage, PlatformFailure};
pub use event::{Event, Events, Pushed, Silent, Warning};
pub use finished::{Finished, Summary};
pub use inventory::{Described, InventoryError, inventory_at, inventory_of, inventory_of_image};
pub use libraries::Libraries;
pub use lock_changes::{PackageChange, PlatformChanges, UpdateChanges, package_changes};
pub use lock_error::LockError;
pub use lock_path::{LockPath, write_lock};
pub use locking::{LockRequest, Locked, Unlocked, Update};
pub use make::Made;
pub use meant::Meant;
pub use names::{InvalidName, NameError, NamePattern};
pub use news::{Change, SourceNews};
pub use output::{ImageRequest, Outcome};
pub use platforms::{Absent, PlatformError, absent, architecture, architectures};
pub use program_base::{ProgramBase, ProgramBaseError};
pub use proof::{ProofError, profile_of, runtimes_of};
pub use push::{PushRequest, push};
pub use request::{Request, RequestError, is_definition, suite};
pub use session::{IDENTITY, Session, SessionOptions};
pub use settings::{
    ArchiveSettings, RegistrySettings, SettingsError, epoch, now, open_store, store_limit, threads,
    user_archives,
};
pub use shard::{InvalidShard, Shard};
pub use size::{InvalidSize, Size};
pub use used_lock::UsedLock;
pub use vendor::Vendored;
pub use vendor_check::{VendorCheck, VendorFault};
pub use vendored::VendorError;
