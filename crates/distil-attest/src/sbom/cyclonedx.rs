//! CycloneDX 1.6 as JSON (ECMA-424; `schema/bom-1.6.schema.json` of the specification).
//!
//! Packages have Trivy's and Syft's properties for their source packages, which the format has no
//! field for, and which advisories are about.

use distil_debian::version::Version;
use serde_json::{Value, json};

use super::{Tool, uuid_of};
use crate::inventory::{Component, Inventory, LooseFile, Part, licences};

pub(super) fn document(inventory: &Inventory, tool: Tool<'_>) -> Value {
    let subject = &inventory.subject;
    let root = subject.purl().unwrap_or_else(|| "image".to_owned());
    let mut image = json!({
        "bom-ref": root,
        "type": "container",
        "name": subject.name,
    });
    if let Some(digest) = subject.digest {
        image["version"] = json!(digest.to_string());
        image["hashes"] = json!([{"alg": "SHA-256", "content": digest.hex()}]);
    }
    if let Some(purl) = subject.purl() {
        image["purl"] = json!(purl);
    }
    if let Some(vendor) = &subject.vendor {
        image["supplier"] = json!({"name": vendor});
    }
    if let Some(base) = &inventory.base {
        image["pedigree"] = json!({"ancestors": [{
            "bom-ref": "base-image",
            "type": "container",
            "name": base.name,
            "version": base.digest.to_string(),
            "hashes": [{"alg": "SHA-256", "content": base.digest.hex()}],
        }]});
    }
    let mut contents = Vec::new();
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    if let Some(one) = &inventory.distribution {
        let version = one.version.as_ref().or(one.codename.as_ref());
        let id = format!("operating-system:{}", one.qualifier());
        let mut component = json!({
            "bom-ref": id,
            "type": "operating-system",
            "name": one.id,
        });
        if let Some(version) = version {
            component["version"] = json!(version);
        }
        components.push(component);
        contents.push(id);
    }
    let references = references(inventory);
    for (one, reference) in inventory.components.iter().zip(&references) {
        components.push(package(one, reference, inventory));
        let mut others: Vec<&String> = one
            .depends
            .iter()
            .filter_map(|number| references.get(*number))
            .collect();
        others.sort();
        dependencies.push(json!({"ref": reference, "dependsOn": others}));
    }
    contents.extend(references);
    for (number, one) in inventory.parts.iter().enumerate() {
        let id = format!("part:{number}:{}", one.name);
        components.push(part(one, &id));
        contents.push(id);
    }
    for one in &inventory.files {
        let id = format!("file:{}", one.path);
        components.push(file(one, &id));
        contents.push(id);
    }
    contents.sort();
    dependencies.insert(0, json!({"ref": root, "dependsOn": contents}));
    let aggregate = match inventory.is_complete() {
        true => "complete",
        false => "incomplete",
    };
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": inventory.created,
            "tools": {"components": [
                {"type": "application", "name": tool.name, "version": tool.version},
            ]},
            "component": image,
        },
        "components": components,
        "dependencies": dependencies,
        "compositions": [{"aggregate": aggregate, "assemblies": [root]}],
    });
    let uuid = uuid_of(&document);
    document["serialNumber"] = json!(format!("urn:uuid:{uuid}"));
    document
}

/// How the document refers to each package: by its package URL, with a number where a hostile image
/// has the very same one twice.
fn references(inventory: &Inventory) -> Vec<String> {
    let mut known = std::collections::BTreeSet::new();
    let mut references = Vec::new();
    for one in &inventory.components {
        let mut reference = one.purl.clone();
        let mut number = 1;
        while !known.insert(reference.clone()) {
            number += 1;
            reference = format!("{}#{number}", one.purl);
        }
        references.push(reference);
    }
    references
}

fn package(one: &Component, reference: &str, inventory: &Inventory) -> Value {
    let mut component = json!({
        "bom-ref": reference,
        "type": "library",
        "name": one.name,
        "version": one.version,
        "purl": one.purl,
        "properties": properties(one),
    });
    let distribution = inventory.distribution.as_ref();
    let supplier = distribution.map(|distribution| &distribution.supplier);
    if let Some(supplier) = one.origin.as_ref().or(supplier) {
        component["supplier"] = json!({"name": supplier});
    }
    if let Some(maintainer) = &one.maintainer {
        component["publisher"] = json!(maintainer);
    }
    let licences = &one.licences;
    if let Some(expression) = &licences.expression {
        component["licenses"] =
            json!([{"expression": **expression, "acknowledgement": "declared"}]);
    } else if !licences.names.is_empty() {
        let names = licences.names.iter();
        let names =
            names.map(|name| json!({"license": {"name": name, "acknowledgement": "declared"}}));
        component["licenses"] = names.collect();
    }
    if let Some(digest) = one.digest {
        component["hashes"] = json!([{"alg": "SHA-256", "content": digest.hex()}]);
    }
    component
}

/// A part that no package ships.
fn part(one: &Part, reference: &str) -> Value {
    let mut component = json!({
        "bom-ref": reference,
        "type": "library",
        "name": one.name,
    });
    if let Some(version) = &one.version {
        component["version"] = json!(version);
    }
    if let Some(purl) = &one.purl {
        component["purl"] = json!(purl);
    }
    if let Some(licence) = &one.licence {
        component["licenses"] = match licences::expression(licence) {
            Some(licence) => json!([{"expression": licence, "acknowledgement": "declared"}]),
            None => json!([{"license": {"name": licence, "acknowledgement": "declared"}}]),
        };
    }
    if let Some(digest) = one.digest {
        component["hashes"] = json!([{"alg": "SHA-256", "content": digest.hex()}]);
    }
    if let Some(from) = &one.from {
        component["description"] = json!(from);
    }
    component
}

/// The source package and its version, for Trivy in the parts that it wants it in.
fn properties(one: &Component) -> Value {
    let property = |name: &str, value: &str| json!({"name": name, "value": value});
    let trivy = |name: &str, value: &str| property(&format!("aquasecurity:trivy:{name}"), value);
    let mut properties = vec![trivy("PkgType", "debian"), trivy("SrcName", &one.source)];
    match one.source_version.parse::<Version>() {
        Ok(version) => {
            if version.epoch() > 0 {
                properties.push(trivy("SrcEpoch", &version.epoch().to_string()));
            }
            if let Some(revision) = version.revision() {
                properties.push(trivy("SrcRelease", revision));
            }
            properties.push(trivy("SrcVersion", version.upstream()));
        }
        Err(_) => properties.push(trivy("SrcVersion", &one.source_version)),
    }
    properties.push(property("syft:metadata:source", &one.source));
    if one.source_version != one.version {
        properties.push(property("syft:metadata:sourceVersion", &one.source_version));
    }
    properties.push(property("syft:package:metadataType", "dpkg-db-entry"));
    properties.push(property("syft:package:type", "deb"));
    Value::Array(properties)
}

fn file(one: &LooseFile, reference: &str) -> Value {
    let mut hashes = Vec::new();
    if let Some(sha1) = one.sha1 {
        let hex: String = sha1.iter().map(|byte| format!("{byte:02x}")).collect();
        hashes.push(json!({"alg": "SHA-1", "content": hex}));
    }
    if let Some(digest) = one.sha256 {
        hashes.push(json!({"alg": "SHA-256", "content": digest.hex()}));
    }
    let mut component = json!({
        "bom-ref": reference,
        "type": "file",
        "name": one.path.to_string(),
        "hashes": hashes,
    });
    if let Some(from) = &one.from {
        component["description"] = json!(from);
    }
    component
}
