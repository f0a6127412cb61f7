//! Archives that others wrote: `docker save` of all ages, and hostile ones.
#![allow(clippy::unwrap_used, clippy::panic)] // Also outside of `#[test]` functions.

mod common;

use std::fs;
use std::io::Write as _;

use common::*;
use distil_oci::{Compression, Image, Location, Manifest, spec};
use serde_json::{Value, json};

/// What reading these bytes gives, as an archive of either kind.
fn read(bytes: &[u8], location: &str) -> Result<Manifest, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    fs::write(&path, bytes).unwrap();
    let (transport, rest) = location.split_once(':').unwrap();
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!(":{rest}")
    };
    let location: Location = format!("{transport}:{}{rest}", path.display())
        .parse()
        .unwrap();
    open(&location).map_err(|error| without(folder.path(), &error))
}

fn error(bytes: &[u8], location: &str) -> String {
    read(bytes, location).unwrap_err()
}

/// The files of the combined archive of an image or an index.
fn files(content: &Manifest) -> std::collections::BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let location = format!("oci-archive:{}", path.display());
    write(content, &location.parse().unwrap()).unwrap();
    entries(&fs::read(path).unwrap())
}

fn packed(files: &std::collections::BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    archive(
        files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
    )
}

/// What Docker before 25 saves: no manifest, no digests, plain layers in directories.
fn docker_20(images: &[(&Image, &[&str])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes).unwrap();
    };
    let mut saved = Vec::new();
    for (image, tags) in images {
        let config = format!("{}.json", image.config_digest().hex());
        add(&config, image.config_bytes());
        let mut paths = Vec::new();
        for (number, layer) in image.layers().iter().enumerate() {
            let path = format!("{}-{number}/layer.tar", image.digest().hex());
            add(&path, &unpacked(layer));
            paths.push(path);
        }
        saved.push(json!({"Config": config, "RepoTags": tags, "Layers": paths}));
    }
    add("manifest.json", json!(saved).to_string().as_bytes());
    add("repositories", b"{}");
    builder.into_inner().unwrap()
}

#[test]
fn an_old_docker_archive_gives_an_image_with_a_manifest_of_our_own() {
    let original = image("amd64");
    let bytes = docker_20(&[(&original, &["python3:debug"])]);
    for location in [
        "docker-archive:",
        "oci-archive:",
        "docker-archive:python3:debug",
    ] {
        let content = read(&bytes, location).unwrap();
        let image = &content.images().unwrap()[0];
        assert_eq!(image.config_bytes(), original.config_bytes());
        assert_eq!(image.manifest_media_type(), &spec::MediaType::ImageManifest);
        assert_eq!(
            unpacked(&image.layers()[1]),
            unpacked(&original.layers()[1])
        );
    }
}

#[test]
fn of_several_images_one_has_to_be_named() {
    let (one, two) = (image("amd64"), image("arm64"));
    let bytes = docker_20(&[(&one, &["a:1", "gcr.io/x/a:2"]), (&two, &["b:latest"])]);
    let config = |location| read(&bytes, location).map(|c| c.images().unwrap()[0].config_digest());
    assert_eq!(config("docker-archive:a:1"), Ok(one.config_digest()));
    assert_eq!(
        config("docker-archive:gcr.io/x/a:2"),
        Ok(one.config_digest())
    );
    assert_eq!(
        config("docker-archive:docker.io/library/b"),
        Ok(two.config_digest())
    );
    insta::assert_snapshot!(error(&bytes, "docker-archive:"), @"failed to read an image from `docker-archive:DIR/x.tar`: there are several images in it; name one of `a:1`, `b:latest`, `gcr.io/x/a:2`");
    insta::assert_snapshot!(error(&bytes, "docker-archive:c"), @"failed to read an image from `docker-archive:DIR/x.tar:c:latest`: there is no image `c:latest` in it; there is `a:1`, `b:latest`, `gcr.io/x/a:2`");
    insta::assert_snapshot!(error(&docker_20(&[]), "docker-archive:"), @"failed to read an image from `docker-archive:DIR/x.tar`: there is no image in it");
}

