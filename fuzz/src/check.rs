//! What `distil check` reads of an image: layers, documents in them, archives. The bounded runs among
//! the ordinary tests (crates/distil-check/tests/random.rs) include this file and do the same.

use std::io::Cursor;
use std::time::SystemTime;

use distil_check::{Options, Subject, check};
use distil_inspect::{
    Changeset, ContainerConfig, Entry, FileContent, Filesystem, Limits, ZipArchive, merge, read,
};
use distil_tree::{Metadata, TreePath};

use super::explain;

const LIMITS: Limits = Limits {
    unpacked: 1 << 20,
    members: 1000,
    names: 1 << 20,
    kept: 1 << 20,
    documents: 1 << 20,
};

/// The most bytes that are read of an entry of a zip archive.
const HEAD: u64 = 1 << 10;

/// Up to three layers on top of one another, and all rules over them.
pub fn layers(data: &[u8]) {
    // The same layers in a row: what one hides, the next may bring back.
    let part = (data.len() / 3).next_multiple_of(512).max(512);
    let mut changesets = Vec::new();
    for layer in data.chunks(part) {
        let zeros = [0; 1024];
        match read([layer, &zeros[..]].concat().as_slice(), LIMITS) {
            Ok(changeset) => changesets.push(changeset),
            Err(error) => explain(&error),
        }
    }
    let filesystem = match merge(changesets) {
        Ok(filesystem) => filesystem,
        Err(error) => return explain(&error),
    };
    for (path, _) in filesystem.tree.iter() {
        assert!(path.parts().all(|part| part != b".." && !part.is_empty()));
        let parent = path.parent().filter(|parent| !parent.is_root());
        let is_folder = parent.is_none_or(|parent| {
            let entry = filesystem.tree.get(&parent);
            entry.is_some_and(distil_tree::Entry::is_directory)
        });
        assert!(is_folder, "what holds {path} is a directory");
    }
    let config = ContainerConfig {
        entrypoint: vec!["x".to_owned()],
        architecture: "amd64".to_owned(),
        ..ContainerConfig::default()
    };
    rules(&filesystem, &config);
}

/// Where documents lie that rules read.
const DOCUMENTS: [&str; 17] = [
    "app/a.jar",
    "app/a.whl",
    "app/b.node",
    "app/package.json",
    "app/run",
    "etc/group",
    "etc/ld-musl-x86_64.path",
    "etc/ld.so.cache",
    "etc/passwd",
    "etc/ssl/certs/ca-certificates.crt",
    "etc/ssl/certs/java/cacerts",
    "lib/ld-musl-x86_64.so.1",
    "opt/jre/release",
    "opt/node_version.h",
    "usr/lib/python3.13/site-packages/x-1.dist-info/WHEEL",
    "usr/local/share/ca-certificates/a.crt",
    "venv/pyvenv.cfg",
];

/// One text as every document that rules read, and as every word of the configuration.
pub fn documents(data: &[u8]) {
    let mut changeset = Changeset::default();
    let meta = Metadata {
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: 0,
    };
    let mut add = |path: &str, bytes: &[u8]| {
        let content = FileContent {
            bytes: bytes.to_vec().into(),
            digests: distil_tree::Digests::default(),
            capability: None,
        };
        let added = changeset.add(&TreePath::of(path), Entry::File(meta, content));
        added.expect("nothing is in the way");
    };
    for path in DOCUMENTS {
        add(path, data);
    }
    for path in ["usr/bin/python3.13", "usr/lib/libnode.so.115"] {
        add(path, b"\x7fELF");
    }
    let filesystem = match merge(vec![changeset]) {
        Ok(filesystem) => filesystem,
        Err(error) => return explain(&error),
    };
    let text = String::from_utf8_lossy(data).into_owned();
    let words: Vec<String> = text.split('\n').take(8).map(str::to_owned).collect();
    let names = [
        "HOME",
        "LANG",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "PATH",
        "PYTHONPATH",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
    ];
    let env = names.map(|name| (name.to_owned(), words.first().cloned().unwrap_or_default()));
    for entrypoint in [vec!["/app/run".to_owned()], words.clone()] {
        let config = ContainerConfig {
            entrypoint,
            cmd: words.clone(),
            env: env.clone().into(),
            user: words.first().cloned().unwrap_or_default(),
            workdir: "/app".to_owned(),
            volumes: words.clone(),
            healthcheck: [vec!["CMD-SHELL".to_owned()], words.clone()].concat(),
            architecture: "amd64".to_owned(),
        };
        rules(&filesystem, &config);
    }
}

fn rules(filesystem: &Filesystem, config: &ContainerConfig) {
    let subject = Subject {
        filesystem,
        config,
        runtimes: &[],
    };
    let options = Options {
        now: SystemTime::UNIX_EPOCH,
        package_of: &|_| None,
        writable: &[],
    };
    for finding in check(subject, options) {
        let says = finding.at_run_time.unwrap_or_default();
        for text in [finding.problem, says, finding.remedy] {
            assert!(
                !text.contains(char::is_control),
                "a finding moves the terminal: {text:?}"
            );
        }
    }
}

/// A jar or wheel: its list, and the beginnings of its entries.
pub fn zip(data: &[u8]) {
    let mut archive = match ZipArchive::new(Cursor::new(data)) {
        Ok(archive) => archive,
        Err(error) => return explain(&error),
    };
    for entry in archive.entries().iter() {
        match archive.head(entry, HEAD) {
            Ok(bytes) => assert!(bytes.len() as u64 <= HEAD, "more bytes than the limit"),
            Err(error) => explain(&error),
        }
        if let Err(error) = archive.stored(entry) {
            explain(&error);
        }
    }
}
