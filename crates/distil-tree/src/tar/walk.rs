//! From header to header of a tar archive.
//!
//! Formats: POSIX.1-1988 ustar, POSIX.1-2001 pax and GNU's long names (tar(5)). The `tar` crate
//! parses headers; what is between them is taken here, because an archive's sizes and names must
//! stay within limits, and what could be read in two ways is refused.

use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::os::unix::fs::FileExt;

use tar::{EntryType, Header};

use super::extensions::{Extensions, Unknown};
use super::member::{Limits, Member, MemberKind, ReadError, refused};

/// Headers are blocks, and content is filled up to whole ones.
const BLOCK: usize = 512;

/// The most bytes of names, link targets and attributes together that need headers of their own:
/// readers keep them all.
const MAX_NAMES: u64 = 64 << 20;

/// What the header's own field for sizes cannot hold (11 octal digits): from here on the size is in
/// a PAX record alone.
const MAX_OCTAL_SIZE: u64 = 8 << 30;

/// What an archive is read from, from its beginning to its end.
pub trait Input {
    /// Reads until `buffer` is full or there is no more, and gives the number of bytes.
    ///
    /// # Errors
    /// What the system reports.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Steps over `size` bytes, or to the end, and gives the number of bytes.
    ///
    /// # Errors
    /// What the system reports.
    fn skip(&mut self, size: u64) -> io::Result<u64>;
}

/// An open file, which is read at positions.
#[derive(Debug)]
pub struct FileInput<'a> {
    file: &'a File,
    length: u64,
    position: u64,
}

impl<'a> FileInput<'a> {
    /// An archive that is a file.
    ///
    /// # Errors
    /// If its length is not to be had.
    pub fn new(file: &'a File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            length,
            position: 0,
        })
    }
}

impl Input for FileInput<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length - self.position).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        self.file
            .read_exact_at(&mut buffer[..most], self.position)?;
        self.position += most as u64;
        Ok(most)
    }

    fn skip(&mut self, size: u64) -> io::Result<u64> {
        let size = size.min(self.length - self.position);
        self.position += size;
        Ok(size)
    }
}

/// Goes through an archive from member to member.
#[derive(Debug)]
pub struct Walk<I> {
    input: I,
    limits: Limits,
    unknown: Unknown,
    /// How many bytes were read or skipped.
    offset: u64,
    /// How many headers were met.
    headers: u64,
    /// Bytes of names that had headers of their own.
    names: u64,
    /// What is left of the content of the member that was met last.
    left: u64,
    /// What fills that content up to the next header.
    padding: usize,
}

impl<I: Input> Walk<I> {
    /// Begins at the beginning.
    pub fn new(input: I, limits: Limits, unknown: Unknown) -> Self {
        Self {
            input,
            limits,
            unknown,
            offset: 0,
            headers: 0,
            names: 0,
            left: 0,
            padding: 0,
        }
    }

    /// What the archive is read from.
    pub fn into_input(self) -> I {
        self.input
    }

