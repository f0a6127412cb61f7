//! All steps from a definition to an image, in order.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use distil_debian::archive::{Archive, ArchiveError, ArchiveOptions};
use distil_debian::fetch::Fetcher;
use distil_oci::{Compression, Image, Layer};
use distil_store::{Store, StoreError, parallel};

use crate::assemble::{AssembleError, Assembly, assemble};
use crate::config::{self, ConfigError};
use crate::contents;
use crate::finished::{self, Finished};
use crate::layers::{self, LayerError, StoredLayer};
use crate::recipe::{Recipe, RecipeError};
use crate::resolve::{Resolution, ResolveError, resolve};

/// How images are made, whichever they are.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// How layers are compressed.
    pub compression: Compression,
    /// `SOURCE_DATE_EPOCH`: the time, in seconds since 1970, that generated files and the
    /// image get.
    pub epoch: Option<i64>,
    /// On how many threads.
    pub threads: NonZeroUsize,
    /// What no other version of the program is called: what one made, another does not take for
    /// its own.
    pub program: &'static str,
}

/// What is told while an image is made.
pub trait Progress: Sync {
    /// A step has begun.
    fn step(&self, what: &str);
    /// So many packages with so many bytes in all are to be fetched and read.
    fn packages(&self, count: u64, bytes: u64);
    /// One of them is there; so large was it.
    fn package(&self, bytes: u64);
}

