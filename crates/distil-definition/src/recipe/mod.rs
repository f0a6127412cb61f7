//! A definition made plain: its ancestors looked up, its overlays applied for one suite and
//! architecture, its variables filled in, its files read. What comes after knows no YAML.

mod accounts;
mod additions;
mod archives;
mod author;
mod bundle;
mod causes;
mod chain;
mod dev;
mod elsewhere;
mod error;
mod healthcheck;
mod image_source;
mod inputs;
mod java;
mod layer;
mod local;
mod lower;
mod merge;
mod node;
mod part;
mod position;
mod python;
mod run;
mod source;
mod suites;
mod target;
mod values;
mod variables;
mod variant;
mod whole;
mod written;

pub use archives::{NewArchive, Origins};
pub use author::Author;
pub use bundle::{BundleSource, Download, ImageSource, NewBundle, Placement};
pub use dev::is_tool;
pub use error::{RecipeError, UnsuitableSuite};
pub use inputs::{Inputs, Meaning};
pub use java::{JarContent, NewJar, NewJava};
pub use layer::{
    Addition, LayerRecipe, LocalPackage, NewCertificates, NewFile, NewLink, NewPath, PackageRequest,
};
pub use lower::lower;
pub use node::NewNode;
pub use position::{Position, Text};
pub use python::{LocalWheel, NewPython};
pub use source::{Origin, Source, is_file_name};
pub use suites::suites;
pub use target::Target;
pub use variables::{UnknownVariable, expand};
pub use variant::{UnknownVariant, Variant};
pub use whole::Recipe;
pub use written::{ConfigPositions, Reason, WrittenPatterns};
