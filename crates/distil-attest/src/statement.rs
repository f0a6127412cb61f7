//! What is said of images: in-toto statements (in-toto attestation framework 1.0,
//! `spec/v1/statement.md`).

use std::collections::BTreeMap;

use distil_store::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The type of statements.
const TYPE: &str = "https://in-toto.io/Statement/v1";

/// The one before, which cosign writes for some predicates.
const TYPE_0_1: &str = "https://in-toto.io/Statement/v0.1";

/// The type of the empty predicate by which cosign 3 signs an image.
pub const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";

/// The type of provenance (SLSA 1.0).
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// A statement about images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Which format it is in.
    #[serde(rename = "_type")]
    kind: String,
    /// What it is about.
    subject: Vec<StatementSubject>,
    /// Of which type the predicate is.
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// What it says.
    #[serde(default)]
    predicate: Value,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StatementSubject {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    digest: BTreeMap<String, String>,
}

impl Statement {
    /// A statement about the manifest with a digest; `repository` is where it is, if the statement
    /// is to hold there alone.
    pub fn new(
        digest: Digest,
        repository: Option<&str>,
        predicate_type: &str,
        predicate: Value,
    ) -> Self {
        Self {
            kind: TYPE.to_owned(),
            subject: vec![StatementSubject {
                name: repository.unwrap_or_default().to_owned(),
                digest: BTreeMap::from([("sha256".to_owned(), digest.hex())]),
            }],
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    /// Reads a statement; `None` if it is none of a version that is known.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let statement: Self = serde_json::from_slice(bytes).ok()?;
        let is_known = [TYPE, TYPE_0_1].contains(&statement.kind.as_str());
        is_known.then_some(statement)
    }

    /// The statement as it is signed: JSON with sorted keys.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Maps of strings and values that were JSON before.
        let value = serde_json::to_value(self).unwrap_or_default();
        value.to_string().into_bytes()
    }

    /// The type of what it says.
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// What it says.
    pub fn predicate(&self) -> &Value {
        &self.predicate
    }

    /// The name under which it is about a digest: the empty string if it has none there, `None` if
    /// it is not about that digest.
    pub fn name_of(&self, digest: Digest) -> Option<&str> {
        let hex = digest.hex();
        let mut subjects = self.subject.iter();
        let found = subjects.find(|one| one.digest.get("sha256") == Some(&hex))?;
        Some(&found.name)
    }
}