#[test]
fn a_layer_may_be_a_link_to_another_and_may_be_compressed() {
    let layers = vec![layer("a", "1"), layer("a", "1"), layer("b", "2")];
    let original = image_of("amd64", layers);
    let gzip = {
        let layer = layer_of("b", "2", Compression::GZIP);
        let mut bytes = Vec::new();
        std::io::copy(&mut layer.open().unwrap(), &mut bytes).unwrap();
        bytes
    };
    let manifest = json!([{
        "Config": "c.json",
        "RepoTags": null,
        "Layers": ["one/layer.tar", "two/layer.tar", "three.tar.gz"],
    }]);
    let plain = unpacked(&original.layers()[0]);
    let mut builder = tar::Builder::new(Vec::new());
    let files = [
        ("c.json", original.config_bytes()),
        ("one/layer.tar", &plain),
        ("three.tar.gz", &gzip),
        ("manifest.json", manifest.to_string().as_bytes()),
    ]
    .map(|(name, bytes)| (name, bytes.to_vec()));
    for (name, bytes) in &files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        builder
            .append_data(&mut header, name, bytes.as_slice())
            .unwrap();
    }
    let mut link = tar::Header::new_ustar();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    builder
        .append_link(&mut link, "two/layer.tar", "../one/layer.tar")
        .unwrap();
    let content = read(&builder.into_inner().unwrap(), "docker-archive:").unwrap();
    let image = &content.images().unwrap()[0];
    for (read, original) in image.layers().iter().zip(original.layers()) {
        assert_eq!(unpacked(read), unpacked(original));
    }
    assert_eq!(
        image.layers()[2].media_type(),
        &spec::MediaType::ImageLayerGzip
    );
    assert_eq!(image.layers()[2].size(), gzip.len() as u64);
}

#[test]
fn a_layer_with_another_content_than_its_diff_id_fails_when_it_is_read() {
    let mut bytes = docker_20(&[(&image("amd64"), &["a"])]);
    // The name of the file in the lowest layer, which is in the archive as plain bytes.
    let name = bytes.windows(8).position(|window| window == b"shared\0\0");
    bytes[name.unwrap()] = b'S';
    let content = read(&bytes, "docker-archive:").unwrap();
    let mut reader = content.images().unwrap()[0].layers()[0]
        .tar(1 << 20)
        .unwrap();
    let error = std::io::copy(&mut reader, &mut std::io::sink()).unwrap_err();
    assert!(error.to_string().contains("has the digest"), "{error}");
}

