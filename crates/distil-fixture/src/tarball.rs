//! Tar archives as `dpkg-deb` writes them, and as it never would.
//!
//! Headers are GNU's (`ustar` and two blanks), long names are `L` and `K` entries, as in real
//! packages; PAX extended headers (POSIX pax, "pax Header Block") come in when an entry has PAX
//! records. It is written by hand because a library refuses most of what tests of hostile
//! packages need.

use std::io::{self, Write};

/// The size of a tar block.
const BLOCK: usize = 512;

/// The size that an archive is padded to: GNU tar's record of 20 blocks.
const RECORD: u64 = 20 * 512;

/// One member of a tar archive.
///
/// The setters return the entry, so that one is written in a line:
///
/// ```
/// use distil_fixture::Entry;
/// let entry = Entry::file("/usr/bin/true", b"\x7fELF").mode(0o755).owner(0, 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    path: Vec<u8>,
    kind: EntryKind,
    mode: u32,
    uid: u64,
    gid: u64,
    user: Vec<u8>,
    group: Vec<u8>,
    mtime: Option<u64>,
    pax: Vec<(Vec<u8>, Vec<u8>)>,
    pax_long_names: bool,
    broken_checksum: bool,
}

/// What a member of a tar archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file with this content.
    File(Vec<u8>),
    /// A regular file of this many zero bytes, written without holding them: a bomb.
    Zeros(u64),
    /// A directory.
    Directory,
    /// A symbolic link to this target.
    Symlink(Vec<u8>),
    /// A hard link to this name, as it stands in the archive.
    HardLink(Vec<u8>),
    /// A character device of this major and minor number.
    CharacterDevice(u32, u32),
    /// A block device of this major and minor number.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
    /// A sparse file in the old GNU form (`S`): its full size, then up to three pieces, each an
    /// offset and the bytes there.
    Sparse(u64, Vec<(u64, Vec<u8>)>),
    /// An entry of another type flag with this body.
    Other(u8, Vec<u8>),
}

impl Entry {
    /// A member of any kind whose path is written just as it is given, bytes and all: `..`,
    /// absolute, empty or not UTF-8.
    #[must_use]
    pub fn verbatim(path: impl AsRef<[u8]>, kind: EntryKind) -> Self {
        let mode = match kind {
            EntryKind::Directory => 0o755,
            EntryKind::Symlink(_) => 0o777,
            _ => 0o644,
        };
        Self {
            path: path.as_ref().to_vec(),
            kind,
            mode,
            uid: 0,
            gid: 0,
            user: b"root".to_vec(),
            group: b"root".to_vec(),
            mtime: None,
            pax: Vec::new(),
            pax_long_names: false,
            broken_checksum: false,
        }
    }

    /// A regular file of mode 0644, at a path that is written as packages write it (`./usr/…`).
    #[must_use]
    pub fn file(path: &str, content: impl AsRef<[u8]>) -> Self {
        Self::verbatim(dotted(path), EntryKind::File(content.as_ref().to_vec()))
    }

    /// A directory of mode 0755.
    #[must_use]
    pub fn directory(path: &str) -> Self {
        let mut dotted = dotted(path);
        if !dotted.ends_with(b"/") {
            dotted.push(b'/');
        }
        Self::verbatim(dotted, EntryKind::Directory)
    }

    /// A symbolic link; `target` is written as given.
    #[must_use]
    pub fn symlink(path: &str, target: impl AsRef<[u8]>) -> Self {
        Self::verbatim(dotted(path), EntryKind::Symlink(target.as_ref().to_vec()))
    }

    /// A hard link to the file at `target`, which is written as packages write it (`./usr/…`).
    #[must_use]
    pub fn hard_link(path: &str, target: &str) -> Self {
        Self::verbatim(dotted(path), EntryKind::HardLink(dotted(target)))
    }

    /// Sets the permission bits, setuid and its like included.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the numeric owner and group.
    #[must_use]
    pub fn owner(mut self, uid: u64, gid: u64) -> Self {
        (self.uid, self.gid) = (uid, gid);
        self
    }

    /// Sets the names of the owner and the group. An empty name leaves only the number.
    #[must_use]
    pub fn owner_names(mut self, user: impl AsRef<[u8]>, group: impl AsRef<[u8]>) -> Self {
        (self.user, self.group) = (user.as_ref().to_vec(), group.as_ref().to_vec());
        self
    }

