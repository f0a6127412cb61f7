//! New images and indexes of old ones. Nothing is changed in place, and whatever a document has that
//! nobody here knows stays in it.
//!
//! What is changed is written in canonical JSON, and gets another digest; layers stay what they are.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::artifact::Artifact;
use crate::canonical;
use crate::descriptor::{
    ANNOTATION_REFERENCE_DIGEST, ANNOTATION_REFERENCE_TYPE, digest_name, layer_type_in,
};
use crate::document::Document;
use crate::document_error::DocumentError;
use crate::image::{Config, Image, check_history};
use crate::index::{ImageIndex, Manifest};
use crate::invalid::InvalidImage;
use crate::json;
use crate::layer::Layer;
use crate::reader::{MAX_DOCUMENT, MAX_ENTRIES, parse_index};
use crate::schema;
use crate::spec::{Descriptor, History, ImageConfiguration, ImageManifest, MediaType};

/// A layer that is added, and what the history says of it.
#[derive(Debug, Clone)]
pub struct Addendum {
    /// The layer.
    pub layer: Layer,
    /// Its step; `None` for one that says nothing.
    pub history: Option<History>,
}

impl From<Layer> for Addendum {
    fn from(layer: Layer) -> Self {
        Self {
            layer,
            history: None,
        }
    }
}

/// The image with more layers above its own.
///
/// The media types of the layers become those of the image's kind: engines refuse manifests that mix
/// OCI's and Docker's.
///
/// # Errors
/// When the history does not tell of all layers that the image has.
pub fn append(
    image: &Image,
    layers: impl IntoIterator<Item = Addendum>,
) -> Result<Image, DocumentError> {
    let config = object(image.config_bytes())?;
    let mut history = history(&config, image.layers().len())?;
    let mut parts = parts(image)?;
    for Addendum {
        layer,
        history: step,
    } in layers
    {
        if let Some(mut step) = step {
            step.set_empty_layer(None);
            let told = history.get_or_insert_with(|| untold(parts.len()));
            told.push(value(&step)?);
        } else if let Some(told) = &mut history {
            told.push(json!({}));
        }
        parts.push(Part::new(layer)?);
    }
    with_layers(image, config, parts, history)
}

/// The image with other layers in place of its lowest ones: those of `old`, which it has to begin
/// with, become those of `new`. The rest of the configuration stays the image's own.
///
/// # Errors
/// When the image does not begin with the layers of `old`, or a history does not tell of all layers.
pub fn rebase(image: &Image, old: &Image, new: &Image) -> Result<Image, DocumentError> {
    let below = old.layers().len();
    let is_same = |(own, below): (&Layer, &Layer)| own.diff_id() == below.diff_id();
    let mut pairs = image.layers().iter().zip(old.layers());
    if image.layers().len() < below || !pairs.all(is_same) {
        return Err(DocumentError::Image(InvalidImage::NotTheBase));
    }
    let config = object(image.config_bytes())?;
    let own = history(&config, image.layers().len())?;
    let other = history(&object(new.config_bytes())?, new.layers().len())?;
    let history = match (own, other) {
        (None, None) => None,
        (own, other) => {
            let mut told = other.unwrap_or_else(|| untold(new.layers().len()));
            let own = own.unwrap_or_else(|| untold(image.layers().len()));
            let old_steps = old.config().history().as_ref().map(Vec::len);
            let above = steps_below(&own, below, old_steps);
            told.extend(own.into_iter().skip(above));
            Some(told)
        }
    };
    let mut all = parts(new)?;
    all.extend(parts(image)?.into_iter().skip(below));
    with_layers(image, config, all, history)
}

/// The image with other annotations of its manifest: each is set, or removed where it is `None`.
///
/// # Errors
/// When the manifest cannot be read again.
pub fn annotate<'a>(
    image: &Image,
    annotations: impl IntoIterator<Item = (&'a str, Option<String>)>,
) -> Result<Image, DocumentError> {
    let mut manifest = object(image.manifest_bytes())?;
    set_annotations(&mut manifest, annotations);
    with_manifest(image, &manifest)
}

