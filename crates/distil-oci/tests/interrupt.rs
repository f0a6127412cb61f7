//! What an interrupted program does: alone in this file, since it concerns the whole process.
#![allow(clippy::unwrap_used, clippy::panic)] // Also outside of `#[test]` functions.

mod common;

use std::io::{self, Read};
use std::sync::Arc;

use common::{image, image_of, layer, list, write};
use distil_oci::{BlobSource, Layer, Location, Manifest};
use distil_store::unfinished::discard_unfinished;

/// The bytes of a layer, which something happens before.
struct After<F>(Layer, F);

impl<F: Fn() + Send + Sync> BlobSource for After<F> {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        self.1();
        self.0.open()
    }
}

/// An image that does `work` when its layer is read.
fn image_with(work: impl Fn() + Send + Sync + 'static) -> Manifest {
    let good = layer("a", "1");
    let layer = Layer::from_parts(
        good.media_type().clone(),
        good.digest(),
        good.size(),
        good.diff_id(),
        Arc::new(After(good.clone(), work)),
    );
    image_of("amd64", vec![layer]).into()
}

#[test]
fn an_interrupt_removes_what_is_unfinished_and_lets_nothing_begin() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let (layout, archive) = (path.join("layout"), path.join("archive"));
    let layout = Location::Oci {
        path: layout,
        tag: None,
    };
    let archive = Location::OciArchive {
        path: archive,
        tag: None,
    };
    let interrupt = {
        let path = path.clone();
        move || {
            let unfinished = list(&path);
            assert_eq!(unfinished.len(), 2);
            assert!(unfinished.iter().all(|name| name.starts_with(".distil-")));
            discard_unfinished();
            assert!(list(&path).is_empty());
        }
    };
    // While the layout is being written, an archive is, and that is interrupted.
    let inner = image_with(interrupt);
    let other = archive.clone();
    let outer = image_with(move || assert!(write(&inner, &other).is_err()));
    assert!(write(&outer, &layout).is_err());
    assert!(list(&path).is_empty());

    let error = write(&image("amd64").into(), &archive).unwrap_err();
    assert!(error.ends_with("the program was interrupted"), "{error}");
    assert!(list(&path).is_empty());
}
