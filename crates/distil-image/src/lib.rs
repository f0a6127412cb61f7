//! From a lock and the contents of its packages to the tree, the layers and the configuration of an
//! image.
//!
//! ```text
//! recipe, lock, contents ─► assembly ─► layers ─► image
//!                        (assemble)  (layers)  (config)
//! ```
//!
//! It knows neither networks nor archives: packages are unpacked when they come here.

mod assemble;
mod assembly;
mod base_files;
mod bytecode;
mod closure;
mod config;
mod exposure;
mod generate;
mod generation;
mod installation;
mod installed;
mod layer_tree;
mod layers;
mod merged_usr;
mod owners;
mod packing;
mod prepared;
mod program;
mod scanners;
#[cfg(test)]
mod unpacked;
mod whiteout;
mod why;

pub use assemble::{AssembleError, assemble};
pub use assembly::{Amount, Assembly, InstalledPackage, LeftOut, Omission, PlacedBundle, Undone};
pub use bytecode::{BytecodeError, Compiler, CompilerFailure, Interpreter, PythonSource};
pub use closure::ClosureError;
pub use config::ConfigError;
pub use exposure::{Found, SurfaceError};
pub use generate::mime::mime_cache;
pub use generation::GenerateError;
pub use installed::{pam_configurations, watched};
pub use layer_tree::LayerTree;
pub use layers::{LAYER_FORMAT, LayerCache, LayerError, NoLayerCache, StoredLayer, are_whole};
pub use prepared::{Built, Draft, IMAGE_FORMAT, LayerOptions, Prepared};
pub use program::ProgramError;
pub use scanners::ScannerError;
pub use why::{
    FoundFile, FoundLink, LeftOutFile, LeftOutRelation, Step, WhyFile, WhyPackage, why_file,
    why_package,
};
