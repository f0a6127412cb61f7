//! Where the entries of a tar file are: read once, header by header, so that contents can be read
//! at their places without unpacking or loading anything.
//!
//! Reads what archives of images are made of: ustar headers, and the extensions of GNU (`L`, `K`)
//! and POSIX (`x`) for long names and large files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use crate::layer::FileRange;
use crate::transport::error::Problem;

const BLOCK: u64 = 512;
/// More entries than archives of even hundreds of images have.
const MAX_ENTRIES: usize = 100_000;
/// How many bytes the names of all entries may have together, with those that links lead to: twice
/// what as many entries have whose names are digests.
const MAX_NAMES: usize = 16 << 20;
/// The largest extended header. A path has at most 4096 bytes on Linux.
const MAX_EXTENSION: u64 = 64 << 10;

/// The entries of an archive, by name.
pub(crate) struct Entries {
    file: Arc<File>,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    File {
        offset: u64,
        len: u64,
    },
    Symlink(String),
    Folder,
    /// Hard links, sparse files, devices.
    Other,
    /// Two entries of one name: which one is meant differs from program to program.
    Duplicate,
}

/// What extended headers say of the entry that follows them.
#[derive(Default)]
struct Extensions {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
    sparse: bool,
}

impl Entries {
    /// Reads all headers of `file`.
    pub(crate) fn read(file: File) -> Result<Self, Problem> {
        let length = file
            .metadata()
            .map_err(|error| damaged(&format!("its length is unknown ({error})")))?
            .len();
        let mut walk = Walk {
            file: &file,
            length,
            offset: 0,
        };
        let mut entries = BTreeMap::new();
        let (mut number, mut names) = (0, 0);
        while let Some((name, entry)) = walk.next_entry()? {
            number += 1;
            if number > MAX_ENTRIES {
                return Err(damaged(&format!("it has more than {MAX_ENTRIES} entries")));
            }
            names += name.len();
            if let Entry::Symlink(target) = &entry {
                names += target.len();
            }
            if names > MAX_NAMES {
                let what = format!("the names in it have more than {MAX_NAMES} bytes");
                return Err(damaged(&what));
            }
            let both_folders = |old: &Entry| *old == Entry::Folder && entry == Entry::Folder;
            let entry = match entries.get(&name) {
                Some(old) if !both_folders(old) => Entry::Duplicate,
                _ => entry,
            };
            entries.insert(name, entry);
        }
        Ok(Self {
            file: Arc::new(file),
            entries,
        })
    }

    /// Whether these bytes can be the first of a tar file.
    pub(crate) fn is_header(block: &[u8; 512]) -> bool {
        let header = tar::Header::from_byte_slice(block);
        block.iter().all(|byte| *byte == 0) || header.cksum().ok() == Some(checksum(block))
    }

    /// Whether there is an entry of this name, of any kind.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(&normalised(name))
    }

    /// The content of the plain file `name`; `None` if there is no such entry.
    ///
    /// # Errors
    /// When the entry is something else.
    pub(crate) fn file(&self, name: &str) -> Result<Option<FileRange>, Problem> {
        let wrong = |what| {
            Err(Problem::Entry {
                name: shortened(name),
                what,
            })
        };
        match self.entries.get(&normalised(name)) {
            None => Ok(None),
            Some(Entry::File { offset, len }) => Ok(Some(FileRange {
                file: Arc::clone(&self.file),
                offset: *offset,
                len: *len,
            })),
            Some(Entry::Duplicate) => wrong("occurs twice"),
            Some(Entry::Symlink(_)) => wrong("is a link"),
            Some(Entry::Folder) => wrong("is a folder"),
            Some(Entry::Other) => wrong("is neither a plain file nor a folder"),
        }
    }

    /// As [`Entries::file`], but `name` may be a symbolic link to a plain file of the archive:
    /// Docker before version 25 saves a layer that occurs twice so.
    pub(crate) fn file_or_link(&self, name: &str) -> Result<Option<FileRange>, Problem> {
        match self.entries.get(&normalised(name)) {
            Some(Entry::Symlink(target)) => match resolved(name, target) {
                Some(target) => self.file(&target),
                None => Err(Problem::Entry {
                    name: shortened(name),
                    what: "is a link that leads out of it",
                }),
            },
            _ => self.file(name),
        }
    }
}

/// The place in the archive that reading has come to.
struct Walk<'a> {
    file: &'a File,
    length: u64,
    offset: u64,
}

