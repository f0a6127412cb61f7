//! Reads archives of images: OCI layouts in a tar file, and what `docker save` writes.
//!
//! Both spellings read both formats where an archive has only one of them. Where it has both, as
//! ours do, `oci-archive:` and bare paths take what `index.json` says, and `docker-archive:` takes
//! what `manifest.json` says.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use distil_tree::tar::is_header;

use crate::compression::Format;
use crate::index::Manifest;
use crate::reader;
use crate::reference::Reference;
use crate::spec;
use crate::transport::archive_entries::Entries;
use crate::transport::archive_error::ImageArchiveError;
use crate::transport::choice::{ChoiceError, choose};
use crate::transport::docker_save::{self, IsWanted};
use crate::transport::documents;
use crate::transport::file_error::FileError;
use crate::transport::unpack::Unpacker;

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
    if !<[u8; 512]>::try_from(head).is_ok_and(|block| is_header(&block)) {
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
pub(crate) fn open(path: &Path, wanted: Wanted<'_>) -> Result<Manifest, ImageArchiveError> {
    let failed = |action| FileError::of(action, path);
    let metadata = path.metadata().map_err(failed("open"))?;
    if metadata.is_dir() {
        return Err(ImageArchiveError::Directory(path.to_owned()));
    }
    let file = File::open(path).map_err(failed("open"))?;
    let entries = match metadata.is_file() && is_plain(&file).map_err(failed("read"))? {
        true => Entries::read(file)?,
        false => Entries::unpack(Unpacker::new(file).map_err(failed("read"))?)?,
    };
    from_entries(entries, path, wanted)
}

/// Whether a file can be read in place.
fn is_plain(file: &File) -> io::Result<bool> {
    let mut head = [0; Format::MAGIC_LENGTH];
    let length = file.read_at(&mut head, 0)?;
    Ok(Format::sniff(&head[..length]) == Format::Plain)
}

/// Reads the archive in `file`; messages call it `path`.
pub(crate) fn from_file(
    file: File,
    path: &Path,
    wanted: Wanted<'_>,
) -> Result<Manifest, ImageArchiveError> {
    from_entries(Entries::read(file)?, path, wanted)
}

fn from_entries(
    entries: Entries,
    path: &Path,
    wanted: Wanted<'_>,
) -> Result<Manifest, ImageArchiveError> {
    let entries = Arc::new(entries);
    let (oci, docker) = (entries.has("index.json"), entries.has("manifest.json"));
    match (oci, docker, wanted) {
        (true, _, Wanted::Oci(tag)) => from_index(entries, tag),
        (true, false, Wanted::Docker(name)) => {
            from_index(entries, name.map(Reference::full).as_deref())
        }
        (oci, true, Wanted::Docker(name)) => {
            let index = match oci {
                true => Some(index_json(&entries)?),
                false => None,
            };
            let is_wanted = name.map(|name| move |tag: &str| tag.parse().as_ref() == Ok(name));
            let is_wanted = is_wanted.as_ref().map(|f| f as IsWanted<'_>);
            docker_save::open(&entries, index.as_ref(), is_wanted)
                .map(Manifest::Image)
                .map_err(|error| named(error, name.map(Reference::familiar)))
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
            docker_save::open(&entries, None, is_wanted)
                .map(Manifest::Image)
                .map_err(|error| named(error, tag.map(str::to_owned)))
        }
        (false, false, _) => Err(ImageArchiveError::NotAnImage(path.to_owned())),
    }
}

/// Says in a message about names which one was wanted.
fn named(error: ImageArchiveError, name: Option<String>) -> ImageArchiveError {
    match (error, name) {
        (ImageArchiveError::Choice(ChoiceError::Unknown { known, .. }), Some(wanted)) => {
            ImageArchiveError::Choice(ChoiceError::Unknown { wanted, known })
        }
        (error, _) => error,
    }
}

fn from_index(entries: Arc<Entries>, wanted: Option<&str>) -> Result<Manifest, ImageArchiveError> {
    if let Some(file) = entries.file("oci-layout")? {
        let bytes = documents::read::<ImageArchiveError>(&file, "oci-layout")?;
        documents::check_layout(&bytes)?;
    }
    let index = index_json(&entries)?;
    let descriptor = choose(&index, wanted)?.clone();
    Ok(reader::open(entries, &descriptor)?)
}

/// The `index.json` of an archive that has one.
fn index_json(entries: &Entries) -> Result<spec::ImageIndex, ImageArchiveError> {
    let file = entries.file("index.json")?.ok_or(ChoiceError::Empty)?;
    let bytes = documents::read::<ImageArchiveError>(&file, "index.json")?;
    Ok(reader::parse_index("`index.json`", &bytes)?)
}