/// The index of images as BuildKit and Docker with containerd write it: Docker's media types, an
/// attestation, and a platform whose image is not there.
#[test]
fn an_index_with_attestations_gives_its_images_and_is_copied_whole() {
    let content = index(&["amd64", "arm64"]);
    let mut files = files(&content);
    let mut add = |media_type: &str, bytes: Vec<u8>| {
        let digest = distil_store::Digest::of(&bytes);
        let size = bytes.len();
        files.insert(format!("blobs/sha256/{}", digest.hex()), bytes);
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": size})
    };
    let manifest_type = spec::MediaType::ImageManifest.to_string();
    let statement = add(
        "application/vnd.in-toto+json",
        b"{\"_type\":\"x\"}".to_vec(),
    );
    // The configuration is an image's, as in attestations before BuildKit 0.32.
    let config = json!({"os": "unknown", "architecture": "unknown",
        "rootfs": {"type": "layers", "diff_ids": [statement["digest"]]}});
    let config = add(
        spec::MediaType::ImageConfig.as_ref(),
        config.to_string().into_bytes(),
    );
    let attestation = json!({"schemaVersion": 2, "mediaType": manifest_type, "config": config,
        "layers": [statement]});
    let mut attestation = add(&manifest_type, attestation.to_string().into_bytes());
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    let mut artifact = json!({"schemaVersion": 2, "mediaType": manifest_type,
        "artifactType": "application/x-signature", "layers": [statement]});
    artifact["config"] = add(spec::MediaType::EmptyJSON.as_ref(), b"{}".to_vec());
    let artifact = add(&manifest_type, artifact.to_string().into_bytes());
    let unknown = add("application/x-unknown", b"anything".to_vec());

    let top = format!("blobs/sha256/{}", content.digest().hex());
    let mut index: Value = serde_json::from_slice(&files[&top]).unwrap();
    let list = index["manifests"].as_array_mut().unwrap();
    let mut elsewhere = list[0].clone();
    elsewhere["digest"] = json!(distil_store::Digest::of("missing").to_string());
    elsewhere["platform"] = json!({"os": "linux", "architecture": "s390x"});
    list.insert(1, attestation);
    list.extend([elsewhere, unknown, artifact]);
    index["mediaType"] = json!("application/vnd.docker.distribution.manifest.list.v2+json");
    index["org.example.unknown"] = json!([1, 2]);
    replace_top(&mut files, &index, index["mediaType"].as_str().unwrap());

    let read = read(&packed(&files), "oci-archive:").unwrap();
    assert_eq!(read.images().unwrap(), content.images().unwrap());
    let platforms: Vec<String> = read
        .platforms()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    let Manifest::Index(index) = &read else {
        panic!("not an index");
    };
    let entries = index.entries();
    let read_entry = |number: usize| index.manifest(&entries[number]).unwrap();
    assert_eq!(entries.len(), 6);
    assert!(matches!(read_entry(1), Some(Manifest::Artifact(_))));
    assert!(read_entry(3).is_none(), "what is not there");
    assert!(read_entry(4).is_none(), "what is not a manifest");
    let Some(Manifest::Artifact(artifact)) = read_entry(5) else {
        panic!("not an artifact");
    };
    assert_eq!(artifact.artifact_type().as_ref(), "application/x-signature");
    assert_eq!(artifact.blobs()[0].read(100).unwrap(), b"{\"_type\":\"x\"}");
    assert!(artifact.blobs()[0].read(9).is_err());

    // All that is there comes along, to the byte.
    let folder = tempfile::tempdir().unwrap();
    let place = format!("oci:{}", folder.path().join("x").display());
    let place = place.parse().unwrap();
    write(&read, &place).unwrap();
    let copy = open(&place).unwrap();
    assert_eq!(copy.bytes(), read.bytes());
    let mut blobs: Vec<String> = files
        .keys()
        .filter_map(|name| name.strip_prefix("blobs/sha256/"))
        .filter(|name| *name != content.digest().hex())
        .map(str::to_owned)
        .collect();
    blobs.sort();
    assert_eq!(common::list(&folder.path().join("x/blobs/sha256")), blobs);
    assert_eq!(copy.blobs().unwrap().len(), blobs.len());
}

/// As an attacker has it: engines that go by the platform run the first.
#[test]
fn an_image_that_is_called_an_attestation_is_an_image_if_it_has_a_platform() {
    let (first, second) = (image("amd64"), image_of("amd64", vec![layer("a", "1")]));
    let content = Manifest::of(vec![second, image("arm64")], Default::default()).unwrap();
    let mut files = files(&content);
    let mut index: Value = serde_json::from_slice(content.bytes()).unwrap();
    let mut entry = serde_json::to_value(first.descriptor()).unwrap();
    entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    index["manifests"].as_array_mut().unwrap().insert(0, entry);
    files.extend(
        self::files(&first.clone().into())
            .into_iter()
            .filter(|(name, _)| name.starts_with("blobs")),
    );
    replace_top(&mut files, &index, spec::MediaType::ImageIndex.as_ref());
    let read = read(&packed(&files), "oci-archive:").unwrap();
    assert_eq!(read.image_for(&first.platform()).unwrap(), first);
}

