//! Whether images and indexes are what they should be: all that they refer to is read.
//!
//! What reading an image already refuses, such as another number of diff IDs than of layers, cannot
//! be wrong in a value; everything else is looked at here.

use std::fmt;
use std::io;

use distil_store::Digest;

use crate::blob::DescribedBlob;
use crate::descriptor::{is_image, platform};
use crate::document_error::DocumentError;
use crate::image::{Image, check_history};
use crate::index::{ImageIndex, Manifest};
use crate::invalid::InvalidImage;
use crate::json;
use crate::layer::Layer;
use crate::platform::Platform;
use crate::schema;
use crate::spec::{Descriptor, ImageManifest};

/// Something that is wrong with an image or an index.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// A layer or another blob has not the bytes that its digest and its size say.
    Blob {
        /// Its digest.
        digest: Digest,
        /// What is wrong.
        source: io::Error,
    },
    /// A layer does not unpack to what its diff ID says.
    DiffId {
        /// The layer's digest.
        layer: Digest,
        /// What is wrong.
        source: io::Error,
    },
    /// The manifest lists other layers, or another configuration, than the image has.
    Manifest {
        /// What it says.
        listed: Vec<String>,
        /// What the image has.
        found: Vec<String>,
    },
    /// The history does not tell of every layer.
    History(InvalidImage),
    /// The index says another platform than the image.
    Platform {
        /// The image.
        image: Digest,
        /// What the index says.
        index: Platform,
        /// What the image says.
        found: Platform,
    },
    /// The index says another digest, size or media type than a manifest has.
    Descriptor(Digest),
    /// A document cannot be read.
    Document(DocumentError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blob { digest, source } => write!(f, "the blob `{digest}`: {source}"),
            Self::DiffId { layer, source } => write!(f, "the layer `{layer}` unpacked: {source}"),
            Self::Manifest { listed, found } => write!(
                f,
                "the manifest lists {} instead of {}",
                listed.join(", "),
                found.join(", ")
            ),
            Self::History(error) => error.fmt(f),
            Self::Platform {
                image,
                index,
                found,
            } => write!(
                f,
                "the image `{image}` is for `{found}`, but the index says `{index}`"
            ),
            Self::Descriptor(digest) => write!(f, "the index describes `{digest}` as another"),
            Self::Document(error) => error.fmt(f),
        }
    }
}

/// Reads all of it. Tar streams of layers may have `limit` bytes each.
///
/// # Errors
/// All that is wrong.
pub fn validate(manifest: &Manifest, limit: u64) -> Result<(), Vec<Fault>> {
    let mut faults = Vec::new();
    match manifest {
        Manifest::Image(image) => of_image(image, limit, &mut faults),
        Manifest::Index(index) => of_index(index, limit, &mut faults),
        Manifest::Artifact(artifact) => {
            for blob in artifact.blobs().iter().chain([artifact.config()]) {
                of_blob(blob, &mut faults);
            }
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults),
    }
}

fn of_image(image: &Image, limit: u64, faults: &mut Vec<Fault>) {
    of_documents(image, faults);
    if let Err(error) = check_history(image.config(), image.layers().len()) {
        faults.push(Fault::History(error));
    }
    for layer in image.layers() {
        of_layer(layer, limit, faults);
    }
}

/// Whether the manifest says what the image has.
fn of_documents(image: &Image, faults: &mut Vec<Fault>) {
    let manifest: ImageManifest =
        match json::parse("the manifest", &schema::MANIFEST, image.manifest_bytes()) {
            Ok(manifest) => manifest,
            Err(error) => return faults.push(Fault::Document(error)),
        };
    let name = |descriptor: &Descriptor| {
        format!(
            "{} {} {}",
            descriptor.media_type(),
            descriptor.digest(),
            descriptor.size()
        )
    };
    let config = image.config_document();
    let listed = [manifest.config()].into_iter().chain(manifest.layers());
    let listed: Vec<String> = listed.map(name).collect();
    let layers = image.layers().iter().map(Layer::descriptor);
    let found = [config.document.descriptor()].into_iter().chain(layers);
    let found: Vec<String> = found.map(|descriptor| name(&descriptor)).collect();
    if listed != found {
        faults.push(Fault::Manifest { listed, found });
    }
}

fn of_layer(layer: &Layer, limit: u64, faults: &mut Vec<Fault>) {
    let before = faults.len();
    of_blob(&layer.blob(), faults);
    if faults.len() > before {
        // Then it unpacks to something else, too.
        return;
    }
    let read = layer
        .tar(limit)
        .and_then(|mut tar| io::copy(&mut tar, &mut io::sink()));
    if let Err(source) = read {
        faults.push(Fault::DiffId {
            layer: layer.digest(),
            source,
        });
    }
}

fn of_blob(blob: &DescribedBlob, faults: &mut Vec<Fault>) {
    let read = blob
        .open()
        .and_then(|mut reader| io::copy(&mut reader, &mut io::sink()));
    if let Err(source) = read {
        faults.push(Fault::Blob {
            digest: blob.digest(),
            source,
        });
    }
}

fn of_index(index: &ImageIndex, limit: u64, faults: &mut Vec<Fault>) {
    for entry in index.entries() {
        let manifest = match index.manifest(entry) {
            Ok(Some(manifest)) => manifest,
            // Not there, or nothing that can be looked into.
            Ok(None) => continue,
            Err(error) => {
                faults.push(Fault::Document(error));
                continue;
            }
        };
        let own = manifest.descriptor();
        if (own.media_type(), own.digest(), own.size())
            != (entry.media_type(), entry.digest(), entry.size())
        {
            faults.push(Fault::Descriptor(manifest.digest()));
        }
        if let (Manifest::Image(image), Some(index), true) =
            (&manifest, platform(entry), is_image(entry))
            && index != image.platform()
        {
            faults.push(Fault::Platform {
                image: image.digest(),
                index,
                found: image.platform(),
            });
        }
        match &manifest {
            // One level is enough: deeper ones are not looked into anywhere.
            Manifest::Index(_) => {}
            manifest => faults.extend(validate(manifest, limit).err().into_iter().flatten()),
        }
    }
}
