//! Answers: a short one to look at, a long one to read.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::error::NetError;
use crate::runtime::Shared;
use crate::transfer::{Piece, Transfer};
use crate::url::Url;

/// A whole answer, in memory.
#[derive(Debug)]
pub struct Response {
    pub(crate) status: StatusCode,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// HTTP's status: a success, or 304 to a conditional request.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Where it was in the end, after redirects.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The value of a header, if it is there and has only visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, without the rest.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

/// A body as it comes. A connection that breaks off is taken up again where it ended.
///
/// It does not count among a host's few downloads: whoever has two in one thread would wait for
/// themselves.
pub struct Stream {
    shared: Arc<Shared>,
    url: Url,
    transfer: Transfer,
    ready: Bytes,
    /// How many bytes were given to the reader.
    given: u64,
    /// How many bytes are to come that the reader has already, from a server that cannot go on.
    again: u64,
    has_ended: bool,
}

impl Stream {
    /// Begins a download, up to the first bytes.
    pub(crate) fn open(
        shared: Arc<Shared>,
        url: Url,
        transfer: Transfer,
    ) -> Result<Self, NetError> {
        let mut stream = Self {
            shared,
            url,
            transfer,
            ready: Bytes::new(),
            given: 0,
            again: 0,
            has_ended: false,
        };
        stream.advance()?;
        Ok(stream)
    }

    /// Waits for the next piece.
    fn advance(&mut self) -> Result<(), NetError> {
        let online = self.shared.online(&self.url)?;
        let next = self.transfer.next(&online.network);
        match online.runtime.block_on(next)? {
            Piece::Beginning => self.again = self.given,
            Piece::Bytes(mut bytes) => {
                let known = usize::try_from(self.again).unwrap_or(usize::MAX);
                let known = known.min(bytes.len());
                bytes.advance(known);
                self.again -= known as u64;
                self.ready = bytes;
            }
            Piece::End => self.has_ended = true,
        }
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() && !self.has_ended && !buffer.is_empty() {
            self.advance().map_err(io::Error::other)?;
        }
        let count = self.ready.len().min(buffer.len());
        if let Some(part) = buffer.get_mut(..count) {
            self.ready.copy_to_slice(part);
        }
        self.given += count as u64;
        Ok(count)
    }
}
