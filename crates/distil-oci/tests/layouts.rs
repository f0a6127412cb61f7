//! Directories in OCI's image layout.
#![allow(clippy::unwrap_used, clippy::panic)] // Also outside of `#[test]` functions.

mod common;

use std::fs;
use std::path::Path;
use std::thread;

use common::*;
use distil_oci::{Location, Manifest};
use serde_json::{Value, json};

fn at(path: &Path, tag: Option<&str>) -> Location {
    Location::Oci {
        path: path.to_owned(),
        tag: tag.map(str::to_owned),
    }
}

fn index_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path.join("index.json")).unwrap()).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/layout");
    for content in [Manifest::from(image("amd64")), index(&["amd64", "arm64"])] {
        let tag = content.images().unwrap().len().to_string();
        write(&content, &at(&path, Some(&tag))).unwrap();
        assert!(dump(&open(&at(&path, Some(&tag))).unwrap()) == dump(&content));
    }
    assert_eq!(list(&path), ["blobs", "index.json", "oci-layout"]);
    assert_eq!(list(folder.path()), ["deep"]);
    assert_eq!(Location::at(&path).unwrap(), at(&path, None));
}

#[test]
fn the_same_tag_is_replaced_and_others_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(&image("amd64").into(), &at(path, Some("a"))).unwrap();
    // What others wrote is kept as it is.
    let mut index = index_json(path);
    index["org.example"] = json!({"unknown": [1, 2]});
    index["manifests"][0]["org.example"] = json!(true);
    fs::write(path.join("index.json"), index.to_string()).unwrap();

    write(&image("arm64").into(), &at(path, Some("b"))).unwrap();
    write(&image("s390x").into(), &at(path, Some("b"))).unwrap();
    assert_eq!(
        open(&at(path, Some("a"))).unwrap().images().unwrap(),
        [image("amd64")]
    );
    assert_eq!(
        open(&at(path, Some("b"))).unwrap().images().unwrap(),
        [image("s390x")]
    );
    let index = index_json(path);
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(index["org.example"], json!({"unknown": [1, 2]}));
    assert_eq!(index["manifests"][0]["org.example"], json!(true));

    let error = |tag| without(path, &open(&at(path, tag)).unwrap_err());
    insta::assert_snapshot!(error(None), @"failed to read an image from `oci:DIR`: there are several images in it; name one of `a`, `b`");
    insta::assert_snapshot!(error(Some("c")), @"failed to read an image from `oci:DIR:c`: there is no image `c` in it; there is `a`, `b`");
}

#[test]
fn without_a_tag_the_name_gives_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(&image("amd64").into(), &at(path, None)).unwrap();
    insta::assert_snapshot!(index_json(path)["manifests"][0]["annotations"], @r#"{"io.containerd.image.name":"docker.io/library/python3:debug","org.opencontainers.image.ref.name":"debug"}"#);
    write(&image("arm64").into(), &at(path, None)).unwrap();
    assert_eq!(index_json(path)["manifests"].as_array().unwrap().len(), 1);
    for name in ["debug", "python3:debug", "docker.io/library/python3:debug"] {
        assert!(open(&at(path, Some(name))).is_ok(), "{name}");
    }
}

#[test]
fn a_folder_that_is_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let content = Manifest::from(image("amd64"));
    let error = |place: &str| {
        without(
            path,
            &write(&content, &at(&path.join(place), None)).unwrap_err(),
        )
    };
    fs::create_dir(path.join("home")).unwrap();
    fs::write(path.join("home/file"), "mine").unwrap();
    insta::assert_snapshot!(error("home"), @"failed to write the image to `oci:DIR/home`: `DIR/home` is neither empty nor an OCI image layout, so nothing is written into it");
    insta::assert_snapshot!(error("home/file"), @"failed to write the image to `oci:DIR/home/file`: failed to write `DIR/home/file`: Not a directory (os error 20)");
    assert_eq!(list(&path.join("home")), ["file"]);

    fs::create_dir(path.join("future")).unwrap();
    let layout = r#"{"imageLayoutVersion": "2.0.0"}"#;
    fs::write(path.join("future/oci-layout"), layout).unwrap();
    insta::assert_snapshot!(error("future"), @"failed to write the image to `oci:DIR/future`: the OCI image layout has version `2.0.0`; only `1.0.0` is known");
    assert_eq!(list(&path.join("future")), ["oci-layout"]);
    insta::assert_snapshot!(without(path, &open(&at(&path.join("none"), None)).unwrap_err()), @"failed to read an image from `oci:DIR/none`: failed to open `DIR/none`: No such file or directory (os error 2)");
    insta::assert_snapshot!(without(path, &open(&at(&path.join("home"), None)).unwrap_err()), @"failed to read an image from `oci:DIR/home`: `DIR/home` is no OCI image layout: it has no `oci-layout`");
}

