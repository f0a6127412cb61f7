//! Signatures under a tag, as cosign up to version 2 writes them and as skopeo and Podman read them
//! (`containers-signature(5)`; cosign, `specs/SIGNATURE_SPEC.md`).

use distil_store::Digest;
use serde::Deserialize;
use serde_json::json;

/// The media type of what is signed.
pub const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The annotation that has the signature in base64.
pub const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// The largest payload that is read.
pub const MAX_PAYLOAD: u64 = 1 << 20;

/// What the payload says that it is. Cosign 3 names it by the type of its statements.
const TYPES: [&str; 3] = [
    "cosign container image signature",
    "atomic container signature",
    crate::statement::SIGNATURE,
];

/// The tag that has the signatures of a manifest, or its attestations.
pub fn tag(digest: Digest, suffix: &str) -> String {
    format!("sha256-{}.{suffix}", digest.hex())
}

/// What is signed of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The manifest.
    pub digest: Digest,
    /// The name under which it was signed: a repository with its registry, perhaps with a tag.
    pub reference: String,
}

#[derive(Deserialize)]
struct Document {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: Digest,
}

impl Payload {
    /// Reads a payload; `None` if it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let Document { critical } = serde_json::from_slice(bytes).ok()?;
        TYPES.contains(&critical.kind.as_str()).then_some(Self {
            digest: critical.image.digest,
            reference: critical.identity.reference,
        })
    }

    /// The payload as it is signed.
    pub fn to_bytes(&self, creator: &str) -> Vec<u8> {
        let document = json!({
            "critical": {
                "identity": {"docker-reference": self.reference},
                "image": {"docker-manifest-digest": self.digest.to_string()},
                "type": TYPES[0],
            },
            "optional": {"creator": creator},
        });
        document.to_string().into_bytes()
    }
}
