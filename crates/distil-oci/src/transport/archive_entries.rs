//! Where the members of an archive are: its headers are read once, so that contents can be read at
//! their positions without unpacking or loading anything.
//!
//! Names are compared as the paths that they are to programs that unpack archives: no two members
//! may have the same, and none may lead out of the archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;

use distil_store::Digest;
use distil_tree::tar::{FileInput, Input, Limits, MemberKind, ReadError, Unknown, Walk};

use crate::blob::{Blobs, FileRange, FoundBlob};
use crate::spec::Descriptor;
use crate::transport::archive_error::ImageArchiveError;
use crate::transport::unpack::Unpacker;

/// More members than archives of even hundreds of images have.
const MAX_MEMBERS: u64 = 100_000;
/// How many bytes the names of all members may have together, with those that links lead to: twice
/// what as many members have whose names are digests.
const MAX_NAMES: usize = 16 << 20;
/// The largest extended header. A path has at most 4096 bytes on Linux.
const MAX_EXTENSION: u64 = 64 << 10;

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    /// A plain file: where its content is, in bytes from the beginning.
    File { offset: u64, len: u64 },
    /// A symbolic link, and where it leads.
    Symlink(String),
    /// A directory.
    Directory,
    /// A hard link or a device.
    Other,
}

/// The members of an archive, by name.
pub(crate) struct Entries {
    file: Arc<File>,
    members: BTreeMap<String, Member>,
}

impl Entries {
    /// Reads all headers of `file`.
    pub(crate) fn read(file: File) -> Result<Self, ImageArchiveError> {
        let input = FileInput::new(&file).map_err(ImageArchiveError::Read)?;
        let members = members(&mut walk(input))?;
        Ok(Self {
            file: Arc::new(file),
            members,
        })
    }

    /// Reads an archive that can only be read once, by way of a temporary file.
    pub(crate) fn unpack(unpacker: Unpacker) -> Result<Self, ImageArchiveError> {
        let mut walk = walk(unpacker);
        let members = members(&mut walk)?;
        let file = walk
            .into_input()
            .finish()
            .map_err(ImageArchiveError::Read)?;
        Ok(Self {
            file: Arc::new(file),
            members,
        })
    }

    /// Whether there is a member of this name, of any kind.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// The content of the plain file `name`; `None` if there is no such member.
    ///
    /// # Errors
    /// When the member is something else.
    pub(crate) fn file(&self, name: &str) -> Result<Option<FileRange>, ImageArchiveError> {
        let wrong = |what: &'static str| Err(ImageArchiveError::member(name, what));
        // What is not a name of a member is the name of none.
        match normalised(name)
            .ok()
            .and_then(|name| self.members.get(&name))
        {
            None => Ok(None),
            Some(Member::File { offset, len }) => Ok(Some(FileRange {
                file: Arc::clone(&self.file),
                offset: *offset,
                len: *len,
            })),
            Some(Member::Symlink(_)) => wrong("is a link"),
            Some(Member::Directory) => wrong("is a directory"),
            Some(Member::Other) => wrong("is neither a plain file nor a directory"),
        }
    }

    /// As [`Entries::file`], but `name` may be a symbolic link to a plain file of the archive:
    /// Docker before version 25 saves a layer that occurs twice so.
    pub(crate) fn file_or_link(&self, name: &str) -> Result<Option<FileRange>, ImageArchiveError> {
        let member = normalised(name)
            .ok()
            .and_then(|name| self.members.get(&name));
        match member {
            Some(Member::Symlink(target)) => match resolved(name, target) {
                Some(target) => self.file(&target),
                None => Err(ImageArchiveError::member(
                    name,
                    "is a link that leads out of it",
                )),
            },
            _ => self.file(name),
        }
    }
}

impl Blobs for Entries {
    fn find(&self, digest: Digest, _: &Descriptor) -> io::Result<Option<FoundBlob>> {
        let file = self.file(&format!("blobs/sha256/{}", digest.hex()));
        let file = file.map_err(io::Error::other)?;
        Ok(file.map(|range| FoundBlob {
            size: range.len,
            source: Arc::new(range),
        }))
    }
}

