//! Provenance: from what an image was made, and by what (SLSA 1.0, `provenance/v1`).
//!
//! It has no time, no machine and no path: the same build has the same provenance wherever it runs.
//! What only the place of a build knows, such as the run of a pipeline, is said by whoever signs.

use distil_store::Digest;
use serde_json::{Map, Value, json};

use crate::sbom::Tool;

/// The type of builds, where it is told what the parameters mean.
const BUILD_TYPE: &str =
    "https://github.com/distil-images/distil/blob/main/docs/attestations.md#provenance";

/// The program that builds.
const BUILDER: &str = "https://github.com/distil-images/distil";

/// Something that an image was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// What it is, in words.
    pub name: String,
    /// Its package URL or address, if it has one.
    pub uri: Option<String>,
    /// Its digest.
    pub digest: Digest,
    /// What else is known of it.
    pub annotations: Map<String, Value>,
}

/// The predicate of provenance of a build: `parameters` are what a user asked for.
pub fn predicate(
    parameters: &Map<String, Value>,
    dependencies: &[Dependency],
    tool: Tool<'_>,
) -> Value {
    let dependency = |one: &Dependency| {
        let mut value = json!({
            "name": one.name,
            "digest": {"sha256": one.digest.hex()},
        });
        if let Some(uri) = &one.uri {
            value["uri"] = json!(uri);
        }
        if !one.annotations.is_empty() {
            value["annotations"] = json!(one.annotations);
        }
        value
    };
    json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": parameters,
            "resolvedDependencies": dependencies.iter().map(dependency).collect::<Value>(),
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {tool.name: tool.version}},
        },
    })
}
