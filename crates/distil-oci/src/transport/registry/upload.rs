//! One blob into a repository (OCI distribution specification 1.1, "Pushing Blobs").
//!
//! A blob that is there is not sent, and one that another repository has is mounted where the
//! registry does that. Else it goes in one `PUT`; in chunks to a registry that asks for them, or
//! finds the whole too large. What broke off goes on at the offset that the registry names, or from
//! the beginning where it names none.

use std::sync::Arc;
use std::thread;

use distil_net::{Body, Method, NetError, Patience, Response, StatusCode, Url};
use distil_store::Digest;

use super::client::Client;
use super::error::RegistryError;
use super::source::Source;
use crate::blob::DescribedBlob;
use crate::transport::progress::Way;

/// The chunks of a registry that asks for some, unless it asks for larger ones.
const CHUNK: u64 = 16 << 20;

/// The chunks where a whole blob is too large, often for a proxy before the registry: the most that
/// nginx takes where nobody set it up (`client_max_body_size`).
const SMALL_CHUNK: u64 = 1 << 20;

/// How often an upload that the registry knows nothing of any more is begun anew.
const MAX_RESTARTS: u32 = 3;

/// Brings a blob into the repository, from one of the repositories `mounts` of the same registry if
/// one has it. Says how it got there.
pub(super) fn upload(
    client: &Client,
    blob: &DescribedBlob,
    mounts: &[String],
) -> Result<Way, RegistryError> {
    if is_present(client, blob)? {
        return Ok(Way::Present);
    }
    let mut begun = match begin(client, blob, mounts)? {
        Begun::Mounted => return Ok(Way::Mounted),
        Begun::Upload(upload) => Some(upload),
    };
    let source = Source::new(blob.clone());
    let mut waiting = Waiting {
        patience: client.attempts(),
        restarts: 0,
        furthest: 0,
    };
    let mut limit = None;
    loop {
        let mut upload = match begun.take() {
            Some(upload) => upload,
            // The answer to the last request may be what was lost.
            None if is_present(client, blob)? => return Ok(Way::Uploaded),
            None => match begin(client, blob, &[])? {
                Begun::Mounted => return Ok(Way::Mounted),
                Begun::Upload(upload) => upload,
            },
        };
        upload.limit_chunks(limit);
        let error = match upload.run(client, blob, &source) {
            Ok(()) => return Ok(Way::Uploaded),
            Err(Failure::Lasting(error)) => return Err(error),
            Err(Failure::Net(error)) => error,
        };
        let is_too_large = status(&error) == Some(StatusCode::PAYLOAD_TOO_LARGE);
        if is_too_large && limit.is_none() && blob.size() > SMALL_CHUNK {
            limit = Some(SMALL_CHUNK);
            continue;
        }
        if !waiting.after(&error, upload.offset) {
            return Err(failed(client, blob, error));
        }
        begun = upload.taken_up(client);
    }
}

/// How often a broken upload is tried again.
struct Waiting {
    patience: Patience,
    restarts: u32,
    furthest: u64,
}

impl Waiting {
    /// Waits until the next attempt; there is to be none if not.
    fn after(&mut self, error: &NetError, offset: u64) -> bool {
        let is_lost = matches!(
            status(error),
            Some(StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE)
        );
        if is_lost && self.restarts < MAX_RESTARTS {
            self.restarts += 1;
            return true;
        }
        self.patience
            .note_progress(offset.saturating_sub(self.furthest));
        self.furthest = self.furthest.max(offset);
        match self.patience.after(error) {
            Some(wait) => {
                thread::sleep(wait);
                true
            }
            None => false,
        }
    }
}

/// Whether the repository has a blob.
pub(super) fn is_present(client: &Client, blob: &DescribedBlob) -> Result<bool, RegistryError> {
    let digest = blob.digest();
    let url = client.url(&format!("blobs/{digest}"));
    let response = match client.send(client.request(Method::Head, url)) {
        Ok(response) => response,
        Err(error) if error.is_missing() => return Ok(false),
        Err(error) => return Err(failed(client, blob, error)),
    };
    check_digest(client, &response, digest)?;
    // A page that a server shows for whatever it is asked is no blob.
    let size = response.header("content-length");
    let size = size.and_then(|size| size.parse::<u64>().ok());
    Ok(response.status() == StatusCode::OK && size.is_none_or(|size| size == blob.size()))
}

