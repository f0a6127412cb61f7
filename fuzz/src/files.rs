//! Places on disk, all of them below the directory for temporary files. `scripts/fuzz` makes one in
//! memory and takes it away again.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::OnceLock;

use tempfile::TempDir;

/// A file without a name that holds `bytes`, ready to be read from its beginning.
pub fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("room for a temporary file");
    file.rewind().expect("a file that seeks");
    file
}

/// A directory of this process's own.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| tempfile::tempdir().expect("a temporary directory"))
        .path()
}
