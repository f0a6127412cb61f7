//! Bills of materials of images that are built, and of others.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::context::Context;

fn read(context: &Context, name: &str) -> Value {
    let text = std::fs::read_to_string(context.work().join(name)).unwrap();
    assert!(text.ends_with("}\n"));
    serde_json::from_str(&text).unwrap()
}

fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    let list = list.as_array().unwrap().iter();
    list.filter_map(|one| one[key].as_str()).collect()
}

#[test]
fn a_build_writes_both_formats_and_twice_the_same() {
    let context = Context::new();
    let build = [
        "build",
        "base",
        "-o",
        "oci:image:x",
        "--sbom",
        "app.spdx.json",
        "--sbom",
        "app.cdx.json",
    ];
    let line = context.run(&build);
    let digest = line.split_whitespace().last().unwrap();
    let (spdx, cyclonedx) = (
        read(&context, "app.spdx.json"),
        read(&context, "app.cdx.json"),
    );
    // The second time the image is found, and not made.
    context.run(&build);
    assert_eq!(read(&context, "app.spdx.json"), spdx);
    assert_eq!(read(&context, "app.cdx.json"), cyclonedx);

    assert_eq!(spdx["spdxVersion"], "SPDX-2.3");
    let packages = spdx["packages"].as_array().unwrap();
    // As the JSON schema of SPDX 2.3 spells them; the text of the specification has a hyphen in one.
    let purposes: BTreeSet<&str> = packages
        .iter()
        .filter_map(|one| one["primaryPackagePurpose"].as_str())
        .collect();
    assert_eq!(purposes, BTreeSet::from(["CONTAINER", "OPERATING_SYSTEM"]));
    let image = &packages[0];
    assert_eq!(image["name"], "base");
    assert_eq!(image["versionInfo"], digest);
    assert_eq!(image["primaryPackagePurpose"], "CONTAINER");
    let libc = packages.iter().find(|one| one["name"] == "libc6").unwrap();
    let purl = libc["externalRefs"][0]["referenceLocator"]
        .as_str()
        .unwrap();
    assert!(
        purl.starts_with(
            "pkg:deb/debian/libc6@2.41-12%2Bdeb13u5?arch=amd64&distro=debian-13&upstream=glibc"
        ),
        "{purl}"
    );
    assert_eq!(libc["supplier"], "Organization: Debian");
    assert_eq!(
        libc["sourceInfo"],
        "built package from: glibc 2.41-12+deb13u5"
    );
    assert_eq!(
        libc["checksums"][0]["checksumValue"]
            .as_str()
            .unwrap()
            .len(),
        64
    );
    // Every file that no package has tells what made it.
    let files = spdx["files"].as_array().unwrap();
    assert!(texts(&spdx["files"], "fileName").contains(&"./etc/passwd"));
    assert!(
        files.iter().all(|file| file["comment"].is_string()),
        "{files:?}"
    );
    assert!(spdx["comment"].as_str().unwrap().starts_with("Every file"));
    let kinds = texts(&spdx["relationships"], "relationshipType");
    for kind in ["DESCRIBES", "CONTAINS", "DEPENDS_ON", "GENERATED_FROM"] {
        assert!(kinds.contains(&kind), "{kind}");
    }

    assert_eq!(cyclonedx["specVersion"], "1.6");
    assert_eq!(cyclonedx["metadata"]["component"]["version"], digest);
    assert_eq!(cyclonedx["compositions"][0]["aggregate"], "complete");
    let components = cyclonedx["components"].as_array().unwrap();
    let packages = |kind: &str| components.iter().filter(|one| one["type"] == kind).count();
    assert_eq!(packages("operating-system"), 1);
    assert_eq!(packages("file"), files.len());
    assert_eq!(
        packages("library"),
        // But for the image and its distribution.
        spdx["packages"].as_array().unwrap().len() - 2
    );
}

#[test]
fn an_image_of_a_place_and_a_definition_have_one() {
    let context = Context::new();
    let built = context.run(&["build", "--quiet", "base", "-o", "oci:image:x"]);
    let place: Value = serde_json::from_str(&context.run_bare(&["sbom", "oci:image:x"])).unwrap();
    assert_eq!(place["packages"][0]["versionInfo"], built.trim());
    // Nobody says there what made its files.
    assert!(
        place["comment"]
            .as_str()
            .unwrap()
            .contains("it is not known")
    );
    let text = context.run(&["sbom", "base", "--format", "cyclonedx"]);
    let made: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(made["metadata"]["component"]["version"], built.trim());
    context.run_bare(&["sbom", "oci:image:x", "-o", "x.cdx.json"]);
    let named = read(&context, "x.cdx.json");
    assert_eq!(named["bomFormat"], "CycloneDX");
    assert_eq!(named["compositions"][0]["aggregate"], "incomplete");
}

#[test]
fn a_root_file_system_of_nobody_has_one_that_says_what_it_does_not_know() {
    let context = Context::new();
    let etc = context.work().join("root/etc");
    std::fs::create_dir_all(&etc).unwrap();
    std::fs::write(etc.join("a\u{202e}b\n"), "x").unwrap();
    let text = context.run_bare(&["sbom", "rootfs:root"]);
    assert!(!text.contains('\u{202e}'));
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["packages"].as_array().unwrap().len(), 1);
    assert_eq!(document["packages"][0]["supplier"], "NOASSERTION");
    assert_eq!(document["files"][0]["fileName"], "./etc/a\\u{202e}b\\n");
    assert_eq!(document["creationInfo"]["created"], "1970-01-01T00:00:00Z");
}

#[test]
fn each_platform_has_a_file_of_its_own() {
    let context = Context::new();
    let platforms = [
        "build",
        "static",
        "--platform",
        "linux/amd64,linux/arm64",
        "-o",
        "oci:image:x",
    ];
    let one = [&platforms[..], &["--sbom", "app.spdx.json"]].concat();
    insta::assert_snapshot!(context.fails(&one), @"
    status 2
    error: `app.spdx.json` is one file, but each of 2 platforms has a bill of materials

    hint: name the platform in it: `--sbom 'app-${platform}.spdx.json'`
    ");
    let each = [&platforms[..], &["--sbom", "app-${platform}.spdx.json"]].concat();
    context.run(&each);
    for platform in ["linux-amd64", "linux-arm64"] {
        let document = read(&context, &format!("app-{platform}.spdx.json"));
        assert_eq!(
            document["name"],
            format!("static {}", platform.replace('-', "/"))
        );
    }
    let several = ["build", "static", "base", "--sbom", "x.json"];
    insta::assert_snapshot!(context.fails(&several), @"
    status 2
    error: `--sbom` applies to one image, but several are named

    hint: build them one after another
    ");
}

#[test]
fn a_file_that_cannot_be_written_is_told() {
    let context = Context::new();
    context.run(&["build", "static", "-o", "oci:image:x"]);
    insta::assert_snapshot!(context.fails(&["sbom", "oci:image:x", "-o", "none/x.json"]), @"
    status 1
    error: failed to write `none/x.json`: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(context.fails(&["sbom", "oci:image:y"]), @"
    status 1
    error: failed to read an image from `oci:image:y`
      cause: there is no image `y` in it; there is `x`
    ");
    insta::assert_snapshot!(context.fails(&["sbom", "oci:image:x", "--platform", "linux/s390x"]), @"
    status 1
    error: failed to read an image from `oci:image:x`
      cause: there is no image for `linux/s390x`, only for `linux/amd64`

    hint: name one with `--platform`
    ");
}
