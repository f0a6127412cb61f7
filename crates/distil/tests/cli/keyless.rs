//! Images that are signed without a key, verified by a trust root.

use distil_fixture::{
    Keyless, KeylessFault as Fault, Rekor, Sigstore, bundle_artifact, cosign_payload,
    cosign_statement, payload_artifact,
};
use serde_json::{Value, json};

use crate::context::Context;
use crate::registry::{Registry, Ways};

const IDENTITY: &str = "release@example.org";
const ISSUER: &str = "https://accounts.example.org";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry with an image, and an instance of Sigstore whose trust root is in a file.
struct Place {
    context: Context,
    registry: Registry,
    digest: String,
    sigstore: Sigstore,
}

impl Place {
    fn new() -> Self {
        let context = Context::new();
        let ways = Ways {
            referrers: true,
            ..Ways::default()
        };
        let registry = Registry::start(ways);
        let to = format!("docker://{}/team/app:1", registry.host);
        let digest = context.run(&["build", "--quiet", "static", "-o", &to]);
        let sigstore = Sigstore::new();
        let root = sigstore.trusted_root().to_string();
        std::fs::write(context.work().join("root.json"), root).unwrap();
        let digest = digest.trim().to_owned();
        Self {
            context,
            registry,
            digest,
            sigstore,
        }
    }

    fn image(&self) -> String {
        format!("docker://{}/team/app:1", self.registry.host)
    }

    /// Puts an artifact beside the image, under a tag if one is given.
    fn put(&self, (blobs, manifest): (Vec<Vec<u8>>, Vec<u8>), tag: Option<String>) {
        let digest = |bytes: &[u8]| distil_store::Digest::of(bytes).to_string();
        let repository = "team/app".to_owned();
        let mut state = self.registry.state();
        for blob in blobs {
            let key = (repository.clone(), digest(&blob));
            state.blobs.insert(key, blob);
        }
        let key = (repository.clone(), digest(&manifest));
        if let Some(tag) = tag {
            state.tags.insert((repository, tag), key.1.clone());
        }
        state.manifests.insert(key, (MANIFEST.to_owned(), manifest));
    }

    /// Signs a digest with a bundle that is a referrer of the image.
    fn sign(&self, digest: &str, how: &Keyless) {
        let state = self.registry.state();
        let (media_type, bytes) = &state.manifests[&("team/app".to_owned(), self.digest.clone())];
        let subject = json!({"mediaType": media_type, "digest": self.digest, "size": bytes.len()});
        drop(state);
        let bundle = self.sigstore.bundle(&cosign_statement(digest), how);
        self.put(bundle_artifact(&subject, &bundle), None);
    }

    fn flags<'a>(identity: &'a str, issuer: &'a str) -> [&'a str; 6] {
        [
            "--trust-root",
            "root.json",
            "--certificate-identity",
            identity,
            "--certificate-oidc-issuer",
            issuer,
        ]
    }

    fn output(&self, arguments: &[&str]) -> std::process::Output {
        self.context.bare(arguments).output().unwrap()
    }

    fn verify(&self, more: &[&str]) -> std::process::Output {
        let image = self.image();
        self.output(&[&["verify", &image][..], more].concat())
    }

    fn verified(&self, more: &[&str]) -> Value {
        let output = self.verify(&[more, &["--format", "json"]].concat());
        let said = self.context.stderr(&output);
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn fails(&self, status: i32, more: &[&str]) -> String {
        let output = self.verify(more);
        let said = self.context.stderr(&output);
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(output.stdout.is_empty());
        said.replace(&self.registry.host, "[HOST]")
    }
}

