//! Tests against a small daemon of our own, which answers as it is told to.

use super::*;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use crate::layer::{BlobSource, BytesBlob};
use crate::{Compression, Image, ImageIndex, Layer, LayerWriter, spec};

/// A request that came in: its first line, and its body as far as it got.
struct Request {
    line: String,
    body: Vec<u8>,
    whole: bool,
}

/// What Docker of this version for `architecture` says of itself.
fn docker(version: &str, architecture: &str) -> String {
    format!(
        r#"{{"Platform": {{"Name": ""}},
            "Components": [{{"Name": "Engine", "Version": "{version}"}}],
            "Version": "{version}", "ApiVersion": "1.41", "Os": "linux", "Arch": "{architecture}"}}"#
    )
}

/// Runs `test` while Docker 20.10 for `architecture` answers requests, other than for its version,
/// with what `answer` makes of them; gives what the test gave, and those requests.
fn with_daemon<T: Send>(
    architecture: &str,
    answer: impl Fn(&Request) -> Option<(u16, Vec<u8>)> + Send + Sync,
    test: impl FnOnce(&DaemonHost) -> T + Send,
) -> (T, Vec<Request>) {
    with_version(&docker("20.10.24+dfsg1", architecture), answer, test)
}

/// As [`with_daemon`], for a daemon that says `version` of itself.
fn with_version<T: Send>(
    version: &str,
    answer: impl Fn(&Request) -> Option<(u16, Vec<u8>)> + Send + Sync,
    test: impl FnOnce(&DaemonHost) -> T + Send,
) -> (T, Vec<Request>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::scope(|scope| {
        let daemon = scope.spawn(|| {
            let mut requests = Vec::new();
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let Some(request) = receive(&mut connection) else {
                    continue;
                };
                if request.line == "stop" {
                    break;
                }
                let is_version = request.line.ends_with("/version HTTP/1.1");
                let answer = match is_version {
                    true => Some((200, version.as_bytes().to_vec())),
                    false => answer(&request),
                };
                // Without an answer it hangs up. The other side may do so first.
                if let Some((status, body)) = answer {
                    let head = format!(
                        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = connection.write_all(&[head.as_bytes(), &body].concat());
                }
                if !is_version {
                    requests.push(request);
                }
            }
            requests
        });
        let stop = Stop(&path);
        let result = test(&DaemonHost::Unix(path.clone()));
        drop(stop);
        (result, daemon.join().unwrap())
    })
}

/// Ends the daemon, also when the test panics, since it would be waited for.
struct Stop<'a>(&'a Path);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        let mut connection = UnixStream::connect(self.0).unwrap();
        connection.write_all(b"stop\r\n\r\n").unwrap();
    }
}

/// Reads a request; `None` if the client only looked whether somebody listens.
fn receive(connection: &mut UnixStream) -> Option<Request> {
    let mut reader = BufReader::new(connection);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let mut request = Request {
        line: head.first()?.clone(),
        body: Vec::new(),
        whole: true,
    };
    let chunked = |line: &String| line.eq_ignore_ascii_case("transfer-encoding: chunked");
    if head.iter().any(chunked) {
        request.whole = chunks(&mut reader, &mut request.body).is_some();
    }
    Some(request)
}

/// A body in chunks (RFC 9112, 7.1); `None` when it breaks off.
fn chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).ok()?;
        let size = u64::from_str_radix(size.trim_end(), 16).ok()?;
        let read = reader.by_ref().take(size).read_to_end(body).ok()?;
        if read as u64 != size {
            return None;
        }
        reader.read_line(&mut String::new()).ok()?;
        if size == 0 {
            return Some(());
        }
    }
}

fn image(architecture: &str, source: impl FnOnce(Vec<u8>) -> Arc<dyn BlobSource>) -> Image {
    compressed(architecture, Compression::None, source)
}

