//! Definitions of images: the YAML format, the catalogue that ships with distil, and the recipe
//! that a definition is for one suite, architecture and variant.
//!
//! ```text
//! YAML ─► Definition ─► Recipe
//!       (parse)      (recipe::lower)
//! ```
//!
//! It knows nothing of archives: packages are relations here, and files are the definition's own.

mod application;
mod architecture;
mod authority;
mod base_passwd;
mod catalogue;
mod elsewhere;
mod explain;
mod format;
mod harmless;
mod healthcheck;
mod item;
mod layers;
mod parse;
mod pointer;
mod policy;
pub mod recipe;
mod span;
mod support;
mod syntax;
mod yaml;

pub use application::{JavaItem, NodeItem, PythonItem};
pub use architecture::{Architecture, UnsupportedPlatform};
pub use authority::{StrictRefusal, authorities, strict_refusal};
pub use base_passwd::{base_groups, base_users};
pub use catalogue::{Catalogue, CatalogueError, UnknownDefinition};
pub use distil_tree::{PatternError, Patterns};
pub use elsewhere::{
    ArchiveItem, ComponentItem, CopyItem, DownloadFormat, DownloadItem, DownloadVariant,
};
pub use format::{
    Accounts, Certificates, Config, Debug, Definition, Dev, DirectoryItem, FileItem, Group,
    KeyStore, Overlay, User,
};
pub use healthcheck::{Healthcheck, Statuses};
pub use item::{OneOrMany, PackageItem};
pub use layers::{DEFAULT_MOST_LAYERS, LayerBudget, Layers, MOST_LAYERS};
pub use parse::{DefinitionError, parse, schema};
pub use pointer::Pointer;
pub use policy::Policy;
pub use recipe::is_file_name;
pub use span::locate;
pub use support::{Phase, RuntimeSupport, SuiteSupport, Support};
pub use yaml::read_yaml;