/// An image, and what is to be told of it.
#[derive(Debug)]
pub struct Built {
    /// The image.
    pub image: Image,
    /// What it was made from.
    pub recipe: Recipe,
    /// Its packages.
    pub resolution: Resolution,
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

/// Why an image could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The definition is wrong.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The archive cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The packages contradict one another.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The files contradict one another, or the image would not run.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// A layer cannot be written.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The image cannot be put together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The packages and files of an image, without its layers.
pub struct Prepared {
    /// What it is made from.
    pub recipe: Recipe,
    /// Its packages.
    pub resolution: Resolution,
    /// Its files.
    pub assembly: Assembly,
}

/// Finds the packages of an image, and fetches none of them.
///
/// # Errors
/// As the steps have them.
pub fn solve(
    recipe: &Recipe,
    archive: &ArchiveOptions,
    options: &BuildOptions,
    store: &Store,
    fetcher: &Fetcher,
    progress: &dyn Progress,
) -> Result<Resolution, BuildError> {
    progress.step("reading the archive");
    let archive = Archive::open(archive, store, fetcher)?;
    resolution(recipe, &archive, options, store, fetcher, progress)
}

/// Does all steps but the compressing: enough to show an image.
///
/// # Errors
/// As the steps have them.
pub fn prepare(
    recipe: Recipe,
    archive: &ArchiveOptions,
    options: &BuildOptions,
    store: &Store,
    fetcher: &Fetcher,
    progress: &dyn Progress,
) -> Result<Prepared, BuildError> {
    progress.step("reading the archive");
    let archive = Archive::open(archive, store, fetcher)?;
    prepare_from(recipe, &archive, options, store, fetcher, progress)
}

fn prepare_from(
    recipe: Recipe,
    archive: &Archive,
    options: &BuildOptions,
    store: &Store,
    fetcher: &Fetcher,
    progress: &dyn Progress,
) -> Result<Prepared, BuildError> {
    let resolution = resolution(&recipe, archive, options, store, fetcher, progress)?;
    let sizes = || resolution.packages().map(|(_, one)| one.package.size);
    progress.packages(sizes().count() as u64, sizes().sum());
    let done = |package: &distil_debian::package::BinaryPackage| progress.package(package.size);
    let contents = contents::fetch(&resolution, archive, store, fetcher, options.threads, &done)?;
    progress.step("assembling");
    let assembly = assemble(&recipe, &resolution, &contents, options.epoch)?;
    Ok(Prepared {
        recipe,
        resolution,
        assembly,
    })
}

/// The packages, as they were found before or from the indexes, which are read for that alone.
fn resolution(
    recipe: &Recipe,
    archive: &Archive,
    options: &BuildOptions,
    store: &Store,
    fetcher: &Fetcher,
    progress: &dyn Progress,
) -> Result<Resolution, BuildError> {
    let states = archive.states();
    if let Some(found) = finished::find_resolution(recipe, states, options, store) {
        return Ok(found);
    }
    let mut damaged = BTreeSet::new();
    let resolution = loop {
        let index = archive.index_anew(&damaged, store, fetcher)?;
        progress.step("solving");
        match resolve(recipe, &index, states) {
            // Only what is looked at is verified, and that one may be the next of several.
            Err(error)
                if error
                    .damaged()
                    .is_some_and(|pocket| damaged.insert(pocket.to_owned())) =>
            {
                progress.step("reading the archive");
            }
            resolved => break resolved?,
        }
    };
    finished::record_resolution(recipe, &resolution, options, store)?;
    Ok(resolution)
}

/// An image that was made, now or before.
#[derive(Debug)]
pub struct Made {
    /// The image, and what is to be told of it.
    pub finished: Finished,
    /// How it came about, if it was made now.
    pub built: Option<Built>,
}

/// Makes an image, or finds the one that was made of the same inputs. With `anew` it is made in any
/// case, of what the store has of its parts.
///
/// `prove` is asked of an image that is new, while its layers are compressed, and only what it lets
/// pass is ever found again.
///
/// # Errors
/// As the steps and `prove` have them. Nothing is written but to the store.
#[expect(clippy::too_many_arguments, reason = "each step takes some of them")]
pub fn make<E: From<BuildError> + Send>(
    recipe: Recipe,
    archive: &ArchiveOptions,
    options: &BuildOptions,
    anew: bool,
    store: &Store,
    fetcher: &Fetcher,
    progress: &dyn Progress,
    prove: impl Fn(Draft<'_>) -> Result<(), E> + Sync,
) -> Result<Made, E> {
    progress.step("reading the archive");
    let archive = Archive::open(archive, store, fetcher).map_err(BuildError::from)?;
    if !anew && let Some(finished) = finished::find(&recipe, archive.states(), options, store) {
        return Ok(Made {
            finished,
            built: None,
        });
    }
    let prepared = prepare_from(recipe, &archive, options, store, fetcher, progress)?;
    let image = prepared.image(Vec::new(), options)?;
    let draft = Draft {
        recipe: &prepared.recipe,
        assembly: &prepared.assembly,
        image: &image,
    };
    let compress = || prepared.compress(options, store, progress);
    let (written, proof) = parallel::join(compress, || prove(draft));
    let (layers, written) = written?;
    proof?;
    let built = prepared.finish(written, options)?;
    let finished = finished::record(&built, layers, options, store).map_err(BuildError::from)?;
    Ok(Made {
        finished,
        built: Some(built),
    })
}

/// Makes an image.
///
/// # Errors
/// As the steps have them. Nothing is written but to the store.
pub fn build(
    prepared: Prepared,
    options: &BuildOptions,
    store: &Store,
    progress: &dyn Progress,
) -> Result<Built, BuildError> {
    let (_, written) = prepared.compress(options, store, progress)?;
    prepared.finish(written, options)
}

impl Prepared {
    /// Writes the layers into the store, and gives them as it and as an image has them.
    fn compress(
        &self,
        options: &BuildOptions,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<(Vec<StoredLayer>, Vec<Layer>), BuildError> {
        progress.step("compressing");
        let written = layers::write(
            &self.assembly.layers,
            options.compression,
            options.threads,
            store,
        )?;
        Ok(written.into_iter().unzip())
    }

    /// The image of these layers.
    fn image(&self, layers: Vec<Layer>, options: &BuildOptions) -> Result<Image, BuildError> {
        let times = self.assembly.tree.iter();
        let newest = times.map(|(_, entry)| entry.meta.mtime).max();
        let created = options.epoch.or(newest).unwrap_or_default();
        let (recipe, resolution) = (&self.recipe, &self.resolution);
        Ok(config::image(
            recipe,
            resolution,
            &self.assembly,
            layers,
            created,
        )?)
    }

    fn finish(self, layers: Vec<Layer>, options: &BuildOptions) -> Result<Built, BuildError> {
        Ok(Built {
            image: self.image(layers, options)?,
            recipe: self.recipe,
            resolution: self.resolution,
            assembly: self.assembly,
        })
    }
}
