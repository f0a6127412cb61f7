//! The lists of vulnerabilities that Trivy (`--format json`) and Grype (`-o json`) write.

use std::collections::BTreeSet;

use distil_store::Digest;
use serde::Deserialize;
use serde_json::Value;

/// The most matches of a list: of a whole Debian there are some ten thousand.
const MAX_MATCHES: usize = 500_000;

/// A vulnerability that a scanner has matched with a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// Its name, such as `CVE-2024-1234`.
    pub vulnerability: String,
    /// The package.
    pub package: String,
    /// The version of that.
    pub version: String,
}

/// What a scanner has matched in an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches {
    /// The matches with Debian packages, sorted, each once.
    pub matches: BTreeSet<Match>,
    /// By which digests the list names the image: its configuration's, its manifest's; none if it
    /// does not say it.
    pub digests: BTreeSet<Digest>,
}

/// Why a list cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// It is no JSON.
    #[error("it is no JSON: {problem}")]
    Json {
        /// Why.
        problem: String,
    },
    /// It is neither Trivy's nor Grype's.
    #[error("it is a report of neither Trivy nor Grype in their JSON format")]
    Unknown,
    /// It has more matches than are read.
    #[error("it has more than {limit} matches")]
    TooMany {
        /// How many are read.
        limit: usize,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trivy {
    #[serde(default)]
    results: Option<Vec<TrivyResult>>,
    #[serde(default)]
    metadata: TrivyMetadata,
}

#[derive(Default, Deserialize)]
struct TrivyMetadata {
    #[serde(rename = "ImageID", default)]
    image_id: String,
    #[serde(rename = "RepoDigests", default)]
    digests: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyResult {
    #[serde(default)]
    class: String,
    #[serde(default)]
    vulnerabilities: Option<Vec<TrivyMatch>>,
}

#[derive(Deserialize)]
struct TrivyMatch {
    #[serde(rename = "VulnerabilityID")]
    vulnerability: String,
    #[serde(rename = "PkgName")]
    package: String,
    #[serde(rename = "InstalledVersion")]
    version: String,
}

#[derive(Deserialize)]
struct Grype {
    matches: Vec<GrypeMatch>,
    #[serde(default)]
    source: Option<GrypeSource>,
}

#[derive(Deserialize)]
struct GrypeSource {
    #[serde(default)]
    target: Value,
}

#[derive(Deserialize)]
struct GrypeMatch {
    vulnerability: GrypeVulnerability,
    artifact: GrypeArtifact,
}

#[derive(Deserialize)]
struct GrypeVulnerability {
    id: String,
}

#[derive(Deserialize)]
struct GrypeArtifact {
    name: String,
    version: String,
    #[serde(rename = "type", default)]
    kind: String,
}

impl Matches {
    /// Reads a list.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, ListError> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| ListError::Json {
            problem: error.to_string(),
        })?;
        if value.get("SchemaVersion").is_some() {
            let report = serde_json::from_value(value).map_err(|_| ListError::Unknown)?;
            return Self::of_trivy(report);
        }
        if value.get("matches").is_some() {
            let report = serde_json::from_value(value).map_err(|_| ListError::Unknown)?;
            return Self::of_grype(report);
        }
        Err(ListError::Unknown)
    }

    fn of_trivy(report: Trivy) -> Result<Self, ListError> {
        let results = report.results.into_iter().flatten();
        // Others are of libraries of a language, whose names are none of Debian's.
        let packages = results.filter(|one| one.class == "os-pkgs");
        let matches = packages.flat_map(|one| one.vulnerabilities.into_iter().flatten());
        let matches = matches.map(|one| Match {
            vulnerability: one.vulnerability,
            package: one.package,
            version: one.version,
        });
        let metadata = report.metadata;
        let named = metadata.digests.into_iter().flatten();
        let digests = named.chain([metadata.image_id]);
        Self::of(matches, digests.filter_map(|text| digest(&text)))
    }

    fn of_grype(report: Grype) -> Result<Self, ListError> {
        let matches = report.matches.into_iter();
        let matches = matches.filter(|one| one.artifact.kind == "deb");
        let matches = matches.map(|one| Match {
            vulnerability: one.vulnerability.id,
            package: one.artifact.name,
            version: one.artifact.version,
        });
        let target = report
            .source
            .map(|source| source.target)
            .unwrap_or_default();
        let named = ["imageID", "manifestDigest"];
        let named = named
            .iter()
            .filter_map(|key| digest(target.get(*key)?.as_str()?));
        Self::of(matches, named)
    }

    fn of(
        matches: impl Iterator<Item = Match>,
        digests: impl Iterator<Item = Digest>,
    ) -> Result<Self, ListError> {
        let matches: BTreeSet<Match> = matches.take(MAX_MATCHES + 1).collect();
        match matches.len() > MAX_MATCHES {
            true => Err(ListError::TooMany { limit: MAX_MATCHES }),
            false => Ok(Self {
                matches,
                digests: digests.collect(),
            }),
        }
    }
}

/// The digest in `NAME@sha256:…` or by itself.
fn digest(text: &str) -> Option<Digest> {
    text.rsplit('@').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn both_scanners_say_the_same() {
        let hex = "11".repeat(32);
        let trivy = format!(
            r#"{{"SchemaVersion": 2, "Metadata": {{"ImageID": "sha256:{hex}"}}, "Results": [
                {{"Class": "os-pkgs", "Vulnerabilities": [
                    {{"VulnerabilityID": "CVE-1", "PkgName": "libc-bin", "InstalledVersion": "2.41-12"}}]}},
                {{"Class": "lang-pkgs", "Vulnerabilities": [
                    {{"VulnerabilityID": "CVE-2", "PkgName": "pip", "InstalledVersion": "1"}}]}},
                {{"Class": "secret"}}]}}"#
        );
        let grype = format!(
            r#"{{"matches": [
                {{"vulnerability": {{"id": "CVE-1"}},
                  "artifact": {{"name": "libc-bin", "version": "2.41-12", "type": "deb"}}}},
                {{"vulnerability": {{"id": "CVE-2"}},
                  "artifact": {{"name": "pip", "version": "1", "type": "python"}}}}],
                "source": {{"type": "image", "target": {{"imageID": "sha256:{hex}"}}}}}}"#
        );
        let found = Matches::parse(trivy.as_bytes()).unwrap();
        assert_eq!(found.matches.len(), 1);
        assert_eq!(found.digests.len(), 1);
        assert_eq!(Matches::parse(grype.as_bytes()).unwrap(), found);
    }

    #[test]
    fn what_is_no_list_is_told() {
        let said = |text: &str| Matches::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(said("").starts_with("it is no JSON"));
        for text in [
            "{}",
            "[]",
            r#"{"matches": 1}"#,
            r#"{"SchemaVersion": 2, "Results": 1}"#,
        ] {
            assert_eq!(said(text), ListError::Unknown.to_string(), "{text}");
        }
    }
}
