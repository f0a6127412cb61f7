//! Rules and findings over an image, anybody's: is it fit to run without a shell, and does it have
//! what an image for production should not.
//!
//! ```text
//! layers ─► file system ─┐
//!            (merge)     ├─► subject ─► findings ─► verdict
//! configuration ─────────┘    (rules)    (policy)
//! ```
//!
//! Nothing of the image is executed or unpacked. What cannot be read is an error, so that half a
//! look never passes for a whole one.

mod access;
mod finding;
mod merge;
mod node_range;
mod policy;
mod python_specifier;
mod read;
mod rule;
mod rules;
mod runtime;
mod search;
mod stage;
mod subject;
pub mod surface;
mod zip;

pub use finding::{Finding, Severity};
pub use merge::{Filesystem, MergeError, merge};
pub use policy::{Allowance, InvalidPolicy, Judged, Policy, Profile, Verdict};
pub use read::{Diff, Entry, LayerError, Limits, read, read_folder, read_layers};
pub use rule::{RULES, Rule, UnknownRule, manual};
pub use rules::{Options, check};
pub use stage::BuildStage;
pub use subject::{Config, Subject};
pub use zip::{Archive as ZipArchive, ZipError};
