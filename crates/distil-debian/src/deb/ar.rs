//! The outer archive of a `.deb`: Unix `ar` without extensions (deb(5)).

use std::io::{self, Read};

/// A member's header: its name, and how many bytes follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) size: u64,
}

/// What is wrong with an `ar` archive.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArError {
    #[error("it does not begin as a Debian package does")]
    Magic,
    #[error("the header of its member {member} is damaged")]
    Header { member: usize },
    #[error("it is cut off in its member {member}")]
    CutOff { member: usize },
    #[error("it could not be read")]
    Io(#[from] io::Error),
}

/// Reads the members of an `ar` archive one after another.
pub(super) struct Ar<R> {
    input: R,
    left: u64,
    padding: bool,
    member: usize,
}

impl<R: Read> Ar<R> {
    /// Reads the first eight bytes.
    pub(super) fn new(mut input: R) -> Result<Self, ArError> {
        let mut magic = [0; 8];
        match input.read_exact(&mut magic) {
            Ok(()) if &magic == b"!<arch>\n" => Ok(Self {
                input,
                left: 0,
                padding: false,
                member: 0,
            }),
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error.into()),
            _ => Err(ArError::Magic),
        }
    }

    /// The next member's header; none at the end. What was not read of the one before is
    /// skipped.
    pub(super) fn next(&mut self) -> Result<Option<Header>, ArError> {
        io::copy(self, &mut io::sink())?;
        let member = self.member;
        if self.left > 0 {
            return Err(ArError::CutOff { member });
        }
        if self.padding {
            // The last member's padding may be missing: some writers leave it out.
            let mut byte = [0];
            if self.input.read(&mut byte)? == 0 {
                return Ok(None);
            }
        }
        let mut header = [0; 60];
        let mut filled = 0;
        while filled < header.len() {
            match self.input.read(&mut header[filled..])? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(ArError::CutOff { member: member + 1 }),
                count => filled += count,
            }
        }
        self.member += 1;
        let damaged = || ArError::Header { member: member + 1 };
        if &header[58..] != b"`\n" {
            return Err(damaged());
        }
        let text = |range: std::ops::Range<usize>| {
            let text = std::str::from_utf8(&header[range]).ok()?;
            Some(text.trim_end_matches(' '))
        };
        let name = text(0..16).ok_or_else(damaged)?;
        let size = text(48..58).filter(|size| size.bytes().all(|byte| byte.is_ascii_digit()));
        let size: u64 = size
            .and_then(|size| size.parse().ok())
            .ok_or_else(damaged)?;
        self.left = size;
        self.padding = size % 2 == 1;
        // GNU's ar ends names with a slash; dpkg accepts both.
        let name = name.strip_suffix('/').unwrap_or(name).to_owned();
        Ok(Some(Header { name, size }))
    }

    /// Whether all of the current member was read.
    pub(super) fn is_cut_off(&self) -> bool {
        self.left > 0
    }

    pub(super) fn into_inner(self) -> R {
        self.input
    }
}

impl<R: Read> Read for Ar<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if count == 0 {
            return Ok(0);
        }
        let read = self.input.read(&mut buffer[..count])?;
        self.left -= read as u64;
        Ok(read)
    }
}
