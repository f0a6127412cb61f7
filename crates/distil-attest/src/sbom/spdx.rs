//! SPDX 2.3 as JSON (SPDX specification 2.3; `schemas/spdx-schema.json` of it).
//!
//! Identifiers begin with `OperatingSystem-`, `Package-` and `File-`, and `sourceInfo` with `built
//! package from`, because Trivy tells elements apart by the former and finds the source package,
//! which advisories are about, by the latter.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::identifiers::Identifiers;
use super::{Tool, uuid_of};
use crate::inventory::{Component, Inventory, LooseFile, licences};

/// What is not known (SPDX specification 2.3, 7.7 and others).
const NO_ASSERTION: &str = "NOASSERTION";

/// The identifier of the document itself.
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

/// The image's own.
const IMAGE: &str = "SPDXRef-ContainerImage";

pub(super) fn document(inventory: &Inventory, tool: Tool<'_>) -> Value {
    let mut writer = Writer::default();
    writer.image(inventory);
    writer.base(inventory);
    writer.distribution(inventory);
    let packages = writer.components(inventory);
    let parts = writer.parts(inventory);
    for file in &inventory.files {
        writer.file(file, &packages, &parts);
    }
    let subject = &inventory.subject;
    let platform = subject.platform.as_ref();
    let name = match platform {
        Some(platform) => format!("{} {platform}", subject.name),
        None => subject.name.clone(),
    };
    let mut document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": name,
        "creationInfo": {
            "created": inventory.created,
            "creators": [format!("Tool: {}-{}", tool.name, tool.version)],
            "comment": "The time is that of the image, so that the same image has the same document.",
        },
        "comment": comment(inventory),
        "packages": writer.packages,
        "files": writer.files,
        "relationships": writer.relationships,
    });
    if !writer.references.is_empty() {
        document["hasExtractedLicensingInfos"] = references(&writer.references);
    }
    let path: String = subject.name.chars().map(in_namespace).collect();
    let uuid = uuid_of(&document);
    document["documentNamespace"] = json!(format!("https://spdx.org/spdxdocs/{path}-{uuid}"));
    document
}

/// What a namespace, which is a URI without a fragment, may have in one part of its path.
fn in_namespace(c: char) -> char {
    match c.is_ascii_alphanumeric() || c == '.' {
        true => c,
        false => '-',
    }
}

/// What the document does not know.
fn comment(inventory: &Inventory) -> String {
    let unknown = inventory.files.iter();
    let unknown = unknown.filter(|file| file.from.is_none() && file.of.is_none());
    match unknown.count() {
        0 => "Every file of the image is in one of its packages, or is listed with what made it."
            .to_owned(),
        count => format!(
            "Files that belong to no package are listed; of {count} it is not known what made them."
        ),
    }
}

/// Licences without an identifier of SPDX's, and which packages name them how.
type References = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

fn references(references: &References) -> Value {
    let infos = references.iter().map(|(id, (names, packages))| {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let paths = packages
            .iter()
            .map(|package| format!("/usr/share/doc/{package}/copyright"));
        json!({
            "licenseId": id,
            "name": NO_ASSERTION,
            "extractedText": format!(
                "The text is what the copyright files of these packages call {}: {}",
                names.join(" or "),
                paths.collect::<Vec<_>>().join(", ")
            ),
        })
    });
    infos.collect()
}

#[derive(Default)]
struct Writer {
    identifiers: Identifiers,
    packages: Vec<Value>,
    files: Vec<Value>,
    relationships: Vec<Value>,
    references: References,
}

impl Writer {
    fn relate(&mut self, from: &str, kind: &str, to: &str) {
        self.relationships.push(json!({
            "spdxElementId": from,
            "relationshipType": kind,
            "relatedSpdxElement": to,
        }));
    }

    fn image(&mut self, inventory: &Inventory) {
        let subject = &inventory.subject;
        let mut package = package(IMAGE, &subject.name, subject.vendor.as_deref());
        package.insert("primaryPackagePurpose".to_owned(), json!("CONTAINER"));
        if let Some(digest) = subject.digest {
            package.insert("versionInfo".to_owned(), json!(digest.to_string()));
            checksum(&mut package, &digest.hex());
        }
        if let Some(purl) = subject.purl() {
            locator(&mut package, &purl);
        }
        self.packages.push(Value::Object(package));
        self.relate(DOCUMENT, "DESCRIBES", IMAGE);
    }

