//! One connection: requests are read and answered one after another.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::fault::Fault;
use super::{Recorded, Shared};
use crate::date::rfc2822;
use crate::digest::sha256_hex;

/// Answers requests until the client or a fault closes the connection.
pub(super) fn serve(stream: &TcpStream, connection: u64, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader, connection)? {
        let (number, due) = shared.record(request.clone());
        let mut exchange = Exchange {
            stream,
            shared,
            request,
            number,
            releases: due.as_ref().map_or(0, |due| due.releases),
        };
        if exchange.answer(due.map(|due| due.fault))?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Reads a request's line and headers (and drops its body); none when the client is gone.
fn read_request(reader: &mut impl BufRead, connection: u64) -> io::Result<Option<Recorded>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let request = Recorded {
        method,
        path,
        headers,
        connection,
        status: 0,
    };
    let length: u64 = request
        .header("content-length")
        .and_then(|value| value.parse().ok())
        .unwrap_or(0);
    io::copy(&mut reader.take(length), &mut io::sink())?;
    Ok(Some(request))
}

/// How the body is told to end.
enum Framing {
    /// By `Content-Length`.
    Length(u64),
    /// By the end of the connection.
    Close,
    /// By an empty chunk.
    Chunked,
}

/// A request and what is needed to answer it.
struct Exchange<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
    request: Recorded,
    /// Its number among all requests.
    number: usize,
    /// The releases that a hang outlasts.
    releases: u64,
}

