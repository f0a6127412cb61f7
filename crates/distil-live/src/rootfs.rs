//! The files of an image, read from tars: what an engine exported, or layers laid over each other.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use crate::archive::sha256;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file, or another name of one, with its content.
    File(Vec<u8>),
    /// A directory.
    Folder,
    /// A symbolic link, and where it leads.
    Symlink(String),
    /// Anything else: a device, a pipe.
    Other,
}

/// A file with its owner and mode.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky: the low twelve bits of the mode.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
}

/// Files by absolute path (`/etc/passwd`), without a trailing slash; the root itself is `/`.
#[derive(Debug, Default, Clone)]
pub struct Rootfs {
    entries: BTreeMap<String, Entry>,
}

/// What an engine puts into the container by itself, beside what the image has.
const OF_THE_ENGINE: [&str; 9] = [
    "/.dockerenv",
    "/dev",
    "/proc",
    "/run",
    "/sys",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/mtab",
    "/etc/resolv.conf",
];

impl Rootfs {
    /// Reads one tar.
    #[track_caller]
    pub fn from_tar(bytes: &[u8]) -> Self {
        let mut rootfs = Self::default();
        rootfs.lay_over(bytes);
        rootfs
    }

    /// Lays the files of another tar over these. Whiteouts are not known: no image of ours has any.
    #[track_caller]
    pub fn lay_over(&mut self, bytes: &[u8]) {
        for entry in tar::Archive::new(bytes).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = absolute(&entry.path_bytes());
            assert!(
                !path.rsplit('/').next().unwrap_or("").starts_with(".wh."),
                "a whiteout: {path}"
            );
            let header = entry.header().clone();
            let kind = match header.entry_type() {
                tar::EntryType::Directory => Kind::Folder,
                tar::EntryType::Symlink => Kind::Symlink(
                    String::from_utf8(entry.link_name_bytes().unwrap().into_owned()).unwrap(),
                ),
                tar::EntryType::Link => {
                    let first = absolute(&entry.link_name_bytes().unwrap());
                    self.entries.get(&first).map_or_else(
                        || panic!("{path} is a hard link to {first}, which is not there"),
                        |entry| entry.kind.clone(),
                    )
                }
                tar::EntryType::Regular | tar::EntryType::Continuous => {
                    let mut content = Vec::new();
                    entry.read_to_end(&mut content).unwrap();
                    Kind::File(content)
                }
                _ => Kind::Other,
            };
            let entry = Entry {
                kind,
                mode: header.mode().unwrap() & 0o7777,
                uid: header.uid().unwrap(),
                gid: header.gid().unwrap(),
            };
            self.entries.insert(path, entry);
        }
    }

    /// Every file with its path, in order, without what the engine itself put there.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries
            .iter()
            .map(|(path, entry)| (path.as_str(), entry))
            .filter(|(path, _)| {
                !OF_THE_ENGINE.iter().any(|engine| {
                    path.strip_prefix(engine)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                })
            })
    }

    /// The file at a path, not followed if it is a link.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// The path that this one leads to through every symbolic link on its way, whether or not
    /// something lies there. Fails the test on a loop.
    #[track_caller]
    pub fn resolve(&self, path: &str) -> String {
        let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut done: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    done.pop();
                    continue;
                }
                _ => done.push(part),
            }
            let here = format!("/{}", done.join("/"));
            if let Some(Entry {
                kind: Kind::Symlink(target),
                ..
            }) = self.entries.get(&here)
            {
                links += 1;
                assert!(links < 40, "{path} leads round in a circle");
                done.pop();
                if target.starts_with('/') {
                    done.clear();
                }
                rest.extend(target.split('/').rev().map(str::to_owned));
            }
        }
        format!("/{}", done.join("/"))
    }

    /// The file that a path leads to, if there is one.
    #[track_caller]
    pub fn follow(&self, path: &str) -> Option<&Entry> {
        self.entries.get(&self.resolve(path))
    }

    /// The content of the file that a path leads to; fails the test when there is none.
    #[track_caller]
    pub fn read(&self, path: &str) -> &[u8] {
        match self.follow(path) {
            Some(Entry {
                kind: Kind::File(content),
                ..
            }) => content,
            other => panic!("{path} is not a file: {:?}", other.map(|entry| &entry.kind)),
        }
    }

    /// The content of a text file.
    #[track_caller]
    pub fn text(&self, path: &str) -> &str {
        std::str::from_utf8(self.read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The target of the symbolic link at a path; fails the test when it is none.
    #[track_caller]
    pub fn link(&self, path: &str) -> &str {
        match self.get(path).map(|entry| &entry.kind) {
            Some(Kind::Symlink(target)) => target,
            other => panic!("{path} is not a symbolic link: {}", describe(other)),
        }
    }

    /// Mode, owner and group of the file at a path, not followed.
    #[track_caller]
    pub fn access(&self, path: &str) -> (u32, u64, u64) {
        let entry = self
            .get(path)
            .unwrap_or_else(|| panic!("{path} is not there"));
        (entry.mode, entry.uid, entry.gid)
    }

    /// What one of the two has and the other has not, or has otherwise: a line a file. Links have no
    /// mode of their own, and engines make the root as they like.
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let lines = |rootfs: &Self| -> BTreeSet<String> {
            let all = rootfs.iter().filter(|(path, _)| *path != "/");
            all.map(|(path, entry)| line(path, entry)).collect()
        };
        lines(self)
            .symmetric_difference(&lines(other))
            .cloned()
            .collect()
    }

    /// Writes every file, directory and link into a directory, for a tool that reads a root file system.
    #[track_caller]
    pub fn write_to(&self, folder: &std::path::Path) {
        for (path, entry) in &self.entries {
            let place = folder.join(path.trim_start_matches('/'));
            std::fs::create_dir_all(place.parent().unwrap_or(folder)).unwrap();
            match &entry.kind {
                Kind::Folder => std::fs::create_dir_all(&place).unwrap(),
                Kind::File(content) => std::fs::write(&place, content).unwrap(),
                Kind::Symlink(target) => std::os::unix::fs::symlink(target, &place).unwrap(),
                Kind::Other => {}
            }
        }
    }
}

