//! Definitions of images, the catalogue, and the making of a tree and an image from them.
//!
//! ```text
//! definition ─► recipe ─► resolution ─► contents ─► assembly ─► layers ─► image
//!  (YAML)       (lower)   (resolve)     (fetch)     (assemble)  (write)   (config)
//! ```
//!
//! Each arrow has a type at both ends and a module of its own; data goes one way.

mod architecture;
mod assemble;
mod authority;
mod build;
mod closure;
mod config;
mod contents;
pub mod definition;
mod effects;
mod finished;
mod generate;
mod installed;
mod layers;
mod owners;
mod policy;
mod program;
pub mod recipe;
mod resolve;
mod scanners;
mod support;
mod surface;
mod why;

pub use architecture::{Architecture, UnsupportedPlatform};
pub use assemble::{
    Amount, AssembleError, Assembly, InstalledPackage, LeftOut, Omission, Undone, assemble,
};
pub use authority::authorities;
pub use build::{
    BuildError, BuildOptions, Built, Draft, Made, Prepared, Progress, build, make, prepare, solve,
};
pub use closure::ClosureError;
pub use config::ConfigError;
pub use contents::{Contents, fetch};
pub use distil_tree::{PatternError, Patterns};
pub use effects::missing;
pub use finished::{Finished, Summary};
pub use generate::GenerateError;
pub use installed::{pam_configurations, watched};
pub use layers::{LayerError, LayerTree};
pub use policy::Policy;
pub use program::ProgramError;
pub use resolve::{LocalFile, Resolution, ResolveError, ResolvedLayer, resolve};
pub use scanners::ScannerError;
pub use support::{Phase, RuntimeSupport, SuiteSupport, Support};
pub use surface::{Found, SurfaceError};
pub use why::{
    FoundFile, FoundLink, LeftOutFile, LeftOutRelation, Step, WhyFile, WhyPackage, why_file,
    why_package,
};