    /// Sets the time of the last change, in seconds since the epoch. Without it the package's
    /// own time is taken.
    #[must_use]
    pub fn mtime(mut self, seconds: u64) -> Self {
        self.mtime = Some(seconds);
        self
    }

    /// Adds a PAX record (`key=value`), known or unknown, in an extended header of its own.
    #[must_use]
    pub fn pax(mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.pax
            .push((key.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Writes names of more than 100 bytes as PAX records instead of GNU `L` and `K` entries.
    #[must_use]
    pub fn pax_long_names(mut self) -> Self {
        self.pax_long_names = true;
        self
    }

    /// Writes a header checksum that is wrong by one.
    #[must_use]
    pub fn broken_checksum(mut self) -> Self {
        self.broken_checksum = true;
        self
    }

    /// Takes mode, owner and time from another entry.
    #[must_use]
    pub fn like(mut self, other: &Self) -> Self {
        self.mode = other.mode;
        (self.uid, self.gid, self.mtime) = (other.uid, other.gid, other.mtime);
        (self.user, self.group) = (other.user.clone(), other.group.clone());
        self
    }

    /// The path as it stands in the archive.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// What the entry is.
    #[must_use]
    pub fn kind(&self) -> &EntryKind {
        &self.kind
    }
}

/// The bytes of a tar archive of `entries`, in their order. `mtime` is the time of those that
/// have none of their own.
#[must_use]
pub fn tar(entries: &[Entry], mtime: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_tar(&mut bytes, entries, mtime)
        .unwrap_or_else(|error| panic!("writing a tar archive into memory failed: {error}"));
    bytes
}

/// Writes a tar archive of `entries` into `sink`; nothing of a [`EntryKind::Zeros`] is held.
pub(crate) fn write_tar(sink: &mut dyn Write, entries: &[Entry], mtime: u64) -> io::Result<()> {
    let mut sink = Counting { sink, written: 0 };
    for entry in entries {
        write_entry(&mut sink, entry, entry.mtime.unwrap_or(mtime))?;
    }
    write_zeros(&mut sink, 2 * BLOCK as u64)?;
    let over = sink.written % RECORD;
    write_zeros(&mut sink, if over == 0 { 0 } else { RECORD - over })
}

/// `/usr/bin/x` or `usr/bin/x` as `./usr/bin/x`.
pub(crate) fn dotted(path: &str) -> Vec<u8> {
    let relative = path.trim_start_matches("./").trim_start_matches('/');
    format!("./{relative}").into_bytes()
}

fn write_entry(sink: &mut dyn Write, entry: &Entry, mtime: u64) -> io::Result<()> {
    let link: &[u8] = match &entry.kind {
        EntryKind::Symlink(target) | EntryKind::HardLink(target) => target,
        _ => b"",
    };
    let mut records = entry.pax.clone();
    for (name, flag, key) in [(&entry.path[..], b'L', "path"), (link, b'K', "linkpath")] {
        if name.len() <= 100 {
            continue;
        }
        if entry.pax_long_names {
            records.push((key.into(), name.to_vec()));
        } else {
            let mut body = name.to_vec();
            body.push(0);
            write_extra(sink, b"././@LongLink", flag, &body)?;
        }
    }
    if !records.is_empty() {
        let body: Vec<u8> = records
            .iter()
            .flat_map(|(key, value)| pax_record(key, value))
            .collect();
        write_extra(sink, b"./PaxHeaders/entry", b'x', &body)?;
    }

    let (flag, size) = match &entry.kind {
        EntryKind::File(content) => (b'0', content.len() as u64),
        EntryKind::Zeros(size) => (b'0', *size),
        EntryKind::HardLink(_) => (b'1', 0),
        EntryKind::Symlink(_) => (b'2', 0),
        EntryKind::CharacterDevice(..) => (b'3', 0),
        EntryKind::BlockDevice(..) => (b'4', 0),
        EntryKind::Directory => (b'5', 0),
        EntryKind::Fifo => (b'6', 0),
        EntryKind::Sparse(_, pieces) => (
            b'S',
            pieces.iter().map(|(_, piece)| piece.len() as u64).sum(),
        ),
        EntryKind::Other(flag, body) => (*flag, body.len() as u64),
    };
    let mut header = Header::new(&entry.path, flag, size);
    header.number(100..108, u64::from(entry.mode));
    header.number(108..116, entry.uid);
    header.number(116..124, entry.gid);
    header.number(136..148, mtime);
    header.text(157..257, link);
    header.text(265..297, &entry.user);
    header.text(297..329, &entry.group);
    match &entry.kind {
        EntryKind::CharacterDevice(major, minor) | EntryKind::BlockDevice(major, minor) => {
            header.number(329..337, u64::from(*major));
            header.number(337..345, u64::from(*minor));
        }
        EntryKind::Sparse(full, pieces) => header.sparse(*full, pieces),
        _ => {}
    }
    sink.write_all(&header.finish(entry.broken_checksum))?;

    match &entry.kind {
        EntryKind::File(body) | EntryKind::Other(_, body) => sink.write_all(body)?,
        EntryKind::Zeros(size) => write_zeros(sink, *size)?,
        EntryKind::Sparse(_, pieces) => {
            for (_, piece) in pieces {
                sink.write_all(piece)?;
            }
        }
        _ => {}
    }
    pad(sink, size)
}

/// Writes an entry that says more about the next one.
fn write_extra(sink: &mut dyn Write, name: &[u8], flag: u8, body: &[u8]) -> io::Result<()> {
    let mut header = Header::new(name, flag, body.len() as u64);
    header.number(100..108, 0o644);
    header.number(108..116, 0);
    header.number(116..124, 0);
    header.number(136..148, 0);
    sink.write_all(&header.finish(false))?;
    sink.write_all(body)?;
    pad(sink, body.len() as u64)
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits too.
fn pax_record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length += 1;
    }
    let mut record = format!("{length} ").into_bytes();
    record.extend_from_slice(key);
    record.push(b'=');
    record.extend_from_slice(value);
    record.push(b'\n');
    record
}

fn pad(sink: &mut dyn Write, size: u64) -> io::Result<()> {
    let over = size % BLOCK as u64;
    write_zeros(sink, if over == 0 { 0 } else { BLOCK as u64 - over })
}

fn write_zeros(sink: &mut dyn Write, mut count: u64) -> io::Result<()> {
    let zeros = vec![0; 1 << 16];
    while count > 0 {
        let now = usize::try_from(count).map_or(zeros.len(), |count| count.min(zeros.len()));
        sink.write_all(&zeros[..now])?;
        count -= now as u64;
    }
    Ok(())
}

/// A header block that is being filled.
struct Header([u8; BLOCK]);

impl Header {
    fn new(path: &[u8], flag: u8, size: u64) -> Self {
        let mut header = Self([0; BLOCK]);
        header.text(0..100, path);
        header.number(124..136, size);
        header.0[156] = flag;
        header.text(257..265, b"ustar  \0");
        header
    }

    /// Writes as much of `text` as the field holds.
    fn text(&mut self, field: std::ops::Range<usize>, text: &[u8]) {
        let length = text.len().min(field.len());
        self.0[field][..length].copy_from_slice(&text[..length]);
    }

    /// Writes a number in octal with a final NUL, or in GNU's base 256 where it does not fit.
    fn number(&mut self, field: std::ops::Range<usize>, number: u64) {
        let width = field.len() - 1;
        let octal = format!("{number:0width$o}");
        if octal.len() <= width {
            self.text(field, octal.as_bytes());
        } else {
            let bytes = number.to_be_bytes();
            let end = field.end;
            let length = bytes.len().min(width);
            self.0[field.start] = 0x80;
            self.0[end - length..end].copy_from_slice(&bytes[bytes.len() - length..]);
        }
    }

    /// The map of pieces. GNU tar ends it with an empty piece where the file ends in a hole.
    fn sparse(&mut self, full: u64, pieces: &[(u64, Vec<u8>)]) {
        let mut map: Vec<(u64, u64)> = pieces
            .iter()
            .map(|(offset, piece)| (*offset, piece.len() as u64))
            .collect();
        if map.last().is_none_or(|(offset, size)| offset + size < full) {
            map.push((full, 0));
        }
        assert!(
            map.len() <= 4,
            "the map of a sparse entry has no room for {} pieces",
            map.len()
        );
        for (index, (offset, size)) in map.into_iter().enumerate() {
            let at = 386 + 24 * index;
            self.number(at..at + 12, offset);
            self.number(at + 12..at + 24, size);
        }
        self.number(483..495, full);
    }

    fn finish(mut self, broken: bool) -> [u8; BLOCK] {
        self.text(148..156, b"        ");
        let sum: u32 = self.0.iter().map(|&byte| u32::from(byte)).sum();
        let sum = sum + u32::from(broken);
        self.text(148..156, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

/// Counts what is written, for the padding at the end.
struct Counting<'a> {
    sink: &'a mut dyn Write,
    written: u64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