fn compressed(
    architecture: &str,
    compression: Compression,
    source: impl FnOnce(Vec<u8>) -> Arc<dyn BlobSource>,
) -> Image {
    let mut writer = LayerWriter::new(Vec::new(), compression, std::num::NonZeroUsize::MIN);
    // More than fits into the channel, so that both sides have to wait for one another.
    let tar = vec![0; 4 * CHUNK * WAITING];
    writer.write_all(&tar).unwrap();
    let (bytes, facts) = writer.finish().unwrap();
    let layer = Layer::new(compression, &facts, source(bytes));
    let mut config = spec::ImageConfiguration::default();
    config
        .set_os("linux".into())
        .set_architecture(architecture.into());
    let mut rootfs = spec::RootFs::default();
    rootfs.set_diff_ids(vec![layer.diff_id().to_string()]);
    config.set_rootfs(rootfs);
    Image::new(config, vec![layer], BTreeMap::new()).unwrap()
}

fn good(architecture: &str) -> Image {
    image(architecture, |bytes| Arc::new(BytesBlob(bytes.into())))
}

/// The archive of an image under the name that these tests use.
fn archived(image: Image) -> Vec<u8> {
    let mut archive = Vec::new();
    let names = [name()];
    let (place, names) = (Path::new("x"), Names::of(&names));
    combined::to(&mut archive, place, &image.into(), &names, 0).unwrap();
    archive
}

fn name() -> Reference {
    "python3:debug".parse().unwrap()
}

