//! Zip archives, as jars and wheels are: the list of what is in them, and the beginnings of some
//! entries (PKWARE's APPNOTE, 4.3 and 4.5.3).

use std::io::{self, Read, Seek, SeekFrom, Take};
use std::sync::Arc;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

/// The most entries of an archive that are listed.
const MAX_ENTRIES: usize = 400_000;

/// The largest list of entries.
const MAX_DIRECTORY: u64 = 64 << 20;

/// A zip archive whose list of entries was read.
#[derive(Debug)]
pub struct Archive<R> {
    input: R,
    entries: Arc<[Entry]>,
    list: u64,
}

/// An entry, by what the list says.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name, which may be anything.
    pub name: Vec<u8>,
    /// Its size, which may be a lie.
    pub size: u64,
    /// Where its own header is.
    offset: u64,
    packed: u64,
    method: u16,
    is_encrypted: bool,
    crc: u32,
    /// When it was changed, as MS-DOS writes times: the time in the lower half, the date in the upper.
    modified: u32,
    /// The type and permissions that Unix gives files, as stat(2) has them; none of an archive that
    /// was made elsewhere (APPNOTE, 4.4.2 and 4.4.15).
    mode: Option<u32>,
}

impl Entry {
    /// Whether it is a directory: its name ends in a slash (APPNOTE, 4.4.17).
    pub fn is_directory(&self) -> bool {
        self.name.ends_with(b"/") || self.file_type() == Some(0o040_000)
    }

    /// Whether it is a symbolic link, whose content is its target.
    pub fn is_symlink(&self) -> bool {
        self.file_type() == Some(0o120_000)
    }

    /// Whether it is neither a file nor a directory or symbolic link.
    pub fn is_special(&self) -> bool {
        let file_type = self.file_type();
        file_type.is_some_and(|kind| !matches!(kind, 0 | 0o040_000 | 0o100_000 | 0o120_000))
    }

    /// Whether its bytes are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// How it is packed: 0 is not at all, 8 is deflate (APPNOTE, 4.4.5).
    pub fn method(&self) -> u16 {
        self.method
    }

    /// The CRC-32 of its bytes, which may be a lie.
    pub fn crc(&self) -> u32 {
        self.crc
    }

    /// The number of its bytes as they are packed.
    pub fn packed_size(&self) -> u64 {
        self.packed
    }

    /// When it was changed, as MS-DOS writes times: the time in the lower half, the date in the upper
    /// (APPNOTE, 4.4.6).
    pub fn modified(&self) -> u32 {
        self.modified
    }

    /// Whether its owner may execute it.
    pub fn is_executable(&self) -> bool {
        self.mode.is_some_and(|mode| mode & 0o100 != 0)
    }

    fn file_type(&self) -> Option<u32> {
        self.mode.map(|mode| mode & 0o170_000)
    }
}

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// It is none, or is cut off, or contradicts itself.
    #[error("it is not a zip archive, or a damaged one: {0}")]
    Damaged(&'static str),
    /// There are more entries than are listed.
    #[error("it has more than {MAX_ENTRIES} entries")]
    TooMany,
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[from] io::Error),
}

fn half(bytes: &[u8], at: usize) -> u16 {
    let bytes = bytes
        .get(at..at + 2)
        .and_then(|bytes| bytes.try_into().ok());
    u16::from_le_bytes(bytes.unwrap_or_default())
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes
        .get(at..at + 4)
        .and_then(|bytes| bytes.try_into().ok());
    u32::from_le_bytes(bytes.unwrap_or_default())
}

