//! What was found at a place.

use crate::artifact::Artifact;
use crate::document_error::DocumentError;
use crate::image::Image;
use crate::index::{ImageIndex, Manifest};
use crate::platform::Platform;
use crate::transport::error::TransportError;
use crate::transport::location::Location;

/// What a name at a place points to. Images of an index are read when they are asked for, and layers
/// when they are opened, each from a registry once; so the place must not change until then.
#[derive(Debug, Clone)]
pub struct Opened {
    location: Location,
    manifest: Manifest,
}

impl Opened {
    pub(crate) fn new(location: Location, manifest: Manifest) -> Self {
        Self { location, manifest }
    }

    /// Where it was found.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// What was found, for writing it to another place as it is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The index, if it is one.
    pub fn index(&self) -> Option<&ImageIndex> {
        match &self.manifest {
            Manifest::Index(index) => Some(index),
            _ => None,
        }
    }

    /// The artifact, if it is one.
    pub fn artifact(&self) -> Option<&Artifact> {
        match &self.manifest {
            Manifest::Artifact(artifact) => Some(artifact),
            _ => None,
        }
    }

    /// The image for `platform`; without one, that for this machine, else the first.
    ///
    /// # Errors
    /// When there is none ([`DocumentError::NoPlatform`]), or it cannot be read.
    pub fn image_for(&self, platform: Option<&Platform>) -> Result<Image, TransportError> {
        let image = match platform {
            Some(platform) => self.manifest.image_for(platform),
            None => self.manifest.image_for_host(),
        };
        image.map_err(|error| self.failed(error))
    }

    /// All images, at least one.
    ///
    /// # Errors
    /// When there is none, or one cannot be read.
    pub fn images(&self) -> Result<Vec<Image>, TransportError> {
        self.manifest.images().map_err(|error| self.failed(error))
    }

    /// The platforms that there are images for.
    ///
    /// # Errors
    /// When an image has to be read for it, and cannot be.
    pub fn platforms(&self) -> Result<Vec<Platform>, TransportError> {
        let platforms = self.manifest.platforms();
        platforms.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: DocumentError) -> TransportError {
        TransportError::read(&self.location, error)
    }
}
