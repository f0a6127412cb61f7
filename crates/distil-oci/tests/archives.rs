//! The combined archive: written whole or not at all, and read back as it was.
#![allow(clippy::unwrap_used, clippy::panic)] // Also outside of `#[test]` functions.

mod common;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use common::*;
use distil_oci::{Location, Manifest, Platform};
use serde_json::Value;

fn oci(path: &Path) -> Location {
    Location::OciArchive {
        path: path.to_owned(),
        tag: None,
    }
}

fn docker(path: &Path) -> Location {
    Location::DockerArchive {
        path: path.to_owned(),
        name: None,
    }
}

/// A folder for one test, and a path of a file in it.
fn output() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.tar");
    (folder, path)
}

fn json(archive: &[u8], name: &str) -> Value {
    serde_json::from_slice(&entries(archive)[name]).unwrap()
}

#[test]
fn both_spellings_write_the_same_file_and_read_the_same_image() {
    let (folder, path) = output();
    let content = Manifest::from(image("amd64"));
    write(&content, &oci(&path)).unwrap();
    let bytes = fs::read(&path).unwrap();
    write(&content, &docker(&path)).unwrap();
    assert!(bytes == fs::read(&path).unwrap());
    for location in [oci(&path), docker(&path)] {
        assert!(
            dump(&open(&location).unwrap()) == dump(&content),
            "{location}"
        );
    }
    assert_eq!(Location::at(&path).unwrap(), oci(&path));
    assert_eq!(list(folder.path()), ["out.tar"]);
}

