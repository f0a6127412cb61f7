//! A lock's packages are had from a directory or the store, and no archive is opened for it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use distil_fixture::DebBuilder;
use distil_lock::{
    Contents, ContentsError, DirectorySource, Fetch, Lock, PackageSource, Sources, StoreSource,
    fetch,
};
use distil_store::{Digest, Store};

const PATH: &str = "pool/main/h/hello/hello_1_amd64.deb";

fn deb() -> Vec<u8> {
    DebBuilder::new("hello", "1", "amd64")
        .file("/usr/bin/hello", b"hello")
        .build()
}

/// A lock of one package, as it would be read from a file.
fn lock(deb: &[u8]) -> Lock {
    let package = serde_json::json!({
        "name": "hello", "version": "1", "architecture": "amd64",
        "source": {"name": "hello", "version": "1"},
        "file": {"suite": "trixie", "path": PATH, "size": deb.len(), "sha256": Digest::of(deb)},
        "reasons": ["pinned"],
    });
    let lock = serde_json::json!({
        "suite": "trixie", "architecture": "amd64", "states": [], "files": [],
        "layers": [{"definition": "hello", "packages": [package]}], "omitted": [],
    });
    serde_json::from_value(lock).unwrap()
}

fn get(store: &Store, source: &dyn PackageSource, lock: &Lock) -> Result<Contents, ContentsError> {
    let how = Fetch {
        store,
        source,
        threads: NonZeroUsize::MIN,
        waiting: 0,
    };
    fetch(lock, &how, &|_| {})
}

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_directory_has_packages_by_path_or_by_name() {
    let deb = deb();
    for path in [PATH, "hello_1_amd64.deb"] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store")).unwrap();
        put(folder.path(), path, &deb);
        let source = DirectorySource(folder.path().to_owned());
        let contents = get(&store, &source, &lock(&deb)).unwrap();
        let mut entries = contents.get("hello").unwrap().package.entries.iter();
        assert!(entries.any(|entry| entry.path.ends_with("usr/bin/hello")));
        // Unpacked once, it is in the store.
        let none = Sources(&[]);
        assert!(get(&store, &none, &lock(&deb)).is_ok());
    }
}

#[test]
fn other_bytes_are_not_taken_and_the_next_source_is_asked() {
    let deb = deb();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    let (wrong, right) = (folder.path().join("wrong"), folder.path().join("right"));
    let mut damaged = deb.clone();
    *damaged.last_mut().unwrap() ^= 1;
    put(&wrong, PATH, &damaged);
    let (stored, wrong) = (StoreSource(&store), DirectorySource(wrong));
    let error = get(&store, &Sources(&[&stored, &wrong]), &lock(&deb)).unwrap_err();
    let message = error.source.to_string();
    assert!(message.starts_with("no mirror has it"), "{message}");
    put(&right, PATH, &deb);
    let right = DirectorySource(right);
    assert!(get(&store, &Sources(&[&stored, &wrong, &right]), &lock(&deb)).is_ok());
}
