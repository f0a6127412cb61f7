//! A registry of the test's own on this machine, with faults.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use distil_net::credentials::{Credential, Credentials};
use distil_net::{Environment, Login, Options, Origin, Secret};
use distil_store::Digest;

use super::pull::open_as;
use super::registries::Registries;
use crate::index::Manifest;
use crate::reference::RegistryReference;

/// What was asked: the path, and the headers by their names in small letters.
type Request = (String, BTreeMap<String, String>);

/// What is answered: the status, headers, and the body; a body is cut off if it says so.
struct Answer(u16, Vec<(&'static str, String)>, Vec<u8>, bool);

fn answer(status: u16, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) -> Answer {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    Answer(status, headers.collect(), body.into(), false)
}

struct Server {
    host: String,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers until the test ends.
    fn start(handle: impl Fn(&str, &Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (log, name) = (Arc::clone(&asked), host.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                // Whoever speaks TLS gets nothing.
                if let Some(request) = read_request(&stream) {
                    log.lock().unwrap().push(request.clone());
                    write_answer(stream, handle(&name, &request));
                }
            }
        });
        Self { host, asked }
    }

    fn asked(&self, path: &str) -> Vec<BTreeMap<String, String>> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|(one, _)| one == path)
            .map(|(_, headers)| headers.clone())
            .collect()
    }

    fn open(&self, name: &str, credentials: Option<Credentials>) -> Result<Manifest, String> {
        let reference: RegistryReference = format!("{}/{name}", self.host).parse().unwrap();
        let options = Options {
            backoff: std::time::Duration::from_millis(1),
            ..Options::default()
        };
        let nothing: [(&str, &str); 0] = [];
        let environment = Environment::of(nothing, "/nonexistent");
        let net = distil_net::Client::with_environment(options, environment);
        open_as(&Registries::new(net), &reference, credentials).map_err(|problem| {
            let mut text = problem.to_string();
            let mut source = std::error::Error::source(&problem);
            while let Some(cause) = source {
                text += &format!(": {cause}");
                source = cause.source();
            }
            text.replace(&self.host, "HOST")
        })
    }
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let path = first.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    let headers = lines.map_while(|line| line.ok().filter(|line| !line.is_empty()));
    let headers = headers.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_ascii_lowercase(), value.to_owned()))
    });
    Some((path, headers.collect()))
}

fn write_answer(mut stream: TcpStream, Answer(status, headers, body, is_cut): Answer) {
    let mut text = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    let body = if is_cut {
        &body[..body.len() / 2]
    } else {
        &body
    };
    let _ = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.write_all(b"\r\n"));
    let _ = stream.write_all(body);
}

/// An image with one layer that is not compressed.
struct Sample {
    manifest: String,
    blobs: BTreeMap<String, Vec<u8>>,
    layer: Digest,
}

fn sample() -> Sample {
    let layer = vec![0; 10240];
    let diff_id = Digest::of(&layer);
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    let config_digest = Digest::of(&config);
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{diff_id}","size":{}}}]}}"#,
        config.len(),
        layer.len()
    );
    let blobs = [
        (config_digest.to_string(), config.into_bytes()),
        (diff_id.to_string(), layer),
    ];
    Sample {
        manifest,
        blobs: blobs.into(),
        layer: diff_id,
    }
}

impl Sample {
    fn answer(&self, path: &str) -> Answer {
        if path == "/v2/team/app/manifests/1" {
            return answer(200, &[], self.manifest.clone());
        }
        let blob = path
            .strip_prefix("/v2/team/app/blobs/")
            .and_then(|digest| self.blobs.get(digest));
        match blob {
            Some(bytes) => answer(200, &[], bytes.clone()),
            None => answer(
                404,
                &[],
                r#"{"errors":[{"code":"X","message":"not \u001b[31mhere"}]}"#,
            ),
        }
    }
}

fn layer_bytes(content: &Manifest) -> Result<usize, String> {
    let layer = &content.images().unwrap()[0].layers()[0].clone();
    let mut bytes = Vec::new();
    let mut reader = layer.open().map_err(|error| error.to_string())?;
    reader
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())
}

/// How the password is sent.
const BASIC: &str = "Basic YW5uOnNlY3JldA==";

fn password() -> Option<Credentials> {
    Some(Credentials {
        credential: Credential::Password(Login {
            user: "ann".to_owned(),
            password: Secret::new("secret"),
        }),
        origin: Origin::Url,
    })
}

#[test]
fn an_image_is_pulled_and_verified() {
    let server = Server::start(|_, (path, _)| sample().answer(path));
    let content = server.open("team/app:1", None).unwrap();
    assert_eq!(content.digest(), Digest::of(&sample().manifest));
    assert_eq!(layer_bytes(&content), Ok(10240));
    insta::assert_snapshot!(server.open("team/app:2", None).unwrap_err(), @r"the registry at `HOST` answered 404 when asked for `HOST/team/app:2`: not \u{1b}[31mhere");
}

