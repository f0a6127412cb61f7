//! Opening an archive of images in every way there is.

use std::fs;
use std::io;

use distil_oci::transport::{WriteOptions, open as read, write};
use distil_oci::{Content, Location};

use crate::{explain, folder};

/// The most that a layer may unpack to.
const LAYER_LIMIT: u64 = 1 << 20;

/// Opens the archive with these bytes, reads all that is in it, and writes it again.
pub fn open(archive: &[u8]) {
    let path = folder().join("image.tar");
    fs::write(&path, archive).expect("room for a temporary file");
    if let Err(error) = Location::at(&path) {
        explain(&error);
    }
    let locations = [
        Location::OciArchive {
            path: path.clone(),
            tag: None,
        },
        Location::OciArchive {
            path: path.clone(),
            tag: Some("latest".to_owned()),
        },
        Location::DockerArchive {
            path: path.clone(),
            name: None,
        },
        Location::DockerArchive {
            path,
            name: "fuzz:latest".parse().ok(),
        },
    ];
    for location in locations {
        match read(&location) {
            Ok(content) => look_at(&content),
            Err(error) => explain(&error),
        }
    }
}

fn look_at(content: &Content) {
    assert!(
        !content.images().is_empty(),
        "content has an image at least"
    );
    let _ = (content.descriptor(), content.for_host());
    for image in content.images() {
        let _ = (image.platform(), image.size(), image.descriptor());
        for layer in image.layers() {
            let tar = layer.tar(LAYER_LIMIT);
            let read = tar.and_then(|mut tar| io::copy(&mut tar, &mut io::sink()));
            match read {
                Ok(count) => assert!(count <= LAYER_LIMIT),
                Err(error) => explain(&error),
            }
        }
    }
    let path = folder().join("again.tar");
    let location = Location::OciArchive { path, tag: None };
    match write(content, &location, &WriteOptions::default()) {
        Ok(()) => {
            let again = read(&location).expect("what was written can be read");
            assert_eq!(again.digest(), content.digest());
        }
        Err(error) => explain(&error),
    }
}
