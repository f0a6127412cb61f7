//! Writing to a registry (OCI distribution specification 1.1, "Push").
//!
//! First the blobs, several at once; then the manifests by their digests, what others refer to before
//! those; then what is attached; and the tags last. So a tag leads to the old image or to the whole
//! new one, whatever fails and whoever else pushes.

use std::num::NonZeroUsize;

use distil_net::{Body, Method, NetError, Response, StatusCode};
use distil_store::{Digest, parallel};

use super::client::{Action, Client};
use super::error::RegistryError;
use super::referrers;
use super::registries::Registries;
use super::upload::upload;
use crate::blob::DescribedBlob;
use crate::index::{Contents, Manifest};
use crate::reader::MAX_DOCUMENT;
use crate::reference::{RegistryReference, Repository};
use crate::transport::progress::Progress;

/// What is written to a registry, beside the manifest.
pub(crate) struct Push<'a> {
    pub(crate) registries: &'a Registries,
    /// The tags that are to lead to it.
    pub(crate) tags: &'a [&'a str],
    /// What is about it, or about what it refers to.
    pub(crate) referrers: &'a [Manifest],
    /// Repositories that may have its blobs.
    pub(crate) mounts: &'a [Repository],
    pub(crate) progress: &'a dyn Progress,
}

impl Push<'_> {
    /// Writes a manifest, and all that it refers to.
    pub(crate) fn write(
        &self,
        manifest: &Manifest,
        reference: &RegistryReference,
    ) -> Result<(), RegistryError> {
        if let Some(wanted) = reference.digest()
            && wanted != manifest.digest()
        {
            return Err(RegistryError::OtherDigest {
                wanted,
                found: manifest.digest(),
            });
        }
        let mut contents = manifest.contents()?;
        for referrer in self.referrers {
            contents.extend(referrer.contents()?);
        }
        let repository = reference.repository();
        let credentials = self.registries.credentials(repository)?;
        let client = Client::new(self.registries, repository, credentials, Action::Push)?;
        self.send_blobs(&client, &contents, repository)?;
        for document in &contents.manifests {
            let digest = document.digest().to_string();
            let response = put(&client, document, &digest)?;
            if response.header("oci-subject").is_none() {
                referrers::note(&client, document)?;
            }
        }
        self.put_tags(&client, manifest)
    }

    /// Lets the tags lead to a manifest that is there.
    pub(crate) fn tag(
        &self,
        manifest: &Manifest,
        repository: &Repository,
    ) -> Result<(), RegistryError> {
        if self.tags.is_empty() {
            return Ok(());
        }
        let credentials = self.registries.credentials(repository)?;
        let client = Client::new(self.registries, repository, credentials, Action::Push)?;
        self.put_tags(&client, manifest)
    }

    fn put_tags(&self, client: &Client, manifest: &Manifest) -> Result<(), RegistryError> {
        let document = manifest.blob();
        for tag in self.tags {
            let is_there = tagged(client, tag)? == Some(manifest.digest());
            // Where tags cannot be changed, not even the same may be put again.
            if !is_there {
                put(client, &document, tag)?;
            }
            self.progress.tagged(tag, !is_there);
        }
        Ok(())
    }

    fn send_blobs(
        &self,
        client: &Client,
        contents: &Contents,
        repository: &Repository,
    ) -> Result<(), RegistryError> {
        let is_source =
            |one: &&Repository| one.host() == repository.host() && one.path() != repository.path();
        let mounts = self.mounts.iter().filter(is_source);
        let mounts: Vec<String> = mounts.map(|one| one.path().to_owned()).collect();
        let mut blobs: Vec<&DescribedBlob> = contents.blobs.values().collect();
        blobs.sort_by_key(|blob| (std::cmp::Reverse(blob.size()), blob.digest()));
        let bytes = blobs.iter().map(|blob| blob.size()).sum();
        self.progress.planned(blobs.len(), bytes);
        let threads = NonZeroUsize::new(client.connections()).unwrap_or(NonZeroUsize::MIN);
        parallel::try_map(&blobs, threads, |blob| {
            let way = upload(client, blob, &mounts)?;
            self.progress.sent(blob.size(), way);
            Ok::<_, RegistryError>(())
        })?;
        Ok(())
    }
}

/// Puts a manifest under a tag, or its digest.
pub(super) fn put(
    client: &Client,
    document: &DescribedBlob,
    name: &str,
) -> Result<Response, RegistryError> {
    let digest = document.digest();
    let what = format!("the manifest `{name}`");
    let bytes = document
        .read(MAX_DOCUMENT)
        .map_err(|source| crate::document_error::DocumentError::Blob { digest, source })?;
    let request = client
        .request(Method::Put, client.url(&format!("manifests/{name}")))
        .header("content-type", document.descriptor().media_type().as_ref())
        .body(Body::of_bytes(bytes));
    let response = client
        .send(request)
        .map_err(|error| client.rejected(&what, None, error))?;
    let said = response.header("docker-content-digest");
    let said = said.and_then(|said| said.parse::<Digest>().ok());
    match (response.status(), said) {
        (_, Some(said)) if said != digest => Err(client.lies(format!(
            "calls the manifest `{digest}` by the digest `{said}`"
        ))),
        (StatusCode::CREATED, _) | (_, Some(_)) => Ok(response),
        (status, None) => Err(client.unexpected(status, &what)),
    }
}

/// What a tag leads to, as far as the registry says it.
fn tagged(client: &Client, tag: &str) -> Result<Option<Digest>, RegistryError> {
    let request = client
        .request(Method::Head, client.url(&format!("manifests/{tag}")))
        .header("accept", super::pull::ACCEPT.join(", "));
    match client.send(request) {
        Ok(response) => {
            let said = response.header("docker-content-digest");
            Ok(said.and_then(|said| said.parse().ok()))
        }
        Err(error) if error.is_missing() => Ok(None),
        // Whoever may only write is told at the writing.
        Err(NetError::Status { .. } | NetError::Unauthorized { .. }) => Ok(None),
        Err(error) => Err(client.rejected(&format!("the manifest `{tag}`"), None, error)),
    }
}
