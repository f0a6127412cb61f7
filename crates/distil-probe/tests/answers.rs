//! The programs themselves, of all architectures that this machine runs or emulates, before servers that
//! are well, ill, slow, hostile or not there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;

/// Debian's names, and those of qemu's emulators.
const ARCHITECTURES: [(&str, &str); 6] = [
    ("amd64", "x86_64"),
    ("arm64", "aarch64"),
    ("armhf", "arm"),
    ("ppc64el", "ppc64le"),
    ("riscv64", "riscv64"),
    ("s390x", "s390x"),
];

/// A way to run the probe here.
struct Probe {
    words: Vec<PathBuf>,
}

impl Probe {
    /// Those that run here: this machine's own, and the others where qemu's user-mode emulators are
    /// installed, which they have to be where tests may not be skipped.
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for (architecture, machine) in ARCHITECTURES {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
            let program = directory.join(format!("distil-probe-{architecture}"));
            if machine == std::env::consts::ARCH {
                all.push(Self {
                    words: vec![program],
                });
                continue;
            }
            let name = format!("qemu-{machine}-static");
            let path = std::env::var_os("PATH").unwrap_or_default();
            let mut found = std::env::split_paths(&path).map(|directory| directory.join(&name));
            match found.find(|file| file.is_file()) {
                Some(emulator) => all.push(Self {
                    words: vec![emulator, program],
                }),
                None if std::env::var_os("DISTIL_TEST_REQUIRE").is_some() => {
                    panic!("{name} is not installed")
                }
                None => {}
            }
        }
        all
    }

    /// Its exit status, and what it prints.
    fn ask(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).args(arguments).env_clear();
        let output = command.output().unwrap();
        assert!(output.stderr.is_empty(), "{:?} {output:?}", self.words);
        let text = String::from_utf8(output.stdout).unwrap();
        let status = output.status.code();
        (
            status.unwrap_or_else(|| panic!("{:?} {:?}", self.words, output.status)),
            text,
        )
    }
}

/// A server that answers one connection after another.
struct Server {
    address: SocketAddr,
    requests: mpsc::Receiver<String>,
}

impl Server {
    fn new(answer: impl Fn(&mut TcpStream) + Send + 'static) -> Self {
        Self::at("127.0.0.1:0", answer).unwrap()
    }

    fn at(place: &str, answer: impl Fn(&mut TcpStream) + Send + 'static) -> Option<Self> {
        let listener = TcpListener::bind(place).ok()?;
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                    request.extend(byte);
                }
                let _ = sender.send(String::from_utf8(request).unwrap());
                answer(&mut stream);
            }
        });
        Some(Self { address, requests })
    }

    /// One that answers with this text.
    fn with(text: &'static str) -> Self {
        Self::new(move |stream| {
            let _ = stream.write_all(text.as_bytes());
        })
    }

    fn url(&self) -> String {
        format!("http://{}/health", self.address)
    }
}

/// What the probe prints of an answer, without the address.
#[track_caller]
fn says(options: &[&str], server: &Server, expected: &str) {
    let url = server.url();
    let arguments: Vec<&str> = options.iter().copied().chain([url.as_str()]).collect();
    for probe in Probe::all() {
        let (status, text) = probe.ask(&arguments);
        let text = text.replace(&url, "URL");
        assert_eq!(text.trim_end(), expected, "{:?}", probe.words);
        let is_healthy = expected.starts_with("healthy");
        assert_eq!(status, i32::from(!is_healthy), "{:?}", probe.words);
    }
}

#[test]
fn it_asks_as_http_demands() {
    let server = Server::with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let address = server.address;
    for (path, asked) in [
        ("/health?x=1", "/health?x=1"),
        ("", "/"),
        ("?x", "/?x"),
        ("/", "/"),
    ] {
        for probe in Probe::all() {
            let (status, text) = probe.ask(&[&format!("http://{address}{path}")]);
            assert_eq!(status, 0, "{text}");
            assert_eq!(
                server.requests.recv().unwrap(),
                format!(
                    "GET {asked} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: distil-probe/1\r\n\
                     Accept: */*\r\nConnection: close\r\n\r\n"
                )
            );
        }
    }
}

