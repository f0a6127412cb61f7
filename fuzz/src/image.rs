//! Opening an archive of images in every way there is.

use std::fs;
use std::io;

use distil_oci::transport::{WriteOptions, open as read, write};
use distil_oci::validate::validate;
use distil_oci::{Location, Opened, Registries, mutate};

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
        match read(&location, &Registries::offline()) {
            Ok(opened) => look_at(&opened),
            Err(error) => explain(&error),
        }
    }
}

fn look_at(opened: &Opened) {
    let manifest = opened.manifest();
    let _ = (
        manifest.descriptor(),
        opened.platforms(),
        opened.image_for(None),
    );
    match opened.images() {
        Ok(images) => {
            assert!(!images.is_empty(), "there is an image, or an error");
            for image in images {
                let _ = (image.platform(), image.size(), image.descriptor());
                for layer in image.layers() {
                    let tar = layer.tar(LAYER_LIMIT);
                    let read = tar.and_then(|mut tar| io::copy(&mut tar, &mut io::sink()));
                    match read {
                        Ok(count) => assert!(count <= LAYER_LIMIT),
                        Err(error) => explain(&error),
                    }
                }
                let _ = mutate::append(&image, []);
            }
        }
        Err(error) => explain(&error),
    }
    for fault in validate(manifest, LAYER_LIMIT).err().into_iter().flatten() {
        let _ = fault.to_string();
    }
    let path = folder().join("again.tar");
    let location = Location::OciArchive { path, tag: None };
    let registries = Registries::offline();
    match write(manifest, &location, &WriteOptions::new(&registries)) {
        Ok(()) => {
            let again = read(&location, &registries).expect("what was written can be read");
            assert_eq!(again.manifest().bytes(), manifest.bytes());
        }
        Err(error) => explain(&error),
    }
}
