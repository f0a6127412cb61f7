//! Where documents and signatures are: in the index, as referrers, under tags, in layouts; and that all
//! of it is there before a tag leads to the image.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::context::Context;
use crate::registry::{Registry, Step, Ways, status};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../distil-attest/tests/keys");

struct Place {
    context: Context,
    registry: Registry,
}

impl Place {
    fn new(referrers: bool) -> Self {
        let context = Context::new();
        for entry in std::fs::read_dir(KEYS).unwrap() {
            let path = entry.unwrap().path();
            let copy = context.work().join(path.file_name().unwrap());
            std::fs::copy(&path, &copy).unwrap();
            std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let ways = Ways {
            referrers,
            ..Ways::default()
        };
        Self {
            context,
            registry: Registry::start(ways),
        }
    }

    fn name(&self, rest: &str) -> String {
        format!("docker://{}/{rest}", self.registry.host)
    }

    fn said(&self, output: &Output) -> String {
        self.context
            .stderr(output)
            .replace(&self.registry.host, "[HOST]")
    }

    /// What a command that needs no archive says when it fails.
    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.context.bare(arguments).output().unwrap();
        let said = self.said(&output);
        assert!(!output.status.success(), "{said}");
        said
    }

    fn layout(&self, path: &str) -> Value {
        let path = self.context.work().join("layout").join(path);
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
    }

    /// A document of the layout by its digest.
    fn blob(&self, descriptor: &Value) -> Value {
        let digest = descriptor["digest"].as_str().unwrap().replace(':', "/");
        self.layout(&format!("blobs/{digest}"))
    }
}

const LAYOUT: &str = "oci:layout:x";

const ATTACH: [&str; 4] = [
    "--attach",
    "spdx,cyclonedx,provenance",
    "--sign-key",
    "ecdsa.key",
];

