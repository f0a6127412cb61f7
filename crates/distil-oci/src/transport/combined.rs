//! Writes the archive that everybody reads: an OCI layout in a tar file, whose `index.json` has
//! one descriptor, and which has the `manifest.json` of `docker save` with one image too.
//!
//! More than one entry in either of the two breaks some of the programs that read them. For several
//! platforms the descriptor is that of an index, and `manifest.json` has the image for this machine
//! if it is among them, else the first.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _};
use std::path::Path;

use distil_store::unfinished::UnfinishedFile;
use distil_store::{Hasher, parallel};
use serde_json::json;

use crate::blob::DescribedBlob;
use crate::document_error::DocumentError;
use crate::image::Image;
use crate::index::Manifest;
use crate::invalid::InvalidImage;
use crate::spec::MediaType;
use crate::transport::archive_error::ImageArchiveError;
use crate::transport::copy::copy;
use crate::transport::documents;
use crate::transport::file_error::FileError;
use crate::transport::names::Names;

/// Writes the archive to `path`, whole or not at all.
///
/// A character device or a pipe at `path`, such as `/dev/stdout`, is written to directly.
pub(crate) fn write(
    path: &Path,
    manifest: &Manifest,
    names: &Names<'_>,
    modified: u64,
) -> Result<(), ImageArchiveError> {
    let failed = |action| FileError::of(action, path);
    let existing = match path.metadata() {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed("write")(error).into()),
    };
    // Through a link, the file that it leads to is replaced and not the link.
    let target = match &existing {
        Some(metadata) if metadata.is_dir() => {
            return Err(ImageArchiveError::Directory(path.to_owned()));
        }
        Some(metadata) if streams(metadata) => {
            let file = OpenOptions::new().write(true).open(path);
            let mut out = BufWriter::new(file.map_err(failed("open"))?);
            to(&mut out, path, manifest, names, modified)?;
            return Ok(out.flush().map_err(failed("write"))?);
        }
        Some(metadata) if !metadata.is_file() => {
            return Err(ImageArchiveError::NotAFile(path.to_owned()));
        }
        Some(_) => path.canonicalize().map_err(failed("write"))?,
        None => path.to_owned(),
    };
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut file = UnfinishedFile::new_in(folder).map_err(failed("create"))?;
    let mut out = BufWriter::with_capacity(256 << 10, file.file());
    to(&mut out, path, manifest, names, modified)?;
    out.flush().map_err(failed("write"))?;
    drop(out);
    Ok(file.finish(&target).map_err(failed("write"))?)
}

/// Whether a file of this kind can only be written to, and never be replaced.
fn streams(metadata: &Metadata) -> bool {
    metadata.file_type().is_fifo() || metadata.file_type().is_char_device()
}

/// Whether the archive at `path` is, to the last byte, what [`write`] would write there.
///
/// All of it is read: what a file holds cannot be known by its name, size and times. Its blobs are
/// compared by their digests, on two threads, so that not even the store has to be read.
pub(crate) fn is_written(
    path: &Path,
    manifest: &Manifest,
    names: &Names<'_>,
    modified: u64,
) -> Result<bool, ImageArchiveError> {
    let Ok(file) = File::open(path) else {
        return Ok(false);
    };
    let metadata = file.metadata().map_err(FileError::of("read", path))?;
    if !metadata.is_file() {
        return Ok(false);
    }
    let documents = Documents::of(manifest, names)?;
    let mut members = Vec::new();
    let mut size = 0;
    for (name, blob) in documents.members(manifest)? {
        let header = header(&name, blob.as_ref(), modified).map_err(FileError::of("read", path))?;
        let length = blob.as_ref().map_or(0, DescribedBlob::size);
        members.push((size, header, blob));
        size += 512 + length.next_multiple_of(512);
    }
    if metadata.len() != size + END as u64 {
        return Ok(false);
    }
    let compare = |(offset, header, blob): &(u64, tar::Header, Option<DescribedBlob>)| {
        // A file that cannot be read is none that is as it should be.
        let is_same = is_member(&file, *offset, header, blob.as_ref()).unwrap_or(false);
        is_same.then_some(()).ok_or(())
    };
    let two = NonZeroUsize::MIN.saturating_add(1);
    let is_same = parallel::try_map(&members, two, compare).is_ok();
    let end = is_zero(&file, size, END as u64).unwrap_or(false);
    Ok(end && is_same)
}

