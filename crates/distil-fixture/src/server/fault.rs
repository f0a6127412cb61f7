//! What a server does wrong, and when.

use std::time::Duration;

/// How often a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// At the first so many requests that it is due for.
    First(usize),
    /// At every request.
    Always,
}

/// What the server does instead of answering well. Numbers of bytes count the body alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status and these headers, and an empty body.
    Status(u16, Vec<(String, String)>),
    /// Reads the request and says nothing.
    HangBeforeHeaders,
    /// Sends the headers and so many bytes, and then nothing more.
    HangInBody(u64),
    /// Closes the connection without an answer.
    DropBeforeHeaders,
    /// Sends the headers and so many bytes, and closes the connection.
    DropInBody(u64),
    /// Says a `Content-Length` that is so many bytes too large (or too small), sends the whole
    /// body and closes the connection.
    ContentLength(i64),
    /// Sends no `Content-Length`; the end of the connection is the end of the body.
    NoContentLength,
    /// Sends the body in chunks (`Transfer-Encoding: chunked`).
    Chunked,
    /// Sends so many bytes at a time, with a pause after each.
    Trickle(usize, Duration),
    /// Answers 401 with this `WWW-Authenticate`, but for requests with this `Authorization`, to which
    /// it answers well.
    Guarded(String, String),
    /// Sends the client elsewhere: a status (301, 302, 307, 308) and a `Location`.
    Redirect(u16, String),
    /// Answers a `Range` with the whole file and status 200.
    IgnoreRange,
    /// Answers a `Range` with a 206 of another range than was asked for: so many bytes later.
    WrongRange(u64),
    /// Sends these bytes instead of the file, with no `ETag`, as a captive portal does.
    Body(Vec<u8>),
    /// Sends the file with this byte inverted.
    Corrupt(u64),
    /// Sends bytes that are not HTTP.
    Garbage,
}

impl Fault {
    /// Answers with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status(status, Vec::new())
    }

    /// Answers with this status and a `Retry-After` of so many seconds.
    #[must_use]
    pub fn retry_after(status: u16, seconds: u64) -> Self {
        Self::Status(
            status,
            vec![("Retry-After".to_owned(), seconds.to_string())],
        )
    }
}

/// A fault, where it is due and how often still.
#[derive(Debug)]
pub(super) struct Script {
    path: String,
    left: Option<usize>,
    due: Due,
}

/// A fault that a request meets.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub(super) fault: Fault,
    /// How many releases there had been when it was scripted; a later one ends its hang.
    pub(super) releases: u64,
}

impl Script {
    pub(super) fn new(path: &str, times: Times, fault: Fault, releases: u64) -> Self {
        let left = match times {
            Times::First(count) => Some(count),
            Times::Always => None,
        };
        Self {
            path: path.to_owned(),
            left,
            due: Due { fault, releases },
        }
    }

    /// The fault, if it is due at `path`; it counts as having happened.
    pub(super) fn take(&mut self, path: &str) -> Option<Due> {
        if !matches(&self.path, path) {
            return None;
        }
        match &mut self.left {
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                Some(self.due.clone())
            }
            None => Some(self.due.clone()),
        }
    }
}

/// Whether `path` is `pattern`, or starts with it where that ends in `*`.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == pattern,
    }
}
