//! What `build` and `check` print for programs: documents, and reports for where people review.

use std::fs;

use serde_json::Value;

use crate::context::{Context, without_digests};

/// What a command prints on stdout, and its status.
fn printed(context: &Context, arguments: &[&str]) -> (String, i32) {
    let output = context.command(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (without_digests(&text), output.status.code().unwrap())
}

#[test]
fn an_image_is_a_line() {
    let context = Context::new();
    let platforms = ["--platform", "linux/amd64,linux/arm64"];
    let build = [&["build", "static", "static:nonroot"], &platforms[..]].concat();
    insta::assert_snapshot!(printed(&context, &build).0, @"
    static:amd64-arm64 linux/amd64,linux/arm64 trixie sha256:[DIGEST]
    static:nonroot-amd64-arm64 linux/amd64,linux/arm64 trixie sha256:[DIGEST]
    ");
    let quiet = [&["build", "static", "-q"], &platforms[..]].concat();
    insta::assert_snapshot!(printed(&context, &quiet).0, @"sha256:[DIGEST]");
}

#[test]
fn build_prints_a_document() {
    let context = Context::new();
    let build = [
        "build",
        "static:debug",
        "--platform",
        "linux/amd64",
        "--compression",
        "zstd",
        "-o",
        "oci-archive:y.tar",
        "-o",
        "oci-archive:x.tar",
        "--format",
        "json",
    ];
    let (text, status) = printed(&context, &build);
    assert_eq!(status, 0);
    let mut document: Value = serde_json::from_str(&text).unwrap();
    // Sizes depend on libraries that compress.
    for image in document["images"].as_array_mut().unwrap() {
        assert!(image["size"].as_u64() > Some(0));
        assert_eq!(image["size"], image["platforms"][0]["size"]);
        image["size"] = 0.into();
        image["platforms"][0]["size"] = 0.into();
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap(), @r#"
    {
      "error": null,
      "images": [
        {
          "digest": "sha256:[DIGEST]",
          "name": "static:debug",
          "outputs": [
            {
              "location": "oci-archive:y.tar",
              "state": "written"
            },
            {
              "location": "oci-archive:x.tar",
              "state": "written"
            }
          ],
          "platforms": [
            {
              "digest": "sha256:[DIGEST]",
              "platform": "linux/amd64",
              "size": 0
            }
          ],
          "references": [
            "static:debug"
          ],
          "size": 0,
          "suite": "trixie",
          "warnings": [
            {
              "code": "zstd-layers",
              "message": "before version 23, not every Docker loads layers compressed by zstd"
            }
          ]
        }
      ],
      "schema_version": 1,
      "warnings": []
    }
    "#);
    fs::remove_file(context.work().join("x.tar")).unwrap();
    let again: Value = serde_json::from_str(&printed(&context, &build).0).unwrap();
    let states = again["images"][0]["outputs"].as_array().unwrap();
    let states: Vec<&Value> = states.iter().map(|output| &output["state"]).collect();
    assert_eq!(states, ["unchanged", "written"]);
}

#[test]
fn a_document_says_what_failed_and_what_was_built() {
    let context = Context::new();
    context.define("name: app\nfrom: static\npackages: [gone]\n");
    let build = ["build", "static", "app.yaml", "--format", "json"];
    let (text, status) = printed(&context, &build);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, 1);
    assert_eq!(document["images"].as_array().unwrap().len(), 1);
    assert_eq!(
        document["images"][0]["outputs"][0]["location"],
        "oci-archive:static.tar"
    );
    insta::assert_snapshot!(document["error"].as_str().unwrap(), @"
    error: failed to find packages for `app`
      cause: there is no package `gone` in trixie, trixie-updates or trixie-security
    ");
    // Of what cannot be asked for, too.
    let (text, status) = printed(&context, &["build", "pyhton3", "--format", "json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, 2);
    assert!(
        document["error"].as_str().unwrap().contains("`pyhton3`"),
        "{document}"
    );
}

#[test]
fn a_document_does_not_go_where_the_archive_goes() {
    let context = Context::new();
    let build = [
        "build",
        "static",
        "-o",
        "oci-archive:/dev/stdout",
        "--format",
    ];
    for format in ["json", "sarif"] {
        let output = context
            .command(&[&build[..], &[format]].concat())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = context.stderr(&output);
        assert!(said.contains("cannot both be on stdout"), "{said}");
    }
}

/// A definition with a mistake in its third line, and one whose image cannot be started.
fn definitions(context: &Context) {
    let mistaken = "name: mistaken\nfrom: static\nfiles: [{path: etc}]\n";
    fs::write(context.work().join("mistaken.yaml"), mistaken).unwrap();
    let unfit = "name: unfit\nfrom: static\nconfig: {env: {SSL_CERT_FILE: /gone}}\n";
    fs::write(context.work().join("unfit.yaml"), unfit).unwrap();
}

#[test]
fn github_shows_findings_at_definitions() {
    let context = Context::new();
    definitions(&context);
    let annotations = |arguments: &[&str]| {
        let arguments = [arguments, &["--format", "github"]].concat();
        let (text, status) = printed(&context, &arguments);
        format!("status {status}\n{text}")
    };
    insta::assert_snapshot!(annotations(&["build", "mistaken.yaml"]), @"
    status 1
    ::error title=mistaken.yaml%3A build-failed,file=mistaken.yaml,line=3,col=16::`files` of definition `mistaken`: the path `etc` is not absolute%0A --> mistaken.yaml:3:16%0A  |%0A3 | files: [{path: etc}]%0A  |                ^^^
    ");
    insta::assert_snapshot!(annotations(&["build", "unfit.yaml"]), @"
    status 1
    ::error title=unfit.yaml%3A F602 certificate-path,file=unfit.yaml,line=1::`SSL_CERT_FILE` is `/gone`, which is not in the image%0AWhat to do: Correct the path, or remove the variable.
    ::notice title=unfit.yaml%3A S201 user-root,file=unfit.yaml,line=1::the image runs as root%0AAt run time: container has runAsNonRoot and image will run as root%0AWhat to do: `USER 65532`, or take the nonroot variant.
    ");
    insta::assert_snapshot!(annotations(&["build", "static"]), @"status 0");
    fs::create_dir_all(context.work().join("root/bin")).unwrap();
    fs::write(context.work().join("root/bin/a\n::error::b"), "\x7fELF").unwrap();
    insta::assert_snapshot!(annotations(&["check", "rootfs:root", "--allow", "start"]), @"status 2");
}

#[test]
fn junit_counts_findings_as_failures() {
    let context = Context::new();
    definitions(&context);
    for (arguments, expected, status) in [
        (["build", "unfit.yaml"], "failures=\"1\"", 1),
        (["build", "mistaken.yaml"], "failures=\"1\"", 1),
        (["build", "static"], "failures=\"0\"", 0),
        (["check", "static"], "failures=\"0\"", 0),
    ] {
        let arguments = [&arguments[..], &["--format", "junit"]].concat();
        let (text, found) = printed(&context, &arguments);
        assert_eq!(found, status, "{text}");
        assert!(text.starts_with("<?xml"), "{text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}

#[test]
fn sarif_has_findings_of_build_and_check() {
    let context = Context::new();
    definitions(&context);
    let sarif = |arguments: &[&str]| -> Value {
        let arguments = [arguments, &["--format", "sarif"]].concat();
        serde_json::from_str(&printed(&context, &arguments).0).unwrap()
    };
    let built = sarif(&["build", "unfit.yaml"]);
    let result = &built["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "F602");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "unfit.yaml");
    let mistaken = sarif(&["build", "mistaken.yaml"]);
    let result = &mistaken["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "build-failed");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["region"]["startLine"], 3);
    let checked = sarif(&["check", "static"]);
    assert_eq!(checked["runs"][0]["properties"]["image"], "static");
}
