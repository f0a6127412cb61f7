//! Images made in tests.
#![allow(dead_code, reason = "each test program uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

pub(crate) mod certificates;
pub(crate) mod hints;

use std::time::{Duration, SystemTime};

use distil_check::{Finding, Options, Severity, Subject, check};
use distil_fixture::{Entry, EntryKind, tar};
use distil_inspect::{Changeset, ContainerConfig, Filesystem, Limits, merge, read};

/// An image of one layer, in parts.
#[derive(Clone, Default)]
pub(crate) struct Image {
    entries: Vec<(String, Entry)>,
    config: ContainerConfig,
    writable: Vec<String>,
}

impl Image {
    fn put(mut self, path: &str, entry: Entry) -> Self {
        self.entries.retain(|(known, _)| known != path);
        self.entries.push((path.to_owned(), entry));
        self
    }

    fn change(mut self, path: &str, change: impl Fn(Entry) -> Entry) -> Self {
        for (known, entry) in &mut self.entries {
            if known == path {
                *entry = change(entry.clone());
            }
        }
        self
    }

    /// Without what is at a path and below it.
    pub(crate) fn without(mut self, path: &str) -> Self {
        let below = format!("{path}/");
        let is_there = |known: &String| known == path || known.starts_with(&below);
        self.entries.retain(|(known, _)| !is_there(known));
        self
    }

    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.put(path, Entry::file(path, content).mode(0o644))
    }

    pub(crate) fn program(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.put(path, Entry::file(path, content).mode(0o755))
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.put(path, Entry::symlink(path, target))
    }

    pub(crate) fn folder(self, path: &str, mode: u32) -> Self {
        self.put(path, Entry::directory(path).mode(mode))
    }

    pub(crate) fn fifo(self, path: &str) -> Self {
        self.put(path, Entry::verbatim(path, EntryKind::Fifo))
    }

    pub(crate) fn mode(self, path: &str, mode: u32) -> Self {
        self.change(path, |entry| entry.mode(mode))
    }

    pub(crate) fn owner(self, path: &str, uid: u64) -> Self {
        self.change(path, |entry| entry.owner(uid, uid))
    }

    pub(crate) fn pax(self, path: &str, key: &str, value: &[u8]) -> Self {
        self.change(path, |entry| entry.pax(key, value))
    }

    pub(crate) fn entrypoint(mut self, words: &[&str]) -> Self {
        self.config.entrypoint = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    pub(crate) fn cmd(mut self, words: &[&str]) -> Self {
        self.config.cmd = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    pub(crate) fn healthcheck(mut self, words: &[&str]) -> Self {
        self.config.healthcheck = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    pub(crate) fn user(mut self, user: &str) -> Self {
        self.config.user = user.to_owned();
        self
    }

    pub(crate) fn workdir(mut self, workdir: &str) -> Self {
        self.config.workdir = workdir.to_owned();
        self
    }

    pub(crate) fn volume(mut self, volume: &str) -> Self {
        self.config.volumes.push(volume.to_owned());
        self
    }

    /// Says that a directory is written to.
    pub(crate) fn writes(mut self, path: &str) -> Self {
        self.writable.push(path.to_owned());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.config.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn config(&mut self) -> &mut ContainerConfig {
        &mut self.config
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.findings_with(&|_| None)
    }

    /// What is found where somebody knows the packages of libraries.
    pub(crate) fn findings_with(
        &self,
        package_of: &dyn Fn(&str) -> Option<String>,
    ) -> Vec<Finding> {
        let mut entries: Vec<Entry> = Vec::new();
        // Directories of their own go first, links after them, as archives have them.
        let is_folder =
            |entry: &Entry| matches!(entry.kind(), EntryKind::Directory | EntryKind::Symlink(_));
        let (first, then): (Vec<_>, Vec<_>) =
            self.entries.iter().partition(|(_, entry)| is_folder(entry));
        entries.extend(
            first
                .into_iter()
                .chain(then)
                .map(|(_, entry)| entry.clone()),
        );
        let filesystem = merge(vec![layer(&entries)]).unwrap();
        findings_of(
            &filesystem,
            &ContainerConfig {
                architecture: "amd64".to_owned(),
                ..self.config.clone()
            },
            &self.writable,
            package_of,
        )
    }
}

pub(crate) fn layer(entries: &[Entry]) -> Changeset {
    read(tar(entries, 0).as_slice(), Limits::default()).unwrap()
}

/// When checks are made: 28 May 2026.
pub(crate) const NOW: u64 = 1_780_000_000;

pub(crate) fn findings(filesystem: &Filesystem, config: &ContainerConfig) -> Vec<Finding> {
    findings_of(filesystem, config, &[], &|_| None)
}

fn findings_of(
    filesystem: &Filesystem,
    config: &ContainerConfig,
    writable: &[String],
    package_of: &dyn Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    check(
        Subject {
            filesystem,
            config,
            runtimes: &[],
        },
        Options {
            now,
            package_of,
            writable,
        },
    )
}

pub(crate) fn names(image: &Image) -> Vec<String> {
    image
        .findings()
        .iter()
        .map(|one| one.rule.name.to_owned())
        .collect()
}

/// Whether there is such a finding, with this in what is seen at run time.
pub(crate) fn has(image: &Image, rule: &str, severity: Severity, message: &str) -> bool {
    let findings = image.findings();
    let found = findings.iter().any(|one| {
        let says = one.at_run_time.clone().unwrap_or_default();
        one.rule.name == rule && one.severity == severity && says.contains(message)
    });
    if !found {
        eprintln!("no {severity} {rule} with {message:?} in {findings:#?}");
    }
    found
}

/// A zip archive that stores its entries as they are.
pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut list) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let offset = bytes.len() as u32;
        let size = (content.len() as u32).to_le_bytes();
        let name_size = (name.len() as u16).to_le_bytes();
        let middle = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &size[..],
            &size,
            &name_size,
            &[0, 0],
        ]
        .concat();
        bytes.extend([b"PK\x03\x04", &middle[..], name.as_bytes(), content].concat());
        let rest = [&[0; 10][..], &offset.to_le_bytes()].concat();
        list.extend(
            [
                b"PK\x01\x02\x14\0",
                &middle[..],
                &rest[..],
                &[],
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let count = (entries.len() as u16).to_le_bytes();
    let (size, offset) = (
        (list.len() as u32).to_le_bytes(),
        (bytes.len() as u32).to_le_bytes(),
    );
    let end = [
        b"PK\x05\x06\0\0\0\0",
        &count[..],
        &count,
        &size,
        &offset,
        &[0, 0],
    ]
    .concat();
    [bytes, list, end].concat()
}

/// A loader's cache.
pub(crate) fn cache(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut strings = Vec::new();
    let mut records = Vec::new();
    let start = 48 + 24 * entries.len();
    for (name, path) in entries {
        let key = (start + strings.len()) as u32;
        strings.extend([name.as_bytes(), b"\0"].concat());
        let value = (start + strings.len()) as u32;
        strings.extend([path.as_bytes(), b"\0"].concat());
        records.extend(
            [
                &3_u32.to_le_bytes()[..],
                &key.to_le_bytes(),
                &value.to_le_bytes(),
                &[0; 12],
            ]
            .concat(),
        );
    }
    let (count, size) = (
        (entries.len() as u32).to_le_bytes(),
        (strings.len() as u32).to_le_bytes(),
    );
    [
        &b"glibc-ld.so.cache1.1"[..],
        &count,
        &size,
        &[0; 20],
        &records,
        &strings,
    ]
    .concat()
}
