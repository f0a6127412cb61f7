//! What images share, and how large they are.

use distil_live::{Context, Request};

use crate::{IMAGES, SUITES, python, python_variant};

/// Google's python3 with all files kept, by `gzip -6`, in bytes; ours may be 72 % of it, with `ldconfig` in it as
/// in theirs.
const GOOGLES_PYTHON: f64 = 22.2e6;

#[test]
fn each_image_stands_on_the_layers_of_the_one_below() {
    for suite in SUITES {
        let images = IMAGES.map(|name| Request::catalogue(name, suite, "amd64").build().image());
        for (below, above) in [(0, 1), (1, 2), (2, 3), (3, 4)] {
            let (lower, upper) = (images[below].layer_digests(), images[above].layer_digests());
            assert!(
                upper.starts_with(&lower) && upper.len() > lower.len(),
                "{suite}: {} does not stand on {}: {upper:?}, {lower:?}",
                IMAGES[above],
                IMAGES[below]
            );
        }
    }
}

#[test]
fn variants_share_every_layer() {
    let latest = python().build().image();
    let nonroot = python_variant("nonroot").build().image();
    let debug = python_variant("debug").build().image();
    let debug_nonroot = python_variant("debug-nonroot").build().image();
    assert_eq!(nonroot.layer_digests(), latest.layer_digests());
    assert_eq!(debug_nonroot.layer_digests(), debug.layer_digests());
    assert!(debug.layer_digests().starts_with(&latest.layer_digests()));
    assert_eq!(debug.layers.len(), latest.layers.len() + 1);
}

#[test]
fn layers_are_what_config_and_manifest_say() {
    for image in IMAGES {
        let image = Request::catalogue(image, "trixie", "amd64").build().image();
        let found: Vec<String> = image
            .tars()
            .iter()
            .map(|tar| distil_live::archive::sha256(tar))
            .collect();
        assert_eq!(found, image.diff_ids());
        for layer in image.manifest["layers"].as_array().unwrap() {
            assert_eq!(
                layer["mediaType"],
                "application/vnd.oci.image.layer.v1.tar+gzip"
            );
        }
    }
}

#[test]
fn python_is_at_most_seventy_two_percent_of_googles() {
    let size = python().build().image().compressed_size();
    #[expect(
        clippy::cast_precision_loss,
        reason = "sizes of images are far below 2^52"
    )]
    let share = size as f64 / GOOGLES_PYTHON;
    assert!(
        share <= 0.72,
        "python3 has {size} bytes, {:.1} % of Google's",
        share * 100.0
    );
}

#[test]
fn a_package_added_on_the_command_line_leaves_the_layers_below_alone() {
    let context = Context::new();
    context
        .distil([
            "build",
            "base",
            "--suite",
            "trixie",
            "--platform",
            "linux/amd64",
            "--add",
            "hello",
        ])
        .success();
    let added = distil_live::Archive::open(&context.path("base+hello.tar")).image("amd64");
    let below = Request::catalogue("base", "trixie", "amd64")
        .build()
        .image();
    assert!(added.diff_ids().starts_with(&below.diff_ids()));
    assert!(added.rootfs().follow("/usr/bin/hello").is_some());
}