#[test]
fn tokens_are_fetched_with_the_password_and_sent_to_the_registry_alone() {
    let server = Server::start(|host, (path, headers)| {
        if path.starts_with("/token") {
            return answer(200, &[], r#"{"token":"t0ken"}"#);
        }
        match headers.get("authorization").map(String::as_str) {
            Some("Bearer t0ken") => sample().answer(path),
            _ => {
                let challenge = format!(
                    r#"Bearer realm="http://{host}/token",service="reg",scope="repository:team/app:pull""#
                );
                answer(401, &[("www-authenticate", &challenge)], "")
            }
        }
    });
    assert!(server.open("team/app:1", password()).is_ok());
    let asked = server.asked("/token?service=reg&scope=repository%3Ateam%2Fapp%3Apull");
    assert_eq!(asked[0]["authorization"], BASIC);
}

#[test]
fn a_password_is_sent_only_when_it_is_asked_for() {
    let server = Server::start(|_, (path, headers)| {
        match headers.get("authorization").map(String::as_str) == Some(BASIC) {
            true => sample().answer(path),
            false => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
        }
    });
    assert!(server.open("team/app:1", password()).is_ok());
    assert!(!server.asked("/v2/team/app/manifests/1")[0].contains_key("authorization"));
    insta::assert_snapshot!(server.open("team/app:1", None).unwrap_err(), @"the registry at `HOST` does not let everybody read `team/app`");
}

#[test]
fn a_redirect_elsewhere_gets_no_credentials() {
    let storage =
        Server::start(|_, (path, _)| sample().answer(&format!("/v2/team/app/blobs{path}")));
    let target = storage.host.clone();
    let server = Server::start(move |_, (path, headers)| {
        if !headers.contains_key("authorization") {
            return answer(401, &[("www-authenticate", "Basic realm=\"x\"")], "");
        }
        match path.strip_prefix("/v2/team/app/blobs") {
            Some(rest) => answer(307, &[("location", &format!("http://{target}{rest}"))], ""),
            None => sample().answer(path),
        }
    });
    let content = server.open("team/app:1", password()).unwrap();
    assert_eq!(layer_bytes(&content), Ok(10240));
    let asked = storage.asked(&format!("/{}", sample().layer));
    assert!(
        !asked.is_empty()
            && asked
                .iter()
                .all(|headers| !headers.contains_key("authorization"))
    );
}

#[test]
fn a_redirect_without_tls_is_refused() {
    let server = Server::start(|_, (path, _)| match path.contains("/blobs/") {
        true => answer(302, &[("location", "http://192.0.2.1/x")], ""),
        false => sample().answer(path),
    });
    let error = server.open("team/app:1", None).unwrap_err();
    assert!(
        error.ends_with("redirects to `http://192.0.2.1/x`, an address without TLS"),
        "{error}"
    );
    let server = Server::start(|_, _| {
        let challenge = "Bearer realm=\"http://192.0.2.1/token\"";
        answer(401, &[("www-authenticate", challenge)], "")
    });
    let error = server.open("team/app:1", password()).unwrap_err();
    assert!(error.ends_with("which is not asked without TLS"), "{error}");
    assert_eq!(server.asked("/v2/team/app/manifests/1").len(), 1);
}

#[test]
fn lies_about_digests_are_found() {
    let server = Server::start(|_, (path, _)| {
        let mut answer = sample().answer(path);
        let other = Digest::of("other").to_string();
        if path.contains("/manifests/") {
            answer.1.push(("docker-content-digest", other));
        }
        answer
    });
    let error = server.open("team/app:1", None).unwrap_err();
    assert!(error.contains("and said that it is"), "{error}");
    let wanted = Digest::of("wanted");
    let server = Server::start(|_, _| answer(200, &[], sample().manifest));
    let error = server
        .open(&format!("team/app@{wanted}"), None)
        .unwrap_err();
    assert!(error.contains("sent a manifest with the digest"), "{error}");
    let server = Server::start(|_, (path, _)| {
        let mut answer = sample().answer(path);
        if path.ends_with(&sample().layer.to_string()) {
            answer.2[100] ^= 1;
        }
        answer
    });
    let content = server.open("team/app:1", None).unwrap();
    assert!(
        layer_bytes(&content)
            .unwrap_err()
            .contains("has the digest")
    );
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let server = Server::start(|_, (path, headers)| {
        let mut answer = sample().answer(path);
        if !path.ends_with(&sample().layer.to_string()) {
            return answer;
        }
        match headers.get("range").and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse::<usize>()
                .ok()
        }) {
            Some(from) => {
                answer.0 = 206;
                answer
                    .1
                    .push(("content-range", format!("bytes {from}-10239/10240")));
                answer.2.drain(..from);
            }
            None => answer.3 = true,
        }
        answer
    });
    let content = server.open("team/app:1", None).unwrap();
    assert_eq!(layer_bytes(&content), Ok(10240));
    let endless = Server::start(|_, (path, _)| {
        let mut answer = sample().answer(path);
        answer.3 = path.ends_with(&sample().layer.to_string());
        answer
    });
    let content = endless.open("team/app:1", None).unwrap();
    assert!(layer_bytes(&content).is_err());
}

#[test]
fn manifests_have_a_limit() {
    let server = Server::start(|_, _| answer(200, &[], vec![b' '; (4 << 20) + 1]));
    let error = server.open("team/app:1", None).unwrap_err();
    assert!(error.contains("larger than 4194304 bytes"), "{error}");
}

#[test]
fn a_registry_that_is_busy_is_asked_again() {
    let left = Mutex::new(2);
    let server = Server::start(move |_, (path, _)| {
        let mut left = left.lock().unwrap();
        if path.contains("/manifests/") && *left > 0 {
            *left -= 1;
            return answer(503, &[("retry-after", "1")], "");
        }
        sample().answer(path)
    });
    let content = server.open("team/app:1", None).unwrap();
    assert_eq!(server.asked("/v2/team/app/manifests/1").len(), 3);
    assert_eq!(layer_bytes(&content), Ok(10240));
}

#[test]
fn a_password_that_is_refused_is_sent_once() {
    let server =
        Server::start(|_, _| answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""));
    insta::assert_snapshot!(server.open("team/app:1", password()).unwrap_err(), @"the registry at `HOST` does not let the user `ann` read `team/app`");
    let asked = server.asked("/v2/team/app/manifests/1");
    let sent = asked
        .iter()
        .filter(|headers| headers.contains_key("authorization"));
    assert_eq!(sent.count(), 1);
}
