//! Files that packages' scripts would make when they are installed, made by code instead.
//!
//! Each generator looks at the tree as the layers so far have made it, and writes what belongs
//! there into the current layer.

pub(crate) mod accounts;
mod busybox;
pub(crate) mod certificates;
mod components;
mod key_store;
pub(crate) mod loader_cache;
pub(crate) mod mime;
mod name_hash;
mod os_release;
mod package_metadata;
pub(crate) mod php;
pub(crate) mod pixbuf;
mod time_zone;

use distil_bundle::Provenance;
use distil_definition::recipe::Recipe;
use distil_tree::TreePath;

use crate::assembly::Assembly;
use crate::generation::{GenerateError, Generation};

/// Proves of a finished image that what was asked for could be made.
pub(crate) fn check(assembly: &Assembly, recipe: &Recipe) -> Result<(), GenerateError> {
    key_store::check(assembly, recipe)
}

/// Makes the software bill of materials of what a layer has that no package ships.
pub(crate) fn components<'a>(
    generation: &mut Generation<'_>,
    bundles: impl Iterator<Item = &'a Provenance>,
) -> Result<(), GenerateError> {
    let Some(document) = components::document(bundles) else {
        return Ok(());
    };
    let name = components::file_name(&generation.recipe.definition);
    let path = TreePath::of(components::DIRECTORY).join(name);
    generation.file("software bill of materials", &path, document)
}

/// Makes all generated files of a layer.
pub(crate) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    accounts::generate(generation)?;
    os_release::generate(generation)?;
    time_zone::generate(generation)?;
    certificates::generate(generation)?;
    if generation.recipe.is_debug {
        busybox::generate(generation)?;
    }
    loader_cache::generate(generation)?;
    php::generate(generation)?;
    pixbuf::generate(generation)?;
    mime::generate(generation)?;
    // Last, because it tells the sums of what the others made.
    package_metadata::generate(generation)
}
