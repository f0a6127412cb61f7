//! Reads archives of images: OCI layouts in a tar file, and what `docker save` writes.
//!
//! Both spellings read both formats where an archive has only one of them. Where it has both, as
//! ours do, `oci-archive:` and bare paths take what `index.json` says, and `docker-archive:` takes
//! what `manifest.json` says.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use distil_store::Digest;

use crate::compression::Format;
use crate::decompress;
use crate::image::Content;
use crate::layer::BlobSource as _;
use crate::reference::Reference;
use crate::spec;
use crate::transport::archive_entries::Entries;
use crate::transport::docker_save::{self, IsWanted};
use crate::transport::documents::{self, Blob, Blobs};
use crate::transport::error::Problem;

/// The most that a compressed archive may unpack to: far above any real image, and below what
/// would fill most disks.
const MAX_UNPACKED: u64 = 32 << 30;

/// Which of the two descriptions of its images an archive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `index.json` of OCI's image layout.
    Oci,
    /// `manifest.json` of `docker save`.
    Docker,
}

/// What an image in an archive is called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// As `oci-archive:` names them.
    Oci(Option<&'a str>),
    /// As `docker-archive:` names them.
    Docker(Option<&'a Reference>),
}

/// What the file at `path` is, as far as can be said without reading much of it; `None` if it is
/// no archive of images.
pub(crate) fn kind(path: &Path) -> io::Result<Option<Kind>> {
    if !path.metadata()?.is_file() {
        return Ok(None);
    }
    let file = File::open(path)?;
    let mut head = Vec::new();
    (&file).take(512).read_to_end(&mut head)?;
    match Format::sniff(&head) {
        Format::Plain => {}
        // To look inside, all of it would have to be unpacked, so opening it tells.
        Format::Gzip | Format::Zstd => return Ok(Some(Kind::Oci)),
        Format::Unsupported(_) => return Ok(None),
    }
    // Nothing but a tar file has this sum in its first block.
    if !<[u8; 512]>::try_from(head).is_ok_and(|block| Entries::is_header(&block)) {
        return Ok(None);
    }
    match Entries::read(file) {
        Ok(entries) if entries.has("index.json") => Ok(Some(Kind::Oci)),
        Ok(entries) if entries.has("manifest.json") => Ok(Some(Kind::Docker)),
        Ok(_) => Ok(None),
        // A damaged archive: opening it tells what is wrong.
        Err(_) => Ok(Some(Kind::Oci)),
    }
}

/// Reads the archive at `path`.
pub(crate) fn open(path: &Path, wanted: Wanted<'_>) -> Result<Content, Problem> {
    let failed = |action| Problem::file(action, path);
    let metadata = path.metadata().map_err(failed("open"))?;
    if metadata.is_dir() {
        return Err(Problem::Folder(path.to_owned()));
    }
    let file = File::open(path).map_err(failed("open"))?;
    let file = seekable(file, metadata.is_file()).map_err(failed("read"))?;
    from_file(file, path, wanted)
}

/// Reads the archive in `file`; messages call it `path`.
pub(crate) fn from_file(file: File, path: &Path, wanted: Wanted<'_>) -> Result<Content, Problem> {
    let entries = Entries::read(file)?;
    let (oci, docker) = (entries.has("index.json"), entries.has("manifest.json"));
    match (oci, docker, wanted) {
        (true, _, Wanted::Oci(tag)) => from_index(&entries, tag),
        (true, false, Wanted::Docker(name)) => {
            from_index(&entries, name.map(Reference::full).as_deref())
        }
        (oci, true, Wanted::Docker(name)) => {
            let is_wanted = name.map(|name| move |tag: &str| tag.parse().as_ref() == Ok(name));
            let is_wanted = is_wanted.as_ref().map(|f| f as IsWanted<'_>);
            docker_save::open(&entries, oci, is_wanted)
                .map_err(|problem| named(problem, name.map(Reference::familiar)))
        }
        (false, true, Wanted::Oci(tag)) => {
            // There are no tags as an OCI layout has them, so that of the name counts as well.
            let is_wanted = tag.map(|wanted| {
                move |tag: &str| {
                    let reference = tag.parse::<Reference>();
                    tag == wanted || reference.is_ok_and(|reference| reference.tag() == wanted)
                }
            });
            let is_wanted = is_wanted.as_ref().map(|f| f as IsWanted<'_>);
            docker_save::open(&entries, false, is_wanted)
                .map_err(|problem| named(problem, tag.map(str::to_owned)))
        }
        (false, false, _) => Err(Problem::NotAnImage(path.to_owned())),
    }
}

/// Says in a message about names which one was wanted.
fn named(problem: Problem, name: Option<String>) -> Problem {
    match (problem, name) {
        (Problem::UnknownName { known, .. }, Some(wanted)) => {
            Problem::UnknownName { wanted, known }
        }
        (problem, _) => problem,
    }
}

fn from_index(entries: &Entries, wanted: Option<&str>) -> Result<Content, Problem> {
    if let Some(file) = entries.file("oci-layout")? {
        documents::check_layout(&documents::small_document(&file, "oci-layout")?)?;
    }
    let index = index_json(entries)?;
    documents::content(entries, documents::choose(&index, wanted)?)
}

/// The `index.json` of an archive that has one.
pub(crate) fn index_json(entries: &Entries) -> Result<spec::ImageIndex, Problem> {
    let file = entries.file("index.json")?.ok_or(Problem::Empty)?;
    documents::parse_index(
        "`index.json`",
        &documents::small_document(&file, "index.json")?,
    )
}

impl Blobs for Entries {
    fn find(&self, digest: Digest, _: &spec::Descriptor) -> Result<Option<Blob>, Problem> {
        let file = self.file(&format!("blobs/sha256/{}", digest.hex()))?;
        Ok(file.map(|range| Blob {
            size: range.len,
            source: Arc::new(range),
        }))
    }
}

/// The file, or a temporary copy of what comes out of it if it is a pipe or compressed.
fn seekable(file: File, regular: bool) -> io::Result<File> {
    let mut head = [0; Format::MAGIC_LENGTH];
    if regular {
        let length = file.read_at(&mut head, 0)?;
        if Format::sniff(&head[..length]) == Format::Plain {
            return Ok(file);
        }
    }
    let mut copy = tempfile::tempfile()?;
    io::copy(&mut decompress(file, MAX_UNPACKED)?, &mut copy)?;
    copy.rewind()?;
    Ok(copy)
}

/// The first bytes of a file's range, for telling its format.
pub(crate) fn head(range: &crate::layer::FileRange) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut reader = range.open()?.take(Format::MAGIC_LENGTH as u64);
    reader.read_to_end(&mut head)?;
    Ok(head)
}
