//! What is about a manifest (OCI distribution specification 1.1, "Listing Referrers" and "Pushing
//! Manifests with Subject"): asked of the registry, or kept under a tag where it has no list itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use distil_net::{Method, NetError, StatusCode};
use distil_store::Digest;
use serde_json::{Value, json};

use super::client::{Action, Client};
use super::error::RegistryError;
use super::pull;
use super::push::put;
use super::registries::Registries;
use crate::blob::DescribedBlob;
use crate::canonical;
use crate::descriptor;
use crate::document_error::DocumentError;
use crate::index::Manifest;
use crate::invalid::InvalidImage;
use crate::reader::{MAX_DOCUMENT, MAX_ENTRIES};
use crate::reference::Repository;
use crate::spec::{self, MediaType};

/// The most pages of a list that are asked for.
const MAX_PAGES: usize = 64;

/// How deep what is about something is looked at: a signature of an SBOM of an image is 2.
const MAX_DEPTH: usize = 4;

/// All that is about manifests, and about what is about them, in a repository. What is about
/// something comes after that.
pub(crate) fn of(
    repository: &Repository,
    subjects: impl IntoIterator<Item = Digest>,
    registries: &Registries,
) -> Result<Vec<Manifest>, RegistryError> {
    let credentials = registries.credentials(repository)?;
    let client = Client::new(registries, repository, credentials, Action::Pull)?;
    let client = Arc::new(client);
    let mut asked: BTreeSet<Digest> = BTreeSet::new();
    let mut next: Vec<Digest> = subjects.into_iter().collect();
    let mut found = Vec::new();
    for _ in 0..MAX_DEPTH {
        let subjects = std::mem::take(&mut next);
        for subject in subjects.into_iter().filter(|one| asked.insert(*one)) {
            for entry in list(&client, subject)? {
                let Some(digest) = descriptor::sha256(&entry) else {
                    continue;
                };
                next.push(digest);
                found.push(pull::by_descriptor(&client, &entry)?);
            }
            if found.len() > MAX_ENTRIES {
                return Err(DocumentError::TooManyEntries {
                    index: format!("the list of what is about images in `{repository}`"),
                    limit: MAX_ENTRIES,
                }
                .into());
            }
        }
    }
    Ok(found)
}

/// An entry of a list, and what it leads to.
type Entry = (spec::Descriptor, Result<Manifest, RegistryError>);

/// What is about one manifest: each with the descriptor that the list has of it, and read, or why it
/// cannot be. Anybody who may write to a repository may add what is broken.
pub(crate) fn to(
    repository: &Repository,
    subject: Digest,
    registries: &Registries,
) -> Result<Vec<Entry>, RegistryError> {
    let credentials = registries.credentials(repository)?;
    let client = Client::new(registries, repository, credentials, Action::Pull)?;
    let client = Arc::new(client);
    let entries = list(&client, subject)?;
    if entries.len() > MAX_ENTRIES {
        return Err(DocumentError::TooManyEntries {
            index: format!("the list of what is about `{subject}` in `{repository}`"),
            limit: MAX_ENTRIES,
        }
        .into());
    }
    let read = |entry: spec::Descriptor| {
        let manifest = pull::by_descriptor(&client, &entry);
        (entry, manifest)
    };
    Ok(entries.into_iter().map(read).collect())
}

/// The descriptors of what is about a manifest.
fn list(client: &Client, subject: Digest) -> Result<Vec<spec::Descriptor>, RegistryError> {
    let what = format!("the referrers of `{subject}`");
    let mut entries = Vec::new();
    let mut url = client.url(&format!("referrers/{subject}"));
    for page in 0..MAX_PAGES {
        let request = client
            .request(Method::Get, url.clone())
            .header("accept", MediaType::ImageIndex.as_ref());
        let response = match client.send_for(request, MAX_DOCUMENT) {
            Ok(response) => response,
            // A registry without such lists; some say so by another status.
            Err(NetError::Status { status, .. })
                if page == 0 && status.is_client_error() && status != StatusCode::FORBIDDEN =>
            {
                return Ok(fallback(client, subject)?.map_or_else(Vec::new, |(list, _)| list));
            }
            Err(error) => return Err(client.failed(&what, error)),
        };
        let next = response.header("link").and_then(next_page);
        let next = next.and_then(|next| response.url().join(next).ok());
        let index = parse(&what, response.body())?;
        entries.extend(index.manifests().iter().cloned());
        match next.filter(|next| next.origin() == url.origin()) {
            Some(next) if entries.len() <= MAX_ENTRIES => url = next,
            _ => break,
        }
    }
    Ok(entries)
}

