//! The image model: what is made stays what it is, and parts that do not fit are refused.
#![allow(clippy::unwrap_used, clippy::panic)] // Also outside of `#[test]` functions.

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{config, image, index, layer};
use distil_oci::{Healthcheck, Image, ImageIndex, Manifest, Platform, spec};

#[test]
fn a_tiny_image_keeps_its_bytes() {
    let image = image("amd64");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    insta::assert_snapshot!(text(image.config_bytes()), @r#"{"architecture":"amd64","config":{"Entrypoint":["/hello"],"Labels":{"a":"1","b":"2","c":"3"}},"os":"linux","rootfs":{"diff_ids":["sha256:75178442c6d0860e7f349b92e73c1c8ab1f7c065afa72e5e3831aa02aeb9d4ed","sha256:a952428ed15afcc8350decb9cbd25c227643e733f46d55b28c50cf3192b042f4"],"type":"layers"}}"#);
    insta::assert_snapshot!(text(image.manifest_bytes()), @r#"{"annotations":{"org.example.a":"1","org.example.b":"2"},"config":{"digest":"sha256:caa5d03fce753389dc96c534902f43bf41e7deec71532ea832bbb2fb0edb71f8","mediaType":"application/vnd.oci.image.config.v1+json","size":295},"layers":[{"digest":"sha256:75178442c6d0860e7f349b92e73c1c8ab1f7c065afa72e5e3831aa02aeb9d4ed","mediaType":"application/vnd.oci.image.layer.v1.tar","size":2048},{"digest":"sha256:a952428ed15afcc8350decb9cbd25c227643e733f46d55b28c50cf3192b042f4","mediaType":"application/vnd.oci.image.layer.v1.tar","size":2048}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}"#);
    insta::assert_snapshot!(image.digest(), @"sha256:7a08a8190c6a9a5c2fcc20c6e3ad894bae35c2971bbc6334aa5ac01fe4bfa592");
    assert_eq!(image.platform(), Platform::linux("amd64", None));
    let documents = image.manifest_bytes().len() + image.config_bytes().len();
    assert_eq!(image.size(), documents as u64 + 2 * 2048);
}

#[test]
fn a_health_check_is_in_the_configuration_and_is_read_back() {
    let layers = || vec![layer("shared", "all")];
    let make = |check: Option<&Healthcheck>| {
        let config = config("amd64", &layers());
        Image::with_healthcheck(config, check, layers(), BTreeMap::new()).unwrap()
    };
    let check = Healthcheck {
        test: vec!["CMD".to_owned(), "/usr/bin/x".to_owned()],
        interval: Some(Duration::from_secs(30)),
        retries: Some(3),
        ..Healthcheck::default()
    };
    let image = make(Some(&check));
    let text = String::from_utf8(image.config_bytes().to_vec()).unwrap();
    insta::assert_snapshot!(text, @r#"{"architecture":"amd64","config":{"Entrypoint":["/hello"],"Healthcheck":{"Interval":30000000000,"Retries":3,"Test":["CMD","/usr/bin/x"]},"Labels":{"a":"1","b":"2","c":"3"}},"os":"linux","rootfs":{"diff_ids":["sha256:75178442c6d0860e7f349b92e73c1c8ab1f7c065afa72e5e3831aa02aeb9d4ed"],"type":"layers"}}"#);
    assert_eq!(image.healthcheck(), Some(check));
    // As all that reads the configuration by the specification sees it, nothing else has changed.
    assert_eq!(image.config(), &config("amd64", &layers()));

    let without = Image::new(config("amd64", &layers()), layers(), BTreeMap::new()).unwrap();
    assert_eq!(make(None).config_bytes(), without.config_bytes());
    assert_eq!(without.healthcheck(), None);

    let mut plain = config("amd64", &layers());
    plain.set_config(None);
    let check = Healthcheck::default();
    let image = Image::with_healthcheck(plain, Some(&check), layers(), BTreeMap::new()).unwrap();
    assert_eq!(image.healthcheck(), Some(check));

    let hasty = Healthcheck {
        timeout: Some(Duration::from_nanos(1)),
        ..Healthcheck::default()
    };
    let config = config("amd64", &layers());
    let error = Image::with_healthcheck(config, Some(&hasty), layers(), BTreeMap::new());
    insta::assert_snapshot!(error.unwrap_err(), @"the `Timeout` of the health check is 1ns; it has to be at least 1ms, or 0 for the engine's default, and at most 292 years");
}

#[test]
fn a_history_may_have_steps_without_a_layer() {
    let layers = || vec![layer("a", "1"), layer("b", "2")];
    let step = |empty: Option<bool>| {
        let mut step = spec::History::default();
        step.set_created_by(Some("a step".to_owned()))
            .set_empty_layer(empty);
        step
    };
    let image = |steps: &[Option<bool>]| {
        let mut config = config("amd64", &layers());
        config.set_history(Some(steps.iter().copied().map(step).collect()));
        Image::new(config, layers(), BTreeMap::new())
    };
    let (full, empty) = (Some(false), Some(true));
    let made = image(&[empty, None, empty, full, empty]).unwrap();
    let history = made.config().history().as_ref().unwrap();
    assert_eq!(history.len(), 5);
    let text = String::from_utf8(made.config_bytes().to_vec()).unwrap();
    assert_eq!(text.matches(r#""empty_layer":true"#).count(), 3);
    insta::assert_snapshot!(image(&[empty, None]).unwrap_err(), @"the number of layers, 2, is not that of steps in the history, 1");
    insta::assert_snapshot!(image(&[full, None, full]).unwrap_err(), @"the number of layers, 2, is not that of steps in the history, 3");
}

#[test]
fn an_index_keeps_its_bytes() {
    let Manifest::Index(index) = index(&["amd64", "arm64"]) else {
        panic!("not an index");
    };
    insta::assert_snapshot!(String::from_utf8(index.bytes().to_vec()).unwrap(), @r#"{"manifests":[{"digest":"sha256:7a08a8190c6a9a5c2fcc20c6e3ad894bae35c2971bbc6334aa5ac01fe4bfa592","mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"architecture":"amd64","os":"linux"},"size":603},{"digest":"sha256:1d4a45650dec89d7d21e4bf467be340107c6ec0a696f81244121403e9999f02c","mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"architecture":"arm64","os":"linux"},"size":603}],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}"#);
    insta::assert_snapshot!(index.digest(), @"sha256:5758589fc224d69f3bd899bced151a8042dfd122f4b398569288da3080b7bcaa");
}

#[test]
fn one_image_is_no_index() {
    let content =
        |names: &[&str]| Manifest::of(names.iter().map(|a| image(a)).collect(), BTreeMap::new());
    let one = content(&["s390x"]).unwrap();
    assert!(matches!(one, Manifest::Image(_)));
    assert_eq!(one.image_for_host().unwrap(), image("s390x"));
    let two = content(&["s390x", "riscv64"]).unwrap();
    assert_eq!(two.digest(), index(&["s390x", "riscv64"]).digest());
    let riscv64 = Platform::linux("riscv64", None);
    assert_eq!(two.image_for(&riscv64).unwrap(), image("riscv64"));
    insta::assert_snapshot!(content(&[]).unwrap_err(), @"the index has no images");
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let layers = || vec![layer("a", "1"), layer("b", "2")];
    let error = |config, layers| Image::new(config, layers, BTreeMap::new()).unwrap_err();

    let one = config("amd64", &layers()[..1]);
    insta::assert_snapshot!(error(one, layers()), @"the number of layers in the manifest, 2, is not that of diff IDs in the configuration, 1");

    let mut swapped = layers();
    swapped.reverse();
    insta::assert_snapshot!(error(config("amd64", &swapped), layers()), @"layer 1 has the diff ID `sha256:909a3b107334433b067ec79a7f0650238ae80207d60b1e77135f4f18b1d05987`, but the configuration says `sha256:e27ad8098f1196db163e5b659f46fe406ee474100694ec2213f285a7f510a6c4`");

    let mut short = config("amd64", &layers());
    short.set_history(Some(vec![distil_oci::spec::History::default()]));
    insta::assert_snapshot!(error(short, layers()), @"the number of layers, 2, is not that of steps in the history, 1");

    let good = layer("a", "1");
    let docker = distil_oci::Layer::from_parts(
        "application/vnd.docker.image.rootfs.diff.tar.gzip".into(),
        good.digest(),
        good.size(),
        good.diff_id(),
        std::sync::Arc::new(distil_oci::layer::BytesBlob(Vec::new().into())),
    );
    let one = config("amd64", &[good]);
    insta::assert_snapshot!(error(one, vec![docker]), @"`application/vnd.docker.image.rootfs.diff.tar.gzip` cannot be the media type of a layer beside those of OCI");

    let twice = ImageIndex::new(vec![image("amd64"), image("amd64")], BTreeMap::new());
    insta::assert_snapshot!(twice.unwrap_err(), @"two images are both for `linux/amd64`");
}