#[test]
fn an_index_in_an_index_is_copied_and_not_looked_into() {
    let content = index(&["amd64", "arm64"]);
    let mut files = files(&content);
    let inner = content.descriptor();
    let outer =
        json!({"schemaVersion": 2, "mediaType": spec::MediaType::ImageIndex, "manifests": [inner]});
    replace_top(&mut files, &outer, spec::MediaType::ImageIndex.as_ref());
    let bytes = packed(&files);
    insta::assert_snapshot!(error(&bytes, "oci-archive:"), @"failed to read an image from `oci-archive:DIR/x.tar`: an index in an index is not supported");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    fs::write(&path, bytes).unwrap();
    let from: Location = format!("oci-archive:{}", path.display()).parse().unwrap();
    let opened = distil_oci::transport::open(&from, &registries()).unwrap();
    let to: Location = format!("oci-archive:{}", folder.path().join("y.tar").display())
        .parse()
        .unwrap();
    write(opened.manifest(), &to).unwrap();
    let copy = distil_oci::transport::open(&to, &registries()).unwrap();
    assert_eq!(copy.manifest().bytes(), opened.manifest().bytes());
    assert!(
        copy.manifest()
            .blobs()
            .unwrap()
            .contains_key(&content.digest())
    );
    // What Docker could not run has no `manifest.json`.
    assert!(
        !entries(&fs::read(folder.path().join("y.tar")).unwrap()).contains_key("manifest.json")
    );
}