fn message(error: &DaemonError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// What giving `content` to a daemon with this answer comes to.
fn load_into(
    content: &Manifest,
    answer: Option<(u16, &str)>,
) -> (Result<(), String>, Vec<Request>) {
    let answer = answer.map(|(status, body)| (status, body.as_bytes().to_vec()));
    with_daemon(
        "arm64",
        |_| answer.clone(),
        |host| write_to(host, content, &name(), 0).map_err(|error| message(&error)),
    )
}

const LOADED: &str = r#"{"stream":"Loaded image: python3:debug\n"}"#;

#[test]
fn the_daemon_gets_the_image_of_its_platform() {
    let index = ImageIndex::new(vec![good("amd64"), good("arm64")], BTreeMap::new()).unwrap();
    let (result, requests) = load_into(&index.into(), Some((200, LOADED)));
    assert_eq!(result, Ok(()));
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    let line = "POST /images/load?quiet=true HTTP/1.1";
    assert_eq!(request.line, line);
    assert!(request.whole);
    assert!(request.body == archived(good("arm64")));
}

#[test]
fn an_old_docker_that_refuses_layers_by_zstandard_is_explained() {
    let of = |compression| {
        let source = |bytes: Vec<u8>| -> Arc<dyn BlobSource> { Arc::new(BytesBlob(bytes.into())) };
        Manifest::Image(compressed("arm64", compression, source))
    };
    let load = |content: &Manifest, version: &str| {
        let refusal = r#"{"message":"invalid tar header"}"#;
        let answer = |_: &Request| Some((500, refusal.as_bytes().to_vec()));
        let (result, requests) = with_version(version, answer, |host| {
            write_to(host, content, &name(), 0).map_err(|error| message(&error))
        });
        assert_eq!(requests.len(), 1);
        result
    };
    let refused = Err("the Docker daemon refused: invalid tar header".to_owned());
    let zstd = of(Compression::ZSTD);
    insta::assert_snapshot!(load(&zstd, &docker("20.10.24+dfsg1", "arm64")).unwrap_err(), @"Docker 20.10 refused: invalid tar header; before 23, not every one reads layers compressed by zstd");
    let old = r#"{"Version": "17.03.2-ce", "ApiVersion": "1.27", "Arch": "arm64"}"#;
    insta::assert_snapshot!(load(&zstd, old).unwrap_err(), @"Docker 17.03 refused: invalid tar header; before 23, not every one reads layers compressed by zstd");
    let podman = docker("4.3.1", "arm64").replace("Engine", "Podman Engine");
    for version in [
        &docker("23.0.0", "arm64"),
        &docker("29.0.0-rc.1", "arm64"),
        &docker("dev", "arm64"),
        &docker("", "arm64"),
        &docker("20", "arm64"),
        &docker("0.0.0-dev", "arm64"),
        &podman,
        r#"{"ApiVersion": "1.41"}"#,
    ] {
        assert_eq!(load(&zstd, version), refused, "{version}");
    }
    for compression in [Compression::None, Compression::GZIP] {
        let old = docker("20.10.24", "arm64");
        assert_eq!(load(&of(compression), &old), refused, "{compression:?}");
    }
    // The media type may not say it.
    let layer = &zstd.images().unwrap()[0].layers()[0].clone();
    let disguised = Layer::from_parts(
        spec::MediaType::ImageLayer,
        layer.digest(),
        layer.size(),
        layer.diff_id(),
        Arc::new(BytesBlob(bytes_of(layer).into())),
    );
    assert!(is_zstd(layer) && is_zstd(&disguised));
}

fn bytes_of(layer: &Layer) -> Vec<u8> {
    let mut bytes = Vec::new();
    layer.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn an_error_in_an_answer_that_began_well_is_an_error() {
    let content = Manifest::Image(good("arm64"));
    let error = |answer| load_into(&content, answer).0.unwrap_err();
    let body = format!(
        "{LOADED}\r\n{}\r\n",
        r#"{"errorDetail":{"message":"no space left\non device"},"error":"no space left"}"#
    );
    insta::assert_snapshot!(error(Some((200, &body))), @"the Docker daemon refused: no space left on device");
    insta::assert_snapshot!(error(Some((500, r#"{"message":"not today"}"#))), @"the Docker daemon refused: not today");
    insta::assert_snapshot!(error(None), @"the conversation with the Docker daemon failed: connection closed before message completed");
}

#[test]
fn a_layer_that_cannot_be_read_is_named_and_the_daemon_gets_no_whole_archive() {
    struct Short(Vec<u8>);
    impl BlobSource for Short {
        fn open(&self) -> io::Result<Box<dyn Read + Send>> {
            Ok(Box::new(io::Cursor::new(self.0[1..].to_vec())))
        }
    }
    let content = Manifest::Image(image("arm64", |bytes| Arc::new(Short(bytes))));
    let (result, requests) = load_into(&content, Some((200, LOADED)));
    let error = result.unwrap_err();
    assert!(error.starts_with("failed to read the blob"), "{error}");
    assert!(requests.iter().all(|request| !request.whole));
}

#[test]
fn an_image_is_read_out_of_the_daemon() {
    let archive = archived(good("arm64"));
    let open = |answer: Option<(u16, Vec<u8>)>| {
        with_daemon("arm64", |_| answer.clone(), |host| open_from(host, &name()))
    };
    let (read, requests) = open(Some((200, archive.clone())));
    assert_eq!(read.unwrap().images().unwrap(), [good("arm64")]);
    let line = "GET /images/python3:debug/get HTTP/1.1";
    assert_eq!(requests[0].line, line);

    let missing = br#"{"message":"No such image: python3:debug"}"#;
    let error = |answer| message(&open(answer).0.unwrap_err());
    insta::assert_snapshot!(error(Some((404, missing.to_vec()))), @"the Docker daemon has no image `python3:debug`");
    insta::assert_snapshot!(error(None), @"the conversation with the Docker daemon failed: connection closed before message completed");
    insta::assert_snapshot!(error(Some((200, archive[..5000].to_vec()))), @"the archive is damaged: it ends too early");
}

#[test]
fn without_a_daemon_the_message_says_where_it_was_looked_for() {
    let error = |host| message(&open_from(&host, &name()).unwrap_err());
    insta::assert_snapshot!(error(DaemonHost::Unix("/no/such/docker.sock".into())), @"no Docker daemon answers at `unix:///no/such/docker.sock`: No such file or directory (os error 2)");
    insta::assert_snapshot!(error(DaemonHost::Tcp("127.0.0.1:1".to_owned())), @"no Docker daemon answers at `tcp://127.0.0.1:1`: Connection refused (os error 111)");
}

#[test]
fn it_works_inside_an_asynchronous_program() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let content = Manifest::Image(good("arm64"));
    let result = runtime.block_on(async { load_into(&content, Some((200, LOADED))).0 });
    assert_eq!(result, Ok(()));
}
