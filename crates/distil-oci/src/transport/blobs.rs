//! What writers have in common: the blobs of an image or an index, and how they are copied.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

use distil_store::Digest;

use crate::canonical;
use crate::image::Content;
use crate::layer::Layer;
use crate::spec::{self, Descriptor};
use crate::transport::documents::ANNOTATION_IMAGE_NAME;
use crate::transport::error::Problem;

/// The `oci-layout` file (OCI image specification, "Image Layout").
pub(crate) const OCI_LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// A blob to be written.
pub(crate) enum Blob<'a> {
    /// A document.
    Bytes(&'a [u8]),
    /// A layer, wherever it is.
    Layer(&'a Layer),
}

impl Blob<'_> {
    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Layer(layer) => layer.size(),
        }
    }

    /// Copies it, whole and verified, to `out`, which messages call `path`.
    pub(crate) fn copy_to(&self, out: &mut impl Write, path: &Path) -> Result<(), Problem> {
        let write = |out: &mut dyn Write, bytes: &[u8]| {
            out.write_all(bytes).map_err(Problem::file("write", path))
        };
        let layer = match self {
            Self::Bytes(bytes) => return write(out, bytes),
            Self::Layer(layer) => layer,
        };
        let digest = layer.digest();
        let failed = |source| Problem::Blob { digest, source };
        let mut source = layer.open().map_err(failed)?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => write(out, &buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

/// All blobs of `content`, in the order of their digests.
pub(crate) fn all(content: &Content) -> Result<BTreeMap<Digest, Blob<'_>>, Problem> {
    let mut blobs = BTreeMap::new();
    if let Content::Index(index) = content {
        if index.others() > 0 {
            return Err(Problem::OtherEntries(index.others()));
        }
        blobs.insert(index.digest(), Blob::Bytes(index.bytes()));
    }
    for image in content.images() {
        blobs.insert(image.digest(), Blob::Bytes(image.manifest_bytes()));
        blobs.insert(image.config_digest(), Blob::Bytes(image.config_bytes()));
        for layer in image.layers() {
            blobs.insert(layer.digest(), Blob::Layer(layer));
        }
    }
    Ok(blobs)
}

/// The descriptor of `content` for an `index.json`, under `tag` and with a full name.
pub(crate) fn top_descriptor(
    content: &Content,
    tag: Option<&str>,
    name: Option<&str>,
) -> Descriptor {
    let mut descriptor = content.descriptor();
    let annotations = [
        (spec::ANNOTATION_REF_NAME, tag),
        (ANNOTATION_IMAGE_NAME, name),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
    .collect::<std::collections::HashMap<_, _>>();
    descriptor.set_annotations((!annotations.is_empty()).then_some(annotations));
    descriptor
}

/// A document of ours as bytes.
pub(crate) fn json(name: &str, value: &impl serde::Serialize) -> Result<Vec<u8>, Problem> {
    canonical::to_json(value).map_err(|source| Problem::Json {
        document: format!("`{name}`"),
        source,
    })
}
