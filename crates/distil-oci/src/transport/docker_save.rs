//! Reads `manifest.json` as `docker save` writes it, in all of its ages.
//!
//! Before Docker 25 it names a configuration and plain `layer.tar` files, and has neither digests
//! nor a manifest; one is made up. Since then the same archive is an OCI layout too, which has the
//! original manifest.

use std::collections::BTreeMap;
use std::sync::Arc;

use distil_store::{Digest, HashingReader};
use serde::Deserialize;

use crate::compression::Format;
use crate::image::{Content, Image};
use crate::layer::{BlobSource as _, FileRange, Layer};
use crate::spec::MediaType;
use crate::transport::archive;
use crate::transport::archive_entries::Entries;
use crate::transport::documents;
use crate::transport::error::Problem;

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
/// `oci` says that the archive has an `index.json` too.
pub(crate) fn open(
    entries: &Entries,
    oci: bool,
    is_wanted: Option<IsWanted<'_>>,
) -> Result<Content, Problem> {
    let manifest = file(entries, "manifest.json")?;
    let bytes = documents::small_document(&manifest, "manifest.json")?;
    let saved: Vec<Saved> = documents::parse("`manifest.json`", &bytes)?;
    let saved = choose(&saved, is_wanted)?;
    let config = documents::small_document(&file(entries, &saved.config)?, &saved.config)?;
    if oci && let Some(image) = original(entries, Digest::of(&config))? {
        return Ok(Content::Image(image));
    }
    made_up(entries, saved, &config).map(Content::Image)
}

fn choose<'a>(saved: &'a [Saved], is_wanted: Option<IsWanted<'_>>) -> Result<&'a Saved, Problem> {
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
        (Some(_), Some(_)) => Err(Problem::SeveralImages { known: known() }),
        (None, _) if saved.is_empty() => Err(Problem::Empty),
        (None, _) => Err(Problem::UnknownName {
            wanted: String::new(),
            known: known(),
        }),
    }
}

/// The image with this configuration that the OCI layout in the same archive has.
fn original(entries: &Entries, config: Digest) -> Result<Option<Image>, Problem> {
    documents::with_config(entries, &archive::index_json(entries)?, config)
}

/// An image with a manifest of our own, since the archive has none.
fn made_up(entries: &Entries, saved: &Saved, config_bytes: &[u8]) -> Result<Image, Problem> {
    let config = documents::parse_config(&format!("`{}`", saved.config), config_bytes)?;
    let diff_ids = documents::diff_ids(&config)?;
    let paths = saved.layers.as_deref().unwrap_or_default();
    if paths.len() != diff_ids.len() {
        return Err(Problem::Image(crate::InvalidImage::LayerCount {
            layers: paths.len(),
            diff_ids: diff_ids.len(),
        }));
    }
    let mut known = Known::new();
    let layers = paths
        .iter()
        .zip(diff_ids)
        .map(|(path, diff_id)| layer(entries, path, diff_id, &mut known))
        .collect::<Result<Vec<_>, _>>()?;
    Image::with_config(config_bytes.to_vec(), config, layers, Default::default())
        .map_err(Problem::Image)
}

/// The digests of compressed layers, by their places in the archive: a layer that occurs often is
/// read through once.
type Known = BTreeMap<u64, Digest>;

fn layer(
    entries: &Entries,
    path: &str,
    diff_id: Digest,
    known: &mut Known,
) -> Result<Layer, Problem> {
    let file = entries.file_or_link(path)?.ok_or_else(|| missing(path))?;
    let failed = |source| Problem::File {
        action: "read",
        path: path.into(),
        source,
    };
    let (media_type, digest) = match Format::sniff(&archive::head(&file).map_err(failed)?) {
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
            return Err(Problem::LayerMediaType(format!("{path}, {name}")));
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

fn digest(file: &FileRange, known: &mut Known) -> std::io::Result<Digest> {
    if let Some(digest) = known.get(&file.offset) {
        return Ok(*digest);
    }
    let mut reader = HashingReader::new(file.open()?);
    std::io::copy(&mut reader, &mut std::io::sink())?;
    let digest = reader.digest();
    known.insert(file.offset, digest);
    Ok(digest)
}

fn file(entries: &Entries, name: &str) -> Result<FileRange, Problem> {
    entries.file(name)?.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Problem {
    Problem::Entry {
        name: name.chars().take(200).collect(),
        what: "is missing",
    }
}
