//! What is said of an image and signed: bills of materials, provenance, signatures, and the places
//! where others look for them.
//!
//! ```text
//! inspection ─► inventory ─► SPDX, CycloneDX ─┐
//!                                             ├─► statement ─► envelope ─► bundle ─► referrer
//!                 build ─► provenance ────────┘      (in-toto)    (DSSE)   (Sigstore)
//! ```
//!
//! It knows nothing of how an image is made; what its maker knows is told it.

pub mod attach;
pub mod bundle;
pub mod dsse;
pub mod inventory;
pub mod key;
pub mod keyless;
pub mod provenance;
pub mod purl;
pub mod sbom;
pub mod sign;
pub mod simple_signing;
pub mod sources;
pub mod statement;
pub mod verify;
pub mod vex;
