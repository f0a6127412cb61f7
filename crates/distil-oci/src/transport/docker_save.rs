//! Reads `manifest.json` as `docker save` writes it, in all of its ages.
//!
//! Before Docker 25 it names a configuration and plain `layer.tar` files, and has neither digests
//! nor a manifest; one is made up. Since then the same archive is an OCI layout too, which has the
//! original manifest.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::sync::Arc;

use distil_store::{Digest, HashingReader};
use serde::Deserialize;

use crate::blob::{BlobSource as _, Blobs, FileRange};
use crate::compression::Format;
use crate::document::Document;
use crate::document_error::DocumentError;
use crate::image::{Config, Image};
use crate::invalid::InvalidImage;
use crate::json;
use crate::layer::Layer;
use crate::reader;
use crate::schema;
use crate::spec::{self, MediaType};
use crate::transport::archive_entries::Entries;
use crate::transport::archive_error::ImageArchiveError;
use crate::transport::choice::ChoiceError;
use crate::transport::documents;
use crate::transport::file_error::FileError;

/// An image in `manifest.json`.
#[derive(Debug, Deserialize)]
struct Saved {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "RepoTags")]
    repo_tags: Option<Vec<String>>,
    #[serde(rename = "Layers")]
    layers: Option<Vec<String>>,
}

/// Tells whether a name in `RepoTags` is the one that is wanted.
pub(crate) type IsWanted<'a> = &'a dyn Fn(&str) -> bool;

/// Reads the image of which `is_wanted` holds for a name; without it there has to be one only.
/// `index` is the archive's `index.json`, if it has one too.
pub(crate) fn open(
    entries: &Arc<Entries>,
    index: Option<&spec::ImageIndex>,
    is_wanted: Option<IsWanted<'_>>,
) -> Result<Image, ImageArchiveError> {
    let manifest = file(entries, "manifest.json")?;
    let bytes = documents::read::<ImageArchiveError>(&manifest, "manifest.json")?;
    let saved: Vec<Saved> = json::parse("`manifest.json`", &schema::SAVED, &bytes)?;
    let saved = choose(&saved, is_wanted)?;
    let config = file(entries, &saved.config)?;
    let config = documents::read::<ImageArchiveError>(&config, &saved.config)?;
    if let Some(index) = index {
        // The same archive is a layout, which has the original manifest.
        let blobs: Arc<dyn Blobs> = Arc::<Entries>::clone(entries);
        if let Some(image) = reader::with_config(&blobs, index, Digest::of(&config))? {
            return Ok(image);
        }
    }
    made_up(entries, saved, config)
}

fn choose<'a>(
    saved: &'a [Saved],
    is_wanted: Option<IsWanted<'_>>,
) -> Result<&'a Saved, ChoiceError> {
    let names = |saved: &Saved| saved.repo_tags.clone().unwrap_or_default();
    let mut found = saved.iter().filter(|saved| {
        is_wanted.is_none_or(|is_wanted| names(saved).iter().any(|name| is_wanted(name)))
    });
    let known = || {
        let mut known: Vec<String> = saved.iter().flat_map(names).collect();
        known.sort();
        known.dedup();
        known
    };
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(ChoiceError::Several { known: known() }),
        (None, _) if saved.is_empty() => Err(ChoiceError::Empty),
        (None, _) => Err(ChoiceError::Unknown {
            wanted: String::new(),
            known: known(),
        }),
    }
}

/// An image with a manifest of our own, since the archive has none.
fn made_up(entries: &Entries, saved: &Saved, config: Vec<u8>) -> Result<Image, ImageArchiveError> {
    let document = Document::new(MediaType::ImageConfig, config);
    let config = Config::read(&format!("`{}`", saved.config), document)?;
    let diff_ids = config.diff_ids()?;
    let paths = saved.layers.as_deref().unwrap_or_default();
    if paths.len() != diff_ids.len() {
        let error = InvalidImage::LayerCount {
            layers: paths.len(),
            diff_ids: diff_ids.len(),
        };
        return Err(DocumentError::Image(error).into());
    }
    let mut known = Known::new();
    let layers = paths
        .iter()
        .zip(diff_ids)
        .map(|(path, diff_id)| layer(entries, path, diff_id, &mut known))
        .collect::<Result<Vec<_>, _>>()?;
    let image = Image::with_config(config, layers, BTreeMap::new());
    Ok(image.map_err(DocumentError::Image)?)
}

/// The digests of compressed layers, by their positions in the archive: a layer that occurs often is
/// read through once.
type Known = BTreeMap<u64, Digest>;

fn layer(
    entries: &Entries,
    path: &str,
    diff_id: Digest,
    known: &mut Known,
) -> Result<Layer, ImageArchiveError> {
    let file = entries.file_or_link(path)?.ok_or_else(|| missing(path))?;
    let failed = |source| FileError::of("read", path)(source);
    let (media_type, digest) = match Format::sniff(&head(&file).map_err(failed)?) {
        Format::Plain => (MediaType::ImageLayer, diff_id),
        Format::Gzip => (
            MediaType::ImageLayerGzip,
            digest(&file, known).map_err(failed)?,
        ),
        Format::Zstd => (
            MediaType::ImageLayerZstd,
            digest(&file, known).map_err(failed)?,
        ),
        Format::Unsupported(name) => {
            let what = format!("{path}, {name}");
            return Err(DocumentError::LayerMediaType(what).into());
        }
    };
    let size = file.len;
    Ok(Layer::from_parts(
        media_type,
        digest,
        size,
        diff_id,
        Arc::new(file),
    ))
}

fn digest(file: &FileRange, known: &mut Known) -> io::Result<Digest> {
    if let Some(digest) = known.get(&file.offset) {
        return Ok(*digest);
    }
    let mut reader = HashingReader::new(file.open()?);
    io::copy(&mut reader, &mut io::sink())?;
    let digest = reader.digest();
    known.insert(file.offset, digest);
    Ok(digest)
}

fn file(entries: &Entries, name: &str) -> Result<FileRange, ImageArchiveError> {
    entries.file(name)?.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ImageArchiveError {
    ImageArchiveError::member(name, "is missing")
}

/// The first bytes of a file's range, for telling its format.
fn head(range: &FileRange) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut reader = range.open()?.take(Format::MAGIC_LENGTH as u64);
    reader.read_to_end(&mut head)?;
    Ok(head)
}
