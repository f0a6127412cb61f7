//! Parts of an image that no package of Debian ships, in bills of materials.

use std::collections::BTreeMap;
use std::fs;

use distil_fixture::{Server, WheelBuilder, sha256_hex};
use serde_json::Value;

use crate::context::Context;

/// Digest and licence of each part, by its package URL, as SPDX has them.
fn of_spdx(document: &Value) -> BTreeMap<String, (Option<String>, String)> {
    let packages = document["packages"].as_array().unwrap().iter();
    let parts = packages.filter_map(|one| {
        let purl = one["externalRefs"][0]["referenceLocator"].as_str()?;
        let is_part = !purl.starts_with("pkg:deb/") && !purl.starts_with("pkg:oci/");
        let digest = one["checksums"][0]["checksumValue"].as_str();
        let licence = one["licenseDeclared"].as_str().unwrap();
        is_part.then(|| {
            (
                purl.to_owned(),
                (digest.map(str::to_owned), licence.to_owned()),
            )
        })
    });
    parts.collect()
}

#[test]
fn parts_of_applications_have_identities_of_their_own() {
    let site = tempfile::tempdir().unwrap();
    let server = Server::start(site.path()).unwrap();
    let wheel = WheelBuilder::new("flask_login", "3.1.0")
        .file("flask_login/__init__.py", "x = 1\n")
        .metadata(
            "Metadata-Version: 2.4\nName: Flask-Login\nVersion: 3.1.0\nLicense-Expression: BSD-3-Clause\n",
        );
    let (name, bytes) = (wheel.file_name(), wheel.build());
    fs::write(site.path().join(&name), &bytes).unwrap();
    fs::write(site.path().join("tool.txt"), "tool").unwrap();
    let (url, wheel) = (server.url(), sha256_hex(&bytes));
    let context = Context::new();
    let lock = format!(
        "version = 1\nrequires-python = \">=3.11\"\n\
         [[package]]\nname = \"shop\"\nversion = \"1\"\nsource = {{ virtual = \".\" }}\n\
         dependencies = [{{ name = \"flask-login\" }}]\n\
         [package.metadata]\nrequires-dist = [{{ name = \"flask-login\" }}]\n\
         [[package]]\nname = \"flask-login\"\nversion = \"3.1.0\"\nsource = {{ registry = \"x\" }}\n\
         wheels = [{{ url = \"{url}/{name}\", hash = \"sha256:{wheel}\" }}]\n"
    );
    fs::write(context.work().join("uv.lock"), lock).unwrap();
    let project = "[project]\nname = \"shop\"\ndependencies = [\"flask-login\"]\n";
    fs::write(context.work().join("pyproject.toml"), project).unwrap();
    let tool = sha256_hex(b"tool");
    context.define(&format!(
        "name: app\nfrom: python3\npython: {{lock: uv.lock}}\ndownloads:\n  \
         - {{url: '{url}/tool.txt', sha256: {tool}, to: /opt/tool, component: {{name: tool, version: '1.2', license: MIT, purl: 'pkg:generic/tool@1.2'}}}}\n"
    ));
    let build = [
        "build",
        "app.yaml",
        "--quiet",
        "-o",
        "oci-archive:app.tar",
        "--sbom",
        "a.spdx.json",
        "--sbom",
        "a.cdx.json",
    ];
    context.run(&build);
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(context.work().join(name)).unwrap()).unwrap()
    };
    let spdx = read("a.spdx.json");
    let expected = BTreeMap::from([
        (
            "pkg:pypi/flask-login@3.1.0".to_owned(),
            (Some(wheel.clone()), "NOASSERTION".to_owned()),
        ),
        (
            "pkg:generic/tool@1.2".to_owned(),
            (Some(tool), "MIT".to_owned()),
        ),
    ]);
    assert_eq!(of_spdx(&spdx), expected);
    // Each has its files.
    let id = |purl: &str| {
        let mut packages = spdx["packages"].as_array().unwrap().iter();
        let found = packages.find(|one| one["externalRefs"][0]["referenceLocator"] == purl);
        found.unwrap()["SPDXID"].clone()
    };
    let files = spdx["files"].as_array().unwrap();
    let file = |name: &str| {
        let found = files.iter().find(|one| one["fileName"] == name);
        found.unwrap()["SPDXID"].clone()
    };
    let relationships = spdx["relationships"].as_array().unwrap();
    for (name, purl) in [
        ("./opt/tool", "pkg:generic/tool@1.2"),
        (
            "./app/deps/flask_login/__init__.py",
            "pkg:pypi/flask-login@3.1.0",
        ),
    ] {
        let (file, part) = (file(name), id(purl));
        let is_of = |one: &&Value| {
            one["spdxElementId"] == file
                && one["relationshipType"] == "GENERATED_FROM"
                && one["relatedSpdxElement"] == part
        };
        assert_eq!(relationships.iter().filter(is_of).count(), 1, "{name}");
    }
    let cyclonedx = read("a.cdx.json");
    let components = cyclonedx["components"].as_array().unwrap().iter();
    let purls = components.filter_map(|one| one["purl"].as_str());
    let purls: Vec<&str> = purls.filter(|one| !one.starts_with("pkg:deb/")).collect();
    assert_eq!(
        purls,
        ["pkg:pypi/flask-login@3.1.0", "pkg:generic/tool@1.2"]
    );
    // Of an image of others, Python's distributions are found by their own metadata.
    let found: Value = serde_json::from_str(&context.run_bare(&["sbom", "app.tar"])).unwrap();
    let expected = BTreeMap::from([(
        "pkg:pypi/flask-login@3.1.0".to_owned(),
        (None, "BSD-3-Clause".to_owned()),
    )]);
    assert_eq!(of_spdx(&found), expected);
}