/// What came of asking for an upload.
enum Begun {
    Mounted,
    Upload(Upload),
}

/// Asks for an upload of a blob, or for one that is elsewhere in the registry.
fn begin(client: &Client, blob: &DescribedBlob, mounts: &[String]) -> Result<Begun, RegistryError> {
    let digest = blob.digest().to_string();
    let uploads = client.url("blobs/uploads/");
    let post = |url: Url| client.request(Method::Post, url).body(Body::of_bytes([]));
    for from in mounts {
        let url = uploads.with_query([("mount", digest.as_str()), ("from", from.as_str())]);
        match client.send(post(url)) {
            Ok(response) if response.status() == StatusCode::CREATED => return Ok(Begun::Mounted),
            Ok(response) if response.status() == StatusCode::ACCEPTED => {
                return Upload::of(client, &response).map(Begun::Upload);
            }
            // A refusal to mount says nothing of uploads.
            Ok(_) | Err(NetError::Status { .. } | NetError::Unauthorized { .. }) => {}
            Err(error) => return Err(failed(client, blob, error)),
        }
    }
    let response = client
        .send(post(uploads))
        .map_err(|error| failed(client, blob, error))?;
    match response.status() {
        StatusCode::ACCEPTED => Upload::of(client, &response).map(Begun::Upload),
        status => Err(client.unexpected(status, &what(blob))),
    }
}

/// Why an upload did not get to its end.
enum Failure {
    /// A request failed; another attempt may not.
    Net(NetError),
    /// No attempt makes it better.
    Lasting(RegistryError),
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Lasting(error)
    }
}

/// An upload under way.
struct Upload {
    /// Where the next request goes.
    address: Url,
    /// How many bytes the registry has.
    offset: u64,
    /// How large chunks are; none to send all at once.
    chunk: Option<u64>,
    /// The least size of a chunk, but for the last.
    least: u64,
}

impl Upload {
    /// The upload that a registry accepted.
    fn of(client: &Client, response: &Response) -> Result<Self, RegistryError> {
        let least = response.header("oci-chunk-min-length");
        let least = least.and_then(|least| least.trim().parse::<u64>().ok());
        Ok(Self {
            address: client
                .upload_address(response)?
                .ok_or_else(|| client.lies("accepted an upload and did not say where it goes"))?,
            offset: 0,
            chunk: least
                .filter(|least| *least > 0)
                .map(|least| least.max(CHUNK)),
            least: least.unwrap_or_default(),
        })
    }

    /// Chunks of this many bytes, if they are large enough for the registry.
    fn limit_chunks(&mut self, limit: Option<u64>) {
        if let Some(limit) = limit {
            self.chunk = Some(limit.max(self.least));
        }
    }

    /// Sends what the registry does not have, and says that it is all.
    fn run(
        &mut self,
        client: &Client,
        blob: &DescribedBlob,
        source: &Arc<Source>,
    ) -> Result<(), Failure> {
        let size = blob.size();
        if self.offset == 0 && self.chunk.is_none_or(|chunk| size <= chunk) {
            return self.finish(client, blob, source.body(0, size));
        }
        while self.offset < size {
            let rest = size - self.offset;
            let length = self.chunk.map_or(rest, |chunk| chunk.min(rest));
            let last = self.offset + length - 1;
            let request = client
                .request(Method::Patch, self.address.clone())
                .header("content-type", "application/octet-stream")
                .header("content-range", format!("{}-{last}", self.offset))
                .body(source.body(self.offset, length))
                .attempts(1);
            // Some registries answer 201 and not 202.
            let response = client.send(request).map_err(Failure::Net)?;
            self.advance(client, &response, length)?;
        }
        self.finish(client, blob, Body::of_bytes([]))
    }