/// The image as one that is about another manifest, or about none.
///
/// # Errors
/// When the manifest cannot be read again.
pub fn with_subject(image: &Image, subject: Option<&Descriptor>) -> Result<Image, DocumentError> {
    let mut manifest = object(image.manifest_bytes())?;
    set_or_remove(&mut manifest, "subject", subject.map(value).transpose()?);
    with_manifest(image, &manifest)
}

/// The image with another configuration, which `change` makes of the one that it has. Its layers are
/// what they were: diff IDs cannot be changed, and a history has to tell of them.
///
/// # Errors
/// When `change` makes the configuration one of other layers.
pub fn configure(
    image: &Image,
    change: impl FnOnce(&mut ImageConfiguration),
) -> Result<Image, DocumentError> {
    let mut config = object(image.config_bytes())?;
    let before = image.config();
    let mut after = before.clone();
    change(&mut after);
    check_history(&after, image.layers().len()).map_err(DocumentError::Image)?;
    apply(&mut config, &value(before)?, value(&after)?);
    with_config(image, &config, parts(image)?)
}

/// The index with one more entry at its end, under the descriptor of `manifest` with more
/// annotations; one with the same digest is replaced where it is.
///
/// # Errors
/// When there are too many entries.
pub fn append_entry(
    index: &ImageIndex,
    manifest: Manifest,
    annotations: BTreeMap<String, String>,
) -> Result<ImageIndex, DocumentError> {
    let mut descriptor = manifest.descriptor();
    if !annotations.is_empty() {
        descriptor.set_annotations(Some(annotations.into_iter().collect()));
    }
    add_entry(index, value(&descriptor)?, manifest)
}

fn add_entry(
    index: &ImageIndex,
    entry: Value,
    manifest: Manifest,
) -> Result<ImageIndex, DocumentError> {
    let mut document = object(index.bytes())?;
    let entries = document.entry("manifests").or_insert_with(|| json!([]));
    let Value::Array(entries) = entries else {
        return Err(DocumentError::Image(InvalidImage::EmptyIndex));
    };
    let is_same = |one: &Value| one.get("digest") == entry.get("digest");
    let count = entries.len();
    let same = entries.iter().position(is_same);
    match same.and_then(|position| entries.get_mut(position)) {
        Some(one) => *one = entry,
        None if count >= MAX_ENTRIES => {
            return Err(DocumentError::TooManyEntries {
                index: "the index".to_owned(),
                limit: MAX_ENTRIES,
            });
        }
        None => entries.push(entry),
    }
    with_index(index, &document, [manifest])
}

/// The index with an attestation manifest of BuildKit's at its end (BuildKit,
/// `docs/attestations/attestation-storage.md`): an artifact about one of the images of the index,
/// for an unknown platform, so that no engine takes it for an image.
///
/// # Errors
/// When there are too many entries.
pub fn append_attestation(
    index: &ImageIndex,
    artifact: Artifact,
) -> Result<ImageIndex, DocumentError> {
    let subject = artifact.subject().map(digest_name);
    let annotations = [
        (ANNOTATION_REFERENCE_TYPE, "attestation-manifest".to_owned()),
        (ANNOTATION_REFERENCE_DIGEST, subject.unwrap_or_default()),
    ];
    let mut entry = value(&artifact.descriptor())?;
    entry["platform"] = json!({"architecture": "unknown", "os": "unknown"});
    let annotations = annotations.map(|(key, value)| (key.to_owned(), Value::from(value)));
    entry["annotations"] = Value::Object(annotations.into_iter().collect());
    add_entry(index, entry, artifact.into())
}

/// The index with other annotations: each is set, or removed where it is `None`.
///
/// # Errors
/// When the index cannot be read again.
pub fn annotate_index<'a>(
    index: &ImageIndex,
    annotations: impl IntoIterator<Item = (&'a str, Option<String>)>,
) -> Result<ImageIndex, DocumentError> {
    let mut document = object(index.bytes())?;
    set_annotations(&mut document, annotations);
    with_index(index, &document, [])
}

