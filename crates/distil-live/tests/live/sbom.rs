//! Bills of materials are valid for those who defined the formats, and scanners list from them what
//! they list from the image itself.

use std::path::{Path, PathBuf};

use distil_live::{Built, Context, Request, require};
use serde_json::Value;

/// A tool that a variable of the environment names; `./test` installs and names them.
pub(crate) fn tool(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    let path = path.filter(|path| path.is_file());
    if path.is_none() {
        require::missing(&format!("`{variable}` names no program"));
    }
    path
}

/// Images of which much differs: no package with code, a runtime, busybox, and dpkg's own database.
const IMAGES: [&str; 4] = ["static", "python3", "java21:debug", "base:dev"];

fn images() -> impl Iterator<Item = std::sync::Arc<Built>> {
    let request = |name: &&str| Request::catalogue(name, "trixie", "amd64");
    IMAGES.iter().map(request).map(|one| one.build())
}

/// The documents of an image in both formats.
fn documents(context: &Context, image: &Built) -> [PathBuf; 2] {
    ["x.spdx.json", "x.cdx.json"].map(|name| {
        let arguments = ["sbom", &image.reference(), "-o", name];
        context.distil(arguments).success();
        context.path(name)
    })
}

#[test]
fn documents_are_valid() {
    let Some(python) = tool("DISTIL_TEST_PYTHON") else {
        return;
    };
    let context = Context::new();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/programs/sbom.py");
    let program = program.to_str().unwrap();
    let python = python.to_str().unwrap();
    for image in images() {
        let [spdx, cyclonedx] = documents(&context, &image);
        let validate =
            |format, path: &Path| context.run(python, [program, format, path.to_str().unwrap()]);
        validate("spdx", &spdx).success();
        validate("cyclonedx", &cyclonedx).success();
        // The validators do find what is wrong.
        let text = std::fs::read_to_string(&spdx).unwrap();
        std::fs::write(&spdx, text.replace("\"SPDXRef-DOCUMENT\"", "\"DOCUMENT\"")).unwrap();
        validate("spdx", &spdx).exits_with(1);
        let text = std::fs::read_to_string(&cyclonedx).unwrap();
        std::fs::write(
            &cyclonedx,
            text.replace("\"operating-system\"", "\"system\""),
        )
        .unwrap();
        validate("cyclonedx", &cyclonedx).exits_with(1);
    }
}

/// The least that a bill of materials has, by the NTIA. Who supplies the image, the user says.
#[test]
fn a_document_has_all_that_the_ntia_wants() {
    let Some(python) = tool("DISTIL_TEST_PYTHON") else {
        return;
    };
    let context = Context::new();
    let checker = python.with_file_name("ntia-checker");
    let checker = checker.to_str().unwrap();
    let build = [
        "build",
        "python3",
        "--quiet",
        "-o",
        "oci:image:x",
        "--sbom",
        "x.spdx.json",
    ];
    let vendor = ["--label", "vendor=Example"];
    context.distil([&build[..], &vendor].concat()).success();
    context.run(checker, ["x.spdx.json"]).success();
    // The checker does find what is missing.
    context.distil(build).success();
    context.run(checker, ["x.spdx.json"]).exits_with(1);
}

/// Name, version, source package of each Debian package.
type Packages = Vec<[String; 3]>;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What Syft sees: `scan` reads an image, `convert` a document.
fn of_syft(context: &Context, syft: &Path, action: &str, source: &str) -> Packages {
    let command = ["SYFT_CHECK_FOR_APP_UPDATE=false", syft.to_str().unwrap()];
    let scan = [action, "--quiet", "--output", "json", source];
    let scanned = context
        .run("env", command.into_iter().chain(scan))
        .success();
    let scanned = scanned.json();
    let artifacts = scanned["artifacts"].as_array().unwrap().iter();
    let packages = artifacts.filter(|one| one["type"] == "deb").map(|one| {
        let source = text(&one["metadata"]["source"]);
        let source = match source.is_empty() {
            true => text(&one["name"]),
            false => source,
        };
        [text(&one["name"]), text(&one["version"]), source]
    });
    sorted(packages.collect())
}

fn of_trivy(context: &Context, trivy: &Path, arguments: &[&str]) -> Packages {
    let cache = context.path("cache");
    let options = ["--quiet", "--offline-scan", "--format", "cyclonedx"];
    let place = ["--cache-dir", cache.to_str().unwrap()];
    let command = arguments[..1]
        .iter()
        .chain(&options)
        .chain(&place)
        .chain(&arguments[1..]);
    let scanned = context
        .run(trivy.to_str().unwrap(), command)
        .success()
        .json();
    let components = scanned["components"].as_array().unwrap().iter();
    let is_package = |one: &&Value| text(&one["purl"]).starts_with("pkg:deb/");
    let packages = components.filter(is_package).map(|one| {
        let properties = one["properties"].as_array().unwrap();
        let source = properties
            .iter()
            .find(|property| property["name"] == "aquasecurity:trivy:SrcName");
        let source = source.map(|property| text(&property["value"]));
        let purl = text(&one["purl"]);
        // Without its epoch, which Trivy writes as a qualifier of its own.
        let version = purl.split('@').nth(1).unwrap().split('?').next().unwrap();
        let version = version.split_once("%3A").map_or(version, |(_, rest)| rest);
        [
            text(&one["name"]),
            version.to_owned(),
            source.unwrap_or_default(),
        ]
    });
    sorted(packages.collect())
}

fn sorted(mut packages: Packages) -> Packages {
    packages.sort();
    packages
}

#[test]
fn scanners_list_from_the_documents_what_they_list_from_the_image() {
    let (Some(syft), Some(trivy)) = (tool("DISTIL_TEST_SYFT"), tool("DISTIL_TEST_TRIVY")) else {
        return;
    };
    let context = Context::new();
    for image in images() {
        let documents = documents(&context, &image);
        let by_syft = of_syft(&context, &syft, "scan", &image.reference());
        let archive = image.path().to_str().unwrap().to_owned();
        let by_trivy = of_trivy(&context, &trivy, &["image", "--input", &archive]);
        assert!(!by_syft.is_empty() && !by_trivy.is_empty());
        for document in &documents {
            let path = document.to_str().unwrap();
            assert_eq!(of_syft(&context, &syft, "convert", path), by_syft, "{path}");
            let found = of_trivy(&context, &trivy, &["sbom", path]);
            assert_eq!(found, by_trivy, "{path}");
        }
    }
}