#[test]
fn the_archive_keeps_its_bytes() {
    let (_folder, path) = output();
    write(&image("amd64").into(), &oci(&path)).unwrap();
    let bytes = fs::read(&path).unwrap();
    insta::assert_snapshot!(distil_store::Digest::of(&bytes), @"sha256:01b253f9e5a1ce8ecf6ab58fa0f5025f7e42397e1d76824bc707793e432c5d47");
    let text = |name: &str| String::from_utf8(entries(&bytes).remove(name).unwrap()).unwrap();
    insta::assert_snapshot!(text("index.json"), @r#"{"manifests":[{"annotations":{"io.containerd.image.name":"docker.io/library/python3:debug","org.opencontainers.image.ref.name":"debug"},"digest":"sha256:7a08a8190c6a9a5c2fcc20c6e3ad894bae35c2971bbc6334aa5ac01fe4bfa592","mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"architecture":"amd64","os":"linux"},"size":603}],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}"#);
    insta::assert_snapshot!(text("manifest.json"), @r#"[{"Config":"blobs/sha256/caa5d03fce753389dc96c534902f43bf41e7deec71532ea832bbb2fb0edb71f8","Layers":["blobs/sha256/75178442c6d0860e7f349b92e73c1c8ab1f7c065afa72e5e3831aa02aeb9d4ed","blobs/sha256/a952428ed15afcc8350decb9cbd25c227643e733f46d55b28c50cf3192b042f4"],"RepoTags":["python3:debug"]}]"#);
    insta::assert_snapshot!(text("oci-layout"), @r#"{"imageLayoutVersion":"1.0.0"}"#);
    let mut names: Vec<_> = tar::Archive::new(&bytes[..])
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path_bytes().into_owned())
        .collect();
    let order = names.clone();
    names.sort();
    assert_eq!(order, names);
}

#[test]
fn several_platforms_are_one_descriptor_and_one_entry() {
    let (_folder, path) = output();
    let host = Platform::host();
    for (architectures, expected) in [
        (["s390x", host.architecture()], host.architecture()),
        (["s390x", "riscv64"], "s390x"),
    ] {
        let content = index(&architectures);
        write(&content, &oci(&path)).unwrap();
        let bytes = fs::read(&path).unwrap();
        let index = json(&bytes, "index.json");
        assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
        assert_eq!(
            index["manifests"][0]["digest"],
            content.digest().to_string()
        );
        assert_eq!(json(&bytes, "manifest.json").as_array().unwrap().len(), 1);
        assert!(dump(&open(&oci(&path)).unwrap()) == dump(&content));
        let single = open(&docker(&path)).unwrap();
        assert!(dump(&single) == dump(&image(expected).into()), "{expected}");
    }
}

#[test]
fn names_go_where_engines_look_for_them() {
    let (_folder, path) = output();
    let content = Manifest::from(image("amd64"));
    let written = |location: &Location| {
        write_named(&content, location, &["python3:debug", "gcr.io/x/y"]).unwrap();
        let bytes = fs::read(&path).unwrap();
        let annotations = json(&bytes, "index.json")["manifests"][0]["annotations"].to_string();
        let tags = json(&bytes, "manifest.json")[0]["RepoTags"].to_string();
        format!("{tags} {annotations}")
    };
    insta::assert_snapshot!(written(&oci(&path)), @r#"["python3:debug","gcr.io/x/y:latest"] {"io.containerd.image.name":"docker.io/library/python3:debug","org.opencontainers.image.ref.name":"debug"}"#);
    let tagged = Location::OciArchive {
        path: path.clone(),
        tag: Some("v1".to_owned()),
    };
    insta::assert_snapshot!(written(&tagged), @r#"["python3:debug","gcr.io/x/y:latest"] {"org.opencontainers.image.ref.name":"v1"}"#);
    assert_eq!(open(&tagged).unwrap().digest(), content.digest());
    let named = Location::DockerArchive {
        path: path.clone(),
        name: Some("other:tag".parse().unwrap()),
    };
    insta::assert_snapshot!(written(&named), @r#"["other:tag"] {"io.containerd.image.name":"docker.io/library/other:tag","org.opencontainers.image.ref.name":"tag"}"#);
    assert_eq!(open(&named).unwrap().digest(), content.digest());

    write_named(&content, &oci(&path), &[]).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(
        json(&bytes, "manifest.json")[0]["RepoTags"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    let descriptor = &json(&bytes, "index.json")["manifests"][0];
    assert_eq!(descriptor.get("annotations"), None);
    assert_eq!(open(&docker(&path)).unwrap().digest(), content.digest());
}

#[test]
fn an_older_file_is_replaced_and_stays_when_writing_fails() {
    let (folder, path) = output();
    let content = Manifest::from(image("amd64"));
    fs::write(&path, "older").unwrap();
    let error = write(&broken_image().into(), &oci(&path)).unwrap_err();
    insta::assert_snapshot!(without(folder.path(), &error), @"failed to write the image to `oci-archive:DIR/out.tar`: failed to read the blob `sha256:da199d12c78c2fbd31cc83f603fadfbf9638c049370cb3927a65a5a14ee709b6`: connection reset");
    assert_eq!(fs::read_to_string(&path).unwrap(), "older");
    assert_eq!(list(folder.path()), ["out.tar"]);
    write(&content, &oci(&path)).unwrap();
    assert_eq!(open(&oci(&path)).unwrap().digest(), content.digest());
}

#[test]
fn a_layer_that_is_not_what_its_digest_says_is_not_written() {
    let (folder, path) = output();
    let good = layer("a", "1");
    for (source, what) in [
        (layer("a", "2"), "content"),
        (layer("a", &"long".repeat(1000)), "longer"),
    ] {
        struct Swapped(distil_oci::Layer);
        impl distil_oci::BlobSource for Swapped {
            fn open(&self) -> std::io::Result<Box<dyn std::io::Read + Send>> {
                self.0.open()
            }
        }
        let layer = distil_oci::Layer::from_parts(
            good.media_type().clone(),
            good.digest(),
            good.size(),
            good.diff_id(),
            std::sync::Arc::new(Swapped(source)),
        );
        let image = image_of("amd64", vec![layer]);
        let error = write(&image.into(), &oci(&path)).unwrap_err();
        assert!(error.contains("failed to read the blob"), "{what}: {error}");
        assert!(list(folder.path()).is_empty());
    }
}

#[test]
fn places_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let content = Manifest::from(image("amd64"));
    let error = |place: &str| {
        let error = write(&content, &oci(&folder.path().join(place))).unwrap_err();
        without(folder.path(), &error)
    };
    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    insta::assert_snapshot!(error("folder"), @"failed to write the image to `oci-archive:DIR/folder`: `DIR/folder` is a directory; an archive is a file");
    insta::assert_snapshot!(error("missing/x.tar"), @"failed to write the image to `oci-archive:DIR/missing/x.tar`: failed to create `DIR/missing/x.tar`: No such file or directory (os error 2)");
    insta::assert_snapshot!(error("file/x.tar"), @"failed to write the image to `oci-archive:DIR/file/x.tar`: failed to write `DIR/file/x.tar`: Not a directory (os error 20)");
    assert_eq!(list(folder.path()), ["file", "folder"]);
    let root = "rootfs:x".parse().unwrap();
    insta::assert_snapshot!(write(&content, &root).unwrap_err(), @"failed to write the image to `rootfs:x`: writing a root file system is not supported yet");
}

/// As for `/dev/stdout` when it is a pipe: nothing could take its place.
#[test]
fn a_pipe_is_written_to_directly() {
    let (folder, path) = output();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let content = Manifest::from(image("amd64"));
    write(&content, &oci(&path)).unwrap();
    // Opened for both, so that nobody waits for anybody; the archive fits into the pipe.
    let mut end = fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    write(&content, &oci(&pipe)).unwrap();
    let expected = fs::read(&path).unwrap();
    let mut read = vec![0; expected.len()];
    end.read_exact(&mut read).unwrap();
    assert!(read == expected);
    assert!(!fs::metadata(&pipe).unwrap().is_file());
    assert_eq!(list(folder.path()), ["out.tar", "pipe"]);
}

#[test]
fn through_a_link_the_file_is_replaced_and_the_link_stays() {
    let (folder, path) = output();
    let target = folder.path().join("target.tar");
    fs::write(&target, "older").unwrap();
    symlink("target.tar", &path).unwrap();
    let content = Manifest::from(image("amd64"));
    write(&content, &oci(&path)).unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(open(&oci(&target)).unwrap().digest(), content.digest());
    assert_eq!(list(folder.path()), ["out.tar", "target.tar"]);
}

#[test]
fn a_compressed_archive_is_read_too() {
    let (folder, path) = output();
    let content = index(&["amd64", "arm64"]);
    write(&content, &oci(&path)).unwrap();
    let bytes = fs::read(&path).unwrap();
    let packed = folder.path().join("packed");
    fs::write(&packed, zstd::encode_all(&bytes[..], 1).unwrap()).unwrap();
    assert_eq!(Location::at(&packed).unwrap(), oci(&packed));
    assert!(dump(&open(&oci(&packed)).unwrap()) == dump(&content));
}

#[test]
fn an_image_that_was_read_is_written_with_its_own_digest() {
    let (folder, path) = output();
    let content = index(&["amd64", "arm64"]);
    write(&content, &oci(&path)).unwrap();
    let copy = folder.path().join("copy.tar");
    write(&open(&oci(&path)).unwrap(), &oci(&copy)).unwrap();
    assert!(fs::read(&path).unwrap() == fs::read(&copy).unwrap());
}

#[test]
fn an_archive_can_be_replaced_by_what_was_read_from_it() {
    let (_folder, path) = output();
    let content = Manifest::from(image("amd64"));
    write(&content, &oci(&path)).unwrap();
    write(&open(&oci(&path)).unwrap(), &docker(&path)).unwrap();
    assert!(dump(&open(&oci(&path)).unwrap()) == dump(&content));
}
