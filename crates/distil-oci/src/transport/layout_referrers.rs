//! What is about an image in an OCI layout, such as its signatures: entries of `index.json` without a
//! name whose manifest has a subject, as ORAS and others write them.
//!
//! The specification of layouts has no word of referrers. That of registries has: a list of those of
//! one manifest (OCI distribution specification 1.1, "Listing Referrers").

use std::collections::BTreeSet;
use std::sync::Arc;

use distil_store::Digest;
use serde_json::Value;

use crate::blob::Blobs;
use crate::descriptor::{Kind, kind, sha256};
use crate::document_error::DocumentError;
use crate::index::Manifest;
use crate::reader;
use crate::spec::{self, Descriptor};

/// How deep what is about something is looked at, as in registries.
const MAX_DEPTH: usize = 4;

/// An entry, and what it leads to.
pub(crate) type Entry = (Descriptor, Result<Manifest, DocumentError>);

/// What is about one manifest: each with its entry, and read, or why it cannot be. One that cannot be
/// read may be about any manifest, and is told of each.
pub(crate) fn to(index: &spec::ImageIndex, blobs: &Arc<dyn Blobs>, subject: Digest) -> Vec<Entry> {
    let is_unnamed = |entry: &&Descriptor| kind(entry) == Kind::Manifest && !is_named(entry);
    let entries = index.manifests().iter().filter(is_unnamed);
    let read = entries.filter_map(|entry| {
        let found = reader::open(Arc::clone(blobs), entry);
        let is_meant = match &found {
            Ok(manifest) => manifest.subject().and_then(sha256) == Some(subject),
            Err(_) => entry.artifact_type().is_some(),
        };
        is_meant.then(|| (entry.clone(), found))
    });
    read.collect()
}

/// All that is about manifests, and about what is about them. What is about something comes after
/// that.
pub(crate) fn of(
    index: &spec::ImageIndex,
    blobs: &Arc<dyn Blobs>,
    subjects: impl IntoIterator<Item = Digest>,
) -> Result<Vec<Manifest>, DocumentError> {
    let mut asked: BTreeSet<Digest> = BTreeSet::new();
    let mut next: Vec<Digest> = subjects.into_iter().collect();
    let mut found = Vec::new();
    for _ in 0..MAX_DEPTH {
        for subject in std::mem::take(&mut next) {
            if !asked.insert(subject) {
                continue;
            }
            for (_, manifest) in to(index, blobs, subject) {
                let manifest = manifest?;
                next.push(manifest.digest());
                found.push(manifest);
            }
        }
    }
    Ok(found)
}

/// Whether an entry of an `index.json` is about another manifest, as far as the entry tells: it has no
/// name, and says of which type of artifacts it is.
pub(crate) fn is_referrer(entry: &Value) -> bool {
    let annotations = entry.get("annotations");
    let name = annotations.and_then(|all| all.get(spec::ANNOTATION_REF_NAME));
    name.is_none() && entry.get("artifactType").is_some_and(Value::is_string)
}

fn is_named(entry: &Descriptor) -> bool {
    let annotations = entry.annotations().as_ref();
    annotations.is_some_and(|all| all.contains_key(spec::ANNOTATION_REF_NAME))
}
