//! Packages that a definition names as files: `packages: [./dist/shop_1.2_${arch}.deb]`.

use std::fs;

use distil_fixture::DebBuilder;

use crate::context::Context;
use crate::images::files;
use crate::own_definitions::{build, text};

fn shop(version: &str) -> DebBuilder {
    DebBuilder::new("shop", version, "amd64")
        .depends("libc6, shop-data")
        .file("usr/share/shop/version", version)
}

fn put(context: &Context, path: &str, bytes: &[u8]) {
    let path = context.work().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A package of this machine, and one of the archive that it needs.
fn example() -> Context {
    let data = DebBuilder::new("shop-data", "3", "all").file("usr/share/shop/data", "data");
    let context = Context::with_packages(vec![data]);
    put(&context, "dist/shop_1.2_amd64.deb", &shop("1.2").build());
    context
}

const SHOP: &str = "name: app\nfrom: base\npackages: ['./dist/shop_1.2_${arch}.deb']\n";

#[test]
fn a_package_of_this_machine_is_solved_with_all_others() {
    let context = example();
    let found = build(&context, SHOP);
    assert_eq!(text(&found, "usr/share/shop/version"), "1.2");
    assert_eq!(text(&found, "usr/share/shop/data"), "data");
    let stanza = text(&found, "var/lib/dpkg/status.d/shop");
    assert!(stanza.contains("Package: shop\n"), "{stanza}");
    let why = context.run(&["why", "app.yaml", "shop-data"]);
    assert!(why.contains("`shop` depends on `shop-data`"), "{why}");
    let why = context.run(&["why", "app.yaml", "shop"]);
    assert!(
        why.contains("definition `app` asks for `shop (= 1.2)`"),
        "{why}"
    );
}

#[test]
fn by_a_pattern_and_by_a_flag() {
    let context = example();
    let found = build(&context, &SHOP.replace("shop_1.2_", "shop_*_"));
    assert_eq!(text(&found, "usr/share/shop/version"), "1.2");
    context.run(&[
        "build",
        "base",
        "--add",
        "./dist/shop_1.2_amd64.deb",
        "--platform",
        "linux/amd64",
        "-o",
        "oci-archive:app.tar",
    ]);
    let found = files(&context.work().join("app.tar"));
    assert_eq!(text(&found, "usr/share/shop/version"), "1.2");
}

#[test]
fn it_goes_before_the_package_of_the_archive() {
    let context = Context::with_packages(vec![
        DebBuilder::new("shop-data", "3", "all"),
        DebBuilder::new("shop", "9", "amd64").file("usr/share/shop/version", "9"),
    ]);
    put(&context, "dist/shop_1.2_amd64.deb", &shop("1.2").build());
    let found = build(&context, SHOP);
    assert_eq!(text(&found, "usr/share/shop/version"), "1.2");
}

#[test]
fn a_layer_below_keeps_its_own() {
    let context = Context::new();
    let libc = DebBuilder::new("libc6", "99", "amd64");
    put(&context, "libc6_99_amd64.deb", &libc.build());
    let before = crate::own_definitions::layers(&context, &["base"]);
    context.define("name: app\nfrom: base\npackages: [./libc6_99_amd64.deb]\n");
    insta::assert_snapshot!(context.fails(&["build", "app.yaml"]));
    assert_eq!(before, crate::own_definitions::layers(&context, &["base"]));
}

#[test]
fn its_digest_is_locked() {
    let context = example();
    context.define(SHOP);
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    let lock = fs::read_to_string(context.work().join("app.lock")).unwrap();
    assert!(lock.contains("suite: local\n"), "{lock}");
    context.run(&["build", "app.yaml", "--locked", "--platform", "linux/amd64"]);
    // The same version with other bytes.
    put(
        &context,
        "dist/shop_1.2_amd64.deb",
        &shop("1.2").file("usr/share/shop/new", "").build(),
    );
    insta::assert_snapshot!(context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]));
    context.run(&["lock", "app.yaml", "--platform", "linux/amd64"]);
    context.run(&["build", "app.yaml", "--locked", "--platform", "linux/amd64"]);
    let found = files(&context.work().join("app.tar"));
    assert!(found.contains_key("usr/share/shop/new"));
}

#[test]
fn other_bytes_are_another_image() {
    let context = example();
    build(&context, SHOP);
    put(
        &context,
        "dist/shop_1.2_amd64.deb",
        &shop("1.2").file("usr/share/shop/new", "").build(),
    );
    let found = build(&context, SHOP);
    assert!(found.contains_key("usr/share/shop/new"));
}

#[test]
fn files_that_are_no_packages_of_the_image() {
    let context = example();
    put(
        &context,
        "arm.deb",
        &DebBuilder::new("shop", "1", "arm64").build(),
    );
    put(&context, "text.deb", b"text");
    let package = shop("1").build();
    put(&context, "cut.deb", &package[..100]);
    put(
        &context,
        "alone.deb",
        &DebBuilder::new("alone", "1", "amd64")
            .depends("nobody-has-it")
            .build(),
    );
    put(&context, "dist/shop_1.3_amd64.deb", &shop("1.3").build());
    fs::create_dir(context.work().join("directory.deb")).unwrap();
    let mut all = String::new();
    for entry in [
        "./gone.deb",
        "./directory.deb",
        "./text.deb",
        "./cut.deb",
        "./arm.deb",
        "./alone.deb",
        "../outside.deb",
        "./dist/shop_*_amd64.deb",
        "./dist/nothing_*.deb",
        "./dist/shop",
    ] {
        context.define(&format!("name: app\nfrom: base\npackages: ['{entry}']\n"));
        all.push_str(&context.fails(&["build", "app.yaml", "--platform", "linux/amd64"]));
        all.push_str("\n---\n");
    }
    insta::assert_snapshot!(all);
}
