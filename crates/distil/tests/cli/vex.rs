//! Which matches of a scanner do not concern an image.

use serde_json::{Value, json};

use crate::context::Context;

/// A report of Trivy's about an image in an OCI layout.
fn report(context: &Context, config: &str, packages: &[(&str, &str)]) {
    let matches: Vec<Value> = packages
        .iter()
        .map(|(name, version)| {
            json!({
                "VulnerabilityID": format!("CVE-2026-{}", name.len()),
                "PkgName": name,
                "InstalledVersion": version,
            })
        })
        .collect();
    let report = json!({
        "SchemaVersion": 2,
        "Metadata": {"ImageID": config},
        "Results": [{"Class": "os-pkgs", "Vulnerabilities": matches}],
    });
    std::fs::write(context.work().join("report.json"), report.to_string()).unwrap();
}

/// The digest of the configuration of the only image of a layout, and the versions of its packages.
fn image(context: &Context) -> (String, Value) {
    let read = |path: &str| -> Value {
        let bytes = std::fs::read(context.work().join("image").join(path)).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let index = read("index.json");
    let digest = index["manifests"][0]["digest"]
        .as_str()
        .unwrap()
        .replace(':', "/");
    let manifest = read(&format!("blobs/{digest}"));
    let shown = context.run_bare(&["show", "oci:image:x", "--format", "json"]);
    let config = manifest["config"]["digest"].as_str().unwrap().to_owned();
    (config, serde_json::from_str(&shown).unwrap())
}

const BUILD: [&str; 5] = ["build", "base", "--quiet", "-o", "oci:image:x"];

#[test]
fn a_package_without_its_code_is_not_affected_and_nothing_else_is_said() {
    let context = Context::new();
    context.run(&BUILD);
    let (config, shown) = image(&context);
    let packages = shown["packages"].as_array().unwrap();
    let version = |name: &str| {
        let found = packages.iter().find(|one| one["name"] == name);
        found.unwrap()["version"].as_str().unwrap().to_owned()
    };
    let names = ["libc-bin", "libc6", "base-files"];
    let versions: Vec<String> = names.iter().map(|name| version(name)).collect();
    let all: Vec<(&str, &str)> = names
        .iter()
        .zip(&versions)
        .map(|(name, version)| (*name, version.as_str()))
        .collect();
    report(&context, &config, &all);
    let vex = ["--vex-from", "report.json", "--vex", "app.vex.json"];
    context.run(&[&BUILD[..], &vex].concat());
    let text = std::fs::read_to_string(context.work().join("app.vex.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let statements = document["statements"].as_array().unwrap();
    assert_eq!(statements.len(), 1, "{document}");
    assert_eq!(statements[0]["vulnerability"]["name"], "CVE-2026-8");
    assert_eq!(statements[0]["status"], "not_affected");
    assert_eq!(
        statements[0]["justification"],
        "vulnerable_code_not_present"
    );
    let product = &statements[0]["products"][0];
    assert!(
        product["@id"]
            .as_str()
            .unwrap()
            .starts_with("pkg:oci/base@sha256%3A")
    );
    let package = product["subcomponents"][0]["@id"].as_str().unwrap();
    assert!(package.starts_with("pkg:deb/debian/libc-bin@"), "{package}");
    // The schema of OpenVEX 0.2.0 knows these keys, and takes a justification or an impact statement.
    let keys = |value: &Value| {
        let keys = value.as_object().unwrap().keys().cloned();
        keys.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        keys(&statements[0]),
        "justification products status status_notes vulnerability"
    );
    assert_eq!(
        keys(&document),
        "@context @id author statements timestamp tooling version"
    );
    // What is attached says something: the schema wants a statement.
    let attach = [
        &BUILD[..],
        &["--vex-from", "report.json", "--attach", "openvex"],
    ]
    .concat();
    let plain = context.run(&BUILD);
    assert_ne!(context.run(&attach), plain);
    report(&context, &config, &all[1..]);
    assert_eq!(context.run(&attach), plain);
}

#[test]
fn reports_of_others_and_no_reports_are_rejected() {
    let context = Context::new();
    context.run(&BUILD);
    let (config, _) = image(&context);
    let vex = ["--vex-from", "report.json", "--vex", "app.vex.json"];
    let build = [&BUILD[..], &vex].concat();
    let mut said = String::new();
    let mut fails = |what: &str| {
        let output = context.command(&build).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        said += &format!("{what}: {}\n", context.stderr(&output));
    };
    fails("none");
    report(&context, &config, &[("libc6", "1.0")]);
    fails("another version");
    report(&context, &format!("sha256:{}", "1".repeat(64)), &[]);
    fails("another image");
    std::fs::write(context.work().join("report.json"), "{}").unwrap();
    fails("no report");
    insta::assert_snapshot!(said, @"
    none: error: failed to read the report `report.json`: No such file or directory (os error 2)

    another version: error: the list of vulnerabilities is of another image: it has `libc6` 1.0, which `base` has not

    hint: scan the image that this command builds, and name that report

    another image: error: the list of vulnerabilities is of the image `sha256:[DIGEST]`, and not of `sha256:[DIGEST]`

    hint: scan the image that this command builds, and name that report

    no report: error: failed to read the report `report.json`: it is a report of neither Trivy nor Grype in their JSON format

    hint: `trivy image --format json` and `grype -o json` write such reports
    ");
    assert!(!context.work().join("app.vex.json").exists());
    let platforms = ["--platform", "linux/amd64,linux/arm64"];
    report(&context, &config, &[]);
    insta::assert_snapshot!(context.fails(&[&build[..], &platforms].concat()), @"
    status 2
    error: `app.vex.json` is one file, but each of 2 platforms has its own matches

    hint: build one platform with `--vex`
    ");
    let attach = [&BUILD[..], &["--attach", "openvex"]].concat();
    insta::assert_snapshot!(context.fails(&attach), @"
    status 2
    error: `--attach openvex` is about a report of Trivy or Grype

    hint: name it: `--vex-from report.json`
    ");
}