/// The index as one that is about another manifest, or about none.
///
/// # Errors
/// When the index cannot be read again.
pub fn with_index_subject(
    index: &ImageIndex,
    subject: Option<&Descriptor>,
) -> Result<ImageIndex, DocumentError> {
    let mut document = object(index.bytes())?;
    set_or_remove(&mut document, "subject", subject.map(value).transpose()?);
    with_index(index, &document, [])
}

/// A layer, and its descriptor as it is in a manifest.
struct Part {
    layer: Layer,
    descriptor: Value,
}

impl Part {
    fn new(layer: Layer) -> Result<Self, DocumentError> {
        let descriptor = value(&layer.descriptor())?;
        Ok(Self { layer, descriptor })
    }

    /// The same in a manifest of this media type.
    fn within(mut self, manifest: &MediaType) -> Self {
        if let Some(media_type) = layer_type_in(manifest, self.layer.media_type()) {
            self.descriptor["mediaType"] = json!(media_type);
            self.layer = self.layer.named(media_type);
        }
        self
    }
}

/// The layers of an image with their descriptors, which may have more than this crate knows.
fn parts(image: &Image) -> Result<Vec<Part>, DocumentError> {
    let mut manifest = object(image.manifest_bytes())?;
    let descriptors = match manifest.remove("layers") {
        Some(Value::Array(descriptors)) => descriptors,
        _ => Vec::new(),
    };
    let layers = image.layers().iter().cloned();
    let parts = layers.zip(descriptors);
    Ok(parts
        .map(|(layer, descriptor)| Part { layer, descriptor })
        .collect())
}

/// The steps of a configuration's history, if it has one.
fn history(
    config: &Map<String, Value>,
    layers: usize,
) -> Result<Option<Vec<Value>>, DocumentError> {
    let Some(Value::Array(steps)) = config.get("history") else {
        return Ok(None);
    };
    let count = steps.iter().filter(|step| makes_layer(step)).count();
    match count == layers {
        true => Ok(Some(steps.clone())),
        false => Err(DocumentError::Image(InvalidImage::History {
            layers,
            steps: count,
        })),
    }
}

fn makes_layer(step: &Value) -> bool {
    step.get("empty_layer") != Some(&Value::Bool(true))
}

/// Steps of so many layers of which nobody told.
fn untold(layers: usize) -> Vec<Value> {
    vec![json!({}); layers]
}

/// How many steps of a history are those of its lowest layers: so many as the base had, if these
/// have made just these layers, else up to the step that made the last of them.
fn steps_below(steps: &[Value], layers: usize, of_base: Option<usize>) -> usize {
    let made = |steps: &[Value]| steps.iter().filter(|step| makes_layer(step)).count();
    if let Some(count) = of_base
        && steps
            .get(..count)
            .is_some_and(|below| made(below) == layers)
    {
        return count;
    }
    (0..=steps.len())
        .find(|count| steps.get(..*count).map(made) == Some(layers))
        .unwrap_or(steps.len())
}

/// The image with these layers.
fn with_layers(
    image: &Image,
    mut config: Map<String, Value>,
    parts: Vec<Part>,
    history: Option<Vec<Value>>,
) -> Result<Image, DocumentError> {
    let diff_ids = parts.iter().map(|part| part.layer.diff_id().to_string());
    let diff_ids: Vec<String> = diff_ids.collect();
    let rootfs = config.entry("rootfs").or_insert_with(|| json!({}));
    if !rootfs.is_object() {
        *rootfs = json!({});
    }
    rootfs["type"] = json!("layers");
    rootfs["diff_ids"] = json!(diff_ids);
    set_or_remove(&mut config, "history", history.map(Value::Array));
    with_config(image, &config, parts)
}