/// Goes through an archive of images, of which engines read no more than plain files: what they do
/// not know of a member does not matter.
fn walk<I: Input>(input: I) -> Walk<I> {
    let limits = Limits {
        members: MAX_MEMBERS,
        extension: MAX_EXTENSION,
        ..Limits::default()
    };
    Walk::new(input, limits, Unknown::Skipped)
}

/// Why an archive cannot be read, in the words of the transport.
fn unreadable(error: ReadError) -> ImageArchiveError {
    match error {
        ReadError::Damaged { source, .. } => match source.kind() {
            io::ErrorKind::UnexpectedEof => ImageArchiveError::damaged("it ends too early"),
            io::ErrorKind::InvalidData => ImageArchiveError::damaged(source.to_string()),
            _ => ImageArchiveError::Read(source),
        },
        ReadError::Limit { what, limit } => {
            ImageArchiveError::damaged(format!("it has more than {limit} {what}"))
        }
        ReadError::Refused { name, problem } => ImageArchiveError::member(&name, problem),
    }
}

fn members(walk: &mut Walk<impl Input>) -> Result<BTreeMap<String, Member>, ImageArchiveError> {
    let damaged = |what: String| Err(ImageArchiveError::damaged(what));
    let mut members = BTreeMap::new();
    let mut names = 0;
    while let Some(found) = walk.next_member().map_err(unreadable)? {
        let name = String::from_utf8_lossy(&found.path).into_owned();
        let member = match found.kind {
            MemberKind::File(len) => Member::File {
                offset: walk.offset(),
                len,
            },
            MemberKind::Symlink(target) => {
                Member::Symlink(String::from_utf8_lossy(&target).into_owned())
            }
            MemberKind::Directory => Member::Directory,
            MemberKind::HardLink(_) | MemberKind::Special(_) => Member::Other,
        };
        names += name.len();
        if let Member::Symlink(target) = &member {
            names += target.len();
        }
        if names > MAX_NAMES {
            return damaged(format!("the names in it have more than {MAX_NAMES} bytes"));
        }
        let path = normalised(&name).map_err(|what| ImageArchiveError::member(&name, what))?;
        let is_directory = member == Member::Directory;
        if path.is_empty() && !is_directory {
            return Err(ImageArchiveError::member(&name, "has no name"));
        }
        match members.insert(path, member) {
            None => {}
            // Programs that append to archives repeat the directories.
            Some(Member::Directory) if is_directory => {}
            // Which one is meant differs from program to program.
            Some(_) => return Err(ImageArchiveError::member(&name, "occurs twice")),
        }
    }
    check_parents(&members)?;
    Ok(members)
}

/// Refuses members below one that is not a directory: below a link they would be somewhere else.
fn check_parents(members: &BTreeMap<String, Member>) -> Result<(), ImageArchiveError> {
    for (name, member) in members {
        if *member == Member::Directory {
            continue;
        }
        let below = format!("{name}/");
        let next = (Bound::Excluded(below.as_str()), Bound::Unbounded);
        if let Some((other, _)) = members.range::<str, _>(next).next()
            && other.starts_with(&below)
        {
            return Err(ImageArchiveError::member(
                other,
                "lies below what is not a directory",
            ));
        }
    }
    Ok(())
}

/// The path that a name stands for: without empty parts and `.`, such as `./` in front and `/` at
/// the end, which many programs write.
fn normalised(name: &str) -> Result<String, &'static str> {
    if name.starts_with('/') {
        return Err("has an absolute name");
    }
    let mut path = String::with_capacity(name.len());
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err("has `..` in its name"),
            part => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(part);
            }
        }
    }
    Ok(path)
}

/// Where a link at `name` leads, as a name in the archive; `None` if out of it.
fn resolved(name: &str, target: &str) -> Option<String> {
    let path = normalised(name).ok()?;
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut parts: Vec<&str> = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
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

#[cfg(test)]
mod tests;