    fn base(&mut self, inventory: &Inventory) {
        let Some(base) = &inventory.base else { return };
        let id = "SPDXRef-BaseImage";
        let mut package = package(id, &base.name, None);
        package.insert("primaryPackagePurpose".to_owned(), json!("CONTAINER"));
        package.insert("versionInfo".to_owned(), json!(base.digest.to_string()));
        checksum(&mut package, &base.digest.hex());
        self.packages.push(Value::Object(package));
        self.relate(IMAGE, "DESCENDANT_OF", id);
    }

    fn distribution(&mut self, inventory: &Inventory) {
        let Some(distribution) = &inventory.distribution else {
            return;
        };
        let id = self
            .identifiers
            .of("SPDXRef-OperatingSystem", &distribution.id);
        let supplier = Some(distribution.supplier.as_str());
        let mut package = package(&id, &distribution.id, supplier);
        package.insert(
            "primaryPackagePurpose".to_owned(),
            json!("OPERATING_SYSTEM"),
        );
        let version = distribution
            .version
            .as_ref()
            .or(distribution.codename.as_ref());
        package.insert("versionInfo".to_owned(), json!(version));
        if version.is_none() {
            package.remove("versionInfo");
        }
        self.packages.push(Value::Object(package));
        self.relate(IMAGE, "CONTAINS", &id);
    }

    /// Writes the packages; their identifiers.
    fn components(&mut self, inventory: &Inventory) -> Vec<String> {
        let components = &inventory.components;
        let distribution = inventory.distribution.as_ref();
        let supplier = distribution.map(|one| one.supplier.as_str());
        let mut ids = Vec::with_capacity(components.len());
        for one in components {
            let name = format!("{}-{}", one.name, one.architecture);
            let id = self.identifiers.of("SPDXRef-Package", &name);
            let supplier = one.origin.as_deref().or(supplier);
            let package = self.component(&id, one, supplier);
            self.packages.push(package);
            self.relate(IMAGE, "CONTAINS", &id);
            ids.push(id);
        }
        for (one, id) in components.iter().zip(&ids) {
            for other in one.depends.iter().filter_map(|number| ids.get(*number)) {
                self.relate(id, "DEPENDS_ON", other);
            }
        }
        ids
    }

    fn component(&mut self, id: &str, one: &Component, supplier: Option<&str>) -> Value {
        let mut package = package(id, &one.name, supplier);
        package.insert("versionInfo".to_owned(), json!(one.version));
        let source = format!("built package from: {} {}", one.source, one.source_version);
        package.insert("sourceInfo".to_owned(), json!(source));
        let licences = &one.licences;
        if let Some(expression) = &licences.expression {
            package.insert("licenseDeclared".to_owned(), json!(**expression));
        } else if !licences.names.is_empty() {
            let comment = format!(
                "/usr/share/doc/{}/copyright names: {}",
                one.name,
                licences.names.join(", ")
            );
            package.insert("licenseComments".to_owned(), json!(comment));
        }
        for (reference, names) in licences.references.iter() {
            let (known, packages) = self.references.entry(reference.clone()).or_default();
            known.extend(names.iter().cloned());
            packages.insert(one.name.clone());
        }
        // SPDX wants a URI there, which is more than Debian Policy (5.6.23) does.
        let is_address = |text: &&String| {
            let is_web = text.starts_with("https://") || text.starts_with("http://");
            is_web
                && text
                    .chars()
                    .all(|c| c.is_ascii_graphic() && !"<>\"{}|\\^`".contains(c))
        };
        if let Some(homepage) = one.homepage.as_ref().filter(is_address) {
            package.insert("homepage".to_owned(), json!(homepage));
        }
        if let Some(digest) = one.digest {
            checksum(&mut package, &digest.hex());
        }
        locator(&mut package, &one.purl);
        Value::Object(package)
    }

