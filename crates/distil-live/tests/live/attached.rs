//! ORAS, crane, Docker's buildx and Podman find what distil attaches to an image, and Podman pulls by a
//! policy what the key has signed.
//!
//! They are Debian's, of trixie and forky, in root file systems that distil builds.

use std::path::Path;
use std::sync::LazyLock;

use distil_live::{Context, Engine};
use serde_json::Value;

use crate::sbom::tool;
use crate::sign::{Place, Tool, is_possible};

static ORAS: LazyLock<Tool> = LazyLock::new(|| Tool::build("oras", "trixie", &[]));
static ORAS_NEW: LazyLock<Tool> = LazyLock::new(|| Tool::build("oras", "forky", &[]));
static CRANE: LazyLock<Tool> = LazyLock::new(|| Tool::build("crane", "forky", &[]));
static BUILDX: LazyLock<Tool> = LazyLock::new(|| Tool::build("docker-buildx", "forky", &[]));
static PODMAN: LazyLock<Tool> = LazyLock::new(|| Tool::build("podman", "trixie", &[]));

const PLUGIN: &str = "/usr/libexec/docker/cli-plugins/docker-buildx";

const ATTACH: [&str; 5] = [
    "--attach",
    "spdx,cyclonedx,provenance",
    "--sign-key",
    "ecdsa.key",
    "--signature-tags",
];

/// What is attached to each image: documents, those in signed bundles with the signature, and the
/// manifest that is in the index, too.
const TYPES: [&str; 8] = [
    "application/spdx+json",
    "application/vnd.cyclonedx+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.docker.attestation.manifest.v1+json",
    "application/vnd.in-toto+json",
];

/// The types in what `oras discover` prints; version 1.3 has another key.
fn types(printed: &Value) -> Vec<String> {
    let list = ["referrers", "manifests"]
        .iter()
        .find_map(|key| printed[key].as_array());
    let types = list.unwrap().iter();
    let mut types: Vec<String> = types
        .map(|one| one["artifactType"].as_str().unwrap().to_owned())
        .collect();
    types.sort();
    types
}

#[test]
fn others_find_what_is_attached() {
    if !is_possible() {
        return;
    }
    let place = Place::new();
    let (name, short) = (place.name("team/app:1"), place.short("team/app:1"));
    let platforms = ["--platform", "linux/amd64,linux/arm64"];
    let build = ["build", "base", "--quiet", "-o", &name];
    let built = place.distil(&[&build[..], &platforms, &ATTACH].concat());
    let digest = built.success().stdout().trim().to_owned();
    let registry = &place.registry;
    let found = CRANE.run(registry, &["digest", &short]);
    assert_eq!(found.success().stdout().trim(), digest);
    let platform = ["digest", "--platform", "linux/amd64", &short];
    let image = CRANE
        .run(registry, &platform)
        .success()
        .stdout()
        .trim()
        .to_owned();
    let validate = ["validate", "--platform", "linux/amd64", "--remote", &short];
    CRANE.run(registry, &validate).success();
    let tags = CRANE.run(registry, &["ls", &place.short("team/app")]);
    let tags = tags.success().stdout();
    let tag = image.replace(':', "-");
    for end in ["", ".sig", ".att"] {
        let tag = format!("{tag}{end}");
        assert!(tags.lines().any(|line| line == tag), "{tag}");
    }
    let image = format!("{}@{image}", place.short("team/app"));
    for oras in [&*ORAS, &*ORAS_NEW] {
        let discover = ["discover", "--plain-http", "--format", "json", &image];
        assert_eq!(
            types(&oras.run(registry, &discover).success().json()),
            TYPES
        );
    }
    for (field, key) in [("SBOM", "SPDX"), ("Provenance", "SLSA")] {
        let format = format!("{{{{json .{field}}}}}");
        let inspect = ["imagetools", "inspect", "--format", &format, &short];
        let found = BUILDX.run_as(PLUGIN, registry, &inspect).success().json();
        for platform in ["linux/amd64", "linux/arm64"] {
            assert!(found[platform][key].is_object(), "{platform} {field}");
        }
    }
}

