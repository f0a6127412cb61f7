//! How the manifests and configurations of two images differ, value by value.

use std::collections::BTreeSet;

use distil_oci::Image;
use serde::Serialize;
use serde_json::Value;

/// The descriptor of the configuration: it differs whenever the configuration does.
const CONFIG: &str = "/manifest/config";

/// A value that one of the images has otherwise, or not at all.
#[derive(Serialize)]
pub(crate) struct DocumentChange {
    /// Where it is: `/config` or `/manifest`, then a JSON Pointer (RFC 6901).
    pub(crate) key: String,
    /// A string as it is, another value as JSON; none if it is not there.
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

/// What differs in the documents of two images.
pub(crate) fn document_changes(old: &Image, new: &Image) -> Vec<DocumentChange> {
    let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    let mut changes = Vec::new();
    for (name, old, new) in [
        ("/config", old.config_bytes(), new.config_bytes()),
        ("/manifest", old.manifest_bytes(), new.manifest_bytes()),
    ] {
        let (old, new) = (value(old), value(new));
        compare(name, old.as_ref(), new.as_ref(), &mut changes);
    }
    let is_config = |change: &DocumentChange| change.key.starts_with("/config/");
    if changes.iter().any(is_config) {
        changes.retain(|change| !change.key.starts_with(CONFIG));
    }
    changes
}

fn compare(key: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<DocumentChange>) {
    match (old, new) {
        _ if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                compare(
                    &format!("{key}/{escaped}"),
                    old.get(name),
                    new.get(name),
                    changes,
                );
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for index in 0..old.len().max(new.len()) {
                let key = format!("{key}/{index}");
                compare(&key, old.get(index), new.get(index), changes);
            }
        }
        _ => changes.push(DocumentChange {
            key: key.to_owned(),
            old: old.map(shown),
            new: new.map(shown),
        }),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
