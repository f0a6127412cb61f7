//! The client against servers that misbehave.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use distil_fixture::{Fault, Server, Times};
use distil_net::credentials::{Credential, Credentials};
use distil_net::{
    Access, Client, Environment, Login, NetError, Options, Origin, Request, Secret, Sink, Url,
};

/// What the file of the tests has.
const SIZE: usize = 10_000;

struct Site {
    server: Server,
    folder: tempfile::TempDir,
}

fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), content()).unwrap();
    std::fs::write(folder.path().join("token"), r#"{"token":"t0ken"}"#).unwrap();
    let server = Server::start(folder.path()).unwrap();
    Site { server, folder }
}

fn content() -> Vec<u8> {
    (0..SIZE)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

fn options() -> Options {
    Options {
        timeout: Duration::from_secs(5),
        backoff: Duration::from_millis(1),
        ..Options::default()
    }
}

fn environment(variables: &[(&str, &Path)]) -> Environment {
    Environment::of(variables.iter().copied(), "/nonexistent")
}

fn client() -> Client {
    Client::with_environment(options(), environment(&[]))
}

impl Site {
    fn url(&self, path: &str) -> Url {
        format!("{}{path}", self.server.url()).parse().unwrap()
    }

    fn request(&self) -> Request {
        Request::get(self.url("/file"))
    }

    fn fault(&self, times: Times, fault: Fault) {
        self.server.fault("/file", times, fault);
    }

    /// The file's address with a password in it.
    fn with_password(&self, password: &str) -> Request {
        let url = self
            .server
            .url()
            .replace("http://", &format!("http://ann:{password}@"));
        Request::get(format!("{url}/file").parse().unwrap())
    }

    /// A message without what differs from run to run.
    fn message(&self, error: &NetError) -> String {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text += &format!(": {cause}");
            source = cause.source();
        }
        text.replace(&self.server.url(), "[SERVER]")
    }
}

fn get(client: &Client, request: &Request) -> Result<Vec<u8>, NetError> {
    Ok(client.send(request, 1 << 20)?.into_body())
}

/// The three ways of having a body.
fn all_ways(request: &Request) -> Vec<Result<Vec<u8>, NetError>> {
    #[derive(Default)]
    struct Taken(Vec<u8>);
    impl Sink for Taken {
        fn begin(&mut self) -> io::Result<()> {
            self.0.clear();
            Ok(())
        }
        fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }
    let client = client();
    let mut taken = Taken::default();
    let downloaded = client.download(request, &mut taken).map(|()| taken.0);
    let read = client
        .open(request, Some(SIZE as u64))
        .and_then(|mut stream| {
            let mut bytes = Vec::new();
            match stream.read_to_end(&mut bytes) {
                Ok(_) => Ok(bytes),
                Err(error) => Err(error.downcast::<NetError>().unwrap()),
            }
        });
    vec![get(&client, request), downloaded, read]
}

#[test]
fn passing_faults_are_waited_out() {
    for fault in [
        Fault::status(503),
        Fault::status(429),
        Fault::DropBeforeHeaders,
        Fault::DropInBody(1000),
        Fault::Garbage,
    ] {
        let site = site();
        for way in 0..3 {
            site.fault(Times::First(2), fault.clone());
            let bytes = all_ways(&site.request()).swap_remove(way).unwrap();
            assert!(bytes == content(), "{fault:?}");
            site.server.heal();
        }
    }
}

#[test]
fn a_server_may_ask_for_a_while() {
    let site = site();
    site.fault(Times::First(2), Fault::retry_after(503, 1));
    let start = Instant::now();
    assert!(get(&client(), &site.request()).unwrap() == content());
    assert!(start.elapsed() >= Duration::from_secs(2));
    assert_eq!(site.server.count("/file"), 3);
}

#[test]
fn one_that_asks_for_long_is_given_up_at_once() {
    let site = site();
    for times in ["100000", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let headers = vec![("Retry-After".to_owned(), times.to_owned())];
        site.fault(Times::First(1), Fault::Status(503, headers));
        let start = Instant::now();
        let error = get(&client(), &site.request()).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(20), "{error}");
        assert!(
            error.to_string().contains("asks to come back in"),
            "{error}"
        );
    }
    assert_eq!(site.server.count("/file"), 2);
}