    /// Where the content of the member that was met last begins, in bytes from the beginning of the
    /// archive, as long as none of it was read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next member, whose content is then to be read; none at the end. What was not read of the
    /// one before is skipped.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn next_member(&mut self) -> Result<Option<Member>, ReadError> {
        let mut extensions = Extensions::default();
        while let Some(header) = self.header()? {
            self.headers += 1;
            if self.headers > self.limits.members {
                return Err(limit("members", self.limits.members));
            }
            let size = header.entry_size();
            let size = size.map_err(|source| self.damaged(source))?;
            let kind = header.entry_type();
            if describes_another(kind) {
                self.begin(size);
                let bytes = self.extension(size)?;
                extensions.take(kind, &bytes, self.unknown)?;
                continue;
            }
            let (size, member) = member(&header, size, mem::take(&mut extensions), self.unknown)?;
            self.begin(size);
            if member.is_some() {
                return Ok(member);
            }
        }
        match extensions.is_empty() {
            true => Ok(None),
            false => Err(self.damaged(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Content of so many bytes is next.
    fn begin(&mut self, size: u64) {
        self.left = size;
        let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
        self.padding = (BLOCK - over) % BLOCK;
    }

    /// The content of a member that describes another.
    fn extension(&mut self, size: u64) -> Result<Vec<u8>, ReadError> {
        if size > self.limits.extension {
            return Err(limit("bytes in one header", self.limits.extension));
        }
        self.names += size;
        if self.names > MAX_NAMES {
            return Err(limit("bytes of names", MAX_NAMES));
        }
        let mut bytes = Vec::new();
        let read = self.content().read_to_end(&mut bytes);
        read.map_err(|source| self.damaged(source))?;
        Ok(bytes)
    }

    /// The next header; none at the end, which two blocks of zeros mark, or one, or nothing.
    fn header(&mut self) -> Result<Option<Header>, ReadError> {
        let left = mem::take(&mut self.left);
        let skipped = self.input.skip(left);
        let skipped = skipped.map_err(|source| self.damaged(source))?;
        self.offset += skipped;
        if skipped < left {
            return Err(self.damaged(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut padding = [0; BLOCK];
        let filling = mem::take(&mut self.padding);
        // Some programs leave the last one out, and Go does without it.
        self.fill(padding.get_mut(..filling).unwrap_or_default())?;
        let mut header = Header::new_old();
        match self.fill(header.as_mut_bytes())? {
            BLOCK => {}
            0 => return Ok(None),
            _ => return Err(self.damaged(io::ErrorKind::UnexpectedEof.into())),
        }
        if is_zero(header.as_bytes()) {
            self.fill(header.as_mut_bytes())?;
            return match is_zero(header.as_bytes()) {
                true => Ok(None),
                false => Err(refused(b"the end", "has more bytes behind it")),
            };
        }
        match header.cksum().ok() == Some(checksum(header.as_bytes())) {
            true => Ok(Some(header)),
            false => {
                let at = self.offset - BLOCK as u64;
                let message = format!("there is no valid header at byte {at}");
                Err(self.damaged(io::Error::new(io::ErrorKind::InvalidData, message)))
            }
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let count = self.input.fill(buffer);
        let count = count.map_err(|source| self.damaged(source))?;
        self.offset += count as u64;
        Ok(count)
    }

    /// What reading failed with, after so many members.
    pub(super) fn damaged(&self, source: io::Error) -> ReadError {
        ReadError::of_content(source, self.headers)
    }

    /// What comes behind the end.
    pub(super) fn rest(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.fill(buffer)
    }

    /// The content of the member that was met last, as far as it was not read yet.
    pub fn content(&mut self) -> Content<'_, I> {
        Content(self)
    }
}

/// Reads the content of a member.
#[derive(Debug)]
pub struct Content<'a, I>(&'a mut Walk<I>);

impl<I: Input> Read for Content<'_, I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Walk {
            input,
            left,
            offset,
            ..
        } = &mut *self.0;
        let most = usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let buffer = &mut buffer[..most];
        let count = input.fill(buffer)?;
        if count < most {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *offset += count as u64;
        *left -= count as u64;
        Ok(count)
    }
}

/// Whether these bytes can be the first of a tar archive: a header with its sum, or an end.
pub fn is_header(block: &[u8; BLOCK]) -> bool {
    let header = Header::from_byte_slice(block);
    is_zero(block) || header.cksum().ok() == Some(checksum(block))
}

fn is_zero(block: &[u8; BLOCK]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// The sum of all bytes, those of the sum itself counted as spaces.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let byte = |(place, byte): (usize, &u8)| match place {
        148..156 => u32::from(b' '),
        _ => u32::from(*byte),
    };
    block.iter().enumerate().map(byte).sum()
}

fn limit(what: &'static str, limit: u64) -> ReadError {
    ReadError::Limit { what, limit }
}

fn describes_another(kind: EntryType) -> bool {
    matches!(
        kind,
        EntryType::GNULongName
            | EntryType::GNULongLink
            | EntryType::XHeader
            | EntryType::XGlobalHeader
    )
}

/// The size of a member's content and the member; none if it is of a type that is not known, and is
/// skipped.
fn member(
    header: &Header,
    written: u64,
    more: Extensions,
    unknown: Unknown,
) -> Result<(u64, Option<Member>), ReadError> {
    let path = more
        .path
        .unwrap_or_else(|| header.path_bytes().into_owned());
    let size = match more.size {
        None => written,
        Some(size) if size == written => size,
        Some(size) if written == 0 && size >= MAX_OCTAL_SIZE => size,
        // Some readers go on by the one, some by the other.
        Some(_) => return Err(refused(&path, "has two sizes")),
    };
    let field = |bytes: &[u8], number: io::Result<u64>| match number {
        Ok(number) => Ok(number),
        // dpkg, GNU's tar and Go take an empty field for 0.
        Err(_) if bytes.iter().all(|byte| matches!(byte, 0 | b' ')) => Ok(0),
        Err(_) => Err(refused(&path, "has a damaged header")),
    };
    let old = header.as_old();
    let link = || {
        let short = || header.link_name_bytes().map(|name| name.into_owned());
        let link = more.link.clone().or_else(short);
        link.ok_or_else(|| refused(&path, "has no link target"))
    };
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => match path.last() {
            // Archives from before POSIX mark directories so; tar(5).
            Some(b'/') if size == 0 => MemberKind::Directory,
            // GNU's tar takes it for a directory all the same, and Go for a file.
            Some(b'/') => return Err(refused(&path, "has content and the name of a directory")),
            _ => MemberKind::File(size),
        },
        EntryType::Directory => MemberKind::Directory,
        EntryType::Symlink => MemberKind::Symlink(link()?),
        EntryType::Link => MemberKind::HardLink(link()?),
        EntryType::Char => MemberKind::Special("character device"),
        EntryType::Block => MemberKind::Special("block device"),
        EntryType::Fifo => MemberKind::Special("FIFO"),
        EntryType::GNUSparse => return Err(refused(&path, "is sparse, which is not supported")),
        // Their content is skipped as that of files is; POSIX, pax, "typeflag".
        _ if unknown == Unknown::Skipped => return Ok((size, None)),
        other => {
            let problem = format!("has the unknown type {:?}", char::from(other.as_byte()));
            return Err(refused(&path, &problem));
        }
    };
    if size != 0 && !matches!(kind, MemberKind::File(_)) {
        return Err(refused(&path, "has content though it is not a file"));
    }
    let mode = field(&old.mode, header.mode().map(u64::from))?;
    let mode = u32::try_from(mode).unwrap_or_default();
    let owned = |name: Option<&[u8]>| name.unwrap_or_default().to_vec();
    let member = Member {
        kind,
        mode: mode & 0o7777,
        uid: more.uid.map_or_else(|| field(&old.uid, header.uid()), Ok)?,
        gid: more.gid.map_or_else(|| field(&old.gid, header.gid()), Ok)?,
        user: more.user.unwrap_or_else(|| owned(header.username_bytes())),
        group: more
            .group
            .unwrap_or_else(|| owned(header.groupname_bytes())),
        mtime: match more.mtime {
            Some(mtime) => mtime,
            None => i64::try_from(field(&old.mtime, header.mtime())?).unwrap_or(i64::MAX),
        },
        xattrs: more.xattrs,
        path,
    };
    Ok((size, Some(member)))
}
