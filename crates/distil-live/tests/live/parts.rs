//! Scanners list from bills of materials the parts of applications that they list from the image, and
//! Syft the downloads that it cannot know of.

use std::path::Path;

use distil_fixture::{Server, WheelBuilder, sha256_hex};
use distil_live::Context;
use serde_json::Value;

use crate::sbom::tool;

/// The package URLs of what is no package of Debian's, in an image or in a document.
fn purls(list: &Value) -> Vec<String> {
    let purls = list.as_array().unwrap().iter();
    let purls = purls.filter_map(|one| one["purl"].as_str());
    let mut purls: Vec<String> = purls
        // Syft has the image itself without one.
        .filter(|purl| !purl.is_empty())
        .filter(|purl| !purl.starts_with("pkg:deb/") && !purl.starts_with("pkg:oci/"))
        .map(str::to_owned)
        .collect();
    purls.sort();
    purls
}

fn of_syft(context: &Context, syft: &Path, arguments: [&str; 2]) -> Vec<String> {
    let command = ["SYFT_CHECK_FOR_APP_UPDATE=false", syft.to_str().unwrap()];
    let [action, source] = arguments;
    let scan = [action, "--quiet", "--output", "json", source];
    let scanned = context.run("env", command.into_iter().chain(scan));
    purls(&scanned.success().json()["artifacts"])
}

fn of_trivy(context: &Context, trivy: &Path, arguments: &[&str]) -> Vec<String> {
    let cache = context.path("cache");
    let options = ["--quiet", "--offline-scan", "--format", "cyclonedx"];
    let place = ["--cache-dir", cache.to_str().unwrap()];
    let (action, rest) = arguments.split_first().unwrap();
    let command = [*action].into_iter().chain(options).chain(place);
    let scanned = context.run(trivy.to_str().unwrap(), command.chain(rest.iter().copied()));
    purls(&scanned.success().json()["components"])
}

#[test]
fn scanners_list_parts_of_applications() {
    let (Some(syft), Some(trivy)) = (tool("DISTIL_TEST_SYFT"), tool("DISTIL_TEST_TRIVY")) else {
        return;
    };
    let context = Context::new();
    let site = context.path("site");
    std::fs::create_dir(&site).unwrap();
    let server = Server::start(&site).unwrap();
    let wheel = WheelBuilder::new("flask_login", "3.1.0").file("flask_login/__init__.py", "");
    let (name, bytes, url) = (wheel.file_name(), wheel.build(), server.url());
    context.write(&format!("site/{name}"), &bytes);
    context.write("site/tool.txt", "tool");
    context.write(
        "pyproject.toml",
        "[project]\nname = \"shop\"\ndependencies = [\"flask-login\"]\n",
    );
    context.write(
        "uv.lock",
        format!(
            "version = 1\nrequires-python = \">=3.11\"\n\
             [[package]]\nname = \"shop\"\nversion = \"1\"\nsource = {{ virtual = \".\" }}\n\
             dependencies = [{{ name = \"flask-login\" }}]\n\
             [package.metadata]\nrequires-dist = [{{ name = \"flask-login\" }}]\n\
             [[package]]\nname = \"flask-login\"\nversion = \"3.1.0\"\nsource = {{ registry = \"x\" }}\n\
             wheels = [{{ url = \"{url}/{name}\", hash = \"sha256:{}\" }}]\n",
            sha256_hex(&bytes)
        ),
    );
    context.write(
        "app.yaml",
        format!(
            "name: app\nfrom: python3\npython: {{lock: uv.lock}}\ndownloads:\n  \
             - {{url: '{url}/tool.txt', sha256: {}, to: /opt/tool, component: {{name: tool, version: '1.2', license: MIT, purl: 'pkg:generic/tool@1.2'}}}}\n",
            sha256_hex(b"tool")
        ),
    );
    let build = ["build", "app.yaml", "--quiet", "-o", "oci-archive:app.tar"];
    let sboms = ["--sbom", "a.spdx.json", "--sbom", "a.cdx.json"];
    context.distil([&build[..], &sboms].concat()).success();
    let python = "pkg:pypi/flask-login@3.1.0";
    let by_syft = of_syft(&context, &syft, ["scan", "oci-archive:app.tar"]);
    let by_trivy = of_trivy(&context, &trivy, &["image", "--input", "app.tar"]);
    for (who, found) in [("Syft", &by_syft), ("Trivy", &by_trivy)] {
        assert!(found.iter().any(|purl| purl == python), "{who}: {found:?}");
    }
    for document in ["a.spdx.json", "a.cdx.json"] {
        let found = of_syft(&context, &syft, ["convert", document]);
        assert_eq!(found, ["pkg:generic/tool@1.2", python], "{document}");
        // Trivy skips types of package URLs that no advisory is about.
        let found = of_trivy(&context, &trivy, &["sbom", document]);
        assert_eq!(found, [python], "{document}");
    }
}