#[test]
fn an_index_that_is_damaged_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(&image("amd64").into(), &at(path, None)).unwrap();
    for damaged in ["{", "[]", r#"{"manifests": {}}"#] {
        fs::write(path.join("index.json"), damaged).unwrap();
        assert!(write(&image("arm64").into(), &at(path, None)).is_err());
        assert_eq!(
            fs::read_to_string(path.join("index.json")).unwrap(),
            damaged
        );
    }
}

#[test]
fn a_layout_gets_no_more_images_than_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(&image("amd64").into(), &at(path, Some("0"))).unwrap();
    let mut index = index_json(path);
    let entry = index["manifests"][0].clone();
    let tagged = |number: usize| {
        let mut entry = entry.clone();
        entry["annotations"]["org.opencontainers.image.ref.name"] = json!(number.to_string());
        entry
    };
    index["manifests"] = (0..1024).map(tagged).collect();
    fs::write(path.join("index.json"), index.to_string()).unwrap();

    let more = write(&image("arm64").into(), &at(path, Some("more")));
    insta::assert_snapshot!(without(path, &more.unwrap_err()), @"failed to write the image to `oci:DIR:more`: `index.json` has more than 1024 entries, the most that are supported");
    assert_eq!(index_json(path), index);
    write(&image("arm64").into(), &at(path, Some("7"))).unwrap();
    let read = |tag| open(&at(path, Some(tag))).map(|content| content.digest());
    assert_eq!(read("7"), Ok(image("arm64").digest()));
    assert_eq!(read("1023"), Ok(image("amd64").digest()));

    index["manifests"] = (0..1025).map(tagged).collect();
    fs::write(path.join("index.json"), index.to_string()).unwrap();
    insta::assert_snapshot!(without(path, &read("7").unwrap_err()), @"failed to read an image from `oci:DIR:7`: `index.json` has more than 1024 entries, the most that are supported");
}

#[test]
fn a_failure_leaves_no_new_folder_and_an_old_layout_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (new, old) = (folder.path().join("new"), folder.path().join("old"));
    write(&image("amd64").into(), &at(&old, None)).unwrap();
    let index = index_json(&old);
    for path in [&new, &old] {
        assert!(write(&broken_image().into(), &at(path, None)).is_err());
    }
    assert_eq!(list(folder.path()), ["old"]);
    assert_eq!(list(&old), ["blobs", "index.json", "oci-layout"]);
    assert_eq!(index_json(&old), index);
}

#[test]
fn a_damaged_blob_is_noticed_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let content = Manifest::from(image("amd64"));
    write(&content, &at(path, None)).unwrap();
    let layer = content.images().unwrap()[0].layers()[0].digest();
    let blob = path.join("blobs/sha256").join(layer.hex());
    let mut bytes = fs::read(&blob).unwrap();
    bytes[0] ^= 1;
    fs::write(&blob, &bytes).unwrap();

    let damaged = open(&at(path, None)).unwrap();
    let mut reader = damaged.images().unwrap()[0].layers()[0].open().unwrap();
    let error = std::io::copy(&mut reader, &mut std::io::sink()).unwrap_err();
    assert!(error.to_string().contains("has the digest"), "{error}");
    let other = folder.path().join("other");
    assert!(write(&damaged, &at(&other, None)).is_err());

    write(&content, &at(path, None)).unwrap();
    assert!(dump(&open(&at(path, None)).unwrap()) == dump(&content));
}

#[test]
fn many_writers_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layout");
    let architectures = ["amd64", "arm64", "s390x", "riscv64", "386", "ppc64le"];
    thread::scope(|scope| {
        for architecture in architectures {
            let location = at(&path, Some(architecture));
            scope.spawn(move || write(&image(architecture).into(), &location).unwrap());
        }
    });
    for architecture in architectures {
        let content = open(&at(&path, Some(architecture))).unwrap();
        assert!(dump(&content) == dump(&image(architecture).into()));
    }
    assert_eq!(list(folder.path()), ["layout"]);
    assert_eq!(list(&path), ["blobs", "index.json", "oci-layout"]);

    // In a layout that is there, each replaces what the others wrote.
    thread::scope(|scope| {
        for architecture in architectures {
            let path = &path;
            scope.spawn(move || {
                for round in 0..10 {
                    let location = at(path, Some(&format!("{architecture}-{round}")));
                    write(&image(architecture).into(), &location).unwrap();
                }
            });
        }
    });
    let written = index_json(&path)["manifests"].as_array().unwrap().len();
    assert_eq!(written, architectures.len() * 11);
}
