//! From an archive, which may be hostile, to a bundle.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use distil_tree::tar::{self, Member, MemberKind, ReadError, Reader};
use distil_tree::zip::{Archive, ZipError};
use distil_tree::{Printable, TreePath};

use crate::compression::decompress;
use crate::error::BundleError;
use crate::format::{ArchiveFormat, HEAD};
use crate::writer::{BundleWriter, entry_error};

/// The longest target of a link in a zip archive, in bytes: as tar archives may have them.
const MAX_TARGET: u64 = 64 << 10;

/// What an archive may ask of whoever unpacks it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of its files.
    pub size: u64,
}

impl Default for Limits {
    /// As for packages: 8 GiB.
    fn default() -> Self {
        Self {
            size: tar::Limits::default().size,
        }
    }
}

/// Reads the archive `file`, which is to be of `format`, and writes its entries to `output` as
/// [`BundleFile`](crate::BundleFile) reads them. Gives the output back.
///
/// # Errors
/// If it is of another format, is damaged, or has an entry that no bundle can have.
pub fn unpack<W: Write>(
    mut file: File,
    format: ArchiveFormat,
    limits: Limits,
    output: W,
) -> Result<W, BundleError> {
    let mut head = Vec::with_capacity(HEAD);
    let first = (&mut file).take(HEAD as u64).read_to_end(&mut head);
    first
        .and_then(|_| file.seek(SeekFrom::Start(0)))
        .map_err(BundleError::Read)?;
    let mut writer = BundleWriter::new(output);
    match format.checked(&head)? {
        ArchiveFormat::Zip => unpack_zip(file, limits, &mut writer)?,
        format => {
            let input = BufReader::with_capacity(1 << 16, file);
            let input = decompress(input, format).map_err(BundleError::Read)?;
            unpack_tar(input, limits, &mut writer)?;
        }
    }
    writer.finish()
}

fn unpack_tar(
    input: impl Read,
    limits: Limits,
    writer: &mut BundleWriter<impl Write>,
) -> Result<(), BundleError> {
    let limits = tar::Limits {
        size: limits.size,
        ..tar::Limits::default()
    };
    let reader = Reader::new(input, limits);
    reader.for_each(|member, content| add_member(member, content, writer))
}

fn add_member(
    member: Member,
    content: &mut dyn Read,
    writer: &mut BundleWriter<impl Write>,
) -> Result<(), BundleError> {
    let path = path(&member.path)?;
    match member.kind {
        MemberKind::Directory => writer.directory(&path),
        MemberKind::File(size) => {
            let executable = member.mode & 0o100 != 0;
            let members = writer.len() as u64;
            let added = writer.file(&path, executable, size, content);
            added.map_err(|error| match error {
                BundleError::Read(source) => ReadError::of_content(source, members).into(),
                other => other,
            })
        }
        MemberKind::Symlink(target) => writer.symlink(&path, &target),
        MemberKind::HardLink(first) => {
            let first = self::path(&first)?;
            writer.hard_link(&path, &first)
        }
        MemberKind::Special(word) => {
            let problem = format!("is a {word}, which no image can have");
            Err(entry_error(&path, &problem))
        }
    }
}

fn unpack_zip(
    file: File,
    limits: Limits,
    writer: &mut BundleWriter<impl Write>,
) -> Result<(), BundleError> {
    let mut archive = Archive::new(file)?;
    let mut left = limits.size;
    for entry in archive.entries().iter() {
        let path = path(&entry.name)?;
        if entry.is_special() {
            let problem = "is a device, a FIFO or a socket, which no image can have";
            return Err(entry_error(&path, problem));
        }
        if entry.is_directory() {
            writer.directory(&path)?;
            continue;
        }
        left = left.checked_sub(entry.size).ok_or(BundleError::Limit {
            what: "bytes",
            limit: limits.size,
        })?;
        let mut content = archive.content(entry)?;
        if entry.is_symlink() {
            let mut target = Vec::new();
            let read = (&mut content).take(MAX_TARGET + 1).read_to_end(&mut target);
            read.map_err(zip_read)?;
            if target.len() as u64 > MAX_TARGET {
                return Err(entry_error(&path, "links to a name that is too long"));
            }
            writer.symlink(&path, &target)?;
            continue;
        }
        let added = writer.file(&path, entry.is_executable(), entry.size, &mut content);
        added.map_err(|error| match error {
            BundleError::Read(source) => zip_read(source),
            other => other,
        })?;
    }
    Ok(())
}

fn zip_read(source: io::Error) -> BundleError {
    BundleError::Zip(ZipError::Read(source))
}

/// The path of an entry, as archives write it.
fn path(name: &[u8]) -> Result<TreePath, BundleError> {
    TreePath::from_archive(name).map_err(|problem| BundleError::Entry {
        path: Printable(name).to_string(),
        problem: problem.to_string(),
    })
}