impl Walk<'_> {
    /// The next entry; `None` at the end of the archive.
    fn next_entry(&mut self) -> Result<Option<(String, Entry)>, Problem> {
        let mut extensions = Extensions::default();
        let mut extended = 0;
        loop {
            let Some(header) = self.header()? else {
                return match extended {
                    0 => Ok(None),
                    _ => Err(damaged("it ends after an extended header")),
                };
            };
            let kind = header.entry_type();
            let in_header = header
                .entry_size()
                .map_err(|_| damaged("an entry has no valid size"))?;
            if kind.is_pax_global_extensions() {
                self.content(in_header)?;
                continue;
            }
            if kind.is_pax_local_extensions() || kind.is_gnu_longname() || kind.is_gnu_longlink() {
                extended += 1;
                // One of each kind at most.
                if extended > 3 {
                    return Err(damaged("an entry has too many extended headers"));
                }
                let bytes = self.extension(in_header)?;
                if kind.is_gnu_longname() {
                    extensions.name = Some(terminated(&bytes));
                } else if kind.is_gnu_longlink() {
                    extensions.link = Some(terminated(&bytes));
                } else {
                    extensions.take(&bytes)?;
                }
                continue;
            }
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let name = extensions
                .name
                .unwrap_or_else(|| text(&header.path_bytes()));
            let size = extensions.size.unwrap_or(in_header);
            let entry = if extensions.sparse {
                self.content(size)?;
                Entry::Other
            } else if kind.is_file() || kind.is_contiguous() {
                let offset = self.content(size)?;
                // The oldest archives write a folder as an empty file whose name ends so.
                if name.ends_with('/') {
                    Entry::Folder
                } else {
                    Entry::File { offset, len: size }
                }
            } else if kind.is_symlink() {
                let link = header.link_name_bytes().unwrap_or_default();
                Entry::Symlink(extensions.link.unwrap_or_else(|| text(&link)))
            } else if kind.is_dir() {
                Entry::Folder
            } else if kind.is_hard_link()
                || kind.is_character_special()
                || kind.is_block_special()
                || kind.is_fifo()
            {
                Entry::Other
            } else {
                // What POSIX says of types that are not known: their size counts.
                self.content(size)?;
                Entry::Other
            };
            return Ok(Some((normalised(&name), entry)));
        }
    }

    /// The next header; `None` at the end.
    fn header(&mut self) -> Result<Option<tar::Header>, Problem> {
        if self.offset == self.length {
            return Ok(None);
        }
        let mut header = tar::Header::new_old();
        self.read_block(header.as_mut_bytes())?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            let mut second = tar::Header::new_old();
            if self.offset != self.length {
                self.read_block(second.as_mut_bytes())?;
            }
            return if second.as_bytes().iter().all(|byte| *byte == 0) {
                Ok(None)
            } else {
                Err(damaged("it goes on after an empty block"))
            };
        }
        if header.cksum().ok() != Some(checksum(header.as_bytes())) {
            return Err(damaged(&format!(
                "there is no valid header at byte {}",
                self.offset - BLOCK
            )));
        }
        Ok(Some(header))
    }

    fn read_block(&mut self, block: &mut [u8; 512]) -> Result<(), Problem> {
        self.file
            .read_exact_at(block, self.offset)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => damaged("it ends in the middle of a header"),
                _ => damaged(&format!("reading it failed ({error})")),
            })?;
        self.offset += BLOCK;
        Ok(())
    }

    /// Steps over content of `size` bytes, and gives its place.
    fn content(&mut self, size: u64) -> Result<u64, Problem> {
        let start = self.offset;
        let end = start.checked_add(size).filter(|end| *end <= self.length);
        let Some(end) = end else {
            return Err(damaged("it ends in the middle of an entry"));
        };
        // Some programs leave the padding of the last entry out.
        self.offset = end.next_multiple_of(BLOCK).min(self.length);
        Ok(start)
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, Problem> {
        if size > MAX_EXTENSION {
            return Err(damaged("an extended header is too large"));
        }
        let start = self.content(size)?;
        // At most 64 KiB, as was just checked.
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        self.file
            .read_exact_at(&mut bytes, start)
            .map_err(|error| damaged(&format!("reading it failed ({error})")))?;
        Ok(bytes)
    }
}

