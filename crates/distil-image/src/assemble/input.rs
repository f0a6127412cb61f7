//! What the steps read that make a layer.

use distil_debian::deb::PackageFile;
use distil_definition::recipe::LayerRecipe;
use distil_lock::{Contents, LockedPackage};

use crate::installation::Installation;

/// What a layer is made of.
#[derive(Clone, Copy)]
pub(super) struct LayerInput<'a> {
    /// What its definition says.
    pub(super) recipe: &'a LayerRecipe,
    /// Its packages.
    pub(super) packages: &'a [LockedPackage],
    /// The contents of the packages of all layers.
    pub(super) contents: &'a Contents,
    /// How packages come into the image.
    pub(super) installation: Installation,
}

impl<'a> LayerInput<'a> {
    /// The layer's packages whose contents are known.
    pub(super) fn unpacked(&self) -> impl Iterator<Item = (&'a LockedPackage, &'a PackageFile)> {
        let contents = self.contents;
        let packages = self.packages.iter();
        packages.filter_map(|package| Some((package, contents.get(&package.name)?)))
    }
}