fn long(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes
        .get(at..at + 8)
        .and_then(|bytes| bytes.try_into().ok());
    u64::from_le_bytes(bytes.unwrap_or_default())
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the list of an archive's entries.
    ///
    /// # Errors
    /// If there is none, or it cannot be true.
    pub fn new(mut input: R) -> Result<Self, ZipError> {
        let size = input.seek(SeekFrom::End(0))?;
        // The end record is at the end, but for a comment of at most 64 KiB.
        let tail_size = size.min(22 + 0xffff);
        let tail = read_at(&mut input, size - tail_size, tail_size)?;
        let end = memchr::memmem::rfind(&tail, b"PK\x05\x06");
        let end = end.ok_or(ZipError::Damaged("it has no list of entries"))?;
        let record = &tail[end..];
        if record.len() < 22 {
            return Err(ZipError::Damaged("it is cut off"));
        }
        let place = size - tail_size + end as u64;
        let (mut count, mut length, mut offset) = (
            u64::from(half(record, 10)),
            u64::from(word(record, 12)),
            u64::from(word(record, 16)),
        );
        let mut list_end = place;
        let is_large = count == 0xffff || length == 0xffff_ffff || offset == 0xffff_ffff;
        if is_large && let Some(locator) = place.checked_sub(20) {
            let locator = read_at(&mut input, locator, 20)?;
            if locator.starts_with(b"PK\x06\x07") {
                let at = long(&locator, 8);
                if at.checked_add(56).is_none_or(|end| end > size) {
                    return Err(ZipError::Damaged("its end lies outside of it"));
                }
                let record = read_at(&mut input, at, 56)?;
                if !record.starts_with(b"PK\x06\x06") {
                    return Err(ZipError::Damaged("its end is not where it should be"));
                }
                (count, length, offset) = (long(&record, 32), long(&record, 40), long(&record, 48));
                list_end = at;
            }
        }
        if count > MAX_ENTRIES as u64 || length > MAX_DIRECTORY {
            return Err(ZipError::TooMany);
        }
        // Something may have been put before the archive, such as a script that starts it; then
        // all distances are too short by as much.
        let start = list_end
            .checked_sub(length)
            .ok_or(ZipError::Damaged("its list lies outside of it"))?;
        let shift = start
            .checked_sub(offset)
            .ok_or(ZipError::Damaged("its list lies outside of it"))?;
        let list = read_at(&mut input, start, length)?;
        let entries = entries(&list, count, shift)?.into();
        Ok(Self {
            input,
            entries,
            list: length,
        })
    }

    /// The entries.
    pub fn entries(&self) -> Arc<[Entry]> {
        Arc::clone(&self.entries)
    }

    /// How many bytes the list of them has.
    pub fn list_size(&self) -> u64 {
        self.list
    }

    /// The first bytes of an entry, at most `limit`.
    ///
    /// # Errors
    /// If the entry is damaged, encrypted, or packed in a way that Java and Python do not know.
    pub fn head(&mut self, entry: &Entry, limit: u64) -> Result<Vec<u8>, ZipError> {
        let (offset, packed) = self.data(entry)?;
        self.input.seek(SeekFrom::Start(offset))?;
        let raw: Take<&mut R> = self.input.by_ref().take(packed);
        let mut bytes = Vec::new();
        match entry.method {
            0 => raw.take(limit).read_to_end(&mut bytes)?,
            8 => DeflateDecoder::new(io::BufReader::with_capacity(512, raw))
                .take(limit)
                .read_to_end(&mut bytes)?,
            _ => return Err(ZipError::Damaged("an entry is packed in an unknown way")),
        };
        Ok(bytes)
    }

    /// All bytes of an entry, of which there are as many as the list says; what is more, fewer or
    /// damaged is an error of the reader.
    ///
    /// # Errors
    /// As [`Archive::head`].
    pub fn content(&mut self, entry: &Entry) -> Result<Content<impl Read>, ZipError> {
        let (offset, packed) = self.data(entry)?;
        self.input.seek(SeekFrom::Start(offset))?;
        let raw = io::BufReader::with_capacity(1 << 16, self.input.by_ref().take(packed));
        let unpacked = match entry.method {
            0 => Unpacked::Stored(raw),
            8 => Unpacked::Deflated(DeflateDecoder::new(raw)),
            _ => return Err(ZipError::Damaged("an entry is packed in an unknown way")),
        };
        Ok(Content {
            input: unpacked,
            left: entry.size,
            sum: Crc::new(),
            expected: entry.crc,
        })
    }

    /// The bytes of an entry as they are packed, which nobody has looked at.
    ///
    /// # Errors
    /// If the entry is damaged or encrypted.
    pub fn packed(&mut self, entry: &Entry) -> Result<impl Read, ZipError> {
        let (offset, packed) = self.data(entry)?;
        self.input.seek(SeekFrom::Start(offset))?;
        Ok(self.input.by_ref().take(packed))
    }

    /// Where the bytes of an entry are, if they are stored as they are.
    pub fn stored(&mut self, entry: &Entry) -> Result<Option<(u64, u64)>, ZipError> {
        match entry.method {
            0 => self.data(entry).map(Some),
            _ => Ok(None),
        }
    }

    fn data(&mut self, entry: &Entry) -> Result<(u64, u64), ZipError> {
        if entry.is_encrypted {
            return Err(ZipError::Damaged("an entry is encrypted"));
        }
        let header = read_at(&mut self.input, entry.offset, 30)?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err(ZipError::Damaged("an entry is not where the list says"));
        }
        let names = u64::from(half(&header, 26)) + u64::from(half(&header, 28));
        let offset = entry.offset.checked_add(30 + names);
        let offset = offset.ok_or(ZipError::Damaged("an entry lies outside of it"))?;
        Ok((offset, entry.packed))
    }
}

