//! Registries, read (OCI distribution specification 1.1, "Pull").
//!
//! A manifest is compared with the digest that it was asked for by, or that the registry says it
//! has; blobs are compared as layers everywhere are. Credentials go to the registry and to the
//! server of tokens that it names, and nowhere that either redirects to; never without TLS, but for
//! this machine itself.

mod client;
mod credentials;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::sync::Arc;

use distil_store::Digest;

use self::client::Client;
use self::credentials::Credentials;
use crate::image::Content;
use crate::layer::{BlobSource, BytesBlob};
use crate::platform::Platform;
use crate::reference::RegistryReference;
use crate::spec::{Descriptor, MediaType};
use crate::transport::documents::{self, Blob, Blobs, Kind, MAX_DOCUMENT};
use crate::transport::error::Problem;

/// How often a download that broke off is taken up again.
const ATTEMPTS: u32 = 4;

const ACCEPT: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    documents::DOCKER_INDEX,
    documents::DOCKER_MANIFEST,
];

/// Reads an image or an index; of an index only the image for `platform`, if one is given.
pub(crate) fn open(
    reference: &RegistryReference,
    platform: Option<&Platform>,
) -> Result<Content, Problem> {
    open_as(
        reference,
        platform,
        credentials::find(reference.repository())?,
    )
}

fn open_as(
    reference: &RegistryReference,
    platform: Option<&Platform>,
    credentials: Option<Credentials>,
) -> Result<Content, Problem> {
    let client = Arc::new(Client::new(reference.repository(), credentials)?);
    let wanted = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => digest.to_string(),
        (None, tag) => tag.unwrap_or("latest").to_owned(),
    };
    let path = format!("manifests/{wanted}");
    let what = format!("`{reference}`");
    let response = client.get(&path, &what, &ACCEPT.join(", "), 0)?;
    let lies = |what: String| Problem::RegistryLies {
        host: client.host().to_owned(),
        what,
    };
    let header = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let (announced, content_type) = (header("docker-content-digest"), header("content-type"));
    let mut bytes = Vec::new();
    let read = response.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes);
    read.map_err(|source| Problem::Registry {
        host: client.host().to_owned(),
        source: source.into(),
    })?;
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Err(Problem::TooLarge {
            what: format!("the manifest of {what}"),
            limit: MAX_DOCUMENT,
        });
    }
    let digest = Digest::of(&bytes);
    if let Some(wanted) = reference.digest()
        && wanted != digest
    {
        return Err(lies(format!(
            "sent a manifest with the digest `{digest}` for `{wanted}`"
        )));
    }
    if let Some(announced) = announced.and_then(|text| text.parse::<Digest>().ok())
        && announced != digest
    {
        return Err(lies(format!(
            "sent a manifest with the digest `{digest}` and said that it is `{announced}`"
        )));
    }
    let media_type = media_type(&bytes, content_type.as_deref());
    let media_type =
        media_type.ok_or_else(|| lies("sent a manifest without a media type".to_owned()))?;
    let descriptor = crate::layer::descriptor(media_type, digest, bytes.len() as u64);
    let remote = Remote {
        client,
        top: (digest, bytes.into()),
        platform,
    };
    documents::content(&remote, &descriptor)
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
struct Remote<'a> {
    client: Arc<Client>,
    top: (Digest, Arc<[u8]>),
    platform: Option<&'a Platform>,
}

impl Blobs for Remote<'_> {
    fn find(&self, digest: Digest, descriptor: &Descriptor) -> Result<Option<Blob>, Problem> {
        if digest == self.top.0 {
            let bytes = Arc::clone(&self.top.1);
            return Ok(Some(Blob {
                size: bytes.len() as u64,
                source: Arc::new(BytesBlob(bytes)),
            }));
        }
        let is_document = documents::kind(descriptor) != Kind::Other;
        if let (Some(wanted), Some(platform)) = (self.platform, descriptor.platform()) {
            let variant = platform.variant().as_deref();
            let (os, architecture) = (
                platform.os().to_string(),
                platform.architecture().to_string(),
            );
            if Platform::new(&os, &architecture, variant) != *wanted {
                return Ok(None);
            }
        }
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
        Ok(Some(Blob {
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
        let mut reader = RemoteReader {
            client: Arc::clone(&self.client),
            path: self.path.clone(),
            accept: self.accept.clone(),
            size: self.size,
            response: None,
            at: 0,
            attempts: 0,
        };
        reader.connect()?;
        Ok(Box::new(reader))
    }
}

/// Reads a blob, and takes it up again where the connection broke off.
struct RemoteReader {
    client: Arc<Client>,
    path: String,
    accept: String,
    size: u64,
    response: Option<reqwest::blocking::Response>,
    at: u64,
    attempts: u32,
}

impl RemoteReader {
    fn connect(&mut self) -> io::Result<()> {
        self.attempts += 1;
        let what = format!("`{}`", self.path);
        let response = self.client.get(&self.path, &what, &self.accept, self.at);
        self.response = Some(response.map_err(io::Error::other)?);
        Ok(())
    }
}

impl Read for RemoteReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(response) = &mut self.response else {
                return Ok(0);
            };
            let result = response.read(buffer);
            let is_short = matches!(result, Ok(0)) && self.at < self.size && !buffer.is_empty();
            match result {
                Ok(count) if !is_short => {
                    self.at += count as u64;
                    return Ok(count);
                }
                result if self.attempts >= ATTEMPTS => return result,
                _ => self.connect()?,
            }
        }
    }
}