#[test]
fn a_bundle_counts_by_a_trust_root_and_an_identity() {
    let place = Place::new();
    let right = Place::flags(IDENTITY, ISSUER);
    for rekor in [Rekor::One, Rekor::Two] {
        let how = Keyless {
            rekor,
            ..Keyless::default()
        };
        place.sign(&place.digest, &how);
    }
    let found = place.verified(&right);
    let verified = found["verified"].as_array().unwrap();
    assert_eq!(verified.len(), 2);
    let certificate = json!({
        "identity": IDENTITY,
        "issuer": ISSUER,
        "signed_at": "2026-05-28T20:26:40Z",
    });
    for one in verified {
        assert_eq!(one["certificate"], certificate);
        assert_eq!(one["key"], Value::Null);
        assert_eq!(one["form"], "referrer");
    }
    let output = place.verify(&right);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.contains(IDENTITY) && table.contains(ISSUER),
        "{table}"
    );
    let pattern = [
        "--trust-root",
        "root.json",
        "--certificate-identity-regexp",
        "@example[.]org$",
        "--certificate-oidc-issuer",
        ISSUER,
    ];
    place.verified(&pattern);
    // A key that has signed nothing does not take away from it.
    let key = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../distil-attest/tests/keys/ecdsa.pub"
    );
    place.verified(&[&right[..], &["--key", key]].concat());
    // What is read from the registry for something else.
    let image = place.image();
    let output = place.output(&[&["show", &image][..], &right].concat());
    assert!(output.status.success(), "{}", place.context.stderr(&output));
    let wrong = Place::flags("other@example.org", ISSUER);
    let output = place.output(&[&["show", &image][..], &wrong].concat());
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_bundle_that_is_wrong_or_of_others_does_not_count() {
    let place = Place::new();
    place.sign(&place.digest, &Keyless::default());
    let mut said = String::new();
    let key = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../distil-attest/tests/keys/ecdsa.pub"
    );
    for more in [
        &["--key", key][..],
        &Place::flags("other@example.org", ISSUER),
        &Place::flags(IDENTITY, "https://accounts.example.com"),
    ] {
        said += &place.fails(1, more);
    }
    // By another instance.
    let other = Sigstore::new().trusted_root().to_string();
    std::fs::write(place.context.work().join("root.json"), other).unwrap();
    said += &place.fails(1, &Place::flags(IDENTITY, ISSUER));
    insta::assert_snapshot!(said, @"
    error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by the key
      referrer sha256:[DIGEST]: it is signed by a certificate (keyless), and there is no trust root to verify it by

    hint: a keyless signature is verified with `--trust-root FILE`, `--certificate-identity NAME` and `--certificate-oidc-issuer URL`
    error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by `other@example.org`
      referrer sha256:[DIGEST]: its certificate is for `release@example.org`, by the word of `https://accounts.example.org`, and not for who was asked for
    error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by `release@example.org`
      referrer sha256:[DIGEST]: its certificate is for `release@example.org`, by the word of `https://accounts.example.org`, and not for who was asked for
    error: `sha256:[DIGEST]` in `[HOST]/team/app` has no signature by `release@example.org`
      referrer sha256:[DIGEST]: its entry is of a transparency log that the trust root does not have for that time
    ");
    for (fault, reason) in [
        (Fault::NoEntry, "no entry of a transparency log"),
        (Fault::Expired, "no certificate authority"),
        (
            Fault::NoCertificateTimestamp,
            "certificate transparency log",
        ),
        (Fault::ForeignCheckpoint, "checkpoint"),
        (Fault::OtherSignature, "another signature"),
    ] {
        let place = Place::new();
        let fault = Some(fault);
        place.sign(
            &place.digest,
            &Keyless {
                fault,
                ..Keyless::default()
            },
        );
        let said = place.fails(1, &Place::flags(IDENTITY, ISSUER));
        assert!(said.contains(reason), "{said}");
    }
    // Sound, and about another image.
    let place = Place::new();
    let digest = distil_store::Digest::of(b"another image").to_string();
    place.sign(&digest, &Keyless::default());
    let said = place.fails(1, &Place::flags(IDENTITY, ISSUER));
    assert!(said.contains("it names another digest"), "{said}");
}

#[test]
fn signatures_under_tags_count_in_the_same_way() {
    let sign = |place: &Place, digest: &str, repository: &str, fault| {
        let how = Keyless {
            fault,
            ..Keyless::default()
        };
        let payload = cosign_payload(digest, repository);
        let annotations = place.sigstore.annotations(&payload, &how);
        let tag = format!("{}.sig", place.digest.replace(':', "-"));
        place.put(payload_artifact(&payload, &annotations), Some(tag));
    };
    let right = Place::flags(IDENTITY, ISSUER);
    let place = Place::new();
    let own = format!("{}/team/app", place.registry.host);
    sign(&place, &place.digest, &own, None);
    let found = place.verified(&right);
    assert_eq!(found["verified"][0]["form"], "tag");
    assert_eq!(found["verified"][0]["certificate"]["identity"], IDENTITY);
    assert_eq!(found["verified"][0]["name"], json!(own));
    let said = place.fails(1, &Place::flags("other@example.org", ISSUER));
    assert!(said.contains(IDENTITY), "{said}");
    for (fault, reason) in [
        (Fault::NoEntry, "no entry of a transparency log"),
        (Fault::ForeignPromise, "not signed by the log"),
        (Fault::OtherContent, "another content"),
        (Fault::OtherKey, "not by the key of its certificate"),
    ] {
        let place = Place::new();
        let own = format!("{}/team/app", place.registry.host);
        sign(&place, &place.digest, &own, Some(fault));
        let said = place.fails(1, &right);
        assert!(said.contains(reason), "{said}");
    }
    let place = Place::new();
    sign(&place, &place.digest, "elsewhere.example/team/app", None);
    let said = place.fails(1, &right);
    assert!(said.contains("it was made for `elsewhere"), "{said}");
    let place = Place::new();
    let digest = distil_store::Digest::of(b"another image").to_string();
    let own = format!("{}/team/app", place.registry.host);
    sign(&place, &digest, &own, None);
    let said = place.fails(1, &right);
    assert!(said.contains("it names another digest"), "{said}");
}

