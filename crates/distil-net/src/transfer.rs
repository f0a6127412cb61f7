//! A download that is taken up again where it broke off (RFC 9110 §14).

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LAST_MODIFIED, RANGE,
};

use crate::error::NetError;
use crate::exchange::{Answer, exchange};
use crate::network::Network;
use crate::patience::Patience;
use crate::rate::Meter;
use crate::request::Request;

/// What comes of a download, one after another.
pub(crate) enum Piece {
    /// What follows is from the first byte on.
    Beginning,
    /// The next bytes.
    Bytes(Bytes),
    /// There are no more.
    End,
}

/// What tells that a server still has the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Validator {
    etag: Option<String>,
    modified: Option<String>,
}

impl Validator {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.to_owned());
        Self {
            // A weak one does not vouch for every byte (RFC 9110 §13.1.5).
            etag: text(ETAG).filter(|tag| !tag.starts_with("W/")),
            modified: text(LAST_MODIFIED),
        }
    }

    fn value(&self) -> Option<&str> {
        self.etag.as_deref().or(self.modified.as_deref())
    }
}

/// A download under way.
pub(crate) struct Transfer {
    request: Request,
    /// How many bytes there are to be, where an answer does not say.
    size: Option<u64>,
    /// How many bytes came.
    at: u64,
    /// How many had come when attempts were last counted anew.
    furthest: u64,
    validator: Validator,
    receiving: Option<Receiving>,
    patience: Patience,
    is_verified: bool,
}

/// An answer whose body comes.
struct Receiving {
    answer: Answer,
    meter: Meter,
    /// Where it ends.
    end: Option<u64>,
}

impl Transfer {
    /// A download of so many bytes, where that is known. One that `is_verified` afterwards is taken up
    /// again from a server, too, that has nothing to tell by that it is still the same.
    pub(crate) fn new(
        request: &Request,
        size: Option<u64>,
        is_verified: bool,
        patience: Patience,
    ) -> Self {
        Self {
            request: request.clone(),
            size,
            at: 0,
            furthest: 0,
            validator: Validator::default(),
            receiving: None,
            patience,
            is_verified,
        }
    }

    /// What comes next, after as many attempts as there are.
    pub(crate) async fn next(&mut self, network: &Network) -> Result<Piece, NetError> {
        loop {
            let error = match self.attempt(network).await {
                Ok(piece) => return Ok(piece),
                Err(error) => error,
            };
            self.receiving = None;
            self.patience
                .note_progress(self.at.saturating_sub(self.furthest));
            self.furthest = self.furthest.max(self.at);
            match self.patience.after(&error) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    async fn attempt(&mut self, network: &Network) -> Result<Piece, NetError> {
        let receiving = match &mut self.receiving {
            Some(receiving) => receiving,
            None => {
                let answer = exchange(network, &self.request, self.rest()).await?;
                let goes_on = self.is_continued_by(&answer);
                if !goes_on {
                    self.at = 0;
                    self.validator = Validator::of(answer.response.headers());
                }
                if !goes_on && answer.response.status() == StatusCode::PARTIAL_CONTENT {
                    // The next attempt asks for all of it.
                    let wrong = "the server sent another part than the one that was asked for";
                    return Err(network.failed(&answer.url, wrong));
                }
                let receiving = self.receiving.insert(Receiving {
                    end: length(&answer).map(|length| self.at + length).or(self.size),
                    answer,
                    meter: network.meter(),
                });
                if !goes_on {
                    return Ok(Piece::Beginning);
                }
                receiving
            }
        };
        let Receiving { answer, meter, end } = receiving;
        match network
            .chunk(&answer.url, &mut answer.response, meter)
            .await?
        {
            Some(bytes) => {
                self.at += bytes.len() as u64;
                Ok(Piece::Bytes(bytes))
            }
            None if end.is_some_and(|end| self.at < end) => {
                Err(network.failed(&answer.url, "the connection ended early"))
            }
            None => Ok(Piece::End),
        }
    }

    /// The headers that ask for what is missing, if it is still the same.
    fn rest(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.at == 0 {
            return headers;
        }
        let validator = self.validator.value().and_then(|value| value.parse().ok());
        let Ok(range) = format!("bytes={}-", self.at).parse() else {
            return headers;
        };
        // Without a validator bytes of something else could be joined; a digest tells, but only after
        // the whole download.
        match validator {
            Some(validator) => {
                headers.insert(IF_RANGE, validator);
                headers.insert(RANGE, range);
            }
            None if self.is_verified => {
                headers.insert(RANGE, range);
            }
            None => {}
        }
        headers
    }

    /// Whether the answer begins where this ends.
    fn is_continued_by(&self, answer: &Answer) -> bool {
        let start = format!("bytes {}-", self.at);
        let range = answer.response.headers().get(CONTENT_RANGE);
        let range = range.and_then(|range| range.to_str().ok());
        self.at > 0
            && answer.response.status() == StatusCode::PARTIAL_CONTENT
            && range.is_some_and(|range| range.starts_with(&start))
    }
}

fn length(answer: &Answer) -> Option<u64> {
    let length = answer.response.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}