#[test]
fn a_byte_at_a_time_is_given_up() {
    let site = site();
    site.fault(Times::Always, Fault::Trickle(1, Duration::from_millis(20)));
    let options = Options {
        rate_window: Duration::from_millis(300),
        ..options()
    };
    let client = Client::with_environment(options, environment(&[]));
    let error = get(&client, &site.request()).unwrap_err();
    assert!(matches!(error, NetError::TooSlow { .. }), "{error}");
    assert!(
        client
            .open(&site.request(), None)
            .unwrap()
            .read_to_end(&mut Vec::new())
            .is_err()
    );
    assert_eq!(site.server.count("/file"), 2, "without another attempt");
}

#[test]
fn downloads_go_on_where_they_broke_off() {
    let site = site();
    site.fault(Times::First(1), Fault::DropInBody(4000));
    site.fault(Times::First(1), Fault::DropInBody(3000));
    let bytes = all_ways(&site.request()).swap_remove(1).unwrap();
    assert!(bytes == content());
    let requests = site.server.requests();
    let ranges = requests.iter().filter_map(|one| one.header("range"));
    assert_eq!(ranges.collect::<Vec<_>>(), ["bytes=4000-", "bytes=7000-"]);
}

#[test]
fn servers_that_cannot_go_on_begin_again() {
    for fault in [Fault::IgnoreRange, Fault::WrongRange(7)] {
        for way in [1, 2] {
            let site = site();
            // The first way takes one attempt of these.
            let before = all_ways(&site.request()).len();
            assert_eq!(before, 3);
            site.fault(Times::First(1), Fault::DropInBody(4000));
            site.fault(Times::First(1), fault.clone());
            let request = site.request();
            let bytes = match way {
                1 => {
                    let mut sink = Begun::default();
                    client().download(&request, &mut sink).unwrap();
                    assert_eq!(sink.begun, 2);
                    sink.bytes
                }
                _ => {
                    let mut bytes = Vec::new();
                    let mut stream = client().open(&request, None).unwrap();
                    stream.read_to_end(&mut bytes).unwrap();
                    bytes
                }
            };
            assert!(bytes == content(), "{fault:?}");
        }
    }
}

#[derive(Default)]
struct Begun {
    begun: u32,
    bytes: Vec<u8>,
}