    /// Sends the last bytes, and the digest.
    fn finish(&self, client: &Client, blob: &DescribedBlob, body: Body) -> Result<(), Failure> {
        let digest = blob.digest();
        let url = self
            .address
            .with_query([("digest", digest.to_string().as_str())]);
        let request = client
            .request(Method::Put, url)
            .header("content-type", "application/octet-stream")
            .body(body)
            .attempts(1);
        let response = client.send(request).map_err(Failure::Net)?;
        check_digest(client, &response, digest)?;
        match response.status() {
            StatusCode::CREATED => Ok(()),
            _ if is_present(client, blob)? => Ok(()),
            status => Err(client.unexpected(status, &what(blob)).into()),
        }
    }

    /// A chunk was taken, or a part of it.
    fn advance(
        &mut self,
        client: &Client,
        response: &Response,
        length: u64,
    ) -> Result<(), RegistryError> {
        let sent = self.offset + length;
        let offset = match received(response) {
            Some(Received::Bytes(offset)) => offset,
            // Of one byte, or of none.
            Some(Received::Zero) if sent == 1 => 1,
            Some(Received::Zero) => 0,
            None => sent,
        };
        if offset <= self.offset || offset > sent {
            let what = format!(
                "was sent an upload up to byte {sent}, and says that it has {offset} bytes of it"
            );
            return Err(client.lies(what));
        }
        self.offset = offset;
        if let Some(address) = client.upload_address(response)? {
            self.address = address;
        }
        Ok(())
    }

    /// The same upload as far as the registry has it; none if it does not say.
    fn taken_up(self, client: &Client) -> Option<Self> {
        let request = client
            .request(Method::Get, self.address.clone())
            .attempts(1);
        let response = client.send(request).ok()?;
        let offset = match received(&response)? {
            Received::Bytes(offset) => offset,
            Received::Zero => 0,
        };
        let address = client.upload_address(&response).ok()?;
        Some(Self {
            address: address.unwrap_or(self.address),
            offset,
            ..self
        })
    }
}

/// What a registry says that it has of an upload.
#[derive(Debug, PartialEq)]
enum Received {
    /// A number of bytes.
    Bytes(u64),
    /// `0-0`, which is one byte, or none where nothing was sent.
    Zero,
}

/// What an answer's `Range` says, which has the last byte: `0-1023`.
fn received(response: &Response) -> Option<Received> {
    parse_range(response.header("range")?)
}

fn parse_range(range: &str) -> Option<Received> {
    let range = range.trim();
    let range = range.strip_prefix("bytes=").unwrap_or(range);
    let last: u64 = range.strip_prefix("0-")?.parse().ok()?;
    Some(match last {
        0 => Received::Zero,
        last => Received::Bytes(last.checked_add(1)?),
    })
}

fn check_digest(
    client: &Client,
    response: &Response,
    expected: Digest,
) -> Result<(), RegistryError> {
    let said = response.header("docker-content-digest");
    match said.and_then(|said| said.parse::<Digest>().ok()) {
        Some(said) if said != expected => {
            Err(client.lies(format!("calls `{expected}` by the digest `{said}`")))
        }
        _ => Ok(()),
    }
}

fn what(blob: &DescribedBlob) -> String {
    format!("the upload of `{}`", blob.digest())
}

fn failed(client: &Client, blob: &DescribedBlob, error: NetError) -> RegistryError {
    client.rejected(&what(blob), Some(blob.digest()), error)
}

/// The status that an error is.
fn status(error: &NetError) -> Option<StatusCode> {
    match error {
        NetError::Status { status, .. } => Some(*status),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_name_the_last_byte() {
        assert_eq!(parse_range("0-1023"), Some(Received::Bytes(1024)));
        assert_eq!(parse_range("bytes=0-9"), Some(Received::Bytes(10)));
        assert_eq!(parse_range("0-0"), Some(Received::Zero));
        for other in ["", "0-", "1-2", "0-x", "0--1", "0-18446744073709551615"] {
            assert_eq!(parse_range(other), None, "{other}");
        }
    }
}
