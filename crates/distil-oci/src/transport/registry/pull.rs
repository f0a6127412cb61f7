//! Reading from a registry (OCI distribution specification 1.1, "Pull").
//!
//! A manifest is compared with the digest that it was asked for by, or that the registry says it
//! has; blobs are compared as layers everywhere are. Credentials go to the registry and to the
//! server of tokens that it names, and nowhere that either redirects to; never without TLS, but for
//! this machine itself. `distil-net` sees to that, and to attempts that fail.

use std::io::{self, Read};
use std::sync::Arc;

use distil_net::credentials::Credentials;
use distil_store::Digest;

use super::client::{Action, Client};
use super::error::RegistryError;
use super::registries::Registries;
use crate::blob::{BlobSource, Blobs, BytesBlob, FoundBlob};
use crate::descriptor::{self, DOCKER_INDEX, DOCKER_MANIFEST, Kind};
use crate::index::Manifest;
use crate::reader::{self, MAX_DOCUMENT};
use crate::reference::RegistryReference;
use crate::spec::{Descriptor, MediaType};
use crate::transport::once::Once;

pub(super) const ACCEPT: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    DOCKER_INDEX,
    DOCKER_MANIFEST,
];

/// Reads what a name in a registry points to. Of an index nothing else is read yet.
pub(crate) fn open(
    reference: &RegistryReference,
    registries: &Registries,
) -> Result<Manifest, RegistryError> {
    let credentials = registries.credentials(reference.repository())?;
    open_as(registries, reference, credentials)
}

pub(super) fn open_as(
    registries: &Registries,
    reference: &RegistryReference,
    credentials: Option<Credentials>,
) -> Result<Manifest, RegistryError> {
    let repository = reference.repository();
    let client = Arc::new(Client::new(
        registries,
        repository,
        credentials,
        Action::Pull,
    )?);
    let wanted = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => digest.to_string(),
        (None, tag) => tag.unwrap_or("latest").to_owned(),
    };
    let path = format!("manifests/{wanted}");
    let what = format!("`{reference}`");
    let response = client.document(&path, &what, &ACCEPT.join(", "), MAX_DOCUMENT)?;
    let lies = |what: String| RegistryError::Lies {
        host: client.host().to_owned(),
        what,
    };
    let header = |name: &str| response.header(name).map(str::to_owned);
    let (announced, content_type) = (header("docker-content-digest"), header("content-type"));
    let bytes = response.into_body();
    let digest = Digest::of(&bytes);
    if let Some(wanted) = reference.digest()
        && wanted != digest
    {
        let what = format!("sent a manifest with the digest `{digest}` for `{wanted}`");
        return Err(lies(what));
    }
    if let Some(announced) = announced.and_then(|text| text.parse::<Digest>().ok())
        && announced != digest
    {
        let what =
            format!("sent a manifest with the digest `{digest}` and said that it is `{announced}`");
        return Err(lies(what));
    }
    let media_type = media_type(&bytes, content_type.as_deref());
    let media_type =
        media_type.ok_or_else(|| lies("sent a manifest without a media type".to_owned()))?;
    let descriptor = descriptor::descriptor(media_type, digest, bytes.len() as u64);
    let remote = Remote {
        client,
        top: Some((digest, bytes.into())),
    };
    // Each blob is fetched once, however often it is read.
    Ok(reader::open(Arc::new(Once::new(remote)), &descriptor)?)
}

/// Reads what a descriptor in a list of the repository points to.
pub(super) fn by_descriptor(
    client: &Arc<Client>,
    descriptor: &Descriptor,
) -> Result<Manifest, RegistryError> {
    let remote = Remote {
        client: Arc::clone(client),
        top: None,
    };
    Ok(reader::open(Arc::new(Once::new(remote)), descriptor)?)
}

/// The media type that a document says it has, or else its sender.
fn media_type(bytes: &[u8], content_type: Option<&str>) -> Option<MediaType> {
    #[derive(serde::Deserialize)]
    struct Typed {
        #[serde(rename = "mediaType")]
        media_type: Option<String>,
    }
    let typed: Option<Typed> = serde_json::from_slice(bytes).ok();
    let own = typed.and_then(|typed| typed.media_type);
    let sent = content_type
        .and_then(|text| text.split(';').next())
        .map(|text| text.trim().to_owned());
    own.or(sent).map(|text| MediaType::from(text.as_str()))
}

/// What the registry has of one repository.
struct Remote {
    client: Arc<Client>,
    /// The manifest that was asked for by its name, and is known.
    top: Option<(Digest, Arc<[u8]>)>,
}

impl Blobs for Remote {
    fn find(&self, digest: Digest, descriptor: &Descriptor) -> io::Result<Option<FoundBlob>> {
        if let Some((known, bytes)) = &self.top
            && digest == *known
        {
            let bytes = Arc::clone(bytes);
            return Ok(Some(FoundBlob {
                size: bytes.len() as u64,
                source: Arc::new(BytesBlob(bytes)),
            }));
        }
        let is_document = descriptor::kind(descriptor) != Kind::Other;
        let kind = if is_document { "manifests" } else { "blobs" };
        let source = RemoteBlob {
            client: Arc::clone(&self.client),
            path: format!("{kind}/{digest}"),
            accept: if is_document {
                descriptor.media_type().to_string()
            } else {
                "*/*".to_owned()
            },
            size: descriptor.size(),
        };
        Ok(Some(FoundBlob {
            size: descriptor.size(),
            source: Arc::new(source),
        }))
    }
}

/// A blob in a registry.
struct RemoteBlob {
    client: Arc<Client>,
    path: String,
    accept: String,
    size: u64,
}

impl BlobSource for RemoteBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let stream = self.client.blob(&self.path, &self.accept, self.size);
        Ok(Box::new(stream.map_err(io::Error::other)?))
    }
}