#[test]
fn an_image_gets_an_index_with_what_is_said_of_it() {
    let place = Place::new(true);
    let to = place.name("team/app:1");
    let build = [
        "build",
        "static",
        "--quiet",
        "-o",
        LAYOUT,
        "-o",
        "oci-archive:app.tar",
        "-o",
        &to,
    ];
    let printed = place.context.run(&[&build[..], &ATTACH].concat());
    let digest = printed.trim();
    // What was printed is what all outputs have.
    assert_eq!(place.registry.tag("team/app", "1").unwrap(), digest);
    let top = place.layout("index.json");
    assert_eq!(top["manifests"][0]["digest"], digest);
    let index = place.blob(&top["manifests"][0]);
    let entries = index["manifests"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    let (image, attestation) = (&entries[0], &entries[1]);
    assert_eq!(
        attestation["platform"],
        json!({"architecture": "unknown", "os": "unknown"})
    );
    assert_eq!(
        attestation["annotations"],
        json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": image["digest"],
        })
    );
    // As BuildKit 0.32 writes it.
    let manifest = place.blob(attestation);
    assert_eq!(
        manifest["artifactType"],
        "application/vnd.docker.attestation.manifest.v1+json"
    );
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.oci.empty.v1+json"
    );
    assert_eq!(manifest["subject"]["digest"], image["digest"]);
    assert_eq!(manifest["subject"].get("platform"), None);
    let layers = manifest["layers"].as_array().unwrap();
    let types: Vec<&str> = layers
        .iter()
        .map(|one| {
            one["annotations"]["in-toto.io/predicate-type"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert_eq!(
        types,
        [
            "https://spdx.dev/Document",
            "https://cyclonedx.org/bom",
            "https://slsa.dev/provenance/v1"
        ]
    );
    for (layer, kind) in layers.iter().zip(types) {
        assert_eq!(layer["mediaType"], "application/vnd.in-toto+json");
        let statement = place.blob(layer);
        assert_eq!(statement["predicateType"], kind);
        let hex = image["digest"].as_str().unwrap().replace("sha256:", "");
        assert_eq!(statement["subject"][0]["digest"]["sha256"], hex);
    }
    // The image itself is what it is without.
    let plain = place
        .context
        .run(&["build", "static", "--quiet", "-o", "oci:plain:x"]);
    assert_eq!(image["digest"], plain.trim());
    // And it is made again as it was.
    let again = place.context.run(&[&build[..], &ATTACH].concat());
    assert_eq!(again, printed);
    // Whoever has the digest has the signature.
    let repository = to.trim_end_matches(":1");
    for name in [
        &to,
        &format!("{repository}@{digest}"),
        &format!("{repository}@{}", plain.trim()),
    ] {
        place
            .context
            .run_bare(&["verify", name, "--key", "ecdsa.pub"]);
    }
    // An archive is read as before.
    place.context.run_bare(&["show", "app.tar"]);
    place.context.run_bare(&["show", LAYOUT]);
}

#[test]
fn a_layout_carries_documents_and_signatures() {
    let place = Place::new(false);
    let build = ["build", "base", "--quiet", "-o", LAYOUT];
    let printed = place.context.run(&[&build[..], &ATTACH].concat());
    let verify = ["verify", LAYOUT, "--key", "ecdsa.pub", "--format", "json"];
    let found: Value = serde_json::from_str(&place.context.run_bare(&verify)).unwrap();
    assert_eq!(found["digest"], printed.trim());
    assert_eq!(found["verified"][0]["name"], json!(null));
    let required = [
        "--platform",
        "linux/amd64",
        "--require",
        "spdx",
        "--require",
        "cyclonedx",
        "--require",
        "provenance",
    ];
    place.context.run_bare(&[&verify[..], &required].concat());
    insta::assert_snapshot!(place.fails(&["verify", LAYOUT, "--key", "other.pub"]), @"
    error: `sha256:[DIGEST]` in `oci:layout:x` has no signature by the key
      referrer sha256:[DIGEST]: no signature of the envelope is by the key `sha256:[DIGEST]`
    ");
    // Signed twice is signed once, and the image stays the only one of its name.
    let count = || {
        place.layout("index.json")["manifests"]
            .as_array()
            .unwrap()
            .len()
    };
    let before = count();
    place
        .context
        .run_bare(&["sign", LAYOUT, "--key", "ecdsa.key"]);
    assert_eq!(count(), before);
    place
        .context
        .run_bare(&["sign", LAYOUT, "--key", "ed25519.key"]);
    assert_eq!(count(), before + 2);
    place.context.run_bare(&["show", "oci:layout"]);
    place
        .context
        .run_bare(&["show", LAYOUT, "--verify-key", "ed25519.pub"]);
    let other = ["show", LAYOUT, "--verify-key", "other.pub"];
    assert!(place.fails(&other).contains("no signature by the key"));
    // All of it goes into a registry with the image.
    let to = place.name("team/app:1");
    place
        .context
        .run_bare(&["push", LAYOUT, &to, "--referrers"]);
    for key in ["ecdsa.pub", "ed25519.pub"] {
        place.context.run_bare(&["verify", &to, "--key", key]);
    }
    let require = [
        "verify",
        &to,
        "--key",
        "ecdsa.pub",
        "--platform",
        "linux/amd64",
        "--require",
        "provenance",
    ];
    place.context.run_bare(&require);
    // A bundle that somebody has changed is not what its digest says.
    let index = place.layout("index.json");
    for entry in index["manifests"].as_array().unwrap() {
        let kind = entry["artifactType"].as_str().unwrap_or_default();
        if kind.starts_with("application/vnd.dev.sigstore") {
            let manifest = place.blob(entry);
            let digest = manifest["layers"][0]["digest"].as_str().unwrap();
            let path = format!("layout/blobs/{}", digest.replace(':', "/"));
            std::fs::write(place.context.work().join(path), "{}").unwrap();
        }
    }
    place.fails(&["verify", LAYOUT, "--key", "ecdsa.pub"]);
}

#[test]
fn a_tag_leads_to_an_image_when_all_is_attached_to_it() {
    for referrers in [true, false] {
        let place = Place::new(referrers);
        let to = place.name("team/app:1");
        let build = ["build", "static", "--quiet", "-o", &to, "--signature-tags"];
        place.context.run(&[&build[..], &ATTACH].concat());
        let state = place.registry.state();
        let puts = state.log.iter().map(|(_, request)| request);
        let puts: Vec<&String> = puts
            .filter(|request| request.starts_with("PUT") && request.contains("/manifests/"))
            .collect();
        assert!(puts.last().unwrap().ends_with("/manifests/1"), "{puts:?}");
        let tagged = puts.iter().filter(|one| one.ends_with("/manifests/1"));
        assert_eq!(tagged.count(), 1);
        drop(state);
    }
    // What cannot be signed gets no tag.
    let place = Place::new(true);
    let to = place.name("team/app:1");
    let plain = ["build", "static", "--quiet", "-o", &to];
    place.context.run(&plain);
    let before = place.registry.tag("team/app", "1");
    place.registry.fail(Step::Referrers, 100, status(403));
    let build = ["build", "base", "-o", &to, "--sign-key", "ecdsa.key"];
    let output = place.context.command(&build).output().unwrap();
    assert!(!output.status.success());
    assert_eq!(place.registry.tag("team/app", "1"), before);
}

#[test]
fn documents_go_where_they_are_wanted() {
    let place = Place::new(true);
    let plain = place
        .context
        .run(&["build", "static", "--quiet", "-o", "oci:plain:x"]);
    let forms = |forms: &str, tag: &str| {
        let to = place.name(&format!("team/{tag}:1"));
        let build = [
            "build",
            "static",
            "--quiet",
            "-o",
            &to,
            "--attach-as",
            forms,
        ];
        let digest = place.context.run(&[&build[..], &ATTACH].concat());
        let state = place.registry.state();
        let repository = format!("team/{tag}");
        let manifests = state.manifests.iter();
        let of = manifests.filter(|((name, _), _)| *name == repository);
        let types = of.map(|(_, (_, bytes))| {
            let manifest: Value = serde_json::from_slice(bytes).unwrap();
            manifest["artifactType"].as_str().unwrap_or("-").to_owned()
        });
        let mut types: Vec<String> = types.filter(|kind| kind != "-").collect();
        types.sort();
        let tags = state.tags.keys().filter(|(name, _)| *name == repository);
        (digest, types, tags.count())
    };
    // An image whose documents are beside it is the same as without.
    let (digest, types, tags) = forms("referrer", "a");
    assert_eq!(digest, plain);
    assert_eq!(
        types.iter().filter(|one| one.contains("sigstore")).count(),
        4
    );
    assert_eq!((types.len(), tags), (7, 1));
    let (digest, types, tags) = forms("index", "b");
    assert_ne!(digest, plain);
    // The signatures of the index and of the image.
    assert_eq!((types.len(), tags), (3, 1));
    let (digest, types, tags) = forms("tag", "c");
    assert_eq!(digest, plain);
    assert_eq!((types.len(), tags), (1, 2));
    let said = [
        &[
            "build",
            "static",
            "-o",
            "oci-archive:app.tar",
            "--attach",
            "spdx",
            "--attach-as",
            "referrer",
        ][..],
        &[
            "build",
            "static",
            "-o",
            "oci-archive:app.tar",
            "--attach",
            "spdx",
            "--sign-key",
            "ecdsa.key",
        ],
        &[
            "build",
            "static",
            "-o",
            "oci:x:x",
            "--attach",
            "spdx",
            "--attach-as",
            "tag",
        ],
        &[
            "sign",
            LAYOUT,
            "--key",
            "ecdsa.key",
            "--attach",
            "spdx",
            "--attach-as",
            "index",
        ],
        &[
            "sign",
            LAYOUT,
            "--key",
            "ecdsa.key",
            "--attach",
            "provenance",
        ],
        &["sbom", "static", "--attach"],
    ];
    let said: String = said.iter().map(|one| place.context.fails(one)).collect();
    insta::assert_snapshot!(said, @"
    status 2
    error: documents are attached to images in registries, layouts and, as `index`, in archives, and no output is one

    hint: `-o docker://REGISTRY/NAME:TAG` pushes to one; `--sbom FILE` writes a file
    status 2
    error: signatures are in registries and OCI layouts, and no output is one

    hint: `-o docker://REGISTRY/NAME:TAG` pushes to one, `-o oci:DIR` writes one
    status 2
    error: only signed documents are under cosign's tags, and there is no key

    hint: `--sign-key KEY` signs them
    status 2
    error: documents can be put into the index of an image that is built now alone: the image would be another one

    hint: leave `--attach-as index` out
    status 2
    error: the provenance and the definition of an image, and what was left out of it, are known to who builds it alone

    hint: leave `provenance`, `openvex` and `sources` out, or push what `build` builds
    status 2
    error: `static` is neither an image in a registry nor an OCI layout

    hint: signatures are in registries and OCI layouts, written `docker://REGISTRY/NAME:TAG` and `oci:DIR:TAG`
    ");
}

#[test]
fn documents_are_attached_to_images_that_are_there() {
    for referrers in [true, false] {
        let place = Place::new(referrers);
        let to = place.name("team/app:1");
        let build = ["build", "static", "--quiet", "-o", &to, "-o", LAYOUT];
        let digest = place.context.run(&build);
        for image in [to.as_str(), LAYOUT] {
            let attach = ["sbom", image, "--attach", "--sign-key", "ecdsa.key"];
            assert_eq!(place.context.run_bare(&attach), "");
            let sign = ["sign", image, "--key", "ecdsa.key", "--attach", "cyclonedx"];
            assert_eq!(place.context.run_bare(&sign), digest);
            let verify = [
                "verify",
                image,
                "--key",
                "ecdsa.pub",
                "--require",
                "spdx",
                "--require",
                "cyclonedx",
            ];
            place.context.run_bare(&verify);
        }
        // They are what the commands print.
        let printed = place.context.run_bare(&["sbom", &to]);
        let printed: Value = serde_json::from_str(&printed).unwrap();
        let state = place.registry.state();
        let blobs = state.blobs.values();
        let documents = blobs.filter_map(|bytes| serde_json::from_slice::<Value>(bytes).ok());
        let mut found = documents.filter(|one| one["spdxVersion"] == "SPDX-2.3");
        assert_eq!(found.next(), Some(printed));
    }
}

#[test]
fn an_image_that_is_replaced_in_a_layout_leaves_the_signatures_of_others() {
    let place = Place::new(true);
    for (name, tag) in [("static", "a"), ("base", "b")] {
        let to = format!("oci:layout:{tag}");
        let build = [
            "build",
            name,
            "--quiet",
            "-o",
            &to,
            "--sign-key",
            "ecdsa.key",
        ];
        place.context.run(&build);
    }
    // Another image of the same name.
    let build = ["build", "base", "--quiet", "-o", "oci:layout:a"];
    place.context.run(&build);
    place
        .context
        .run_bare(&["verify", "oci:layout:b", "--key", "ecdsa.pub"]);
    place
        .context
        .run_bare(&["verify", "oci:layout:a", "--key", "ecdsa.pub"]);
    assert!(Path::new(&place.context.work().join("layout/oci-layout")).is_file());
}

#[test]
fn the_end_of_life_of_release_and_runtime_is_an_annotation() {
    const SUITE: &str = "vnd.microsoft.artifact.lifecycle.end-of-life.date";
    const RUNTIME: &str = "io.github.distil-images.runtime.end-of-life.date";
    let place = Place::new(true);
    let annotations = |image: &str, more: &[&str]| {
        let build = ["build", image, "--quiet", "-o", LAYOUT];
        place.context.run(&[&build[..], more].concat());
        let manifest = place.blob(&place.layout("index.json")["manifests"][0]);
        // Labels would be those of every image that is built on it.
        let config = place.blob(&manifest["config"]);
        assert_eq!(config["config"]["Labels"].get(SUITE), None);
        [
            &manifest["annotations"][SUITE],
            &manifest["annotations"][RUNTIME],
        ]
        .map(|day| day.as_str().map(str::to_owned))
    };
    let day = |day: &str| Some(day.to_owned());
    assert_eq!(annotations("base", &[]), [day("2028-08-09"), None]);
    let python = annotations("python3", &[]);
    assert_eq!(python, [day("2028-08-09"), day("2029-10-31")]);
    place
        .context
        .define("name: app\npackages: []\nfiles: [{path: /x, text: x}]\n");
    assert_eq!(annotations("app.yaml", &[]), [None, None]);
}
