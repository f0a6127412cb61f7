//! New images of old ones: the rest stays what it was, and what comes out is valid.
#![allow(clippy::unwrap_used, clippy::panic)] // Also outside of `#[test]` functions.

mod common;

use std::collections::BTreeMap;

use common::*;
use distil_oci::layer::BytesBlob;
use distil_oci::mutate::{self, Addendum};
use distil_oci::validate::validate;
use distil_oci::{Artifact, DescribedBlob, Image, ImageIndex, Layer, Manifest, spec};
use serde_json::{Value, json};

fn valid(manifest: impl Into<Manifest>) {
    let faults = validate(&manifest.into(), 1 << 20)
        .err()
        .unwrap_or_default();
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

fn step(text: &str, empty: Option<bool>) -> spec::History {
    let mut step = spec::History::default();
    step.set_created_by(Some(text.to_owned()))
        .set_empty_layer(empty);
    step
}

/// An image of these layers whose history has a step for each, and then one without a layer.
fn told(architecture: &str, name: &str, layers: Vec<Layer>) -> Image {
    let mut config = config(architecture, &layers);
    let mut steps: Vec<_> = (0..layers.len())
        .map(|number| step(&format!("{name} {number}"), None))
        .collect();
    steps.push(step(&format!("{name} ENTRYPOINT"), Some(true)));
    config.set_history(Some(steps));
    Image::new(config, layers, BTreeMap::new()).unwrap()
}

fn steps(image: &Image) -> Vec<String> {
    let steps = image.config().history().iter().flatten();
    steps
        .map(|step| step.created_by().clone().unwrap_or_default())
        .collect()
}

fn manifest(image: &Image) -> Value {
    serde_json::from_slice(image.manifest_bytes()).unwrap()
}

fn document(image: &Image) -> Value {
    serde_json::from_slice(image.config_bytes()).unwrap()
}

/// An image as others make it, with Docker's media types and keys that are not in the
/// specification, put into a layout and read again.
fn foreign() -> (tempfile::TempDir, Image) {
    let image = image("amd64");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let location = format!("oci:{}", path.display()).parse().unwrap();
    write(&image.clone().into(), &location).unwrap();
    let put = |document: &Value| {
        let bytes = document.to_string().into_bytes();
        let digest = distil_store::Digest::of(&bytes);
        std::fs::write(path.join("blobs/sha256").join(digest.hex()), &bytes).unwrap();
        (json!(digest.to_string()), json!(bytes.len()))
    };
    let mut config = document(&image);
    config["org.example"] = json!({"Unknown": 1, "unknown": 2});
    config["config"]["OnBuild"] = json!(["RUN x"]);
    let mut manifest = manifest(&image);
    (manifest["config"]["digest"], manifest["config"]["size"]) = put(&config);
    let docker = |rest: &str| json!(format!("application/vnd.docker.{rest}"));
    manifest["mediaType"] = docker("distribution.manifest.v2+json");
    manifest["config"]["mediaType"] = docker("container.image.v1+json");
    manifest["layers"][0]["mediaType"] = docker("image.rootfs.diff.tar");
    manifest["layers"][1]["mediaType"] = docker("image.rootfs.diff.tar");
    manifest["layers"][0]["org.example"] = json!("kept");
    manifest["org.example"] = json!([1, 2]);
    let (digest, size) = put(&manifest);
    let entry = json!({"mediaType": manifest["mediaType"], "digest": digest, "size": size});
    let index = json!({"schemaVersion": 2, "manifests": [entry]});
    std::fs::write(path.join("index.json"), index.to_string()).unwrap();
    let read = open(&location).unwrap();
    let image = read.images().unwrap().remove(0);
    (folder, image)
}

#[test]
fn a_layer_is_appended_with_its_step() {
    let below = told("amd64", "base", vec![layer("a", "1")]);
    let addendum = Addendum {
        layer: layer("b", "2"),
        history: Some(step("COPY b", Some(true))),
    };
    let above = mutate::append(&below, [addendum, layer("c", "3").into()]).unwrap();
    valid(above.clone());
    assert_eq!(above.layers()[..1], *below.layers());
    assert_eq!(above.layers()[1..], [layer("b", "2"), layer("c", "3")]);
    assert_eq!(steps(&above), ["base 0", "base ENTRYPOINT", "COPY b", ""]);
    assert_eq!(above.config().config(), below.config().config());
    // The old one is what it was.
    assert_eq!(below, told("amd64", "base", vec![layer("a", "1")]));
    // What is made in two steps is what is made at once.
    let step_by_step = image_of("amd64", vec![layer("a", "1")]);
    let step_by_step = mutate::append(&step_by_step, [layer("b", "2").into()]).unwrap();
    assert_eq!(
        step_by_step,
        image_of("amd64", vec![layer("a", "1"), layer("b", "2")])
    );
}

#[test]
fn a_layer_takes_the_media_type_of_the_image_it_is_appended_to() {
    let (_folder, docker) = foreign();
    let zstd = layer_of("z", "z", distil_oci::Compression::Zstd { level: 1 });
    let above = mutate::append(&docker, [layer("b", "2").into(), zstd.into()]).unwrap();
    valid(above.clone());
    let types: Vec<&str> = above
        .layers()
        .iter()
        .map(|layer| layer.media_type().as_ref())
        .collect();
    let plain = "application/vnd.docker.image.rootfs.diff.tar";
    assert_eq!(
        types,
        [
            plain,
            plain,
            plain,
            "application/vnd.docker.image.rootfs.diff.tar.zstd"
        ]
    );
    let oci = image_of("amd64", vec![layer("x", "y")]);
    let onto = mutate::append(&oci, [docker.layers()[0].clone().into()]).unwrap();
    valid(onto.clone());
    assert_eq!(onto.layers()[1].media_type(), &spec::MediaType::ImageLayer);
}

#[test]
fn what_nobody_knows_stays() {
    let (_folder, docker) = foreign();
    let annotations = [("org.example.a", None), ("new", Some("1".to_owned()))];
    let changed = mutate::annotate(&docker, annotations).unwrap();
    let changed = mutate::configure(&changed, |config| {
        let mut inner = config.config().clone().unwrap();
        inner
            .set_user(Some("65532".to_owned()))
            .set_entrypoint(None);
        config
            .set_config(Some(inner))
            .set_author(Some("me".to_owned()));
    })
    .unwrap();
    let changed = mutate::append(&changed, [layer("b", "2").into()]).unwrap();
    valid(changed.clone());
    let mut expected = document(&docker);
    expected["author"] = json!("me");
    expected["config"]["User"] = json!("65532");
    expected["config"]
        .as_object_mut()
        .unwrap()
        .remove("Entrypoint");
    let more = json!(layer("b", "2").diff_id().to_string());
    expected["rootfs"]["diff_ids"]
        .as_array_mut()
        .unwrap()
        .push(more);
    assert_eq!(document(&changed), expected);
    let (old, new) = (manifest(&docker), manifest(&changed));
    assert_eq!(
        new["annotations"],
        json!({"new": "1", "org.example.b": "2"})
    );
    assert_eq!(new["org.example"], old["org.example"]);
    assert_eq!(new["mediaType"], old["mediaType"]);
    assert_eq!(new["layers"][0], old["layers"][0]);
    assert_eq!(new["layers"].as_array().unwrap().len(), 3);
    assert_ne!(new["config"]["digest"], old["config"]["digest"]);
    // A change that changes nothing: canonical JSON of the same.
    let same = mutate::configure(&image("amd64"), |_| {}).unwrap();
    assert_eq!(same, image("amd64"));
}

#[test]
fn lower_layers_are_replaced() {
    let old = told("amd64", "old", vec![layer("a", "1"), layer("b", "1")]);
    let new = told(
        "amd64",
        "new",
        vec![layer("a", "2"), layer("b", "2"), layer("c", "2")],
    );
    let own = Addendum {
        layer: layer("own", "1"),
        history: Some(step("COPY own", None)),
    };
    let image = mutate::append(&old, [own]).unwrap();
    let rebased = mutate::rebase(&image, &old, &new).unwrap();
    valid(rebased.clone());
    let layers = [
        layer("a", "2"),
        layer("b", "2"),
        layer("c", "2"),
        layer("own", "1"),
    ];
    assert_eq!(rebased.layers(), layers);
    let expected = ["new 0", "new 1", "new 2", "new ENTRYPOINT", "COPY own"];
    assert_eq!(steps(&rebased), expected);
    assert_eq!(rebased.config().config(), image.config().config());
    assert_eq!(mutate::rebase(&rebased, &new, &old).unwrap(), image);
    insta::assert_snapshot!(mutate::rebase(&image, &new, &old).unwrap_err(), @"the image contradicts itself");
    // Without a history on either side, or on both.
    let plain =
        |names: &[&str]| image_of("amd64", names.iter().map(|name| layer(name, "1")).collect());
    let (old, image) = (plain(&["a", "b"]), plain(&["a", "b", "own"]));
    let rebased = mutate::rebase(&image, &old, &new).unwrap();
    valid(rebased.clone());
    assert_eq!(
        steps(&rebased),
        ["new 0", "new 1", "new 2", "new ENTRYPOINT", ""]
    );
    let rebased = mutate::rebase(&image, &old, &plain(&["c"])).unwrap();
    assert_eq!(rebased, plain(&["c", "own"]));
}

#[test]
fn an_artifact_is_about_an_image_and_goes_into_its_index() {
    let image = image("amd64");
    let sbom = DescribedBlob::of_bytes("application/spdx+json".into(), &b"{\"spdx\": 1}"[..]);
    let sbom = sbom.with_annotations([(
        "org.opencontainers.image.title".to_owned(),
        "x.json".to_owned(),
    )]);
    let artifact = Artifact::new(
        "application/spdx+json".into(),
        vec![sbom],
        Some(image.descriptor()),
        [("a".to_owned(), "1".to_owned())].into(),
    )
    .unwrap();
    valid(artifact.clone());
    assert_eq!(artifact.subject(), Some(&image.descriptor()));
    insta::assert_snapshot!(String::from_utf8(artifact.manifest_bytes().to_vec()).unwrap(), @r#"{"annotations":{"a":"1"},"artifactType":"application/spdx+json","config":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","mediaType":"application/vnd.oci.empty.v1+json","size":2},"layers":[{"annotations":{"org.opencontainers.image.title":"x.json"},"digest":"sha256:d8e945b0e37455d7a777b4d81bab214a0560a3f045d352a938c29130b558b3e3","mediaType":"application/spdx+json","size":11}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2,"subject":{"digest":"sha256:7a08a8190c6a9a5c2fcc20c6e3ad894bae35c2971bbc6334aa5ac01fe4bfa592","mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"architecture":"amd64","os":"linux"},"size":603}}"#);
    let bare = Artifact::new("application/x".into(), Vec::new(), None, BTreeMap::new()).unwrap();
    valid(bare.clone());
    insta::assert_snapshot!(String::from_utf8(bare.manifest_bytes().to_vec()).unwrap(), @r#"{"artifactType":"application/x","config":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","mediaType":"application/vnd.oci.empty.v1+json","size":2},"layers":[{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","mediaType":"application/vnd.oci.empty.v1+json","size":2}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}"#);

    let index =
        ImageIndex::new(vec![image.clone(), common::image("arm64")], BTreeMap::new()).unwrap();
    let kind = [(
        "vnd.docker.reference.type".to_owned(),
        "attestation-manifest".to_owned(),
    )];
    let more = mutate::append_entry(&index, artifact.clone().into(), kind.into()).unwrap();
    valid(more.clone());
    assert_eq!(more.entries().len(), 3);
    assert_eq!(more.images().unwrap(), index.images().unwrap());
    let read = more.manifest(&more.entries()[2]).unwrap();
    assert_eq!(read, Some(artifact.clone().into()));
    // The same once more is one entry still.
    let again = mutate::append_entry(&more, artifact.clone().into(), BTreeMap::new()).unwrap();
    assert_eq!(again.entries().len(), 3);

    // All of it survives a copy, and one more of what was read.
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        format!("oci:{}", folder.path().join(name).display())
            .parse()
            .unwrap()
    };
    write(&more.clone().into(), &place("a")).unwrap();
    let read = open(&place("a")).unwrap();
    assert_eq!(read, more.clone().into());
    let Manifest::Index(read) = read else {
        panic!("not an index");
    };
    let extended = mutate::append_entry(&read, bare.clone().into(), BTreeMap::new()).unwrap();
    valid(extended.clone());
    write(&extended.clone().into(), &place("b")).unwrap();
    let Manifest::Index(copy) = open(&place("b")).unwrap() else {
        panic!("not an index");
    };
    assert_eq!(copy, extended);
    assert_eq!(
        copy.manifest(&copy.entries()[2]).unwrap(),
        Some(artifact.into())
    );
    assert_eq!(
        copy.manifest(&copy.entries()[3]).unwrap(),
        Some(bare.into())
    );
}

#[test]
fn an_artifact_is_written_and_read_alone() {
    let folder = tempfile::tempdir().unwrap();
    let artifact =
        Artifact::new("application/x".into(), Vec::new(), None, BTreeMap::new()).unwrap();
    for transport in ["oci", "oci-archive"] {
        let place = format!("{transport}:{}", folder.path().join(transport).display());
        let place = place.parse().unwrap();
        write(&artifact.clone().into(), &place).unwrap();
        let opened = distil_oci::transport::open(&place, &registries()).unwrap();
        assert_eq!(opened.artifact(), Some(&artifact));
        let error = chain(&opened.image_for(None).unwrap_err());
        assert!(
            error.ends_with("`application/x` is not the media type of an image"),
            "{error}"
        );
    }
}

#[test]
fn subjects_and_annotations_of_images_and_indexes_come_and_go() {
    let (image, other) = (image("amd64"), image("arm64"));
    let about = mutate::with_subject(&image, Some(&other.descriptor())).unwrap();
    valid(about.clone());
    assert_eq!(about.subject(), Some(&other.descriptor()));
    assert_eq!(mutate::with_subject(&about, None).unwrap(), image);
    let index = ImageIndex::new(vec![image, other.clone()], BTreeMap::new()).unwrap();
    let about = mutate::with_index_subject(&index, Some(&other.descriptor())).unwrap();
    let about = mutate::annotate_index(&about, [("a", Some("1".to_owned()))]).unwrap();
    valid(about.clone());
    assert_eq!(about.subject(), Some(&other.descriptor()));
    assert_eq!(about.annotations()["a"], "1");
    let back = mutate::annotate_index(&about, [("a", None)]).unwrap();
    assert_eq!(mutate::with_index_subject(&back, None).unwrap(), index);
}

#[test]
fn what_is_wrong_is_found() {
    let good = layer("a", "1");
    let with = |digest, size, diff_id, bytes: &[u8]| {
        let source = std::sync::Arc::new(BytesBlob(bytes.into()));
        let layer = Layer::from_parts(good.media_type().clone(), digest, size, diff_id, source);
        let image = image_of("amd64", vec![layer]);
        let faults = validate(&image.into(), 1 << 20).unwrap_err();
        faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let bytes = unpacked(&good);
    let other = distil_store::Digest::of("other");
    insta::assert_snapshot!(with(good.digest(), good.size(), other, &bytes), @"the layer `sha256:909a3b107334433b067ec79a7f0650238ae80207d60b1e77135f4f18b1d05987` unpacked: the content of `sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa` has the digest `sha256:909a3b107334433b067ec79a7f0650238ae80207d60b1e77135f4f18b1d05987`");
    insta::assert_snapshot!(with(other, good.size(), good.diff_id(), &bytes), @"the blob `sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa`: the content of `sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa` has the digest `sha256:909a3b107334433b067ec79a7f0650238ae80207d60b1e77135f4f18b1d05987`");
    insta::assert_snapshot!(with(good.digest(), 1, good.diff_id(), &bytes), @"the blob `sha256:909a3b107334433b067ec79a7f0650238ae80207d60b1e77135f4f18b1d05987`: the content of `sha256:909a3b107334433b067ec79a7f0650238ae80207d60b1e77135f4f18b1d05987` is longer than 1 bytes");
    insta::assert_snapshot!(with(good.digest(), good.size(), good.diff_id(), &bytes[1..]), @"the blob `sha256:909a3b107334433b067ec79a7f0650238ae80207d60b1e77135f4f18b1d05987`: the content of `sha256:909a3b107334433b067ec79a7f0650238ae80207d60b1e77135f4f18b1d05987` is 2047 bytes long instead of 2048");

    // A history and a platform that are not the image's: found in what was read alone.
    let folder = tempfile::tempdir().unwrap();
    let place = format!("oci:{}", folder.path().join("x").display())
        .parse()
        .unwrap();
    let content = index(&["amd64", "arm64"]);
    write(&content, &place).unwrap();
    let mut lie: Value = serde_json::from_slice(content.bytes()).unwrap();
    lie["manifests"][0]["platform"]["architecture"] = json!("s390x");
    let bytes = lie.to_string().into_bytes();
    let digest = distil_store::Digest::of(&bytes);
    std::fs::write(
        folder.path().join("x/blobs/sha256").join(digest.hex()),
        &bytes,
    )
    .unwrap();
    let top = json!({"schemaVersion": 2, "manifests": [{"mediaType": spec::MediaType::ImageIndex,
        "digest": digest.to_string(), "size": bytes.len()}]});
    std::fs::write(folder.path().join("x/index.json"), top.to_string()).unwrap();
    let faults = validate(&open(&place).unwrap(), 1 << 20).unwrap_err();
    insta::assert_snapshot!(faults[0], @"the image `sha256:7a08a8190c6a9a5c2fcc20c6e3ad894bae35c2971bbc6334aa5ac01fe4bfa592` is for `linux/amd64`, but the index says `linux/s390x`");
    assert_eq!(faults.len(), 1);
}