impl Exchange<'_> {
    /// Answers; breaks when the connection is to be closed.
    fn answer(&mut self, fault: Option<Fault>) -> io::Result<ControlFlow<()>> {
        match fault {
            Some(Fault::Status(status, headers)) => self.empty(status, &headers),
            Some(Fault::Redirect(status, location)) => {
                self.empty(status, &[("Location".to_owned(), location)])
            }
            Some(Fault::Guarded(challenge, accepted))
                if self.request.header("authorization") != Some(accepted.as_str()) =>
            {
                self.empty(401, &[("WWW-Authenticate".to_owned(), challenge)])
            }
            Some(Fault::DropBeforeHeaders) => Ok(ControlFlow::Break(())),
            Some(Fault::HangBeforeHeaders) => {
                self.shared.hang(self.releases);
                self.file(None)
            }
            Some(Fault::Garbage) => {
                self.send(b"\x15\x03\x01\x00\x02 this is not HTTP\r\n\r\n")?;
                Ok(ControlFlow::Break(()))
            }
            Some(Fault::Body(body)) => {
                self.head(200, &Framing::Length(body.len() as u64), &[])?;
                self.send_body(&body)?;
                Ok(ControlFlow::Continue(()))
            }
            other => self.file(other.as_ref()),
        }
    }

    /// Answers with the file that was asked for.
    fn file(&mut self, fault: Option<&Fault>) -> io::Result<ControlFlow<()>> {
        if !matches!(self.request.method.as_str(), "GET" | "HEAD") {
            return self.empty(405, &[]);
        }
        let Some(path) = local_path(&self.shared.root, &self.request.path) else {
            return self.empty(404, &[]);
        };
        let Ok(mut body) = fs::read(&path) else {
            return self.empty(404, &[]);
        };
        let tag = format!("\"{}\"", &sha256_hex(&body)[..16]);
        let modified = modified(&path);
        let mut headers = vec![
            ("ETag".to_owned(), tag.clone()),
            ("Last-Modified".to_owned(), modified.clone()),
            ("Accept-Ranges".to_owned(), "bytes".to_owned()),
        ];
        // RFC 9110 §13.2.2: the tag goes before the date.
        let is_unchanged = match self.request.header("if-none-match") {
            Some(tags) => tags
                .split(',')
                .any(|known| known.trim() == tag || known.trim() == "*"),
            None => self.request.header("if-modified-since") == Some(&modified),
        };
        if is_unchanged {
            return self.empty(304, &headers);
        }
        if let Some(Fault::Corrupt(offset)) = fault {
            let at = usize::try_from(*offset).unwrap();
            body[at] ^= 0xff;
        }

        let total = body.len();
        let mut status = 200;
        if !matches!(fault, Some(Fault::IgnoreRange)) {
            match self.range(total, &tag, &modified) {
                Range::Whole => {}
                Range::Part(start, end) => {
                    let shift = match fault {
                        Some(Fault::WrongRange(shift)) => usize::try_from(*shift).unwrap(),
                        _ => 0,
                    };
                    let start = (start + shift).min(end);
                    body = body[start..=end].to_vec();
                    status = 206;
                    headers.push((
                        "Content-Range".to_owned(),
                        format!("bytes {start}-{end}/{total}"),
                    ));
                }
                Range::Unsatisfiable => {
                    headers.push(("Content-Range".to_owned(), format!("bytes */{total}")));
                    return self.empty(416, &headers);
                }
            }
        }
        self.deliver(status, &headers, &body, fault)
    }

    /// Sends the headers and the body, with the faults that lie there.
    fn deliver(
        &mut self,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        fault: Option<&Fault>,
    ) -> io::Result<ControlFlow<()>> {
        let length = body.len() as u64;
        let framing = match fault {
            Some(Fault::ContentLength(error)) => {
                Framing::Length(length.saturating_add_signed(*error))
            }
            Some(Fault::NoContentLength) => Framing::Close,
            Some(Fault::Chunked) => Framing::Chunked,
            _ => Framing::Length(length),
        };
        self.head(status, &framing, headers)?;
        let first = |count: u64| {
            let count = usize::try_from(count).unwrap_or(body.len());
            &body[..count.min(body.len())]
        };
        match fault {
            Some(Fault::DropInBody(count)) => {
                self.send_body(first(*count))?;
                Ok(ControlFlow::Break(()))
            }
            Some(Fault::HangInBody(count)) => {
                let sent = first(*count);
                self.send_body(sent)?;
                self.shared.hang(self.releases);
                self.send_body(&body[sent.len()..])?;
                Ok(ControlFlow::Continue(()))
            }
            Some(Fault::ContentLength(_) | Fault::NoContentLength) => {
                self.send_body(body)?;
                Ok(ControlFlow::Break(()))
            }
            Some(Fault::Chunked) => {
                for chunk in body.chunks(4096) {
                    self.send_body(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                    self.send_body(chunk)?;
                    self.send_body(b"\r\n")?;
                }
                self.send_body(b"0\r\n\r\n")?;
                Ok(ControlFlow::Continue(()))
            }
            Some(Fault::Trickle(count, pause)) => {
                for part in body.chunks((*count).max(1)) {
                    self.send_body(part)?;
                    self.shared.pause(*pause);
                }
                Ok(ControlFlow::Continue(()))
            }
            _ => {
                self.send_body(body)?;
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    /// Which part of a file of `total` bytes is asked for (RFC 9110 §14.2; one range alone).
    fn range(&self, total: usize, tag: &str, modified: &str) -> Range {
        let Some(range) = self.request.header("range") else {
            return Range::Whole;
        };
        // RFC 9110 §13.1.5: a range of another file is not wanted.
        if let Some(validator) = self.request.header("if-range")
            && validator != tag
            && validator != modified
        {
            return Range::Whole;
        }
        let Some((start, end)) = range
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'))
        else {
            return Range::Whole;
        };
        let last = total.saturating_sub(1);
        match (start.parse::<usize>(), end.parse::<usize>()) {
            (Ok(start), _) if start >= total => Range::Unsatisfiable,
            (Ok(start), Ok(end)) if start <= end => Range::Part(start, end.min(last)),
            (Ok(start), Err(_)) if end.is_empty() => Range::Part(start, last),
            (Err(_), Ok(suffix)) if start.is_empty() && suffix > 0 && total > 0 => {
                Range::Part(total.saturating_sub(suffix), last)
            }
            _ => Range::Whole,
        }
    }

    /// An answer without a body.
    fn empty(&mut self, status: u16, headers: &[(String, String)]) -> io::Result<ControlFlow<()>> {
        self.head(status, &Framing::Length(0), headers)?;
        Ok(ControlFlow::Continue(()))
    }

    fn head(
        &mut self,
        status: u16,
        framing: &Framing,
        headers: &[(String, String)],
    ) -> io::Result<()> {
        self.shared.set_status(self.number, status);
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        match framing {
            // RFC 9110 §8.6: a 304 need not tell the length.
            Framing::Length(_) if status == 304 => {}
            Framing::Length(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
            Framing::Close => head.push_str("Connection: close\r\n"),
            Framing::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.send(head.as_bytes())
    }

    /// Sends a part of the body, which an answer to HEAD has none of.
    fn send_body(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.request.method == "HEAD" {
            return Ok(());
        }
        self.send(bytes)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }
}

/// The part of a file that an answer has.
enum Range {
    Whole,
    Part(usize, usize),
    Unsatisfiable,
}

/// The file that a request's path means, if it stays under `root`: of a directory its `index.html`. As a proxy, it
/// has the files of all hosts (RFC 9112 §3.2.2).
fn local_path(root: &Path, path: &str) -> Option<PathBuf> {
    let path = match path.strip_prefix("http://") {
        Some(absolute) => absolute.get(absolute.find('/')?..)?,
        None => path,
    };
    let path = path.split(['?', '#']).next()?;
    let mut relative = PathBuf::from(percent_decoded(path.trim_start_matches('/'))?);
    if path.ends_with('/') {
        relative.push("index.html");
    }
    let is_inside = relative
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    is_inside.then(|| root.join(relative))
}

/// `%2B` as `+`, and so on (RFC 3986 §2.1).
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// The file's time in HTTP's form, which differs from a Release's in the name of the zone.
fn modified(path: &Path) -> String {
    let seconds = fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |time| time.as_secs());
    rfc2822(seconds).replace("UTC", "GMT")
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        407 => "Proxy Authentication Required",
        405 => "Method Not Allowed",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
