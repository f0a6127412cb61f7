//! Which bytes of an image's files are kept, and where.
//!
//! Of most files only the first bytes are; ELF files, zip archives and larger documents go into an
//! anonymous temporary file, small documents into memory. So memory depends on the number of files,
//! and hardly on their sizes.

use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use distil_store::Hasher;
use distil_tree::tar::ReadError;
use distil_tree::{Content, Digests, TreePath};

use sha1::{Digest as _, Sha1};

use crate::error::LayerError;
use crate::limits::Budget;

/// How many first bytes of a script are kept: the line of a `#!`, which the kernel reads up to 256
/// bytes of, and the two behind it, in which pip hides longer ones.
const SCRIPT_HEAD: usize = 512;

/// What is kept of other files: enough to tell formats apart.
const HEAD: usize = 8;

/// The largest document that is kept: of certificates, metadata of Python packages and the like.
pub const MAX_DOCUMENT: u64 = 4 << 20;

/// The same of what Debian's packages are told by: Trivy refuses stanzas above 128 KiB; lists of
/// sums, and the status of a whole Debian, are larger.
const MAX_METADATA: u64 = 64 << 20;

/// The largest Python module that is searched for the libraries that it looks for.
const MAX_MODULE: u64 = 1 << 20;

/// What is in Python modules that look for a library at run time: ctypes' functions, and cffi's.
pub const LIBRARY_CALLS: [&[u8]; 4] = [b"find_library(", b"CDLL(", b"LoadLibrary(", b"dlopen("];

/// The largest document that is kept in memory.
const IN_MEMORY: u64 = 16 << 10;

/// Keeps what is needed of a file, and counts that.
pub(crate) struct Keeper<'a> {
    pub(crate) budget: &'a Budget,
    /// Whether all of a file is read for its digest.
    pub(crate) digests: bool,
    /// Whether it is read for its SHA-1 as well.
    pub(crate) sha1: bool,
    /// Whether all bytes of all files are kept.
    pub(crate) whole: bool,
}

impl Keeper<'_> {
    /// Reads a file of so many bytes, the one behind so many members of its archive.
    pub(crate) fn keep(
        &self,
        path: &TreePath,
        size: u64,
        content: &mut dyn Read,
        members: u64,
    ) -> Result<(Content, Digests), LayerError> {
        if !self.digests && !self.sha1 {
            let kept = self.content(path, size, content, members)?;
            return Ok((kept, Digests::default()));
        }
        let mut hashed = Hashed {
            content,
            sha256: self.digests.then(Hasher::default),
            sha1: self.sha1.then(Sha1::new),
        };
        let kept = self.content(path, size, &mut hashed, members)?;
        let rest = io::copy(&mut hashed, &mut io::sink());
        rest.map_err(|source| ReadError::of_content(source, members))?;
        let digests = Digests {
            sha256: hashed.sha256.map(Hasher::finish),
            sha1: hashed.sha1.map(|hasher| hasher.finalize().into()),
            md5: None,
        };
        Ok((kept, digests))
    }

    fn content(
        &self,
        path: &TreePath,
        size: u64,
        content: &mut dyn Read,
        members: u64,
    ) -> Result<Content, LayerError> {
        let cut = |source| LayerError::Tar(ReadError::of_content(source, members));
        if self.whole {
            self.budget.take_kept(size)?;
            return self.spool(&[], size, content, members);
        }
        if (is_document(path) || is_metadata(path)) && size <= largest(path) {
            self.budget.take_document(size)?;
            if size > IN_MEMORY {
                return self.spool(&[], size, content, members);
            }
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(cut)?;
            return Ok(bytes.into());
        }
        if is_python_module(path) && size <= MAX_MODULE {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(cut)?;
            let is_call = |call: &[u8]| memchr::memmem::find(&bytes, call).is_some();
            if !LIBRARY_CALLS.iter().any(|call| is_call(call)) {
                bytes.truncate(SCRIPT_HEAD);
                return Ok(head_of(bytes, size));
            }
            self.budget.take_document(size)?;
            return match size > IN_MEMORY {
                true => self.spool(&bytes, size, &mut io::empty(), members),
                false => Ok(bytes.into()),
            };
        }
        let mut head = Vec::with_capacity(HEAD);
        content
            .take(HEAD as u64)
            .read_to_end(&mut head)
            .map_err(cut)?;
        // A jar may begin with a script that starts it.
        if distil_tree::elf::is_elf(&head) || is_archive(path) {
            self.budget.take_kept(size)?;
            return self.spool(&head, size, content, members);
        }
        if head.starts_with(b"#!") {
            let more = (SCRIPT_HEAD - HEAD) as u64;
            content.take(more).read_to_end(&mut head).map_err(cut)?;
        }
        Ok(head_of(head, size))
    }

    fn spool(
        &self,
        head: &[u8],
        size: u64,
        content: &mut dyn Read,
        members: u64,
    ) -> Result<Content, LayerError> {
        // The room is this file's alone, so that layers are read side by side.
        let (file, offset) = self.budget.room(size)?;
        file.write_all_at(head, offset).map_err(LayerError::Keep)?;
        let mut written = head.len() as u64;
        let room = usize::try_from(size).unwrap_or(usize::MAX).min(1 << 18);
        let mut buffer = vec![0; room.max(1)];
        loop {
            let count = content.read(&mut buffer);
            let count = count.map_err(|source| ReadError::of_content(source, members))?;
            if count == 0 {
                break;
            }
            written += count as u64;
            if written > size {
                let grew = io::Error::other("a file became larger while it was read");
                return Err(LayerError::Keep(grew));
            }
            file.write_all_at(&buffer[..count], offset + written - count as u64)
                .map_err(LayerError::Keep)?;
        }
        Ok(Content::range(file, offset, written))
    }
}

