//! An image before and after its layers are written.

use std::num::NonZeroUsize;

use distil_definition::recipe::Recipe;
use distil_lock::{Contents, Lock};
use distil_oci::{Compression, Image, Layer};
use distil_store::Store;

use crate::assemble::{AssembleError, assemble};
use crate::assembly::Assembly;
use crate::bytecode::Compiler;
use crate::config::{self, ConfigError};
use crate::layers::{self, LayerCache, LayerError, StoredLayer};

/// Names how the files and the configuration of an image are made of its packages and definitions, Python's
/// compiled files among them; to be raised when the same ones make other bytes. Locks have it: a test holds the digest of an image.
pub const IMAGE_FORMAT: u32 = 3;

/// How the bytes of an image are made, whichever it is.
#[derive(Debug, Clone)]
pub struct LayerOptions {
    /// How layers are compressed.
    pub compression: Compression,
    /// `SOURCE_DATE_EPOCH` (reproducible-builds.org's specification): the time, in seconds since
    /// 1970, that generated files and the image get.
    pub epoch: Option<i64>,
    /// On how many threads layers are compressed.
    pub threads: NonZeroUsize,
}

/// The packages and files of an image, without its layers.
pub struct Prepared {
    /// What it is made from.
    pub recipe: Recipe,
    /// Its packages.
    pub lock: Lock,
    /// Its files.
    pub assembly: Assembly,
}

/// An image, and what is to be told of it.
#[derive(Debug)]
pub struct Built {
    /// The image.
    pub image: Image,
    /// What it was made from.
    pub recipe: Recipe,
    /// Its packages.
    pub lock: Lock,
    /// Its files.
    pub assembly: Assembly,
}

/// What is known of an image before its layers are compressed.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// What it is made from.
    pub recipe: &'a Recipe,
    /// Its files.
    pub assembly: &'a Assembly,
    /// The image, without its layers.
    pub image: &'a Image,
}

impl Built {
    /// What is proved of an image.
    pub fn draft(&self) -> Draft<'_> {
        Draft {
            recipe: &self.recipe,
            assembly: &self.assembly,
            image: &self.image,
        }
    }
}

impl Prepared {
    /// Makes the tree of an image of the contents of its packages, and proves what is promised of
    /// it.
    ///
    /// # Errors
    /// If the definition or its packages contradict themselves, or the image would not run.
    pub fn new(
        recipe: Recipe,
        lock: Lock,
        contents: &Contents,
        epoch: Option<i64>,
        compiler: &dyn Compiler,
    ) -> Result<Self, AssembleError> {
        let assembly = assemble(&recipe, &lock, contents, epoch, compiler)?;
        Ok(Self {
            recipe,
            lock,
            assembly,
        })
    }

    /// Writes the layers into the store, but for those that another machine made, and gives them as it and
    /// as an image has them.
    ///
    /// # Errors
    /// If the files cannot be read or the store cannot be written.
    pub fn compress(
        &self,
        options: &LayerOptions,
        store: &Store,
        cache: &dyn LayerCache,
    ) -> Result<(Vec<StoredLayer>, Vec<Layer>), LayerError> {
        let written = layers::write(
            &self.assembly.layers,
            options.compression,
            options.threads,
            store,
            cache,
        )?;
        Ok(written.into_iter().unzip())
    }

    /// The image of these layers, or without any the draft of it.
    ///
    /// # Errors
    /// If its configuration names what its files or packages do not have.
    pub fn image(&self, layers: Vec<Layer>, options: &LayerOptions) -> Result<Image, ConfigError> {
        let times = self.assembly.tree.iter();
        let newest = times.map(|(_, entry)| entry.meta.mtime).max();
        let created = options.epoch.or(newest).unwrap_or_default();
        let (recipe, lock) = (&self.recipe, &self.lock);
        config::image(recipe, lock, &self.assembly, layers, created)
    }

    /// The whole image.
    ///
    /// # Errors
    /// As [`Prepared::image`].
    pub fn finish(self, layers: Vec<Layer>, options: &LayerOptions) -> Result<Built, ConfigError> {
        Ok(Built {
            image: self.image(layers, options)?,
            recipe: self.recipe,
            lock: self.lock,
            assembly: self.assembly,
        })
    }
}
