//! What an interrupted program does: alone in this file, since it concerns the whole process.
#![allow(clippy::unwrap_used, clippy::panic)] // Also outside of `#[test]` functions.

mod common;

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use common::{image_of, layer, list, write};
use distil_oci::{BlobSource, Layer, Location, transport};

/// A layer that is interrupted when it is read: whatever is unfinished in the folder then is to be
/// gone afterwards.
struct Interrupts(PathBuf, Layer);

impl BlobSource for Interrupts {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let unfinished = list(&self.0);
        assert_eq!(unfinished.len(), 1);
        assert!(unfinished[0].starts_with(".distil-"), "{unfinished:?}");
        transport::discard_unfinished();
        assert!(list(&self.0).is_empty());
        self.1.open()
    }
}

#[test]
fn an_interrupt_removes_what_is_unfinished() {
    let folder = tempfile::tempdir().unwrap();
    let good = layer("a", "1");
    let interrupted = Layer::from_parts(
        good.media_type().clone(),
        good.digest(),
        good.size(),
        good.diff_id(),
        Arc::new(Interrupts(folder.path().to_owned(), good.clone())),
    );
    let content = image_of("amd64", vec![interrupted]).into();
    let path = folder.path().join("x");
    for location in [
        Location::OciArchive {
            path: path.clone(),
            tag: None,
        },
        Location::Oci { path, tag: None },
    ] {
        assert!(write(&content, &location).is_err());
        assert!(list(folder.path()).is_empty());
    }
}