#[test]
fn documents_that_can_be_read_in_two_ways_are_refused() {
    let of_manifest = |change: &dyn Fn(&mut Value)| error(&with_manifest(change), "oci-archive:");
    insta::assert_snapshot!(of_manifest(&|manifest| manifest["LAYERS"] = json!([])), @"failed to read an image from `oci-archive:DIR/x.tar`: the manifest `sha256:3433c8eea08b8993dcff46a0b729d69120d686465a80ec1d50a1a28d4abdc0ad` is ambiguous, so it is rejected: the key `LAYERS` is `layers` to engines that ignore case, and unknown to others");
    insta::assert_snapshot!(of_manifest(&|manifest| manifest["manifests"] = json!([])), @"failed to read an image from `oci-archive:DIR/x.tar`: the manifest `sha256:dc19b34ef4058dfe6359a622207283025fc4f55601e4e02614302745edd8955e` is ambiguous, so it is rejected: the key `manifests` belongs to another kind of document");
    insta::assert_snapshot!(of_manifest(&|manifest| manifest["mediaType"] = json!(spec::MediaType::ImageIndex)), @"failed to read an image from `oci-archive:DIR/x.tar`: the manifest `sha256:e5f97f776e147023b6e4f8b856bef45a1fc4eb1694d18a08f1aa898f5ee2f572` has the media type `application/vnd.oci.image.index.v1+json`, but is referred to as `application/vnd.oci.image.manifest.v1+json`");
    let saved = |text: &str| {
        let mut files = files(&image("amd64").into());
        let manifest = String::from_utf8(files["manifest.json"].clone()).unwrap();
        files.insert(
            "manifest.json".to_owned(),
            manifest.replacen("\"RepoTags\"", text, 1).into(),
        );
        error(&packed(&files), "docker-archive:")
    };
    insta::assert_snapshot!(saved(r#""repotags""#), @"failed to read an image from `docker-archive:DIR/x.tar`: `manifest.json` is ambiguous, so it is rejected: the key `[0].repotags` is `RepoTags` to engines that ignore case, and unknown to others");
    insta::assert_snapshot!(saved(r#""RepoTags":[],"RepoTags""#), @"failed to read an image from `docker-archive:DIR/x.tar`: `manifest.json` is ambiguous, so it is rejected: the key `[0].RepoTags` occurs twice, and not all engines use the same value");
    let config = |text: &str| {
        let files = files(&image("amd64").into());
        let name = files.keys().find(|name| {
            name.starts_with("blobs") && files[*name].starts_with(b"{\"architecture\"")
        });
        let name = name.unwrap().clone();
        let document = String::from_utf8(files[&name].clone()).unwrap();
        let changed = document.replacen("{\"Entrypoint\"", text, 1);
        let saved = json!([{"Config": "c.json", "RepoTags": null, "Layers": []}]);
        error(
            &archive([
                ("c.json", changed.as_bytes()),
                ("manifest.json", saved.to_string().as_bytes()),
            ]),
            "docker-archive:",
        )
    };
    insta::assert_snapshot!(config(r#"{"User":"65532","user":"0","Entrypoint""#), @"failed to read an image from `docker-archive:DIR/x.tar`: `c.json` is ambiguous, so it is rejected: the key `config.user` is `User` to engines that ignore case, and unknown to others");
    insta::assert_snapshot!(config(r#"{"entrypoint":["/bin/sh"],"Entrypoint""#), @"failed to read an image from `docker-archive:DIR/x.tar`: `c.json` is ambiguous, so it is rejected: the key `config.entrypoint` is `Entrypoint` to engines that ignore case, and unknown to others");
    insta::assert_snapshot!(config(r#"{"Uſer":"0","Entrypoint""#), @"failed to read an image from `docker-archive:DIR/x.tar`: `c.json` is ambiguous, so it is rejected: the key `config.Uſer` is `User` to engines that ignore case, and unknown to others");
}

#[test]
fn members_that_could_be_taken_for_another_are_refused() {
    let good = packed(&files(&image("amd64").into()));
    let with = |name: &str, kind: tar::EntryType, link: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        let bytes = [header.as_bytes().as_slice(), &good].concat();
        read(&bytes, "docker-archive:").map(|manifest| manifest.digest())
    };
    let plain = |name: &str| with(name, tar::EntryType::Regular, "").unwrap_err();
    insta::assert_snapshot!(plain("/manifest.json"), @"failed to read an image from `docker-archive:DIR/x.tar`: `/manifest.json` in the archive has an absolute name");
    insta::assert_snapshot!(plain("x/../manifest.json"), @"failed to read an image from `docker-archive:DIR/x.tar`: `x/../manifest.json` in the archive has `..` in its name");
    insta::assert_snapshot!(plain(".//manifest.json"), @"failed to read an image from `docker-archive:DIR/x.tar`: `manifest.json` in the archive occurs twice");
    insta::assert_snapshot!(plain("./././manifest.json"), @"failed to read an image from `docker-archive:DIR/x.tar`: `manifest.json` in the archive occurs twice");
    insta::assert_snapshot!(plain("./."), @"failed to read an image from `docker-archive:DIR/x.tar`: `./.` in the archive has no name");
    let link = |name, to| with(name, tar::EntryType::Symlink, to).unwrap_err();
    insta::assert_snapshot!(link("blobs", "elsewhere"), @"failed to read an image from `docker-archive:DIR/x.tar`: `blobs/sha256/75178442c6d0860e7f349b92e73c1c8ab1f7c065afa72e5e3831aa02aeb9d4ed` in the archive lies below what is not a directory");
    insta::assert_snapshot!(link("manifest.json", "oci-layout"), @"failed to read an image from `docker-archive:DIR/x.tar`: `manifest.json` in the archive occurs twice");
    // As `tar -C DIR -c .` has them, and as programs repeat them that append.
    let directory = |name| with(name, tar::EntryType::Directory, "");
    let digest = read(&good, "docker-archive:").unwrap().digest();
    for name in ["./", ".", "blobs/", "./blobs/sha256/", "other/"] {
        assert_eq!(directory(name), Ok(digest), "{name}");
    }
    assert_eq!(with("other", tar::EntryType::Regular, ""), Ok(digest));
}

/// Puts another document in the place of the one that `index.json` points to.
fn replace_top(
    files: &mut std::collections::BTreeMap<String, Vec<u8>>,
    document: &Value,
    media_type: &str,
) {
    let bytes = document.to_string().into_bytes();
    let digest = distil_store::Digest::of(&bytes);
    let mut top: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    top["manifests"][0]["digest"] = json!(digest.to_string());
    top["manifests"][0]["size"] = json!(bytes.len());
    top["manifests"][0]["mediaType"] = json!(media_type);
    files.insert("index.json".to_owned(), top.to_string().into_bytes());
    files.insert(format!("blobs/sha256/{}", digest.hex()), bytes);
}

/// An archive of an image whose manifest was changed by `change`.
fn with_manifest(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let content = Manifest::from(image("amd64"));
    let mut files = files(&content);
    let mut manifest: Value =
        serde_json::from_slice(content.images().unwrap()[0].manifest_bytes()).unwrap();
    change(&mut manifest);
    let media_type = content.images().unwrap()[0]
        .manifest_media_type()
        .to_string();
    replace_top(&mut files, &manifest, &media_type);
    packed(&files)
}

#[test]
fn dockers_own_media_types_are_read_and_kept() {
    let manifest_type = "application/vnd.docker.distribution.manifest.v2+json";
    let content = Manifest::from(image("amd64"));
    let mut files = files(&content);
    let mut manifest: Value =
        serde_json::from_slice(content.images().unwrap()[0].manifest_bytes()).unwrap();
    manifest["mediaType"] = json!(manifest_type);
    manifest["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    for layer in manifest["layers"].as_array_mut().unwrap() {
        layer["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar.gzip");
    }
    replace_top(&mut files, &manifest, manifest_type);
    let content = read(&packed(&files), "oci-archive:").unwrap();
    let image = &content.images().unwrap()[0];
    assert_eq!(image.manifest_bytes(), manifest.to_string().as_bytes());
    assert_eq!(image.manifest_media_type().to_string(), manifest_type);
}

#[test]
fn manifests_that_lie_are_refused() {
    let layer = |key: &'static str, value: Value| {
        error(
            &with_manifest(|manifest| manifest["layers"][0][key] = value),
            "oci-archive:",
        )
    };
    let nothing = distil_store::Digest::of("nothing").to_string();
    insta::assert_snapshot!(layer("digest", json!(nothing)), @"failed to read an image from `oci-archive:DIR/x.tar`: the blob `sha256:1785cfc3bc6ac7738e8b38cdccd1af12563c2b9070e07af336a1bf8c0f772b6a` is missing");
    insta::assert_snapshot!(layer("digest", json!("sha512:../../../etc/passwd")), @"failed to read an image from `oci-archive:DIR/x.tar`: failed to understand the manifest `sha256:d5fc9d1824acf2dbf11dd09c6dc936bb07470fd66fc2a5851dacac4bd66a38e3`: Invalid encoded value ../../../etc/passwd at line 1 column 265");
    insta::assert_snapshot!(layer("digest", json!("sha256:../../../etc/passwd")), @"failed to read an image from `oci-archive:DIR/x.tar`: failed to understand the manifest `sha256:fdac0b2c9589eea3852dca6c32f76e7a6900aba59eb20d57d7d38ba68d9b480a`: Invalid encoded value ../../../etc/passwd at line 1 column 265");
    insta::assert_snapshot!(layer("size", json!(1)), @"failed to read an image from `oci-archive:DIR/x.tar`: the blob `sha256:75178442c6d0860e7f349b92e73c1c8ab1f7c065afa72e5e3831aa02aeb9d4ed` is 2048 bytes long instead of 1");
    insta::assert_snapshot!(layer("size", json!(-1)), @"failed to read an image from `oci-archive:DIR/x.tar`: failed to understand the manifest `sha256:2a5a5d38491372acc3771edc39eb3ec0dc2e90654b43870994224bbfbb25727b`: invalid value: integer `-1`, expected u64 at line 1 column 373");
    insta::assert_snapshot!(layer("mediaType", json!("application/x-chart")), @"failed to read an image from `oci-archive:DIR/x.tar`: `application/x-chart` is not the media type of a layer");
    insta::assert_snapshot!(layer("mediaType", json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")), @"failed to read an image from `oci-archive:DIR/x.tar`: the layer `sha256:75178442c6d0860e7f349b92e73c1c8ab1f7c065afa72e5e3831aa02aeb9d4ed` is a foreign one (`application/vnd.oci.image.layer.nondistributable.v1.tar+gzip`); such layers are not supported");
    insta::assert_snapshot!(layer("mediaType", json!("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")), @"failed to read an image from `oci-archive:DIR/x.tar`: the layer `sha256:75178442c6d0860e7f349b92e73c1c8ab1f7c065afa72e5e3831aa02aeb9d4ed` is a foreign one (`application/vnd.docker.image.rootfs.foreign.diff.tar.gzip`); such layers are not supported");

    let fewer = with_manifest(|manifest| {
        manifest["layers"].as_array_mut().unwrap().pop();
    });
    insta::assert_snapshot!(error(&fewer, "oci-archive:"), @"failed to read an image from `oci-archive:DIR/x.tar`: the image contradicts itself: the number of layers in the manifest, 1, is not that of diff IDs in the configuration, 2");
    let helm =
        with_manifest(|manifest| manifest["config"]["mediaType"] = json!("application/x-helm"));
    insta::assert_snapshot!(error(&helm, "oci-archive:"), @"failed to read an image from `oci-archive:DIR/x.tar`: `application/x-helm` is not the media type of an image");
    let no_config = with_manifest(|manifest| *manifest = json!({"schemaVersion": 2}));
    insta::assert_snapshot!(error(&no_config, "oci-archive:"), @"failed to read an image from `oci-archive:DIR/x.tar`: failed to understand the manifest `sha256:bafebd36189ad3688b7b3915ea55d461e0bfcfbdde11e54b0a123999fb6be50f`: missing field `config` at line 1 column 19");
    let huge = with_manifest(|manifest| manifest["x"] = json!("x".repeat(4 << 20)));
    insta::assert_snapshot!(error(&huge, "oci-archive:"), @"failed to read an image from `oci-archive:DIR/x.tar`: the manifest `sha256:e14357e7e372d01b6bf1a87278e19030532484b202c04966f0595aa095f51aa7` is larger than 4194304 bytes");
}

#[test]
fn indexes_that_lie_are_refused() {
    let changed = |change: &dyn Fn(&mut Value)| {
        let content = index(&["amd64", "arm64"]);
        let Manifest::Index(index) = &content else {
            panic!("not an index");
        };
        let mut files = files(&content);
        let mut document: Value = serde_json::from_slice(index.bytes()).unwrap();
        change(&mut document);
        replace_top(&mut files, &document, index.media_type().as_ref());
        error(&packed(&files), "oci-archive:")
    };
    let nested = |document: &mut Value| {
        document["manifests"][0]["mediaType"] = json!(spec::MediaType::ImageIndex);
    };
    insta::assert_snapshot!(changed(&nested), @"failed to read an image from `oci-archive:DIR/x.tar`: an index in an index is not supported");
    insta::assert_snapshot!(changed(&|document| document["manifests"] = json!([])), @"failed to read an image from `oci-archive:DIR/x.tar`: the image contradicts itself: the index has no images");
    insta::assert_snapshot!(changed(&|document| {
        let mut entry = document["manifests"][0].clone();
        entry["digest"] = json!(distil_store::Digest::of("nothing").to_string());
        document["manifests"] = json!([entry]);
    }), @"failed to read an image from `oci-archive:DIR/x.tar`: the blob `sha256:1785cfc3bc6ac7738e8b38cdccd1af12563c2b9070e07af336a1bf8c0f772b6a` is missing");
}

#[test]
fn documents_that_are_damaged_are_refused() {
    let content = Manifest::from(image("amd64"));
    let good = files(&content);
    let with = |name: &str, bytes: &[u8]| {
        let mut files = good.clone();
        files.insert(name.to_owned(), bytes.to_vec());
        error(&packed(&files), "oci-archive:")
    };
    insta::assert_snapshot!(with("index.json", b"{"), @"failed to read an image from `oci-archive:DIR/x.tar`: failed to understand `index.json`: EOF while parsing an object at line 1 column 1");
    insta::assert_snapshot!(with("index.json", br#"{"schemaVersion": 2, "manifests": []}"#), @"failed to read an image from `oci-archive:DIR/x.tar`: there is no image in it");
    insta::assert_snapshot!(with("index.json", &vec![b' '; (4 << 20) + 1]), @"failed to read an image from `oci-archive:DIR/x.tar`: `index.json` is larger than 4194304 bytes");
    insta::assert_snapshot!(with("oci-layout", br#"{"imageLayoutVersion": "2"}"#), @"failed to read an image from `oci-archive:DIR/x.tar`: the OCI image layout has version `2`; only `1.0.0` is known");
    let config = format!(
        "blobs/sha256/{}",
        content.images().unwrap()[0].config_digest().hex()
    );
    let mut other = good[&config].clone();
    other[1] ^= 1;
    insta::assert_snapshot!(with(&config, &other), @"failed to read an image from `oci-archive:DIR/x.tar`: failed to read the blob `sha256:caa5d03fce753389dc96c534902f43bf41e7deec71532ea832bbb2fb0edb71f8`: the content of `sha256:caa5d03fce753389dc96c534902f43bf41e7deec71532ea832bbb2fb0edb71f8` has the digest `sha256:aec7789c6dc469f34c6a360ef63b399a816fde2956c62391e3b2c07c9011affd`");
    let deep = format!(r#"{{"annotations": {{"x": {}"#, "[".repeat(100_000));
    assert!(with("index.json", deep.as_bytes()).contains("failed to understand"));
}

#[test]
fn entries_that_are_no_plain_files_are_refused() {
    let content = Manifest::from(image("amd64"));
    let blob = format!("blobs/sha256/{}", content.digest().hex());
    for (kind, what) in [
        (tar::EntryType::Symlink, "is a link"),
        (
            tar::EntryType::Link,
            "is neither a plain file nor a directory",
        ),
        (tar::EntryType::Directory, "is a directory"),
        (
            tar::EntryType::Fifo,
            "is neither a plain file nor a directory",
        ),
    ] {
        let mut files = files(&content);
        let target = files.remove(&blob).unwrap();
        files.insert("elsewhere".to_owned(), target);
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(0);
        builder
            .append_link(&mut header, &blob, "elsewhere")
            .unwrap();
        let first = builder.into_inner().unwrap();
        let bytes = [&first[..first.len() - 1024], &packed(&files)].concat();
        let error = error(&bytes, "oci-archive:");
        assert!(error.ends_with(what), "{error}");
    }
    let files = files(&content);
    let twice = [
        &packed(&files)[..packed(&files).len() - 1024],
        &packed(&files),
    ]
    .concat();
    insta::assert_snapshot!(error(&twice, "oci-archive:"), @"failed to read an image from `oci-archive:DIR/x.tar`: `blobs/sha256/75178442c6d0860e7f349b92e73c1c8ab1f7c065afa72e5e3831aa02aeb9d4ed` in the archive occurs twice");
}

#[test]
fn what_is_no_archive_of_images_is_refused() {
    insta::assert_snapshot!(error(&archive([("x", &b"y"[..])]), "oci-archive:"), @"failed to read an image from `oci-archive:DIR/x.tar`: `DIR/x.tar` is not an image: it has neither `index.json` nor `manifest.json`");
    insta::assert_snapshot!(error(&[b'x'; 600], "docker-archive:"), @"failed to read an image from `docker-archive:DIR/x.tar`: the archive is damaged: there is no valid header at byte 0");
    insta::assert_snapshot!(error(b"", "docker-archive:"), @"failed to read an image from `docker-archive:DIR/x.tar`: `DIR/x.tar` is not an image: it has neither `index.json` nor `manifest.json`");
    let saved = archive([("manifest.json", &br#"[{"Config": "../../etc/passwd"}]"#[..])]);
    insta::assert_snapshot!(error(&saved, "docker-archive:"), @"failed to read an image from `docker-archive:DIR/x.tar`: `../../etc/passwd` in the archive is missing");
    let good = packed(&files(&image("amd64").into()));
    for end in [1, 511, 700, 1024, 2000, good.len() / 2, good.len() - 1530] {
        assert!(read(&good[..end], "oci-archive:").is_err(), "{end}");
    }
    let mut cut = Vec::new();
    let mut encoder = zstd::Encoder::new(&mut cut, 1).unwrap();
    encoder.write_all(&good).unwrap();
    encoder.finish().unwrap();
    cut.truncate(cut.len() / 2);
    assert!(read(&cut, "oci-archive:").is_err());
}
