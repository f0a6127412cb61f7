//! Reading a tar archive from outside, which may be hostile.
//!
//! Formats: POSIX.1-1988 ustar, POSIX.1-2001 pax and GNU's long names (tar(5)). The `tar`
//! crate reads the headers and checks their sums; the extensions are taken here, because an
//! archive's sizes and names must stay within limits, and because a PAX key that one reader
//! honours and another does not is how archives are made to say two things (CVE-2025-62518,
//! CVE-2026-33055): a key that is not known here is refused.

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use tar::EntryType;

use crate::path::Printable;

/// The most bytes of names, link targets and attributes together: readers keep them all.
const MAX_NAMES: u64 = 64 << 20;

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
    /// A folder.
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

/// Reads members of a tar archive one after another.
pub struct Reader<R: Read> {
    archive: tar::Archive<Counted<R>>,
    limits: Limits,
    exceeded: Rc<Cell<bool>>,
}

impl<R: Read> Reader<R> {
    /// A reader over `input`, which is the archive without compression.
    pub fn new(input: R, limits: Limits) -> Self {
        let exceeded = Rc::new(Cell::new(false));
        let counted = Counted {
            input,
            limit: limits.size,
            left: limits.size,
            exceeded: exceeded.clone(),
        };
        Self {
            archive: tar::Archive::new(counted),
            limits,
            exceeded,
        }
    }

    /// Calls `visit` with each member and its bytes. What it does not read is skipped.
    ///
    /// All of the input is read, so that what decompresses it has checked its own sums; bytes
    /// other than zeros behind the archive's end are refused, since another reader may take
    /// them for members.
    pub fn for_each<E: From<ReadError>>(
        mut self,
        mut visit: impl FnMut(Member, &mut dyn Read) -> Result<(), E>,
    ) -> Result<(), E> {
        let limits = self.limits;
        let exceeded = self.exceeded.clone();
        let damaged = |members| {
            let exceeded = exceeded.clone();
            move |source| match exceeded.get() {
                true => ReadError::Limit {
                    what: "bytes",
                    limit: limits.size,
                },
                false => ReadError::Damaged { members, source },
            }
        };
        let entries = self.archive.entries().map_err(damaged(0))?.raw(true);
        let mut extensions = Extensions::default();
        let mut members = 0;
        let mut names = 0;
        for entry in entries {
            let mut entry = entry.map_err(damaged(members))?;
            members += 1;
            if members > limits.members {
                return Err(ReadError::Limit {
                    what: "members",
                    limit: limits.members,
                }
                .into());
            }
            let header = entry.header().clone();
            let size = header.entry_size().map_err(damaged(members))?;
            let kind = header.entry_type();
            if matches!(
                kind,
                EntryType::GNULongName
                    | EntryType::GNULongLink
                    | EntryType::XHeader
                    | EntryType::XGlobalHeader
            ) {
                if size > limits.extension {
                    let what = "bytes in one header";
                    return Err(ReadError::Limit {
                        what,
                        limit: limits.extension,
                    }
                    .into());
                }
                names += size;
                if names > MAX_NAMES {
                    let (what, limit) = ("bytes of names", MAX_NAMES);
                    return Err(ReadError::Limit { what, limit }.into());
                }
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(damaged(members))?;
                extensions.take(kind, bytes)?;
                continue;
            }
            let member = member(&header, size, std::mem::take(&mut extensions))?;
            if matches!(member.kind, MemberKind::File(announced) if announced != size) {
                let problem = "has two sizes".to_owned();
                let name = Printable(&member.path).to_string();
                return Err(ReadError::Refused { name, problem }.into());
            }
            visit(member, &mut entry)?;
            io::copy(&mut entry, &mut io::sink()).map_err(damaged(members))?;
        }
        if !extensions.is_empty() {
            let source = io::ErrorKind::UnexpectedEof.into();
            return Err(ReadError::Damaged { members, source }.into());
        }
        let mut rest = self.archive.into_inner();
        let mut buffer = [0; 4096];
        loop {
            let count = rest.read(&mut buffer).map_err(damaged(members))?;
            if count == 0 {
                return Ok(());
            }
            if buffer[..count].iter().any(|&byte| byte != 0) {
                return Err(refused(b"the end", "has more bytes behind it").into());
            }
        }
    }
}

