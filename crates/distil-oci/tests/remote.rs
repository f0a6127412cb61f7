//! Images in a registry: what is asked for, and how often.
#![allow(clippy::unwrap_used, clippy::panic)] // Also outside of `#[test]` functions.

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use common::*;
use distil_oci::{Location, Manifest, Platform, transport};

/// How often each path was asked for.
type Asked = Arc<Mutex<BTreeMap<String, usize>>>;

/// A registry on this machine that has `manifest` as `team/app:1`, until the test ends.
fn registry(manifest: &Manifest) -> (Location, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let location = format!("docker://{}/team/app:1", listener.local_addr().unwrap());
    let mut blobs = BTreeMap::new();
    for (digest, blob) in manifest.blobs().unwrap() {
        let mut bytes = Vec::new();
        blob.open().unwrap().read_to_end(&mut bytes).unwrap();
        let media_type = blob.descriptor().media_type().to_string();
        for kind in ["blobs", "manifests"] {
            let path = format!("/v2/team/app/{kind}/{digest}");
            blobs.insert(path, (media_type.clone(), bytes.clone()));
        }
    }
    let top = (manifest.media_type().to_string(), manifest.bytes().to_vec());
    blobs.insert("/v2/team/app/manifests/1".to_owned(), top);
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Some(path) = stream.as_ref().ok().and_then(path) else {
                continue;
            };
            *log.lock().unwrap().entry(path.clone()).or_default() += 1;
            let (status, media_type, bytes) = match blobs.get(&path) {
                Some((media_type, bytes)) => (200, media_type.as_str(), bytes.as_slice()),
                None => (404, "text/plain", &b""[..]),
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n",
                bytes.len()
            );
            let _ = stream
                .unwrap()
                .write_all(&[head.as_bytes(), bytes].concat());
        }
    });
    (location.parse().unwrap(), asked)
}

/// What is asked for; nothing by who speaks TLS.
fn path(stream: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let path = first.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .for_each(drop);
    Some(path)
}

#[test]
fn of_an_index_only_what_is_wanted_is_fetched_and_that_once() {
    let content = index(&["s390x", "amd64", "arm64"]);
    let (location, asked) = registry(&content);
    let opened = transport::open(&location, &registries()).unwrap();
    let counts = || -> Vec<(String, usize)> {
        let asked = asked.lock().unwrap();
        let blobs = asked.iter().filter(|(path, _)| path.contains("sha256:"));
        blobs.map(|(path, count)| (path.clone(), *count)).collect()
    };
    assert_eq!(counts(), [], "opening reads the index alone");
    assert_eq!(opened.platforms().unwrap().len(), 3);
    assert_eq!(counts(), [], "the index tells the platforms");

    let platform = Platform::linux("arm64", None);
    let image = opened.image_for(Some(&platform)).unwrap();
    let again = opened.image_for(Some(&platform)).unwrap();
    for image in [&image, &again] {
        for layer in image.layers() {
            assert!(!unpacked(layer).is_empty());
            assert!(!unpacked(layer).is_empty());
        }
    }
    // The manifest, the configuration and two layers.
    let mut expected = vec![format!("/v2/team/app/manifests/{}", image.digest())];
    let config = image.config_digest();
    let layers = image.layers().iter().map(|layer| layer.digest());
    expected.extend(
        [config]
            .into_iter()
            .chain(layers)
            .map(|d| format!("/v2/team/app/blobs/{d}")),
    );
    expected.sort();
    let expected: Vec<(String, usize)> = expected.into_iter().map(|path| (path, 1)).collect();
    assert_eq!(counts(), expected);

    // A copy of the whole fetches what is missing, and nothing again.
    let folder = tempfile::tempdir().unwrap();
    let place = format!("oci-archive:{}", folder.path().join("x").display());
    write(opened.manifest(), &place.parse().unwrap()).unwrap();
    assert!(dump(&open(&place.parse().unwrap()).unwrap()) == dump(&content));
    assert!(
        counts().iter().all(|(_, count)| *count == 1),
        "{:?}",
        counts()
    );
    // Three manifests, three configurations, a layer of each and one of all.
    assert_eq!(counts().len(), 3 + 3 + 3 + 1);
}

#[test]
fn a_platform_that_there_is_no_image_for_is_named() {
    let (location, _) = registry(&index(&["s390x", "amd64"]));
    let opened = transport::open(&location, &registries()).unwrap();
    let platform = Platform::linux("arm64", None);
    let error = chain(&opened.image_for(Some(&platform)).unwrap_err());
    let error = error.replace(&location.to_string(), "LOCATION");
    insta::assert_snapshot!(error, @"failed to read an image from `LOCATION`: there is no image for `linux/arm64`, only for `linux/s390x`, `linux/amd64`");
}
