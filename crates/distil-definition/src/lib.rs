//! Definitions of images: the YAML format, the catalogue that ships with distil, and the recipe
//! that a definition is for one suite, architecture and variant.
//!
//! ```text
//! YAML ─► Definition ─► Recipe
//!       (parse)      (recipe::lower)
//! ```
//!
//! It knows nothing of archives: packages are relations here, and files are the definition's own.

mod architecture;
mod authority;
mod catalogue;
mod entry;
mod explain;
mod format;
mod item;
mod parse;
mod place;
mod policy;
pub mod recipe;
mod support;

pub use architecture::{Architecture, UnsupportedPlatform};
pub use authority::authorities;
pub use catalogue::{Catalogue, CatalogueError, UnknownDefinition};
pub use distil_tree::{PatternError, Patterns};
pub use entry::is_file_name;
pub use format::{
    Accounts, Certificates, Config, Debug, Definition, Dev, DirectoryItem, FileItem, Group,
    Healthcheck, KeyStore, Layers, Overlay, User,
};
pub use item::{OneOrMany, PackageItem};
pub use parse::{DefinitionError, parse, schema};
pub use place::{Step, locate};
pub use policy::Policy;
pub use support::{Phase, RuntimeSupport, SuiteSupport, Support};
