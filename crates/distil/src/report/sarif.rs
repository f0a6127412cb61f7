//! SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), as GitHub's code scanning,
//! Azure DevOps and editors read it. One run an image.

use distil_check::Severity;
use distil_store::Digest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Entry, Kind, Report, Subject};

/// The schema that the document follows.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Where the program and the manual of the rules are found.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// The name for the root of the image, which paths of files are relative to (section 3.14.14).
const ROOT: &str = "IMAGE";

/// All that is no part of a path in a URI (RFC 3986, section 3.3).
const NO_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'+')
    .remove(b'@');

/// The document.
pub(super) fn document(report: &Report) -> Value {
    let runs = report.subjects.iter().map(|subject| run(report, subject));
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": runs.collect::<Vec<_>>(),
    })
}

fn run(report: &Report, subject: &Subject) -> Value {
    // The kinds that occur, in the order of their identifiers.
    let mut kinds: Vec<Kind> = subject.entries.iter().map(|entry| entry.kind).collect();
    kinds.sort_by_key(|kind| kind.id());
    kinds.dedup_by_key(|kind| kind.id());
    let rules: Vec<Value> = kinds.iter().map(|kind| rule(*kind)).collect();
    let results = subject.entries.iter().map(|entry| {
        let index = kinds.iter().position(|kind| kind.id() == entry.kind.id());
        result(subject, entry, index.unwrap_or_default())
    });
    // Tells uploads of several images apart (section 3.17.3): the part before the last slash.
    let platform = subject.platform.as_deref().unwrap_or_default();
    let category = format!("distil {}/{}/{platform}/", report.command, subject.name);
    json!({
        "tool": {"driver": {
            "name": "distil",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "informationUri": REPOSITORY,
            "rules": rules,
        }},
        "automationDetails": {"id": category},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {
            "text": format!("The root of the file system of the image `{}`", subject.name),
        }}},
        "results": results.collect::<Vec<_>>(),
        "properties": {
            "image": subject.name,
            "digest": subject.digest,
            "platform": subject.platform,
        },
    })
}

/// A descriptor of a kind of result (section 3.49).
fn rule(kind: Kind) -> Value {
    match kind {
        Kind::Rule(rule) => {
            let anchor = format!("{}-{}", rule.id.to_lowercase(), rule.name);
            json!({
                "id": rule.id,
                "name": rule.name,
                "shortDescription": {"text": rule.summary},
                "fullDescription": {"text": rule.reason},
                "help": {"text": rule.remedy, "markdown": rule.explain()},
                "helpUri": format!("{REPOSITORY}/blob/main/docs/rules.md#{anchor}"),
                "defaultConfiguration": {"level": level(rule.severity)},
            })
        }
        Kind::Warning(code) => json!({
            "id": code,
            "shortDescription": {"text": "A warning of `distil build`"},
            "defaultConfiguration": {"level": "warning"},
        }),
        Kind::Failure => json!({
            "id": kind.id(),
            "shortDescription": {"text": "The image cannot be made"},
            "defaultConfiguration": {"level": "error"},
        }),
    }
}

fn result(subject: &Subject, entry: &Entry, index: usize) -> Value {
    let mut result = json!({
        "ruleId": entry.kind.id(),
        "ruleIndex": index,
        "level": level(entry.severity),
        "message": {"text": entry.message},
        "locations": [location(subject, entry)],
        "partialFingerprints": {"distil/v1": fingerprint(entry)},
    });
    let Some(fields) = result.as_object_mut() else {
        return result;
    };
    if let Some(layer) = &entry.layer {
        fields.insert("properties".to_owned(), json!({"layer": layer}));
    }
    if let Some(reason) = &entry.allowed {
        // Nothing in the image or its sources says so, but a policy does (section 3.35).
        let suppression = match reason.is_empty() {
            true => json!({"kind": "external"}),
            false => json!({"kind": "external", "justification": reason}),
        };
        fields.insert("suppressions".to_owned(), json!([suppression]));
    }
    result
}

/// The position in a definition, or the file in the image. A definition is where an image can be
/// changed, so what is found in its image stands there, too.
fn location(subject: &Subject, entry: &Entry) -> Value {
    let uri = |path: &str| utf8_percent_encode(path, NO_PATH).to_string();
    let physical = match (&entry.position, &subject.definition, &entry.path) {
        (Some(position), _, _) => json!({
            "artifactLocation": {"uri": uri(&position.file)},
            "region": {"startLine": position.line, "startColumn": position.column},
        }),
        (None, Some(file), _) => json!({
            "artifactLocation": {"uri": uri(file)},
            "region": {"startLine": 1},
        }),
        (None, None, Some(path)) => json!({
            "artifactLocation": {"uri": uri(path.trim_start_matches('/')), "uriBaseId": ROOT},
        }),
        (None, None, None) => json!({"artifactLocation": {"uri": uri(&subject.name)}}),
    };
    let name = entry.path.as_deref().unwrap_or("configuration");
    json!({
        "physicalLocation": physical,
        "logicalLocations": [{"fullyQualifiedName": format!("{}: {name}", subject.name)}],
    })
}

/// What tells a result from others, and stays while an image is built anew.
fn fingerprint(entry: &Entry) -> String {
    let what = match (&entry.path, entry.kind) {
        (Some(path), _) => path.as_str(),
        // A rule about the configuration may find several things in it.
        (None, _) => entry.message.lines().next().unwrap_or_default(),
    };
    let digest = Digest::of(format!("{}\n{what}", entry.kind.id())).hex();
    digest.chars().take(32).collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}