/// The target of a `Link` to the next page (RFC 8288).
fn next_page(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.replace(' ', "").contains(r#"rel="next""#)
        || parameters.replace(' ', "").contains("rel=next");
    is_next.then_some(target)
}

fn parse(what: &str, bytes: &[u8]) -> Result<spec::ImageIndex, RegistryError> {
    Ok(crate::reader::parse_index(what, bytes)?)
}

/// The tag that stands for the list of what is about a manifest ("Referrers Tag Schema").
fn tag(subject: Digest) -> String {
    format!("sha256-{}", subject.hex())
}

/// The list under a tag: its entries, and the whole document.
fn fallback(
    client: &Client,
    subject: Digest,
) -> Result<Option<(Vec<spec::Descriptor>, Value)>, RegistryError> {
    let what = format!("the referrers of `{subject}`");
    let url = client.url(&format!("manifests/{}", tag(subject)));
    let request = client
        .request(Method::Get, url)
        .header("accept", MediaType::ImageIndex.as_ref());
    match client.send_for(request, MAX_DOCUMENT) {
        Ok(response) => {
            let index = parse(&what, response.body())?;
            let whole = serde_json::from_slice(response.body()).unwrap_or_else(|_| json!({}));
            Ok(Some((index.manifests().clone(), whole)))
        }
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(client.failed(&what, error)),
    }
}

/// How often a list is put again that somebody else has overwritten.
const MAX_ATTEMPTS: u32 = 24;

/// Notes in the list under the subject's tag what a manifest is about, since the registry keeps no
/// list itself. Nothing is done for a manifest that is about nothing.
///
/// A registry knows no way to replace a tag only if nobody else has. Of two that read a list, add to
/// it and put it, the first one's entry is lost. So what was put is looked at again after a pause,
/// and put again beside the others' if it is gone: whoever comes last sees all.
pub(super) fn note(client: &Client, document: &DescribedBlob) -> Result<(), RegistryError> {
    let digest = document.digest();
    let bytes = document
        .read(MAX_DOCUMENT)
        .map_err(|source| DocumentError::Blob { digest, source })?;
    let Ok(Value::Object(manifest)) = serde_json::from_slice(&bytes) else {
        return Ok(());
    };
    let subject = manifest.get("subject").and_then(|one| one.get("digest"));
    let Some(subject) = subject.and_then(|subject| subject.as_str()?.parse::<Digest>().ok()) else {
        return Ok(());
    };
    let entry = entry(document, &manifest);
    for attempt in 0..MAX_ATTEMPTS {
        let (entries, list) = match fallback(client, subject)? {
            Some(found) => found,
            None => (Vec::new(), json!({})),
        };
        if entries
            .iter()
            .any(|one| descriptor::sha256(one) == Some(digest))
        {
            return Ok(());
        }
        let bytes = canonical::to_json(&with_entry(list, entry.clone()));
        let bytes = bytes.map_err(|error| DocumentError::Image(InvalidImage::Json(error)))?;
        let list = DescribedBlob::of_bytes(MediaType::ImageIndex, bytes);
        put(client, &list, &tag(subject))?;
        std::thread::sleep(pause(digest, attempt));
    }
    Err(RegistryError::Lies {
        host: client.host().to_owned(),
        what: format!(
            "does not keep what is put under the tag `{}`, or others overwrite it all the time",
            tag(subject)
        ),
    })
}

/// A pause before a list is looked at again, longer from one attempt to the next, and another one
/// for each manifest: two that wait equally long would overwrite one another again.
fn pause(digest: Digest, attempt: u32) -> Duration {
    let bytes = digest.as_bytes();
    let own = bytes[attempt as usize % bytes.len()];
    Duration::from_millis(40 + u64::from(own) * u64::from(attempt + 1) / 4)
}

/// The entry of a list for a manifest (OCI image specification, "Image Index", `manifests`).
fn entry(document: &DescribedBlob, manifest: &serde_json::Map<String, Value>) -> Value {
    let config_type = manifest.get("config").and_then(|one| one.get("mediaType"));
    let artifact_type = manifest.get("artifactType").or(config_type);
    let mut entry = json!({
        "mediaType": document.descriptor().media_type().as_ref(),
        "digest": document.digest().to_string(),
        "size": document.size(),
    });
    for (key, value) in [
        ("artifactType", artifact_type),
        ("annotations", manifest.get("annotations")),
    ] {
        if let (Some(value), Some(entry)) = (value, entry.as_object_mut()) {
            entry.insert(key.to_owned(), value.clone());
        }
    }
    entry
}

/// A list with one more entry; what else it has stays.
fn with_entry(mut list: Value, entry: Value) -> Value {
    list["schemaVersion"] = json!(2);
    list["mediaType"] = json!(MediaType::ImageIndex.as_ref());
    match list.get_mut("manifests").and_then(Value::as_array_mut) {
        Some(entries) => entries.push(entry),
        None => list["manifests"] = json!([entry]),
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_next_page() {
        assert_eq!(next_page(r#"</v2/a?n=1>; rel="next""#), Some("/v2/a?n=1"));
        assert_eq!(next_page("<x>;rel=next"), Some("x"));
        assert_eq!(next_page(r#"<x>; rel="prev""#), None);
        assert_eq!(next_page("x; rel=next"), None);
    }
}