    /// Writes the parts that no package ships; their identifiers.
    fn parts(&mut self, inventory: &Inventory) -> Vec<String> {
        let mut ids = Vec::with_capacity(inventory.parts.len());
        for one in &inventory.parts {
            let id = self.identifiers.of("SPDXRef-Package", &one.name);
            let mut package = package(&id, &one.name, None);
            if let Some(version) = &one.version {
                package.insert("versionInfo".to_owned(), json!(version));
            }
            if let Some(licence) = one.licence.as_deref().and_then(licences::expression) {
                package.insert("licenseDeclared".to_owned(), json!(licence));
            } else if let Some(licence) = &one.licence {
                let comment = format!("it is declared as: {licence}");
                package.insert("licenseComments".to_owned(), json!(comment));
            }
            if let Some(from) = &one.from {
                package.insert("sourceInfo".to_owned(), json!(from));
            }
            if let Some(digest) = one.digest {
                checksum(&mut package, &digest.hex());
            }
            if let Some(purl) = &one.purl {
                locator(&mut package, purl);
            }
            self.packages.push(Value::Object(package));
            self.relate(IMAGE, "CONTAINS", &id);
            ids.push(id);
        }
        ids
    }

    /// SPDX has no file without a SHA-1 (8.4); one of which it was not made is left out.
    fn file(&mut self, file: &LooseFile, packages: &[String], parts: &[String]) {
        let Some(sha1) = file.sha1 else { return };
        let path = file.path.to_string();
        let id = self
            .identifiers
            .of("SPDXRef-File", path.trim_start_matches('/'));
        let sha1: String = sha1.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut checksums = vec![json!({"algorithm": "SHA1", "checksumValue": sha1})];
        if let Some(digest) = file.sha256 {
            checksums.push(json!({"algorithm": "SHA256", "checksumValue": digest.hex()}));
        }
        let mut value = json!({
            "SPDXID": id,
            "fileName": format!(".{path}"),
            "checksums": checksums,
            "licenseConcluded": NO_ASSERTION,
            "copyrightText": NO_ASSERTION,
        });
        if let Some(from) = &file.from {
            value["comment"] = json!(from);
        }
        self.files.push(value);
        // `CONTAINS` would claim that all files of the image are in the document (7.8).
        self.relationships.push(json!({
            "spdxElementId": IMAGE,
            "relationshipType": "OTHER",
            "relatedSpdxElement": id,
            "comment": "in the image, and in none of its packages",
        }));
        if let Some(package) = file.of.and_then(|number| packages.get(number)) {
            let package = package.clone();
            self.relate(&id, "GENERATED_FROM", &package);
        }
        if let Some(part) = file.part.and_then(|number| parts.get(number)) {
            let part = part.clone();
            self.relate(&id, "GENERATED_FROM", &part);
        }
    }
}

/// A package of which the name and who supplies it are known.
fn package(id: &str, name: &str, supplier: Option<&str>) -> Map<String, Value> {
    let supplier = match supplier {
        Some(supplier) => format!("Organization: {}", one_line(supplier)),
        None => NO_ASSERTION.to_owned(),
    };
    let fields = [
        ("SPDXID", json!(id)),
        ("name", json!(name)),
        ("supplier", json!(supplier)),
        ("downloadLocation", json!(NO_ASSERTION)),
        ("filesAnalyzed", json!(false)),
        ("licenseConcluded", json!(NO_ASSERTION)),
        ("licenseDeclared", json!(NO_ASSERTION)),
        ("copyrightText", json!(NO_ASSERTION)),
    ];
    fields
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// A name without the parentheses that an address would be in (6.8).
fn one_line(text: &str) -> String {
    let text: String = text.chars().filter(|c| !"()".contains(*c)).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn checksum(package: &mut Map<String, Value>, sha256: &str) {
    let value = json!([{"algorithm": "SHA256", "checksumValue": sha256}]);
    package.insert("checksums".to_owned(), value);
}

fn locator(package: &mut Map<String, Value>, purl: &str) {
    let value = json!([{
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": purl,
    }]);
    package.insert("externalRefs".to_owned(), value);
}