#[test]
fn flags_that_are_not_enough_are_an_error() {
    let context = Context::new();
    std::fs::write(context.work().join("root.json"), "{}").unwrap();
    let image = "docker://localhost:1/team/app:1";
    let fails = |more: &[&str]| {
        let output = context
            .bare(&[&["verify", image][..], more].concat())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        context.stderr(&output)
    };
    let mut said = String::new();
    let root = ["--trust-root", "root.json"];
    let identity = ["--certificate-identity", IDENTITY];
    let issuer = ["--certificate-oidc-issuer", ISSUER];
    for more in [
        &[][..],
        &root,
        &[root, identity].concat(),
        &[root, issuer].concat(),
        &[identity, issuer].concat(),
        &[
            root,
            identity,
            issuer,
            ["--certificate-identity-regexp", "x"],
        ]
        .concat(),
        &[root, ["--certificate-identity-regexp", "("], issuer].concat(),
        &[root, ["--certificate-identity", ""], issuer].concat(),
        &[root, identity, issuer].concat(),
        &[["--trust-root", "none.json"], identity, issuer].concat(),
    ] {
        said += &fails(more);
        said += "---\n";
    }
    insta::assert_snapshot!(said, @"
    error: the following required arguments were not provided:
      --key <FILE>

    Usage: distil verify --key <FILE> <IMAGE>

    For more information, try '--help'.
    ---
    error: the following required arguments were not provided:
      --certificate-oidc-issuer <URL>
      <--certificate-identity <NAME>|--certificate-identity-regexp <PATTERN>>

    Usage: distil verify --trust-root <FILE> --certificate-oidc-issuer <URL> <--certificate-identity <NAME>|--certificate-identity-regexp <PATTERN>> <IMAGE>

    For more information, try '--help'.
    ---
    error: the following required arguments were not provided:
      --certificate-oidc-issuer <URL>

    Usage: distil verify --trust-root <FILE> --certificate-oidc-issuer <URL> <--certificate-identity <NAME>|--certificate-identity-regexp <PATTERN>> <IMAGE>

    For more information, try '--help'.
    ---
    error: the following required arguments were not provided:
      <--certificate-identity <NAME>|--certificate-identity-regexp <PATTERN>>

    Usage: distil verify --trust-root <FILE> --certificate-oidc-issuer <URL> <--certificate-identity <NAME>|--certificate-identity-regexp <PATTERN>> <IMAGE>

    For more information, try '--help'.
    ---
    error: the following required arguments were not provided:
      --trust-root <FILE>
      --key <FILE>

    Usage: distil verify --certificate-oidc-issuer <URL> --trust-root <FILE> --key <FILE> <--certificate-identity <NAME>|--certificate-identity-regexp <PATTERN>> <IMAGE>

    For more information, try '--help'.
    ---
    error: the argument '--certificate-identity <NAME>' cannot be used with '--certificate-identity-regexp <PATTERN>'

    Usage: distil verify --trust-root <FILE> --certificate-oidc-issuer <URL> <--certificate-identity <NAME>|--certificate-identity-regexp <PATTERN>> <IMAGE>

    For more information, try '--help'.
    ---
    error: `(` is no regular expression: unclosed group
    ---
    error: `--certificate-identity` is empty
    ---
    error: failed to read the trust root `root.json`: it is no trust root of Sigstore (`trusted_root.json`): missing field `mediaType` at line 1 column 2

    hint: `cosign trusted-root create` writes one; that of the public instance is `trusted_root.json` of its TUF repository
    ---
    error: failed to read the trust root `none.json`: No such file or directory (os error 2)
    ---
    ");
}
