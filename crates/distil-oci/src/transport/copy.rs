//! How blobs are copied to where they are written.

use std::io::{self, Read as _, Write};
use std::path::Path;

use crate::blob::DescribedBlob;
use crate::document_error::DocumentError;
use crate::transport::file_error::FileError;

/// Copies a blob, whole and verified, to `out`, which messages call `path`.
pub(crate) fn copy<E>(blob: &DescribedBlob, out: &mut impl Write, path: &Path) -> Result<(), E>
where
    E: From<FileError> + From<DocumentError>,
{
    let digest = blob.digest();
    let failed = |source| DocumentError::Blob { digest, source };
    let mut source = blob.open().map_err(failed)?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => out
                .write_all(&buffer[..count])
                .map_err(FileError::of("write", path))?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error).into()),
        }
    }
}
