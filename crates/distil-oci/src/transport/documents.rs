//! The documents of layouts and archives that no descriptor points to, such as `index.json`.

use std::io::Read as _;

use crate::blob::BlobSource;
use crate::canonical;
use crate::document_error::DocumentError;
use crate::json;
use crate::reader::MAX_DOCUMENT;
use crate::schema;
use crate::spec;
use crate::transport::file_error::FileError;

/// The `oci-layout` file (OCI image specification, "Image Layout").
pub(crate) const OCI_LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// Reads a document that no descriptor points to, such as `index.json`.
pub(crate) fn read<E>(source: &dyn BlobSource, name: &str) -> Result<Vec<u8>, E>
where
    E: From<FileError> + From<DocumentError>,
{
    let mut bytes = Vec::new();
    source
        .open()
        .and_then(|source| source.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes))
        .map_err(FileError::of("read", name))?;
    if bytes.len() as u64 > MAX_DOCUMENT {
        let document = format!("`{name}`");
        let limit = MAX_DOCUMENT;
        return Err(DocumentError::TooLarge { document, limit }.into());
    }
    Ok(bytes)
}

/// Refuses the `oci-layout` file of a version that is not known.
pub(crate) fn check_layout(bytes: &[u8]) -> Result<(), DocumentError> {
    let layout: spec::OciLayout = json::parse("`oci-layout`", &schema::LAYOUT, bytes)?;
    match layout.image_layout_version().as_str() {
        "1.0.0" => Ok(()),
        other => Err(DocumentError::LayoutVersion(
            other.chars().take(80).collect(),
        )),
    }
}

/// A document of ours as bytes.
pub(crate) fn to_json(name: &str, value: &impl serde::Serialize) -> Result<Vec<u8>, DocumentError> {
    canonical::to_json(value).map_err(|source| DocumentError::Json {
        document: format!("`{name}`"),
        source,
    })
}