impl Extensions {
    /// Takes what a POSIX extended header says (pax, "Extended Header Keywords").
    fn take(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let invalid = || damaged("an extended header is not valid");
        for extension in tar::PaxExtensions::new(bytes) {
            let extension = extension.map_err(|_| invalid())?;
            let text = || extension.value().map(str::to_owned).map_err(|_| invalid());
            match extension.key_bytes() {
                b"path" => self.name = Some(text()?),
                b"linkpath" => self.link = Some(text()?),
                b"size" => self.size = Some(text()?.parse().map_err(|_| invalid())?),
                key if key.starts_with(b"GNU.sparse.") => self.sparse = true,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The sum of all bytes, those of the sum itself counted as spaces.
fn checksum(block: &[u8; 512]) -> u32 {
    let byte = |(place, byte): (usize, &u8)| match place {
        148..156 => u32::from(b' '),
        _ => u32::from(*byte),
    };
    block.iter().enumerate().map(byte).sum()
}

/// A GNU long name, which ends with a zero byte.
fn terminated(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Without `./` in front and `/` at the end.
fn normalised(name: &str) -> String {
    let mut name = name;
    while let Some(rest) = name.strip_prefix("./") {
        name = rest;
    }
    name.trim_end_matches('/').to_owned()
}

/// Where a link at `name` leads, as a name in the archive; `None` if out of it.
fn resolved(name: &str, target: &str) -> Option<String> {
    let folder = normalised(name);
    let folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if target.starts_with('/') {
        return None;
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn damaged(what: &str) -> Problem {
    Problem::Archive(what.to_owned())
}

fn shortened(name: &str) -> String {
    name.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::BlobSource as _;
    use proptest::prelude::*;
    use std::io::{Read as _, Write as _};

    fn entries(bytes: &[u8]) -> Result<Entries, Problem> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Entries::read(file)
    }

    fn error(bytes: &[u8]) -> String {
        match entries(bytes) {
            Ok(_) => panic!("accepted"),
            Err(error) => error.to_string(),
        }
    }

    fn text(range: Option<FileRange>) -> String {
        let mut text = String::new();
        range
            .unwrap()
            .open()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    fn header(kind: tar::EntryType, name: &str, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        header
    }

    fn archive(fill: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        fill(&mut builder);
        builder.into_inner().unwrap()
    }

    fn add(builder: &mut tar::Builder<Vec<u8>>, name: &str, content: &str) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, content.as_bytes())
            .unwrap();
    }

    fn link(builder: &mut tar::Builder<Vec<u8>>, kind: tar::EntryType, name: &str, to: &str) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        builder.append_link(&mut header, name, to).unwrap();
    }

    #[test]
    fn contents_are_found_under_short_and_long_names() {
        let long = "d/".repeat(100) + "x";
        let bytes = archive(|builder| {
            add(builder, "./a", "one");
            add(builder, &long, "two");
            builder
                .append_pax_extensions([("path", b"by/pax".as_slice()), ("mtime", b"1.5")])
                .unwrap();
            add(builder, "ignored", "three");
        });
        let entries = entries(&bytes).unwrap();
        assert_eq!(text(entries.file("a").unwrap()), "one");
        assert_eq!(text(entries.file(&long).unwrap()), "two");
        assert_eq!(text(entries.file("by/pax").unwrap()), "three");
        assert!(entries.file("ignored").unwrap().is_none());
    }

    #[test]
    fn a_file_of_another_size_by_its_extended_header_is_read_whole() {
        let mut bytes = archive(|builder| {
            builder
                .append_pax_extensions([("size", b"600".as_slice())])
                .unwrap();
        });
        bytes.truncate(1024);
        bytes.extend(header(tar::EntryType::Regular, "large", 0).as_bytes());
        bytes.extend([b'x'; 600]);
        bytes.resize(1024 + 512 + 1024, 0);
        bytes.extend(header(tar::EntryType::Regular, "next", 0).as_bytes());
        let entries = entries(&bytes).unwrap();
        assert_eq!(text(entries.file("large").unwrap()), "x".repeat(600));
        assert!(entries.has("next"));
    }

    #[test]
    fn what_is_no_plain_file_is_refused() {
        let bytes = archive(|builder| {
            add(builder, "a/x", "content");
            add(builder, "twice", "one");
            add(builder, "./twice", "two");
            link(builder, tar::EntryType::Symlink, "b/good", "../a/x");
            link(builder, tar::EntryType::Symlink, "b/out", "../../a/x");
            link(builder, tar::EntryType::Symlink, "b/absolute", "/a/x");
            link(builder, tar::EntryType::Symlink, "b/chain", "good");
            link(builder, tar::EntryType::Link, "b/hard", "a/x");
        });
        let entries = entries(&bytes).unwrap();
        let error = |name| entries.file(name).unwrap_err().to_string();
        insta::assert_snapshot!(error("twice"), @"`twice` in the archive occurs twice");
        insta::assert_snapshot!(error("b/good"), @"`b/good` in the archive is a link");
        insta::assert_snapshot!(error("b/hard"), @"`b/hard` in the archive is neither a plain file nor a folder");
        let error = |name| entries.file_or_link(name).unwrap_err().to_string();
        insta::assert_snapshot!(error("b/out"), @"`b/out` in the archive is a link that leads out of it");
        insta::assert_snapshot!(error("b/absolute"), @"`b/absolute` in the archive is a link that leads out of it");
        insta::assert_snapshot!(error("b/chain"), @"`b/good` in the archive is a link");
        assert_eq!(text(entries.file_or_link("b/good").unwrap()), "content");
        assert_eq!(text(entries.file_or_link("a/x").unwrap()), "content");
    }

    #[test]
    fn damage_is_reported() {
        let good = archive(|builder| add(builder, "a", &"x".repeat(1000)));
        insta::assert_snapshot!(error(&good[..300]), @"the archive is damaged: it ends in the middle of a header");
        insta::assert_snapshot!(error(&good[..900]), @"the archive is damaged: it ends in the middle of an entry");
        let mut flipped = good.clone();
        flipped[0] = b'b';
        insta::assert_snapshot!(error(&flipped), @"the archive is damaged: there is no valid header at byte 0");
        let goes_on = [&[0; 512][..], &good].concat();
        insta::assert_snapshot!(error(&goes_on), @"the archive is damaged: it goes on after an empty block");
        let huge = header(tar::EntryType::GNULongName, "x", 1 << 30);
        insta::assert_snapshot!(error(huge.as_bytes()), @"the archive is damaged: an extended header is too large");
        let endless = header(tar::EntryType::Regular, "x", u64::MAX);
        insta::assert_snapshot!(error(endless.as_bytes()), @"the archive is damaged: it ends in the middle of an entry");
        let pending = header(tar::EntryType::GNULongName, "x", 0);
        insta::assert_snapshot!(error(pending.as_bytes()), @"the archive is damaged: it ends after an extended header");
        insta::assert_snapshot!(error(&pending.as_bytes().repeat(9)), @"the archive is damaged: an entry has too many extended headers");
        let many = header(tar::EntryType::Regular, "x", 0)
            .as_bytes()
            .repeat(100_001);
        insta::assert_snapshot!(error(&many), @"the archive is damaged: it has more than 100000 entries");
        // The end is found with and without the blocks that mark it.
        assert!(entries(&good[..1536]).unwrap().has("a"));
        assert!(!entries(b"").unwrap().has("a"));
    }

    #[test]
    fn names_are_bounded_together() {
        // Names, and what links lead to, of 64 KiB each.
        let long = vec![b'x'; 64 << 10];
        let extended = |kind| {
            let head = header(kind, "long", long.len() as u64);
            [head.as_bytes(), &long[..]].concat()
        };
        let file = header(tar::EntryType::Regular, "x", 0);
        let named = [&extended(tar::EntryType::GNULongName), &file.as_bytes()[..]].concat();
        let symlink = header(tar::EntryType::Symlink, "x", 0);
        let linking = [
            &extended(tar::EntryType::GNULongLink),
            &symlink.as_bytes()[..],
        ]
        .concat();
        assert!(entries(&named.repeat(256)).is_ok());
        insta::assert_snapshot!(error(&named.repeat(257)), @"the archive is damaged: the names in it have more than 16777216 bytes");
        let both = [named.repeat(128), linking.repeat(128)].concat();
        insta::assert_snapshot!(error(&both), @"the archive is damaged: the names in it have more than 16777216 bytes");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            noise in prop::collection::vec((0usize..4096, any::<u8>()), 0..8),
            length in 0usize..5000,
        ) {
            let mut bytes = archive(|builder| {
                add(builder, &"d/".repeat(100), "two");
                add(builder, "x", "three");
            });
            for (place, byte) in noise {
                if let Some(old) = bytes.get_mut(place) {
                    *old = byte;
                }
                // Valid sums let the damage through to what comes after.
                let block = place / 512 * 512;
                if let Some(Ok(block)) = bytes.get_mut(block..block + 512).map(<&mut [u8; 512]>::try_from) {
                    let sum = checksum(block);
                    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
                }
            }
            bytes.truncate(length);
            let _ = entries(&bytes);
        }
    }
}
