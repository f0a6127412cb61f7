//! Images that are signed, verified, and tampered with.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::context::Context;
use crate::registry::{Registry, Ways};

/// A registry with an image, and keys.
struct Place {
    context: Context,
    registry: Registry,
    digest: String,
}

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../distil-attest/tests/keys");

impl Place {
    fn new(referrers: bool) -> Self {
        let context = Context::new();
        let ways = Ways {
            referrers,
            ..Ways::default()
        };
        let registry = Registry::start(ways);
        for entry in std::fs::read_dir(KEYS).unwrap() {
            let path = entry.unwrap().path();
            let copy = context.work().join(path.file_name().unwrap());
            std::fs::copy(&path, &copy).unwrap();
            std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let to = format!("docker://{}/team/app:1", registry.host);
        let digest = context.run(&["build", "--quiet", "static", "-o", &to]);
        Self {
            context,
            registry,
            digest: digest.trim().to_owned(),
        }
    }

    fn name(&self, rest: &str) -> String {
        format!("docker://{}/{rest}", self.registry.host)
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.context.bare(arguments).output().unwrap()
    }

    /// What a command that works prints, and what it says.
    fn run(&self, arguments: &[&str]) -> (String, String) {
        let output = self.output(arguments);
        let said = self.said(&output);
        assert!(output.status.success(), "{said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    }

    fn said(&self, output: &Output) -> String {
        self.context
            .stderr(output)
            .replace(&self.registry.host, "[HOST]")
    }

    /// What a command says that fails with a status.
    fn fails(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let said = self.said(&output);
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(output.stdout.is_empty());
        said
    }

    fn sign(&self, key: &str) {
        let image = self.name("team/app:1");
        let (printed, _) = self.run(&["sign", &image, "--key", key]);
        assert_eq!(printed.trim(), self.digest);
    }

    fn verify(&self, key: &str) -> Value {
        let image = self.name("team/app:1");
        let (printed, _) = self.run(&["verify", &image, "--key", key, "--format", "json"]);
        serde_json::from_str(&printed).unwrap()
    }

    /// The bundles that are about the image, and their manifests.
    fn change_bundles(&self, change: impl Fn(Value) -> Value) {
        let mut state = self.registry.state();
        let manifests: Vec<_> = state.manifests.clone().into_iter().collect();
        for ((repository, digest), (media_type, bytes)) in manifests {
            let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
            let kind = manifest["artifactType"].as_str().unwrap_or_default();
            if !kind.starts_with("application/vnd.dev.sigstore") {
                continue;
            }
            let blob = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
            let bundle = &state.blobs[&(repository.clone(), blob)];
            let bundle = change(serde_json::from_slice(bundle).unwrap())
                .to_string()
                .into_bytes();
            let blob = distil_digest(&bundle);
            manifest["layers"][0]["digest"] = json!(blob);
            manifest["layers"][0]["size"] = json!(bundle.len());
            state.blobs.insert((repository.clone(), blob), bundle);
            let bytes = manifest.to_string().into_bytes();
            state.manifests.remove(&(repository.clone(), digest));
            let digest = distil_digest(&bytes);
            state
                .manifests
                .insert((repository, digest), (media_type, bytes));
        }
    }
}

fn distil_digest(bytes: &[u8]) -> String {
    distil_store::Digest::of(bytes).to_string()
}

#[test]
fn signatures_are_found_by_list_and_by_tag() {
    for referrers in [true, false] {
        let place = Place::new(referrers);
        for (key, public) in [("ecdsa.key", "ecdsa.pub"), ("ed25519.key", "ed25519.pub")] {
            place.sign(key);
            let found = place.verify(public);
            assert_eq!(found["digest"], json!(place.digest));
            let verified = found["verified"].as_array().unwrap();
            assert_eq!(verified.len(), 1, "{found}");
            assert_eq!(verified[0]["form"], "referrer");
            assert_eq!(
                verified[0]["name"],
                json!(format!("{}/team/app", place.registry.host))
            );
        }
        // Signed by the one, rejected for the other.
        let found = place.verify("ecdsa.pub");
        assert_eq!(found["rejected"].as_array().unwrap().len(), 1);
        // Twice is once.
        let image = place.name("team/app:1");
        let (_, said) = place.run(&["sign", &image, "--key", "ecdsa.key"]);
        assert!(said.contains("is signed already"), "{said}");
        assert_eq!(place.verify("ecdsa.pub"), found);
    }
}

#[test]
fn tags_of_cosign_are_written_and_read() {
    let place = Place::new(false);
    let image = place.name("team/app:1");
    for key in ["ecdsa.key", "ed25519.key"] {
        place.run(&["sign", &image, "--key", key, "--signature-tags"]);
    }
    let tag = format!("{}.sig", place.digest.replace(':', "-"));
    let manifest = place.registry.tag("team/app", &tag).unwrap();
    let state = place.registry.state();
    let (_, bytes) = &state.manifests[&("team/app".to_owned(), manifest)];
    let manifest: Value = serde_json::from_slice(bytes).unwrap();
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);
    drop(state);
    let found = place.verify("ed25519.pub");
    let forms = found["verified"].as_array().unwrap().iter();
    let forms: Vec<_> = forms.map(|one| one["form"].as_str().unwrap()).collect();
    assert_eq!(forms, ["referrer", "tag"]);
}

#[test]
fn what_is_not_signed_or_signed_otherwise_is_an_error() {
    let place = Place::new(true);
    let image = place.name("team/app:1");
    let verify = |key: &str| place.fails(1, &["verify", &image, "--key", key]);
    insta::assert_snapshot!(verify("ecdsa.pub"), @"error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key");
    place.sign("ecdsa.key");
    insta::assert_snapshot!(verify("other.pub"), @"
    error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: no signature of the envelope is by the key `sha256:[DIGEST]`
    ");
    let both = ["verify", &image, "--key", "other.pub", "--key", "ecdsa.pub"];
    place.run(&both);
    let require = ["verify", &image, "--key", "ecdsa.pub", "--require", "spdx"];
    insta::assert_snapshot!(place.fails(1, &require), @"error: `sha256:[DIGEST]` has no signed attestation of the type `https://spdx.dev/Document`");
    let unknown = ["verify", &image, "--key", "ecdsa.pub", "--require", "sbom"];
    insta::assert_snapshot!(place.fails(2, &unknown), @"
    error: `sbom` is no type of attestations

    hint: types are `spdx`, `cyclonedx`, `provenance`, `openvex`, `sources`, and URIs
    ");
}

#[test]
fn what_is_tampered_with_does_not_count() {
    type Change = fn(Value) -> Value;
    let cases: [(&str, Change); 9] = [
        ("payload", |mut bundle| {
            bundle["dsseEnvelope"]["payload"] = json!("e30=");
            bundle
        }),
        ("signature", |mut bundle| {
            bundle["dsseEnvelope"]["signatures"] = json!([{"sig": "AAAA"}]);
            bundle
        }),
        ("unsigned", |mut bundle| {
            bundle["dsseEnvelope"]["signatures"] = json!([]);
            bundle
        }),
        ("keyless", |mut bundle| {
            bundle["verificationMaterial"] = json!({"certificate": {"rawBytes": ""}});
            bundle
        }),
        ("empty", |_| json!({})),
        ("without a key", |mut bundle| {
            bundle["verificationMaterial"] = json!({});
            bundle
        }),
        ("without an envelope", |mut bundle| {
            bundle.as_object_mut().unwrap().remove("dsseEnvelope");
            bundle
        }),
        ("of a file", |mut bundle| {
            bundle.as_object_mut().unwrap().remove("dsseEnvelope");
            bundle["messageSignature"] = json!({});
            bundle
        }),
        ("of another version", |mut bundle| {
            bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.1");
            bundle
        }),
    ];
    let mut said = String::new();
    for (name, change) in cases {
        let place = Place::new(true);
        place.sign("ecdsa.key");
        place.change_bundles(change);
        let image = place.name("team/app:1");
        let error = place.fails(1, &["verify", &image, "--key", "ecdsa.pub"]);
        said += &format!("{name}: {error}\n");
    }
    insta::assert_snapshot!(said, @"
    payload: error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: no signature of the envelope is by the key `sha256:[DIGEST]`

    signature: error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: no signature of the envelope is by the key `sha256:[DIGEST]`

    unsigned: error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: the envelope has no signature

    keyless: error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: it is signed by a certificate (keyless), and there is no trust root to verify it by

    hint: a keyless signature is verified with `--trust-root FILE`, `--certificate-identity NAME` and `--certificate-oidc-issuer URL`

    empty: error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: it is no Sigstore bundle: missing field `mediaType` at line 1 column 2

    without a key: error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: it has neither a key nor a certificate to be verified by

    without an envelope: error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: it is no Sigstore bundle: it has no envelope

    of a file: error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: it has a signature of a file, and no signed statement about an image

    of another version: error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: it is a bundle of the type `application/vnd.dev.sigstore.bundle+json;version=0.1`; version 0.3 can be read
    ");
}

#[test]
fn a_signature_of_another_image_or_place_does_not_count() {
    let place = Place::new(true);
    place.sign("ecdsa.key");
    // The same image elsewhere, with all that is attached to it.
    let (from, to) = (place.name("team/app:1"), place.name("other/app:1"));
    place.run(&["push", &from, &to, "--referrers"]);
    let verify = ["verify", &to, "--key", "ecdsa.pub"];
    insta::assert_snapshot!(place.fails(1, &verify), @"
    error: `sha256:[DIGEST]` in `[HOST]/other/app` has no signature by the key
      referrer sha256:[DIGEST]: it was made for `[HOST]/team/app`

    hint: the signature was made for another name than `[HOST]/other/app`; if this is meant to be a copy, `--identity NAME` accepts signatures of that name
    ");
    let identity = format!("{}/team/app", place.registry.host);
    place.run(&[&verify[..], &["--identity", &identity]].concat());
    // The signature of the one image attached to another one.
    let other = place
        .context
        .run(&["build", "--quiet", "base", "-o", &place.name("team/app:2")]);
    {
        let mut state = place.registry.state();
        let manifests: Vec<_> = state.manifests.clone().into_iter().collect();
        for ((repository, _), (media_type, bytes)) in manifests {
            let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
            if manifest["subject"]["digest"] == json!(place.digest) && repository == "team/app" {
                manifest["subject"]["digest"] = json!(other.trim());
                let bytes = manifest.to_string().into_bytes();
                let digest = distil_digest(&bytes);
                state
                    .manifests
                    .insert((repository, digest), (media_type, bytes));
            }
        }
    }
    let verify = ["verify", &place.name("team/app:2"), "--key", "ecdsa.pub"];
    insta::assert_snapshot!(place.fails(1, &verify), @"
    error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: it is about another image: it names another digest
    ");
}

#[test]
fn keys_come_from_files_variables_and_commands() {
    let place = Place::new(true);
    let image = place.name("team/app:1");
    let key = std::fs::read_to_string(Path::new(KEYS).join("ecdsa.key")).unwrap();
    let mut command = place.context.bare(&["sign", &image, "--key", "env:KEY"]);
    let output = command.env("KEY", &key).output().unwrap();
    assert!(output.status.success(), "{}", place.said(&output));
    let command = ["sign", &image, "--key", "command:cat ed25519.key"];
    place.run(&command);
    place.verify("ed25519.pub");
    let encrypted = [
        "sign",
        &image,
        "--key",
        "cosign.key",
        "--key-password",
        "command:echo distil",
    ];
    place.run(&encrypted);
    let mut command = place.context.bare(&["sign", &image, "--key", "cosign.key"]);
    let output = command.env("COSIGN_PASSWORD", "distil").output().unwrap();
    assert!(output.status.success(), "{}", place.said(&output));
    place.verify("cosign.pub");
    // Whom a key is readable by.
    let path = place.context.work().join("ecdsa.key");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, said) = place.run(&["sign", &image, "--key", "ecdsa.key"]);
    insta::assert_snapshot!(said, @"
    warning: other users can read the private key `ecdsa.key` (mode 0644)

    hint: `chmod 600 ecdsa.key`
    docker://[HOST]/team/app:1 is signed already by the ECDSA P-256 key sha256:[DIGEST]: 1 signature
    ");
}

#[test]
fn keys_that_cannot_be_used_are_told() {
    let place = Place::new(true);
    let image = place.name("team/app:1");
    let mut said = String::new();
    for key in [
        "none.key",
        "env:NONE",
        "command:false",
        "ecdsa.pub",
        "p384.key",
        "sec1.key",
        "pkcs8-encrypted.key",
        "cosign.key",
        "README.md",
    ] {
        said += &format!(
            "{key}: {}\n",
            place.fails(2, &["sign", &image, "--key", key])
        );
    }
    let wrong = [
        "sign",
        &image,
        "--key",
        "cosign.key",
        "--key-password",
        "command:echo secret",
    ];
    let error = place.fails(2, &wrong);
    assert!(!error.contains("secret"), "{error}");
    said += &error;
    for key in ["ecdsa.key", "rsa.pub", "none.pub"] {
        said += &format!(
            "{key}: {}\n",
            place.fails(2, &["verify", &image, "--key", key])
        );
    }
    insta::assert_snapshot!(said, @"
    none.key: error: failed to read the private key from `none.key`: No such file or directory (os error 2)

    env:NONE: error: failed to read the private key from the variable `NONE`: it is not set

    command:false: error: failed to read the private key from the output of the command: it ended with exit status: 1

    ecdsa.pub: error: `ecdsa.pub` cannot be used as a key: it is a public key, and signing takes the private key

    hint: the private key is the file beside it, such as `cosign.key`

    p384.key: error: `p384.key` cannot be used as a key: it is a key for ECDSA P-384; keys for ECDSA P-256 and Ed25519 can be used

    hint: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY` makes a key, `cosign generate-key-pair` an encrypted one

    sec1.key: error: `sec1.key` cannot be used as a key: it is a private key in the format `EC PRIVATE KEY`; PKCS #8 (`PRIVATE KEY`) is needed

    hint: `openssl pkcs8 -topk8 -nocrypt -in KEY` prints the key in the needed format

    pkcs8-encrypted.key: error: `pkcs8-encrypted.key` cannot be used as a key: it is encrypted in the format of PKCS #8 (`ENCRYPTED PRIVATE KEY`), which cannot be read

    hint: `openssl pkcs8 -topk8 -nocrypt -in KEY` prints the key in the needed format

    cosign.key: error: the private key is encrypted, and there is no password

    hint: set COSIGN_PASSWORD, or name a source: `--key-password FILE`, `--key-password 'command:pass show distil'`

    README.md: error: `README.md` cannot be used as a key: it is not in PEM format

    hint: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY` makes a key, `cosign generate-key-pair` an encrypted one

    error: `cosign.key` cannot be used as a key: the password is wrong, or the key is damaged
    ecdsa.key: error: `ecdsa.key` cannot be used as a key: it is a private key, and verifying takes the public key

    hint: `openssl pkey -in KEY -pubout` prints the public key of one

    rsa.pub: error: `rsa.pub` cannot be used as a key: it is a key for RSA; keys for ECDSA P-256 and Ed25519 can be used

    hint: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY` makes a key, `cosign generate-key-pair` an encrypted one

    none.pub: error: failed to read the public key from `none.pub`: No such file or directory (os error 2)
    ");
    let mut said = String::new();
    for image in ["oci-archive:image", "static", "docker-daemon:x:1"] {
        said += &place.fails(2, &["sign", image, "--key", "ecdsa.key"]);
    }
    insta::assert_snapshot!(said, @"
    error: `oci-archive:image` is neither in a registry nor an OCI layout

    hint: signatures are in registries and OCI layouts, written `docker://REGISTRY/NAME:TAG` and `oci:DIR:TAG`
    error: `static` is neither an image in a registry nor an OCI layout

    hint: signatures are in registries and OCI layouts, written `docker://REGISTRY/NAME:TAG` and `oci:DIR:TAG`
    error: `docker-daemon:x:1` is neither in a registry nor an OCI layout

    hint: signatures are in registries and OCI layouts, written `docker://REGISTRY/NAME:TAG` and `oci:DIR:TAG`
    ");
}

#[test]
fn a_build_is_signed_with_all_that_is_said_of_it() {
    for referrers in [true, false] {
        let place = Place::new(referrers);
        let to = place.name("team/app:3");
        let platforms = [
            "build",
            "base",
            "--platform",
            "linux/amd64,linux/arm64",
            "-o",
            &to,
        ];
        let attach = [
            "--attach",
            "spdx,cyclonedx,provenance",
            "--sign-key",
            "ecdsa.key",
            "--signature-tags",
        ];
        let all = [&platforms[..], &attach[..]].concat();
        let output = place.context.command(&all).output().unwrap();
        assert!(output.status.success(), "{}", place.said(&output));
        // The index, and each image with what is said of it.
        place.run(&["verify", &to, "--key", "ecdsa.pub"]);
        for platform in ["linux/amd64", "linux/arm64"] {
            let verify = ["verify", &to, "--key", "ecdsa.pub", "--platform", platform];
            let types = [
                "--require",
                "spdx",
                "--require",
                "cyclonedx",
                "--require",
                "provenance",
            ];
            let json = ["--format", "json"];
            let (printed, _) = place.run(&[&verify[..], &types[..], &json[..]].concat());
            let found: Value = serde_json::from_str(&printed).unwrap();
            // Each as a referrer and under a tag.
            assert_eq!(found["verified"].as_array().unwrap().len(), 8, "{found}");
            assert_eq!(found["rejected"].as_array().unwrap().len(), 0, "{found}");
        }
        // Provenance is the same of the same build, and has nothing of this machine.
        let state = place.registry.state();
        let mut statements = Vec::new();
        for (media_type, bytes) in state.manifests.values() {
            assert!(!media_type.is_empty());
            let manifest: Value = serde_json::from_slice(bytes).unwrap();
            if manifest["artifactType"] == "application/vnd.in-toto+json" {
                let digest = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
                let blob = &state.blobs[&("team/app".to_owned(), digest)];
                statements.push(serde_json::from_slice::<Value>(blob).unwrap());
            }
        }
        assert_eq!(statements.len(), 2);
        for statement in &statements {
            let definition = &statement["predicate"]["buildDefinition"];
            assert_eq!(definition["externalParameters"]["definition"], "base");
            let names: Vec<&str> = definition["resolvedDependencies"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["name"].as_str().unwrap())
                .collect();
            for name in ["definition base", "Release of trixie", "package libc6"] {
                assert!(names.contains(&name), "{names:?}");
            }
            let text = statement.to_string();
            let folder = place.context.work();
            assert!(!text.contains(folder.to_str().unwrap()), "{text}");
        }
    }
}

#[test]
fn what_is_read_from_a_registry_can_have_to_be_signed() {
    let place = Place::new(true);
    let image = place.name("team/app:1");
    let key = ["--verify-key", "ecdsa.pub"];
    let commands = [
        &["show", &image][..],
        &["check", &image],
        &["diff", &image, &image],
        &["sbom", &image],
    ];
    for command in commands {
        let command = [command, &key].concat();
        assert!(place.fails(1, &command).contains("no signature by the key"));
    }
    place.sign("ecdsa.key");
    for command in commands {
        place.run(&[command, &key].concat());
    }
    place
        .context
        .run(&["build", "static", "-o", "oci-archive:image.tar"]);
    let local = [&["show", "image.tar"][..], &key].concat();
    insta::assert_snapshot!(place.fails(2, &local), @"
    error: `oci-archive:image.tar` is neither in a registry nor an OCI layout, where signatures are

    hint: leave `--verify-key` out
    ");
}

#[test]
fn what_cannot_be_signed_or_attached_is_told_before_anything_is_built() {
    let place = Place::new(true);
    let mut said = String::new();
    for arguments in [
        &["build", "static", "--sign-key", "ecdsa.key"][..],
        &[
            "build",
            "static",
            "-o",
            &place.name("x:1"),
            "--sign-key",
            "none.key",
        ],
    ] {
        said += &place.context.fails(arguments);
    }
    let from = place.name("team/app:1");
    let copy = ["push", &from, &place.name("x:1"), "--attach", "provenance"];
    said += &place.fails(2, &copy);
    insta::assert_snapshot!(said, @"
    status 2
    error: signatures are in registries and OCI layouts, and no output is one

    hint: `-o docker://REGISTRY/NAME:TAG` pushes to one, `-o oci:DIR` writes one
    status 2
    error: failed to read the private key from `none.key`: No such file or directory (os error 2)
    error: the provenance and the definition of an image, and what was left out of it, are known to who builds it alone

    hint: leave `provenance`, `openvex` and `sources` out, or push what `build` builds
    ");
    // What was pushed is described, too.
    let copy = [
        "push",
        &from,
        &place.name("y:1"),
        "--attach",
        "spdx",
        "--sign-key",
        "ecdsa.key",
    ];
    place.run(&copy);
    let verify = [
        "verify",
        &place.name("y:1"),
        "--key",
        "ecdsa.pub",
        "--require",
        "spdx",
    ];
    place.run(&verify);
}
