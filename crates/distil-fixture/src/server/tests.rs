use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{Fault, Server, Times};

struct Site {
    server: Server,
    _folder: tempfile::TempDir,
}

/// A server of one file, `/dir/a+b.txt`.
fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("dir")).unwrap();
    fs::write(folder.path().join("dir/a+b.txt"), "0123456789").unwrap();
    let server = Server::start(folder.path()).unwrap();
    Site {
        server,
        _folder: folder,
    }
}

impl Site {
    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server.address).unwrap()
    }

    /// Sends one request and reads until the server closes.
    fn get(&self, path: &str, headers: &str) -> String {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // A connection that is dropped may end in an error, which is not this test's matter.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

#[test]
fn files_ranges_and_validators() {
    let site = site();
    let whole = site.get("/dir/a%2Bb.txt", "");
    assert!(
        whole.starts_with("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n"),
        "{whole}"
    );
    assert!(whole.ends_with("\r\n\r\n0123456789"), "{whole}");
    let tag = whole
        .lines()
        .find_map(|line| line.strip_prefix("ETag: "))
        .unwrap();
    let date = whole
        .lines()
        .find_map(|line| line.strip_prefix("Last-Modified: "))
        .unwrap();

    let part = site.get("/dir/a+b.txt", "Range: bytes=4-\r\n");
    assert!(part.starts_with("HTTP/1.1 206 "), "{part}");
    assert!(part.contains("Content-Range: bytes 4-9/10"), "{part}");
    assert!(part.ends_with("\r\n\r\n456789"), "{part}");
    let other = site.get("/dir/a+b.txt", "Range: bytes=4-\r\nIf-Range: \"other\"\r\n");
    assert!(other.starts_with("HTTP/1.1 200 "), "{other}");
    assert!(
        site.get("/dir/a+b.txt", "Range: bytes=10-\r\n")
            .starts_with("HTTP/1.1 416 ")
    );

    for header in [
        format!("If-None-Match: {tag}\r\n"),
        format!("If-Modified-Since: {date}\r\n"),
    ] {
        let answer = site.get("/dir/a+b.txt", &header);
        assert!(answer.starts_with("HTTP/1.1 304 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }
    assert!(site.get("/dir/none", "").starts_with("HTTP/1.1 404 "));
    assert!(site.get("/../secret", "").starts_with("HTTP/1.1 404 "));
    assert!(site.get("/%2e%2e/secret", "").starts_with("HTTP/1.1 404 "));
}

#[test]
fn faults_come_in_their_order_and_end() {
    let site = site();
    let path = "/dir/a+b.txt";
    site.server
        .fault(path, Times::First(2), Fault::retry_after(429, 7));
    site.server
        .fault("/dir/*", Times::First(1), Fault::DropInBody(3));
    site.server
        .fault(path, Times::First(1), Fault::ContentLength(5));
    site.server.fault(
        path,
        Times::First(1),
        Fault::Redirect(302, "/elsewhere".to_owned()),
    );
    site.server.fault(path, Times::First(1), Fault::IgnoreRange);
    site.server.fault(path, Times::First(1), Fault::Corrupt(0));
    site.server
        .fault(path, Times::First(1), Fault::Body(b"login".to_vec()));
    site.server.fault(path, Times::First(1), Fault::Chunked);
    site.server
        .fault(path, Times::First(1), Fault::Trickle(4, Duration::ZERO));
    site.server
        .fault(path, Times::First(1), Fault::DropBeforeHeaders);
    for _ in 0..2 {
        let answer = site.get(path, "");
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
        assert!(answer.contains("Retry-After: 7\r\n"), "{answer}");
    }
    let dropped = site.get(path, "");
    assert!(dropped.contains("Content-Length: 10\r\n"), "{dropped}");
    assert!(dropped.ends_with("\r\n\r\n012"), "{dropped}");
    assert!(site.get(path, "").contains("Content-Length: 15\r\n"));
    assert!(site.get(path, "").contains("Location: /elsewhere\r\n"));
    assert!(
        site.get(path, "Range: bytes=4-\r\n")
            .starts_with("HTTP/1.1 200 ")
    );
    assert!(site.get(path, "").ends_with("123456789"));
    assert!(site.get(path, "").ends_with("\r\n\r\nlogin"));
    assert!(
        site.get(path, "")
            .ends_with("\r\n\r\na\r\n0123456789\r\n0\r\n\r\n")
    );
    assert!(site.get(path, "").ends_with("\r\n\r\n0123456789"));
    assert_eq!(site.get(path, ""), "");
    assert!(site.get(path, "").ends_with("\r\n\r\n0123456789"));
    assert_eq!(site.server.count(path), 12);
    assert_eq!(site.server.count("/dir/*"), 12);
    let statuses: Vec<u16> = site.server.requests().iter().map(|it| it.status).collect();
    assert_eq!(
        statuses,
        [429, 429, 200, 200, 302, 200, 200, 200, 200, 200, 0, 200]
    );
}

#[test]
fn guards_let_in_who_is_known() {
    let site = site();
    let guard = Fault::Guarded("Basic realm=\"x\"".to_owned(), "Basic YTpi".to_owned());
    site.server.fault("/dir/*", Times::Always, guard);
    for headers in ["", "Authorization: Basic other\r\n"] {
        let answer = site.get("/dir/a+b.txt", headers);
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(
            answer.contains("WWW-Authenticate: Basic realm=\"x\"\r\n"),
            "{answer}"
        );
    }
    let answer = site.get("/dir/a+b.txt", "Authorization: Basic YTpi\r\n");
    assert!(answer.ends_with("\r\n\r\n0123456789"), "{answer}");
}

#[test]
fn a_connection_serves_several_requests() {
    let site = site();
    let mut stream = site.connect();
    for _ in 0..3 {
        write!(stream, "GET /dir/a+b.txt HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        while !answer.ends_with("0123456789") {
            let mut bytes = [0; 512];
            let count = stream.read(&mut bytes).unwrap();
            assert_ne!(count, 0, "the server closed after {answer}");
            answer.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
    }
    let requests = site.server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.connection == 1));
    assert_eq!(site.server.max_connections(), 1);
    assert_eq!(requests[0].header("host"), Some("x"));
}

#[test]
fn hangs_end_at_a_release_and_with_the_server() {
    let site = site();
    let path = "/dir/a+b.txt";
    site.server
        .fault(path, Times::First(1), Fault::HangBeforeHeaders);
    site.server
        .fault(path, Times::First(1), Fault::HangInBody(3));
    std::thread::scope(|scope| {
        let answers = [
            scope.spawn(|| site.get(path, "")),
            scope.spawn(|| site.get(path, "")),
        ];
        site.server.wait_for_requests(2);
        assert!(
            !answers
                .iter()
                .any(std::thread::ScopedJoinHandle::is_finished)
        );
        site.server.release();
        for answer in answers {
            assert!(answer.join().unwrap().ends_with("\r\n\r\n0123456789"));
        }
    });
    assert_eq!(site.server.max_connections(), 2);

    site.server
        .fault(path, Times::Always, Fault::HangBeforeHeaders);
    let mut stream = site.connect();
    write!(stream, "GET {path} HTTP/1.1\r\n\r\n").unwrap();
    site.server.wait_for_requests(3);
    drop(site);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty());
}