fn is_member(
    file: &File,
    offset: u64,
    header: &tar::Header,
    blob: Option<&DescribedBlob>,
) -> io::Result<bool> {
    let mut found = [0; 512];
    file.read_exact_at(&mut found, offset)?;
    if found != *header.as_bytes() {
        return Ok(false);
    }
    let Some(blob) = blob else {
        return Ok(true);
    };
    let (offset, size) = (offset + 512, blob.size());
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 128 << 10];
    let mut at = 0;
    while at < size {
        let left = usize::try_from(size - at).unwrap_or(usize::MAX);
        let part = buffer.len().min(left);
        file.read_exact_at(&mut buffer[..part], offset + at)?;
        hasher.update(&buffer[..part]);
        at += part as u64;
    }
    let is_same = hasher.finish() == blob.digest();
    Ok(is_same && is_zero(file, offset + size, size.next_multiple_of(512) - size)?)
}

fn is_zero(file: &File, offset: u64, length: u64) -> io::Result<bool> {
    let mut found = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact_at(&mut found, offset)?;
    Ok(found.iter().all(|byte| *byte == 0))
}

/// The end of an archive: two blocks of zeros.
const END: usize = 1024;

/// Writes the archive to `out`, which messages call `path`.
pub(crate) fn to(
    out: &mut impl Write,
    path: &Path,
    manifest: &Manifest,
    names: &Names<'_>,
    modified: u64,
) -> Result<(), ImageArchiveError> {
    let documents = Documents::of(manifest, names)?;
    for (name, blob) in documents.members(manifest)? {
        let failed = || FileError::of("write", path);
        let header = header(&name, blob.as_ref(), modified).map_err(failed())?;
        out.write_all(header.as_bytes()).map_err(failed())?;
        if let Some(blob) = blob {
            copy::<ImageArchiveError>(&blob, out, path)?;
            let padding = blob.size().next_multiple_of(512) - blob.size();
            let padding = &[0; 512][..usize::try_from(padding).unwrap_or_default()];
            out.write_all(padding).map_err(failed())?;
        }
    }
    Ok(out
        .write_all(&[0; END])
        .map_err(FileError::of("write", path))?)
}

/// The documents of an archive that are no blobs.
struct Documents {
    index: Vec<u8>,
    /// None where there is no image.
    manifest: Option<Vec<u8>>,
}

impl Documents {
    fn of(manifest: &Manifest, names: &Names<'_>) -> Result<Self, ImageArchiveError> {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageIndex,
            "manifests": [names.descriptor(manifest)],
        });
        let manifest = image(manifest)?.map(|image| docker_manifest(&image, names));
        let manifest = manifest.map(|manifest| documents::to_json("manifest.json", &manifest));
        Ok(Self {
            index: documents::to_json("index.json", &index)?,
            manifest: manifest.transpose()?,
        })
    }

    /// Directories, which have no content, and files, in the order of their names.
    fn members(
        &self,
        manifest: &Manifest,
    ) -> Result<Vec<(String, Option<DescribedBlob>)>, ImageArchiveError> {
        let directories = ["blobs/", "blobs/sha256/"];
        let mut members: Vec<_> = directories.map(|name| (name.to_owned(), None)).into();
        for (digest, blob) in manifest.blobs()? {
            members.push((format!("blobs/sha256/{}", digest.hex()), Some(blob)));
        }
        for (name, bytes) in [
            ("index.json", Some(self.index.as_slice())),
            ("manifest.json", self.manifest.as_deref()),
            ("oci-layout", Some(documents::OCI_LAYOUT)),
        ] {
            let Some(bytes) = bytes else { continue };
            let json = MediaType::Other("application/json".to_owned());
            members.push((name.to_owned(), Some(DescribedBlob::of_bytes(json, bytes))));
        }
        Ok(members)
    }
}

/// The image that `docker load` shall see; `None` for what Docker cannot have, which is an artifact
/// or an index without an image that it could run.
fn image(manifest: &Manifest) -> Result<Option<Image>, DocumentError> {
    if let Manifest::Artifact(_) = manifest {
        return Ok(None);
    }
    match manifest.image_for_host() {
        Ok(image) => Ok(Some(image)),
        Err(
            DocumentError::NestedIndex
            | DocumentError::ForeignLayer { .. }
            | DocumentError::Image(InvalidImage::EmptyIndex),
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The `manifest.json` of `docker save`, with the paths of the OCI layout.
fn docker_manifest(image: &Image, names: &Names<'_>) -> serde_json::Value {
    let path = |digest: distil_store::Digest| format!("blobs/sha256/{}", digest.hex());
    let layers: Vec<String> = image.layers().iter().map(|l| path(l.digest())).collect();
    json!([{
        "Config": path(image.config_digest()),
        "RepoTags": names.repo_tags,
        "Layers": layers,
    }])
}

/// The header of an entry, in the ustar format; all are owned by root.
fn header(name: &str, content: Option<&DescribedBlob>, modified: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    let (kind, mode) = match content {
        None => (tar::EntryType::Directory, 0o755),
        Some(_) => (tar::EntryType::Regular, 0o644),
    };
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.map_or(0, DescribedBlob::size));
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(modified);
    header.set_cksum();
    Ok(header)
}