fn absolute(path: &[u8]) -> String {
    let path = std::str::from_utf8(path).unwrap();
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    format!("/{}", parts.join("/"))
}

/// All that there is to know of a file, in a line.
fn line(path: &str, entry: &Entry) -> String {
    let kind = match &entry.kind {
        Kind::File(content) => sha256(content),
        Kind::Folder => "directory".to_owned(),
        Kind::Symlink(target) => return format!("{path} -> {target}"),
        Kind::Other => "device or pipe".to_owned(),
    };
    format!(
        "{path}: {kind}, {:o}, {}:{}",
        entry.mode, entry.uid, entry.gid
    )
}

fn describe(kind: Option<&Kind>) -> &'static str {
    match kind {
        None => "nothing is there",
        Some(Kind::File(_)) => "a file",
        Some(Kind::Folder) => "a directory",
        Some(Kind::Symlink(_)) => "a link",
        Some(Kind::Other) => "a device or a pipe",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tar with a directory, a file, two links, and another name of the file.
    fn sample() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut add = |path: &str, kind: tar::EntryType, link: &str, content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(0o104755);
            header.set_uid(0);
            header.set_gid(0);
            header.set_size(content.len() as u64);
            if !link.is_empty() {
                header.set_link_name_literal(link).unwrap();
            }
            builder.append_data(&mut header, path, content).unwrap();
        };
        add("usr/bin/", tar::EntryType::Directory, "", b"");
        add("bin", tar::EntryType::Symlink, "usr/bin", b"");
        add("usr/bin/tool", tar::EntryType::Regular, "", b"content");
        add("usr/bin/same", tar::EntryType::Link, "usr/bin/tool", b"");
        add("up", tar::EntryType::Symlink, "../../bin/./tool", b"");
        add(".dockerenv", tar::EntryType::Regular, "", b"");
        builder.into_inner().unwrap()
    }

    #[test]
    fn links_are_followed_inside_the_root() {
        let rootfs = Rootfs::from_tar(&sample());
        assert_eq!(rootfs.read("/bin/tool"), b"content");
        assert_eq!(rootfs.text("/up"), "content");
        assert_eq!(rootfs.text("/usr/bin/same"), "content");
        assert_eq!(rootfs.link("/bin"), "usr/bin");
        assert_eq!(rootfs.resolve("/bin/absent"), "/usr/bin/absent");
        assert!(rootfs.follow("/bin/absent").is_none());
        assert_eq!(rootfs.access("/usr/bin/tool"), (0o4755, 0, 0));
    }

    #[test]
    fn a_difference_names_the_file_on_both_sides() {
        let rootfs = Rootfs::from_tar(&sample());
        assert!(rootfs.difference(&rootfs).is_empty());
        let mut other = rootfs.clone();
        other.entries.get_mut("/usr/bin/tool").unwrap().mode = 0o600;
        assert_eq!(rootfs.difference(&other).len(), 2);
    }

    #[test]
    fn what_the_engine_adds_is_not_the_image_s() {
        let rootfs = Rootfs::from_tar(&sample());
        assert!(rootfs.get("/.dockerenv").is_some());
        assert!(rootfs.iter().all(|(path, _)| path != "/.dockerenv"));
    }
}
