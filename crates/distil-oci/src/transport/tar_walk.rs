//! Goes from header to header through a tar stream, without a look at contents.
//!
//! Reads what archives of images are made of: ustar headers, and the extensions of GNU (`L`, `K`)
//! and POSIX (`x`) for long names and large files.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::transport::archive_error::ImageArchiveError;

const BLOCK: u64 = 512;
/// The largest extended header. A path has at most 4096 bytes on Linux.
const MAX_EXTENSION: u64 = 64 << 10;

/// A tar stream that is read from its beginning to its end.
pub(crate) trait Input {
    /// Reads until `buffer` is full or the stream ends, and gives the number of bytes.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Steps over `size` bytes, or to the end of the stream, and gives the number of bytes.
    fn skip(&mut self, size: u64) -> io::Result<u64>;
}

/// A file that is read in place.
pub(crate) struct FileInput<'a> {
    file: &'a File,
    length: u64,
    offset: u64,
}

impl<'a> FileInput<'a> {
    pub(crate) fn new(file: &'a File) -> io::Result<Self> {
        Ok(Self {
            file,
            length: file.metadata()?.len(),
            offset: 0,
        })
    }
}

impl Input for FileInput<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length - self.offset).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        self.file
            .read_exact_at(&mut buffer[..wanted], self.offset)?;
        self.offset += wanted as u64;
        Ok(wanted)
    }

    fn skip(&mut self, size: u64) -> io::Result<u64> {
        let size = size.min(self.length - self.offset);
        self.offset += size;
        Ok(size)
    }
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member {
    /// A plain file: where its content is, in bytes from the beginning.
    File { offset: u64, len: u64 },
    /// A symbolic link, and where it leads.
    Symlink(String),
    /// A directory.
    Directory,
    /// A hard link, a sparse file, a device.
    Other,
}

/// What extended headers say of the member that follows them.
#[derive(Default)]
struct Extensions {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
    sparse: bool,
}

/// The position in the stream that reading has come to.
pub(crate) struct Walk<I> {
    input: I,
    offset: u64,
}

impl<I: Input> Walk<I> {
    pub(crate) fn new(input: I) -> Self {
        Self { input, offset: 0 }
    }

    pub(crate) fn into_input(self) -> I {
        self.input
    }