#[test]
fn statuses_decide() {
    let server = Server::with("HTTP/1.1 200 OK\r\n\r\n");
    says(&[], &server, "healthy: URL answers 200");
    says(&["-e", "204,2xx"], &server, "healthy: URL answers 200");
    says(
        &["-e", "204"],
        &server,
        "unhealthy: URL answers 200, expected 204",
    );
    let server = Server::with("HTTP/1.0 204\n\n");
    says(&[], &server, "healthy: URL answers 204");
    let server = Server::with("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    says(&[], &server, "unhealthy: URL answers 503, expected 2xx");
    says(&["-e", "503"], &server, "healthy: URL answers 503");
}

#[test]
fn a_redirect_is_an_answer_like_any_other() {
    let server = Server::with("HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n");
    says(&[], &server, "unhealthy: URL answers 301, expected 2xx");
    says(&["-e", "2xx,3xx"], &server, "healthy: URL answers 301");
}

#[test]
fn what_is_not_final_is_passed_over() {
    let server = Server::with(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    );
    says(&[], &server, "healthy: URL answers 200");
    let server = Server::with("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    says(&[], &server, "unhealthy: URL answers 101, expected 2xx");
}

#[test]
fn an_answer_may_come_byte_by_byte() {
    let server = Server::new(|stream| {
        for byte in b"HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" {
            let _ = stream.write_all(&[*byte]);
            thread::sleep(Duration::from_millis(1));
        }
    });
    says(&[], &server, "healthy: URL answers 200");
}

#[test]
fn a_server_that_hangs_is_waited_for_as_long_as_said() {
    let began = Instant::now();
    let server = Server::new(|_| thread::sleep(Duration::from_millis(600)));
    says(
        &["-t", "200"],
        &server,
        "unhealthy: URL: no answer within 200 ms",
    );
    // A trickle does not start the time anew.
    let server = Server::new(|stream| {
        for _ in 0..30 {
            let _ = stream.write_all(b"HTTP/1.1 100 C\r\n\r\n");
            thread::sleep(Duration::from_millis(20));
        }
    });
    says(
        &["-t", "200"],
        &server,
        "unhealthy: URL: no answer within 200 ms",
    );
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_server_that_is_not_there_is_unhealthy() {
    // A port that no system gives away, and that nothing listens on.
    let (address, (_, requests)) = ("127.0.0.1:1".parse().unwrap(), mpsc::channel());
    let server = Server { address, requests };
    says(&[], &server, "unhealthy: URL: connection refused");
}

#[test]
fn what_is_not_http_is_unhealthy() {
    let closed = "unhealthy: URL: the connection was closed without an answer";
    says(&[], &Server::new(|_| {}), closed);
    for text in [
        "SSH-2.0-x\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 20",
        "HTTP/1.1  200 OK\r\n\r\n",
        "\u{1b}]0;x\u{7}",
    ] {
        says(
            &[],
            &Server::with(text),
            "unhealthy: URL: the answer is not HTTP/1",
        );
    }
    let server = Server::new(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 100 C\r\n");
        let _ = stream.write_all(&[b'x'; 20_000]);
        thread::sleep(Duration::from_millis(50));
    });
    says(
        &[],
        &server,
        "unhealthy: URL: the answer has no status within 8192 bytes",
    );
}

/// Neither for the end of a long body, nor for a server that keeps the connection open.
#[test]
fn what_comes_behind_the_status_is_not_waited_for() {
    for body in [0, 1 << 20] {
        let server = Server::new(move |stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            let _ = stream.write_all(&vec![b'x'; body]);
            thread::sleep(Duration::from_millis(1500));
        });
        let (probes, url, began) = (Probe::all(), server.url(), Instant::now());
        let (status, text) = probes[0].ask(&[&url]);
        assert_eq!((status, text), (0, format!("healthy: {url} answers 200\n")));
        assert!(began.elapsed() < Duration::from_secs(1), "{body}");
    }
}

#[test]
fn localhost_is_either_address() {
    let answer = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    };
    let server = Server::new(answer);
    let port = server.address.port();
    for probe in Probe::all() {
        let (status, text) = probe.ask(&[&format!("http://localhost:{port}/")]);
        assert_eq!(status, 0, "{text}");
    }
    // Where there is no IPv6, there is nothing to ask.
    let Some(server) = Server::at("[::1]:0", answer) else {
        return;
    };
    let port = server.address.port();
    for probe in Probe::all() {
        for host in ["localhost", "[::1]", "[0:0:0:0:0:0:0:1]", "[0::0:1]"] {
            let (status, text) = probe.ask(&[&format!("http://{host}:{port}/")]);
            assert_eq!(status, 0, "{text}");
        }
        let (status, text) = probe.ask(&[&format!("http://127.0.0.1:{port}/")]);
        assert_eq!(status, 1, "{text}");
    }
}

