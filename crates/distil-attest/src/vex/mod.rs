//! Which vulnerabilities that a scanner has matched do not concern an image, because the code of the
//! package is not in it (OpenVEX 0.2.0, `OPENVEX-SPEC.md`).
//!
//! Scanners match packages, and advisories are about source packages. Of a package such as `libc-bin`
//! an image may have the copyright file and a locale alone, and every program and library was left
//! out: the vulnerable code is not there, whatever the advisory is about. Nothing else is claimed: a
//! package that has other data or some of its code may be vulnerable by that, and is not looked into.

mod list;

use std::collections::{BTreeMap, BTreeSet};

use distil_store::Digest;
use serde_json::{Value, json};

pub use self::list::{ListError, Match, Matches};
use crate::inventory::Inventory;
use crate::purl::DebianPackage;
use crate::sbom::Tool;

/// The format's context, which names its version.
const CONTEXT: &str = "https://openvex.dev/ns/v0.2.0";

/// The type of documents as predicates of statements.
pub const PREDICATE_TYPE: &str = "https://openvex.dev/ns";

/// What an image has of its packages, as its maker knows it.
#[derive(Debug, Clone, Default)]
pub struct Code {
    /// Packages of which the image has what may be vulnerable: code, or data that code reads.
    present: BTreeSet<String>,
    /// How many files with code were left out, by package.
    left_out: BTreeMap<String, usize>,
}

impl Code {
    /// Notes a package that has something in the image that may be vulnerable.
    pub fn add_present(&mut self, package: &str) {
        self.present.insert(package.to_owned());
    }

    /// Notes a program, library or module of a package that was left out.
    pub fn add_left_out(&mut self, package: &str) {
        *self.left_out.entry(package.to_owned()).or_default() += 1;
    }

    /// How many files with code were left out, if these were all.
    fn absent(&self, package: &str) -> Option<usize> {
        match self.present.contains(package) {
            true => None,
            false => self.left_out.get(package).copied(),
        }
    }
}

/// Why a list says nothing of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VexError {
    /// It is of another image.
    #[error(
        "the list of vulnerabilities is of another image: it has `{package}` {version}, which `{image}` \
         has not"
    )]
    OtherImage {
        /// A package that the image does not have.
        package: String,
        /// Its version.
        version: String,
        /// The image.
        image: String,
    },
    /// It is of an image with another digest.
    #[error("the list of vulnerabilities is of the image `{listed}`, and not of `{image}`")]
    OtherDigest {
        /// The digest in the list.
        listed: String,
        /// That of the image.
        image: String,
    },
    /// The image has no digest that statements could be about.
    #[error("a plain root file system has no digest that statements could be about")]
    NoDigest,
}

/// Whether a document has no statement, which the format's schema does not allow.
pub fn is_empty(document: &Value) -> bool {
    let statements = document.get("statements").and_then(Value::as_array);
    statements.is_none_or(Vec::is_empty)
}

/// The document about the matches of which the code is not there.
///
/// # Errors
/// If the list is of another image.
pub fn document(
    matches: &Matches,
    inventory: &Inventory,
    config: Option<Digest>,
    code: &Code,
    tool: Tool<'_>,
) -> Result<Value, VexError> {
    let subject = &inventory.subject;
    let (Some(digest), Some(image)) = (subject.digest, subject.purl()) else {
        return Err(VexError::NoDigest);
    };
    let own: Vec<Digest> = [Some(digest), config].into_iter().flatten().collect();
    if !matches.digests.is_empty() && !own.iter().any(|one| matches.digests.contains(one)) {
        let listed = matches.digests.iter().next();
        return Err(VexError::OtherDigest {
            listed: listed.map(ToString::to_string).unwrap_or_default(),
            image: digest.to_string(),
        });
    }
    let mut statements = Vec::new();
    for one in &matches.matches {
        let mut components = inventory.components.iter();
        let found = components.find(|own| own.name == one.package && own.version == one.version);
        let Some(component) = found else {
            return Err(VexError::OtherImage {
                package: one.package.clone(),
                version: one.version.clone(),
                image: subject.name.clone(),
            });
        };
        let Some(count) = code.absent(&component.name) else {
            continue;
        };
        // Scanners have qualifiers of their own for the distribution; what is not said matches.
        let package = DebianPackage {
            vendor: inventory
                .distribution
                .as_ref()
                .map_or("debian", |one| &one.id),
            name: &component.name,
            version: &component.version,
            architecture: &component.architecture,
            source: (&component.name, &component.version),
            distribution: None,
        };
        let files = match count {
            1 => "the only program or library".to_owned(),
            count => format!("each of the {count} programs and libraries"),
        };
        statements.push(json!({
            "vulnerability": {"name": one.vulnerability},
            "products": [{"@id": image, "subcomponents": [{"@id": package.purl()}]}],
            "status": "not_affected",
            // The schema allows a justification or an impact statement, not both.
            "justification": "vulnerable_code_not_present",
            "status_notes": format!(
                "{files} of {} was left out of the image",
                component.name
            ),
        }));
    }
    let mut document = json!({
        "@context": CONTEXT,
        "author": tool.name,
        "timestamp": inventory.created,
        "tooling": format!("{} {}", tool.name, tool.version),
        "version": 1,
        "statements": statements,
    });
    let id = Digest::of(document.to_string()).hex();
    document["@id"] = json!(format!("https://openvex.dev/docs/distil/vex-{id}"));
    Ok(document)
}