/// The image with this configuration and these layers, and all else in the manifest as it was.
fn with_config(
    image: &Image,
    config: &Map<String, Value>,
    parts: Vec<Part>,
) -> Result<Image, DocumentError> {
    let media_type = image.config_document().document.media_type().clone();
    let document = Document::new(media_type, bytes("the configuration", config)?);
    let config = Config::read("the configuration", document)?;
    let mut manifest = object(image.manifest_bytes())?;
    let parts = parts
        .into_iter()
        .map(|part| part.within(image.manifest_media_type()));
    let (layers, descriptors): (Vec<Layer>, Vec<Value>) =
        parts.map(|part| (part.layer, part.descriptor)).unzip();
    manifest.insert("layers".to_owned(), Value::Array(descriptors));
    let descriptor = manifest.entry("config").or_insert_with(|| json!({}));
    if let Value::Object(descriptor) = descriptor {
        descriptor.insert(
            "digest".to_owned(),
            json!(config.document.digest().to_string()),
        );
        descriptor.insert("size".to_owned(), json!(config.document.size()));
        // The old configuration itself.
        descriptor.remove("data");
    }
    from_manifest(image, &manifest, config, layers)
}

/// The image with this manifest, whose configuration and layers are the same.
fn with_manifest(image: &Image, manifest: &Map<String, Value>) -> Result<Image, DocumentError> {
    let config = image.config_document().clone();
    from_manifest(image, manifest, config, image.layers().to_vec())
}

fn from_manifest(
    image: &Image,
    manifest: &Map<String, Value>,
    config: Config,
    layers: Vec<Layer>,
) -> Result<Image, DocumentError> {
    let bytes = bytes("the manifest", manifest)?;
    let parsed: ImageManifest = json::parse("the manifest", &schema::MANIFEST, &bytes)?;
    let document = Document::new(image.manifest_media_type().clone(), bytes);
    Image::from_documents(document, &parsed, config, layers).map_err(DocumentError::Image)
}

fn with_index(
    index: &ImageIndex,
    document: &Map<String, Value>,
    more: impl IntoIterator<Item = Manifest>,
) -> Result<ImageIndex, DocumentError> {
    let bytes = bytes("the index", document)?;
    let parsed = parse_index("the index", &bytes)?;
    let document = Document::new(index.media_type().clone(), bytes);
    Ok(index.with_document(document, parsed, more))
}

/// Changes in `document` what is different between `before` and `after`, and nothing else.
fn apply(document: &mut Map<String, Value>, before: &Value, after: Value) {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return;
    };
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        document.remove(key);
    }
    for (key, after) in after {
        let before = before.get(&key);
        if before == Some(&after) {
            continue;
        }
        match (document.get_mut(&key), before, after) {
            // An object with keys that are not known may be in it.
            (
                Some(Value::Object(inner)),
                Some(before @ Value::Object(_)),
                after @ Value::Object(_),
            ) => {
                apply(inner, before, after);
            }
            (_, _, after) => {
                document.insert(key, after);
            }
        }
    }
}

fn set_annotations<'a>(
    document: &mut Map<String, Value>,
    annotations: impl IntoIterator<Item = (&'a str, Option<String>)>,
) {
    let mut all = match document.remove("annotations") {
        Some(Value::Object(all)) => all,
        _ => Map::new(),
    };
    for (key, value) in annotations {
        set_or_remove(&mut all, key, value.map(Value::String));
    }
    let all = (!all.is_empty()).then_some(Value::Object(all));
    set_or_remove(document, "annotations", all);
}

fn set_or_remove(object: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => object.insert(key.to_owned(), value),
        None => object.remove(key),
    };
}

/// A document that was read before.
fn object(bytes: &[u8]) -> Result<Map<String, Value>, DocumentError> {
    serde_json::from_slice(bytes).map_err(|source| DocumentError::Json {
        document: "the image".to_owned(),
        source,
    })
}

fn value(of: &impl Serialize) -> Result<Value, DocumentError> {
    serde_json::to_value(of).map_err(|error| DocumentError::Image(InvalidImage::Json(error)))
}

fn bytes(name: &str, document: &Map<String, Value>) -> Result<Vec<u8>, DocumentError> {
    let bytes = canonical::to_json(document)
        .map_err(|error| DocumentError::Image(InvalidImage::Json(error)))?;
    match bytes.len() as u64 > MAX_DOCUMENT {
        false => Ok(bytes),
        true => Err(DocumentError::TooLarge {
            document: name.to_owned(),
            limit: MAX_DOCUMENT,
        }),
    }
}
