//! The recipe of one image: its layers and how a container of it runs.

use distil_debian::archive::Moment;
use distil_debian::suite::Suite;

use super::archives::Origins;
use super::author::Author;
use super::inputs::{self, Inputs, Meaning};
use super::layer::LayerRecipe;
use super::variant::Variant;
use super::written::ConfigPositions;
use crate::architecture::Architecture;
use crate::format::Config;

/// All that is needed to make one image, but for the packages.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The definition's name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whose image it is.
    pub author: Author,
    /// Which of its images.
    pub variant: Variant,
    /// The release of Debian.
    pub suite: Suite,
    /// The architecture.
    pub architecture: Architecture,
    /// What all of this was made of.
    pub inputs: Inputs,
    /// What each definition means, the lowest first; flags that change the image are the last.
    pub definitions: Vec<Meaning>,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerRecipe>,
    /// Of the variant `dev`, the layers of the image itself: their packages are in it, at the
    /// same versions. None of the other variants.
    pub same_as: Vec<LayerRecipe>,
    /// How a container runs.
    pub config: Config,
    /// The programs that the definitions run, whether the image still runs them or not: an
    /// interpreter among them is no accident.
    pub runtimes: Vec<String>,
    /// The positions of what definitions say of that.
    pub positions: ConfigPositions,
    /// Where packages come from beside Debian's release.
    pub origins: Origins,
    /// Mirrors that the definition names, or the nearest of those that it stands on.
    pub mirrors: Vec<String>,
    /// The snapshot service that the definition names, or the nearest of those that it stands on.
    pub snapshot_service: Option<String>,
    /// The moment whose state of the archive the definition names, or the nearest of those that it
    /// stands on.
    pub snapshot: Option<Moment>,
}

impl Recipe {
    /// Counts the images anew that files are copied from, after somebody has looked for them.
    pub fn digest_files(&mut self) {
        self.inputs.files = inputs::files(&self.layers);
    }
}
