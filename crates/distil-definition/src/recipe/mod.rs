//! A definition made plain: its ancestors looked up, its overlays applied for one suite and
//! architecture, its variables filled in, its files read. What comes after knows no YAML.

mod chain;
mod dev;
mod error;
mod inputs;
mod layer;
mod lower;
mod merge;
mod place;
mod run;
mod source;
mod suites;
mod target;
mod values;
mod variables;
mod variant;
mod whole;

pub use dev::is_tool;
pub use error::{RecipeError, UnsuitableSuite};
pub use inputs::Inputs;
pub use layer::{Addition, LayerRecipe, NewCertificates, NewFile, PackageRequest};
pub use lower::lower;
pub use place::{Place, Text};
pub use source::Source;
pub use suites::suites;
pub use target::Target;
pub use variables::{UnknownVariable, expand};
pub use variant::{UnknownVariant, Variant};
pub use whole::Recipe;