impl Sink for Begun {
    fn begin(&mut self) -> io::Result<()> {
        self.begun += 1;
        self.bytes.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

#[test]
fn attempts_end() {
    let site = site();
    site.fault(Times::Always, Fault::DropInBody(100));
    for result in all_ways(&site.request()) {
        assert!(matches!(result, Err(NetError::Connection { .. })));
    }
    site.server.heal();
    site.server.forget();
    site.fault(Times::Always, Fault::status(500));
    let error = get(&client(), &site.request().attempts(2)).unwrap_err();
    assert_eq!(
        site.message(&error),
        "`[SERVER]/file` answered 500 Internal Server Error"
    );
    assert_eq!(site.server.count("/file"), 2);
}

#[test]
fn what_is_not_there_is_asked_for_once() {
    let site = site();
    let error = get(&client(), &Request::get(site.url("/none"))).unwrap_err();
    assert!(error.is_missing());
    assert_eq!(site.server.count("/none"), 1);
}

#[test]
fn a_silent_server_is_not_waited_for() {
    let site = site();
    site.fault(Times::Always, Fault::HangBeforeHeaders);
    let options = Options {
        timeout: Duration::from_millis(200),
        ..options()
    };
    let client = Client::with_environment(options, environment(&[]));
    let error = get(&client, &site.request().attempts(1)).unwrap_err();
    insta::assert_snapshot!(site.message(&error), @"failed to fetch `[SERVER]/file`: no answer within 0.2 s");
    site.server.heal();
    site.fault(Times::Always, Fault::HangInBody(10));
    let error = get(&client, &site.request().attempts(1)).unwrap_err();
    insta::assert_snapshot!(site.message(&error), @"failed to fetch `[SERVER]/file`: nothing more came within 0.2 s");
}

#[test]
fn a_limit_holds() {
    let site = site();
    let error = client().send(&site.request(), 100).unwrap_err();
    assert_eq!(
        site.message(&error),
        "`[SERVER]/file` is larger than 100 bytes"
    );
}

#[test]
fn nobody_is_asked_offline() {
    let site = site();
    let client = Client::offline();
    let error = get(&client, &site.with_password("secret")).unwrap_err();
    insta::assert_snapshot!(site.message(&error), @"`[SERVER]/file` was not fetched: the network is not to be used");
    assert!(client.open(&site.request(), None).is_err());
    assert_eq!(site.server.connections(), 0);
}

#[test]
fn a_right_password_lets_in() {
    let site = site();
    let guard = Fault::Guarded(
        "Basic realm=\"x\"".to_owned(),
        "Basic YW5uOnNlY3JldA==".to_owned(),
    );
    site.fault(Times::Always, guard);
    assert!(get(&client(), &site.with_password("secret")).unwrap() == content());
    assert_eq!(site.server.count("/file"), 1);
}

#[test]
fn a_wrong_password_is_told_at_once_and_not_shown() {
    for status in [401, 403] {
        let site = site();
        site.fault(Times::Always, Fault::status(status));
        let error = get(&client(), &site.with_password("secret")).unwrap_err();
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        assert!(
            site.message(&error)
                .starts_with("`[SERVER]/file` refused the credentials from its URL"),
            "{error}"
        );
        assert_eq!(site.server.count("/file"), 1);
    }
    let site = site();
    site.fault(Times::Always, Fault::status(401));
    let error = get(&client(), &site.request()).unwrap_err();
    insta::assert_snapshot!(site.message(&error), @"`[SERVER]/file` wants credentials, and none are known (401 Unauthorized)");
}

#[test]
fn passwords_of_files_go_to_their_machine() {
    let site = site();
    let guard = Fault::Guarded(
        "Basic realm=\"x\"".to_owned(),
        "Basic YW5uOnNlY3JldA==".to_owned(),
    );
    site.fault(Times::Always, guard);
    let netrc = site.folder.path().join("netrc");
    let with = |machine: &str| {
        let entry = format!("machine {machine} login ann password secret\n");
        std::fs::write(&netrc, entry).unwrap();
        let environment = environment(&[("NETRC", &netrc)]);
        let request = site.request().access(Access::machines(environment.clone()));
        get(&Client::with_environment(options(), environment), &request)
    };
    assert!(with("127.0.0.1").unwrap() == content());
    assert!(with("127.0.0.2").is_err());
    // Apt's are for TLS alone, unless they say otherwise.
    let etc = tempfile::tempdir().unwrap();
    std::fs::create_dir(etc.path().join("apt")).unwrap();
    let with = |machine: &str| {
        let entry = format!("machine {machine} login ann password secret\n");
        std::fs::write(etc.path().join("apt/auth.conf"), entry).unwrap();
        let environment = Environment::of([("NETRC", "/nonexistent")], etc.path());
        get(
            &client(),
            &site.request().access(Access::machines(environment)),
        )
    };
    assert!(with("http://127.0.0.1/file").unwrap() == content());
    let error = with("127.0.0.1").unwrap_err().to_string();
    assert!(error.contains("for `https://` only"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn passwords_do_not_follow_a_redirect_elsewhere() {
    let (site, elsewhere) = (site(), site());
    site.fault(
        Times::Always,
        Fault::Redirect(302, elsewhere.url("/file").to_string()),
    );
    assert!(get(&client(), &site.with_password("secret")).unwrap() == content());
    let has_password = |server: &Server| {
        let requests = server.requests();
        requests
            .iter()
            .any(|one| one.header("authorization").is_some())
    };
    assert!(has_password(&site.server) && !has_password(&elsewhere.server));
    site.server.heal();
    // And do, where it stays.
    site.fault(Times::First(1), Fault::Redirect(307, "token".to_owned()));
    get(&client(), &site.with_password("secret")).unwrap();
    let last = site.server.requests().pop().unwrap();
    assert_eq!(last.path, "/token");
    assert!(last.header("authorization").is_some());
}

#[test]
fn redirects_end() {
    let site = site();
    site.fault(Times::Always, Fault::Redirect(302, "/file".to_owned()));
    let error = get(&client(), &site.request()).unwrap_err();
    insta::assert_snapshot!(site.message(&error), @"`[SERVER]/file` redirects more than 10 times");
    assert_eq!(site.server.count("/file"), 11);
    site.server.heal();
    site.fault(
        Times::Always,
        Fault::Redirect(302, "ftp://ann:secret@a/".to_owned()),
    );
    let error = get(&client(), &site.request()).unwrap_err();
    insta::assert_snapshot!(site.message(&error), @"`[SERVER]/file` redirects to nowhere");
}

/// Access as a registry gives it, with the password that is right.
fn registry(site: &Site, password: &str) -> Access {
    let credentials = Credentials {
        credential: Credential::Password(Login {
            user: "ann".to_owned(),
            password: Secret::new(password),
        }),
        origin: Origin::Url,
    };
    Access::registry(site.url("/"), Some(credentials), "repository:a:pull")
}

fn bearer(site: &Site, accepted: &str) -> Fault {
    let challenge = format!("Bearer realm=\"{}/token\",service=\"s\"", site.server.url());
    Fault::Guarded(challenge, accepted.to_owned())
}

#[test]
fn tokens_are_fetched_once() {
    let site = site();
    site.fault(Times::Always, bearer(&site, "Bearer t0ken"));
    let access = registry(&site, "secret");
    let client = client();
    for _ in 0..2 {
        let request = site.request().private().access(access.clone());
        assert!(get(&client, &request).unwrap() == content());
    }
    assert_eq!(site.server.count("/file"), 3);
    let requests = site.server.requests();
    let asked: Vec<_> = requests
        .iter()
        .filter(|one| one.path.starts_with("/token"))
        .collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].path,
        "/token?service=s&scope=repository%3Aa%3Apull"
    );
    assert_eq!(
        asked[0].header("authorization"),
        Some("Basic YW5uOnNlY3JldA==")
    );
}

#[test]
fn a_token_that_expired_is_fetched_again() {
    let site = site();
    site.fault(Times::First(2), bearer(&site, "Bearer t0ken"));
    // Whatever is sent now has expired.
    site.fault(Times::First(1), bearer(&site, "Bearer other"));
    site.fault(Times::Always, bearer(&site, "Bearer t0ken"));
    let (client, access) = (client(), registry(&site, "secret"));
    for _ in 0..2 {
        let request = site.request().access(access.clone());
        assert!(get(&client, &request).unwrap() == content());
    }
    assert_eq!(site.server.count("/token*"), 2);
}

#[test]
fn a_password_that_a_registry_refuses_is_told_at_once() {
    let site = site();
    site.fault(Times::Always, bearer(&site, "Bearer t0ken"));
    site.server
        .fault("/token*", Times::Always, Fault::status(401));
    let request = site.request().access(registry(&site, "secret"));
    let error = get(&client(), &request).unwrap_err();
    assert!(
        matches!(
            error,
            NetError::Unauthorized {
                credentials: Some(_),
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(site.server.requests().len(), 2);
    let basic = Fault::Guarded("Basic realm=\"x\"".to_owned(), "other".to_owned());
    site.server.heal();
    site.server.forget();
    site.fault(Times::Always, basic);
    let request = site.request().access(registry(&site, "secret"));
    let error = get(&client(), &request).unwrap_err();
    assert!(
        matches!(
            error,
            NetError::Unauthorized {
                credentials: Some(_),
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(site.server.requests().len(), 2);
}

#[test]
fn a_dead_proxy_is_named() {
    let site = site();
    // A port that was free a moment ago.
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let of = |value: String| {
        let environment = Environment::of([("http_proxy", value)], "/nonexistent");
        let client = Client::with_environment(options(), environment);
        let error = get(&client, &site.request().attempts(1)).unwrap_err();
        site.message(&error).replace(&dead.to_string(), "[PROXY]")
    };
    let error = of(format!("http://ann:secret@{dead}"));
    assert!(
        error.starts_with("failed to fetch `[SERVER]/file` through the proxy `http://[PROXY]` that `http_proxy` names: "),
        "{error}"
    );
    assert_eq!(
        of("::::".to_owned()),
        "the environment variable `http_proxy` is `::::`, which is not the address of a proxy: empty host"
    );
    assert_eq!(site.server.connections(), 0);
}

#[test]
fn a_proxy_is_used_with_its_password_and_the_servers_stays_apart() {
    let proxy = site();
    let address = proxy.server.url().replace("http://", "http://pat:hush@");
    let environment = Environment::of([("http_proxy", address)], "/nonexistent");
    let client = Client::with_environment(options(), environment);
    let url = "http://ann:secret@mirror.example/file".parse().unwrap();
    assert_eq!(get(&client, &Request::get(url)).unwrap(), content());
    let asked = proxy.server.requests().pop().unwrap();
    assert_eq!(asked.path, "http://mirror.example/file");
    assert_eq!(
        asked.header("proxy-authorization"),
        Some("Basic cGF0Omh1c2g=")
    );
    assert_eq!(
        asked.header("authorization"),
        Some("Basic YW5uOnNlY3JldA==")
    );
}

/// Bodies that are sent: each attempt sends all of it.
mod bodies {
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;

    use distil_net::{Body, Method};

    use super::*;

    /// Answers one request after another with these heads, and gives what was sent with each.
    fn serve(answers: &'static [&'static str]) -> (Url, mpsc::Receiver<(String, Vec<u8>)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/upload", listener.local_addr().unwrap());
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                sender.send(read(&stream)).unwrap();
                let head =
                    format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                io::Write::write_all(&mut &stream, head.as_bytes()).unwrap();
            }
        });
        (url.parse().unwrap(), receiver)
    }

    fn read(stream: &TcpStream) -> (String, Vec<u8>) {
        let mut reader = io::BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            io::BufRead::read_line(&mut reader, &mut line).unwrap();
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if first.is_empty() {
                first = line.to_owned();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        (first, body)
    }

    fn body() -> Vec<u8> {
        (0..300_000_u32).map(|at| (at % 253) as u8).collect()
    }

    #[test]
    fn an_attempt_that_is_repeated_sends_all_again() {
        let (url, sent) = serve(&["503 Busy", "307 There\r\nLocation: /other", "201 Created"]);
        let request = Request::new(Method::Put, url).body(Body::of_bytes(body()));
        let response = client().send(&request, 100).unwrap();
        assert_eq!(response.status().as_u16(), 201);
        let sent: Vec<_> = sent.iter().collect();
        let lines: Vec<&str> = sent.iter().map(|(line, _)| line.as_str()).collect();
        let upload = "PUT /upload HTTP/1.1";
        assert_eq!(lines, [upload, upload, "PUT /other HTTP/1.1"]);
        assert!(sent.iter().all(|(_, sent)| *sent == body()));
    }

    #[test]
    fn a_body_that_cannot_be_read_is_no_fault_of_the_server() {
        let (url, _sent) = serve(&["201 Created"]);
        let short = Body::new(100, || Ok(Box::new(io::empty())));
        let request = Request::new(Method::Post, url.clone()).body(short);
        let error = client().send(&request, 100).unwrap_err();
        assert!(
            matches!(error, NetError::Body { .. }) && error.is_local(),
            "{error}"
        );
        let absent = Body::new(100, || Err(io::ErrorKind::NotFound.into()));
        let error = client().send(&Request::new(Method::Post, url).body(absent), 100);
        assert!(matches!(error, Err(NetError::Body { .. })));
    }
}
