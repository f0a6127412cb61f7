//! Where keyless signatures of images are: statements about them, bundles that are referrers, and
//! manifests under tags (cosign, `specs/SIGNATURE_SPEC.md`, `specs/BUNDLE_SPEC.md`).

use serde_json::{Value, json};

use crate::sha256_hex;

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The payload by which cosign 3 signs the image that has a digest.
pub fn cosign_statement(digest: &str) -> Vec<u8> {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.trim_start_matches("sha256:")}}],
        "predicateType": "https://sigstore.dev/cosign/sign/v1",
        "predicate": {},
    })
    .to_string()
    .into_bytes()
}

/// The payload by which cosign 2 does, in a repository.
pub fn cosign_payload(digest: &str, repository: &str) -> Vec<u8> {
    json!({
        "critical": {
            "identity": {"docker-reference": repository},
            "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string()
    .into_bytes()
}

/// The blobs of an artifact and its manifest: of a bundle that is a referrer of what a descriptor leads
/// to.
pub fn bundle_artifact(subject: &Value, bundle: &Value) -> (Vec<Vec<u8>>, Vec<u8>) {
    let bundle = bundle.to_string().into_bytes();
    let empty = b"{}".to_vec();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": BUNDLE,
        "config": descriptor("application/vnd.oci.empty.v1+json", &empty),
        "layers": [descriptor(BUNDLE, &bundle)],
        "subject": subject,
    });
    (vec![empty, bundle], manifest.to_string().into_bytes())
}

/// The same of a payload with annotations, which is under a tag.
pub fn payload_artifact(payload: &[u8], annotations: &Value) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut layer = descriptor("application/vnd.dev.cosign.simplesigning.v1+json", payload);
    layer["annotations"] = annotations.clone();
    let config = json!({
        "architecture": "",
        "os": "",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [layer],
    });
    (
        vec![config, payload.to_vec()],
        manifest.to_string().into_bytes(),
    )
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({
        "mediaType": media_type,
        "digest": format!("sha256:{}", sha256_hex(bytes)),
        "size": bytes.len(),
    })
}