/// What the members before an entry say about it.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    user: Option<Vec<u8>>,
    group: Option<Vec<u8>>,
    uid: Option<u64>,
    gid: Option<u64>,
    size: Option<u64>,
    mtime: Option<i64>,
    xattrs: Vec<(String, Vec<u8>)>,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.path.is_none() && self.link.is_none() && self.size.is_none()
    }

    fn take(&mut self, kind: EntryType, mut bytes: Vec<u8>) -> Result<(), ReadError> {
        match kind {
            EntryType::GNULongName | EntryType::GNULongLink => {
                let end = bytes
                    .iter()
                    .position(|&byte| byte == 0)
                    .unwrap_or(bytes.len());
                bytes.truncate(end);
                let slot = match kind {
                    EntryType::GNULongName => &mut self.path,
                    _ => &mut self.link,
                };
                if slot.replace(bytes).is_some() {
                    return Err(refused(b"a long name", "comes twice for one member"));
                }
                Ok(())
            }
            EntryType::XGlobalHeader => self.global(&bytes),
            _ => self.pax(&bytes),
        }
    }

    /// A global header may only carry what changes nothing, as `git archive`'s comment does.
    fn global(&self, bytes: &[u8]) -> Result<(), ReadError> {
        for record in PaxRecords(bytes) {
            let (key, _) = record?;
            if key != "comment" {
                let problem = format!("has `{key}`, which is not supported for a whole archive");
                return Err(refused(b"a global PAX header", &problem));
            }
        }
        Ok(())
    }

    fn pax(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        for record in PaxRecords(bytes) {
            let (key, value) = record?;
            let number = || {
                let text = std::str::from_utf8(value).ok();
                text.and_then(|text| text.parse::<u64>().ok())
                    .ok_or_else(|| refused(b"a PAX header", &format!("has a bad `{key}`")))
            };
            let twice = match key {
                "path" => self.path.replace(value.to_vec()).is_some(),
                "linkpath" => self.link.replace(value.to_vec()).is_some(),
                "uname" => self.user.replace(value.to_vec()).is_some(),
                "gname" => self.group.replace(value.to_vec()).is_some(),
                "uid" => self.uid.replace(number()?).is_some(),
                "gid" => self.gid.replace(number()?).is_some(),
                "size" => self.size.replace(number()?).is_some(),
                "mtime" => self.mtime.replace(seconds(value)?).is_some(),
                // Times that nothing here keeps, and words for people.
                "atime" | "ctime" | "comment" | "LIBARCHIVE.creationtime" => false,
                _ => match key.strip_prefix("SCHILY.xattr.") {
                    Some(name) => {
                        self.xattrs.push((name.to_owned(), value.to_vec()));
                        false
                    }
                    None => {
                        let problem = format!("has `{key}`, which is not supported");
                        return Err(refused(b"a PAX header", &problem));
                    }
                },
            };
            if twice {
                return Err(refused(b"a PAX header", &format!("has `{key}` twice")));
            }
        }
        Ok(())
    }
}

/// `1700000000.123456789` in PAX: whole seconds count, rounded down.
fn seconds(value: &[u8]) -> Result<i64, ReadError> {
    let text = std::str::from_utf8(value).ok();
    let whole = text.and_then(|text| text.split('.').next()?.parse().ok());
    whole.ok_or_else(|| refused(b"a PAX header", "has a bad `mtime`"))
}

/// The records of a PAX header: `LENGTH KEY=VALUE\n`, where the length counts all of it.
struct PaxRecords<'a>(&'a [u8]);

impl<'a> Iterator for PaxRecords<'a> {
    type Item = Result<(&'a str, &'a [u8]), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let record = pax_record(self.0);
        let result = record.ok_or_else(|| refused(b"a PAX header", "is damaged"));
        match &result {
            Ok((_, _, rest)) => self.0 = rest,
            Err(_) => self.0 = &[],
        }
        Some(result.map(|(key, value, _)| (key, value)))
    }
}

fn pax_record(bytes: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let space = bytes.iter().take(12).position(|&byte| byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
    let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    let key = std::str::from_utf8(&record[..equals]).ok()?;
    Some((key, &record[equals + 1..], &bytes[length..]))
}

fn member(header: &tar::Header, size: u64, more: Extensions) -> Result<Member, ReadError> {
    let path = more
        .path
        .unwrap_or_else(|| header.path_bytes().into_owned());
    let name = path.clone();
    let bad = |_: io::Error| refused(&name, "has a damaged header");
    let link = || {
        let short = || header.link_name_bytes().map(|name| name.into_owned());
        more.link
            .clone()
            .or_else(short)
            .ok_or_else(|| refused(&name, "has no link target"))
    };
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => match path.last() {
            // Pre-POSIX archives mark folders so; tar(5).
            Some(b'/') if size == 0 => MemberKind::Directory,
            _ => MemberKind::File(more.size.unwrap_or(size)),
        },
        EntryType::Directory => MemberKind::Directory,
        EntryType::Symlink => MemberKind::Symlink(link()?),
        EntryType::Link => MemberKind::HardLink(link()?),
        EntryType::Char => MemberKind::Special("character device"),
        EntryType::Block => MemberKind::Special("block device"),
        EntryType::Fifo => MemberKind::Special("FIFO"),
        EntryType::GNUSparse => return Err(refused(&path, "is sparse, which is not supported")),
        other => {
            let problem = format!("has the unknown type {:?}", char::from(other.as_byte()));
            return Err(refused(&path, &problem));
        }
    };
    if size != 0 && !matches!(kind, MemberKind::File(_)) {
        return Err(refused(&path, "has content though it is no file"));
    }
    let owned = |name: Option<&[u8]>| name.unwrap_or_default().to_vec();
    Ok(Member {
        kind,
        mode: header.mode().map_err(bad)? & 0o7777,
        uid: more.uid.map_or_else(|| header.uid(), Ok).map_err(bad)?,
        gid: more.gid.map_or_else(|| header.gid(), Ok).map_err(bad)?,
        user: more.user.unwrap_or_else(|| owned(header.username_bytes())),
        group: more
            .group
            .unwrap_or_else(|| owned(header.groupname_bytes())),
        mtime: match more.mtime {
            Some(mtime) => mtime,
            None => i64::try_from(header.mtime().map_err(bad)?).unwrap_or(i64::MAX),
        },
        xattrs: more.xattrs,
        path,
    })
}

fn refused(name: &[u8], problem: &str) -> ReadError {
    ReadError::Refused {
        name: Printable(name).to_string(),
        problem: problem.to_owned(),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the archive has more than {limit} bytes")]
struct TooLarge {
    limit: u64,
}

/// Ends with an error once the limit is read, so that a bomb costs no more than the limit.
struct Counted<R> {
    input: R,
    limit: u64,
    left: u64,
    exceeded: Rc<Cell<bool>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => {
                self.exceeded.set(true);
                return Err(io::Error::other(TooLarge { limit: self.limit }));
            }
        }
        Ok(count)
    }
}