    /// The next member, with the name as it is written; `None` at the end of the archive.
    pub(crate) fn next_member(&mut self) -> Result<Option<(String, Member)>, ImageArchiveError> {
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
                let mut global = Extensions::default();
                global.take(&self.extension(in_header)?)?;
                // To some programs they are those of all that follows, to others of nothing.
                if global.is_set() {
                    return Err(damaged("a global header renames or resizes entries"));
                }
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
                    once(&mut extensions.name, terminated(&bytes))?;
                } else if kind.is_gnu_longlink() {
                    once(&mut extensions.link, terminated(&bytes))?;
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
            let member = if extensions.sparse {
                self.content(size)?;
                Member::Other
            } else if kind.is_file() || kind.is_contiguous() {
                let offset = self.content(size)?;
                // The oldest archives write a directory as an empty file whose name ends so.
                if name.ends_with('/') {
                    Member::Directory
                } else {
                    Member::File { offset, len: size }
                }
            } else if kind.is_symlink() {
                let link = header.link_name_bytes().unwrap_or_default();
                Member::Symlink(extensions.link.unwrap_or_else(|| text(&link)))
            } else if kind.is_dir() {
                Member::Directory
            } else if kind.is_hard_link()
                || kind.is_character_special()
                || kind.is_block_special()
                || kind.is_fifo()
            {
                Member::Other
            } else {
                // What POSIX says of types that are not known: their size counts.
                self.content(size)?;
                Member::Other
            };
            return Ok(Some((name, member)));
        }
    }

    /// The next header; `None` at the end.
    fn header(&mut self) -> Result<Option<tar::Header>, ImageArchiveError> {
        let mut header = tar::Header::new_old();
        if !self.block(header.as_mut_bytes())? {
            return Ok(None);
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            let mut second = tar::Header::new_old();
            let is_end = !self.block(second.as_mut_bytes())?
                || second.as_bytes().iter().all(|byte| *byte == 0);
            return match is_end {
                true => Ok(None),
                false => Err(damaged("it goes on after an empty block")),
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

    /// Reads a block; whether there was one.
    fn block(&mut self, block: &mut [u8; 512]) -> Result<bool, ImageArchiveError> {
        match self.input.fill(block).map_err(ImageArchiveError::Read)? {
            0 => Ok(false),
            512 => {
                self.offset += BLOCK;
                Ok(true)
            }
            _ => Err(damaged("it ends in the middle of a header")),
        }
    }

    /// Steps over content of `size` bytes, and gives its position.
    fn content(&mut self, size: u64) -> Result<u64, ImageArchiveError> {
        let start = self.offset;
        if self.input.skip(size).map_err(ImageArchiveError::Read)? < size {
            return Err(damaged("it ends in the middle of an entry"));
        }
        self.padding(size)?;
        Ok(start)
    }

    /// Steps over what follows content of `size` bytes.
    fn padding(&mut self, size: u64) -> Result<(), ImageArchiveError> {
        let padding = size.wrapping_neg() % BLOCK;
        // Some programs leave that of the last entry out.
        let skipped = self.input.skip(padding).map_err(ImageArchiveError::Read)?;
        self.offset += size + skipped;
        Ok(())
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, ImageArchiveError> {
        if size > MAX_EXTENSION {
            return Err(damaged("an extended header is too large"));
        }
        // At most 64 KiB, as was just checked.
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        if self
            .input
            .fill(&mut bytes)
            .map_err(ImageArchiveError::Read)?
            < bytes.len()
        {
            return Err(damaged("it ends in the middle of an entry"));
        }
        self.padding(size)?;
        Ok(bytes)
    }
}

impl Extensions {
    /// Takes what a POSIX extended header says (pax, "Extended Header Keywords"). What is empty
    /// there is in the header, as for Go's `archive/tar`.
    fn take(&mut self, bytes: &[u8]) -> Result<(), ImageArchiveError> {
        let invalid = || damaged("an extended header is not valid");
        let mut pax = Self::default();
        for extension in tar::PaxExtensions::new(bytes) {
            let extension = extension.map_err(|_| invalid())?;
            let text = || extension.value().map(str::to_owned).map_err(|_| invalid());
            let given = |text: String| Some(text).filter(|text| !text.is_empty());
            match extension.key_bytes() {
                b"path" => pax.name = given(text()?),
                b"linkpath" => pax.link = given(text()?),
                b"size" => {
                    let size = given(text()?).map(|size| size.parse());
                    pax.size = size.transpose().map_err(|_| invalid())?;
                }
                key if key.starts_with(b"GNU.sparse.") => pax.sparse = true,
                _ => {}
            }
        }
        if let Some(name) = pax.name {
            once(&mut self.name, name)?;
        }
        if let Some(link) = pax.link {
            once(&mut self.link, link)?;
        }
        self.size = pax.size.or(self.size);
        self.sparse |= pax.sparse;
        Ok(())
    }

    fn is_set(&self) -> bool {
        self.name.is_some() || self.link.is_some() || self.size.is_some() || self.sparse
    }
}

/// Takes a name of which there must be no other: GNU's way and POSIX's together mean one thing to
/// some programs, and another to others.
fn once(slot: &mut Option<String>, name: String) -> Result<(), ImageArchiveError> {
    match slot.replace(name) {
        None => Ok(()),
        Some(_) => Err(damaged("an entry has two names")),
    }
}

/// Whether these bytes can be the first of a tar stream.
pub(crate) fn is_header(block: &[u8; 512]) -> bool {
    let header = tar::Header::from_byte_slice(block);
    block.iter().all(|byte| *byte == 0) || header.cksum().ok() == Some(checksum(block))
}

/// The sum of all bytes, those of the sum itself counted as spaces.
pub(crate) fn checksum(block: &[u8; 512]) -> u32 {
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

fn damaged(what: &str) -> ImageArchiveError {
    ImageArchiveError::damaged(what)
}