/// Whatever stands where licences should be, the document is one, and claims no licence that SPDX knows.
#[test]
fn texts_that_are_no_licences_name_none() {
    let context = Context::new();
    let write = |path: &str, bytes: &[u8]| {
        let path = context.work().join("root").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    write("etc/os-release", b"ID=debian\nVERSION_ID=13\n");
    let head = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n";
    let texts: [(&str, Vec<u8>); 6] = [
        ("binary", vec![0xff, 0, 0xfe, b'\n', 0x80]),
        ("empty", Vec::new()),
        (
            "prose",
            b"Do as you like. License: (see elsewhere\n".to_vec(),
        ),
        (
            "unclosed",
            format!("{head}Files: *\nLicense: ((GPL-2 or\n").into_bytes(),
        ),
        (
            "hostile",
            format!("{head}Files: *\nLicense: \u{202e}MIT) OR (\"x\n").into_bytes(),
        ),
        (
            "long",
            format!("{head}Files: *\nLicense: {}\n", "x".repeat(1 << 16)).into_bytes(),
        ),
    ];
    for (name, text) in &texts {
        let stanza = format!("Package: {name}\nVersion: 1\nArchitecture: amd64\n");
        write(&format!("var/lib/dpkg/status.d/{name}"), stanza.as_bytes());
        write(&format!("usr/share/doc/{name}/copyright"), text);
    }
    for format in ["spdx", "cyclonedx"] {
        let sbom = ["sbom", "rootfs:root", "--format", format];
        let document: Value = serde_json::from_str(&context.run_bare(&sbom)).unwrap();
        let key = if format == "spdx" {
            "packages"
        } else {
            "components"
        };
        let packages = document[key].as_array().unwrap().iter();
        let packages = packages.filter(|one| texts.iter().any(|(name, _)| one["name"] == *name));
        let mut said: Vec<(String, String)> = packages
            .map(|one| {
                let licence = match format {
                    "spdx" => one["licenseDeclared"].to_string(),
                    _ => one["licenses"].to_string(),
                };
                let licence = licence.chars().take(60).collect();
                (one["name"].as_str().unwrap().to_owned(), licence)
            })
            .collect();
        said.sort();
        assert_eq!(said.len(), texts.len());
        insta::assert_debug_snapshot!(format, said);
    }
}
