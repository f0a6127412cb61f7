//! What files of no Debian package are, for scanners: a software bill of materials of each layer that
//! has such components.
//!
//! In CycloneDX 1.5 (ECMA-424), in `/var/lib/db/sbom`, where Wolfi's images have theirs. Trivy reads
//! files of this ending wherever they lie; Syft does with `--select-catalogers +sbom-cataloger`.

use distil_bundle::{Component, Provenance};
use serde::Serialize;

/// Where the files lie.
pub(crate) const DIRECTORY: &str = "var/lib/db/sbom";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    components: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    reference: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<License<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_references: Vec<Reference<'a>>,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
struct License<'a> {
    expression: &'a str,
}

#[derive(Serialize)]
struct Reference<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url: &'a str,
}

/// The name of the file of a layer.
pub(crate) fn file_name(definition: &str) -> String {
    format!("{}.cdx.json", definition.replace(':', "-"))
}

/// The software bill of materials of these; none if none of them is a component.
pub(crate) fn document<'a>(bundles: impl Iterator<Item = &'a Provenance>) -> Option<Vec<u8>> {
    let components: Vec<Entry<'a>> = bundles
        // Scanners know wheels, jars and npm's packages by their own metadata, and would list them twice.
        .filter(|one| !matches!(one.kind, "wheel" | "npm-package" | "jar"))
        .filter_map(|one| Some(entry(one, one.component.as_ref()?)))
        .collect();
    if components.is_empty() {
        return None;
    }
    let document = Document {
        bom_format: "CycloneDX",
        spec_version: "1.5",
        version: 1,
        components,
    };
    let mut bytes = serde_json::to_vec_pretty(&document).ok()?;
    bytes.push(b'\n');
    Some(bytes)
}

fn entry<'a>(provenance: &'a Provenance, component: &'a Component) -> Entry<'a> {
    let digest = provenance.digest.hex();
    let license = component.license.as_deref();
    let url = (provenance.kind == "download").then_some(&*provenance.from);
    Entry {
        // Scanners take no `application` for a package that could have advisories.
        kind: "library",
        reference: format!("{}:{digest}", component.name),
        name: &component.name,
        version: component.version.as_deref(),
        hashes: vec![Hash {
            alg: "SHA-256",
            content: digest,
        }],
        licenses: license
            .map(|expression| License { expression })
            .into_iter()
            .collect(),
        purl: component.purl.as_deref(),
        external_references: url
            .map(|url| Reference {
                kind: "distribution",
                url,
            })
            .into_iter()
            .collect(),
    }
}