/// The bytes of an entry, compared with what the list says of them.
#[derive(Debug)]
pub struct Content<R> {
    input: R,
    left: u64,
    sum: Crc,
    expected: u32,
}

/// An entry as it is packed.
enum Unpacked<R: io::BufRead> {
    Stored(R),
    Deflated(DeflateDecoder<R>),
}

impl<R: io::BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(input) => input.read(buffer),
            Self::Deflated(input) => input.read(buffer),
        }
    }
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.input.read(buffer)?;
        let wrong = |problem| Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        let Some(left) = self.left.checked_sub(count as u64) else {
            return wrong("an entry of the zip archive has more bytes than its list says");
        };
        self.left = left;
        self.sum.update(buffer.get(..count).unwrap_or_default());
        if count == 0 && left > 0 {
            return wrong("an entry of the zip archive has fewer bytes than its list says");
        }
        if count == 0 && self.sum.sum() != self.expected {
            return wrong("an entry of the zip archive does not have the CRC-32 of its list");
        }
        Ok(count)
    }
}

fn entries(mut list: &[u8], count: u64, shift: u64) -> Result<Vec<Entry>, ZipError> {
    let mut found = Vec::new();
    for _ in 0..count {
        if list.len() < 46 || !list.starts_with(b"PK\x01\x02") {
            return Err(ZipError::Damaged("its list is cut off"));
        }
        let (name, extra, comment) = (
            usize::from(half(list, 28)),
            usize::from(half(list, 30)),
            usize::from(half(list, 32)),
        );
        let more = list.get(46 + name..46 + name + extra);
        let end = 46 + name + extra + comment;
        let (Some(more), Some(rest)) = (more, list.get(end..)) else {
            return Err(ZipError::Damaged("its list is cut off"));
        };
        let mut entry = Entry {
            name: list[46..46 + name].to_vec(),
            size: word(list, 24).into(),
            offset: word(list, 42).into(),
            packed: word(list, 20).into(),
            method: half(list, 10),
            is_encrypted: half(list, 8) & 1 != 0,
            crc: word(list, 16),
            modified: word(list, 12),
            // The upper half of "version made by" is the system: 3 is Unix.
            mode: (half(list, 4) >> 8 == 3).then(|| word(list, 38) >> 16),
        };
        large(&mut entry, more);
        entry.offset = entry
            .offset
            .checked_add(shift)
            .ok_or(ZipError::Damaged("an entry lies outside of it"))?;
        found.push(entry);
        list = rest;
    }
    Ok(found)
}

/// Numbers that do not fit into 32 bits are in an extra field.
fn large(entry: &mut Entry, mut extra: &[u8]) {
    while extra.len() >= 4 {
        let (kind, size) = (half(extra, 0), usize::from(half(extra, 2)));
        let Some(field) = extra.get(4..4 + size) else {
            return;
        };
        if kind == 1 {
            let mut at = 0;
            for number in [&mut entry.size, &mut entry.packed, &mut entry.offset] {
                if *number == 0xffff_ffff && field.len() >= at + 8 {
                    *number = long(field, at);
                    at += 8;
                }
            }
        }
        extra = &extra[4 + size..];
    }
}

fn read_at(input: &mut (impl Read + Seek), offset: u64, count: u64) -> Result<Vec<u8>, ZipError> {
    input.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    input.by_ref().take(count).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == count {
        true => Ok(bytes),
        false => Err(ZipError::Damaged("it is cut off")),
    }
}