#[test]
fn a_port_that_accepts_is_enough_for_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    for probe in Probe::all() {
        let healthy = format!("healthy: {url} accepts connections\n");
        assert_eq!(probe.ask(&[&url]), (0, healthy));
    }
    let url = "tcp://127.0.0.1:1";
    for probe in Probe::all() {
        let refused = format!("unhealthy: {url}: connection refused\n");
        assert_eq!(probe.ask(&["-t", "1000", url]), (1, refused));
    }
}

#[test]
fn wrong_usage_is_told_and_never_healthy() {
    let long = format!("http://127.0.0.1/{}", "x".repeat(5000));
    let url = "http://127.0.0.1:1/";
    for (arguments, problem) in [
        (&[][..], "one address is needed"),
        (&[url, url][..], "one address is needed"),
        (&["-x", "1", url][..], "`-x` is no option"),
        (&["-t", "0", url][..], "-t needs milliseconds"),
        (&["-t", "3600001", url][..], "-t needs milliseconds"),
        (
            &["-t", "99999999999999999999", url][..],
            "-t needs milliseconds",
        ),
        (&["-t", "1s", url][..], "-t needs milliseconds"),
        (&["-t"][..], "-t needs milliseconds"),
        (&["-e", "", url][..], "-e needs statuses"),
        (&["-e", "200,", url][..], "-e needs statuses"),
        (&["-e", "2000", url][..], "-e needs statuses"),
        (
            &["https://127.0.0.1/"][..],
            "begins neither with http:// nor with tcp://",
        ),
        (&["http://example.org/"][..], "has no numeric host"),
        (&["http://1.2.3/"][..], "has no numeric host"),
        (&["http://1.2.3.256/"][..], "has no numeric host"),
        (&["http://localhosts/"][..], "has no numeric host"),
        (&["http://[::1"][..], "has no numeric host"),
        (&["http://[1:2]/"][..], "has no numeric host"),
        (&["http://[1::2::3]/"][..], "has no numeric host"),
        (&["http://[1:2:3:4:5:6:7:8:9]/"][..], "has no numeric host"),
        (&["http://[12345::]/"][..], "has no numeric host"),
        (&["http://127.0.0.1:0/"][..], "has no port"),
        (&["http://127.0.0.1:65536/"][..], "has no port"),
        (&["http://127.0.0.1:8o/"][..], "has no port"),
        (&["tcp://127.0.0.1"][..], "has no port"),
        (
            &["tcp://127.0.0.1:80/x"][..],
            "has something behind its port",
        ),
        (&["http://127.0.0.1/a b"][..], "has a character"),
        (&["http://127.0.0.1/\u{1b}[m"][..], "has a character"),
        (&[long.as_str()][..], "has more than 2000 characters"),
    ] {
        for probe in Probe::all() {
            let (status, text) = probe.ask(arguments);
            assert_eq!(status, 1, "{arguments:?}");
            assert!(text.contains(problem), "{arguments:?}: {text}");
            assert!(
                text.starts_with("distil-probe 1: ") && !text.contains('\u{1b}'),
                "{text}"
            );
        }
    }
}

/// It is what the bill of materials says: static, small, nothing to write to but its stack.
#[test]
fn programs_are_small_and_cannot_write_themselves() {
    for (architecture, _) in ARCHITECTURES {
        let program = distil_probe::program(architecture).unwrap();
        assert_eq!(program.get(..4), Some(&b"\x7fELF"[..]), "{architecture}");
        assert!(program.len() < 10_000, "{architecture} {}", program.len());
        let name = env!("CARGO_MANIFEST_DIR");
        let is_there = program
            .windows(name.len())
            .any(|window| window == name.as_bytes());
        assert!(
            !is_there,
            "{architecture} has a path of the machine that it was made on"
        );
    }
    assert_eq!(distil_probe::program("m68k"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What distil lets into a definition, the probe understands: one does not reject what the other
    /// has written into an image.
    #[test]
    fn addresses_that_are_accepted_are_understood(
        host in r"127\.0\.0\.[0-9]{1,3}|localhost|\[::1\]|\[[0-9a-fA-F:]{2,24}\]",
        port in "(:[0-9]{1,5})?",
        path in r"(/[!-~]{0,20})?(\?[!-~]{0,10})?",
    ) {
        let http = distil_probe::Address::http(&format!("http://{host}{port}{path}"));
        let tcp = distil_probe::Address::tcp(&format!("{host}{port}"));
        for address in [http, tcp].into_iter().flatten() {
            for probe in Probe::all().iter().take(1) {
                let (_, text) = probe.ask(&["-t", "1", &address.to_string()]);
                prop_assert!(text.contains("healthy: "), "{}", text);
            }
        }
    }
}
