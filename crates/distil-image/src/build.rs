//! All steps from a definition to an image, in order.

use std::num::NonZeroUsize;

use distil_debian::archive::{Archive, ArchiveError, ArchiveOptions};
use distil_debian::fetch::Fetcher;
use distil_oci::{Compression, Image};
use distil_store::Store;

use crate::assemble::{AssembleError, Assembly, assemble};
use crate::config::{self, ConfigError};
use crate::contents;
use crate::layers::{self, LayerError};
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
    store: &Store,
    fetcher: &Fetcher,
    progress: &dyn Progress,
) -> Result<Resolution, BuildError> {
    let (_, resolution) = open(recipe, archive, store, fetcher, progress)?;
    Ok(resolution)
}

fn open(
    recipe: &Recipe,
    archive: &ArchiveOptions,
    store: &Store,
    fetcher: &Fetcher,
    progress: &dyn Progress,
) -> Result<(Archive, Resolution), BuildError> {
    progress.step("reading the archive");
    let archive = Archive::open(archive, store, fetcher)?;
    progress.step("solving");
    let resolution = resolve(recipe, archive.index(), archive.states())?;
    Ok((archive, resolution))
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
    let (archive, resolution) = open(&recipe, archive, store, fetcher, progress)?;
    let sizes = || resolution.packages().map(|(_, one)| one.package.size);
    progress.packages(sizes().count() as u64, sizes().sum());
    let done = |package: &distil_debian::package::BinaryPackage| progress.package(package.size);
    let contents = contents::fetch(
        &resolution,
        &archive,
        store,
        fetcher,
        options.threads,
        &done,
    )?;
    drop(archive);
    progress.step("assembling");
    let assembly = assemble(&recipe, &resolution, &contents, options.epoch)?;
    Ok(Prepared {
        recipe,
        resolution,
        assembly,
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
    progress.step("compressing");
    let Prepared {
        recipe,
        resolution,
        assembly,
    } = prepared;
    let layers = layers::write(
        &assembly.layers,
        options.compression,
        options.threads,
        store,
    )?;
    let newest = assembly
        .tree
        .iter()
        .map(|(_, entry)| entry.meta.mtime)
        .max();
    let created = options.epoch.or(newest).unwrap_or_default();
    let image = config::image(&recipe, &resolution, &assembly, layers, created)?;
    Ok(Built {
        image,
        recipe,
        resolution,
        assembly,
    })
}