#[test]
fn oras_finds_what_is_attached_in_a_layout() {
    if !is_possible() {
        return;
    }
    let place = Place::new();
    for (oras, suite) in [(&*ORAS, "trixie"), (&*ORAS_NEW, "forky")] {
        let _ = std::fs::remove_dir_all(oras.root.join("work/layout"));
        let layout = format!("oci:{}:x", oras.root.join("work/layout").display());
        let build = [
            "build",
            "base",
            "--quiet",
            "-o",
            &layout,
            "--attach-as",
            "referrer",
        ];
        place.distil(&[&build[..], &ATTACH].concat()).success();
        let discover = [
            "discover",
            "--oci-layout",
            "--format",
            "json",
            "/work/layout:x",
        ];
        let found = types(&oras.run(&place.registry, &discover).success().json());
        let expected = TYPES.iter().filter(|one| !one.contains("docker"));
        assert_eq!(found, expected.copied().collect::<Vec<_>>(), "{suite}");
    }
}

/// Statements in an index are valid for those who defined the format, and so is the provenance in one.
#[test]
fn statements_are_valid() {
    let Some(python) = tool("DISTIL_TEST_PYTHON") else {
        return;
    };
    let context = Context::new();
    let build = ["build", "base", "--quiet", "-o", "oci:image:x"];
    let attach = ["--attach", "spdx,cyclonedx,provenance"];
    context.distil([&build[..], &attach].concat()).success();
    let path = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap().replace(':', "/");
        context.path(&format!("image/blobs/{digest}"))
    };
    let read =
        |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let index = read(&path(
        &read(&context.path("image/index.json"))["manifests"][0],
    ));
    let manifest = read(&path(&index["manifests"][1]));
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 3);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/programs/statement.py");
    let (python, program) = (python.to_str().unwrap(), program.to_str().unwrap());
    for layer in layers {
        let path = path(layer);
        let file = path.to_str().unwrap();
        context.run(python, [program, file]).success();
        // The bindings do find what is wrong.
        let text = std::fs::read_to_string(&path).unwrap();
        for (old, new) in [
            ("Statement/v1\"", "Statement/v2\""),
            ("\"subject\"", "\"object\""),
        ] {
            let other = context.write("other.json", text.replace(old, new));
            let other = other.to_str().unwrap();
            context.run(python, [program, other]).exits_with(1);
        }
    }
}

#[test]
fn podman_pulls_by_policy_what_the_key_has_signed() {
    if !is_possible() {
        return;
    }
    let place = Place::new();
    let (name, short) = (place.name("team/app:1"), place.short("team/app:1"));
    let build = ["build", "base", "--quiet", "-o", &name];
    place.distil(&[&build[..], &ATTACH].concat()).success();
    let directory = PODMAN.root.join("etc/containers/registries.d");
    std::fs::create_dir_all(&directory).unwrap();
    let text = "default-docker: {use-sigstore-attachments: true}\n";
    std::fs::write(directory.join("attachments.yaml"), text).unwrap();
    std::fs::create_dir_all(PODMAN.root.join("var/tmp")).unwrap();
    for (key, accepted) in [("other.pub", false), ("ecdsa.pub", true)] {
        let policy =
            format!(r#"{{"default": [{{"type": "sigstoreSigned", "keyPath": "/work/{key}"}}]}}"#);
        std::fs::write(PODMAN.root.join("work/policy.json"), policy).unwrap();
        let image = format!("docker://{short}");
        let storage = [
            "--root",
            "/work/storage",
            "--runroot",
            "/work/run",
            "--storage-driver",
            "vfs",
        ];
        let pull = [
            "pull",
            "--quiet",
            "--tls-verify=false",
            "--signature-policy",
            "/work/policy.json",
            &image,
        ];
        let outcome = PODMAN.run_mounted(&place.registry, &[&storage[..], &pull].concat());
        match accepted {
            true => outcome.success(),
            false => outcome.failure(),
        };
    }
}

/// Documents in its index keep no engine from loading an archive.
#[test]
fn engines_load_an_archive_with_documents() {
    let context = Context::new();
    let build = ["build", "base", "--quiet", "-o", "oci-archive:attested.tar"];
    let options = [
        "-t",
        "distil-test/attested:1",
        "--attach",
        "spdx,provenance",
    ];
    context.distil([&build[..], &options].concat()).success();
    for engine in Engine::ALL {
        let Some(engine) = engine.get() else { continue };
        let name = engine.load(&context.path("attested.tar"));
        assert!(name.ends_with("distil-test/attested:1"), "{name}");
    }
}
