//! An image as a whole, read once.

use std::path::Path;

use distil_oci::Image;

use crate::container::ContainerConfig;
use crate::error::InspectError;
use crate::merge::{Filesystem, merge};
use crate::packages::{Package, PackagesError, packages};
use crate::read::{Options, read_directory, read_layers};

/// What an image has, and how it is run.
#[derive(Debug, Default)]
pub struct Inspection {
    /// What a container sees, and what each layer did for it.
    pub filesystem: Filesystem,
    /// How it is run; nothing is known of that for a plain root file system.
    pub config: ContainerConfig,
}

impl Inspection {
    /// Reads an image, each of its layers once.
    ///
    /// # Errors
    /// If a layer cannot be read, or the layers contradict one another.
    pub fn of_image(image: &Image, options: Options) -> Result<Self, InspectError> {
        let layers = image.layers();
        let changesets = read_layers(layers, options).map_err(|(number, source)| {
            let digest = layers.get(number).map(|layer| layer.digest().to_string());
            InspectError::Layer {
                layer: number + 1,
                digest: digest.unwrap_or_default(),
                source,
            }
        })?;
        Ok(Self {
            filesystem: merge(changesets)?,
            config: ContainerConfig::of(image),
        })
    }

    /// Reads a plain root file system in a directory of this machine. No link of it is followed.
    ///
    /// # Errors
    /// If something in it cannot be read.
    pub fn of_directory(path: &Path, options: Options) -> Result<Self, InspectError> {
        let changeset = read_directory(path, options).map_err(InspectError::Root)?;
        Ok(Self {
            filesystem: merge(vec![changeset])?,
            config: ContainerConfig::default(),
        })
    }

    /// The Debian packages that the image's metadata names, sorted by name.
    ///
    /// # Errors
    /// If the metadata cannot be read.
    pub fn packages(&self) -> Result<Vec<Package>, PackagesError> {
        packages(&self.filesystem.tree)
    }
}
