//! What an archive may ask of a reader, what its members are, and why it cannot be read.

use std::io;

use crate::path::Printable;

/// What an archive may ask of a reader.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the archive once it is decompressed.
    pub size: u64,
    /// Members of the archive.
    pub members: u64,
    /// Bytes of one name, link target or PAX header.
    pub extension: u64,
}

impl Default for Limits {
    /// Enough for the largest packages that Debian has: 8 GiB and a million members.
    fn default() -> Self {
        Self {
            size: 8 << 30,
            members: 1_000_000,
            extension: 64 << 10,
        }
    }
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, as it is written.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: MemberKind,
    /// Permissions with the setuid, setgid and sticky bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// The owner's name; empty when there is none.
    pub user: Vec<u8>,
    /// The group's name; empty when there is none.
    pub group: Vec<u8>,
    /// Modification time in seconds since 1970.
    pub mtime: i64,
    /// Extended attributes (`SCHILY.xattr.` in PAX), by name.
    pub xattrs: Vec<(String, Vec<u8>)>,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// A file with this many bytes.
    File(u64),
    /// A directory.
    Directory,
    /// A symbolic link with its target.
    Symlink(Vec<u8>),
    /// A hard link to an earlier member, by its name.
    HardLink(Vec<u8>),
    /// A character device, block device or FIFO, by its word.
    Special(&'static str),
}

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The archive cannot be read further, or is not one.
    #[error("the tar archive is damaged or cut off after {members} members")]
    Damaged {
        /// How many members were read before.
        members: u64,
        /// What the reader said.
        source: io::Error,
    },
    /// It is more than the limits allow.
    #[error("the tar archive has more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// It uses something that is not read here, so that nothing is misread.
    #[error("`{name}` in the tar archive {problem}")]
    Refused {
        /// The member.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl ReadError {
    /// The error that a failure to read a member's content is, after so many members.
    pub fn of_content(source: io::Error, members: u64) -> Self {
        match source
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<TooLarge>())
        {
            Some(TooLarge { limit }) => Self::Limit {
                what: "bytes",
                limit: *limit,
            },
            None => Self::Damaged { members, source },
        }
    }
}

pub(super) fn refused(name: &[u8], problem: &str) -> ReadError {
    ReadError::Refused {
        name: Printable(name).to_string(),
        problem: problem.to_owned(),
    }
}

/// More of an archive was read than its limit.
#[derive(Debug, thiserror::Error)]
#[error("the archive has more than {limit} bytes")]
pub(super) struct TooLarge {
    pub(super) limit: u64,
}
