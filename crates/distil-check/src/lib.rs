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
mod class_path;
mod context;
mod finding;
mod instruction;
mod manual;
mod node_modules;
mod node_range;
mod platform;
mod policy;
mod profile;
mod python_path;
mod python_specifier;
mod rule;
mod rules;
mod severity;
mod subject;
mod venvs;

pub use context::Options;
pub use finding::Finding;
pub use manual::manual;
pub use policy::{Allowance, InvalidPolicy, Judged, Policy, Verdict};
pub use profile::Profile;
pub use rule::{RULES, Rule, UnknownRule};
pub use rules::check;
pub use severity::Severity;
pub use subject::Subject;