/// The first bytes of a file of so many.
fn head_of(head: Vec<u8>, size: u64) -> Content {
    match head.len() as u64 == size {
        true => head.into(),
        false => Content::Head {
            bytes: head.into(),
            size,
        },
    }
}

/// Makes digests of what goes through.
struct Hashed<'a> {
    content: &'a mut dyn Read,
    sha256: Option<Hasher>,
    sha1: Option<Sha1>,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        if let Some(hasher) = &mut self.sha256 {
            hasher.update(&buffer[..count]);
        }
        if let Some(hasher) = &mut self.sha1 {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }
}

/// Modules of Python that are none of its standard library, wherever somebody installed them.
pub fn is_python_module(path: &TreePath) -> bool {
    let name = path.name().unwrap_or_default();
    let is_in = |is: fn(&[u8]) -> bool| path.parts().any(is);
    let is_standard =
        is_in(|part| part.starts_with(b"python3.")) && !is_in(|part| part.ends_with(b"-packages"));
    name.ends_with(b".py") && !is_standard
}

/// Names of jars and wheels.
pub fn is_archive(path: &TreePath) -> bool {
    let name = path.name().unwrap_or_default();
    let ends = [&b".jar"[..], b".war", b".ear", b".whl"];
    ends.iter().any(|end| name.ends_with(end))
}

/// The most bytes of a document that are kept.
pub fn largest(path: &TreePath) -> u64 {
    let is_metadata = path.as_bytes().starts_with(b"var/lib/dpkg/");
    if is_metadata {
        MAX_METADATA
    } else {
        MAX_DOCUMENT
    }
}

/// What Debian's packages are told by, beside their lists of files.
fn is_metadata(path: &TreePath) -> bool {
    let bytes = path.as_bytes();
    bytes == b"var/lib/dpkg/status"
        || bytes.starts_with(b"var/lib/dpkg/status.d/")
        || (path.name() == Some(b"copyright") && bytes.starts_with(b"usr/share/doc/"))
}

/// Documents that are read as a whole, by their names.
pub fn is_document(path: &TreePath) -> bool {
    let bytes = path.as_bytes();
    let name = path.name().unwrap_or_default();
    let in_dist_info = || {
        let parent = path.parent();
        parent.is_some_and(|parent| parent.as_bytes().ends_with(b".dist-info"))
    };
    match name {
        b"passwd" | b"group" => bytes.starts_with(b"etc/"),
        b"os-release" | b"debian_version" | b"ld.so.cache" | b"pyvenv.cfg" | b"cacerts"
        | b"node_version.h" => true,
        // The application's own; of dependencies there may be many thousands.
        b"package.json" => !path.parts().any(|part| part == b"node_modules"),
        // The JVM's own description.
        b"release" => {
            bytes.starts_with(b"usr/lib/jvm/")
                || bytes.starts_with(b"opt/")
                || bytes.starts_with(b"usr/local/")
        }
        b"WHEEL" | b"METADATA" | b"direct_url.json" => in_dist_info(),
        // pnpm's start what they stand for by a shell.
        _ if path
            .parent()
            .is_some_and(|parent| parent.name() == Some(b".bin")) =>
        {
            true
        }
        _ if name.ends_with(b".pth") => {
            let parent = path.parent();
            parent.is_some_and(|parent| parent.as_bytes().ends_with(b"-packages"))
        }
        _ => {
            // Certificates, wherever a variable may point.
            name.ends_with(b".pem")
                || name.ends_with(b".runtimeconfig.json")
                || name.ends_with(b".crt")
                || (name.starts_with(b"ld-musl-") && name.ends_with(b".path"))
                || (name.ends_with(b".md5sums") && bytes.starts_with(b"var/lib/dpkg/"))
                || (name.ends_with(b".list") && bytes.starts_with(b"var/lib/dpkg/info/"))
        }
    }
}
